"""The provider that needs no network: it answers with what it was asked (SPEC 6)."""

from decimal import Decimal
from typing import Any

from executions.providers.answers import Answer, OnText, Prompt

CHARACTERS_PER_TOKEN = 4


class Offline:
    """Answers with the filled prompt (of a chat: the last message), at no cost. Tokens are characters by four."""

    name = "offline"

    def complete(self, prompt: Prompt, *, on_text: OnText | None = None, **asked: Any) -> Answer:
        """Return the prompt itself; streamed, it comes in one piece."""
        if isinstance(prompt, str):
            sent, said = prompt, prompt
        else:
            sent = "".join(message["content"] for message in prompt)
            said = prompt[-1]["content"] if prompt else ""
        if on_text and said:
            on_text(said)
        return Answer(said, _tokens(sent), _tokens(said), Decimal(0), finish_reason="stop")


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
