"""What the OpenAPI schema cannot read off the views: how one signs in, and the one shape of every refusal."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

REFUSAL = {
    "type": "object",
    "description": "Why not: `code` never changes, `detail` is for people. More keys say what to do.",
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {"type": "object", "description": "Field by field, where any is wrong.", "additionalProperties": {}},
    },
    "required": ["detail", "code"],
}  # fmt: skip


class Key(OpenApiAuthenticationExtension):
    """An API key in either header."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = ("bearer", "apiKey")

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Return both headers."""
        return [{"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "header", "name": "X-API-Key"}]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        """Either of them will do."""
        return [{name: []} for name in self.name]


class Session(OpenApiAuthenticationExtension):
    """The browser's session, with its CSRF token."""

    target_class = "accounts.authentication.PersonSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the cookie, by its name over HTTPS."""
        return {"type": "apiKey", "in": "cookie", "name": "__Host-sessionid"}


def describe_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give every operation its refusals: whatever is not named otherwise has the shape Refusal."""
    result["components"].setdefault("schemas", {})["Refusal"] = REFUSAL
    answer = {
        "description": "Refused.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }
    for calls in result["paths"].values():
        for call in calls.values():
            call["responses"]["default"] = answer
    return result


def add_summaries(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give every operation a short line for lists of them: the first part of what it says about itself."""
    for calls in result["paths"].values():
        for call in calls.values():
            call["summary"] = re.split(r"[.:;](?:\s|$)", call["description"], maxsplit=1)[0]
    return result
