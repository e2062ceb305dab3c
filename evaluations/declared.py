"""What a prompt's metadata declare. Read in prompt files, too, where there is no database."""

from typing import Any


def names_in(declared: Any) -> set[str]:
    """The names that inputs declare: an object's keys, or a list of names or of objects with a name."""
    if isinstance(declared, dict):
        return set(declared)
    rows = declared if isinstance(declared, list) else []
    named = [row.get("name") if isinstance(row, dict) else row for row in rows]
    return {name for name in named if isinstance(name, str)}
