"""An import killed with SIGKILL carries on where it stopped: no row twice, no row lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from catalog.models import ImportRun, Product
from fashionrec import embedded

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 3_000


def test_a_killed_import_is_resumed_without_repeating_or_losing_a_row(
    write_csv: Callable[..., Path], run_import: Callable[..., dict[str, Any]]
) -> None:
    # Every 100th row is bad, and the last row repeats the id of the first.
    rows: list[tuple[object, ...]] = [(f"p{n}", f"Product {n}", "-1" if n % 100 == 0 else n) for n in range(1, ROWS)]
    path = write_csv(("id", "name", "price"), [*rows, ("p1", "Again", 3)])
    read = 0
    for kills in (1, 2):
        process = _start(path)
        read = _wait_for_progress(process, beyond=read)
        process.send_signal(signal.SIGKILL)
        process.wait()
        run = ImportRun.objects.get()
        assert (run.state, run.lease_until is None) == ("running", False), kills
        assert 0 < run.read == run.done < ROWS
        assert Product.objects.count() == run.created == run.read - run.rejected
        assert run.issues.count() == run.rejected == run.read // 100
        read = run.read
    result = run_import(path, format="csv", source="shop")
    assert result["run"] == str(run.pk)
    assert (result["read"], result["created"], result["rejected"], result["issues"]) == (ROWS, ROWS - 30, 30, 30)
    assert (result["updated"], result["unchanged"]) == (0, 0)
    assert Product.objects.count() == ROWS - 30
    run.refresh_from_db()
    assert run.issues.get(row=ROWS).reason == "already in row 1 of this file"
    assert run.issues.values("row").distinct().count() == 30


def _start(path: Path) -> "subprocess.Popen[bytes]":
    name = connection.settings_dict["NAME"]
    database = connection.settings_dict
    url = (
        embedded.database_url(settings.DATA_DIR, database=name)
        if settings.USES_EMBEDDED_DATABASE
        else f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{name}"
    )
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_catalog", str(path), "--format", "csv", "--source", "shop"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "fashionrec.settings.test"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _wait_for_progress(process: "subprocess.Popen[bytes]", *, beyond: int) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run = ImportRun.objects.first()
        if run is not None and run.read > beyond:
            return run.read
        assert process.poll() is None, "the import ended before it could be killed"
        time.sleep(0.01)
    raise AssertionError("the import made no progress within 60 s")
