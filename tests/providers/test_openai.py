"""The real SDK against the model server, over the real guard: each fault gives the code that the contract says."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from common.secrets import Secret
from executions.providers import Answer, ProviderError, faults, for_environment
from tests.live_llm import KEY

FAULTS = {
    # model: code, may be tried again, seconds to wait, what people read
    "slow-9": ("provider_timeout", True, None, "compatible did not answer in time."),
    "stall-9": ("provider_timeout", True, None, "compatible did not answer in time."),
    "status-408": (
        "provider_timeout", True, None, "compatible gave up waiting (408): This is what status 408 looks like."),
    "limited-7": ("provider_rate_limited", True, 7.0, "compatible is asked too often (429): Rate limit reached."),
    "status-500": (
        "provider_server_error", True, None, "compatible failed (500): This is what status 500 looks like."),
    "status-529": (
        "provider_server_error", True, None, "compatible failed (529): This is what status 529 looks like."),
    "status-400": (
        "provider_refused", False, None, "compatible refused the request (400): This is what status 400 looks like."),
    "status-409": (
        "provider_refused", False, None, "compatible refused the request (409): This is what status 409 looks like."),
    "nothing-known": (
        "provider_refused", False, None,
        "compatible refused the request (404): The model 'nothing-known' does not exist."),
    "parrot": (
        "provider_refused", False, None,
        "compatible refused the request (401): Incorrect API key provided: Bearer (secret)."),
    "refusal": ("provider_refused", False, None, "The model refused: I cannot help with that."),
    "filtered": ("provider_refused", False, None, "The provider's content filter stopped the answer."),
    "cut-off": ("provider_bad_answer", False, None, "The answer of compatible broke off before its end."),
    "garbage": (
        "provider_bad_answer", False, None, "compatible answered something that is no answer of its kind."),
    "empty": ("provider_bad_answer", False, None, "The provider answered without a text."),
    "length": (
        "provider_bad_answer", False, None,
        "The provider answered without a text. It used up its tokens before it said anything: raise the limit."),
    "large-40": ("provider_bad_answer", False, None, "compatible: The answer is larger than 33,554,432 bytes."),
    "redirect": (
        "provider_not_allowed", False, None,
        "compatible: It answers with a redirect, which is not followed. Give the final address."),
}  # fmt: skip
ONLY_WHOLE = {
    "html": ("provider_bad_answer", False, None, "The provider's answer has no message in it."),
    "odd": ("provider_bad_answer", False, None, "The provider's answer has no message in it."),
}
ONLY_STREAMED = {
    "html": ("provider_bad_answer", False, None, "The answer broke off before its end."),
    "quiet-end": ("provider_bad_answer", False, None, "The answer broke off before its end."),
    "overloaded": (
        "provider_server_error", True, None,
        "compatible failed in the middle of its answer: The server is overloaded."),
}  # fmt: skip
CASES = [
    *((model, False, wanted) for model, wanted in {**FAULTS, **ONLY_WHOLE}.items()),
    *((model, True, wanted) for model, wanted in {**FAULTS, **ONLY_STREAMED}.items()),
]

pytestmark = pytest.mark.django_db


def ask(model: str, *, prompt: Any = "Hello there, you", pieces: list[str] | None = None, **asked: Any) -> Answer:
    chosen = for_environment("tst", model_name=model, params=asked.pop("params", None))
    on_text = None if pieces is None else pieces.append
    return chosen.provider.complete(
        prompt,
        model=chosen.model,
        params=chosen.params,
        on_text=on_text,
        **{"timeout": 1.0 if model.startswith(("slow", "stall")) else 30.0, **asked},
    )


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_an_answer_has_its_text_tokens_model_and_reason(llm_settings, streamed):
    pieces: list[str] | None = [] if streamed else None
    answer = ask("echo", pieces=pieces)
    assert answer == Answer("Hello there, you", 3, 3, None, "echo-2026-01-01", "stop")
    assert pieces == (["Hello ", "there, ", "you"] if streamed else None)


def test_messages_parameters_key_and_idempotency_key_arrive_once(llm_settings):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    ask("echo", prompt=messages, params={"temperature": 0.25, "top_k": 3}, idempotency_key="run-1")
    (seen,) = llm_settings.seen()
    assert seen["body"] == {"model": "echo", "messages": messages, "temperature": 0.25, "top_k": 3}
    headers = seen["headers"]
    assert (headers["authorization"], headers["idempotency-key"]) == (f"Bearer {KEY}", "run-1")
    assert (seen["path"], headers["host"]) == ("/v1/chat/completions", f"127.0.0.1:{llm_settings.port}")


@pytest.mark.parametrize(("model", "streamed", "wanted"), CASES, ids=lambda value: str(value).split("'")[0])
def test_each_fault_is_told_by_its_code(llm_settings, model, streamed, wanted):
    with pytest.raises(ProviderError) as caught:
        ask(model, pieces=[] if streamed else None)
    error = caught.value
    assert (error.code, error.retryable, error.retry_after, error.detail) == wanted
    assert (error.status, error.__context__, error.__cause__) == (502, None, None), "the library's error has the key"
    assert llm_settings.asked(model) == 1, "whether it is asked again is decided elsewhere"


def test_pieces_of_an_attempt_that_failed_are_taken_back(llm_settings):
    pieces: list[str] = []
    for model in ("cut-off", "status-500", "echo"):
        try:
            ask(model, pieces=pieces)
        except ProviderError:
            continue
    assert pieces == ["Half of an ans", "", "Hello ", "there, ", "you"]


def test_what_fails_twice_answers_the_third_time(llm_settings):
    for _ in range(2):
        with pytest.raises(ProviderError, match=r"failed \(500\)"):
            ask("flaky-2-500", idempotency_key="run-2")
    assert ask("flaky-2-500", idempotency_key="run-2").text == "Hello there, you"


def test_nobody_there_is_a_connection_error(llm_settings, settings):
    said = settings.PROVIDER_ENVIRONMENT["tst"]
    settings.PROVIDER_ENVIRONMENT = {"tst": {**said, "base_url": "http://127.0.0.1:9/v1"}}
    settings.INTERNAL_HOSTS = frozenset({("127.0.0.1", 9)})
    with pytest.raises(ProviderError) as caught:
        ask("echo")
    assert (caught.value.code, caught.value.retryable) == ("provider_connection", True)
    assert caught.value.detail == "compatible could not be reached."


def test_an_address_that_is_not_listed_is_not_asked(llm_settings, settings):
    settings.INTERNAL_HOSTS = frozenset()
    with pytest.raises(ProviderError) as caught:
        ask("echo")
    assert (caught.value.code, caught.value.retryable) == ("provider_not_allowed", False)
    assert llm_settings.seen() == []


def test_a_model_that_counts_nothing_has_no_tokens_and_no_cost(llm_settings):
    assert ask("mute") == Answer("Hello there, you", None, None, None, "mute-2026-01-01", "stop")
    assert ask("mute", pieces=[]) == Answer("Hello there, you", None, None, None, "mute-2026-01-01", "stop")


@pytest.mark.parametrize("pieces", [None, []], ids=["whole", "streamed"])
def test_a_model_that_calls_instead_of_talking_answers_with_the_calls(llm_settings, pieces):
    said = '[{"name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}]'
    answer = ask("tools", pieces=pieces)
    assert (answer.text, answer.finish_reason) == (said, "tool_calls")


def test_without_a_key_no_authorization_is_sent(llm_settings, settings):
    said = settings.PROVIDER_ENVIRONMENT["tst"]
    settings.PROVIDER_ENVIRONMENT = {"tst": {**said, "key": Secret()}}
    assert ask("echo").text == "Hello there, you"
    assert "authorization" not in llm_settings.seen()[0]["headers"]


def test_a_proxy_of_the_environment_is_not_used(llm_settings, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask("echo").text == "Hello there, you"


def test_a_hundred_at_once_all_get_their_own_answer(llm_settings):
    chosen = for_environment("tst", model_name="together-100").for_many()  # not a hundred database connections

    def one(number: int) -> str:
        return chosen.provider.complete(f"I am {number}", model=chosen.model, params=chosen.params, timeout=120.0).text

    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(one, range(100)))
    assert answers == [f"I am {number}" for number in range(100)]
    assert llm_settings.asked("together-100") == 100
    assert llm_settings.most_at_once() >= 100, "they were to be in at the same moment"


@pytest.fixture
def somewhere_else(monkeypatch):
    """A server whose clock is not Greenwich's."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("said", "seconds"), [
    ("7", 7.0), ("1.5", 1.5), ("-5", 0.0), ("Fri, 02 Jan 2026 00:00:09 GMT", 9.0), ("Fri Jan  2 00:00:09 2026", 9.0),
    ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0), ("", None), ("soon", None), ("nan", None), ("Fri, 99 Foo 2026", None),
])  # fmt: skip
def test_retry_after_is_a_number_or_a_date_in_each_way_that_http_writes_one(somewhere_else, said, seconds):
    now = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    assert faults.retry_after({"retry-after": said}, now=now) == seconds
