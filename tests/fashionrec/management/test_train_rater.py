"""`manage.py train_rater`: from arguments and stored rows to a model that loads, with figures before and after."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from fashionrec.demo import rater_recipe
from personas.ml import rater_training
from personas.ml.language_models.model_files import COMPACT_FOLDER
from personas.ml.prompt_text import SUFFIX, fill_suffix
from personas.ml.rater_model import RaterShape, build_rater, load_rater, save_rater
from personas.models import LanguageModel, RatingRun
from personas.services.preferences import record_preference
from personas.teaching import rated_lessons, split_off, stored_preferences
from tests.factories.catalog import ProductFactory
from tests.factories.personas import LanguageModelFactory, PersonaFactory, RatingFactory, RatingRunFactory
from tests.personas.ml.tiny_rater import SHAPE, tiny_tokenizer


def train(*arguments: str, **options: Any) -> dict[str, Any]:
    output = io.StringIO()
    call_command("train_rater", *arguments, stdout=output, stderr=output, verbosity=0, threads=1, **options)
    return json.loads(output.getvalue().splitlines()[-1])


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    tokenizer = tiny_tokenizer()
    save_rater(build_rater(tokenizer, SHAPE, seed=0), tokenizer, folder, about={"name": "tiny", "demonstration": True})
    return folder


@pytest.fixture
def run(db: None) -> RatingRun:
    """Ten personas love the red product (point 10) and refuse the blue one (−1)."""
    run = RatingRunFactory(state="done", language_model=LanguageModelFactory(name="teacher", scoring="exact"))
    products = [ProductFactory(title=f"{colour} coat", colour=colour) for colour in ("red", "blue")]
    for _ in range(10):
        persona = PersonaFactory()
        for product, point in zip(products, (10, 0), strict=True):
            shares = np.full(11, 0.01)
            shares[point] = 0.9
            RatingFactory(run=run, persona=persona, product=product, probabilities=shares.tolist())
    return run


def test_sft_moves_a_model_to_its_teacher_and_registers_it(run: RatingRun, tiny: Path, settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    said = train("--method=sft", f"--run={run.pk}", f"--model={tiny}", "--name=mine", "--steps=40",
                 "--learning-rate=0.005", "--register")  # fmt: skip
    assert said["ratings"] == 20
    assert said["before"]["cells"] == said["after"]["cells"] == 4.0  # one persona held out, both label orders
    assert said["after"]["loss"] < said["before"]["loss"] / 2
    assert said["after"]["label_mass"] > said["before"]["label_mass"] + 0.4
    directory = tmp_path / "var" / "raters" / "mine"
    assert said["directory"] == str(directory)
    assert not (directory / "checkpoint").exists()
    model, _ = load_rater(directory)
    assert model.config.fashionrec["demonstration"] is True
    assert model.config.fashionrec["tuned_from"] == str(tiny)
    row = LanguageModel.objects.get(name="mine")
    assert row.adapter == "personas.ml.language_models.transformers_model.TransformersModel"
    assert row.options == {"model": str(directory)}
    assert row.state == LanguageModel.State.UNPROBED


def test_dpo_prefers_as_people_did_and_lora_is_merged(db: None, tiny: Path, tmp_path: Path) -> None:
    for number in range(20):
        prompt = fill_suffix(SUFFIX, {"title": f"coat {number}", "colour": "red"})
        record_preference(prompt=prompt, preferred=" J", rejected=" D", provenance="lab", key=f"lab:{number}")
    record_preference(prompt="Product", preferred=" D", rejected=" J", provenance="clicks", key="clicks:1")
    said = train("--method=dpo", "--provenance=lab", f"--model={tiny}", "--name=mine", "--steps=30", "--lora=4",
                 "--learning-rate=0.01", f"--output={tmp_path / 'out'}")  # fmt: skip
    assert said["pairs"] == 20
    assert said["after"]["pairs"] == 2.0
    assert said["after"]["accuracy"] == 1.0
    assert said["after"]["margin"] > said["before"]["margin"] + 0.5
    model, _ = load_rater(tmp_path / "out")
    assert sum(weight.numel() for weight in model.parameters()) == sum(
        weight.numel() for weight in load_rater(tiny)[0].parameters()
    )


def test_a_rater_is_trained_from_nothing_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps of a tiny shape: that figures are printed and files written, not that it is any good."""
    small = {"POOL": 100, "VOCABULARY_TEXTS": 60, "MEASURED_PERSONAS": 2, "MEASURED_PRODUCTS": 4, "WRITTEN": 2}
    for name, value in small.items():
        monkeypatch.setattr(rater_recipe, name, value)
    shape = RaterShape(hidden_size=32, layers=2, heads=2, intermediate_size=48)
    monkeypatch.setattr(rater_training.RaterTrainingConfig, "__init__", _with(shape))
    said = train("--from-drawings", "--name=new", "--steps=2", f"--output={tmp_path / 'new'}")
    assert said["rating"]["cells"] == 16.0
    assert said["writing"]["asked"] == 2.0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    model, _ = load_rater(tmp_path / "new")
    assert model.config.fashionrec["demonstration"] is True
    assert model.config.fashionrec["name"] == "new"


