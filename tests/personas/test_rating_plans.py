"""Which cells a rating run asks, and what it says it will take."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest

from fashionrec.common.errors import Conflict, Invalid
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from personas.ml.plan import assign, spread_order
from personas.models import PromptTemplate, RatingRun
from personas.services.language_models import register_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import CHUNK_SIZE, draw_plan, plan_rating_run, resume_with_budget
from tests.factories.catalog import ProductFactory

SIMULATED = "fashionrec.simulation.rater.SimulatedRater"


@pytest.fixture
def products():
    return ProductFactory.create_batch(13, pictures=0)


def rater(name="rater", **options):
    return register_language_model(name=name, adapter=SIMULATED, options=options)


def plan(**options):
    personas = options.pop("personas", None) or generate_personas(count=5, seed=1)
    language_model = options.pop("language_model", None) or rater()
    with without_ringing():
        return plan_rating_run(
            personas=personas, language_model=language_model, **{"raters_per_product": 3, "seed": 4, **options}
        )


def cells(run, purpose="rating"):
    return [(c.persona_id, product) for c in run.chunks.filter(purpose=purpose) for product in c.product_ids]


@pytest.mark.django_db
@pytest.mark.parametrize(("raters", "count"), [(1, 5), (3, 5), (5, 5), (2, 7)])
def test_every_visible_product_is_rated_by_exactly_as_many_personas_as_asked_evenly(products, raters, count):
    ProductFactory(status="draft")
    run = plan(personas=generate_personas(count=count, seed=1), raters_per_product=raters)
    planned = cells(run)
    assert len(planned) == len(set(planned)) == 13 * raters
    per_product = Counter(product for _, product in planned)
    assert per_product == {product.pk: raters for product in products}
    per_persona = Counter(persona for persona, _ in planned)
    assert len(per_persona) == count
    assert max(per_persona.values()) - min(per_persona.values()) <= 1
    assert {name: run.plan[name] for name in ("personas", "products", "raters_per_product")} == {
        "personas": count, "products": 13, "raters_per_product": raters,
    }  # fmt: skip


@pytest.mark.django_db
def test_some_cells_are_asked_twice_and_a_single_rater_gets_a_control_with_other_words(products):
    run = plan(raters_per_product=1)
    rated, again, control = cells(run), cells(run, "retest"), cells(run, "control")
    assert set(again) == set(rated)  # fewer cells than the least that are rechecked: all of them
    assert sorted(product for _, product in control) == sorted(product for _, product in rated)
    assert not set(control) & set(rated)
    assert run.total == 3 * 13 == len(rated) + len(again) + len(control)
    assert run.plan["cells"] == {"rating": 13, "retest": 13, "control": 13}
    assert run.plan["calls"] == 2 * 39


@pytest.mark.django_db
def test_with_several_raters_they_are_each_others_control(products):
    run = plan(raters_per_product=3)
    assert run.plan["cells"] == {"rating": 39, "retest": 39}


@pytest.mark.django_db
def test_of_many_cells_a_twentieth_is_asked_twice():
    ProductFactory.create_batch(300, pictures=0)
    figures = draw_plan(
        personas=generate_personas(count=12, seed=1), language_model=rater(), raters_per_product=10, seed=1
    ).figures
    assert figures["cells"] == {"rating": 3000, "retest": 150}


@pytest.mark.django_db
def test_chunks_are_one_persona_and_a_bounded_number_of_products(products, monkeypatch):
    monkeypatch.setattr("personas.services.rating_plans.CHUNK_SIZE", 4)
    run = plan(raters_per_product=5)
    chunks = list(run.chunks.order_by("index"))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(1 <= chunk.size == len(chunk.product_ids) <= 4 for chunk in chunks)
    assert sum(chunk.size for chunk in chunks) == run.total == 65 + 60
    assert CHUNK_SIZE == 64


@pytest.mark.django_db
def test_the_seed_decides_who_rates_what_and_which_products(products):
    planned = []
    for seed in (4, 4, 5):
        run = plan(seed=seed, products=6)
        assert len({product for _, product in cells(run)}) == 6
        planned.append(cells(run))
        request_cancel(run=run)
    assert planned[0] == planned[1] != planned[2]


@pytest.mark.django_db
def test_a_plan_alone_stores_nothing_and_says_what_the_run_will_take(products):
    model = register_language_model(name="dear", adapter=SIMULATED, prompt_price=2, completion_price=10)
    figures = draw_plan(personas=generate_personas(count=5, seed=1), language_model=model, raters_per_product=3).figures
    assert not RatingRun.objects.exists()
    assert figures["calls"] == 2 * (39 + 39)
    # A prompt of the shop is 300 to 600 tokens of 4 characters.
    assert 300 < figures["estimated_tokens"] / figures["calls"] < 600
    cost = (2 * figures["estimated_tokens"] + 10 * figures["calls"]) / 1e6
    assert figures["estimated_cost"] == pytest.approx(cost, abs=1e-4)


@pytest.mark.django_db
def test_a_rater_works_on_one_run_at_a_time_and_another_one_beside_it(products):
    run = plan()
    with pytest.raises(Conflict, match="language_model: a run of it is queued, running or paused"):
        plan()
    other = plan(language_model=rater("other", seed=3))
    assert set(RatingRun.objects.all()) == {run, other}
    request_cancel(run=run)
    assert plan(language_model=run.language_model).state == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "field", "value"),
    [({"raters_per_product": 6}, "raters_per_product", 6), ({"raters_per_product": 0}, "raters_per_product", 0),
     ({"seed": -1}, "seed", -1), ({"products": 14}, "products", 14), ({"products": 0}, "products", 0),
     ({"max_tokens": 0}, "max_tokens", 0), ({"max_cost": Decimal(-1)}, "max_cost", Decimal(-1))],
)  # fmt: skip
def test_an_impossible_plan_is_refused_and_leaves_no_run(products, options, field, value):
    with pytest.raises(Invalid) as caught:
        plan(**options)
    assert (caught.value.fields[0].field, caught.value.fields[0].value) == (field, value)
    assert not RatingRun.objects.exists()


@pytest.mark.django_db
def test_a_template_whose_answers_are_prose_is_for_the_lab_only(products):
    prose = PromptTemplate.objects.create(name="prose", version=1, style="open", prefix="", suffix="", sha256="x")
    with pytest.raises(Invalid, match="template: its answers are not letters"):
        plan(template=prose)


@pytest.mark.django_db
def test_a_refused_model_is_not_asked(products):
    model = rater()
    model.state, model.probe = "refused", {"reason": "labels A and B are one token"}
    model.save()
    with pytest.raises(Conflict, match="was refused: labels A and B are one token"):
        plan(language_model=model)


@pytest.mark.django_db
def test_without_products_there_is_nothing_to_plan():
    with pytest.raises(Invalid, match="no visible product"):
        plan()


@pytest.mark.django_db
def test_only_a_paused_run_is_resumed_and_its_budget_stays_when_it_is_not(products):
    run = plan(max_tokens=500)
    with pytest.raises(Conflict, match="only a paused run can be resumed"):
        resume_with_budget(run=run, max_tokens=1000)
    run.refresh_from_db()
    assert run.max_tokens == 500
    RatingRun.objects.filter(pk=run.pk).update(state="paused", error="token budget: …")
    resume_with_budget(run=run, max_tokens=1000)
    run.refresh_from_db()
    assert (run.state, run.error, run.max_tokens) == ("queued", "", 1000)


def test_neighbours_in_the_spread_order_share_less_than_those_of_a_random_order():
    generator = np.random.default_rng(3)
    people = [tuple(str(generator.integers(3)) for _ in range(6)) for _ in range(60)]
    order = spread_order(people, window=6, generator=np.random.default_rng(0))
    assert sorted(order) == list(range(60))

    def shared(sequence):
        return np.mean([
            sum(a == b for a, b in zip(people[sequence[i]], people[sequence[j]], strict=True))
            for i in range(60) for j in range(i + 1, min(60, i + 6))
        ])  # fmt: skip

    assert shared(order) < 0.85 * shared(list(generator.permutation(60)))


def test_loads_differ_by_at_most_one_whatever_the_numbers():
    for products, people, raters in ((1, 1, 1), (7, 3, 2), (100, 9, 4)):
        generator = np.random.default_rng(1)
        assigned = assign(range(products), list(range(people)), raters=raters, generator=generator)
        loads = [len(row) for row in assigned]
        assert sum(loads) == products * raters
        assert max(loads) - min(loads) <= 1
        assert all(len(set(row)) == len(row) for row in assigned)
