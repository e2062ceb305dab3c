"""Legacy prompts out of a table of another database: SQLite or PostgreSQL, opened for reading only."""

import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ
from django.db import Error
from django.db.utils import ConnectionHandler

from common.errors import BadInput
from repository.legacy.rows import Row

SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
URLS = "Write sqlite:////data/app.sqlite3 or postgresql://user@host:5432/database."
SHOWN = 20  # tables named in a message
READ_ONLY = "-c default_transaction_read_only=on"


def from_table(url: str, table: str, name_column: str, text_column: str) -> Iterator[Row]:
    """Yield the rows of a table, by name. Raises BadInput for a database, table or column that is not there."""
    with closing(_connect(url)) as connection:
        try:
            connection.ensure_connection()
            if connection.vendor == "sqlite":
                connection.connection.text_factory = bytes  # so that a broken text is named, not a crash
            source = _known(connection, table, (name_column, text_column))
            name, text = (f"legacy.{quoted(column)}" for column in (name_column, text_column))
            with connection.chunked_cursor() as cursor:
                cursor.execute(f"SELECT {name} AS a, {text} AS b FROM {source} AS legacy ORDER BY a")  # noqa: S608  (quoted)
                for number, row in enumerate(_rows(cursor), 1):
                    yield f"row {number}", *row
        except (Error, ValueError) as error:
            raise BadInput(f"The database says: {str(error).strip()}") from error


def quoted(identifier: str) -> str:
    """An identifier as SQL, whatever characters it has."""
    return '"' + identifier.replace('"', '""') + '"'


def _connect(url: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            config = environ.Env.db_url_config(url)
        except ValueError as error:
            raise BadInput(f"--database-url cannot be read. {URLS}") from error
    engine = config.get("ENGINE")
    if engine not in (SQLITE, POSTGRESQL) or not config["NAME"]:
        raise BadInput(f"--database-url names neither an SQLite file nor a PostgreSQL database. {URLS}")
    options = config.setdefault("OPTIONS", {})
    if engine == POSTGRESQL:
        options["options"] = f"{options.get('options', '')} {READ_ONLY}".strip()
    else:
        path = Path(config["NAME"])
        if not path.is_file():  # SQLite would make an empty one
            raise BadInput(f"There is no file {path}. {URLS}")
        config["NAME"] = f"file:{quote(str(path.resolve()))}?mode=ro"
    return ConnectionHandler({"default": config})["default"]


def _known(connection: Any, table: str, columns: tuple[str, ...]) -> str:
    """Return the table as SQL. SQLite takes a quoted name that is no column for a text, so columns are looked up."""
    readings = [quoted(table)]
    schema, dot, rest = table.partition(".")
    if dot and connection.vendor == "postgresql":
        readings.append(f"{quoted(schema)}.{quoted(rest)}")
    for source in readings:
        there = _columns(connection, table, source)
        if not there:
            continue
        for name in columns:
            if name not in there:
                raise BadInput(f"Table '{table}' has no column '{name}'. It has: {', '.join(there)}.")
        return source
    with connection.cursor() as cursor:
        tables = [_plain(info.name) for info in connection.introspection.get_table_list(cursor)]
    known = ", ".join(sorted(tables)[:SHOWN]) or "none"
    raise BadInput(f"There is no table '{table}'. There are: {known}.")


def _columns(connection: Any, table: str, source: str) -> list[str]:
    """The names of a table's columns; none where there is no such table."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # whose driver takes a "[" in a result's name for a type
            cursor.execute("SELECT name FROM pragma_table_info(%s)", [table])
            return [_plain(row[0]) for row in cursor.fetchall()]
        try:
            cursor.execute(f"SELECT * FROM {source} LIMIT 0")  # noqa: S608  (quoted)
        except Error:
            return []
        return [column[0] for column in cursor.description]


def _plain(name: Any) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _rows(cursor: Any) -> Iterator[Any]:
    while batch := cursor.fetchmany(100):
        yield from batch
