"""A database of its own for a benchmark that has to write: the shop's rows are never touched, and it is dropped after.

It lies on the shop's own server, so what is measured there is what the shop would see.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from fashionrec import embedded


@contextmanager
def scratch_database() -> Iterator[str]:
    """Inside, this process works on a new, migrated, empty database, whose name is given; outside, on the shop's.

    Dropped at the end, also after an error; a process that is killed leaves it (DROP DATABASE benchmark_…). Raises
    ValueError when the connection is inside a transaction, which belongs to the shop's database.
    """
    if connection.in_atomic_block:
        raise ValueError("a scratch database cannot be opened inside a transaction")
    if settings.USES_EMBEDDED_DATABASE:
        embedded.start(settings.DATA_DIR)
    name, shop = f"benchmark_{uuid.uuid4().hex[:12]}", connection.settings_dict["NAME"]
    before = connection.settings_dict["TEST"].get("NAME")
    connection.settings_dict["TEST"]["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=False, serialize=False)
        # What is cached was read from the shop, and what is read here must not be found by the shop.
        cache.clear()
        yield name
    finally:
        connection.settings_dict["TEST"]["NAME"] = before
        cache.clear()
        try:
            if connection.settings_dict["NAME"] == name:
                connection.creation.destroy_test_db(shop, verbosity=0)
        finally:
            connection.close()
            settings.DATABASES[connection.alias]["NAME"] = connection.settings_dict["NAME"] = shop
