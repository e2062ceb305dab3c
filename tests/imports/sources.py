"""Legacy prompts as they lie about: an SQLite file, a PostgreSQL table, CSV, JSON lines."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

ROWS: tuple[tuple[Any, Any], ...] = (
    ("Stan", "You are Stan. Answer {{ question }} like {json}."),
    ("Simple Agent", "Zeilen\r\nmit Umlauten: äöü, \"Zitat\", Komma; 🙂\n"),
    ("Blank", ""),
    ("Nothing", None),
    ("Spaces", " \n\t"),
)  # fmt: skip


def sqlite(path: Path, rows: Any = ROWS, table: str = "agents", name: str = "name", text: str = "system_prompt") -> str:
    """Write a table into an SQLite file; the URL of it."""
    with closing(sqlite3.connect(path)) as connection:
        names = [part.replace('"', '""') for part in (table, name, text)]
        connection.execute('CREATE TABLE "{}" (id INTEGER PRIMARY KEY, "{}" TEXT, "{}" TEXT)'.format(*names))
        connection.executemany('INSERT INTO "{}" ("{}", "{}") VALUES (?, ?)'.format(*names), rows)
        connection.commit()
    return f"sqlite:///{path}"


def write_csv(path: Path, rows: Any = ROWS, head: tuple[str, str] = ("name", "system_prompt")) -> Path:
    """Write the rows as CSV; None is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def write_jsonl(path: Path, rows: Any = ROWS) -> Path:
    """Write the rows as JSON lines."""
    path.write_text("".join(json.dumps({"name": name, "system_prompt": text}) + "\n" for name, text in rows))
    return path
