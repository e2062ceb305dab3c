"""register-code, the rules of SPEC 3 one by one (S1-12 to S1-21)."""

import pytest
from django.db import connection

from agents.models import Agent
from common.canonical import sha256
from ledger.models import LedgerEvent
from repository.items import BadItems
from tests.factories import TESTER, make_agent, make_prompt, make_version
from tests.repository.registering import T1, T2, T3, actions, everything, moment, one, s1, send, stages
from versions.exceptions import WrongMode
from versions.models import Prompt, PromptVersion
from versions.verifying import problems

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_ledger_adds_up():
    yield
    assert [str(problem) for problem in problems()] == []


def test_register_new_code_prompt():
    assert s1(one(template_hash="abc123...")) == ("WELCOME", "tracking", 1, False, None)
    version = PromptVersion.objects.get()
    assert (version.label, version.stage, version.is_default_from_code) == ("v1.0", "PRD", True)
    assert (version.checksum_hash, version.created_by) == (sha256("Hello {{ name }}"), TESTER.name)
    assert version.prompt.mode == "tracking"
    assert actions() == ["prompt_created", "registered"]
    event = LedgerEvent.objects.latest("pk")
    assert (event.from_stage, event.to_stage, event.after_hash) == ("", "PRD", version.content_hash)
    assert event.at == version.deployed_at


def test_register_unchanged_prompt_no_new_version(django_assert_num_queries):
    one()
    before = everything()
    with django_assert_num_queries(2):
        assert s1(one(commit="f" * 40, committed_at=T3)) == ("WELCOME", "tracking", 1, False, None)
    assert everything() == before


def test_register_changed_prompt_creates_new_version():
    one()
    assert s1(one("Other")) == ("WELCOME", "tracking", 2, True, 1)
    assert stages() == [(1, "RET", "Hello {{ name }}"), (2, "PRD", "Other")]
    old, new = PromptVersion.objects.order_by("version")
    assert (new.label, new.deployed_at, new.is_default_from_code) == ("v2.0", old.retired_at, False)
    assert (new.based_on, old.replaced_by) == (1, "v2.0")
    event = LedgerEvent.objects.latest("pk")
    assert (event.replaced, event.detail["replaced"]) == (1, "v1.0")


def test_a_text_that_was_retired_comes_back_as_a_new_version():
    for text in ("A", "B"):
        one(text)
    result = one("A")
    assert s1(result) == ("WELCOME", "tracking", 3, True, 2)
    assert result["restored_from"] == 1
    assert stages() == [(1, "RET", "A"), (2, "RET", "B"), (3, "PRD", "A")]


def test_an_old_instance_cannot_undo_a_deploy():
    one("A", committed_at=T1)
    one("B", committed_at=T2, commit="b" * 40)
    rows = stages()
    result = one("A", committed_at=T1, commit="a" * 40)
    assert s1(result) == ("WELCOME", "tracking", 2, False, None)
    assert result["stale"] is True
    assert stages() == rows
    event = LedgerEvent.objects.latest("pk")
    assert (event.action, event.label, event.detail["commit"]) == ("registration_ignored", "v2.0", "a" * 40)
    assert event.detail["checksum_hash"] == sha256("A")


def test_the_flip_flop_of_old_and_new_instances_ends_with_the_newest():
    one("A", committed_at=T1)
    for _ in range(5):
        assert one("B", committed_at=T2)["version"] == 2
        assert one("A", committed_at=T1)["stale"] is True
    assert one("A", committed_at=T3)["restored_from"] == 1
    assert one("B", committed_at=T2)["stale"] is True
    assert stages() == [(1, "RET", "A"), (2, "RET", "B"), (3, "PRD", "A")]
    assert PromptVersion.objects.get(version=3).committed_at == moment(T3)


@pytest.mark.parametrize(("old", "new"), [(None, T1), (T1, None), (T1, T1)])
def test_without_two_different_times_the_last_registration_counts(old, new):
    one("A", committed_at=old)
    assert one("B", committed_at=new)["version"] == 2


def test_an_environment_stands_for_a_stage():
    assert one("A", environment="dev")["stage"] == "DEV"
    assert one("B", environment="tst", name="OTHER")["stage"] == "TST"
    assert PromptVersion.objects.filter(stage="PRD").count() == 0


