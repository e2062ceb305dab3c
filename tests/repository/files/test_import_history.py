"""What a history out of files, and a registry's agents, may not say: refused with file and line, and nothing done."""

import pytest

from agents.models import Agent
from repository import exporting
from tests.factories import make_agent, make_prompt
from tests.repository.files.stories import export_to, import_from, taken_back
from tests.repository.files.test_import import METADATA, put, run
from tests.repository.registering import everything
from versions.models import Prompt

pytestmark = pytest.mark.django_db

THEN = "2026-01-01T00:00:00Z"
LIVE = (
    f"name: part-number\nversion: 1\nlabel: v1.0\nstage: PRD\ntemplate: x\ncreated_by: me\ncreated_at: {THEN}\n"
    f"updated_at: {THEN}\ndeployed_at: {THEN}\n"
)
WHOLE = METADATA + f"created_by: me\ncreated_at: {THEN}\nhighest: {{version: 1, label: v1.0}}\n"
FUTURE = "2099-01-01T00:00:00Z"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "prompts"


@pytest.mark.parametrize(
    ("version", "metadata", "said"),
    [
        (LIVE.replace(f"deployed_at: {THEN}", f"deployed_at: {FUTURE}"), WHOLE,
         "02-production/part-number.yaml:9: PL016 deployed_at is in the future"),
        (LIVE, WHOLE.replace(f"created_at: {THEN}", f"created_at: {FUTURE}"),
         "03-metadata/part-number.yaml:6: PL016 created_at is in the future"),
        (LIVE, WHOLE.replace("version: 1,", "version: 2147483647,"), "yaml:7: PL016 highest leaves no numbers"),
        (LIVE, WHOLE.replace("v1.0", "v1.999999999"), "yaml:7: PL016 highest leaves no numbers"),
    ],
)  # fmt: skip
def test_a_history_that_leaves_no_room_for_what_comes_is_refused(root, version, metadata, said):
    """What is in production since 2099 would be newer than all that follow; after the last number there is none."""
    put(root, "02-production/part-number.yaml", version)
    put(root, "03-metadata/part-number.yaml", metadata)
    before = everything()
    _, refused = run(root)
    assert (said in refused, everything()) == (True, before), refused
    put(root, "02-production/part-number.yaml", LIVE)
    put(root, "03-metadata/part-number.yaml", WHOLE)
    assert run(root)[1] is None


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        ("{Parts: {created_at: '2026-02-31T00:00:00Z'}}", "yaml:2: PL011 created_at of agent 'Parts' must be a time"),
        ("{Parts: {created_at: '2026-02-01T00:00:00'}}", "created_at of agent 'Parts' must be a time with its zone"),
        ("{Parts: {archived_at: '0001-01-01T00:00:00+14:00'}}", "archived_at of agent 'Parts' must be a time"),
        ("{Parts: {description: [a]}}", "description of agent 'Parts' must be text"),
        ("{'a/b': {}}", "yaml:2: PL011 Agent 'a/b': A name cannot contain"),
        ("{'': {}}", "Agent '': It is empty"),
    ],
)
def test_agents_that_cannot_be_are_told_with_their_line(root, agents, said):
    put(root, "00-templates/part-number.yaml", "name: part-number\ntemplate: x\n")
    put(root, "prompt_registry.yaml", f"schema_version: 1\nagents: {agents}\nprompts: {{}}\n")
    before = everything()
    _, refused = run(root, "--dry-run")
    assert said in refused
    _, refused = run(root)
    assert (said in refused, everything(), Agent.objects.exists()) == (True, before, False)


def test_agents_of_the_registry_come_as_they_are(root):
    said = f"{{description: Finds, primary_status_key: NEW, created_at: '{THEN}', archived_at: '{THEN}'}}"
    put(root, "00-templates/part-number.yaml", "name: part-number\ntemplate: x\n")
    put(root, "prompt_registry.yaml", f"schema_version: 1\nagents: {{Parts: {said}, Bare: null}}\nprompts: {{}}\n")
    assert run(root)[1] is None
    parts = Agent.objects.get(name="Parts")
    assert (parts.description, parts.primary_status_key, parts.created_at, parts.archived_at) == (
        "Finds", "NEW", parts.archived_at, parts.created_at,
    )  # fmt: skip
    assert (parts.created_at.isoformat(), Agent.objects.count()) == ("2026-01-01T00:00:00+00:00", 2)


def test_an_agent_may_have_a_name_that_is_reserved_for_prompts(root):
    """The address of the API hides a prompt of this name, and no agent."""
    with taken_back():
        make_prompt(name="part-number", agent=make_agent(name="register-code"))
        first = export_to(root)
    import_from(root)
    assert exporting.export() == first


def test_a_first_version_is_called_as_the_ledger_will_call_it(root):
    """Another label would be lost, and the second import of the same files refused."""
    make_prompt()
    put(root, "00-templates/x.yaml", "name: part-number\nversion: 1\nlabel: v3.7\ntemplate: x\n")
    before = everything()
    _, refused = run(root)
    assert ("begins with v1.0" in refused, everything()) == (True, before)
    put(root, "00-templates/x.yaml", "name: part-number\nversion: 1\nlabel: v1.0\ntemplate: x\n")
    assert run(root)[1] is None
    assert Prompt.objects.get(name="part-number").versions.get().label == "v1.0"
    assert run(root)[0].startswith("Nothing to do")
