"""A rating run at work: asking, storing, stopping, going on."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest

from fashionrec.common.queue import without_ringing
from personas.jobs import probe_model
from personas.ml.distributions import expectation, label_mass, mean_distribution, to_probabilities
from personas.ml.language_model import LABELS, ModelUnavailable, Usage
from personas.models import SCALE, LanguageModel, QualityReport, Rating, RatingChunk, RatingRun, RawScore
from personas.services.rating_plans import resume_with_budget
from personas.services.ratings import store_ratings, store_raw_scores
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory, RatingRunFactory
from tests.personas.planned_rating import plan, work
from tests.raters import AwayRater, SteadyRater

pytestmark = pytest.mark.django_db


@pytest.fixture
def products():
    return ProductFactory.create_batch(13, pictures=0)


def planned_cells(run):
    return {(c.persona_id, product) for c in run.chunks.filter(purpose="rating") for product in c.product_ids}


def test_a_run_stores_both_label_orders_and_ratings_that_are_distributions(products):
    run = plan(adapter="fashionrec.simulation.rater.SimulatedRater")
    seen = []
    work(run, on_chunk=lambda current: seen.append(current.done))
    assert (run.state, run.done, run.total) == ("done", 78, 78)
    assert seen == sorted(seen)
    assert seen[-1] == 78
    ratings, raw = Rating.objects.filter(run=run), RawScore.objects.filter(run=run)
    assert set(ratings.values_list("persona_id", "product_id")) == planned_cells(run)
    assert ratings.count() == 39
    assert Counter(raw.values_list("purpose", "label_order")) == {
        (purpose, order): 39 for purpose in ("rating", "retest") for order in ("ascending", "descending")
    }
    probabilities = np.array(list(ratings.values_list("probabilities", flat=True)))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-9)
    assert (probabilities >= 0).all()
    means = np.array(list(ratings.values_list("expectation", flat=True)))
    np.testing.assert_allclose(means, probabilities @ np.array(SCALE), atol=1e-9)
    assert means.std() > 0.5  # personas have a taste
    assert set(ratings.values_list("simulated", flat=True)) == {True}
    run.language_model.refresh_from_db()
    assert (run.language_model.state, run.language_model.scoring) == ("ready", "simulated")
    assert set(raw.values_list("model_digest", flat=True)) == {run.language_model.digest}
    # Persona, product and order make a prompt; the retest asks the very same one.
    assert raw.values("prompt_sha256").distinct().count() == 78
    assert run.calls_made == 2 * 78


def test_a_rating_is_the_mean_distribution_of_both_orders(products):
    run = work(plan(raters_per_product=1))
    rating = Rating.objects.filter(run=run).order_by("pk").first()
    scores = RawScore.objects.filter(
        run=run, persona=rating.persona, product=rating.product, purpose="rating"
    ).order_by("label_order")
    assert [score.label_order for score in scores] == ["ascending", "descending"]
    each = to_probabilities([score.log_probabilities for score in scores])
    np.testing.assert_allclose(rating.probabilities, each.mean(axis=0), atol=1e-9)
    assert not np.allclose(each[0], each[1])


def test_a_run_that_is_done_is_not_done_again(products):
    run = work(plan())
    first = list(RawScore.objects.order_by("pk").values_list("pk", "created_at"))
    work(run)
    assert list(RawScore.objects.order_by("pk").values_list("pk", "created_at")) == first


def test_a_second_run_asks_no_prompt_that_the_same_model_has_answered(products, tmp_path):
    log = tmp_path / "asked"
    first = work(plan(options={"log": str(log)}))
    asked = log.read_text().splitlines()
    second = work(plan(options={"log": str(log)}))
    again = log.read_text().splitlines()[len(asked) :]
    assert Rating.objects.filter(run=second).count() == 39
    # Only the retest is asked anew, that being its purpose.
    assert second.calls_made == len(again) == 78 < first.calls_made == 156
    expectations = [
        list(run.ratings.order_by("persona_id", "product_id").values_list("expectation")) for run in (first, second)
    ]
    assert expectations[0] == expectations[1]


def test_what_was_stored_before_a_worker_died_is_not_asked_again(products, tmp_path, monkeypatch):
    log = tmp_path / "asked"
    run = plan(options={"log": str(log)})
    stored = []

    def die_after_three(**cells):
        if len(stored) == 3:
            raise KeyboardInterrupt
        stored.append(cells)
        store_raw_scores(**cells)

    monkeypatch.setattr("personas.jobs.store_raw_scores", die_after_three)
    with pytest.raises(KeyboardInterrupt):
        work(run)
    monkeypatch.setattr("personas.jobs.store_raw_scores", store_raw_scores)
    kept = set(RawScore.objects.values_list("pk", flat=True))
    lines = log.read_text().splitlines()
    assert len(kept) == sum(len(cells["product_ids"]) for cells in stored)
    work(run)
    assert run.state == "done"
    assert kept < set(RawScore.objects.values_list("pk", flat=True))
    stored_prompts = {digest for cells in stored for digest in cells["prompt_digests"]}
    repeated = [line for line in log.read_text().splitlines()[len(lines) :] if line in stored_prompts]
    retest = set(RawScore.objects.filter(purpose="retest").values_list("prompt_sha256", flat=True))
    # Each stored prompt is asked once more at most, and only as the retest that the plan wants.
    assert Counter(repeated) == dict.fromkeys(stored_prompts & retest, 1)
    assert RawScore.objects.filter(run=run).count() == 2 * run.total


def test_a_budget_pauses_the_run_and_a_larger_one_lets_it_go_on(products):
    run = work(plan(max_tokens=4000))
    assert run.state == "paused"
    assert run.error.startswith("token budget: ")
    assert 0 < run.tokens_used <= 4000
    assert run.tokens_used == 100 * run.calls_made == 100 * RawScore.objects.filter(run=run).count()
    answered = RawScore.objects.filter(run=run).count()
    work(run)  # a bell that rings for a paused run changes nothing
    assert (run.state, RawScore.objects.filter(run=run).count()) == ("paused", answered)
    with without_ringing():
        resume_with_budget(run=run)
    work(run)
    assert (run.state, run.tokens_used) == ("done", 100 * 156)
    assert not RatingChunk.objects.filter(run=run, attempts__gt=1).exists()


def test_a_cost_budget_counts_in_the_prices_of_the_model(products):
    run = work(plan(max_cost=Decimal("0.02"), prompt_price=5))
    assert run.state == "paused"
    assert run.error.startswith("cost budget: ")
    assert run.cost_used == Decimal(run.tokens_used) * 5 / 1_000_000
    assert Decimal(0) < run.cost_used <= Decimal("0.02")


def test_a_product_that_was_deleted_after_planning_is_skipped(products):
    run = plan()
    products[0].delete()
    work(run)
    assert run.state == "done"
    assert Rating.objects.filter(run=run).count() == 36


def test_a_rater_that_cannot_be_loaded_fails_the_run_with_its_name(products):
    run = plan()
    run.language_model.adapter = "nowhere.Rater"
    run.language_model.save()
    work(run)
    assert run.state == "failed"
    assert "adapter: cannot be imported" in run.error
    assert "nowhere.Rater" in run.error


def test_a_model_whose_labels_cannot_be_told_apart_is_refused_before_it_is_asked(products):
    run = work(plan(adapter="tests.raters.RefusedRater"))
    assert run.state == "failed"
    assert "labels 'A' and 'B' begin with the same token" in run.error
    assert not RawScore.objects.exists()
    run.language_model.refresh_from_db()
    assert run.language_model.state == "refused"


def test_a_model_that_breaks_in_the_middle_fails_the_run_and_keeps_its_answers(products):
    run = work(plan(adapter="tests.raters.BreakingRater"))
    assert (run.state, run.error) == ("failed", "the server says 400: no such model")
    assert 0 < RawScore.objects.filter(run=run).count() < 156
    assert not QualityReport.objects.exists()


def test_a_cell_that_the_model_cannot_answer_is_left_out_and_the_run_goes_on(products, monkeypatch):
    monkeypatch.setattr("personas.jobs.FEWEST_UNANSWERED", 6)
    ProductFactory(pictures=0, colour="purple")
    run = work(plan(adapter="tests.raters.OddRater", raters_per_product=1))
    assert (run.state, run.error) == ("done", "")
    # 14 products in both orders, asked again and as a control; the purple one is missing everywhere.
    assert RawScore.objects.filter(run=run).count() == 2 * 3 * 13
    assert Rating.objects.filter(run=run).count() == 13
    assert not Rating.objects.filter(run=run, product__colour="purple").exists()


def test_a_model_that_cannot_answer_much_fails_the_run(products):
    ProductFactory.create_batch(6, pictures=0, colour="purple")
    run = work(plan(adapter="tests.raters.OddRater", raters_per_product=5))
    assert (run.state, run.error) == ("failed", "top_logprobs: the returned mass is 0.94, at least 0.95 is needed")


def test_an_adapter_whose_own_code_breaks_fails_the_run_instead_of_being_rung_for_without_end(products):
    run = plan(adapter="tests.raters.CrashingRater")
    work(run)
    assert (run.state, run.error) == ("failed", "KeyError: 'settings'")


def test_a_server_that_is_away_for_a_moment_costs_a_retry_and_no_answer(products):
    AwayRater.gone = 0
    run = work(plan(adapter="tests.raters.AwayRater"))
    assert run.state == "running"
    waiting = RatingChunk.objects.get(run=run, state="pending")
    assert waiting.error == "ModelUnavailable: 503 after 5 attempts"
    RatingChunk.objects.filter(pk=waiting.pk).update(lease_until=None)
    work(run)
    assert run.state == "done"
    assert RawScore.objects.filter(run=run).count() == 156


def test_what_a_server_took_before_it_went_away_counts_against_the_budget(products, monkeypatch):
    run = plan()
    score = SteadyRater.score_labels

    def go_away_after_answering(self, prefix, suffixes, labels):
        scores = score(self, prefix, suffixes, labels)
        if self.usage.calls >= 30:
            raise ModelUnavailable("gone")
        return scores

    monkeypatch.setattr(SteadyRater, "score_labels", go_away_after_answering)
    work(run)
    stored = RawScore.objects.filter(run=run).count()
    assert run.calls_made == stored < run.tokens_used / 100


def test_prompts_are_counted_and_not_the_calls_that_each_took(products, monkeypatch):
    score = SteadyRater.score_labels

    def eight_draws(self, prefix, suffixes, labels):
        self.usage.calls += 7 * len(suffixes)
        self.usage.prompt_tokens += 700 * len(suffixes)
        return score(self, prefix, suffixes, labels)

    monkeypatch.setattr(SteadyRater, "score_labels", eight_draws)
    run = work(plan(max_tokens=40_000))
    assert run.state == "paused"
    assert run.tokens_used == 800 * run.calls_made
    assert run.tokens_used <= 40_000


def test_one_run_never_holds_answers_of_two_models(products):
    run = work(plan(max_tokens=4000))
    assert run.state == "paused"
    LanguageModel.objects.update(options={"seed": 9})  # as if its weights were replaced behind the same name
    probe_model(run.language_model_id)
    with without_ringing():
        resume_with_budget(run=run)
    work(run)
    assert run.state == "failed"
    assert "came from other weights or options" in run.error
    assert RawScore.objects.filter(run=run).values("model_digest").distinct().count() == 1


def test_a_model_that_changed_since_it_was_probed_is_not_asked(products):
    run = work(plan())
    run.language_model.refresh_from_db()
    run.language_model.options = {"seed": 9}
    run.language_model.save()
    second = RatingRun.objects.create(language_model=run.language_model, template=run.template, total=0)
    work(second)
    assert second.state == "failed"
    assert "other weights or options than were probed" in second.error


def test_scores_of_the_wrong_shape_store_nothing():
    run, persona, product = RatingRunFactory(), PersonaFactory(), ProductFactory()
    known = {"run": run, "persona": persona, "purpose": "rating", "label_order": "ascending", "model_digest": "d"}
    good = np.log(np.full((1, 11), 1 / 11))
    for scores, digests, message in (
        (np.zeros((1, 10)), ["x"], r"expected shape \(N, 11\), received \(1, 10\)"),
        (np.full((1, 11), np.nan), ["x"], "not a number"),
        (np.full((1, 11), -np.inf), ["x"], "no finite value"),
        (np.zeros((2, 11)), ["x"], "received 2 rows for 1 products"),
        (good, [], "prompt_digests: received 0 for 1 products"),
    ):
        with pytest.raises(ValueError, match=message):
            store_raw_scores(product_ids=[product.pk], log_probabilities=scores, prompt_digests=digests, **known)
    assert not RawScore.objects.exists()
    usage = Usage(calls=1, prompt_tokens=30, completion_tokens=1)
    store_raw_scores(product_ids=[product.pk], log_probabilities=good, prompt_digests=["x"], usage=usage, **known)
    stored = RawScore.objects.get()
    assert stored.label_mass == pytest.approx(1.0)
    assert stored.tokens == 31
    run.refresh_from_db()
    assert (run.tokens_used, run.calls_made) == (31, 1)


def test_stored_answers_are_never_changed():
    run, persona, product = RatingRunFactory(), PersonaFactory(), ProductFactory()
    known = {
        "run": run, "persona": persona, "purpose": "rating", "label_order": "ascending", "model_digest": "d",
        "product_ids": [product.pk], "prompt_digests": ["x"],
    }  # fmt: skip
    store_raw_scores(log_probabilities=np.log(np.full((1, 11), 1 / 11)), **known)
    store_raw_scores(log_probabilities=np.zeros((1, 11)), **known)
    assert RawScore.objects.get().log_probabilities[0] == pytest.approx(np.log(1 / 11))


def test_a_cell_with_one_label_order_only_gives_no_rating():
    run, persona, product = RatingRunFactory(chunks=1), PersonaFactory(), ProductFactory()
    chunk = run.chunks.get()
    RatingChunk.objects.filter(pk=chunk.pk).update(persona=persona, product_ids=[product.pk])
    chunk.refresh_from_db()
    known = {
        "run": run, "persona": persona, "purpose": "rating", "model_digest": "d", "product_ids": [product.pk],
        "prompt_digests": ["x"], "log_probabilities": np.log(np.full((1, 11), 1 / 11)),
    }  # fmt: skip
    store_raw_scores(label_order="ascending", **known)
    assert store_ratings(run=run, chunk=chunk) == 0
    store_raw_scores(label_order="descending", **known)
    assert store_ratings(run=run, chunk=chunk) == 1
    assert Rating.objects.get().expectation == pytest.approx(sum(SCALE) / 11)


def test_probabilities_are_the_softmax_of_what_the_model_gave_to_labels():
    scores = np.log(np.array([[0.1] + [0.0] * 9 + [0.3]]) + 1e-300)
    np.testing.assert_allclose(to_probabilities(scores)[0, [0, 10]], [0.25, 0.75])
    np.testing.assert_allclose(expectation(to_probabilities(scores)), [0.25 * -1 + 0.75 * 10])
    np.testing.assert_allclose(label_mass(scores), [0.4])
    assert to_probabilities(np.zeros((0, 11))).shape == (0, 11)
    assert mean_distribution(np.zeros((0, 2, 11))).shape == (0, 11)
    assert len(LABELS) == len(SCALE) == 11
