"""The demo data: made by legal moves, believable, loaded once."""

import dataclasses
import itertools
import re
import time
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from agents.models import Agent
from evaluations.models import EvaluationRun
from executions.models import Execution
from ledger.models import LedgerEvent
from ledger.verify import walk
from promptledger import provider_settings
from promptledger.demo.timeline import BadStory, Move, instant, play, rewrite
from promptledger.management.commands.load_demo import AGENTS, STORIES
from tests.factories import TESTER, make_agent, make_prompt, make_version
from versions import gates
from versions.models import Prompt, PromptVersion
from versions.stages import Stage

pytestmark = pytest.mark.django_db
NAMES = {story.name for story in STORIES}
PROGRAMS = {("system:deployment", "system"), ("system:evaluation", "system")}


def counts() -> tuple[int, ...]:
    return tuple(
        model.objects.count() for model in (Agent, Prompt, PromptVersion, LedgerEvent, Execution, EvaluationRun)
    )


def test_it_shows_every_stage_and_every_kind_of_history(capsys):
    call_command("load_demo")
    said = r"Loaded 10 demo prompts with 34 versions, 88 moves, \d,\d{3} runs, 5 evaluations.\n"
    assert re.fullmatch(said, capsys.readouterr().out)
    by_stage = {stage: PromptVersion.objects.filter(stage=stage).count() for stage in Stage.values}
    assert by_stage == {"DEV": 6, "TST": 6, "PRD": 8, "RET": 14}
    assert PromptVersion.objects.exclude(archived_at=None).count() == 1
    assert PromptVersion.objects.exclude(rollback_of=None).get().label == "v1.2"
    assert Prompt.objects.filter(type="chat").count() == 3
    assert Prompt.objects.filter(mode="tracking").count() == 2
    assert {prompt.status_key for prompt in Prompt.objects.filter(agent__name="SupportAgent")} == {
        "default", "NOT_REGISTERED", "APPROVED", "ON_HOLD",
    }  # fmt: skip
    assert Execution.objects.filter(is_test=True, status="succeeded").count() == 2
    actions = set(LedgerEvent.objects.values_list("action", flat=True))
    assert actions == {
        "agent_created", "prompt_created", "prompt_changed", "created", "edited", "promoted", "archived", "rolled_back",
        "registered", "registration_ignored", "examples_changed", "evaluated",
    }  # fmt: skip


def test_it_is_loaded_where_a_provider_is_set_up_and_asks_it_nothing(settings):
    """`make run` with PROMPTLEDGER_PROVIDER, as docs/executions.md has it, on its first start."""
    said = {"PROMPTLEDGER_PROVIDER": "compatible", "PROMPTLEDGER_PROVIDER_BASE_URL": "http://127.0.0.1:1/v1"}
    settings.PROVIDER_ENVIRONMENT = provider_settings.read(said)
    call_command("load_demo", verbosity=0)
    assert set(Execution.objects.filter(is_test=True).values_list("provider", flat=True)) == {"offline"}
    assert set(EvaluationRun.objects.values_list("provider", "errors")) == {("offline", 0)}


def test_the_ledger_holds_and_no_date_lies_ahead():
    call_command("load_demo", verbosity=0)
    assert list(walk()) == []
    now = timezone.now()
    assert LedgerEvent.objects.filter(at__gt=now).count() == 0
    assert (now - LedgerEvent.objects.order_by("at").first().at).days in range(119, 123)
    # The order of writing is the order of the dates: lists by either are the same.
    dates = list(LedgerEvent.objects.order_by("id").values_list("at", flat=True))
    assert dates == sorted(dates)


def test_a_prompt_is_in_production_without_a_gap():
    call_command("load_demo", verbosity=0)
    for prompt in Prompt.objects.all():
        deployed = list(prompt.versions.exclude(deployed_at=None).order_by("deployed_at"))
        for before, after in itertools.pairwise(deployed):
            assert before.retired_at == after.deployed_at


def test_every_prompt_is_described_and_its_inputs_are_the_variables_of_what_is_live_and_of_its_drafts():
    call_command("load_demo", verbosity=0)
    for prompt in Prompt.objects.all():
        assert prompt.title and prompt.description and prompt.owner_team and prompt.tags
        used = prompt.versions.current().exclude(stage=Stage.RET)
        assert set(prompt.metadata["inputs"]) == {name for version in used for name in version.variables}, prompt.name
        assert prompt.metadata["outputs"]
        texts = [version.template_source for version in prompt.versions.all()]
        assert all(len(text) > 600 for text in texts)


def test_an_export_of_it_has_no_complaint(tmp_path, capsys):
    call_command("load_demo")
    call_command("export_prompts", str(tmp_path / "tree"))
    call_command("validate_prompt", str(tmp_path / "tree"))
    assert "0 errors, 0 warnings." in capsys.readouterr().err


