"""Runs that suggest missing values: what they find, what they leave alone, and how they survive."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog import suggestion_jobs
from catalog.ml.encoder import EncoderError
from catalog.models import AttributeSuggestion, Product, SuggestionRun
from catalog.services.suggestions import plan_suggestion_run, reject_suggestion
from catalog.suggestion_jobs import work_suggestion_run
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from tests.catalog.planted_colours import TEXT, direction, encode, give_vectors, plant_colours

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The texts that were encoded, in order."""
    texts: list[str] = []

    def recorded(batch: list[str], **options: object) -> Any:
        texts.extend(batch)
        return encode(batch, **options)

    monkeypatch.setattr(suggestion_jobs, "encode_queries", recorded)
    with without_ringing():
        yield texts


def worked(**parameters: Any) -> SuggestionRun:
    run = plan_suggestion_run(**parameters)
    assert work_suggestion_run(str(run.pk))
    run.refresh_from_db()
    return run


def open_values() -> dict[int, str]:
    return dict(AttributeSuggestion.objects.filter(state="open").values_list("product_id", "value"))


def test_every_product_without_a_colour_gets_the_one_its_picture_shows_and_nothing_is_applied() -> None:
    _, hidden = plant_colours()
    run = worked()
    assert (run.state, run.done, run.total) == ("done", 6, 6)
    assert open_values() == hidden
    assert Product.objects.filter(colour="").count() == 6
    suggestion = AttributeSuggestion.objects.filter(value="red").first()
    assert 0.9 < suggestion.confidence < 1.0
    evidence = suggestion.evidence
    assert [near["value"] for near in evidence["neighbours"]] == ["red"] * 4
    assert (evidence["agreeing"], evidence["asked"], evidence["in_title"]) == (20, 30, False)


def test_the_report_says_what_was_measured_and_why_a_field_was_skipped() -> None:
    plant_colours()
    report = worked().report
    colour = report["fields"]["colour"]
    assert (colour["lacking"], colour["suggested"], colour["abstained"], colour["measured"]) == (6, 6, 0, 60)
    assert colour["accuracy"]["majority"] == pytest.approx(1 / 3, abs=1e-4)
    assert colour["accuracy"]["combined"] == colour["accuracy"]["neighbours"] == 1.0
    assert report["fields"]["category"]["skipped"].startswith("66 products have it, with 1 values that at least 5")
    assert report["fields"]["pattern"]["suggested"] == 0


def test_what_is_measured_is_asked_by_a_text_that_does_not_name_the_value(asked: list[str]) -> None:
    plant_colours()
    worked(fields=["colour"])
    captions = [text for text in asked if "Linen dress" in text]
    assert len(captions) == 60
    assert not [text for text in captions if any(colour in text for colour in ("blue", "green", "red"))]


def test_archived_products_and_those_without_vectors_are_left_alone() -> None:
    _, hidden = plant_colours()
    archived, *others = hidden
    Product.objects.filter(pk=archived).update(status="archived")
    Product.objects.get(pk=others[0]).embeddings.all().delete()
    run = worked(fields=["colour"])
    assert set(open_values()) == set(others[1:])
    assert (run.report["fields"]["colour"]["lacking"], run.report["fields"]["colour"]["with_vectors"]) == (5, 4)


def test_a_value_that_fewer_than_five_products_have_is_never_suggested() -> None:
    encoder, _ = plant_colours()
    Product.objects.filter(colour="red").exclude(external_id__in=[f"red-{n}" for n in range(4)]).delete()
    product = Product.objects.create(source="shop", external_id="lone", title="Linen dress")
    give_vectors(encoder, product, direction("red"))
    run = worked(fields=["colour"], minimum_confidence=0.0)
    assert run.report["fields"]["colour"]["rare_values"] == 1
    assert "red" not in open_values().values()


def test_a_product_without_which_its_value_would_be_too_rare_is_measured_as_wrong() -> None:
    plant_colours()
    Product.objects.filter(colour="red").exclude(external_id__in=[f"red-{n}" for n in range(5)]).delete()
    colour = worked(fields=["colour"]).report["fields"]["colour"]
    assert (colour["values"], colour["rare_values"], colour["measured"]) == (3, 0, 45)
    assert colour["accuracy"]["combined"] == pytest.approx(40 / 45, abs=1e-4)


def test_below_the_minimum_confidence_nothing_is_suggested() -> None:
    plant_colours()
    run = worked(fields=["colour"], minimum_confidence=0.999)
    assert open_values() == {}
    assert run.report["fields"]["colour"]["abstained"] == 6


