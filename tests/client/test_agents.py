"""Agents whose prompts live in code (S4-22 to S4-32): registered, loaded by state, filled in, with and without a ledger."""

import time
from typing import Any

import pytest
from promptledger_client import BadAnswer, CodePrompts, NotFound, PromptLedger, Refused, Unavailable
from promptledger_client.agents import NothingLoaded
from promptledger_client.served import sha256

from tests.client.conftest import with_patience
from tests.client.ledgers import HANGS, StubLedger, served


class Base:
    """Some other base class of an agent."""

    def __init__(self, model: str) -> None:
        self.model = model


class Agent(CodePrompts, Base):
    """An agent with its prompts in code."""


def agent(stub: StubLedger, **said: Any) -> Agent:
    return Agent("m", client=PromptLedger(stub.url, ttl=0), **said)


@pytest.fixture(autouse=True)
def empty(stub: StubLedger) -> None:
    stub.prompts = []


def test_an_agent_begins_without_a_template(stub: StubLedger):
    made = agent(stub)
    assert (made.model, made.current_prompt_template, made.template_vars) == ("m", None, [])
    with pytest.raises(NothingLoaded):
        made.get_filled_system_prompt()


def test_register_load_fill(stub: StubLedger):
    made = agent(stub)
    result = made.register_code_defined_prompt(
        "Hi {{ a }} {{ b }}", "default", "Default Prompt", is_primary_default=True
    )
    assert result == {"name": "Agent.default", "version": 1, "change_detected": False}
    assert made.current_prompt_template is None
    assert made.load_active_prompt_template("default") is True
    assert made.current_prompt_template == "Hi {{ a }} {{ b }}"
    assert made.template_vars == ["a", "b"]
    assert made.get_filled_system_prompt(a=1, b="x") == "Hi 1 x"
    (item,) = stub.registered
    assert item == {
        "agent": "Agent", "status_key": "default", "template_source": "Hi {{ a }} {{ b }}", "title": "Default Prompt",
        "is_primary_default": True,
        "template_hash": sha256("Hi {{ a }} {{ b }}"),
    }  # fmt: skip


def test_the_names_of_the_seed_do_the_same(stub: StubLedger):
    made = agent(stub, agent_name="Named")
    made._register_code_defined_prompt(code_prompt_text="Hi {{ a }}", status_key="S", prompt_name="T")
    assert made._load_active_prompt_template("S") is True
    assert made._get_filled_system_prompt(a="x") == "Hi x"
    assert (stub.registered[0]["agent"], stub.registered[0]["title"]) == ("Named", "T")
    assert "is_primary_default" not in stub.registered[0]


