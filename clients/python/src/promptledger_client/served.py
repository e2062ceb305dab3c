"""What a ledger serves of a prompt, from the wire, from disk or from a bundle: judged before it is believed."""

import hashlib
import json
from typing import Any

from promptledger_client.errors import BadAnswer

TEXTS = ("prompt", "status_key", "served_status_key", "label", "stage", "type", "template_format", "checksum_hash")


def sha256(text: str) -> str:
    """The SHA-256 of the exact UTF-8 bytes of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def canonical(value: Any) -> str:
    """A JSON value with sorted keys, no spaces and ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def hash_of(served: dict[str, Any]) -> str:
    """The hash that `checksum_hash` must be: of the text as it is stored, a chat's with its letters as they are."""
    if served["type"] != "chat":
        return sha256(served["template_source"])
    return sha256(json.dumps(served["messages"], sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def judged(served: Any) -> dict[str, Any]:
    """Return it when it is a served prompt whose text is the one that its hash was made of. Raises BadAnswer."""
    if not isinstance(served, dict) or any(not isinstance(served.get(key), str) for key in TEXTS):
        raise BadAnswer("it answered something that is no prompt")
    agent, version = served.get("agent"), served.get("version")
    fine = (
        (agent is None or isinstance(agent, str))
        and isinstance(version, int)
        and not isinstance(version, bool)
        and isinstance(served.get("config"), dict)
        and is_list_of_texts(served.get("variables"))
        and has_content(served)
    )
    if not fine:
        raise BadAnswer("it answered a prompt with a part missing, or of the wrong type")
    try:
        made = hash_of(served)
    except ValueError as error:
        raise BadAnswer("it answered a text that is no valid Unicode") from error
    if made != served["checksum_hash"]:
        raise BadAnswer("it answered a text that is not the one its checksum_hash was made of")
    return served


def is_list_of_texts(value: Any) -> bool:
    """Whether it is a list that holds nothing but texts."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def has_content(served: dict[str, Any]) -> bool:
    """Whether the text, or the messages of a chat, are there and in order, in a format that we can fill."""
    if served["template_format"] not in {"simple", "jinja2"}:
        return False
    if served["type"] == "text":
        return isinstance(served.get("template_source"), str)
    messages = served.get("messages")
    return served["type"] == "chat" and isinstance(messages, list) and all(is_part(part) for part in messages)


def is_part(part: Any) -> bool:
    """Whether it is a message, or the place of a history."""
    if not isinstance(part, dict):
        return False
    if part.get("type") == "placeholder":
        return isinstance(part.get("name"), str)
    return "name" not in part and isinstance(part.get("role"), str) and isinstance(part.get("content"), str)