def test_what_was_tried_in_dev_and_tst_is_promoted_when_production_runs_it():
    one("A")
    assert s1(one("B", environment="dev", committed_at=T1)) == ("WELCOME", "tracking", 2, True, 1)
    assert s1(one("B", environment="tst")) == ("WELCOME", "tracking", 2, False, None)
    assert stages() == [(1, "PRD", "A"), (2, "TST", "B")]
    assert s1(one("B", commit="c" * 40, committed_at=T2)) == ("WELCOME", "tracking", 2, True, 1)
    assert stages() == [(1, "RET", "A"), (2, "PRD", "B")]
    version = PromptVersion.objects.get(version=2)
    assert (version.commit, version.committed_at) == ("c" * 40, moment(T2))
    moves = LedgerEvent.objects.filter(version=2).order_by("pk").values_list("from_stage", "to_stage")
    assert list(moves) == [("", "DEV"), ("DEV", "TST"), ("TST", "PRD")]


def test_a_text_that_stands_further_on_needs_nothing():
    one("A")
    before = everything()
    assert one("A", environment="dev")["stage"] == "PRD"
    assert one("A", environment="tst")["version"] == 1
    assert everything() == before


def test_the_first_production_of_what_was_only_tried_replaces_nothing():
    one("A", environment="tst")
    assert s1(one("A")) == ("WELCOME", "tracking", 1, False, None)
    assert stages() == [(1, "PRD", "A")]


def test_a_draft_that_was_given_up_is_not_brought_back():
    one("A", environment="dev")
    version = PromptVersion.objects.get()
    # Below the lifecycle: a draft of a tracking prompt is archived by nobody today.
    PromptVersion.objects.filter(pk=version.pk).update(archived_at=version.created_at)
    assert one("A", environment="prd")["version"] == 2
    PromptVersion.objects.filter(pk=version.pk).update(archived_at=None)


def test_another_hash_is_accepted_and_said():
    assert one(template_hash="abc123...")["hash_mismatch"] is True
    assert "hash_mismatch" not in one(template_hash=sha256("Hello {{ name }}"))
    assert PromptVersion.objects.get().checksum_hash == sha256("Hello {{ name }}")


def test_a_prompt_that_people_own_is_refused_and_all_with_it():
    make_version("PRD", name="people")
    before = everything()
    with pytest.raises(WrongMode) as refused:
        send({"name": "new", "template_source": "x"}, {"name": "people", "template_source": "x"})
    assert refused.value.detail == "Prompt 'people' is in full mode. Use PUT /v1/prompts/people instead."
    assert (refused.value.status, refused.value.data["index"]) == (400, 1)
    assert everything() == before


def test_config_that_is_left_out_stays_as_it_is():
    one("A", config={"model": "m"})
    assert one("A")["version"] == 1
    assert one("A", config={"model": "m"})["version"] == 1
    assert one("B")["version"] == 2
    assert PromptVersion.objects.get(version=2).config == {"model": "m"}
    assert s1(one("B", config={})) == ("WELCOME", "tracking", 3, True, 2)


def test_a_dry_run_says_the_same_and_writes_nothing():
    one("A")
    items = [{"name": "WELCOME", "template_source": "B"}, {"agent": "Ada", "template_source": "x", "title": "T"}]
    before = everything()
    said = send(*items, dry_run=True)
    assert everything() == before
    assert send(*items) == said


def test_the_same_prompt_twice_has_the_same_result_twice():
    first, second = send(*[{"name": "a", "template_source": "x"}] * 2)
    assert first == second
    assert stages("a") == [(1, "PRD", "x")]


def test_results_come_in_the_order_of_the_items():
    names = ["z", "a", "m"]
    assert [row["name"] for row in send(*({"name": name, "template_source": "x"} for name in names))] == names


