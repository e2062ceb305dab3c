"""A prompt is made, changed, archived and removed through its own methods; each leaves its row in the ledger."""

import pytest
from django.core.exceptions import ValidationError

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from tests.versions.refusing import everything, refused
from versions.exceptions import WrongMode
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
CHAT = '[{"content":"Hi {{ name }}","role":"user"}]'


def invalid(do, field):
    """It raises ValidationError for this field, and nothing changed."""
    before = everything()
    with pytest.raises(ValidationError) as caught:
        do()
    assert list(caught.value.message_dict) == [field]
    assert everything() == before


def test_a_prompt_comes_with_its_first_draft():
    prompt = Prompt.create(by=TESTER, name="Zoë says hello", template_source="Hi.", config={"a": 1}, tags=["b", "a"])
    version = prompt.versions.get()
    assert (version.label, version.version, version.stage, version.template_source) == ("v1.0", 1, "DEV", "Hi.")
    assert (prompt.mode, prompt.type, prompt.status_key, prompt.tags) == ("full", "text", "default", ["a", "b"])
    assert (prompt.production, prompt.created_by, prompt.versions_count) == (None, TESTER.name, 1)
    actions = list(LedgerEvent.objects.order_by("sequence").values_list("action", "version"))
    assert actions == [("prompt_created", None), ("created", 1)]


def test_without_a_text_it_has_no_version_until_its_first_draft():
    prompt = make_prompt(template_source=None)
    assert (prompt.versions.count(), prompt.highest_version) == (0, 0)
    draft = prompt.first_draft(by=TESTER, text="Now.", config={}, commit_message="Start.")
    assert (draft.label, draft.commit_message) == ("v1.0", "Start.")


