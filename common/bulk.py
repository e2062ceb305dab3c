"""Changing many rows, each to its own values, in a fixed number of statements."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections, models, router

VALUES = 20_000  # of one statement: under the fewest parameters that any SQLite we support takes


def update_rows(model: type[models.Model], rows: Iterable[models.Model], fields: Sequence[str]) -> None:
    """Store the named fields of every row, joined to a list of values by primary key.

    Django's own bulk_update writes one CASE for each row and field: for ten thousand rows that is minutes.
    """
    columns = [model._meta.pk, *(model._meta.get_field(name) for name in fields)]
    connection = connections[router.db_for_write(model)]
    waiting = list(rows)
    size = VALUES // len(columns)
    with connection.cursor() as cursor:
        for start in range(0, len(waiting), size):
            _update(cursor, connection, model._meta.db_table, columns, waiting[start : start + size])


def _update(cursor: Any, connection: Any, table: str, columns: list[Any], rows: list[models.Model]) -> None:
    quote = connection.ops.quote_name
    names = [quote(column.column) for column in columns]
    # PostgreSQL takes a column of NULLs for text unless it is told what it is; SQLite needs to be told nothing.
    cast = "CAST(given.{0} AS {1})" if connection.vendor == "postgresql" else "given.{0}"
    said = [cast.format(name, column.db_type(connection)) for name, column in zip(names, columns, strict=True)]
    sets = ", ".join(f"{name} = {value}" for name, value in zip(names[1:], said[1:], strict=True))
    one = f"({', '.join(['%s'] * len(columns))})"
    values = [column.get_db_prep_save(getattr(row, column.attname), connection) for row in rows for column in columns]
    cursor.execute(
        f"WITH given ({', '.join(names)}) AS (VALUES {', '.join([one] * len(rows))}) "  # noqa: S608  (only names)
        f"UPDATE {quote(table)} SET {sets} FROM given WHERE {quote(table)}.{names[0]} = {said[0]}",
        values,
    )
