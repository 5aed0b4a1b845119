"""Telling Postgres how many rows there are now, instead of waiting a minute for it to notice."""

from django.db import connection, models
from psycopg import sql


def refresh_planner_statistics(*tables: type[models.Model]) -> None:
    """After many rows were written. Without it, nearest products among 3,500 took 3 s instead of 12 ms: for a table

    without statistics the planner expects a handful of rows, and compares every row with every other.
    """
    names = sql.SQL(", ").join(sql.Identifier(table._meta.db_table) for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(names))
