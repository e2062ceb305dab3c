"""One shape for every refusal: a stable code, a sentence that says what to do, and data (SPEC 9)."""

from typing import Any


class Refusal(Exception):
    """Something a caller asked for and does not get.

    `code` never changes; `detail` is for people; `status` is the HTTP answer; `data` is merged into the JSON.
    """

    status = 400
    code = "invalid"

    def __init__(self, detail: str, *, code: str | None = None, status: int | None = None, **data: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.status = status or self.status
        self.data = data

    def as_json(self) -> dict[str, Any]:
        """The body of the answer: {"detail", "code", …}."""
        return {"detail": self.detail, "code": self.code, **self.data}


class BadInput(Refusal):
    """What was sent cannot be used: 400. `errors` names the fields, as a form would."""


class Forbidden(Refusal):
    """Known, but not allowed: 403."""

    status = 403
    code = "permission_denied"


class NotFound(Refusal):
    """No such thing, or not for this caller's eyes: 404."""

    status = 404
    code = "not_found"


class Conflict(Refusal):
    """The thing is not in a state that allows this: 409."""

    status = 409
    code = "conflict"