def test_a_later_run_changes_open_suggestions_and_drops_those_that_are_overtaken() -> None:
    encoder, hidden = plant_colours()
    worked(fields=["colour"])
    first, second, third, *_ = hidden
    before = AttributeSuggestion.objects.get(product_id=first)
    Product.objects.get(pk=first).embeddings.all().delete()
    give_vectors(encoder, Product.objects.get(pk=first), direction("green"))
    Product.objects.filter(pk=second).update(colour="mauve")
    Product.objects.get(pk=third).embeddings.all().delete()
    give_vectors(encoder, Product.objects.get(pk=third), TEXT)
    run = worked(fields=["colour"], minimum_confidence=0.9)
    after = AttributeSuggestion.objects.get(product_id=first)
    assert (before.pk, before.value) == (after.pk, "blue")
    assert (after.value, after.run_id) == ("green", run.pk)
    assert run.report["overtaken"] == 1
    assert not AttributeSuggestion.objects.filter(product_id__in=[second, third]).exists()


def test_a_rejected_value_is_never_suggested_to_that_product_again() -> None:
    _, hidden = plant_colours()
    worked(fields=["colour"])
    product_id, value = next(iter(hidden.items()))
    reject_suggestion(suggestion_id=AttributeSuggestion.objects.get(product_id=product_id).pk, actor="mia")
    worked(fields=["colour"])
    assert set(open_values()) == set(hidden) - {product_id}
    worked(fields=["colour"], minimum_confidence=0.0)
    assert open_values()[product_id] != value


def test_a_run_is_cancelled_between_batches_and_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_colours()
    monkeypatch.setattr(suggestion_jobs, "BATCH", 2)
    run = plan_suggestion_run(fields=["colour"])
    work_suggestion_run(str(run.pk), progress=lambda current: request_cancel(run=current))
    run.refresh_from_db()
    assert (run.state, run.done) == ("cancelled", 2)
    assert len(open_values()) == 2


def test_a_run_that_was_stopped_goes_on_after_its_last_batch_without_measuring_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, hidden = plant_colours()
    monkeypatch.setattr(suggestion_jobs, "BATCH", 2)
    run = plan_suggestion_run(fields=["colour"])

    def stop(_: SuggestionRun) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_suggestion_run(str(run.pk), progress=stop)
    run.refresh_from_db()
    assert (run.state, run.done, run.lease_until) == ("running", 2, None)
    worked_on: list[int] = []
    suggest = suggestion_jobs.suggest_values

    def recorded(run: Any, field: str, reference: Any, products: Any) -> Any:
        worked_on.extend(product.pk for product in products)
        return suggest(run, field, reference, products)

    monkeypatch.setattr(suggestion_jobs, "suggest_values", recorded)
    monkeypatch.setattr(suggestion_jobs, "measure_field", lambda *_: pytest.fail("measured again"))
    assert work_suggestion_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.done, run.report["fields"]["colour"]["suggested"]) == ("done", 6, 6)
    assert worked_on == sorted(hidden)[2:]
    assert not work_suggestion_run(str(run.pk))


def test_an_encoder_without_a_text_tower_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_colours(each=1)
    monkeypatch.setattr(suggestion_jobs, "encode_queries", lambda texts, **_: None)

    def missing(name: str) -> None:
        raise EncoderError(f"{name} is gone")

    monkeypatch.setattr("catalog.embedding_jobs.open_encoder", missing)
    run = plan_suggestion_run()
    assert not work_suggestion_run(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "encoder: compact is gone")


def test_the_command_works_here_and_ends_with_json() -> None:
    _, hidden = plant_colours()
    out = io.StringIO()
    call_command("suggest_attributes", field=["colour"], minimum_confidence=0.5, stdout=out, stderr=io.StringIO())
    line = json.loads(out.getvalue().splitlines()[-1])
    assert line["fields"]["colour"]["suggested"] == len(open_values()) == len(hidden)
    assert "model" not in line["fields"]["colour"]


def test_the_command_says_why_it_cannot_begin() -> None:
    with pytest.raises(CommandError, match="none is live: embed the catalogue first"):
        call_command("suggest_attributes")


def test_a_product_deleted_while_its_field_is_measured_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_colours()
    load = suggestion_jobs.load_reference

    def loaded(*arguments: Any) -> Any:
        reference = load(*arguments)
        Product.objects.filter(pk=reference.product_ids[0]).delete()
        return reference

    monkeypatch.setattr(suggestion_jobs, "load_reference", loaded)
    run = worked(fields=["colour"])
    assert (run.state, run.report["fields"]["colour"]["measured"]) == ("done", 59)
