"""What a provider takes and gives: the words that every adapter shares."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from common.errors import Refusal
from common.secrets import Secret

TIMEOUT = "provider_timeout"
RATE_LIMITED = "provider_rate_limited"
SERVER_ERROR = "provider_server_error"
CONNECTION = "provider_connection"
REFUSED = "provider_refused"
BAD_ANSWER = "provider_bad_answer"
NOT_ALLOWED = "provider_not_allowed"
NOT_CONFIGURED = "provider_not_configured"
# What may go better the next time (SPEC 6): nothing else is tried again.
RETRYABLE = frozenset({TIMEOUT, RATE_LIMITED, SERVER_ERROR, CONNECTION})

# What an adapter says itself. Of a version's config they are left out; who asks for a run by them is told.
RESERVED = frozenset({
    "api_key", "base_url", "extra_body", "extra_headers", "extra_query", "http_client", "messages", "model", "n",
    "prompt", "provider", "stream", "stream_options", "timeout",
})  # fmt: skip

Prompt = str | list[dict[str, str]]
OnText = Callable[[str], None]


@dataclass(frozen=True)
class Answer:
    """What a provider gave back: the text, tokens in and out, US dollars; None is what nobody said.

    `model` is what the vendor says answered, `finish_reason` why it stopped, in its words.
    """

    text: str
    prompt_tokens: int | None = None
    response_tokens: int | None = None
    cost_usd: Decimal | None = None
    model: str = ""
    finish_reason: str = ""


class ProviderError(Refusal):
    """The provider did not answer: 502, and the execution is kept as failed with `code` as its error_type.

    `retry_after` is the wait in seconds that the provider asked for.
    """

    status = 502
    code = SERVER_ERROR

    def __init__(self, detail: str, *, code: str | None = None, retry_after: float | None = None, **data: Any) -> None:
        super().__init__(detail, code=code, **data)
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same again may go better."""
        return self.code in RETRYABLE


@dataclass(frozen=True)
class Connection:
    """How to reach a provider: what an adapter is made with. The key never shows in its repr."""

    name: str = ""
    base_url: str = ""
    key: Secret = field(default_factory=Secret)


class Provider(Protocol):
    """An adapter. It is called with a Connection to be made, once a run, and raises nothing but ProviderError."""

    name: str

    def complete(
        self,
        prompt: Prompt,
        *,
        model: str,
        params: dict[str, Any],
        on_text: OnText | None = None,
        timeout: float | None = None,
        idempotency_key: str = "",
    ) -> Answer:
        """Return the answer to a filled text or messages.

        With `on_text` the answer streams: it is called with each piece, and the whole text is in the Answer all the
        same; whoever listens hears an empty piece when an attempt failed in the middle: the next one begins anew.
        `timeout` bounds the whole exchange in seconds. `idempotency_key` is the same at each attempt of one run.
        """
        ...
