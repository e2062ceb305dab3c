"""The ledger: one hash-chained row for every change, or no change at all."""

import pytest
from django.db import transaction

from ledger import chain
from ledger.actors import Actor, system
from ledger.models import LedgerEvent
from tests.factories import TESTER, make_agent, make_prompt, make_version
from versions.models import Prompt
from versions.seen import ANYTHING


@pytest.mark.django_db
def test_events_are_numbered_and_linked():
    prompt = make_version("PRD", name="linked").prompt
    events = list(LedgerEvent.objects.filter(chain=f"prompt:{prompt.pk}").order_by("sequence"))
    assert [event.action for event in events] == ["prompt_created", "created", "promoted", "promoted"]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.previous_hash for event in events] == ["", *[event.hash for event in events[:-1]]]
    prompt.refresh_from_db()
    assert (prompt.ledger_length, prompt.ledger_head) == (4, events[-1].hash)


@pytest.mark.django_db
def test_an_event_says_who_what_when_from_what_to_what_and_why():
    live = make_version("PRD", name="told", agent=make_agent(name="Ada"))
    by = Actor("anna", user_id=7, api_key="pl_abc")
    version = make_version("TST", prompt=live.prompt).promote(by=by, to="PRD", seen=ANYTHING, reason="Better.")
    event = LedgerEvent.objects.latest("id")
    said = {name: getattr(event, name) for name in LedgerEvent.SEALED if name not in ("sequence", "previous_hash")}
    assert said == {
        "chain": f"prompt:{live.prompt_id}", "at": version.deployed_at, "actor": "anna", "actor_kind": "user",
        "actor_id": 7, "api_key": "pl_abc", "action": "promoted", "agent": "Ada", "prompt_id": live.prompt_id,
        "prompt": "told", "version": 2, "label": "v1.1", "from_stage": "TST", "to_stage": "PRD", "replaced": 1,
        "reason": "Better.", "before_hash": version.content_hash, "after_hash": version.content_hash,
        "detail": {"replaced": "v1.0"},
    }  # fmt: skip


@pytest.mark.django_db
def test_a_program_is_named_as_one():
    assert (system("import").name, system("import").kind) == ("system:import", "system")


@pytest.mark.django_db(transaction=True)
def test_writing_outside_a_transaction_is_refused():
    prompt = make_prompt(name="alone")
    with pytest.raises(transaction.TransactionManagementError):
        chain.append(prompt, by=TESTER, entries=[prompt.entry("prompt_changed")])
    assert LedgerEvent.objects.filter(action="prompt_changed").count() == 0


CHANGES = {
    "edit": lambda v: v.edit(by=TESTER, seen=ANYTHING, template_source="other"),
    "promote": lambda v: v.promote(by=TESTER, seen=ANYTHING, to="TST"),
    "create_new": lambda v: v.create_new(by=TESTER, seen=ANYTHING),
    "archive": lambda v: v.archive(by=TESTER, seen=ANYTHING),
    "delete": lambda v: v.delete_draft(by=TESTER, seen=ANYTHING),
    "prompt.change": lambda v: v.prompt.change(by=TESTER, title="other", tags=["x"]),
    "prompt.archive": lambda v: v.prompt.archive(by=TESTER),
    "prompt.remove": lambda v: v.prompt.remove(by=TESTER),
    "prompt.create": lambda v: make_prompt(name="another"),
    "agent.create": lambda v: make_agent(name="another"),
    "agent.change": lambda v: v.prompt.agent.change(by=TESTER, description="other"),
    "agent.archive": lambda v: v.prompt.agent.archive(by=TESTER),
    "agent.remove": lambda v: v.prompt.agent.remove(by=TESTER),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", CHANGES)
def test_no_change_without_its_ledger_row(name, monkeypatch):
    """RELIABILITY 1.2, promise 7: when the ledger cannot be written, nothing happens."""
    version = make_version(name="kept", agent=make_agent(name="Ada"))
    before = state(version)

    def broken(*args, **kwargs):
        raise OSError("no ledger")

    monkeypatch.setattr(chain, "link", broken)
    with pytest.raises(OSError, match="no ledger"):
        CHANGES[name](version)
    assert state(version) == before


def state(version):
    models = (Prompt, type(version), type(version.prompt.agent), LedgerEvent)
    return [list(model.objects.order_by("pk").values()) for model in models], Prompt.objects.get().tags
