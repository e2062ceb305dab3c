"""Anthropic's own SDK against the model server's messages: the same codes as everywhere."""

import sys
from typing import Any

import pytest

from common.secrets import Secret
from executions.providers import Answer, ProviderError, for_environment
from tests.live_llm import KEY
from tests.providers.test_openai import FAULTS

pytestmark = pytest.mark.django_db

SAME = sorted(FAULTS.keys() - {"refusal", "filtered", "length", "cut-off", "large-40", "stall-9"})


@pytest.fixture(autouse=True)
def anthropic(llm_settings, settings):
    said = {"name": "anthropic", "model": "echo", "base_url": llm_settings.root, "key": Secret(KEY), "params": {}}
    settings.PROVIDER_ENVIRONMENT = {"tst": said}


def ask(model: str, *, prompt: Any = "Hello there, you", pieces: list[str] | None = None, **asked: Any) -> Answer:
    chosen = for_environment("tst", model_name=model, params=asked.pop("params", None))
    on_text = None if pieces is None else pieces.append
    return chosen.provider.complete(
        prompt,
        model=chosen.model,
        params=chosen.params,
        on_text=on_text,
        **{"timeout": 1.5 if model.startswith(("slow", "stall")) else 30.0, **asked},
    )


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_an_answer_has_its_text_tokens_model_and_reason(streamed):
    pieces: list[str] | None = [] if streamed else None
    assert ask("echo", pieces=pieces, timeout=30) == Answer(
        "Hello there, you", 3, 3, None, "echo-2026-01-01", "end_turn"
    )
    assert pieces == (["Hello ", "there, ", "you"] if streamed else None)


def test_instructions_are_told_apart_and_the_key_is_sent_with_the_run(llm):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "Bye"},
    ]
    ask("echo", prompt=messages, params={"temperature": 0.5, "max_tokens": 7}, idempotency_key="run-1")
    (seen,) = llm.seen()
    assert seen["body"] == {
        "model": "echo", "max_tokens": 7, "temperature": 0.5, "system": "Be brief.\n\nBe kind.",
        "messages": [messages[1], messages[2], messages[4]],
    }  # fmt: skip
    headers = seen["headers"]
    assert (headers["authorization"], headers["idempotency-key"]) == (f"Bearer {KEY}", "run-1")
    assert seen["path"] == "/v1/messages"


def test_instructions_alone_are_what_is_said(llm):
    ask("echo", prompt=[{"role": "system", "content": "Be brief."}])
    assert llm.seen()[0]["body"] == {
        "model": "echo", "max_tokens": 4096, "messages": [{"role": "user", "content": "Be brief."}]}  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", SAME)
def test_each_fault_is_told_by_the_same_code_as_openais(llm, model, streamed):
    code, retryable, wait, detail = FAULTS[model]
    with pytest.raises(ProviderError) as caught:
        ask(model, pieces=[] if streamed else None)
    error = caught.value
    assert (error.code, error.retryable, error.retry_after) == (code, retryable, wait)
    if not (model == "garbage" and streamed):
        assert error.detail == detail.replace("compatible", "anthropic")
    assert (error.__context__, error.__cause__, llm.asked(model)) == (None, None, 1)


@pytest.mark.parametrize("pieces", [None, []], ids=["whole", "streamed"])
def test_a_refusal_and_an_answer_without_a_text(pieces):
    with pytest.raises(ProviderError) as caught:
        ask("filtered", pieces=pieces)
    assert (caught.value.code, caught.value.detail) == (
        "provider_refused", "The provider stopped the answer: the model refused.")  # fmt: skip
    with pytest.raises(ProviderError) as caught:
        ask("length", pieces=pieces)
    assert caught.value.code == "provider_bad_answer"
    assert caught.value.detail.endswith("raise the limit.")


def test_without_its_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anthropic", None)
    with pytest.raises(ProviderError) as caught:
        ask("echo")
    assert (caught.value.code, caught.value.retryable) == ("provider_not_configured", False)
    assert "is not installed" in caught.value.detail