def test_a_chat_prompt_is_registered_as_messages_or_as_their_json():
    messages = [{"role": "system", "content": "Be kind."}, {"type": "placeholder", "name": "history"}]
    assert one(messages)["version"] == 1
    assert PromptVersion.objects.get().prompt.type == "chat"
    assert (
        one('[{"content": "Be kind.", "role": "system"}, {"name": "history", "type": "placeholder"}]')["version"] == 1
    )
    assert one(messages, type="chat")["version"] == 1
    assert one([*messages, {"role": "user", "content": "{{ q }}"}])["version"] == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"type": "chat"}, "type is 'text' and cannot change"),
     ({"template_format": "jinja2"}, "template_format is 'simple' and cannot change"),
     ({"agent": "Ben"}, "It belongs to agent 'Ada'"),
     ({"status_key": "B"}, "Its status key is 'A' and cannot change"),
     ({"agent": "Ada", "status_key": "B"}, "Its status key is 'A' and cannot change")],
)  # fmt: skip
def test_what_agents_rely_on_does_not_change(fields, said):
    one(agent="Ada", status_key="A")
    before = everything()
    with pytest.raises(BadItems) as refused:
        text = '[{"role": "user", "content": "x"}]' if "type" in fields else "Other"
        one(text, **fields)
    assert said in refused.value.detail
    assert refused.value.detail.startswith("prompts[0] 'WELCOME': ")
    assert everything() == before


