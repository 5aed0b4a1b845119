"""A rating run from plan to publication, with the simulated rater."""

import json
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from personas.jobs import work_rating_run
from personas.ml.distributions import expectation, label_mass, to_probabilities
from personas.ml.language_model import LABELS
from personas.models import SCALE, Rating, RatingChunk, RatingRun, RawScore
from personas.selectors import persona_ratings, published_ratings, run_summary
from personas.services.language_models import default_language_model, load_adapter, register_language_model
from personas.services.personas import generate_personas
from personas.services.ratings import CHUNK_SIZE, plan_rating_run, publish, store_scores
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory, RatingFactory, RatingRunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def products():
    return ProductFactory.create_batch(13, pictures=0)


def plan(**options):
    personas = options.pop("personas", None) or generate_personas(count=5, seed=1)
    with without_ringing():
        return plan_rating_run(
            personas=personas,
            language_model=options.pop("language_model", None) or default_language_model(),
            **{"raters_per_product": 3, "seed": 4, **options},
        )


def cells(run):
    return [(chunk.persona_id, product) for chunk in run.chunks.all() for product in chunk.product_ids]


@pytest.mark.parametrize(("raters", "count"), [(1, 5), (3, 5), (5, 5), (2, 7)])
def test_every_visible_product_is_rated_by_exactly_as_many_personas_as_asked_evenly(products, raters, count):
    ProductFactory(status="draft")
    run = plan(personas=generate_personas(count=count, seed=1), raters_per_product=raters)
    planned = cells(run)
    assert len(planned) == len(set(planned)) == run.total == 13 * raters
    per_product = Counter(product for _, product in planned)
    assert per_product == {product.pk: raters for product in products}
    per_persona = Counter(persona for persona, _ in planned)
    assert len(per_persona) == count
    assert max(per_persona.values()) - min(per_persona.values()) <= 1
    assert run.plan == {"personas": count, "products": 13, "raters_per_product": raters}


def test_chunks_are_one_persona_and_a_bounded_number_of_products(products, monkeypatch):
    monkeypatch.setattr("personas.services.ratings.CHUNK_SIZE", 4)
    run = plan(raters_per_product=5)
    chunks = list(run.chunks.order_by("index"))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(1 <= chunk.size == len(chunk.product_ids) <= 4 for chunk in chunks)
    assert sum(chunk.size for chunk in chunks) == 65
    assert CHUNK_SIZE == 64


def test_the_seed_decides_who_rates_what(products):
    planned = []
    for seed in (4, 4, 5):
        run = plan(seed=seed)
        planned.append(cells(run))
        request_cancel(run=run)
    assert planned[0] == planned[1] != planned[2]


def test_a_rater_works_on_one_run_at_a_time_and_another_one_beside_it(products):
    run = plan()
    with pytest.raises(Conflict, match="language_model: a run of it is queued or running"):
        plan()
    other = plan(language_model=register_language_model(name="other", options={"seed": 3}))
    assert set(RatingRun.objects.all()) == {run, other}
    request_cancel(run=run)
    assert plan(language_model=run.language_model).state == "queued"


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [({"raters_per_product": 6}, "raters_per_product", 6), ({"raters_per_product": 0}, "raters_per_product", 0),
     ({"seed": -1}, "seed", -1)],
)  # fmt: skip
def test_an_impossible_plan_is_refused_and_leaves_no_run(products, options, field, value):
    with pytest.raises(Invalid) as caught:
        plan(**options)
    assert (caught.value.fields[0].field, caught.value.fields[0].value) == (field, value)
    assert not RatingRun.objects.exists()


def test_without_products_there_is_nothing_to_plan():
    with pytest.raises(Invalid, match="no visible product"):
        plan()


