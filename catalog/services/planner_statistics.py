"""Telling Postgres how many rows there are now, instead of waiting a minute for it to notice."""

from django.db import connection, models
from psycopg import sql


def refresh_planner_statistics(*tables: type[models.Model]) -> None:
    """Call after many rows were written.

    For a table without statistics the planner expects a handful of rows and compares every one with every other:
    the nearest products among 3,500 took 3 s instead of 12 ms.
    """
    names = sql.SQL(", ").join(sql.Identifier(table._meta.db_table) for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(names))