class TestAgents:
    def test_an_unknown_agent_is_made_and_the_name_follows_from_the_slot(self):
        result = send({"agent": "Stan", "status_key": "APPROVED", "template_source": "x", "title": "Stan Approved"})[0]
        assert (result["name"], result["agent"], result["status_key"]) == ("Stan.APPROVED", "Stan", "APPROVED")
        agent = Agent.objects.get()
        assert (agent.name, agent.primary_status_key, agent.active_default_prompt_id) == ("Stan", "default", None)
        assert Prompt.objects.get().title == "Stan Approved"
        assert actions() == ["agent_created", "prompt_created", "registered"]

    def test_every_first_registration_is_live_and_one_is_the_primary_default(self):
        keys = ["APPROVED", "NOT_REGISTERED", "PENDING"]
        send(*({"agent": "Stan", "status_key": key, "template_source": key,
                "is_primary_default": key == "NOT_REGISTERED"} for key in keys))  # fmt: skip
        agent = Agent.objects.get()
        assert agent.primary_status_key == "NOT_REGISTERED"
        live = PromptVersion.objects.in_production().values_list("prompt__status_key", flat=True)
        assert sorted(live) == keys
        default = PromptVersion.objects.get(prompt__status_key="NOT_REGISTERED")
        assert agent.active_default_prompt_id == default.pk

    def test_a_primary_default_of_an_agent_that_is_there_is_changed_and_written_down(self):
        agent = make_agent(name="Stan")
        send({"agent": "Stan", "status_key": "A", "template_source": "x", "is_primary_default": True})
        assert Agent.objects.get(pk=agent.pk).primary_status_key == "A"
        assert actions() == ["agent_created", "agent_changed", "prompt_created", "registered"]
        before = everything()
        send({"agent": "Stan", "status_key": "A", "template_source": "x", "is_primary_default": True})
        assert everything() == before

    def test_what_is_only_tried_does_not_set_the_primary_default(self):
        make_agent(name="Stan")
        item = {"agent": "Stan", "status_key": "A", "template_source": "x", "is_primary_default": True}
        send({**item, "environment": "dev"})
        assert Agent.objects.get().primary_status_key == "default"
        send(item)
        assert Agent.objects.get().primary_status_key == "A"

    def test_without_a_name_the_prompt_of_the_slot_is_meant(self):
        one("A", agent="Stan", status_key="X", name="my own name")
        result = send({"agent": "Stan", "status_key": "X", "template_source": "B"})[0]
        assert s1(result) == ("my own name", "tracking", 2, True, 1)

    def test_a_slot_that_people_own_is_refused_by_its_name(self):
        make_version("PRD", name="hers", agent=make_agent(name="Stan"))
        before = everything()
        with pytest.raises(WrongMode, match="Prompt 'hers' is in full mode"):
            send({"agent": "Stan", "template_source": "B"})
        assert everything() == before

    def test_a_slot_has_one_prompt(self):
        one(agent="Stan")
        before = everything()
        with pytest.raises(BadItems, match="Agent 'Stan' has prompt 'WELCOME' for status key 'default'"):
            one(agent="Stan", name="second")
        assert everything() == before

    def test_a_prompt_without_an_agent_gets_its_first_one(self):
        one()
        assert one(agent="Stan", status_key="A")["version"] == 1
        prompt = Prompt.objects.get()
        assert (prompt.agent.name, prompt.status_key) == ("Stan", "A")
        event = LedgerEvent.objects.latest("pk")
        assert event.detail["changes"]["agent"] == {"from": None, "to": "Stan"}

    def test_a_title_follows_the_code(self):
        one(title="Old")
        assert one(title="New")["version"] == 1
        assert Prompt.objects.get().title == "New"
        assert actions() == ["prompt_created", "registered", "prompt_changed"]

    def test_a_stale_registration_changes_no_title_either(self):
        one("A", title="Old", committed_at=T2)
        assert one("B", title="New", committed_at=T1)["stale"] is True
        assert Prompt.objects.get().title == "Old"


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([{"name": "a", "template_source": "x"}, {"name": "a", "template_source": "y"}],
         "prompts[1] 'a': prompt 'a' is there twice, and not alike: see prompts[0]."),
        ([{"name": "a", "agent": "S", "template_source": "x"}, {"name": "b", "agent": "S", "template_source": "x"}],
         "prompts[1] 'b': agent 'S' gets two prompts for status key 'default': see prompts[0]."),
        ([{"agent": "S", "status_key": key, "template_source": "x", "is_primary_default": True} for key in "ab"],
         "prompts[1] 'S.b': agent 'S' gets two primary defaults: see prompts[0]."),
        ([{"name": "a", "template_source": " \n"}], "prompts[0] 'a': Prompt text cannot be empty."),
        ([{"name": "ok", "template_source": "x"}, {"name": "a"}], "prompts[1] 'a': template_source is required."),
        ([{"template_source": "x"}], "prompts[0]: name is required, or agent (then the name is agent.status_key)."),
        ([{"name": "a/b", "template_source": "x"}], "prompts[0] 'a/b': name: A name cannot contain \"/\"."),
        ([{"name": "register-code", "template_source": "x"}], "prompts[0] 'register-code': name: "),
        ([{"name": "a", "template_source": "x", "nonsense": 1}], "prompts[0] 'a': Unknown field nonsense."),
        ([{"name": "a", "template_source": 1}], "prompts[0] 'a': template_source must be text."),
        ([{"name": "a", "template_source": "x" * 204_801}], "prompts[0] 'a': Prompt text is 204,801 bytes;"),
        ([{"name": "a", "template_source": "{% if", "template_format": "jinja2"}], "prompts[0] 'a': "),
        ([{"name": "a", "template_source": "x", "environment": "prod"}],
         "prompts[0] 'a': environment must be one of dev, tst, prd."),
        ([{"name": "a", "template_source": "x", "committed_at": "2026-01-01T00:00:00"}],
         "prompts[0] 'a': committed_at must be a time with its zone"),
        ([{"name": "a", "template_source": "x", "committed_at": "9999-01-01T00:00:00Z"}],
         "prompts[0] 'a': committed_at is in the future."),
        ([{"name": "a", "template_source": "x", "config": []}], "prompts[0] 'a': config must be a JSON object."),
        ([{"name": "a", "template_source": "x", "is_primary_default": True}],
         "prompts[0] 'a': is_primary_default needs an agent."),
        ([{"agent": "a" * 200, "status_key": "b" * 200, "template_source": "x"}], "prompts[0] '"),
        (["x"], "prompts[0]: It is not an object."),
    ],
)  # fmt: skip
def test_a_bad_item_is_named_and_nothing_is_written(items, said):
    make_prompt()
    before = everything()
    with pytest.raises(BadItems) as refused:
        send({"name": "first", "template_source": "x"}, *items) if len(items) > 2 else send(*items)
    assert refused.value.detail.startswith(said)
    assert refused.value.status == 400
    assert everything() == before


def test_all_bad_items_are_named_at_once():
    with pytest.raises(BadItems) as refused:
        send(*({"name": f"p{index}", "template_source": "" if index % 2 else "x"} for index in range(6)))
    assert [one["index"] for one in refused.value.data["items"]] == [1, 3, 5]
    assert Prompt.objects.count() == 0


@pytest.mark.parametrize("how_many", [1, 50])
def test_the_number_of_statements_does_not_grow_with_the_items(how_many, django_assert_num_queries):
    items = [{"agent": f"A{n}", "status_key": "s", "template_source": f"text {n}"} for n in range(how_many)]
    clock = 1 if connection.vendor == "postgresql" else 0  # it is asked for the time; SQLite lives on this machine
    with django_assert_num_queries(15 + clock):
        send(*items)
    changed = [{**item, "template_source": f"new {n}"} for n, item in enumerate(items)]
    with django_assert_num_queries(16 + clock):
        send(*changed)
    with django_assert_num_queries(4):
        send(*changed)
