"""A prompt as a program holds it: its text, where it came from, and how it is filled in."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from promptledger_client import templates
from promptledger_client.errors import MissingVariables
from promptledger_client.jinja import NoJinja
from promptledger_client.served import hash_of
from promptledger_client.templates import Message

Text = str | Sequence[Mapping[str, str]]  # of a chat: its messages


@dataclass(frozen=True)
class WhenGone:
    """A text in code for when the server is gone, but not for when it says that there is no such prompt (404)."""

    text: Text


Fallback = Text | WhenGone
Remote = Callable[["Prompt", Mapping[str, Any]], Any]

FRESH = "fresh"  # the server sent it for this call
REVALIDATED = "revalidated"  # the server said for this call that the copy is what is live
MEMORY = "memory"  # the copy in memory, not older than `ttl`
STALE = "stale"  # the copy in memory, older than `ttl`: the server cannot be asked
DISK = "disk"  # the copy that an earlier process left on disk: the server cannot be asked
BUNDLED = "bundled"  # the snapshot that the program was shipped with: the server cannot be asked
FALLBACK = "fallback"  # the text given in code

FIELDS = ("agent", "status_key", "served_status_key", "version", "label", "stage", "type", "template_format")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Prompt:
    """One version of a prompt. It never changes: ask the client again to see a promotion.

    `source` says where it came from, `problem` why it is not fresher ("" when all is well). `status_key` is the state
    asked for, `served_status_key` the one whose prompt came. Of a text given in code version, label and stage are None.
    `served` is all that the server said, shared: do not change it.
    """

    name: str | None
    agent: str | None
    status_key: str | None
    served_status_key: str | None
    version: int | None
    label: str | None
    stage: str | None
    type: str
    template_format: str
    checksum_hash: str
    content_hash: str | None
    deployed_at: str | None
    source: str
    problem: str
    served: dict[str, Any]
    _remote: Remote | None = None
    _split: tuple[str, ...] = ()
    _names: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, served: dict[str, Any], source: str, *, problem: str = "", remote: Remote | None = None) -> "Prompt":
        """Make it of what was served, with the text split once."""
        simple = served["type"] == "text" and served["template_format"] == "simple"
        split = templates.pieces(served["template_source"]) if simple else ()
        return cls(
            name=served["prompt"],
            checksum_hash=served["checksum_hash"],
            content_hash=served.get("content_hash"),
            deployed_at=served.get("deployed_at"),
            source=source,
            problem=problem,
            served=served,
            _remote=remote,
            _split=split,
            _names=split[1::2],
            **{key: served[key] for key in FIELDS},
        )

    @classmethod
    def of_code(
        cls,
        text: Fallback,
        *,
        agent: str | None,
        name: str | None,
        status_key: str | None,
        served_status_key: str | None = None,
        problem: str = "",
    ) -> "Prompt":
        """Make it of a text, or of a chat's messages, given in code."""
        text = text.text if isinstance(text, WhenGone) else text
        said: Any = text if isinstance(text, str) else [dict(part) for part in text]
        chat = not isinstance(said, str)
        served: dict[str, Any] = {
            "agent": agent, "prompt": name, "status_key": status_key,
            "served_status_key": served_status_key or status_key,
            "version": None, "label": None, "stage": None, "type": "chat" if chat else "text",
            "template_format": "simple", "messages" if chat else "template_source": said, "config": {},
            "variables": templates.variables(said),
        }  # fmt: skip
        served["checksum_hash"] = hash_of(served)
        return cls.of(served, FALLBACK, problem=problem)

    def told(self, source: str, problem: str = "") -> "Prompt":
        """The same, from another source."""
        return replace(self, source=source, problem=problem)

    @property
    def config(self) -> dict[str, Any]:
        """Provider, model, temperature and the like: a copy, so that nobody changes what others get."""
        return copy.deepcopy(dict(self.served["config"]))

    @property
    def variables(self) -> list[str]:
        """The names that the text asks for, in the order of their first use."""
        return list(self.served["variables"])

    @property
    def template(self) -> str | list[dict[str, str]]:
        """The text as written, or a copy of a chat's messages."""
        if self.type == "chat":
            return [dict(part) for part in self.served["messages"]]
        return str(self.served["template_source"])

    def render(self, variables: Mapping[str, Any] | None = None, /, **more: Any) -> Any:
        """Return the filled text (a str), or the filled messages of a chat (a list of role and content).

        Variables come by keyword, or in one mapping where their names are no identifiers. A history's placeholder takes
        a list of messages. Raises MissingVariables and BadVariables; for a Jinja2 prompt also BadTemplate, and NoJinja
        or Unavailable where neither the package jinja2 nor the server is there.
        """
        values = {**variables, **more} if variables else more
        if not self._split:
            return self._render_other(values)
        templates.check(values)
        try:
            said = [value if type(value := values[name]) is str else templates.said(value) for name in self._names]
        except KeyError:
            raise MissingVariables([name for name in dict.fromkeys(self._names) if name not in values]) from None
        whole = list(self._split)
        whole[1::2] = said
        return "".join(whole)

    def render_text(self, variables: Mapping[str, Any] | None = None, /, **more: Any) -> str:
        """As `render`, for a text. Raises TypeError for a chat."""
        if self.type != "text":
            raise TypeError(f"Prompt '{self.name}' is a chat: use render_messages.")
        return str(self.render(variables, **more))

    def render_messages(self, variables: Mapping[str, Any] | None = None, /, **more: Any) -> list[Message]:
        """As `render`, always as messages: a text is one message of the role system."""
        filled = self.render(variables, **more)
        return [{"role": "system", "content": filled}] if isinstance(filled, str) else list(filled)

    def _render_other(self, values: Mapping[str, Any]) -> Any:
        style = self.template_format
        try:
            if self.type == "text":
                return templates.render(self.served["template_source"], values, template_format=style)
            return templates.render_messages(self.served["messages"], values, template_format=style)
        except NoJinja:
            if self._remote is None:
                raise
            return self._remote(self, values)

    def __repr__(self) -> str:
        who = self.name or f"{self.agent}.{self.status_key}"
        return f"<Prompt {who} {self.label or 'of code'} ({self.source}) {self.checksum_hash[:8]}>"
