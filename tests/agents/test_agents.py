"""Agents: made, changed, archived, removed through their own methods; each leaves its row in the ledger (SPEC 4)."""

import pytest
from django.core.exceptions import ValidationError

from agents.models import Agent
from ledger.models import LedgerEvent
from tests.factories import TESTER, make_agent, make_prompt, make_version
from tests.versions.refusing import everything, refused
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db


def test_an_agent_is_made_with_its_entry():
    agent = make_agent(name="Stan", description="Answers.")
    assert (agent.primary_status_key, agent.archived_at, agent.active_default_prompt_id) == ("default", None, None)
    event = LedgerEvent.objects.get()
    assert (event.action, event.agent, event.chain) == ("agent_created", "Stan", f"agent:{agent.pk}")


@pytest.mark.parametrize("name", ["", "a/b", " a", "a ", ".", "a\tb", "a\u200bb", "x" * 256, "taken", "\x00"])
def test_a_bad_or_taken_name_is_refused(name):
    make_agent(name="taken")
    before = everything()
    with pytest.raises(ValidationError) as caught:
        make_agent(name=name)
    assert list(caught.value.message_dict) == ["name"]
    assert everything() == before


def test_names_tell_letters_apart():
    make_agent(name="stan")
    make_agent(name="Stan")
    assert list(Agent.objects.order_by("name").values_list("name", flat=True)) in (["Stan", "stan"], ["stan", "Stan"])


def test_a_change_is_logged_and_the_name_stays():
    agent = make_agent(name="Stan").change(by=TESTER, description="New", primary_status_key="A", name="Other")
    assert (agent.name, agent.description, agent.primary_status_key) == ("Stan", "New", "A")
    event = LedgerEvent.objects.latest("id")
    assert event.detail["changes"] == {
        "description": {"from": "", "to": "New"}, "primary_status_key": {"from": "default", "to": "A"},
    }  # fmt: skip
    assert Agent.objects.get().description == "New"


def test_equal_values_change_and_log_nothing():
    agent = make_agent(description="Same")
    before = everything()
    agent.change(by=TESTER, description="Same")
    assert everything() == before


def test_a_bad_change_is_refused():
    agent = make_agent()
    before = everything()
    with pytest.raises(ValidationError):
        agent.change(by=TESTER, primary_status_key="x" * 256)
    assert everything() == before


def test_archived_agents_are_hidden_and_come_back():
    agent = make_agent()
    agent.archive(by=TESTER)
    assert list(Agent.objects.current()) == []
    before = everything()
    agent.archive(by=TESTER)
    assert everything() == before
    agent.archive(by=TESTER, archived=False)
    assert list(Agent.objects.current()) == [agent]
    actions = list(LedgerEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["agent_created", "agent_archived", "agent_unarchived"]


def live_id() -> int | None:
    return Agent.objects.get().active_default_prompt_id


def test_what_is_live_under_the_primary_key_is_derived():
    """S4-7."""
    agent = make_agent(primary_status_key="A")
    make_version("PRD", agent=agent, status_key="default")
    assert live_id() is None
    live = make_version("PRD", agent=agent, status_key="A")
    assert live_id() == live.pk
    newer = make_version("PRD", prompt=live.prompt)
    assert live_id() == newer.pk
    agent.change(by=TESTER, primary_status_key="B")
    assert live_id() is None


def test_the_live_ones_of_many_agents_cost_four_queries(django_assert_num_queries):
    for _ in range(5):
        agent = make_agent()
        make_version("PRD", agent=agent)
        make_version("DEV", agent=agent, status_key="B")
    with django_assert_num_queries(4):
        shown = [[prompt.production is not None for prompt in agent.slots] for agent in Agent.objects.with_live()]
    assert [sorted(row) for row in shown] == [[False, True]] * 5


def test_an_agent_goes_with_its_drafts():
    agent = make_agent(name="Stan")
    make_version("DEV", agent=agent, status_key="A")
    make_prompt(agent=agent, status_key="B")
    other = make_prompt()
    agent.remove(by=TESTER)
    assert (Agent.objects.count(), list(Prompt.objects.all()), PromptVersion.objects.count()) == (0, [other], 1)
    actions = list(LedgerEvent.objects.order_by("id").values_list("action", flat=True))[-5:]
    assert actions == ["deleted", "prompt_deleted", "deleted", "prompt_deleted", "agent_deleted"]


@pytest.mark.parametrize("stage", ["TST", "PRD", "RET"])
def test_an_agent_with_a_version_past_dev_stays_whole(stage):
    agent = make_agent()
    make_prompt(agent=agent, status_key="draft")
    make_version(stage, agent=agent)
    with refused("in_use"):
        agent.remove(by=TESTER)


def test_an_agent_that_is_gone_says_so():
    agent = make_agent()
    Agent.objects.get().remove(by=TESTER)
    for do in (lambda: agent.change(by=TESTER, description="x"), lambda: agent.archive(by=TESTER),
               lambda: agent.remove(by=TESTER)):  # fmt: skip
        with refused("gone"):
            do()
