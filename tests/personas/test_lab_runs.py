"""Prompt lab runs from the grid to the table, with models that answer from a script."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fashionrec.common.errors import Invalid
from fashionrec.common.models import Chunk
from fashionrec.common.queue import without_ringing
from fashionrec.common.runs import request_cancel
from personas.lab_jobs import work_lab_run
from personas.models import SCALE, LabChunk, LabOutput, LabRun, LanguageModel, PromptTemplate
from personas.prompts import default_template, render_prefix, render_suffix
from personas.services.lab import MAX_ARMS, plan_lab_run, sample_personas, sample_products, store_outputs
from personas.services.language_models import register_language_model
from personas.services.templates import shipped_templates, template_named
from tests.factories.catalog import ProductFactory
from tests.factories.personas import PersonaFactory
from tests.lab_models import SilentModel, WritingModel

pytestmark = pytest.mark.django_db

GRID = {"temperature": [1.0]}


@pytest.fixture(autouse=True)
def fresh_models(monkeypatch):
    for model in (WritingModel, SilentModel):
        monkeypatch.setattr(model, "prompts", [])
        monkeypatch.setattr(model, "away_after", None)


@pytest.fixture
def personas():
    bio = "{0} cycles everywhere. {0} will not wear floral."
    return [PersonaFactory(name=name, bio=bio.format(name)) for name in ("Clara", "Max")]


@pytest.fixture
def products():
    """With fixed words: the models' answers come out of a hash of the prompt."""
    return [ProductFactory(title=f"Linen dress {n}", colour="navy", pictures=0) for n in range(3)]


def writer(name="writer", kind="WritingModel", **options) -> LanguageModel:
    return register_language_model(name=name, adapter=f"tests.lab_models.{kind}", options={"name": name, **options})


def plan(personas, products, *, models=None, templates=("strict numeric",), grid=None, seed=0) -> LabRun:
    with without_ringing():
        return plan_lab_run(
            language_models=models or [writer()],
            templates=[template_named(name) for name in templates],
            personas=personas,
            products=products,
            grid=grid or GRID,
            seed=seed,
        )


def worked(run: LabRun) -> LabRun:
    work_lab_run(str(run.pk))
    run.refresh_from_db()
    return run


def test_the_six_shipped_templates_are_rows_made_once():
    first, second = shipped_templates(), shipped_templates()
    assert [template.pk for template in first] == [template.pk for template in second]
    assert PromptTemplate.objects.count() == 6
    assert [(template.name, template.style) for template in first] == [
        ("open-ended", "open"),
        ("strict numeric", "number"),
        ("described scale", "number"),
        ("with -1 examples", "number"),
        ("letter scale", "letters"),
        ("all personas at once", "everyone"),
    ]
    assert len({template.sha256 for template in first}) == 6
    assert template_named("letters") == default_template()
    assert template_named("with −1 examples") == first[3]


def test_a_plan_has_the_same_cells_in_every_arm_and_says_how_many_calls_it_makes(personas, products):
    names = ("letters", "strict numeric", "all personas at once")
    grid = {"temperature": [0.0, 0.7], "bio": ["none", "full"]}
    run = plan(personas, products, templates=names, grid=grid)
    assert run.cells == [[persona.pk, product.pk] for persona in personas for product in products]
    assert run.plan["arms"] == run.chunks.count() == (2 + 4) + 4 + 4
    assert run.plan["calls"] == 2 * 12 + 4 * 6 + 4 * 6 + 4 * 3
    assert run.total == 14 * 6
    assert run.plan["grid"]["top_p"] == [1.0]
    assert set(run.chunks.values_list("size", flat=True)) == {6}


def test_the_same_plan_that_is_open_is_the_same_run_and_another_seed_is_another(personas, products):
    first = plan(personas, products)
    assert plan(personas, products) == first
    assert plan(personas, products, seed=1) != first
    worked(first)
    assert plan(personas, products) != first


