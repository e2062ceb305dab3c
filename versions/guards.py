"""The database's own refusals: triggers on SQLite and PostgreSQL that hold whoever writes (SPEC 2).

The SQL files are frozen once released. To change a guard, add a numbered pair and set CURRENT.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder

CURRENT = "0001"
MIGRATION = ("versions", "0003_guards")
BLOCK = re.compile(
    r"^-- guard: (?P<name>\w+) on (?P<table>\w+)\n(?P<sql>.*?)(?=^-- guard: |\Z)", re.MULTILINE | re.DOTALL
)
BODY = re.compile(r"\$guard\$(.*)\$guard\$", re.DOTALL)


@dataclass(frozen=True)
class Guard:
    """One trigger: its name, the table it watches, and the SQL that makes it."""

    name: str
    table: str
    sql: str


@cache
def guards(vendor: str) -> tuple[Guard, ...]:
    """Return the guards for "sqlite" or "postgresql"."""
    text = (Path(__file__).parent / "sql" / f"{CURRENT}_{vendor}.sql").read_text()
    return tuple(
        Guard(found["name"], found["table"], found["sql"].strip().removesuffix(";")) for found in BLOCK.finditer(text)
    )


def missing(using: str = "default") -> list[str]:
    """Return the names of the guards that are absent, switched off, or not as written."""
    connection = connections[using]
    found = _sqlite(connection) if connection.vendor == "sqlite" else _postgresql(connection)
    expected = guards(connection.vendor)
    return [
        guard.name for guard in expected if found.get(guard.name) != (guard.table, _essence(guard, connection.vendor))
    ]


def install(using: str = "default") -> list[str]:
    """Put every missing guard in place; touches nothing where all stand. Returns the names of what was put back."""
    connection = connections[using]
    lacking = missing(using)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for guard in guards(connection.vendor):
            if guard.name in lacking:
                _drop(cursor, guard, connection.vendor)
                cursor.execute(guard.sql)
    return lacking


def lift(using: str = "default") -> None:
    """Take every guard away. For the reversal of the migration, and for tests that empty tables."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for guard in guards(connection.vendor):
            _drop(cursor, guard, connection.vendor)


def step_aside(using: str = "default", plan: Any = (), **signal: Any) -> None:
    """Before migrations on SQLite: it cannot alter a table that another table's trigger mentions.

    `put_back` follows when they are done; should they fail in between, /health/ready and the next migrate say so.
    """
    if plan and connections[using].vendor == "sqlite":
        lift(using)


def put_back(using: str = "default", **signal: Any) -> None:
    """After every migrate: SQLite drops a table's triggers when Django alters the table."""
    if are_due(using):
        install(using)


def are_due(using: str = "default") -> bool:
    """Whether the guards should stand: not before their migration, nor after it was taken back."""
    recorder = MigrationRecorder(connections[using])
    return recorder.has_table() and MIGRATION in recorder.applied_migrations()


def _drop(cursor: Any, guard: Guard, vendor: str) -> None:
    if vendor == "sqlite":
        cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}")
    else:
        cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name} ON {guard.table}")
        cursor.execute(f"DROP FUNCTION IF EXISTS {guard.name}()")


def _essence(guard: Guard, vendor: str) -> str:
    """What the database keeps of a guard and can be compared with: the statement, or the function's body."""
    return guard.sql if vendor == "sqlite" else BODY.findall(guard.sql)[0]


def _sqlite(connection: Any) -> dict[str, tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {name: (table, sql) for name, table, sql in cursor.fetchall()}


def _postgresql(connection: Any) -> dict[str, tuple[str, str]]:
    """Triggers that fire always (also under session_replication_role) and unconditionally."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, t.tgrelid::regclass::text, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgqual IS NULL"
        )
        return {name: (table, source) for name, table, source in cursor.fetchall()}
