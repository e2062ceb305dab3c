"""Instants come from the database's clock: several machines share it, none of them owns it (RELIABILITY 1.3)."""

from typing import Any

from django.db import models
from django.utils import timezone


class DatabaseNow(models.Func):
    """The wall clock of the database at the moment the row is read (not the start of the transaction).

    SQLite lives on this machine and has milliseconds only, so there this machine's clock is taken.
    """

    template = "clock_timestamp()"
    arity = 0
    output_field = models.DateTimeField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[str | int, ...]]:
        return "%s", (connection.ops.adapt_datetimefield_value(timezone.now()),)
