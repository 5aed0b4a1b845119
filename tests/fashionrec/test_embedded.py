"""The embedded Postgres, on a data folder that is thrown away."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from fashionrec import embedded


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A path that no socket could have: too long, and with a space in it.

    Not under pytest's own folder: every pytest that starts closes that to other users, also to the one that Postgres
    runs as when the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="embedded-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary) / "My Shop" / ("very-long-folder-name-" * 4)
        yield folder
        embedded.stop(folder)
        shutil.rmtree(embedded.socket_directory(folder), ignore_errors=True)


def query(data_dir: Path, sql: str) -> list[tuple]:
    with psycopg.connect(embedded.connection_string(data_dir), autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_short_plain_path_keeps_the_socket_beside_the_data(tmp_path):
    data_dir = Path("/srv/shop/var")
    assert embedded.socket_directory(data_dir) == data_dir / "postgres"
    assert embedded.connection_string(data_dir) == "host=/srv/shop/var/postgres dbname=fashionrec user=postgres"
    assert embedded.database_url(data_dir) == "postgresql://postgres@%2Fsrv%2Fshop%2Fvar%2Fpostgres/fashionrec"


@pytest.mark.parametrize("path", ["/srv/" + "x" * 90, "/srv/my shop", "/srv/a,b", "/srv/größe", "/srv/o'neill"])
def test_a_path_that_no_socket_can_have_gets_a_short_one_of_its_own(path):
    sockets = embedded.socket_directory(Path(path))
    assert len(str(sockets)) <= embedded.LONGEST_SOCKET_DIRECTORY
    assert embedded.PLAIN_PATH.fullmatch(str(sockets))
    assert sockets == embedded.socket_directory(Path(path))
    assert sockets != embedded.socket_directory(Path(path + "2"))


def test_the_folder_of_the_socket_is_closed_to_others_and_never_somebody_elses(tmp_path):
    folder = tmp_path / "sockets"
    for _ in range(2):
        embedded._make_private(folder, owner=os.getuid())
        assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, os.getuid())
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(embedded.EmbeddedServerError, match="belongs to somebody else"):
        embedded._make_private(link, owner=os.getuid())


def test_nothing_runs_in_a_folder_that_was_never_started(tmp_path):
    assert embedded.status(tmp_path).running is False
    assert embedded.status(tmp_path).pid is None
    embedded.stop(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_starts_at_once_and_a_third_make_one_server_with_the_database(data_dir):
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(embedded.start, [data_dir, data_dir])
    third = embedded.start(data_dir)
    assert first.running
    assert first.pid == second.pid == third.pid
    assert query(data_dir, "SELECT current_database()") == [("fashionrec",)]
    assert query(data_dir, "SHOW listen_addresses") == [("",)]  # nobody reaches it over the network


def test_after_kill_9_the_next_start_recovers_every_committed_row(data_dir):
    embedded.start(data_dir)
    query(data_dir, "CREATE TABLE kept (number integer)")
    query(data_dir, "INSERT INTO kept SELECT generate_series(1, 1000)")
    killed = embedded.status(data_dir).pid
    os.kill(killed, signal.SIGKILL)
    started = embedded.start(data_dir)
    assert started.running
    assert started.pid != killed
    assert query(data_dir, "SELECT count(*), sum(number) FROM kept") == [(1000, 500_500)]


def test_a_stopped_server_is_gone_and_starts_again_with_its_data(data_dir):
    embedded.start(data_dir)
    query(data_dir, "CREATE TABLE stays AS SELECT 7 AS number")
    embedded.stop(data_dir)
    assert embedded.status(data_dir) == embedded.Status(
        False, None, embedded.postgres_directory(data_dir), embedded.socket_directory(data_dir)
    )
    embedded.stop(data_dir)  # once more harms nobody
    began = time.monotonic()
    assert embedded.start(data_dir).running
    assert time.monotonic() - began < 30
    assert query(data_dir, "SELECT number FROM stays") == [(7,)]


def test_a_server_that_cannot_start_says_what_its_log_says(data_dir):
    embedded.stop(data_dir)
    control = embedded.postgres_directory(data_dir) / "global" / "pg_control"
    control.rename(control.with_name("pg_control.kept"))
    try:
        with pytest.raises(embedded.EmbeddedServerError, match=r"pg_ctl start failed(.|\n)*could not find"):
            embedded.start(data_dir, timeout=10)
    finally:
        control.with_name("pg_control.kept").rename(control)
