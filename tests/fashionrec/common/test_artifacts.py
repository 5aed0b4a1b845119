import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import storages

from fashionrec.common.artifacts import ArtifactError, fetch_directory, file_digests, store_directory

pytestmark = pytest.mark.django_db  # for storage of its own

FILES = {"config.json": b'{"kind": "popularity"}', "weights/tower.safetensors": bytes(range(256)) * 400}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def stored(digest: str, name: str) -> Path:
    return Path(storages["artifacts"].path(f"{digest}/{name}"))


def test_a_stored_folder_comes_back_byte_for_byte_under_the_digest_of_its_manifest(folder):
    digest = store_directory(folder)
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert digest == hashlib.sha256(json.dumps(expected, sort_keys=True, indent=1).encode()).hexdigest()
    local = fetch_directory(digest)
    assert local == Path(settings.ARTIFACT_CACHE_DIR) / digest
    assert {name: (local / name).read_bytes() for name in FILES} == FILES
    assert json.loads((local / "manifest.json").read_text()) == expected == file_digests(folder)


def test_the_same_contents_are_stored_once_and_other_contents_apart(folder):
    digest = store_directory(folder)
    written = stored(digest, "config.json").stat().st_mtime_ns
    assert store_directory(folder) == digest
    assert stored(digest, "config.json").stat().st_mtime_ns == written
    (folder / "config.json").write_bytes(b"{}")
    assert store_directory(folder) != digest


def test_a_fetched_folder_needs_the_storage_no_more(folder):
    digest = store_directory(folder)
    fetch_directory(digest)
    stored(digest, "manifest.json").unlink()
    assert (fetch_directory(digest) / "config.json").read_bytes() == FILES["config.json"]


def test_a_damaged_file_is_refused_by_name_and_leaves_nothing_in_the_cache(folder):
    digest = store_directory(folder)
    stored(digest, "weights/tower.safetensors").write_bytes(b"\x00" * 102_400)
    with pytest.raises(ArtifactError, match=r"weights/tower.safetensors has sha256 \w{64}, expected \w{64}"):
        fetch_directory(digest)
    assert list(Path(settings.ARTIFACT_CACHE_DIR).iterdir()) == []


def test_a_lost_file_and_a_damaged_manifest_are_refused(folder):
    digest = store_directory(folder)
    stored(digest, "config.json").unlink()
    with pytest.raises(ArtifactError, match=r"config\.json is missing from storage"):
        fetch_directory(digest)
    stored(digest, "manifest.json").write_bytes(b"{}")
    with pytest.raises(ArtifactError, match="its manifest has sha256"):
        fetch_directory(digest)


def test_an_unknown_digest_is_refused():
    with pytest.raises(ArtifactError, match="'feed': not in storage"):
        fetch_directory("feed")


def test_storing_that_was_interrupted_is_made_good_by_storing_again(folder):
    digest = store_directory(folder)
    stored(digest, "manifest.json").unlink()  # written last: as if the process had died before
    stored(digest, "weights/tower.safetensors").write_bytes(b"half of")
    with pytest.raises(ArtifactError, match="not in storage"):
        fetch_directory(digest)
    assert store_directory(folder) == digest
    assert (fetch_directory(digest) / "weights/tower.safetensors").read_bytes() == FILES["weights/tower.safetensors"]


def test_many_readers_at_once_get_the_same_folder(folder):
    digest = store_directory(folder)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(fetch_directory, [digest] * 16))
    assert found == {Path(settings.ARTIFACT_CACHE_DIR) / digest}
    assert [path.name for path in Path(settings.ARTIFACT_CACHE_DIR).iterdir()] == [digest]


def test_an_empty_folder_and_one_with_a_manifest_of_its_own_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="is empty"):
        store_directory(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"has a manifest\.json of its own"):
        store_directory(tmp_path)
