"""Marks for prompts that live in code, so that `promptledger register` finds them.

Three ways, all of which leave the program as it is:

    WELCOME = prompt("Hello {{ name }}", name="WELCOME")                            # the constant is a str
    APPROVED: Annotated[str, prompt(agent="StanAgent", status_key="APPROVED")] = "…"  # a plain constant, annotated

    @prompt(name="GOODBYE")                                                         # a function that returns it
    def goodbye() -> str:
        return "Goodbye {{ name }}"

`promptledger register` reads them from the source without running it, so texts and arguments are literals there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])
Messages = list[dict[str, str]]
MARK = "__promptledger_mark__"  # where a decorated function keeps its mark


@dataclass(frozen=True)
class Mark:
    """What is said of a prompt beside its text: the optional fields of a register-code item (SPEC 3)."""

    name: str | None = None
    agent: str | None = None
    status_key: str | None = None
    title: str | None = None
    type: str | None = None
    template_format: str | None = None
    config: dict[str, Any] | None = None
    is_primary_default: bool | None = None

    def __call__(self, function: Function) -> Function:
        """Mark a function that returns a prompt's text. Raises TypeError for anything else."""
        if not callable(function):
            raise TypeError("A prompt's mark stands in Annotated[str, prompt(...)] or above a function.")
        setattr(function, MARK, self)
        return function


class MarkedText(str):
    """A prompt's text that knows its mark; a str in every other way."""

    __slots__ = ("mark",)
    mark: Mark


class MarkedMessages(Messages):
    """A chat prompt's messages that know their mark; a list in every other way."""

    mark: Mark


@overload
def prompt(
    text: str, /, *, name: str | None = None, agent: str | None = None, status_key: str | None = None,
    title: str | None = None, type: str | None = None, template_format: str | None = None,
    config: dict[str, Any] | None = None, is_primary_default: bool | None = None,
) -> str: ...  # fmt: skip
@overload
def prompt(
    text: Messages, /, *, name: str | None = None, agent: str | None = None, status_key: str | None = None,
    title: str | None = None, type: str | None = None, template_format: str | None = None,
    config: dict[str, Any] | None = None, is_primary_default: bool | None = None,
) -> Messages: ...  # fmt: skip
@overload
def prompt(
    *, name: str | None = None, agent: str | None = None, status_key: str | None = None,
    title: str | None = None, type: str | None = None, template_format: str | None = None,
    config: dict[str, Any] | None = None, is_primary_default: bool | None = None,
) -> Mark: ...  # fmt: skip
def prompt(text: str | Messages | None = None, /, **said: Any) -> str | Messages | Mark:
    """Mark a prompt in code: with a text (or a chat's messages) it is given back, without one the mark itself.

    `said` are the fields of `Mark`. Raises TypeError for other keywords and for a text of another type.
    """
    mark = Mark(**said)
    if text is None:
        return mark
    if isinstance(text, str):
        marked = MarkedText(text)
        marked.mark = mark
        return marked
    if isinstance(text, list):
        messages = MarkedMessages(text)
        messages.mark = mark
        return messages
    raise TypeError("prompt() takes a text or a list of messages; above a function write @prompt() with brackets.")
