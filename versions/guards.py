"""The database's own triggers on SQLite and PostgreSQL, which hold whoever writes (SPEC 2).

Guards refuse what the code should never try; watches count up the generation when what is served changes
(versions/generation.py). The SQL files are frozen once released. To change one, add a numbered pair and name it here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder

GUARDS, WATCHES = "0001", "0002"
# Each pair stands from its migration on.
MIGRATIONS = {GUARDS: ("versions", "0003_guards"), WATCHES: ("versions", "0004_served_generation")}
BLOCK = re.compile(
    r"^-- guard: (?P<name>\w+) on (?P<table>\w+)\n(?P<sql>.*?)(?=^-- guard: |\Z)", re.MULTILINE | re.DOTALL
)
# Another number than any before, whatever a table that was emptied or restored says.
COUNT_UP = "UPDATE served_generation SET number = number + 1"
BODY = re.compile(r"\$guard\$(.*)\$guard\$", re.DOTALL)
FIRES = re.compile(r"TRIGGER \w+ (?P<when>BEFORE|AFTER) (?P<on>\w+(?: OR \w+)*) ON .* FOR EACH (?P<each>ROW|STATEMENT)")
# How PostgreSQL notes down when a trigger fires (pg_trigger.tgtype).
BITS = {"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
# A constraint of the model, and a guard as well: on PostgreSQL nothing else refuses a second version in PRD.
ONE_IN_PRODUCTION = "versions_one_in_production"
ONE = f"CREATE UNIQUE INDEX {ONE_IN_PRODUCTION} ON prompt_versions (prompt_id) WHERE stage = 'PRD'"


@dataclass(frozen=True)
class Guard:
    """One trigger: its name, the table it watches, and the SQL that makes it."""

    name: str
    table: str
    sql: str


@cache
def read(pair: str, vendor: str) -> tuple[Guard, ...]:
    """Return the triggers of one pair of files for "sqlite" or "postgresql"."""
    text = (Path(__file__).parent / "sql" / f"{pair}_{vendor}.sql").read_text()
    return tuple(
        Guard(found["name"], found["table"], found["sql"].strip().removesuffix(";")) for found in BLOCK.finditer(text)
    )


def guards(vendor: str) -> tuple[Guard, ...]:
    """Return the triggers that refuse."""
    return read(GUARDS, vendor)


def watches(vendor: str) -> tuple[Guard, ...]:
    """Return the triggers that count up the generation of what is served."""
    return read(WATCHES, vendor)


def missing(using: str = "default", pairs: Iterable[str] = MIGRATIONS) -> list[str]:
    """Return the names of the guards that are absent, switched off, or not as written."""
    connection = connections[using]
    found = _sqlite(connection) if connection.vendor == "sqlite" else _postgresql(connection)
    expected = [guard for pair in pairs for guard in read(pair, connection.vendor)]
    lacking = [
        guard.name for guard in expected if found.get(guard.name) != (guard.table, _essence(guard, connection.vendor))
    ]
    if GUARDS in pairs and not _one_in_production(connection):
        lacking.append(ONE_IN_PRODUCTION)
    return lacking


def install(using: str = "default", pairs: Iterable[str] = MIGRATIONS) -> list[str]:
    """Put every missing guard in place; touches nothing where all stand. Returns the names of what was put back."""
    connection = connections[using]
    lacking = missing(using, pairs)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for guard in _all(connection.vendor):
            if guard.name in lacking:
                _drop(cursor, guard, connection.vendor)
                cursor.execute(guard.sql)
        if ONE_IN_PRODUCTION in lacking:
            cursor.execute(f"DROP INDEX IF EXISTS {ONE_IN_PRODUCTION}")
            cursor.execute(ONE)
        if lacking and WATCHES in pairs:
            # Nobody counted while they were away.
            cursor.execute(COUNT_UP)
    return lacking


def lift(using: str = "default", pairs: Iterable[str] = MIGRATIONS) -> None:
    """Take every trigger away. For the reversal of the migration, and for tests that empty tables."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        for pair in pairs:
            for guard in read(pair, connection.vendor):
                _drop(cursor, guard, connection.vendor)


def step_aside(using: str = "default", plan: Any = (), **signal: Any) -> None:
    """Before migrations on SQLite: it cannot alter a table that another table's trigger mentions.

    `put_back` follows when they are done; should they fail in between, /health/ready and the next migrate say so.
    """
    if plan and connections[using].vendor == "sqlite":
        lift(using)


def put_back(using: str = "default", **signal: Any) -> None:
    """After every migrate: SQLite drops a table's triggers when Django alters the table."""
    if pairs := due(using):
        install(using, pairs)


def due(using: str = "default") -> list[str]:
    """The pairs that should stand: not before their migration, nor after it was taken back."""
    recorder = MigrationRecorder(connections[using])
    applied = recorder.applied_migrations() if recorder.has_table() else {}
    return [pair for pair, migration in MIGRATIONS.items() if migration in applied]


def _all(vendor: str) -> list[Guard]:
    return [guard for pair in MIGRATIONS for guard in read(pair, vendor)]


def _drop(cursor: Any, guard: Guard, vendor: str) -> None:
    if vendor == "sqlite":
        cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}")
    else:
        cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name} ON {guard.table}")
        cursor.execute(f"DROP FUNCTION IF EXISTS {guard.name}()")


def _essence(guard: Guard, vendor: str) -> str:
    """What the database keeps of a guard and can be compared with: the statement, or when it fires and its body."""
    return guard.sql if vendor == "sqlite" else f"{_fires(guard)} {BODY.findall(guard.sql)[0]}"


def _fires(guard: Guard) -> int:
    words = [word for said in FIRES.findall(guard.sql) for part in said for word in part.split(" OR ")]
    return sum(BITS.get(word, 0) for word in words)


def _sqlite(connection: Any) -> dict[str, tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        return {name: (table, sql) for name, table, sql in cursor.fetchall()}


def _postgresql(connection: Any) -> dict[str, tuple[str, str]]:
    """Triggers that fire always (also under session_replication_role), unconditionally, and whatever column changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, t.tgrelid::regclass::text, t.tgtype || ' ' || p.prosrc "
            "FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = ''"
        )
        return {name: (table, source) for name, table, source in cursor.fetchall()}


def _one_in_production(connection: Any) -> bool:
    """Whether the index that allows one PRD a prompt is there, unique, and over PRD."""
    where = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'prompt_versions' AND name = %s"
        if connection.vendor == "sqlite"
        else "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = 'prompt_versions'::regclass "
        "AND i.indisunique AND i.indisvalid AND i.indexrelid::regclass::text = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(where, [ONE_IN_PRODUCTION])
        row = cursor.fetchone()
    said = row[0].replace('"', "") if row else ""
    return bool(re.search(r"CREATE UNIQUE INDEX .*\(prompt_id\) WHERE .*stage.* = 'PRD'", said))
