"""What runs cost: the table that an admin can change, filled from the price library; unknown is null, not zero."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError

from executions import pricing
from executions.models import ModelPrice
from ledger.models import LedgerEvent
from tests.factories import TESTER

pytestmark = pytest.mark.django_db

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def make(provider: str = "mine", model: str = "m-1", rate: str = "1", **fields: Any) -> ModelPrice:
    fields = {"input_per_million": Decimal(rate), "output_per_million": Decimal(rate) * 2, **fields}
    return ModelPrice.create(by=TESTER, provider=provider, model=model, **fields)


def cost(provider: str = "mine", model: str = "m-1", at: datetime = JUNE) -> Decimal | None:
    return pricing.cost(provider, model, 1_000_000, 500_000, at=at)


def test_what_nobody_knows_costs_null_not_zero():
    assert cost() is None
    assert cost("openai", "no-such-model") is None
    assert cost("compatible", "gpt-4o-mini") is None, "whose server that is, nobody knows"
    assert ModelPrice.objects.count() == 0


@pytest.mark.parametrize("tokens", [(None, 5), (5, None), (None, None)])
def test_tokens_that_nobody_counted_cost_null(tokens):
    make()
    assert pricing.cost("mine", "m-1", *tokens, at=JUNE) is None


def test_a_price_of_the_library_is_put_into_the_table_once():
    assert pricing.cost("openai", "gpt-4o-mini", 1000, 100, at=JUNE) == Decimal("0.00021")
    assert pricing.cost("openai", "gpt-4o-mini", 1000, 100, at=MAY) == Decimal("0.00021")
    (row,) = ModelPrice.objects.all()
    assert (row.provider, row.model, row.input_per_million, row.output_per_million) == (
        "openai", "gpt-4o-mini", Decimal("0.15"), Decimal("0.6"))  # fmt: skip
    assert row.source.startswith("genai-prices ")
    (event,) = LedgerEvent.objects.all()
    assert (event.action, event.actor) == ("price_created", "system:pricing")


def test_a_price_that_rises_with_the_prompt_is_taken_at_its_first_step():
    assert pricing.cost("anthropic", "claude-sonnet-4-5", 1000, 100, at=JUNE) == Decimal("0.0045")


def test_the_name_that_was_asked_for_goes_before_what_the_vendor_calls_it():
    make("openai", "gpt-4o-mini", "7")
    assert pricing.cost_of("openai", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"], 1_000_000, 0, at=JUNE) == 7
    make("azure", "gpt-4o-mini-*", "8")
    assert pricing.cost_of("azure", ["our-deployment", "gpt-4o-mini-2024-07-18"], 1_000_000, 0, at=JUNE) == 8


def test_the_closest_price_counts():
    make("", "*", "1")
    assert cost() == Decimal(2)
    make("", "m-*", "2")
    assert cost() == Decimal(4)
    make("mine", "*", "3")
    assert cost() == Decimal(6)
    make("mine", "M-*", "4")
    assert cost() == Decimal(8)
    make("mine", "m-1", "5")
    assert cost() == Decimal(10)
    assert cost("other", "x") == Decimal(2)


@pytest.mark.parametrize("pattern", ["m-?", "m-[0-9]"])
def test_a_models_own_price_goes_before_any_pattern(pattern):
    make("mine", pattern, "1")
    assert cost("mine", "m-2") == Decimal(2)
    make("mine", "M-1", "5")
    assert cost() == Decimal(10)


def test_a_name_may_have_the_signs_of_a_pattern():
    make("mine", "m-1[1m]", "3")
    assert cost("mine", "m-1[1m]") == Decimal(6)
    assert cost("mine", "m-12") is None


def test_a_new_price_holds_from_its_day_on():
    make(rate="1")
    make(rate="2", valid_from=JUNE)
    assert (cost(at=MAY), cost(at=JUNE)) == (Decimal(2), Decimal(4))


def test_a_price_of_zero_is_zero():
    make(rate="0")
    assert cost() == Decimal(0)


def test_a_cost_beyond_what_an_execution_keeps_is_not_known():
    make(rate="10000000")
    assert pricing.cost("mine", "m-1", 1_000_000, 0, at=JUNE) is None


def test_a_change_is_in_the_ledger_and_what_was_run_keeps_its_cost(llm_settings, settings):
    from executions.providers import for_environment

    row = make("compatible", "echo", "1000")
    chosen = for_environment("dev")
    before = chosen.provider.complete("one two", model="echo", params={})
    row = row.change(by=TESTER, input_per_million=Decimal(2000))
    after = chosen.provider.complete("one two", model="echo", params={})
    assert (before.cost_usd, after.cost_usd) == (Decimal("0.006"), Decimal("0.008"))
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.detail) == (
        "price_changed", {"changes": {"input_per_million": {"from": "1000", "to": "2000"}}})  # fmt: skip
    row.change(by=TESTER, input_per_million=Decimal("2000.0"))
    assert LedgerEvent.objects.latest("id") == event
    row.remove(by=TESTER)
    assert LedgerEvent.objects.latest("id").action == "price_deleted"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("many", [False, True])
def test_an_answer_is_not_lost_because_its_price_cannot_be_looked_up_just_now(llm_settings, monkeypatch, many):
    from executions.providers import for_environment

    make("compatible", "echo", "1000")
    there, said = pricing.price_of, iter([OperationalError("the server closed the connection")])

    def away(*asked: Any, **more: Any) -> Any:
        for error in said:
            raise error
        return there(*asked, **more)

    monkeypatch.setattr(pricing, "price_of", away)
    chosen = for_environment("dev")
    answer = (chosen.for_many() if many else chosen).provider.complete("one two", model="echo", params={})
    assert (answer.text, answer.cost_usd, next(said, None)) == ("one two", Decimal("0.006"), None)
    assert llm_settings.asked("echo") == 1


@pytest.mark.parametrize("fields", [{"rate": "-1"}, {"model": ""}, {"model": "x\x00"}, {"valid_from": "soon"},
                                    {"input_per_million": "much"}])  # fmt: skip
def test_what_is_no_price_is_not_stored(fields):
    with pytest.raises((ValidationError, ArithmeticError)):
        make(**fields)
    assert (ModelPrice.objects.count(), LedgerEvent.objects.count()) == (0, 0)


def test_two_prices_from_the_same_day_are_refused():
    make()
    with pytest.raises(ValidationError):
        make(rate="2")
    assert cost() == Decimal(2)
