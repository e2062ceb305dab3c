"""What is found in a source tree: prompts, and what is wrong."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

TEXT_LIMIT = 200 * 1024  # bytes of UTF-8, as the ledger has it (SPEC 5)
NAME_LIMIT = 255
RESERVED = "register-code"
FIELDS = ("name", "agent", "status_key", "title", "type", "template_format", "config", "is_primary_default")
CHOICES = {"type": ("text", "chat"), "template_format": ("simple", "jinja2")}
ROLES = ("system", "developer", "user", "assistant", "tool")


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong, and where."""

    path: Path
    line: int
    detail: str

    def __str__(self) -> str:
        return f"{shown_path(self.path)}{f':{self.line}' if self.line else ''}: {self.detail}"


@dataclass(frozen=True)
class Found:
    """One prompt in the source: its text (or a chat's messages), the fields that are said of it, and where it is."""

    path: Path
    line: int
    content: str | list[dict[str, str]]
    said: dict[str, Any] = field(default_factory=dict)
    root: Path = Path()
    given_agent: str | None = None  # by --agent, where the source names none

    @property
    def agent(self) -> str | None:
        """The agent's name, if the prompt is one's."""
        return self.said.get("agent") or self.given_agent

    @property
    def status_key(self) -> str:
        """The state of the agent in which it says this."""
        return str(self.said.get("status_key") or "default")

    @property
    def name(self) -> str:
        """The prompt's name: as said, else made of agent and status key as the ledger does it."""
        return str(self.said.get("name") or f"{self.agent}.{self.status_key}")

    @property
    def kind(self) -> str:
        """`text` or `chat`."""
        return str(self.said.get("type") or ("text" if isinstance(self.content, str) else "chat"))

    @property
    def readable(self) -> str | list[dict[str, str]]:
        """The text, or the messages as a list."""
        if self.kind == "text" and isinstance(self.content, str):
            return self.content
        messages: list[dict[str, str]] = json.loads(self.text)
        return messages

    @property
    def text(self) -> str:
        """The text as the ledger stores it: a chat's messages as canonical JSON."""
        if self.kind == "text" and isinstance(self.content, str):
            return self.content
        return canonical(self.content)

    def of(self, agent: str | None) -> Found:
        """The same as one of this agent's, unless it names another."""
        return replace(self, given_agent=agent)

    def item(self, **more: Any) -> dict[str, Any]:
        """Return it as an item of register-code."""
        item = {key: value for key, value in self.said.items() if value is not None}
        if self.agent:
            item["agent"] = self.agent
        if self.kind == "chat":
            item["type"] = "chat"
        return {**item, "template_source": self.text, **more}

    def problem(self, detail: str) -> Problem:
        """Something wrong with this one."""
        return Problem(self.path, self.line, detail)


def canonical(content: str | list[dict[str, str]]) -> str:
    """Return a chat's messages (or their JSON) as the ledger's canonical JSON. Raises ValueError."""
    messages = json.loads(content) if isinstance(content, str) else content
    return json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def shown_path(path: Path) -> str:
    """The path as people and CI read it: from the folder they are in, where it is below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return path.as_posix()


def wrong_fields(said: dict[str, Any]) -> list[str]:
    """Return what is wrong with the fields beside the text, in words."""
    wrong = [f"{key}: {why}" for key, value in said.items() if value is not None and (why := _wrong(key, value))]
    if said.get("name") == RESERVED:
        wrong.append(f"name: '{RESERVED}' is a word of the API; choose another")
    return wrong


def _wrong(key: str, value: Any) -> str:
    if key == "config":
        return _unusable_json(value) if isinstance(value, dict) else "must be a mapping (a JSON object)"
    if key == "is_primary_default":
        return "" if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str):
        return f"must be text, and this is {type(value).__name__} ({value!r}): put it in quotes"
    if key in CHOICES:
        return "" if value in CHOICES[key] else f"must be {' or '.join(CHOICES[key])}, not {value!r}"
    if key in ("name", "agent", "status_key"):
        return _wrong_name(key, value)
    return unstorable(value)


def _wrong_name(key: str, value: str) -> str:
    if not value:
        return "is empty"
    if len(value) > NAME_LIMIT:
        return f"is {len(value)} characters long; the limit is {NAME_LIMIT}"
    if "/" in value and key != "status_key":
        return 'cannot contain "/"'
    if value != value.strip() or value in {".", ".."}:
        return "cannot be dots, nor begin or end with a space"
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in value):
        return "cannot contain control characters"
    return ""


def _unusable_json(value: Any) -> str:
    try:
        same = json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError, RecursionError) as error:
        return f"is not plain JSON: {error}"
    return "" if same else "is not plain JSON: keys are texts, and sequences are lists"


def unstorable(text: str) -> str:
    """Say why the ledger cannot store this text, or return ""."""
    if "\x00" in text:
        return "contains a NUL character"
    if re.search("[\ud800-\udfff]", text):
        return "contains half a surrogate pair, which is not valid Unicode"
    return ""


def wrong_content(found: Found) -> str:
    """Say what is wrong with the text or the messages, or return ""."""
    if found.kind == "text" and not isinstance(found.content, str):
        return "type is text, and this is a list of messages: leave type out, or say chat"
    if found.kind == "chat":
        try:
            messages = json.loads(found.text)
        except (ValueError, TypeError, RecursionError) as error:
            return f"a chat prompt is a list of messages, each with role and content: {error}"
        if why := wrong_messages(messages):
            return why
    elif not found.text.strip():
        return "Prompt text cannot be empty."
    if why := unstorable(found.text):
        return f"the text {why}"
    size = len(found.text.encode())
    return f"the text is {size:,} bytes; the limit is {TEXT_LIMIT:,}" if size > TEXT_LIMIT else ""


def wrong_messages(messages: Any) -> str:
    """Say what is wrong with a chat's messages, or return ""."""
    if not isinstance(messages, list) or not messages:
        return "a chat prompt is a list of messages, each with role and content"
    for number, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            return f"message {number} is not a mapping with role and content"
        placeholder = message.get("type") == "placeholder"
        if others := set(message) - ({"type", "name"} if placeholder else {"role", "content"}):
            return f"message {number} has keys that mean nothing here: {', '.join(sorted(map(str, others)))}"
        if placeholder:
            if not re.fullmatch(r"\w{1,255}", str(message.get("name", ""))):
                return f"message {number} is a placeholder without a name of letters, digits and _"
        elif message.get("role") not in ROLES:
            return f"message {number} has no role out of {', '.join(ROLES)}"
        elif not isinstance(message.get("content"), str):
            return f"message {number} has no text as content"
    if not any(str(message.get("content", "")).strip() or "name" in message for message in messages):
        return "Prompt text cannot be empty."
    return ""
