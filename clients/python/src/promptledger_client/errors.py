"""What can go wrong, as exceptions: all of them are a PromptLedgerError, and `code` never changes."""

from collections.abc import Sequence
from typing import Any


class PromptLedgerError(Exception):
    """Something that was asked for and cannot be had."""

    code = "error"


class Unavailable(PromptLedgerError):
    """No usable answer came: refused, too slow, overloaded, broken, or not from a PromptLedger.

    `retry_after`: the seconds for which the server wants to be left alone, where it said so.
    `tried`: what else was looked at for a prompt, one line each; empty for a bare call.
    `of_one_prompt`: a 500 says that this question fails, not that the server is gone.
    """

    code = "unavailable"

    def __init__(
        self,
        detail: str,
        *,
        retry_after: float | None = None,
        tried: Sequence[str] = (),
        of_one_prompt: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.tried = list(tried)
        self.of_one_prompt = of_one_prompt


class BadAnswer(Unavailable):
    """Something answered, and it is not what a PromptLedger says: garbage, another program, a changed text."""

    code = "bad_answer"


class Refused(PromptLedgerError):
    """The server understood and said no (4xx). `code` and `detail` are its own words, `body` all that it said."""

    def __init__(self, status: int, code: str, detail: str, body: Any = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.body = body


class NotFound(Refused):
    """There is no such thing, or nothing of it is live (404 `not_found`, `nothing_live`)."""


class BadVariables(PromptLedgerError, ValueError):
    """The variables cannot fill a prompt: no plain JSON, too long, or a history that is no list of messages."""

    def __init__(self, detail: str, *, code: str = "invalid") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class MissingVariables(BadVariables):
    """A prompt asks for variables that were not given; `missing` names all of them, in the order of their first use."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"Missing variables: {', '.join(missing)}.", code="missing_variables")
        self.missing = list(missing)


class BadTemplate(PromptLedgerError):
    """A Jinja2 prompt that cannot be read or filled; the words and codes are the server's."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
