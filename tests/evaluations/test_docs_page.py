"""docs/evaluations.md: the scorers of its table do what the table says."""

import json
import re

import pytest

from evaluations import scorers
from evaluations.policy import READERS
from tests.live import ROOT

PAGE = (ROOT / "docs" / "evaluations.md").read_text()


def rows() -> list[list[str]]:
    part = PAGE.partition("## A scorer of each kind\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if '"type"' in line and line.startswith("|")]
    return [[cell.strip("`") for cell in line.strip("| ").split(" | ")][1:] for line in lines]


@pytest.mark.parametrize("row", rows(), ids=lambda row: json.loads(row[0])["type"])
def test_a_scorer_of_the_page_tells_the_two_answers_apart(row):
    spec, expected, good, bad = json.loads(row[0]), row[1], row[2], row[3]
    wanted = {"value": json.loads(expected)} if expected != "–" else None
    scorer = scorers.read(READERS["scorer"](spec))
    assert (scorer.score(wanted, good).passed, scorer.score(wanted, bad).passed) == (True, False)


def test_every_scorer_is_shown():
    named = {json.loads(row[0])["type"] for row in rows()} | set(re.findall(r'`{"type": "(latency|cost|judge)"', PAGE))
    assert named == set(scorers.SCORERS)
