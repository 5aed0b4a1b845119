"""Which row of a file named an id first."""

import sqlite3
from types import TracebackType
from typing import Self


class FirstRows:
    """Kept in a private temporary database on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE first_row (external_id TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    def claim(self, external_id: str, number: int) -> int:
        """The first row with this id: `number` itself, or an earlier one."""
        inserted = self._database.execute(
            "INSERT INTO first_row VALUES (?, ?) ON CONFLICT DO NOTHING", (external_id, number)
        ).rowcount
        if inserted:
            return number
        query = "SELECT number FROM first_row WHERE external_id = ?"
        return int(self._database.execute(query, (external_id,)).fetchone()[0])
