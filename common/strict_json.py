"""Strict JSON: bounded in depth and digits, no key twice, nothing unstorable. Needs no settings of Django."""

import json
import re
from typing import Any

from common.text import unstorable

BODY_LIMIT = 16 * 1024 * 1024
DEPTH_LIMIT = 64
DIGITS_LIMIT = 300
# A text (skipped as a whole) or a bracket; possessive, so that no input makes it slow.
TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)


class NotJSON(ValueError):
    """A text that is not JSON as we take it; the argument says why. "The body" in it is what was read."""


def load(raw: bytes) -> Any:
    """Return the JSON value in `raw`, or raise NotJSON that says what is wrong with it."""
    try:
        text = raw.decode("utf-8-sig")
        _check_depth(text)
        value = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constants, parse_int=_int)
    except UnicodeDecodeError as error:
        raise NotJSON("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise NotJSON(f"The body is not JSON: {error.msg} at line {error.lineno} column {error.colno}.") from error
    except RecursionError as error:
        raise NotJSON("The JSON is nested too deeply.") from error
    check_texts(value)
    return value


def _check_depth(text: str) -> None:
    """Count brackets outside strings: the parser itself would give out at a depth we cannot choose."""
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return
    depth = 0
    for token in TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > DEPTH_LIMIT:
                raise NotJSON(f"The JSON is nested more than {DEPTH_LIMIT} levels deep.")
        elif first in "]}":
            depth -= 1


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJSON("An object in the JSON names a key twice.")
    return found


def _no_constants(name: str) -> Any:
    raise NotJSON(f"{name} is not JSON.")


def _int(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT:
        raise NotJSON("A number in the JSON has too many digits.")
    return int(digits)


def check_texts(value: Any) -> None:
    """Refuse NUL and lone surrogates anywhere: PostgreSQL cannot keep them, SQLite would, and no list could be read."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and (why := unstorable(item)):
            raise NotJSON(f"A text in the JSON {why}.")
        elif isinstance(item, float) and item in (float("inf"), float("-inf")):
            raise NotJSON("A number in the JSON is too large.")