def _with(shape: RaterShape) -> Any:
    original = rater_training.RaterTrainingConfig.__init__

    def init(self: Any, **values: Any) -> None:
        original(self, **{"shape": shape, "personas": 2, "products": 4, "documents": 1, **values})

    return init


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--method=sft", "--model=compact", "--name=a/b", "--run=x"], "--name: received 'a/b'"),
        (["--method=sft", "--model=compact", "--name=a"], "--run: received None"),
        (["--method=dpo", "--model=compact", "--name=a", "--run=x"], "--run: received 'x'"),
        (["--method=sft", "--name=a", "--run=x"], "--model: needed"),
        (["--from-drawings", "--name=a", "--model=compact"], "--model: received 'compact', has no meaning"),
        (["--from-drawings", "--name=a", "--batch-size=8"], "--batch-size: received 8, has no meaning"),
        (["--from-drawings", "--name=a", "--beta=0.2"], "--beta: received 0.2, has no meaning"),
        (["--method=sft", "--model=compact", "--name=a", "--run=x", "--beta=0.2"], "--beta: received 0.2, has no mean"),
        (
            ["--method=sft", "--model=compact", "--name=a", "--run=x", "--provenance=lab"],
            "--provenance: received 'lab'",
        ),
        (["--name=a"], "one of the arguments --from-drawings --method is required"),
        (["--method=sft", "--model=compact", "--name=a", "--run=nonsense"], "run: no rating run has this id"),
        (["--method=sft", "--model=compact", "--name=a", f"--run={uuid.UUID(int=1)}"], "run: no rating run has"),
        (["--method=dpo", "--model=compact", "--name=a"], "at least two preference pairs are needed"),
        (["--method=dpo", "--model=compact", "--name=a", "--provenance=dreams"], "provenance: expected one of lab"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_the_field(
    db: None, arguments: list[str], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=reason.replace("(", r"\(")):
        train(*arguments, f"--output={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_nowhere_is_named(run: RatingRun, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"model: received '.*nowhere', which is no causal language model"):
        train("--method=sft", f"--run={run.pk}", f"--model={tmp_path / 'nowhere'}", "--name=mine")


def test_only_finished_runs_with_distributions_teach(run: RatingRun) -> None:
    run.state = RatingRun.State.RUNNING
    run.save()
    with pytest.raises(Exception, match="run: only a finished run teaches; this one is running"):
        rated_lessons(str(run.pk))
    run.state = RatingRun.State.DONE
    run.save()
    LanguageModel.objects.filter(pk=run.language_model_id).update(scoring="sampling")
    with pytest.raises(Exception, match="run: its model samples ratings"):
        rated_lessons(str(run.pk))
    run.ratings.all().delete()
    LanguageModel.objects.filter(pk=run.language_model_id).update(scoring="exact")
    with pytest.raises(Exception, match="at least two personas are needed, .* it has those of 0"):
        rated_lessons(str(run.pk))


def test_lessons_ask_both_label_orders_take_calibrated_distributions_and_keep_personas_apart(run: RatingRun) -> None:
    calibrated = [0.0] * 10 + [1.0]
    run.ratings.update(calibrated_probabilities=calibrated)
    lessons = rated_lessons(str(run.pk), held_out=0.2, seed=1)
    assert (len(lessons.training), len(lessons.held_out), lessons.ratings) == (16, 4, 20)
    assert [pack.order for pack in lessons.training[:2]] == ["ascending", "descending"]
    assert lessons.training[0].suffixes == lessons.training[1].suffixes
    assert "A: -1" in lessons.training[0].prefix
    assert "A: 10" in lessons.training[1].prefix
    np.testing.assert_allclose(lessons.training[0].probabilities, [calibrated] * 2)


def test_preferences_are_read_by_provenance(db: None) -> None:
    for number in range(3):
        record_preference(prompt="p", preferred=" J", rejected=" D", provenance="clicks", key=f"clicks:{number}")
    record_preference(prompt="p", preferred=" A", rejected=" B", provenance="lab")
    assert len(stored_preferences()) == 4
    assert [pair.preferred for pair in stored_preferences("clicks")] == [" J"] * 3
    with pytest.raises(Exception, match="at least two preference pairs are needed"):
        stored_preferences("lab")


def test_what_is_split_off_is_never_empty_and_never_everything() -> None:
    assert tuple(map(len, split_off(range(2), share=0.9, seed=0))) == (1, 1)
    assert tuple(map(len, split_off(range(100), share=0.1, seed=0))) == (90, 10)
    rest, chosen = split_off(range(10), share=0.3, seed=2)
    assert sorted(rest + chosen) == list(range(10))


def test_the_shipped_rater_is_where_the_command_looks_for_it() -> None:
    assert COMPACT_FOLDER.parts[-3:] == ("personas", "raters", "compact")