def test_one_agent_lives_in_git_with_a_revert_an_old_instance_and_a_trial():
    call_command("load_demo", verbosity=0)
    rows = PromptVersion.objects.filter(prompt__name="DispatchAgent.default").order_by("version")
    assert [row.stage for row in rows] == ["RET", "RET", "RET", "PRD", "TST"]
    assert rows[3].template_source == rows[0].template_source != rows[1].template_source
    assert all(len(row.commit) == 40 and row.committed_at < row.created_at for row in rows)
    events = LedgerEvent.objects.filter(prompt="DispatchAgent.default").order_by("id")
    assert [event.action for event in events] == [
        "prompt_created", "registered", "prompt_changed", "registered", "registered", "registration_ignored",
        "registered", "registered",
    ]  # fmt: skip
    assert [event.detail.get("restored_from") for event in events][6] == "v1.0"
    assert {event.actor for event in events} == {"system:deployment", "demo engineer"}


def test_the_parts_are_evaluated_version_by_version_up_to_the_one_that_waits():
    call_command("load_demo", verbosity=0)
    prompt = Prompt.objects.get(name="PartsClassifier.default")
    runs = EvaluationRun.objects.filter(prompt=prompt).order_by("created_at")
    assert [(run.label, run.score, run.verdict) for run in runs] == [
        ("v1.0", 0.8, "fail"), ("v1.1", 0.85, "fail"), ("v1.3", 0.9, "pass"), ("v2.0", 0.95, "pass"), ("v2.1", 1.0, "pass"),
    ]  # fmt: skip
    assert all((run.status, run.errors, run.provider, run.examples) == ("succeeded", 0, "offline", 20) for run in runs)
    waiting = prompt.versions.get(version=6)
    unmet = {condition.name for condition in gates.ask(waiting) if not condition.met}
    assert (waiting.label, waiting.stage, unmet) == ("v2.1", "TST", {"approvals"})


def test_the_second_time_nothing_happens(capsys):
    call_command("load_demo")
    before = counts()
    capsys.readouterr()
    call_command("load_demo")
    assert capsys.readouterr().out == "The demo prompts are here already. Nothing to do.\n"
    assert counts() == before


def test_the_texts_are_the_same_each_time():
    call_command("load_demo", verbosity=0)
    hashes = PromptVersion.objects.order_by("prompt__name", "version").values_list("content_hash", flat=True)
    assert len(set(hashes)) == 32  # a rollback and a git revert say again what was said before
    support = PromptVersion.objects.get(prompt__name="SupportAgent.default", version=1)
    assert support.checksum_hash == "3c7dc427a1b04be20dae1ad0d770ead39879f4cf72c7221ece561ec4057eb46a"


def test_a_database_in_use_is_left_alone():
    make_prompt(name="mine")
    before = counts()
    with pytest.raises(CommandError, match="already has 1 prompts"):
        call_command("load_demo")
    assert counts() == before


def test_force_loads_it_beside_what_is_there():
    make_prompt(name="mine")
    theirs = make_prompt(name="answer-judge")
    make_agent(name="SupportAgent")
    call_command("load_demo", force=True)
    assert set(Prompt.objects.values_list("name", flat=True)) == NAMES | {"mine"}
    assert theirs.versions.count() == 1
    assert list(walk()) == []


def test_nobody_gets_an_account_outside_local_mode(django_user_model):
    call_command("load_demo", verbosity=0)
    assert django_user_model.objects.count() == 0
    actors = set(LedgerEvent.objects.values_list("actor", "actor_kind"))
    assert actors == {("demo engineer", "system"), ("demo manager", "system"), *PROGRAMS}


def test_in_local_mode_the_local_people_did_it(local_mode):
    call_command("load_demo", verbosity=0)
    actors = set(LedgerEvent.objects.values_list("actor", "actor_kind"))
    assert actors == {("engineer", "user"), ("manager", "user"), *PROGRAMS}


def test_it_is_loaded_in_three_seconds():
    """Of the processor, the best of three: what else a machine does at the same time is not ours."""

    def seconds() -> float:
        with transaction.atomic():
            began = time.process_time()
            call_command("load_demo", verbosity=0)
            took = time.process_time() - began
            assert Prompt.objects.count() == 10
            transaction.set_rollback(True)
        return took

    assert min(seconds() for _ in range(3)) < 3


def test_a_mistake_in_a_story_loads_nothing():
    wrong = dataclasses.replace(STORIES[0], moves=(*STORIES[0].moves, Move("1, 23:00", "engineer", "promote", "v9.9")))
    with pytest.raises(BadStory, match=r"no v9\.9"):
        play(AGENTS, [wrong], people={"engineer": TESTER, "manager": TESTER}, today=timezone.now())
    assert counts() == (0, 0, 0, 0, 0, 0)


def test_a_change_that_does_not_fit_is_a_mistake():
    version = make_version(template_source="one two two")
    assert rewrite(version, (("one", "three"),)) == "three two two"
    for old in ("two", "four"):
        with pytest.raises(BadStory):
            rewrite(version, ((old, "five"),))


def test_days_are_counted_back_from_midnight():
    today = datetime(2026, 3, 1, 17, 30, tzinfo=UTC)
    assert instant("1, 09:40", today) == datetime(2026, 2, 28, 9, 40, tzinfo=UTC)
