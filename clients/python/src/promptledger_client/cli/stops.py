"""Ways a command ends other than well, and the exit code of each."""

from __future__ import annotations

from typing import Any

OK, REFUSED, BAD_INPUT, UNREACHABLE = 0, 1, 2, 3
INTERRUPTED, PIPE_CLOSED = 130, 141


class Stop(Exception):
    """Ends the command. `code` is the exit code, `errors` further lines for people, `data` what --json shows."""

    code = REFUSED

    def __init__(self, detail: str, errors: list[str] | None = None, **data: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.data = data


class Refused(Stop):
    """The ledger, or this program, says no: permission, mode, stage, not found, a file that would be lost."""


class BadInput(Stop):
    """What was asked for, or what is in the files, cannot be used."""

    code = BAD_INPUT


class Unreachable(Stop):
    """No PromptLedger answers at the address, or it fails."""

    code = UNREACHABLE
