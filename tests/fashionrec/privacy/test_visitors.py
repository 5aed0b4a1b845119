import hashlib

import pytest

from fashionrec.common.models import AuditEntry
from fashionrec.privacy import erasure
from feedback.models import Event, Slate, Visitor
from feedback.services.visitors import set_consent
from tests.factories.access import browser_of, client_with_key
from tests.factories.feedback import EventFactory, VisitorFactory

pytestmark = pytest.mark.django_db


def known_visitor(external_id: str = "anna/7", source: str = "partner") -> Visitor:
    visitor = VisitorFactory(source=source, external_id=external_id, consented=True)
    set_consent(visitor=visitor, granted=True, wording="2026-1")
    EventFactory(visitor=visitor, type="like")
    Slate.objects.create(visitor=visitor, placement="home", products=[], sources=[], scores=[], propensities=[])
    return visitor


def test_the_export_holds_everything_that_is_stored() -> None:
    visitor = known_visitor()
    body = client_with_key("visitors:read").get("/api/v1/visitors/anna%2F7/").json()
    assert (body["visitor"], body["source"]) == ("anna/7", "partner")
    assert [e["event_id"] for e in body["events"]] == [str(visitor.events.get().event_id)]
    assert [c["wording"] for c in body["consents"]] == ["2026-1"]
    assert len(body["slates"]) == 1


def test_erasure_returns_a_receipt_and_leaves_no_name_behind() -> None:
    known_visitor()
    other = known_visitor("bert")
    client = client_with_key("visitors:write", "visitors:read")
    response = client.delete("/api/v1/visitors/anna%2F7/")
    assert response.status_code == 200
    receipt = response.json()
    assert set(receipt) == {"receipt", "visitor", "erased_at", "counts"}
    assert receipt["counts"] == {
        "recommender": {"preference_pairs": 0},
        "feedback": {"slates_untied": 1, "events": 1, "consents": 1, "visitors": 1},
    }
    assert client.get("/api/v1/visitors/anna%2F7/").status_code == 404
    assert client.delete("/api/v1/visitors/anna%2F7/").status_code == 404
    assert list(Event.objects.values_list("visitor", flat=True)) == [other.pk]
    assert Slate.objects.filter(visitor=None).count() == 1
    entry = AuditEntry.objects.get(action="visitor.erase")
    assert entry.object_id == hashlib.sha256(b"partner:anna/7").hexdigest()
    assert entry.details["receipt"] == receipt["receipt"]
    assert "anna" not in str(entry.details)


def test_an_erasure_that_fails_in_one_app_erases_in_none(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = known_visitor()

    def fail(*, visitor: Visitor) -> dict[str, int]:
        raise RuntimeError("disk full")

    monkeypatch.setattr(erasure, "ERASERS", {**erasure.ERASERS, "last": fail})
    with pytest.raises(RuntimeError):
        erasure.erase(visitor=visitor, actor="test")
    assert Event.objects.filter(visitor=visitor).count() == 1
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("visitor_id", ["nobody", "x" * 300, "%00"])
@pytest.mark.parametrize("method", ["get", "delete"])
def test_an_unknown_visitor_is_404(visitor_id: str, method: str) -> None:
    assert getattr(client_with_key(), method)(f"/api/v1/visitors/{visitor_id}/").status_code == 404


@pytest.mark.parametrize("method", ["get", "delete"])
def test_the_visitors_of_another_source_are_unknown(method: str) -> None:
    visitor = known_visitor(source="elsewhere")
    web = VisitorFactory()
    client = client_with_key(source="partner")
    assert getattr(client, method)("/api/v1/visitors/anna%2F7/").status_code == 404
    assert getattr(client, method)(f"/api/v1/visitors/{web.pk}/").status_code == 404
    assert Visitor.objects.filter(pk__in=[visitor.pk, web.pk]).count() == 2


def test_a_browser_sees_and_erases_itself_only() -> None:
    own, other = known_visitor("own", Visitor.WEB), known_visitor("other", Visitor.WEB)
    browser = browser_of(own)
    assert browser.get(f"/api/v1/visitors/{other.pk}/").status_code == 404
    assert browser.delete(f"/api/v1/visitors/{other.pk}/").status_code == 404
    assert browser.get(f"/api/v1/visitors/{own.pk}/").json()["visitor"] == "own"
    strict = browser_of(own, enforce_csrf_checks=True)
    assert strict.delete(f"/api/v1/visitors/{own.pk}/").status_code == 403
    assert Visitor.objects.filter(pk=own.pk).exists()
    response = browser.delete(f"/api/v1/visitors/{own.pk}/")
    assert response.status_code == 200
    assert response.cookies["fashionrec_visitor"].value == ""
    assert list(Visitor.objects.values_list("pk", flat=True)) == [other.pk]
