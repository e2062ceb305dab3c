"""What can take long: a JSON schema and a pattern, each against one answer.

As a program it reads one task from standard input and writes what came of it, for a caller who may end it
(`bounded.py`). Imports nothing of ours.
"""

import json
import sys
from typing import Any

SHOWN, LENGTH = 20, 300
# As much as keeps RE2 at one look at each letter; with less it falls back to something ten times slower.
MEMORY = 8 << 20


def nowhere(uri: str) -> Any:
    """A schema of a stranger fetches nothing."""
    raise ValueError(f"it refers to {uri}, outside of itself")


def validator(schema: dict[str, Any]) -> Any:
    """Return the compiled schema, in the draft that it names. Raises ValueError."""
    import jsonschema_rs

    kind = jsonschema_rs.validator_cls_for(schema)
    # Patterns in linear time.
    return kind(schema, pattern_options=jsonschema_rs.RegexOptions(), retriever=nowhere)


def complaints(schema: dict[str, Any], value: Any) -> list[dict[str, str]]:
    """What the value lacks, at most 20 of it."""
    found = []
    for error in validator(schema).iter_errors(value):
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        found.append({"path": f"${place}"[:LENGTH], "said": error.message[:LENGTH]})
        if len(found) == SHOWN:
            break
    return found


def compiled(pattern: str) -> Any:
    """Return the compiled pattern. Raises re2.error or UnicodeError."""
    import re2

    options = re2.Options()
    options.max_mem, options.log_errors, options.never_capture = MEMORY, False, True
    return re2.compile(pattern, options)


def match(pattern: str, text: str, full: bool) -> str | None:
    """The beginning of what a pattern matches, or None."""
    expression = compiled(pattern)
    found = expression.fullmatch(text) if full else expression.search(text)
    return found[0][:LENGTH] if found else None


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024, 512 * 1024 * 1024))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    task = json.load(sys.stdin)
    work: Any = match if task["do"] == "match" else complaints
    json.dump(work(**task["with"]), sys.stdout)
