"""`manage.py rating_fidelity`: the table, the JSON, and plain words about which model spoke."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command

from personas.services.language_models import register_language_model
from tests.personas.ml.review_files import ITEMS, made_up_rows, write_reviews

pytestmark = pytest.mark.django_db
REAL = Path(configured.BASE_DIR).parent / "shared" / "data" / "reviews" / "womens_reviews.csv.gz"


@pytest.fixture(autouse=True)
def reports(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "var"
    return tmp_path / "var" / "reports" / "rating-fidelity.json"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_reviews(tmp_path / "reviews.csv.gz", made_up_rows())


def fidelity(adapter: str, **options: Any) -> tuple[str, dict[str, Any]]:
    register_language_model(name="asked", adapter=adapter)
    output = io.StringIO()
    call_command("rating_fidelity", model="asked", verbosity=0, stdout=output, **options)
    *table, last = output.getvalue().rstrip("\n").split("\n")
    return "\n".join(table), json.loads(last)


def test_a_model_is_held_against_the_reviews(data: Path, reports: Path) -> None:
    table, results = fidelity("tests.personas.ml.review_files.Listener", data=data, items=ITEMS, reviews=8)
    assert "CAUTION" not in table
    assert results["caution"] == ""
    assert results["n"]["items"] == ITEMS
    assert results["n"]["prompts"] == 2 * results["n"]["cells"]
    assert results["methods"]["model, line on training stars"]["item_correlation"] > 0.9
    assert "split by review: an item's text is made of its other reviews, never of one that is predicted" in table
    assert json.loads(reports.read_text()) == results
    for name in results["methods"]:
        assert name in table


def test_the_small_model_is_called_small(data: Path) -> None:
    table, results = fidelity("tests.personas.ml.review_files.SmallListener", data=data, items=5, reviews=4)
    assert table.startswith("CAUTION: asked is the small model for demonstration:")
    assert results["caution"] == table.split("\n")[0].removeprefix("CAUTION: ").removesuffix(".")


def test_a_simulator_is_called_a_simulator(data: Path) -> None:
    table, _ = fidelity("fashionrec.simulation.rater.SimulatedRater", data=data, items=5, reviews=4, limit_calls=20)
    assert table.startswith("CAUTION: asked is a simulator with planted tastes:")
    assert "held-out reviews were not asked about: --limit-calls" in table


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": Path("/nowhere.csv")}, "/nowhere.csv: no such file"),
        ({"items": 0}, "items: received 0"),
        ({"seed": -1}, "--seed: received -1"),
        ({"limit_calls": 1}, "limit-calls: received 1"),
    ],
)
def test_what_cannot_be_done_is_said(data: Path, reports: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        fidelity("tests.personas.ml.review_files.Listener", **{"data": data, "items": 5, **options})
    assert not reports.exists()


def test_an_unknown_model_is_named(data: Path) -> None:
    with pytest.raises(CommandError, match="unknown language model"):
        call_command("rating_fidelity", data=data, model="nobody", verbosity=0)


@pytest.mark.skipif(not REAL.is_file(), reason="the review data are not here")
def test_real_reviews_are_read_and_compared() -> None:
    _, results = fidelity("fashionrec.simulation.rater.SimulatedRater", data=REAL, items=20, reviews=10)
    assert results["n"]["items"] == 20
    assert results["n"]["test_reviews"] == 200
    assert results["n"]["training_reviews"] == 6793
    upper = results["methods"]["ridge on the review itself"]
    assert upper["rmse_gain_interval"][0] > 0.2
