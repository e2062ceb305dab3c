"""Reading JSON that a stranger sent: bounded in size and depth, and nothing in it that cannot be stored."""

from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser

from common import strict_json
from common.strict_json import BODY_LIMIT, NotJSON


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
        return strict_json.load(raw)
    except NotJSON as error:
        raise ParseError(str(error)) from error


class JSONOnly(BaseContentNegotiation):
    """JSON in and out, whatever Accept says (SPEC 9)."""

    def select_parser(self, request: Any, parsers: list[BaseParser]) -> BaseParser | None:
        """Return the JSON parser for application/json (any charset said as utf-8), else None: 415."""
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        return parsers[0] if content_type in ("", "application/json") else None

    def select_renderer(self, request: Any, renderers: list[Any], format_suffix: str | None = None) -> tuple[Any, str]:
        """Return the JSON renderer."""
        return renderers[0], renderers[0].media_type
