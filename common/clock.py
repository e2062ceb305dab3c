"""Instants come from the database's clock: several machines share it, none of them owns it (RELIABILITY 1.3)."""

from datetime import datetime
from typing import Any

from django.db import connection, models
from django.utils import timezone


class DatabaseNow(models.Func):
    """The wall clock of the database at the moment the row is read (not the start of the transaction).

    SQLite lives on this machine and has milliseconds only, so there this machine's clock is taken.
    """

    template = "clock_timestamp()"
    arity = 0
    output_field = models.DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (_Moment(connection.ops),)


class _Moment:
    """The instant at which SQLite is handed this value: the statement may have been made long before."""

    def __init__(self, ops: Any) -> None:
        self.ops = ops

    def __conform__(self, protocol: Any) -> str:
        return self.ops.adapt_datetimefield_value(timezone.now())


def database_now() -> datetime:
    """The wall clock of the database now, for work on many rows at once."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
