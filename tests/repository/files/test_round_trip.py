"""Export, import into an empty ledger, export: the same bytes (RELIABILITY 4.7, figure 23; S3-31, S3-35)."""

import os

import pytest

from ledger.models import LedgerEvent
from repository import exporting
from repository.files import tree, yaml_text
from repository.files.tree import read_tree
from repository.plans import plan
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from tests.repository.files.stories import Chance, export_to, import_from, taken_back, tell
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

# PROMPTLEDGER_ROUND_TRIPS=1000 is the full figure: about a minute and a half.
PROMPTS = int(os.environ.get("PROMPTLEDGER_ROUND_TRIPS", "60"))
TOGETHER = 20

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("start", range(0, PROMPTS, TOGETHER))
def test_random_prompts_come_back_byte_for_byte(start, tmp_path):
    """S3-35: numbers, labels, stages, dates, texts, examples and results are in the files, and come out of them."""
    chance = Chance(int(os.environ.get("PROMPTLEDGER_SEED", "1")) * 1_000_000 + start)
    with taken_back():
        for number in range(start, start + TOGETHER):
            tell(chance, number)
        first = export_to(tmp_path / "tree")
        assert plan(read_tree(tmp_path / "tree")).steps == [], "a round trip changes nothing"
    assert not Prompt.objects.exists()
    import_from(tmp_path / "tree")
    again = exporting.export()
    assert sorted(again) == sorted(first)
    for path, source in first.items():
        assert again[path] == source, path
    assert [str(problem) for problem in problems()] == []
    assert plan(read_tree(tmp_path / "tree")).steps == []


def test_many_prompts_and_many_versions_fit(tmp_path, monkeypatch):
    """What lists everything may be larger than what one person writes."""
    large = {"prompts": "x" * yaml_text.FILE_LIMIT}
    assert yaml_text.read(yaml_text.written(large, yaml_text.REGISTRY_LIMIT), yaml_text.REGISTRY_LIMIT).value == large
    with pytest.raises(yaml_text.Unreadable):
        yaml_text.written(large)
    make_version("RET", name="part-number")
    monkeypatch.setattr(tree, "FILE_LIMIT", 900)
    files = export_to(tmp_path)
    assert max(map(len, files.values())) == len(files["prompt_registry.yaml"]) > 900
    assert plan(read_tree(tmp_path)).steps == []


def test_who_took_it_over_is_in_the_ledger(tmp_path):
    """S3-29, S3-37: history out of files is marked as such, with the names that the files gave."""
    with taken_back():
        make_version("RET", name="part-number")
        export_to(tmp_path)
    import_from(tmp_path)
    events = LedgerEvent.objects.filter(prompt="part-number").order_by("sequence")
    assert {event.actor for event in events} == {"system:import_prompts"}
    assert [event.action for event in events] == [
        "prompt_created",
        "created",
        "promoted",
        "promoted",
        "created",
        "promoted",
        "promoted",
    ]
    assert events[1].detail == {"restored": True, "created_by": "system:tests"}
    assert events[3].reason == "Taken over from prompt files"
    assert PromptVersion.objects.get(version=1).created_by == "system:tests"


def test_numbers_that_were_given_are_not_given_again(tmp_path):
    with taken_back():
        draft = make_version("DEV", prompt=make_version("PRD", name="part-number").prompt)
        draft.delete_draft(by=TESTER, seen=ANYTHING)
        export_to(tmp_path)
    import_from(tmp_path)
    live = PromptVersion.objects.select_related("prompt").get()
    assert live.create_new(by=TESTER, seen=ANYTHING).label == "v1.2"


def test_a_ledger_that_has_prompts_takes_history_over_when_told_to(tmp_path):
    with taken_back():
        make_version("RET", name="old")
        make_tracking_prompt(name="code")
        first = export_to(tmp_path)
    make_prompt(name="other")
    import_from(tmp_path, history=True)
    again = exporting.export()
    assert {path: again[path] for path in first if path != "prompt_registry.yaml"} == {
        path: source for path, source in first.items() if path != "prompt_registry.yaml"
    }
