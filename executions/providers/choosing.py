"""Which provider answers in an environment, with which model and parameters (SPEC 6)."""

import inspect
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from common.errors import BadInput
from common.secrets import Unreadable
from executions import leases, pricing, tracing
from executions.models import ModelPrice
from executions.providers.answers import (
    NOT_CONFIGURED,
    RESERVED,
    Answer,
    Connection,
    OnText,
    Prompt,
    Provider,
    ProviderError,
)
from executions.providers.configured import OFFLINE, Setup, setups
from versions import content

DEFAULT_MODEL = "gpt-4o-mini"
NAME_LENGTH = 200


@dataclass(frozen=True)
class Chosen:
    """What answers a run: `name` is what the execution keeps as its provider."""

    provider: Provider
    name: str
    model: str
    params: dict[str, Any]

    def for_many(self) -> "Chosen":
        """The same, to be asked by many threads for one run, at the prices of its beginning."""
        provider = self.provider
        return replace(self, provider=provider.for_many() if isinstance(provider, Priced) else provider)


def for_environment(
    environment: str,
    *,
    provider: str | None = None,
    model_name: str | None = None,
    params: Any = None,
    config: dict[str, Any] | None = None,
) -> Chosen:
    """Choose: what the run asks for, else the version's config, else what is set up for the environment, else offline.

    Raises BadInput for a provider that does not exist, a model that is no short text, or parameters that are no object.
    A provider that exists and is not set up, or cannot be, says so when it is asked (provider_not_configured), so
    that the run is kept.
    """
    config = config or {}
    known = setups(environment)
    setup = _asked_for(provider, known) if provider else _wanted(config.get("provider"), known)
    # A version's model is one of its own provider's.
    meant = not provider or config.get("provider") in (None, "", provider)
    model = model_name or (config.get("model") if meant else None) or setup.model or DEFAULT_MODEL
    if not isinstance(model, str) or len(model) > NAME_LENGTH:
        raise BadInput("model_name must be a short text.", errors={"model_name": ["Not a short text."]})
    merged = {**_own(setup.params), **_own(config), **_given(params)}
    return Chosen(Priced(_made(setup, environment), setup.name), setup.name, model, content.check_config(merged))


def _asked_for(name: str, known: Mapping[str, Setup]) -> Setup:
    if name in known:
        return known[name]
    if name in settings.PROVIDERS:
        return Setup(name, adapter=name, ready=_needs_nothing(name))
    said = f"There is no provider '{name}'. Known: {', '.join(dict.fromkeys([*settings.PROVIDERS, *known]))}."
    raise BadInput(said, errors={"provider": [said]})


def _needs_nothing(name: str) -> bool:
    """Whether an adapter works without being set up; one that does not says `needs_setup = True`."""
    try:
        return not getattr(import_string(settings.PROVIDERS[name]), "needs_setup", False)
    except ImportError:
        return True  # it says what is wrong when it is made


def _wanted(name: Any, known: Mapping[str, Setup]) -> Setup:
    """What a version's config asks for. Where nothing at all is set up, offline stands in for it (SPEC 6)."""
    if not known:
        return OFFLINE
    if isinstance(name, str) and name:
        return known.get(name) or (OFFLINE if name == OFFLINE.name else Setup(name, adapter=name, ready=False))
    default = [setup for setup in known.values() if setup.default or len(known) == 1]
    return default[0] if default else OFFLINE


def _own(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in RESERVED}


def _given(params: Any) -> dict[str, Any]:
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise BadInput("params must be a JSON object.", errors={"params": ["Not a JSON object."]})
    if odd := sorted(RESERVED & params.keys()):
        said = f"Not a parameter of a model: {', '.join(odd)}. The model is chosen by model_name, the rest by an admin."
        raise BadInput(said, errors={"params": [said]})
    return params


def _made(setup: Setup, environment: str) -> Provider:
    if not setup.ready:
        return Unready(setup.name, f"The provider '{setup.name}' is not set up for {environment.upper()}.")
    path = settings.PROVIDERS.get(setup.adapter, "")
    try:
        adapter = import_string(path)
    except ImportError as error:
        return Unready(setup.name, f"The adapter '{path}' of provider '{setup.name}' cannot be loaded: {error}.")
    try:
        connection = Connection(setup.name, setup.base_url, setup.key())
    except Unreadable as why:
        return Unready(setup.name, f"The API key of provider '{setup.name}' cannot be read: {why}.")
    return adapter(connection) if inspect.signature(adapter).parameters else adapter()


class Unready:
    """Stands where a provider would: asked, it says what is missing."""

    def __init__(self, name: str, why: str) -> None:
        self.name, self._why = name, why

    def complete(self, prompt: Prompt, **asked: Any) -> Answer:
        """Raise ProviderError."""
        hint = "An admin sets it up under Admin, Provider settings, or by PROMPTLEDGER_PROVIDER…: docs/executions.md."
        raise ProviderError(f"{self._why} {hint}", code=NOT_CONFIGURED)


class Priced:
    """An adapter within the time of settings, whose answers say what they cost where the price is known."""

    def __init__(self, adapter: Provider, name: str, *, shared: bool = False) -> None:
        self.name, self._adapter, self._shared = name, adapter, shared
        self._prices: dict[tuple[str, str], ModelPrice | None] = {}
        self._lock = threading.Lock()

    def for_many(self) -> "Priced":
        """The same for many threads: a price is looked up once, not by each of them with a connection of its own."""
        return Priced(self._adapter, self.name, shared=True)

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
        """Ask the adapter. Raises what it raises; an empty piece then says that the pieces before it are void."""
        began = False

        def piece(text: str) -> None:
            nonlocal began
            if on_text and text:
                began = True
                on_text(text)

        def ask() -> Answer:
            try:
                answer = self._adapter.complete(
                    prompt,
                    model=model,
                    params=params,
                    on_text=piece if on_text else None,
                    timeout=min(timeout or settings.PROVIDER_SECONDS, settings.PROVIDER_SECONDS),
                    idempotency_key=idempotency_key,
                )
            except ProviderError:
                if on_text and began:
                    on_text("")
                raise
            if answer.cost_usd is not None:
                return answer
            return replace(answer, cost_usd=self._cost(model, answer))

        return tracing.asking(self.name, prompt, model, params, bool(on_text), ask)

    def _cost(self, model: str, answer: Answer) -> Decimal | None:
        if answer.prompt_tokens is None or answer.response_tokens is None:
            return None
        price = self._price((model, answer.model))
        return pricing.cost_at(price, answer.prompt_tokens, answer.response_tokens)

    def _price(self, names: tuple[str, str]) -> ModelPrice | None:
        """Looked up although the database may be away just now: the answer is there, and was paid for."""
        look = partial(leases.surely, partial(pricing.price_of, self.name, list(names)))
        if not self._shared:
            return look()
        with self._lock:
            if names not in self._prices:
                self._prices[names] = look()
        return self._prices[names]
