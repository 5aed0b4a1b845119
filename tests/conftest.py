"""Fixtures shared by the whole suite: the embedded Postgres, and storage that is thrown away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from fashionrec import embedded


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Runs before pytest-django makes the test database: the server must be up by then."""
    if settings.USES_EMBEDDED_DATABASE:
        embedded.start(settings.DATA_DIR)


@pytest.fixture(autouse=True)
def own_storage(request: pytest.FixtureRequest, settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
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
    yield folder
