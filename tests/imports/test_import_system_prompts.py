"""`manage.py import_system_prompts`: legacy texts go into production, once, all of them or none (S4-33 to S4-42; SPEC 4)."""

import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from agents.models import Agent
from ledger.models import LedgerEvent
from tests.factories import make_agent, make_prompt, make_tracking_prompt, make_version
from tests.imports.sources import ROWS, sqlite, write_csv, write_jsonl
from tests.versions.refusing import everything
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db
SUMMARY = "5 legacy prompts: 2 migrated, 0 unchanged, 0 differs, 3 blank."


def run(source: Any, *arguments: str) -> str:
    """Run the command over a URL or a file; what it printed."""
    out = StringIO()
    given = ["--database-url", source] if isinstance(source, str) else ["--file", str(source)]
    call_command("import_system_prompts", *given, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def refused(source: Any, *arguments: str) -> str:
    """Run it in vain: nothing is changed; what it said."""
    before = everything()
    with pytest.raises(CommandError) as caught:
        run(source, *arguments)
    assert everything() == before
    return str(caught.value)


@pytest.fixture(params=["sqlite", "csv", "jsonl"])
def source(request: Any, tmp_path: Path) -> Any:
    """The same five rows in each kind of source."""
    made = {"sqlite": sqlite, "csv": write_csv, "jsonl": write_jsonl}[request.param]
    return made(tmp_path / f"legacy.{request.param}")


def test_every_text_is_in_production_as_it_was_written(source):
    out = run(source)
    assert out.splitlines()[-1] == SUMMARY
    for name, text in ROWS[:2]:
        version = PromptVersion.objects.of_agent(Agent.objects.get(name=name), "default").live()
        assert (version.template_source, version.label, version.stage) == (text, "v1.0", "PRD")
        assert (version.is_default_from_code, version.created_by) == (True, "system:import_system_prompts")
        prompt = version.prompt
        assert (prompt.name, prompt.title, prompt.mode) == (f"{name}.default", "Migrated Default Prompt", "full")
        agent = Agent.objects.get(name=name)
        assert (agent.primary_status_key, agent.active_default_prompt_id) == ("default", version.pk)
    assert Agent.objects.count() == Prompt.objects.count() == PromptVersion.objects.count() == 2
    assert list(problems()) == []


def test_it_walks_the_legal_moves_and_the_ledger_says_who_and_why(source):
    run(source)
    rows = LedgerEvent.objects.filter(prompt="Stan.default").order_by("sequence")
    column = "system_prompt of " if isinstance(source, Path) else "agents.system_prompt"
    assert [(row.action, row.from_stage, row.to_stage) for row in rows] == [
        ("prompt_created", "", ""), ("created", "", "DEV"), ("promoted", "DEV", "TST"), ("promoted", "TST", "PRD"),
    ]  # fmt: skip
    assert {(row.actor, row.actor_kind) for row in rows} == {("system:import_system_prompts", "system")}
    assert all(row.reason.startswith(f"Moved from {column}") for row in rows[2:])
    assert LedgerEvent.objects.get(agent="Stan", action="agent_created").actor_kind == "system"
    live = PromptVersion.objects.get(prompt__name="Stan.default")
    assert rows[3].at == live.deployed_at


def test_people_go_on_from_there(source, engineer):
    run(source)
    first = PromptVersion.objects.get(prompt__name="Stan.default")
    draft = first.create_new(by=engineer, seen=ANYTHING, template_source="Better.")
    for stage in ("TST", "PRD"):
        draft = draft.promote(by=engineer, to=stage, seen=ANYTHING)
    assert (draft.label, Prompt.objects.get(name="Stan.default").production) == ("v1.1", draft)
    assert list(problems()) == []


def test_a_dry_run_prints_what_the_run_prints_and_writes_nothing(source):
    make_version("PRD", agent=make_agent(name="Simple Agent"), template_source="Another.")
    before = everything()
    said = run(source, "--dry-run")
    assert everything() == before
    assert run(source) == said
    *lines, summary = said.splitlines()
    assert lines == sorted(lines, key=order_of(source))
    assert summary == "5 legacy prompts: 1 migrated, 0 unchanged, 1 differs, 3 blank."


def order_of(source: Any) -> Any:
    """A table comes by name; a file as it is written."""
    names = [name for name, _ in ROWS]
    return lambda line: line.split(": ")[1] if isinstance(source, str) else names.index(line.split(": ")[1])


def test_a_second_run_changes_nothing(source):
    run(source)
    before = everything()
    assert run(source).splitlines()[-1] == "5 legacy prompts: 0 migrated, 2 unchanged, 0 differs, 3 blank."
    assert everything() == before


def test_what_was_added_since_is_moved_by_the_next_run(tmp_path):
    run(write_csv(tmp_path / "one.csv", [("Stan", "Hello.")]))
    out = run(write_csv(tmp_path / "two.csv", [("Stan", "Hello."), ("New", "Hi.")]))
    assert out.splitlines() == [
        "unchanged: Stan: v1.0 in production has this text",
        "migrated: New: New.default v1.0 in PRD",
        "2 legacy prompts: 1 migrated, 1 unchanged, 0 differs, 0 blank.",
    ]


def test_a_text_that_differs_is_said_and_not_overwritten(tmp_path):
    run(write_csv(tmp_path / "one.csv", [("Stan", "Hello.")]))
    before = everything()
    out = run(write_csv(tmp_path / "two.csv", [("Stan", "Hello!")]))
    assert out.splitlines()[0] == (
        "differs: Stan: Stan.default v1.0 in production has another text, and stays as it is"
    )
    assert everything() == before


def test_a_text_that_people_have_replaced_since_counts_as_moved(tmp_path):
    old = write_csv(tmp_path / "one.csv", [("Stan", "Hello.")])
    run(old)
    make_version("PRD", prompt=Prompt.objects.get(name="Stan.default"), template_source="Better.")
    assert run(old).splitlines()[0] == "unchanged: Stan: v1.0 had this text; v1.1 has replaced it since"
    assert run(old, "--verify") == (
        "1 legacy prompt with a text: all are in the ledger, each agent has one in production.\n"
    )


@pytest.mark.parametrize("stage", ["DEV", "TST"])
def test_a_draft_in_the_way_is_left_alone(tmp_path, stage):
    make_version(stage, agent=make_agent(name="Stan"), name="draft", template_source="Hello.")
    before = everything()
    out = run(write_csv(tmp_path / "one.csv", [("Stan", "Hello.")]))
    assert out.splitlines()[0] == (
        "differs: Stan: draft has nothing in production: promote its draft, or delete the prompt and run this again"
    )
    assert everything() == before


def test_an_agent_that_is_there_keeps_what_it_has(tmp_path):
    agent = make_agent(name="Stan", description="Mine", primary_status_key="APPROVED")
    make_version("PRD", agent=agent, status_key="APPROVED")
    run(write_csv(tmp_path / "one.csv", [("Stan", "Hello.")]))
    agent = Agent.objects.get()
    assert (agent.description, agent.primary_status_key, agent.prompts.count()) == ("Mine", "APPROVED", 2)
    assert PromptVersion.objects.of_agent(agent, "default").live().template_source == "Hello."
    assert list(problems()) == []


def test_what_code_registered_is_left_to_git(tmp_path):
    make_tracking_prompt(name="Stan.default", agent=make_agent(name="Stan"))
    before = everything()
    same, other = [("Stan", "Tracked {{ name }}")], [("Stan", "Other")]
    assert "1 unchanged" in run(write_csv(tmp_path / "same.csv", same))
    assert "1 differs" in run(write_csv(tmp_path / "other.csv", other))
    assert everything() == before


def test_a_name_that_another_prompt_has_stops_all_of_it(tmp_path):
    make_prompt(name="Stan.default")
    said = refused(write_csv(tmp_path / "one.csv", [("Other", "Hi."), ("Stan", "Hello.")]))
    assert said.splitlines() == [
        "1 row cannot be moved. Nothing was written.",
        "line 3: a prompt 'Stan.default' is there, and it is not agent 'Stan''s for 'default'. Give it this agent and "
        "status key, or another name.",
    ]


def test_somebody_faster_is_told_and_nothing_is_half_written(tmp_path, monkeypatch):
    """An agent is made between the plan and the writing: the database refuses the second one."""
    from repository.legacy import writing

    now = writing.database_now

    def meanwhile():
        Agent.objects.bulk_create([Agent(name="Stan")])
        return now()

    monkeypatch.setattr(writing, "database_now", meanwhile)
    said = refused(write_csv(tmp_path / "one.csv", [("Other", "Hi."), ("Stan", "Hello.")]))
    assert said == "Somebody made one of these agents or prompts at the same time. Nothing was written: run it again."


# Verifying


def test_verify_fails_with_the_count_before_the_move_and_passes_after_it(source):
    assert refused(source, "--verify") == (
        "2 of 2 legacy prompts with a text are not in production. Keep the old column."
    )
    run(source)
    before = everything()
    assert run(source, "--verify") == (
        "2 legacy prompts with a text: all are in the ledger, each agent has one in production.\n"
    )
    assert everything() == before


def test_verify_names_every_text_that_is_missing(tmp_path):
    make_version("PRD", agent=make_agent(name="Differs"), template_source="Another.")
    make_version("TST", agent=make_agent(name="Draft"), template_source="Draft.")
    make_version("PRD", agent=make_agent(name="Elsewhere"), status_key="A", template_source="Elsewhere.")
    make_version("PRD", agent=make_agent(name="There"), template_source="There.")
    rows = [(name, f"{name}.") for name in ("Differs", "Draft", "Elsewhere", "There", "Unknown")]
    out = StringIO()
    with pytest.raises(CommandError, match="4 of 5 legacy prompts with a text are not in"):
        file = str(write_csv(tmp_path / "one.csv", rows))
        call_command("import_system_prompts", "--file", file, "--verify", stdout=out)
    assert [line.split(": ")[1] for line in out.getvalue().splitlines()] == ["Differs", "Draft", "Elsewhere", "Unknown"]


def test_a_text_that_left_production_with_nothing_after_it_would_be_missed(tmp_path):
    """One letter more or less is another text."""
    file = write_csv(tmp_path / "one.csv", [("Stan", "Hello.")])
    make_version("PRD", agent=make_agent(name="Stan"), template_source="Hello. ")
    assert "1 of 1" in refused(file, "--verify")


# Numbers


def test_ten_thousand_agents_in_a_fixed_number_of_statements(tmp_path, django_assert_max_num_queries):
    file = write_csv(tmp_path / "many.csv", [(f"Agent{n}", f"You are agent {n}.") for n in range(10_000)])
    began = time.process_time()
    with django_assert_max_num_queries(600):  # bulk statements of a limited number of values
        out = run(file)
    seconds = time.process_time() - began
    assert out.splitlines()[-1] == "10000 legacy prompts: 10000 migrated, 0 unchanged, 0 differs, 0 blank."
    assert seconds < 60, seconds
    live = PromptVersion.objects.in_production()
    assert (live.count(), live.values("checksum_hash").distinct().count()) == (10_000, 10_000)
    assert Prompt.objects.filter(highest_version=1, ledger_length=4).count() == 10_000
    with django_assert_max_num_queries(600):
        assert "10000 unchanged" in run(file)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL is not what these tests run on")
def test_a_table_of_postgresql_is_read_through_its_own_connection(transactional_db):
    """Its name has a schema, a quote and a percent sign in it."""
    settings = connection.settings_dict
    url = f"postgresql://{settings['USER']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute('CREATE SCHEMA "old""er"')
        try:
            cursor.execute('CREATE TABLE "old""er"."agents 100%" ("na me" text, "system""prompt" text)')
            cursor.execute(
                'INSERT INTO "old""er"."agents 100%%" VALUES (%s, %s), (%s, NULL)', ["Stan", "Hello.", "Null"]
            )
            where = ("--table", 'old"er.agents 100%', "--name-column", "na me", "--text-column", 'system"prompt')
            assert refused(url, *where, "--verify").startswith("1 of 1 legacy prompt")
            assert run(url, *where).splitlines()[-1] == "2 legacy prompts: 1 migrated, 0 unchanged, 0 differs, 1 blank."
            assert "no table 'nope'" in refused(url, "--table", "nope")
            assert "has no column 'nope'. It has: na me" in refused(url, *where[:2], "--name-column", "nope")
        finally:
            cursor.execute('DROP SCHEMA "old""er" CASCADE')
    assert PromptVersion.objects.get().template_source == "Hello."