@pytest.mark.parametrize(
    ("grid", "field", "value"),
    [
        ({"temperature": [7.0]}, "temperature", 7.0),
        ({"temperature": []}, "temperature", []),
        ({"temperature": [float("nan")]}, "temperature", None),
        ({"top_p": [0.0]}, "top_p", 0.0),
        ({"top_k": [1.5]}, "top_k", 1.5),
        ({"repetition_penalty": ["x"]}, "repetition_penalty", "x"),
        ({"bio": ["rich"]}, "bio", "rich"),
        ({"beams": [4]}, "grid", "beams"),
        ({"temperature": [n / 100 for n in range(MAX_ARMS + 1)]}, "grid", MAX_ARMS + 1),
    ],
)
def test_a_grid_out_of_bounds_is_refused_with_its_parameter_and_plans_nothing(personas, products, grid, field, value):
    with pytest.raises(Invalid) as caught:
        plan(personas, products, grid=grid)
    assert caught.value.fields[0].field == field
    assert value is None or caught.value.fields[0].value == value
    assert not LabRun.objects.exists()


def test_no_personas_too_many_calls_and_a_negative_seed_are_refused(personas, products):
    for arguments, field in (({"personas": []}, "personas"), ({"seed": -1}, "seed")):
        with pytest.raises(Invalid) as caught:
            plan(**{"personas": personas, "products": products, **arguments})
        assert caught.value.fields[0].field == field
    with pytest.raises(Invalid) as caught:
        sample_products(count=0, seed=0)
    assert caught.value.fields[0].field == "products"


def test_the_seed_draws_the_same_personas_and_products_again(products):
    for name in "abcdefgh":
        PersonaFactory(key=name)
    assert sample_personas(count=3, seed=5) == sample_personas(count=3, seed=5)
    assert len(sample_personas(count=3, seed=5)) == 3
    assert len({tuple(p.pk for p in sample_personas(count=3, seed=seed)) for seed in range(6)}) > 1
    assert sample_products(count=50, seed=1) == products


def test_every_arm_answers_every_cell_once_with_its_own_words(personas, products):
    run = worked(plan(personas, products, grid={"temperature": [0.7], "bio": ["none", "short", "full"]}))
    assert (run.state, run.done, run.total) == ("done", 18, 18)
    assert len(WritingModel.prompts) == LabOutput.objects.count() == 18
    for chunk in run.chunks.all():
        outputs = chunk.outputs.all()
        assert [[output.persona_id, output.product_id] for output in outputs.order_by("pk")] == run.cells
        told = {"none": 0, "short": 1, "full": 2}[chunk.arm["bio"]]
        for output in outputs:
            assert output.prompt.count(output.persona.name) == 1 + told
            assert output.prompt.endswith("Rating:")
            assert output.point in SCALE
            assert output.adherent
            assert (output.tokens, output.probabilities) == (12, None)
            assert output.latency_ms >= 0
    sampling = WritingModel.prompts[0][2]
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.7, 1.0, 0)
    assert len({asked.seed for _, _, asked in WritingModel.prompts}) == 6


def test_letters_are_read_by_label_probabilities_of_both_orders_and_as_written(personas, products):
    model = writer(dialect="letter")
    run = worked(plan(personas, products, models=[model], templates=["letters"]))
    by_label, written = run.chunks.order_by("index")
    assert (by_label.arm["reading"], written.arm["reading"]) == ("probabilities", "written")
    for output in by_label.outputs.all():
        assert sum(output.probabilities) == pytest.approx(1)
        # Both orders are averaged, so that a letter's own weight stands for two opposite points.
        assert output.probabilities == pytest.approx(output.probabilities[::-1])
        assert output.text == ""
        prefix = render_prefix(default_template(), output.persona)
        assert output.prompt == prefix + render_suffix(default_template(), output.product)
    for output in written.outputs.all():
        assert output.point == SCALE["ABCDEFGHIJK".index(output.text.strip())]
    assert LanguageModel.objects.get(pk=model.pk).state == "ready"


