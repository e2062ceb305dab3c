"""Reading JSON that a stranger sent: bounded in size and depth, and nothing in it that cannot be stored."""

import json
import re
from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser

from common.text import unstorable

BODY_LIMIT = 16 * 1024 * 1024
DEPTH_LIMIT = 64
DIGITS_LIMIT = 300
# A text (skipped as a whole) or a bracket; possessive, so that no input makes it slow.
TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]|[\]}]', re.DOTALL)


class TooLarge(APIException):
    """413."""

    status_code = 413
    default_detail = f"The body is over {BODY_LIMIT // 1024 // 1024} MiB. Send it in parts."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """application/json and nothing else. Raises ParseError (400) or TooLarge (413)."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the object that the body holds; an empty body is an empty object."""
        raw = stream.read(BODY_LIMIT + 1)
        if len(raw) > BODY_LIMIT:
            raise TooLarge
        if not raw.strip():
            return {}
        value = load(raw)
        if not isinstance(value, dict):
            raise ParseError("The body must be a JSON object.")
        return value


def load(raw: bytes) -> Any:
    """Return the JSON value in `raw`, or raise ParseError that says what is wrong with it."""
    try:
        text = raw.decode("utf-8-sig")
        _check_depth(text)
        value = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constants, parse_int=_int)
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} at line {error.lineno} column {error.colno}.") from error
    except RecursionError as error:
        raise ParseError("The JSON is nested too deeply.") from error
    _check_texts(value)
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
                raise ParseError(f"The JSON is nested more than {DEPTH_LIMIT} levels deep.")
        elif first in "]}":
            depth -= 1


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("An object in the JSON names a key twice.")
    return found


def _no_constants(name: str) -> Any:
    raise ParseError(f"{name} is not JSON.")


def _int(digits: str) -> int:
    if len(digits) > DIGITS_LIMIT:
        raise ParseError("A number in the JSON has too many digits.")
    return int(digits)


def _check_texts(value: Any) -> None:
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
            raise ParseError(f"A text in the JSON {why}.")
        elif isinstance(item, float) and item in (float("inf"), float("-inf")):
            raise ParseError("A number in the JSON is too large.")


class JSONOnly(BaseContentNegotiation):
    """JSON in and out, whatever Accept says (SPEC 9)."""

    def select_parser(self, request: Any, parsers: list[BaseParser]) -> BaseParser | None:
        """Return the JSON parser for application/json (any charset said as utf-8), else None: 415."""
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        return parsers[0] if content_type in ("", "application/json") else None

    def select_renderer(self, request: Any, renderers: list[Any], format_suffix: str | None = None) -> tuple[Any, str]:
        """Return the JSON renderer."""
        return renderers[0], renderers[0].media_type
