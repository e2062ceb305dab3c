"""Who answers a prompt. A provider is one class with one method in one file; settings name them by dotted path."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from common.errors import BadInput, Refusal


@dataclass(frozen=True)
class Answer:
    """What a provider gave back: the text, tokens in and out, and US dollars (None where it is not known)."""

    text: str
    prompt_tokens: int
    response_tokens: int
    cost_usd: Decimal | None


class ProviderError(Refusal):
    """The provider did not answer: 502, and the execution is kept as failed."""

    status = 502
    code = "provider_failed"


class Provider(Protocol):
    """`complete` takes the filled text or messages, the model and its parameters; raises ProviderError."""

    name: str

    def complete(self, prompt: str | list[dict[str, str]], *, model: str, params: dict[str, Any]) -> Answer: ...


def get(name: str) -> Provider:
    """Return the provider of this name, or raise BadInput that names those there are."""
    path = settings.PROVIDERS.get(name)
    if path is None:
        known = ", ".join(settings.PROVIDERS)
        said = f"There is no provider '{name}'. Known: {known}."
        raise BadInput(said, errors={"provider": [said]})
    return import_string(path)()
