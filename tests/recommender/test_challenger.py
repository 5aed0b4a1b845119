"""Who challenges the champion, and what a report must hold before a version may serve."""

import pytest

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.models import AuditEntry
from recommender.models import EvaluationReport, ModelAlias, ModelVersion
from recommender.selectors import challenger, champion, versions_in_use
from recommender.services.models import clear_challenger, promote, retire, rollback, set_challenger
from tests.recommender.training import measured

pytestmark = pytest.mark.django_db


def new_version(kind: str = "two_tower", **fields: object) -> ModelVersion:
    return ModelVersion.objects.create(kind=kind, artifact_sha256="0" * 64, **fields)


def reported(version: ModelVersion, results: dict[str, object]) -> ModelVersion:
    EvaluationReport.objects.create(results=results).versions.add(version)
    return version


@pytest.mark.parametrize(
    "models",
    [
        {},
        {"two_tower": {"ndcg@10": 0.2}},
        {"popularity": {"ndcg@10": 0.1}},
        {"two_tower": {"ndcg@10": 0.2}, "random": {"ndcg@10": 0.01}},
        {"two_tower": {}, "popularity": {"ndcg@10": 0.1}},
    ],
)
def test_a_report_without_the_version_beside_popularity_does_not_let_it_serve(models):
    version = reported(new_version(), {"models": models})
    with pytest.raises(Invalid, match="measure it beside the baselines first"):
        promote(version=version, actor="ann")
    assert champion() is None
    reported(version, {"models": {"two_tower": {"ndcg@10": 0.2}, "popularity": {"ndcg@10": 0.1}}})
    promote(version=version, actor="ann")
    assert champion() == version


def test_a_challenger_is_set_replaced_and_withdrawn():
    first, second = new_version(), new_version()
    set_challenger(version=first, actor="ann")
    set_challenger(version=first, actor="ann")  # once more changes nothing
    assert challenger() == first
    set_challenger(version=second, actor="ben")
    assert (challenger(), ModelAlias.objects.count()) == (second, 1)
    with pytest.raises(Conflict, match="it serves; promote another one first"):
        retire(version=second, actor="ann")
    clear_challenger(actor="cleo")
    assert challenger() is None
    with pytest.raises(Conflict, match="there is no challenger"):
        clear_challenger(actor="cleo")
    assert list(AuditEntry.objects.order_by("pk").values_list("actor", "action", "object_id")) == [
        ("ann", "challenge", str(first.pk)),
        ("ben", "challenge", str(second.pk)),
        ("cleo", "withdraw", str(second.pk)),
    ]


def test_a_challenger_that_is_promoted_or_rolled_back_to_challenges_no_more():
    first, second = measured(new_version()), measured(new_version())
    promote(version=first, actor="ann")
    set_challenger(version=second, actor="ann")
    promote(version=second, actor="ann")
    assert (champion(), challenger()) == (second, None)
    set_challenger(version=first, actor="ann")
    rollback(actor="ann")
    assert (champion(), challenger()) == (first, None)


def test_the_champion_and_a_retired_version_do_not_challenge():
    serving, old = measured(new_version()), new_version(retired_at="2026-01-01T00:00:00Z")
    promote(version=serving, actor="ann")
    with pytest.raises(Conflict, match="it is the champion"):
        set_challenger(version=serving, actor="ann")
    with pytest.raises(Conflict, match="this version is retired"):
        set_challenger(version=old, actor="ann")
    assert challenger() is None


def test_parts_of_a_blend_that_is_in_use_are_kept():
    part, other = new_version(), new_version()
    blend = measured(new_version("blend", components=[part.name]))
    previous = measured(new_version("popularity"))
    promote(version=previous, actor="ann")
    promote(version=blend, actor="ann")
    assert versions_in_use() == [blend, previous, part]
    with pytest.raises(Conflict, match=f"it is part of {blend.name}"):
        retire(version=part, actor="ann")
    retire(version=other, actor="ann")
    part.refresh_from_db()
    other.refresh_from_db()
    assert (part.retired_at, other.retired_at is None) == (None, False)
