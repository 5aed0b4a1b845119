import io
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.models import ApiKey, AuditEntry, User
from fashionrec.common.scopes import Scope
from fashionrec.common.services.api_keys import create_api_key, find_api_key, note_use, revoke_api_key

pytestmark = pytest.mark.django_db


def test_a_key_opens_with_its_token_and_only_a_digest_of_it_is_stored() -> None:
    key, token = create_api_key(name="Partner Shop", scopes=["events:write", "models:read"], source="")
    prefix, secret = token.split(".")
    assert (key.prefix, key.source, key.scopes) == (prefix, "partner-shop", ["events:write", "models:read"])
    assert find_api_key(token) == key
    assert len(secret) == 43  # 256 random bits
    assert secret not in str(ApiKey.objects.values().get())
    assert AuditEntry.objects.get(action="api_key.create").details["scopes"] == key.scopes


def test_no_other_token_opens_it() -> None:
    _, token = create_api_key(name="a", scopes=["all"], source="")
    prefix, secret = token.split(".")
    for wrong in (prefix, f"{prefix}.", f"{prefix}.{secret}x", f"{prefix}.{secret[:-1]}", f"00000000.{secret}", ""):
        assert find_api_key(wrong) is None
    for strange in (f"{prefix}\x00.{secret}", "\udcff.x", "…" * 5000, prefix + ".\udcff"):
        assert find_api_key(strange) is None


def test_a_revoked_key_opens_nothing_and_is_revoked_once() -> None:
    key, token = create_api_key(name="a", scopes=["all"], source="")
    revoke_api_key(key=key, actor="root")
    assert find_api_key(token) is None
    with pytest.raises(Conflict):
        revoke_api_key(key=key, actor="root")
    assert AuditEntry.objects.filter(action="api_key.revoke", actor="root").count() == 1


def test_the_last_use_is_written_at_most_once_a_minute() -> None:
    key, _ = create_api_key(name="a", scopes=["all"], source="")
    note_use(key=key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    note_use(key=ApiKey.objects.get())
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    note_use(key=ApiKey.objects.get())
    assert ApiKey.objects.get().last_used_at > first


@pytest.mark.parametrize(
    ("name", "scopes", "source", "field"),
    [
        ("", ["all"], "x", "name"),
        ("n" * 101, ["all"], "x", "name"),
        ("a", [], "", "scopes"),
        ("a", ["everything"], "", "scopes"),
        ("a", ["all"], "Has Spaces", "source"),
        ("a", ["all"], "s" * 41, "source"),
        ("a", ["all"], "web", "source"),
        ("Web", ["all"], "", "source"),
        ("日本", ["all"], "", "source"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_field(name: str, scopes: list[str], source: str, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        create_api_key(name=name, scopes=scopes, source=source)
    assert refusal.value.fields[0].field == field
    assert not ApiKey.objects.exists()


def test_the_command_prints_the_token_alone_on_stdout() -> None:
    out, err = io.StringIO(), io.StringIO()
    scopes = ["--scope", "events:write,models:read", "--scope", "catalog:write"]
    call_command("create_api_key", "partner", *scopes, "--source", "shop7", stdout=out, stderr=err)
    key = find_api_key(out.getvalue().strip())
    assert key is not None
    assert (key.source, key.scopes) == ("shop7", ["catalog:write", "events:write", "models:read"])
    assert "Shown once" in err.getvalue()
    call_command("create_api_key", "all of it", "--scope", "all", stdout=out, stderr=err)
    assert ApiKey.objects.get(name="all of it").scopes == list(Scope.values)
    with pytest.raises(CommandError, match="everything"):
        call_command("create_api_key", "partner", "--scope", "everything")


def test_a_failed_key_is_never_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    _, token = create_api_key(name="a", scopes=["all"], source="")
    wrong = token[:-4] + "AAAA"
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {wrong}")
    response = client.get("/api/v1/models/")
    assert response.status_code == 401
    printed = "".join(capfd.readouterr()) + caplog.text + response.content.decode()
    assert "request_finished" in printed  # the request itself is logged
    assert wrong not in printed
    assert wrong.split(".")[1] not in printed


def test_the_admin_shows_a_new_key_once_and_stores_it_nowhere() -> None:
    root = User.objects.create_superuser("root", password="x")
    browser = Client()
    browser.force_login(root)
    made = browser.post("/admin/common/apikey/add/", {"name": "partner", "source": "", "scopes": ["events:write"]})
    assert made.status_code == 200
    token = made.content.decode().split('id="api-key">')[1].split("</code>")[0]
    key = find_api_key(token)
    assert key is not None
    assert (key.name, key.source, key.scopes) == ("partner", "partner", ["events:write"])
    assert "no-store" in made["Cache-Control"]
    assert token not in str(browser.cookies)
    for page in ("/admin/common/apikey/", f"/admin/common/apikey/{key.pk}/change/", "/admin/"):
        shown = browser.get(page)
        assert shown.status_code == 200
        assert token.split(".")[1] not in shown.content.decode()
        assert key.secret_digest not in shown.content.decode()


def test_the_admin_refuses_a_bad_key_beside_its_field_and_revokes() -> None:
    root = User.objects.create_superuser("root", password="x")
    browser = Client()
    browser.force_login(root)
    refused = browser.post("/admin/common/apikey/add/", {"name": "web", "source": "", "scopes": ["events:write"]})
    assert "reserved" in refused.content.decode()
    assert not ApiKey.objects.exists()
    key, token = create_api_key(name="partner", scopes=["all"], source="")
    sent = {"action": "revoke", "_selected_action": [str(key.pk)]}
    assert browser.post("/admin/common/apikey/", sent).status_code == 302
    assert find_api_key(token) is None
    assert browser.post(f"/admin/common/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 403
    entry = AuditEntry.objects.get(action="api_key.revoke")
    assert entry.actor == "root"
    assert browser.get(f"/admin/common/auditentry/{entry.pk}/change/").status_code == 200
    assert browser.post(f"/admin/common/auditentry/{entry.pk}/change/", {"actor": "x"}).status_code == 403
    assert browser.get("/admin/common/auditentry/add/").status_code == 403
