"""Fixtures shared by the whole suite: the embedded Postgres, and storage that is thrown away."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import storages as file_storages
from xdist.scheduler import LoadScopeScheduling

from fashionrec import embedded
from tests.worlds import Shop, build_tiny_world, new_shop


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """With several workers, a file stays with one of them, and so do all journeys, which look at one tiny world.

    By file and not by pytest-xdist's groups: they mark the ids of tests in a way that this pytest no longer reads.
    """

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "tests/journeys" if file.startswith("tests/journeys/") else file

    return ByFile(config, log)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Runs before pytest-django makes the test database: the server must be up by then."""
    if settings.USES_EMBEDDED_DATABASE:
        embedded.start(settings.DATA_DIR)


@pytest.fixture(autouse=True)
def own_storage(
    request: pytest.FixtureRequest, settings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Each test that touches the database writes its media and artifacts to a folder of its own."""
    if not {"db", "transactional_db", "django_db_setup"} & set(
        request.fixturenames
    ) and not request.node.get_closest_marker("django_db"):
        yield Path(settings.DATA_DIR)
        return
    folder = tmp_path_factory.mktemp("storage")
    storages = {name: {**value, "OPTIONS": dict(value.get("OPTIONS", {}))} for name, value in settings.STORAGES.items()}
    for alias, name in (("default", "media"), ("media", "media"), ("artifacts", "artifacts")):
        storages[alias]["OPTIONS"]["location"] = str(folder / name)
    settings.STORAGES = storages
    settings.MEDIA_ROOT = folder / "media"
    settings.ARTIFACT_CACHE_DIR = folder / "cache"
    # A file field keeps the storage that it was made with.
    from catalog.models import ImportRun

    monkeypatch.setattr(ImportRun._meta.get_field("upload"), "storage", file_storages["artifacts"])
    yield folder


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """What one test cached, such as the trending products or a throttle's count, is no other test's business."""
    cache.clear()


@pytest.fixture(scope="session")
def tiny_world(django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A trained shop that nobody changes: copy it with `copied_shop`, look at it with `live_shop`."""
    with new_shop(tmp_path_factory.mktemp("tiny-world")) as shop:
        build_tiny_world(shop)
        yield shop


@pytest.fixture
def copied_shop(tiny_world: Shop, tmp_path: Path) -> Iterator[Shop]:
    """A copy of the tiny world: database and files. Leases are short, so that a killed worker is replaced soon."""
    shutil.copytree(tiny_world.data_dir, tmp_path, dirs_exist_ok=True)
    with new_shop(
        tmp_path, template=tiny_world.database, FASHIONREC_LEASE_SECONDS="4", FASHIONREC_RESUME_SECONDS="1"
    ) as shop:
        shop.summary = tiny_world.summary
        yield shop


@pytest.fixture(scope="session")
def live_shop(tiny_world: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A served copy of the tiny world, shared by the journeys of the session; `live_shop.url` is its address."""
    folder = tmp_path_factory.mktemp("live-shop")
    shutil.copytree(tiny_world.data_dir, folder, dirs_exist_ok=True)
    with new_shop(folder, template=tiny_world.database) as shop:
        shop.summary = tiny_world.summary
        shop.manage("collectstatic", "--noinput", "-v", "0")
        shop.url = shop.start_web()
        yield shop