def test_what_a_deploy_knows_goes_along(stub: StubLedger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMPTLEDGER_COMMIT", "abc")
    monkeypatch.setenv("PROMPTLEDGER_COMMITTED_AT", "2025-12-01T10:00:00Z")
    made = agent(stub)
    made.environment = "tst"
    made.register_code_defined_prompt([{"role": "user", "content": "{{ q }}"}], "default")
    item = stub.registered[0]
    assert (item["environment"], item["commit"], item["committed_at"]) == ("tst", "abc", "2025-12-01T10:00:00Z")
    assert item["type"] == "chat"


def test_what_is_live_wins_over_what_is_in_code(stub: StubLedger):
    made = agent(stub)
    made.register_code_defined_prompt("Code", "default")
    stub.prompts = [served("Ledger", agent="Agent", status_key="default", served_status_key="default")]
    made.load_active_prompt_template("default")
    assert made.get_filled_system_prompt() == "Ledger"


def test_a_state_without_a_prompt_gets_the_fallback_s(stub: StubLedger):
    made = agent(stub)
    made.register_code_defined_prompt("Nobody", "NOT_REGISTERED", is_primary_default=True)
    assert made.load_active_prompt_template("BLOCKED") is True
    assert made.current_prompt is not None
    assert (made.current_prompt.status_key, made.current_prompt.served_status_key) == ("BLOCKED", "NOT_REGISTERED")


def test_where_nothing_is_live_nothing_is_left_standing(stub: StubLedger):
    made = agent(stub)
    made.register_code_defined_prompt("Approved", "APPROVED")
    assert made.load_active_prompt_template("APPROVED") is True
    stub.prompts = []
    assert made.load_active_prompt_template("OTHER") is False
    assert (made.current_prompt_template, made.template_vars) == (None, [])
    with pytest.raises(NothingLoaded):
        made.get_filled_system_prompt()
    assert made.load_active_prompt_template("APPROVED") is False  # removed by people: code does not bring it back


@pytest.mark.parametrize("fault", ["refused", "time-out", "503", "500", "garbage"])
def test_an_agent_starts_without_a_ledger_and_registers_once_it_is_there(
    fault: str, stub: StubLedger, short_waits: None, caplog: pytest.LogCaptureFixture
):
    stub.misbehave(fault)
    made = agent(stub)
    if fault in HANGS:
        with_patience(made.client, 0.3)
    assert made.register_code_defined_prompt("Hi {{ a }}", "APPROVED", "Title") is None
    assert made.register_code_defined_prompt("Nobody", "NOT_REGISTERED", is_primary_default=True) is None
    assert "are not registered, their texts stand in" in caplog.text
    assert made.load_active_prompt_template("APPROVED") is True
    assert made.current_prompt is not None
    assert (made.current_prompt.source, made.get_filled_system_prompt(a="x")) == ("fallback", "Hi x")
    assert made.load_active_prompt_template("BLOCKED") is True
    assert (made.current_prompt.served_status_key, made.get_filled_system_prompt()) == ("NOT_REGISTERED", "Nobody")
    if fault == "refused":
        stub.start()
    stub.misbehave("")
    with_patience(made.client, 30)
    time.sleep(0.06)
    assert made.load_active_prompt_template("APPROVED") is True
    assert [item["status_key"] for item in stub.registered] == ["APPROVED", "NOT_REGISTERED"]
    assert (made.current_prompt.source, made.current_prompt.version) == ("fresh", 1)


def test_five_prompts_and_a_ledger_that_hangs_cost_one_wait(stub: StubLedger, long_waits: None):
    stub.misbehave("time-out")
    made = agent(stub)
    with_patience(made.client, 0.3)
    for number in range(5):
        made.register_code_defined_prompt("Hi", f"S{number}")
    assert made.load_active_prompt_template("S3") is True
    stub.until_asked(1)
    assert len(stub.asked) == 1  # one that waited in vain, not five


def test_with_the_ledger_gone_the_last_good_text_wins_over_code(stub: StubLedger):
    agent(stub).register_code_defined_prompt("Live", "default")
    first = agent(stub)
    assert first.load_active_prompt_template("default") is True
    stub.misbehave("refused")
    second = agent(stub)
    second.register_code_defined_prompt("Code", "default")
    assert second.load_active_prompt_template("default") is True
    assert (second.current_prompt_template, second.current_prompt.source) == ("Live", "disk")  # type: ignore[union-attr]


def test_without_a_ledger_and_without_code_for_a_state_it_says_so(stub: StubLedger):
    stub.misbehave("refused")
    made = agent(stub)
    with pytest.raises(Unavailable, match="status key 'default'"):
        made.load_active_prompt_template("default")


def test_a_prompt_that_people_own_is_theirs_and_the_agent_starts(stub: StubLedger, caplog: pytest.LogCaptureFixture):
    stub.prompts = [served("Theirs", agent="Agent", status_key="default", served_status_key="default")]
    stub.refusal = (400, {"detail": "Prompt 'Agent.default' is in full mode.", "code": "wrong_mode"})
    made = agent(stub)
    assert made.register_code_defined_prompt("Code", "default") is None
    assert "stays as people have it" in caplog.text
    stub.refusal = None
    assert made.load_active_prompt_template("default") is True
    assert made.get_filled_system_prompt() == "Theirs"
    assert stub.registered == []


def test_of_several_that_wait_a_refused_one_keeps_no_other_from_the_ledger(stub: StubLedger, short_waits: None):
    stub.misbehave("refused")
    made = agent(stub)
    for status_key, text in (("A", "a"), ("B", ""), ("C", "c")):
        made.register_code_defined_prompt(text, status_key)
    stub.start()
    stub.refused_text = ""
    time.sleep(0.06)
    with pytest.raises(Refused, match="cannot be empty"):
        made.load_active_prompt_template("A")
    assert made.load_active_prompt_template("A") is True
    assert [item["status_key"] for item in stub.registered] == ["A", "C"]
    assert made.load_active_prompt_template("C") is True
    assert len([one for one in stub.asked if one.method == "POST"]) == 4  # all, A, B, then C; and none after that


def test_what_the_ledger_refuses_is_not_hidden(stub: StubLedger):
    stub.refusal = (400, {"detail": "Prompt text cannot be empty.", "code": "invalid"})
    made = agent(stub)
    with pytest.raises(Refused, match="cannot be empty"):
        made.register_code_defined_prompt("", "default")
    stub.refusal = (403, {"detail": "The key lacks the scope register.", "code": "permission_denied"})
    with pytest.raises(Refused, match="lacks the scope"):
        made.register_code_defined_prompt("x", "default")


def test_code_that_is_not_for_production_stands_in_where_nothing_is_live(stub: StubLedger):
    made = agent(stub)
    made.environment = "dev"
    made.register_code_defined_prompt("Draft", "S")
    stub.prompts = []  # a registration for dev makes nothing live
    assert made.load_active_prompt_template("S") is True
    assert (made.current_prompt.source, made.current_prompt_template) == ("fallback", "Draft")  # type: ignore[union-attr]


def test_an_agent_without_a_client_makes_one_by_the_environment(stub: StubLedger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMPTLEDGER_URL", stub.url)

    class Plain(CodePrompts):
        pass

    made = Plain()
    made.register_code_defined_prompt("Hi", "default")
    assert made.load_active_prompt_template("default") is True
    assert made.client.settings.base_url == stub.url
    with pytest.raises(NotFound):
        made.client.prompt("Another")


def test_two_agents_do_not_share_what_they_declare(stub: StubLedger):
    one, other = agent(stub, agent_name="One"), agent(stub, agent_name="Other")
    one.register_code_defined_prompt("Of one", "default")
    stub.misbehave("refused")
    with pytest.raises(Unavailable):
        other.load_active_prompt_template("default")


def test_a_registration_that_is_answered_with_something_else_counts_as_none(stub: StubLedger, ask: Any):
    for answer in ({"registered": []}, {"registered": {}}, [], {"status": "ok"}):
        stub.refusal = (200, answer)
        with pytest.raises(BadAnswer, match="it answered a registration with something else"):
            ask.run(ask.client(stub.url).register([{"name": "A", "template_source": "x"}]))


def test_prompts_can_be_registered_without_an_agent_s_class(stub: StubLedger, ask: Any):
    client = ask.client(stub.url, ttl=3_600)
    item = {"agent": "A", "status_key": "K", "template_source": "Hi"}
    (result,) = ask.run(client.register([item], timeout=9))
    assert (result["version"], stub.asked[-1].body) == (1, {"prompts": [item], "dry_run": False})
    assert ask(client, "A", status_key="K").render() == "Hi"
    ask.run(client.register([{**item, "template_source": "Ho"}], dry_run=True))
    assert stub.asked[-1].body["dry_run"] is True
    assert ask(client, "A", status_key="K").source == "fresh"  # in spite of its ttl