def test_all_personas_at_once_are_one_call_a_product_and_each_keeps_its_line(personas, products):
    run = worked(plan(personas, products, models=[writer(dialect="everyone")], templates=["all personas at once"]))
    assert len(WritingModel.prompts) == 3
    assert LabOutput.objects.count() == 6
    for product in products:
        outputs = LabOutput.objects.filter(product=product).order_by("persona_id")
        assert len({output.prompt for output in outputs}) == 1
        assert [output.text.split(":")[0] for output in outputs] == ["1", "2"]
        assert all(output.adherent for output in outputs)
    assert run.report["arms"][0]["parsable"] == 1.0


def test_an_answer_for_all_that_is_no_list_is_kept_whole(personas, products):
    run = worked(plan(personas, products, models=[writer(dialect="prose")], templates=["all personas at once"]))
    assert set(LabOutput.objects.values_list("text", "point", "adherent")) == {
        ("It is a nice piece, and it is a nice piece, and I do not know.", None, False)
    }
    assert run.report["arms"][0]["parsable"] == 0.0


def test_a_model_that_only_scores_fails_the_arms_that_ask_it_to_write_and_the_others_go_on(personas, products):
    models = [writer("silent", "SilentModel"), writer("mute", dialect="mute")]
    run = worked(plan(personas, products, models=models, templates=["letters", "strict numeric"]))
    states = {
        (chunk.language_model.name, chunk.template.name, chunk.arm["reading"]): (chunk.state, chunk.error)
        for chunk in run.chunks.all()
    }
    assert states["silent", "letter scale", "probabilities"] == ("done", "")
    for template in ("letter scale", "strict numeric"):
        state, error = states["silent", template, "written"]
        assert state == "failed"
        assert "it only scores labels" in error
    state, error = states["mute", "letter scale", "probabilities"]
    assert state == "failed"
    assert "the labels are two tokens each" in error
    assert states["mute", "strict numeric", "written"] == ("done", "")
    assert run.state == "done"
    assert [bool(arm["error"]) for arm in run.report["arms"]] == [False, True, True, True, False, False]


def test_a_lab_in_which_no_arm_could_be_asked_has_failed(personas, products):
    run = worked(plan(personas, products, models=[writer("silent", "SilentModel")]))
    assert run.state == "failed"
    assert "it only scores labels" in run.error


def test_the_clustered_and_the_prose_model_look_like_it_in_the_report(personas, products):
    models = [writer("clustered", dialect="clustered"), writer("prose", dialect="prose"), writer("plain")]
    run = worked(plan(personas, products, models=models))
    clustered, prose, plain = run.report["arms"]
    assert (clustered["six_and_eight"], clustered["minus_one"], clustered["adherence"]) == (1.0, 0.0, 1.0)
    assert (prose["adherence"], prose["parsable"], prose["mean"]) == (0.0, 0.0, None)
    assert prose["identical"] == pytest.approx(5 / 6)
    assert prose["repeated_trigrams"] > 0.15
    assert plain["distinct_points"] > 2
    assert [row["models"] for row in run.report["models"]] == [["clustered", "prose", "plain"]]


def test_a_model_that_goes_away_is_asked_again_later_and_nothing_stored_is_asked_twice(personas, products):
    run = plan(personas, products)
    WritingModel.away_after = 4
    worked(run)
    assert (run.state, run.done) == ("running", 4)
    chunk = run.chunks.get()
    assert (chunk.state, chunk.attempts) == ("pending", 1)
    assert "503 after 3 retries" in chunk.error
    WritingModel.away_after = None
    LabChunk.objects.update(lease_until=timezone.now())
    worked(run)
    assert (run.state, run.done) == ("done", 6)
    prompts = [(prompt, sampling.seed) for _, prompt, sampling in WritingModel.prompts]
    assert len(prompts) == len(set(prompts)) == LabOutput.objects.count() == 6


def test_a_worker_killed_in_mid_arm_repeats_nothing_that_was_stored(personas, products):
    run = plan(personas, products)

    class Killed(BaseException):
        pass

    def kill(seen):
        if seen.done == 2:
            raise Killed

    with pytest.raises(Killed):
        work_lab_run(str(run.pk), on_progress=kill)
    assert LabOutput.objects.count() == 2
    worked(run)
    assert (run.state, run.done, LabOutput.objects.count()) == ("done", 6, 6)
    assert len(WritingModel.prompts) == 6


