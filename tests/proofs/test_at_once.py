"""Two people at the same moment: one wins, the other is told, nothing is lost; and numbers are never given twice."""

from pathlib import Path

import pytest
from django.db import transaction

from tests.factories import TESTER, make_prompt, make_version
from tests.proofs.processes import result, start, until_there
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(600)]
ROUNDS = 200


def contend(prompt, press: str, folder: Path) -> list[dict]:
    """Two processes press the same button on the same versions at the same moments; return what came of it."""
    sides = [start("contender", str(prompt.pk), press, name, str(folder)) for name in "ab"]
    for name, side in zip("ab", sides, strict=True):
        until_there(folder / name, side)
    (folder / "go").touch()
    return [result(side) for side in sides]


def drafts(prompt, stage: str) -> None:
    with transaction.atomic():
        for _ in range(ROUNDS):
            make_version(stage, prompt=prompt)


def test_of_two_editors_one_wins_and_the_other_gets_both_texts(tmp_path):
    prompt = make_prompt(name="contested")
    drafts(prompt, "DEV")
    one, other = contend(prompt, "edit", tmp_path)
    assert one.get("done", 0) + other.get("done", 0) == ROUNDS
    assert one.get("stale", 0) + other.get("stale", 0) == ROUNDS
    assert one.get("both texts", 0) + other.get("both texts", 0) == ROUNDS
    said = prompt.versions.filter(version__gt=1).values_list("template_source", "revision")
    assert {revision for _, revision in said} == {2}
    for name, outcome in (("a", one), ("b", other)):
        assert sum(text.startswith(f"{name} ") for text, _ in said) == outcome.get("done", 0)
    assert list(problems()) == []


def test_of_two_who_promote_one_wins_and_the_other_is_late(tmp_path):
    prompt = make_prompt(name="released")
    drafts(prompt, "TST")
    one, other = contend(prompt, "promote", tmp_path)
    assert set(one) | set(other) <= {"done", "stale"}
    assert one.get("done", 0) + other.get("done", 0) == ROUNDS
    assert one.get("stale", 0) + other.get("stale", 0) == ROUNDS
    rows = list(prompt.versions.exclude(deployed_at=None).order_by("deployed_at"))
    assert len(rows) == ROUNDS
    assert [row.retired_at for row in rows[:-1]] == [row.deployed_at for row in rows[1:]]
    assert list(problems()) == []


def test_no_number_and_no_label_is_given_twice_even_when_drafts_are_deleted():
    prompt = make_prompt(name="numbered")
    sides = [start("numberer", str(prompt.pk), "80", f"n{n}") for n in range(5)]
    given = sorted(number for side in sides for number in result(side))
    assert [number for number, _, _ in given] == list(range(2, 402))
    assert len({(major, minor) for _, major, minor in given}) == 400
    labels = [(major, minor) for _, major, minor in given]
    assert labels == sorted(labels)
    assert prompt.versions.count() == 201
    assert list(problems()) == []


def test_the_ledger_is_sound_at_every_moment_while_others_write(tmp_path):
    """verify_ledger reads as of one moment: no false alarm, and nobody waits for it."""
    prompt = make_version("PRD", name="watched").prompt
    stop = tmp_path / "stop"
    watching = start("verifier", str(stop))
    until_there(tmp_path / "stop.begun", watching)
    for side in [start("promoter", str(prompt.pk), "60", f"p{n}") for n in range(3)]:
        assert result(side) == {"done": 60}
    stop.touch()
    watched = result(watching)
    assert watched["problems"] == []
    assert watched["runs"] > 10
    assert prompt.versions.first().create_new(by=TESTER, seen=ANYTHING).version == 182