def test_a_run_stores_raw_scores_and_ratings_that_are_distributions_labelled_simulated(products):
    run = plan()
    seen = []
    work_rating_run(str(run.pk), on_chunk=lambda current: seen.append(current.done))
    run.refresh_from_db()
    assert (run.state, run.done, run.total) == ("done", 39, 39)
    assert seen == sorted(seen)
    assert seen[-1] == 39
    ratings, raw = Rating.objects.filter(run=run), RawScore.objects.filter(run=run)
    assert set(ratings.values_list("persona_id", "product_id")) == set(cells(run))
    assert raw.count() == ratings.count() == 39
    probabilities = np.array(list(ratings.values_list("probabilities", flat=True)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-9)
    assert (probabilities >= 0).all()
    means = np.array(list(ratings.values_list("expectation", flat=True)))
    np.testing.assert_allclose(means, probabilities @ np.array(SCALE), atol=1e-9)
    assert means.std() > 0.5  # personas have a taste
    assert set(ratings.values_list("simulated", flat=True)) == {True}
    assert set(raw.values_list("model_digest", flat=True)) == {run.language_model.digest}
    assert raw.values("prompt_sha256").distinct().count() == 39


def test_a_run_that_is_done_is_not_done_again(products):
    run = plan()
    work_rating_run(str(run.pk))
    first = list(RawScore.objects.order_by("pk").values_list("pk", "created_at"))
    work_rating_run(str(run.pk))
    assert list(RawScore.objects.order_by("pk").values_list("pk", "created_at")) == first


def test_a_product_that_was_deleted_after_planning_is_skipped(products):
    run = plan()
    products[0].delete()
    work_rating_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "done"
    assert Rating.objects.filter(run=run).count() == 36


def test_a_rater_that_cannot_be_loaded_fails_the_run_with_its_name(products):
    run = plan()
    run.language_model.adapter = "nowhere.Rater"
    run.language_model.save()
    work_rating_run(str(run.pk))
    run.refresh_from_db()
    assert run.state == "failed"
    assert "adapter: cannot be imported" in run.error
    assert "nowhere.Rater" in run.error


def test_only_a_finished_run_is_published_and_publishing_twice_changes_nothing(products):
    run = plan()
    with pytest.raises(Conflict, match="state: only a finished run can be published"):
        publish(run=run)
    work_rating_run(str(run.pk))
    assert list(published_ratings()) == []
    first = publish(run=run).published_at
    assert publish(run=run).published_at == first
    stored = Rating.objects.order_by("persona_id", "product_id")
    assert list(published_ratings()) == [(r.persona.key, r.product_id, r.expectation) for r in stored]


def test_ratings_of_unpublished_runs_are_never_shown():
    shown = RatingFactory(expectation=8.0)
    RatingFactory(persona=shown.persona, product=shown.product, run=RatingRunFactory(state="done"))
    assert list(published_ratings()) == [(shown.persona.key, shown.product_id, 8.0)]
    assert [rating.pk for rating in persona_ratings(shown.persona)] == [shown.pk]


def test_a_calibrated_rating_counts_in_place_of_the_raw_one():
    rating = RatingFactory(expectation=8.0, calibrated=6.5)
    assert list(published_ratings()) == [(rating.persona.key, rating.product_id, 6.5)]


def test_scores_of_the_wrong_shape_store_nothing():
    run, persona, product = RatingRunFactory(), PersonaFactory(), ProductFactory()
    known = {"run": run, "persona": persona, "latency_ms": 1.0, "model_digest": "d", "simulated": True}
    good = np.log(np.full((1, 11), 1 / 11))
    for scores, digests, message in (
        (np.zeros((1, 10)), ["x"], r"expected shape \(N, 11\), received \(1, 10\)"),
        (np.full((1, 11), np.nan), ["x"], "not a number"),
        (np.full((1, 11), -np.inf), ["x"], "no finite value"),
        (np.zeros((2, 11)), ["x"], "received 2 rows for 1 products"),
        (good, [], "prompt_digests: received 0 for 1 products"),
    ):
        with pytest.raises(ValueError, match=message):
            store_scores(product_ids=[product.pk], log_probabilities=scores, prompt_digests=digests, **known)
    assert not RawScore.objects.exists()
    store_scores(product_ids=[product.pk], log_probabilities=good, prompt_digests=["x"], **known)
    rating = Rating.objects.get()
    assert rating.expectation == pytest.approx(sum(SCALE) / 11)
    assert RawScore.objects.get().label_mass == pytest.approx(1.0)


def test_probabilities_are_the_softmax_of_what_the_model_gave_to_labels():
    scores = np.log(np.array([[0.1] + [0.0] * 9 + [0.3]]) + 1e-300)
    np.testing.assert_allclose(to_probabilities(scores)[0, [0, 10]], [0.25, 0.75])
    np.testing.assert_allclose(expectation(to_probabilities(scores)), [0.25 * -1 + 0.75 * 10])
    np.testing.assert_allclose(label_mass(scores), [0.4])
    assert to_probabilities(np.zeros((0, 11))).shape == (0, 11)
    assert len(LABELS) == len(SCALE) == 11


def test_a_rater_is_one_row_per_name_and_keeps_its_options_once_it_has_rated():
    model = default_language_model()
    assert (model.name, model.is_simulator) == ("SimulatedRater", True)
    assert model.digest == load_adapter(model).digest
    assert default_language_model().pk == model.pk
    register_language_model(name="SimulatedRater", options={"seed": 3})
    model.refresh_from_db()
    assert model.options == {"seed": 3}
    assert default_language_model().pk == model.pk  # the shop's rater, options and all
    RatingRunFactory(language_model=model)
    with pytest.raises(Invalid, match="has rated with other options"):
        register_language_model(name="SimulatedRater", options={"seed": 4})
    for options, message in (({"sead": 1}, "options.sead: unknown"), ({"noise": -1}, "must not be negative")):
        with pytest.raises(Invalid, match=message):
            register_language_model(name="other", options=options)
    with pytest.raises(Invalid, match="adapter: cannot be imported"):
        register_language_model(name="other", adapter="nowhere.Rater")


def test_the_command_rates_publishes_and_carries_on_with_an_open_run(products, capsys):
    run = plan()
    RatingChunk.objects.filter(run=run, index=0).update(state="done")
    live = timezone.now() + timedelta(seconds=60)
    RatingChunk.objects.filter(run=run, index=1).update(lease_owner="elsewhere:1:a", lease_until=live)
    with pytest.raises(CommandError, match="another process works on it"):
        call_command("rate_catalogue")
    RatingChunk.objects.filter(run=run, index=1).update(lease_until=None)
    call_command("rate_catalogue", publish=True)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    run.refresh_from_db()
    assert RatingRun.objects.count() == 1
    assert (result["run"], result["state"], result["published"]) == (str(run.pk), "done", True)
    assert result["simulated"] is True
    assert result["ratings"] == Rating.objects.count() == sum(result["histogram"].values())
    assert {key: result[key] for key in ("ratings", "mean")} == {
        key: run_summary(run)[key] for key in ("ratings", "mean")
    }


def test_the_command_says_what_is_missing(products):
    with pytest.raises(CommandError, match="raters_per_product: expected 1 to 0, the personas"):
        call_command("rate_catalogue")
    with pytest.raises(CommandError, match="--publish"):
        call_command("rate_catalogue", publish=True, queue=True)
