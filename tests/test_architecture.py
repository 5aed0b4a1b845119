"""Rules of the house that no linter knows."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection

from fashionrec.common.runs import run_models
from tests.factories.catalog import ProductFactory
from tests.factories.feedback import EventFactory
from tests.recommender.training import serve

ROOT = Path(settings.BASE_DIR)
APPS = ("catalog", "personas", "feedback", "recommender", "fashionrec")
LONGEST_FILE = 400


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def enqueued_names() -> Iterator[tuple[str, ast.expr]]:
    """(place, first argument) of every call of enqueue in the project."""
    for path in sources(*APPS):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "enqueue":
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]


def test_every_task_that_is_enqueued_by_name_is_registered() -> None:
    current_app.loader.import_default_modules()
    registered = set(current_app.tasks)
    calls = list(enqueued_names())
    assert len(calls) >= 4
    for place, argument in calls:
        if isinstance(argument, ast.Constant):
            assert argument.value in registered, place
        else:  # a run's task, checked for every kind of run below
            assert ast.unparse(argument).endswith(".task_name"), f"{place}: {ast.unparse(argument)}"
    assert len(run_models()) >= 4
    assert {model.task_name for model in run_models()} <= registered


def test_every_beat_entry_and_every_route_names_a_registered_task() -> None:
    current_app.loader.import_default_modules()
    ours = {name for name in current_app.tasks if not name.startswith("celery.")}
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= ours
    for pattern in settings.CELERY_TASK_ROUTES:
        assert any(name.startswith(pattern.rstrip("*")) for name in ours), pattern


def test_a_task_keeps_no_results_and_is_thin() -> None:
    for path in (ROOT / app / "tasks.py" for app in ("catalog", "personas", "recommender")):
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef):
                assert "ignore_result=True" in ast.unparse(node.decorator_list[0]), f"{path}: {node.name}"
                assert len(node.body) <= 6, f"{path}: {node.name} is more than a call of its job"


def test_imports_follow_the_layers() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_part_of_the_composition_root_is_closed_to_the_apps_below() -> None:
    forbidden = (ROOT / "pyproject.toml").read_text()
    parts = {path.stem for path in (ROOT / "fashionrec").iterdir() if path.suffix == ".py" or path.is_dir()}
    for part in parts - {"__init__", "__pycache__", "common", "static"}:
        assert f'"fashionrec.{part}"' in forbidden, f"fashionrec.{part} is in no import contract"


def test_benchmarks_measure_the_products_own_models_and_define_none() -> None:
    for path in sources("fashionrec/benchmarks"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base) for base in node.bases}
                assert not any(base.split(".")[-1] == "Module" for base in bases), f"{path}: {node.name}"


def test_nothing_is_pickled() -> None:
    for path in sources(*APPS):
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"pickle", "joblib", "dill", "cloudpickle"} & {name.split(".")[0] for name in names}, path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.save", "torch.load"):
                pytest.fail(f"{path}:{node.lineno}: {ast.unparse(node.func)} pickles")


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(*APPS, "tests")
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert long == {}


REQUESTS = """
import json, os, sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["DATABASE_NAME"]
settings.STORAGES["artifacts"]["OPTIONS"]["location"] = os.environ["ARTIFACTS"]
settings.ARTIFACT_CACHE_DIR = os.environ["CACHE"]
from fashionrec.wsgi import application
import fashionrec.urls
from django.test import Client
from fashionrec.common.services.api_keys import create_api_key

token = create_api_key(name="web", scopes=["all"], source="partner")[1]
client = Client(headers={"host": "127.0.0.1", "authorization": "Api-Key " + token})
answers = {}
for path in sys.argv[1:]:
    response = client.get(path)
    answers[path] = [response.status_code, response.content.decode()]
import importlib, pkgutil
import recommender.ml
for module in pkgutil.iter_modules(recommender.ml.__path__):
    if module.name.endswith("_scorer") or module.name.endswith("_scorers"):
        importlib.import_module("recommender.ml." + module.name)
import catalog.ml.text_encoder
print(json.dumps({
    "answers": answers,
    "modules": sorted({name.split(".")[0] for name in sys.modules}),
    "libtorch": "libtorch" in open("/proc/self/maps").read(),
}))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="memory maps are read from /proc")
@pytest.mark.django_db(transaction=True)
def test_a_process_that_answers_requests_never_loads_torch(own_storage: Path) -> None:
    products = ProductFactory.create_batch(3, pictures=0)
    for product in products:
        EventFactory(type="like", product=product, visitor__consented=True)
    version = serve("popularity")
    paths = [
        "/",
        "/api/v1/products/",
        "/api/v1/recommendations/?visitor=anna",
        "/api/v1/search/?q=dress",
        "/admin/login/",
    ]
    done = subprocess.run(
        [sys.executable, "-c", REQUESTS, *paths],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "fashionrec.settings.test",
            "DATABASE_NAME": str(connection.settings_dict["NAME"]),
            "ARTIFACTS": str(own_storage / "artifacts"),
            "CACHE": str(own_storage / "another cache"),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert {path: status for path, (status, _) in seen["answers"].items()} == dict.fromkeys(paths, 200)
    assert json.loads(seen["answers"]["/api/v1/recommendations/?visitor=anna"][1])["model"] == version.name
    assert "numpy" in seen["modules"]
    heavy = {"torch", "torchvision", "torch_geometric", "open_clip", "transformers", "scipy", "sklearn", "peft"}
    assert not heavy & set(seen["modules"])
    assert seen["libtorch"] is False