def test_a_name_is_made_of_agent_and_status_key():
    agent = make_agent(name="Stan")
    assert Prompt.create(by=TESTER, agent=agent, status_key="APPROVED").name == "Stan.APPROVED"
    assert Prompt.create(by=TESTER, agent=agent).name == "Stan.default"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"), ({"name": "a/b"}, "name"), ({"name": "register-code"}, "name"),
        ({"name": " a"}, "name"), ({"name": ".."}, "name"), ({"name": "a\nb"}, "name"), ({"name": "a\x00"}, "name"),
        ({"name": "x" * 256}, "name"), ({"name": "taken"}, "name"), ({"type": "poem"}, "type"),
        ({"template_format": "erb"}, "template_format"), ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "x" * 70_000}}, "metadata"), ({"status_key": ""}, "status_key"),
        ({"tags": ["a,b"]}, "tags"), ({"tags": [" a"]}, "tags"), ({"tags": ["x" * 51]}, "tags"),
        ({"tags": [f"t{n}" for n in range(21)]}, "tags"), ({"tags": "ab"}, "tags"), ({"title": "\ud83d"}, "title"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(fields, field):
    make_prompt(name="taken")
    invalid(lambda: Prompt.create(by=TESTER, **{"name": "fine", "template_source": "Hi.", **fields}), field)


def test_a_bad_text_makes_no_prompt():
    with refused("invalid", 400):
        Prompt.create(by=TESTER, name="fine", template_source="  ")


def test_an_agent_has_one_prompt_for_a_status_key():
    agent = make_agent()
    make_prompt(agent=agent, status_key="A")
    make_prompt(agent=agent, status_key="a")
    make_prompt(status_key="A")
    make_prompt(status_key="A")
    before = everything()
    with pytest.raises(ValidationError, match="This agent already has a prompt for this status key"):
        make_prompt(agent=agent, status_key="A")
    assert everything() == before


def test_a_change_is_logged_with_before_and_after():
    prompt = make_prompt(title="Old")
    prompt.change(by=TESTER, title="New", tags=["x"], metadata={"inputs": ["name"]}, highest_version=99)
    prompt = Prompt.objects.get()
    assert (prompt.title, prompt.tags, prompt.metadata, prompt.highest_version) == (
        "New",
        ["x"],
        {"inputs": ["name"]},
        1,
    )
    event = LedgerEvent.objects.latest("id")
    assert event.action == "prompt_changed"
    assert event.detail["changes"] == {
        "title": {"from": "Old", "to": "New"}, "tags": {"from": [], "to": ["x"]},
        "metadata": {"from": {}, "to": {"inputs": ["name"]}},
    }  # fmt: skip


def test_equal_values_change_and_log_nothing():
    prompt = make_prompt(title="Same", tags=["a", "b"])
    before = everything()
    prompt.change(by=TESTER, title="Same", tags=["b", "a"])
    assert everything() == before


def test_a_bad_change_is_refused():
    prompt = make_prompt()
    invalid(lambda: prompt.change(by=TESTER, title="x" * 256, tags=["kept out"]), "title")


@pytest.mark.parametrize("field", ["name", "status_key", "type", "template_format"])
def test_what_agents_rely_on_is_fixed_once_a_version_left_dev(field):
    prompt = make_version("TST", agent=make_agent()).prompt
    with refused("immutable"):
        prompt.change(by=TESTER, **{field: {"type": "chat", "template_format": "jinja2"}.get(field, "other")})
    with refused("immutable"):
        prompt.change(by=TESTER, agent=None)


def test_while_all_are_drafts_name_and_slot_may_change():
    prompt = make_prompt(name="old")
    prompt.change(by=TESTER, name="new", status_key="X", agent=make_agent(name="Ada"))
    prompt = Prompt.objects.get()
    assert (prompt.name, prompt.status_key, prompt.agent.name) == ("new", "X", "Ada")


def test_a_prompt_in_production_may_be_given_its_first_agent():
    prompt = make_version("PRD").prompt
    prompt.change(by=TESTER, agent=make_agent(name="Ada"), status_key="X")
    assert (Prompt.objects.get().agent.name, Prompt.objects.get().status_key) == ("Ada", "X")


def test_the_type_is_fixed_once_there_is_a_text():
    """A draft's text would no longer be readable as messages, nor match its hash."""
    empty = make_prompt(template_source=None)
    empty.change(by=TESTER, type="chat")
    assert empty.first_draft(by=TESTER, text=CHAT, config={}, commit_message="").messages[0]["role"] == "user"
    prompt = make_prompt()
    with refused("immutable"):
        prompt.change(by=TESTER, type="chat")


def test_another_format_must_be_able_to_read_every_draft():
    prompt = make_prompt(template_source="{% if %}")
    with refused("template_syntax", 400):
        prompt.change(by=TESTER, template_format="jinja2")
    prompt.versions.get().edit(by=TESTER, seen=ANYTHING, template_source="{% if a %}b{% endif %}")
    assert prompt.change(by=TESTER, template_format="jinja2").template_format == "jinja2"


def test_archived_prompts_are_hidden_and_serve_on():
    prompt = make_version("PRD").prompt
    prompt.archive(by=TESTER)
    assert list(Prompt.objects.current()) == []
    assert prompt.production.label == "v1.0"
    before = everything()
    prompt.archive(by=TESTER)
    assert everything() == before
    prompt.archive(by=TESTER, archived=False)
    assert list(Prompt.objects.current()) == [prompt]
    actions = list(LedgerEvent.objects.order_by("id").values_list("action", flat=True))[-2:]
    assert actions == ["prompt_archived", "prompt_unarchived"]


def test_a_prompt_of_drafts_goes_with_them():
    prompt = make_prompt(tags=["a"])
    make_version("DEV", prompt=prompt)
    prompt.remove(by=TESTER)
    assert (Prompt.objects.count(), PromptVersion.objects.count()) == (0, 0)
    actions = list(LedgerEvent.objects.order_by("id").values_list("action", "version"))[-3:]
    assert actions == [("deleted", 1), ("deleted", 2), ("prompt_deleted", None)]


@pytest.mark.parametrize("stage", ["TST", "PRD", "RET"])
def test_a_prompt_with_a_version_past_dev_stays(stage):
    prompt = make_version(stage).prompt
    with refused("in_use"):
        prompt.remove(by=TESTER)


def test_a_prompt_that_is_gone_says_so():
    prompt = make_prompt()
    Prompt.objects.get().remove(by=TESTER)
    for do in (lambda: prompt.change(by=TESTER, title="x"), lambda: prompt.archive(by=TESTER),
               lambda: prompt.remove(by=TESTER)):  # fmt: skip
        with refused("gone"):
            do()


def test_in_stage_finds_prompts_by_the_stage_of_a_version():
    draft, live = make_prompt(name="draft"), make_version("PRD", name="live").prompt
    make_version("DEV", prompt=live)
    assert set(Prompt.objects.in_stage("DEV")) == {draft, live}
    assert list(Prompt.objects.in_stage("PRD")) == [live]
    assert list(Prompt.objects.in_stage("RET")) == []


def test_a_list_costs_three_queries_however_long(django_assert_num_queries):
    for _ in range(7):
        make_version("PRD", agent=make_agent(), tags=["a"])
    with django_assert_num_queries(3):
        shown = [
            (prompt.agent.name, prompt.tags, prompt.production.label, prompt.versions_count)
            for prompt in Prompt.objects.for_lists()
        ]
    assert [row[1:] for row in shown] == [(["a"], "v1.0", 1)] * 7


def test_a_list_of_versions_costs_one_query(django_assert_num_queries):
    prompt = make_version("RET", agent=make_agent(name="Ada")).prompt
    with django_assert_num_queries(1):
        shown = [
            (version.label, version.prompt.agent.name, version.replaced_by, version.variables)
            for version in prompt.versions.for_lists().newest_first()
        ]
    assert shown == [("v1.1", "Ada", None, ["name"]), ("v1.0", "Ada", "v1.1", ["name"])]


@pytest.mark.parametrize(
    ("stage", "active", "status", "sealed", "environment"),
    [("DEV", False, "draft", False, "dev"), ("TST", False, "draft", False, "tst"), ("PRD", True, "active", True, "prd"),
     ("RET", False, "deprecated", True, "ret")],
)  # fmt: skip
def test_what_is_derived_from_the_stage(stage, active, status, sealed, environment):
    version = make_version(stage)
    shown = version.is_active, version.status, version.is_sealed, version.environment
    assert shown == (active, status, sealed, environment)


def test_each_mode_is_told_the_other_way():
    with pytest.raises(WrongMode, match=r"^Prompt 'p' is in full mode. Use PUT /v1/prompts/p instead.$"):
        make_prompt(name="p").require_mode("tracking")
    with pytest.raises(WrongMode, match=r"^Prompt 't' is in tracking mode. Use code-based endpoints instead.$"):
        make_tracking_prompt(name="t").require_mode("full")
