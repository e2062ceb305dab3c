"""S4's repository functions under our names (S4-15 to S4-21); docs/agents.md has the table of names."""

import pytest

from tests.factories import TESTER, make_agent, make_prompt, make_version
from versions.actions import perform
from versions.models import Prompt, PromptVersion
from versions.seen import Seen

pytestmark = pytest.mark.django_db
rows = PromptVersion.objects


def test_create_prompt_makes_the_first_version_and_the_next_ones():
    """S4-15."""
    agent = make_agent(name="Stan")
    prompt = Prompt.create(by=TESTER, agent=agent, status_key="APPROVED", template_source="One.")
    first = prompt.versions.get()
    second = first.create_new(by=TESTER, seen=Seen.of(first), template_source="Two.")
    assert (prompt.name, first.version, second.version, second.template_source) == ("Stan.APPROVED", 1, 2, "Two.")
    assert not first.is_active and not second.is_active


def test_get_prompt_by_id_gives_it_or_none():
    """S4-16."""
    version = make_version("TST")
    make_version("DEV")
    assert rows.with_id(version.pk) == version
    assert rows.with_id(0) is None


def test_get_active_prompt_is_of_this_agent_and_this_status_key_alone():
    """S4-17."""
    agent, other = make_agent(), make_agent()
    live = make_version("PRD", agent=agent, status_key="APPROVED")
    make_version("DEV", prompt=live.prompt)
    make_version("PRD", agent=other, status_key="APPROVED")
    make_version("TST", agent=agent, status_key="default")
    assert rows.of_agent(agent, "APPROVED").live() == live
    assert rows.of_agent(agent.pk, "APPROVED").live() == live
    assert rows.of_agent(agent, "default").live() is None
    assert rows.of_agent(agent, "approved").live() is None
    newer = make_version("PRD", prompt=live.prompt)
    assert rows.of_agent(agent, "APPROVED").live() == newer


def test_set_prompt_active_deactivates_the_other_of_the_slot_and_no_more(engineer):
    """S4-18."""
    agent = make_agent()
    old = make_version("PRD", agent=agent, status_key="APPROVED")
    elsewhere = make_version("PRD", agent=agent, status_key="default")
    new = make_version("TST", prompt=old.prompt)
    perform("set_active", new, by=engineer, seen=Seen.of(new))
    stands = {row.pk: row.is_active for row in rows.of_agent(agent)}
    assert stands == {old.pk: False, new.pk: True, elsewhere.pk: True}


def test_find_code_default_prompt_is_the_first_that_came_from_code():
    """S4-19."""
    agent = make_agent()
    prompt = make_prompt(agent=agent)
    assert rows.of_agent(agent, "default").code_default() is None
    made = []
    for text in ("From code.", "From code again."):
        made.append(PromptVersion.draft(prompt, TESTER, text, {}, "", None, is_default_from_code=True))
    assert rows.of_agent(agent, "default").code_default() == made[0]
    assert rows.of_agent(agent, "APPROVED").code_default() is None


def test_get_latest_version_for_status_is_the_newest_or_none():
    """S4-20: v1.10 is later than v1.9. The number that comes next is never one that was given (highest_version)."""
    agent = make_agent()
    assert rows.of_agent(agent, "default").newest_first().first() is None
    version = make_version("PRD", agent=agent)
    for _ in range(9):
        newest = make_version("DEV", prompt=version.prompt)
    make_version("DEV", agent=agent, status_key="APPROVED")
    assert rows.of_agent(agent, "default").newest_first().first().version == 10
    assert rows.of_agent(agent, "APPROVED").newest_first().first().version == 1
    newest.delete_draft(by=TESTER, seen=Seen.of(newest))
    assert rows.of_agent(agent, "default").newest_first().first().version == 9
    assert Prompt.objects.get(pk=version.prompt_id).highest_version == 10


def test_get_prompts_by_agent_id_gives_all_or_those_of_one_status_key():
    """S4-21."""
    agent = make_agent()
    a, b = make_version("PRD", agent=agent), make_version("DEV", agent=agent, status_key="APPROVED")
    newer = make_version("DEV", prompt=a.prompt)
    make_version("PRD", agent=make_agent())
    make_version("PRD")
    assert set(rows.of_agent(agent)) == {a, b, newer}
    assert list(rows.of_agent(agent, "default").newest_first()) == [newer, a]
    assert list(rows.of_agent(agent, "none")) == []
