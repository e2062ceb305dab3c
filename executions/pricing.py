"""What a run cost: by the table of prices, which fills itself from what the price library knows (SPEC 6).

The library brings its prices with it and asks no network. It is loaded when a model is met that the table does not
know.
"""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from executions.models.price import ALWAYS, ModelPrice
from ledger.actors import system

LARGEST = Decimal(10) ** 6  # an execution keeps six digits before the point


def cost(
    provider: str, model: str, prompt_tokens: int | None, response_tokens: int | None, *, at: datetime | None = None
) -> Decimal | None:
    """US dollars for these tokens at that moment. None, never 0, where price or tokens are not known."""
    return cost_of(provider, [model], prompt_tokens, response_tokens, at=at)


def cost_of(
    provider: str,
    models: list[str],
    prompt_tokens: int | None,
    response_tokens: int | None,
    *,
    at: datetime | None = None,
) -> Decimal | None:
    """The same for a model that goes by several names: the table is asked for each, then the library."""
    if prompt_tokens is None or response_tokens is None:
        return None
    return cost_at(price_of(provider, models, at=at), prompt_tokens, response_tokens)


def cost_at(price: ModelPrice | None, prompt_tokens: int, response_tokens: int) -> Decimal | None:
    """US dollars for these tokens at a price; None without one, and where it is more than can be kept."""
    found = price.cost(prompt_tokens, response_tokens) if price else None
    return found if found is not None and found < LARGEST else None


def price_of(provider: str, models: list[str], *, at: datetime | None = None) -> ModelPrice | None:
    """The price of a model by the first of its names that table or library know."""
    names, at = [name for name in models if name], at or timezone.now()
    for find in (ModelPrice.objects.best, _from_library):
        for name in names:
            if price := find(provider, name, at):
                return price
    return None


def _from_library(provider: str, model: str, at: datetime) -> ModelPrice | None:
    """What the library knows, put into the table so that an admin sees what is reckoned with, and may change it."""
    rates = known_rates(provider, model)
    if rates is None:
        return None
    source, tokens_in, tokens_out = rates
    fields: dict[str, Any] = {"input_per_million": tokens_in, "output_per_million": tokens_out, "source": source}
    try:
        return ModelPrice.create(by=system("pricing"), provider=provider, model=model, valid_from=ALWAYS, **fields)
    except (IntegrityError, ValidationError):  # somebody else was as quick, or the name is no text that can be stored
        return ModelPrice(provider=provider, model=model, **fields)


@cache
def known_rates(provider: str, model: str) -> tuple[str, Decimal, Decimal] | None:
    """(source, US$ a million tokens in, out) of a provider that the library knows by this name, or None.

    Of prices that rise with the length of the prompt the first tier: no prompt of ours is that long (SPEC 5).
    """
    import genai_prices
    from genai_prices import Usage, calc_price

    try:
        price = calc_price(Usage(input_tokens=1, output_tokens=1), model, provider_id=provider).model_price
    except LookupError:
        return None
    tokens_in, tokens_out = _base(price.input_mtok), _base(price.output_mtok)
    if tokens_in is None or tokens_out is None:
        return None
    return f"genai-prices {genai_prices.__version__}", tokens_in, tokens_out


def _base(rate: Any) -> Decimal | None:
    return getattr(rate, "base", rate)
