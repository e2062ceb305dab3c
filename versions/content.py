"""What a version says: its text, the messages of a chat, its config, and the hashes over them."""

import json
import re
from typing import Any

from common.canonical import canonical_json, sha256, stored_json
from common.errors import BadInput
from common.text import unstorable, visible
from versions import templating

TEXT_LIMIT = 200 * 1024  # bytes of UTF-8 (SPEC 5)
CONFIG_LIMIT = 64 * 1024
MESSAGE_LIMIT = 2_000
ROLES = ("system", "developer", "user", "assistant", "tool")
EMPTY = "Prompt text cannot be empty."


def content_hash(kind: str, text: str, config: dict[str, Any]) -> str:
    """Return the hash that gates bind to: SHA-256 over type, text and config together."""
    return stored_hash(kind, text, canonical_json(config))


def stored_hash(kind: str, text: str, config: str) -> str:
    """The same for a config that is canonical JSON already, as the database keeps it."""
    return sha256(f'{{"config":{config},"template_source":{stored_json(text)},"type":{stored_json(kind)}}}')


def messages_of(text: str) -> list[dict[str, str]]:
    """Return the messages that a chat prompt's stored text holds."""
    return json.loads(text)


def chat_text(messages: Any) -> str:
    """Check a list of `{role, content}` and `{"type": "placeholder", "name"}` and return it as canonical JSON.

    Raises BadInput that names the first wrong message.
    """
    if not isinstance(messages, list) or not messages:
        raise BadInput(EMPTY, errors={"messages": [EMPTY]})
    checked = [_message(position, message) for position, message in enumerate(messages, start=1)]
    if not any(message.get("content", "").strip() or "name" in message for message in checked):
        raise BadInput(EMPTY, errors={"messages": [EMPTY]})
    return json.dumps(checked, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _message(position: int, message: Any) -> dict[str, str]:
    if not isinstance(message, dict):
        raise _bad_message(position, "is not an object with role and content")
    if message.get("type") == "placeholder":
        name = message.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"\w{1,255}", name):
            raise _bad_message(position, "is a placeholder without a name of letters, digits and _")
        return {"name": name, "type": "placeholder"}
    if message.get("role") not in ROLES:
        raise _bad_message(position, f"has no role out of {', '.join(ROLES)}")
    if not isinstance(message.get("content"), str):
        raise _bad_message(position, "has no text as content")
    if why := unstorable(message["content"]):
        raise _bad_message(position, why)
    if unknown := set(message) - {"role", "content", "type"}:
        raise _bad_message(position, f"has keys that mean nothing here: {', '.join(sorted(map(str, unknown)))}")
    return {"content": message["content"], "role": message["role"]}


def _bad_message(position: int, what: str) -> BadInput:
    return BadInput(f"Message {position} {what}.", errors={"messages": [f"Message {position} {what}."]})


def check_text(kind: str, text: Any, style: str = "simple") -> str:
    """Return the text to store for a prompt of this type, byte for byte as it came, or raise BadInput."""
    if not isinstance(text, str):
        raise BadInput("template_source must be text.", errors={"template_source": ["Not a text."]})
    if why := unstorable(text):
        raise BadInput(f"The prompt text {why}.", errors={"template_source": [f"The text {why}."]})
    if not text.strip():
        raise BadInput(EMPTY, errors={"template_source": [EMPTY]})
    if kind == "chat":
        text = chat_text(_parsed(text))
    if len(text.encode()) > TEXT_LIMIT:
        said = f"Prompt text is {len(text.encode()):,} bytes; the limit is {TEXT_LIMIT:,}."
        raise BadInput(said, code="too_long", errors={"template_source": [said]})
    templating.check(text, kind=kind, style=style)
    return text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = "A chat prompt is a JSON list of messages, each with role and content."
        raise BadInput(said, errors={"template_source": [said]}) from error


def check_config(config: Any) -> dict[str, Any]:
    """Return the config to store, or raise BadInput unless it is a JSON object of sensible size."""
    if not isinstance(config, dict):
        raise BadInput("config must be a JSON object.", errors={"config": ["Not a JSON object."]})
    try:
        text = canonical_json(config)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput("config must be plain JSON.", errors={"config": ["Not plain JSON."]}) from error
    if len(text) > CONFIG_LIMIT:
        said = f"config is {len(text):,} bytes; the limit is {CONFIG_LIMIT:,}."
        raise BadInput(said, code="too_long", errors={"config": [said]})
    return config


def check_message(text: Any, name: str = "commit_message", *, required: bool = False) -> str:
    """Return a commit message or reason as it is stored, or raise BadInput that names the field."""
    if not isinstance(text, str):
        raise BadInput(f"{name} must be text.", errors={name: ["Not a text."]})
    if why := unstorable(text):
        raise BadInput(f"{name} {why}.", errors={name: [f"The text {why}."]})
    if len(text) > MESSAGE_LIMIT:
        raise BadInput(f"{name} is over {MESSAGE_LIMIT:,} characters.", errors={name: ["Too long."]})
    if required and not visible(text):
        raise BadInput(f"A {name} is required: say why, for the ledger.", errors={name: ["This field is required."]})
    return text.strip()