def test_answers_of_a_worker_that_lost_its_lease_are_not_kept(personas, products):
    from fashionrec.common.runs import LeaseLost

    run = plan(personas, products)
    chunk = run.chunks.get()
    LabChunk.objects.update(lease_owner="somebody else")
    output = LabOutput(chunk=chunk, persona=personas[0], product=products[0], prompt="p", text="7")
    with pytest.raises(LeaseLost):
        store_outputs(run=run, chunk=chunk, outputs=[output])
    assert not LabOutput.objects.exists()


def test_a_cancelled_run_stops_between_answers_and_reports_what_it_has(personas, products):
    run = plan(personas, products)
    work_lab_run(str(run.pk), on_progress=lambda seen: request_cancel(run=seen) if seen.done == 3 else None)
    run.refresh_from_db()
    assert (run.state, run.done) == ("cancelled", 3)
    assert run.chunks.get().state == Chunk.State.PENDING
    assert run.report["arms"][0]["answered"] == 3


def test_a_product_that_is_deleted_meanwhile_leaves_the_run_whole(personas, products):
    run = plan(personas, products)
    products[0].delete()
    worked(run)
    assert (run.state, run.done, LabOutput.objects.count()) == ("done", 6, 4)


def test_the_command_prints_a_table_and_json_and_carries_on_with_an_open_run(personas, products, capsys):
    writer("one")
    writer("two", dialect="clustered")
    arguments = {
        "models": ["one", "two"], "templates": ["strict numeric", "letters"], "temperature": [0.0, 1.0],
        "bio": ["none"], "personas": 2, "products": 3,
    }  # fmt: skip
    call_command("prompt_lab", **arguments, queue=True)
    queued = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (queued["state"], queued["plan"]["arms"]) == ("queued", 2 * (2 + 3))
    call_command("prompt_lab", **arguments)
    lines = capsys.readouterr().out.splitlines()
    result = json.loads(lines[-1])
    assert (result["run"], result["state"]) == (queued["run"], "done")
    assert lines[0] == "10 arms × 6 cells: at most 72 calls"
    assert lines[1].split()[:3] == ["arm", "model", "template"]
    assert lines[2].split()[:4] == ["0", "one", "strict", "numeric"]
    assert [row["model"] for row in result["report"]["arms"]] == ["one"] * 5 + ["two"] * 5
    compared = [row for row in result["report"]["models"] if row["consistency"] is not None]
    assert sum(line.startswith("models on ") for line in lines) == len(compared) >= 4
    assert LabRun.objects.count() == 1


def test_a_simulator_is_called_one_wherever_its_figures_are_shown(personas, products, capsys):
    register_language_model(name="planted", adapter="fashionrec.simulation.rater.SimulatedRater")
    call_command("prompt_lab", models=["planted"], templates=["letters"], personas=2, products=3)
    lines = capsys.readouterr().out.splitlines()
    assert "planted is a simulator, not a language model." in lines
    assert json.loads(lines[-1])["report"]["arms"][0]["parsable"] == 1.0
    assert "complete: the simulated rater only scores labels" in json.loads(lines[-1])["report"]["arms"][1]["error"]


def test_the_command_names_what_it_does_not_know(personas, products):
    with pytest.raises(CommandError, match="language_model: unknown language model; known: none yet"):
        call_command("prompt_lab", models=["gpt-9"])
    writer("one")
    with pytest.raises(CommandError, match="templates: expected one of letters, open-ended"):
        call_command("prompt_lab", models=["one"], templates=["haiku"])
    WritingModel.away_after = 0
    with pytest.raises(CommandError, match="is not done .ModelUnavailable: 503 after 3 retries.; run it again"):
        call_command("prompt_lab", models=["one"], templates=["strict numeric"], personas=1, products=1)
