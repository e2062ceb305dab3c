"""Every failure of a ledger, with every copy that may be at hand: the last column is the only one without a text."""

import time
from pathlib import Path
from typing import Any

import pytest
from promptledger_client import Unavailable
from promptledger_client.bundle import bundle_text

from tests.client.conftest import with_patience
from tests.client.ledgers import AGENT, KEY, TEXT, StubLedger, served

FAULTS = {
    "refused": "no connection",
    "time-out": "no answer within",
    "408": "it answered 408",
    "429": "it answered 429",
    "500": "it answered 500",
    "502": "it answered 502",
    "503": "it answered 503",
    "garbage": "something that is no prompt",
    "cut off": "the connection broke",
    "wrong type": "something that is no prompt",
    "tls": "TLS failed",
    # Beyond the matrix of RELIABILITY 1.3:
    "drip": "answer within",
    "drip head": "no answer within",
    "early hints": "no answer within",
    "no HTTP": "the connection broke",
    "a list": "something that is no prompt",
    "deep": "something that is no prompt",
    "another prompt": "not asked for",
    "another key": "not asked for",
    "a draft": "not asked for",
    "changed text": "not the one its checksum_hash was made of",
    "gzip": "decompressed",
    "redirect": "it answered 302, but not as a PromptLedger does",
    "proxy 404": "it answered 404, but not as a PromptLedger does",
    "no content": "it answered 204",
}  # fmt: skip


@pytest.fixture
def ledger(request: pytest.FixtureRequest, fault: str) -> StubLedger:
    return request.getfixturevalue("tls_stub" if fault == "tls" else "stub")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.json"
    path.write_text(bundle_text([served()]))
    return path


def usable(prompt: Any, source: str, fault: str) -> None:
    assert prompt.source == source
    assert prompt.render(name="Bo") == "Hello Bo!"
    assert (prompt.version, prompt.label, prompt.stage, prompt.config) == (3, "v3.0", "PRD", {"model": "m"})
    assert FAULTS[fault] in prompt.problem


@pytest.mark.parametrize("fault", FAULTS)
def test_with_a_copy_in_memory_the_last_good_text_is_given(fault: str, ledger: StubLedger, ask: Any, bundle: Path):
    client = ask.client(ledger.url, cache_dir=False, bundle=bundle)
    assert ask(client).source == "fresh"
    ledger.misbehave(fault)
    ask.hurry(client, fault)
    usable(ask(client), "stale", fault)
    usable(ask(client), "stale", fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_starts_takes_the_copy_on_disk(fault: str, ledger: StubLedger, ask: Any, bundle: Path):
    assert ask(ask.client(ledger.url)).source == "fresh"
    ledger.misbehave(fault)
    usable(ask(ask.hurry(ask.client(ledger.url, bundle=bundle), fault)), "disk", fault)


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_copy_the_bundle_is_taken(fault: str, ledger: StubLedger, ask: Any, bundle: Path):
    ledger.misbehave(fault)
    client = ask.hurry(ask.client(ledger.url, bundle=bundle), fault)
    usable(ask(client, fallback="In code"), "bundled", fault)
    usable(ask(client, fallback="In code"), "bundled", fault)


@pytest.mark.parametrize("fault", [*FAULTS, "not modified"])
def test_with_nothing_at_all_it_says_what_was_tried(fault: str, ledger: StubLedger, ask: Any):
    ledger.misbehave(fault)
    with pytest.raises(Unavailable) as caught:
        ask(ask.hurry(ask.client(ledger.url), fault))
    first, *others = caught.value.tried
    assert first.startswith(f"{ledger.url}: ")
    assert FAULTS.get(fault, "it answered 304, and there is no copy here") in first
    assert others == ["memory: no copy", "disk: no copy", "bundle: none was given", "code: no fallback"]
    assert f"agent '{AGENT}', status key '{KEY}'" in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_with_nothing_but_a_text_in_code_that_is_given(fault: str, ledger: StubLedger, ask: Any):
    ledger.misbehave(fault)
    prompt = ask(ask.hurry(ask.client(ledger.url), fault), fallback="Hi {{ name }}.")
    assert (prompt.source, prompt.version, prompt.label) == ("fallback", None, None)
    assert prompt.render(name="Bo") == "Hi Bo."
    assert FAULTS[fault] in prompt.problem


@pytest.mark.parametrize("fault", FAULTS)
def test_once_the_ledger_is_well_again_its_text_is_given(
    fault: str, ledger: StubLedger, ask: Any, short_waits: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("promptledger_client.backoff.LONGEST_ASKED", 0.05)
    client = ask.client(ledger.url)
    ask(client)
    ledger.misbehave(fault)
    assert ask(ask.hurry(client, fault)).source == "stale"
    with_patience(client, 30)
    if fault == "refused":
        ledger.start()
    ledger.misbehave("")
    ledger.prompts = [served("New {{ name }}", version=4, label="v4.0")]
    until = time.monotonic() + 30
    while (found := ask(client)).source != "fresh" and time.monotonic() < until:
        time.sleep(0.01)
    assert (found.source, found.version, found.problem) == ("fresh", 4, "")
    assert TEXT != found.template == "New {{ name }}"
