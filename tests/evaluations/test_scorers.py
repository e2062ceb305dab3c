"""Every scorer by a table of cases; hostile answers are bounded; a score is always within 0 and 1."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import BadInput, NotFound
from evaluations import scorers
from evaluations.scorers import Outcome, read, scorer_hash, weighted_mean
from tests.spending import processor_seconds

NONE = object()


def score(spec: Any, expected: Any, actual: str, **given: Any) -> Outcome:
    return read(spec).score(None if expected is NONE else {"value": expected}, actual, **given)


def options(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


EXACT = [
    ("bearings", "bearings", 1.0), ("bearings", " bearings\n", 1.0), ("bearings", "Bearings", 0.0),
    ("bearings", '"bearings"', 1.0), ("", "  ", 1.0), ("", "x", 0.0),
    ({"a": 1, "b": [1, 2]}, '{"b": [1, 2.0], "a": 1.0}', 1.0), ({"a": 1}, '{"a": 1, "b": 2}', 0.0),
    ('{"a": 1}', '{ "a" : 1 }', 1.0), ([1, 2], "[2, 1]", 0.0), (1, "true", 0.0), (True, "true", 1.0), (None, "null", 1.0),
    (1, "1.0", 1.0), ("007", "7", 0.0), ("1e2", "100", 1.0), (0.1 + 0.2, "0.3", 0.0), (10**300, "1" + "0" * 300, 1.0),
    ("NaN", "NaN", 1.0), ({"a": 1}, "not JSON", 0.0), ({"a": 1}, '```json\n{"a": 1}\n```', 0.0),
    ("Größe 日本 🙂", "Größe 日本 🙂", 1.0), ("e\u0301", "é", 0.0), ({"a": 1}, '{"a": 1, "a": 1}', 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "actual", "wanted"), EXACT)
def test_exact(expected: Any, actual: str, wanted: float):
    found = score("exact", expected, actual)
    assert (found.score, found.passed, found.error) == (wanted, wanted == 1, "")
    assert ("diff" in found.detail) == (wanted == 0)


def test_exact_shows_what_differs():
    assert score("exact", "a red bearing", "a blue bearing").detail == {"diff": [
        {"op": "equal", "old": "a ", "new": "a "}, {"op": "replace", "old": "red", "new": "blue"},
        {"op": "equal", "old": " bearing", "new": " bearing"},
    ]}  # fmt: skip


def test_exact_may_ignore_case():
    assert score(options("exact", ignore_case=True), "STRASSE", "Straße").passed
    assert not score(options("exact", ignore_case=False), "a", "A").passed


CONTAINS = [
    ({}, "bearing", "a ball bearing", 1.0), ({}, "Bearing", "a ball bearing", 0.0),
    ({"ignore_case": True}, "BEARING", "a ball bearing", 1.0), ({}, ["ball", "seal"], "a ball bearing", 0.5),
    ({"text": "ball"}, NONE, "a ball bearing", 1.0), ({"text": ["a", "z"]}, "ignored", "a b", 0.5), ({}, 42, "it is 42.", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected", "actual", "wanted"), CONTAINS)
def test_contains(fields: dict[str, Any], expected: Any, actual: str, wanted: float):
    found = score(options("contains", **fields), expected, actual)
    assert (found.score, found.passed) == (wanted, wanted == 1)


def test_contains_names_what_is_missing_and_nothing_is_no_expectation():
    assert score("contains", ["ball", "seal"], "a ball").detail == {"missing": ["seal"]}
    assert score("contains", "", "a").error == "Nothing is expected to be contained: the text is empty."


REGEX = [
    ({"pattern": r"\d{4}-\d{2}"}, NONE, "on 2025-12", 1.0), ({"pattern": r"\d{4}", "full": True}, NONE, "on 2025", 0.0),
    ({"pattern": r"\d{4}", "full": True}, NONE, "2025", 1.0), ({}, r"^bear", "bearing", 1.0), ({}, r"^bear", "a bear", 0.0),
    ({"pattern": "(?i)SEAL"}, NONE, "a seal", 1.0), ({"pattern": "日本"}, NONE, "in 日本", 1.0), ({"pattern": "^$"}, NONE, "", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected", "actual", "wanted"), REGEX)
def test_regex(fields: dict[str, Any], expected: Any, actual: str, wanted: float):
    assert score(options("regex", **fields), expected, actual).score == wanted


def test_a_pattern_that_is_none_is_an_error_not_a_zero():
    assert score("regex", "(", "x").error.startswith("Not a regular expression in RE2's syntax: missing )")
    assert score("regex", {"a": 1}, "x").error == "What is expected is no regular expression."


CATASTROPHES = [r"(a+)+$", r"(a|aa)+$", r"(x+x+)+y", r"(a?){300}b", r"(?:(?:a{0,30}){0,30})b", r"(.*)(.*)(.*)(.*)[^a]",
                r"(?:[ab]{0,50}c?){0,18}[^a]{30}zz", r"(?s)(a|b|c).{0,300}(d|e|f).{0,300}z"]  # fmt: skip


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_a_catastrophic_pattern_ends(pattern: str):
    began = processor_seconds()
    score(options("regex", pattern=pattern), NONE, "a" * 200_000 + "b")
    assert processor_seconds() - began < 2.5


PART = {"type": "object", "required": ["category"], "properties": {"category": {"enum": ["seals"]}},
        "additionalProperties": False}  # fmt: skip
TREE = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}


def test_json_schema():
    assert score(options("json_schema", schema=PART), NONE, '{"category": "seals"}').score == 1
    assert score("json_schema", PART, '{"category": "seals"}').score == 1
    found = score(options("json_schema", schema=PART), NONE, '{"category": "seal", "x": 1}')
    assert (found.score, found.passed) == (0, False)
    assert found.detail["complaints"] == [
        {"path": "$.category", "said": '"seal" is not one of "seals"'},
        {"path": "$", "said": "Additional properties are not allowed ('x' was unexpected)"},
    ]
    assert score(options("json_schema", schema=PART), NONE, "seals").detail == {"said": "The answer is not JSON."}
    assert score(options("json_schema", schema=TREE), NONE, "[[[]]]").score == 1
    assert score(options("json_schema", schema=TREE), NONE, "[[1]]").detail["complaints"][0]["path"] == "$[0][0]"
    assert score("json_schema", {"type": "strin"}, "1").error.startswith("expected: Not a JSON schema:")


def test_a_schema_that_never_ends_ends():
    defs: dict[str, Any] = {"a0": {"type": "integer"}}
    for n in range(1, 60):
        defs[f"a{n}"] = {"anyOf": [{"$ref": f"#/$defs/a{n - 1}"}] * 2}
    began = processor_seconds()
    found = score(options("json_schema", schema={"$defs": defs, "$ref": "#/$defs/a59"}), NONE, '"x"')
    assert processor_seconds() - began < 2.5
    assert found.error.startswith("The schema takes too")
    assert score(options("json_schema", schema={"$ref": "#"}), NONE, "1").score == 1
    pattern = {"pattern": "(a+)+$", "patternProperties": {"(a+)+$": False}, "additionalProperties": False}
    assert score(options("json_schema", schema=pattern), NONE, json.dumps("a" * 100_000 + "b")).score == 0


def test_a_busy_machine_is_no_error_of_the_scorer(tmp_path, monkeypatch):
    busy = tmp_path / "python"
    busy.write_text(f'#!/bin/sh\nsleep 2.2\nexec {sys.executable} "$@"\n')
    busy.chmod(0o755)
    monkeypatch.setattr("evaluations.scorers.bounded.sys.executable", str(busy))
    assert score(options("json_schema", schema=TREE), NONE, "[[[]]]").score == 1


JSON_EQUALS = [
    ("$", {"a": 1}, '{"a": 1.0}', 1.0), ("$.a", {"a": 1, "b": 2}, '{"a": 1, "b": 3}', 1.0),
    (["$.a", "$.b"], {"a": 1, "b": 2}, '{"a": 1, "b": 3}', 0.5), ("$.category", "seals", '{"category": "seals"}', 1.0),
    ("$.n", 3, '{"n": 3}', 1.0), ("$.a[0].b", {"a": [{"b": 1}]}, '{"a": [{"b": 1}, 2]}', 1.0),
    ("$.a[-1]", {"a": [1, 2]}, '{"a": [2]}', 1.0), ("$.p[*].id", {"p": [{"id": 1}, {"id": 2}]}, '{"p": [{"id": 1}]}', 0.0),
    ("$['odd name']", {"odd name": 1}, '{"odd name": 1}', 1.0), ("$.a", {"a": None}, "{}", 0.0), ("$.a", '{"a": 2}', '{"a": 2}', 1.0),
    ("$.a", {"a": 1}, "[1]", 0.0), ("$", 1, "true", 0.0), ("$.a", {"a": 1}, "no JSON", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("path", "expected", "actual", "wanted"), JSON_EQUALS)
def test_json_equals(path: Any, expected: Any, actual: str, wanted: float):
    found = score(options("json_equals", path=path), expected, actual)
    assert (found.score, found.passed, found.error) == (wanted, wanted == 1, "")


def test_json_equals_says_where_they_differ_and_what_is_not_expected():
    assert score(options("json_equals", path="$.a"), {"a": 1}, '{"a": "é"}').detail == {
        "differing": [{"path": "$.a", "actual": '"é"', "expected": "1"}]
    }
    assert (
        score(options("json_equals", path="$.b"), {"a": 1}, '{"b": 1}').error == "What is expected has nothing at $.b."
    )


NUMERIC = [
    ({}, 42, "42", 1.0), ({}, 42, " 42.0\n", 1.0), ({}, "42", "42", 1.0), ({}, 42, "about 42", 0.0), ({"abs": 0.5}, 3, "3.5", 1.0),
    ({"abs": 0.5}, 3, "3.51", 0.0), ({"rel": 0.1}, 100, "110", 1.0), ({"rel": 0.1}, 100, "111", 0.0), ({"rel": 0.1}, -100, "-91", 1.0),
    ({}, 0, "0", 1.0), ({}, 0.1 + 0.2, "0.3", 1.0), ({}, 1, "NaN", 0.0), ({}, 1, "Infinity", 0.0), ({}, 1, "true", 0.0),
    ({}, 10**300, "1e300", 1.0), ({}, "1e4000", "1e4000", 1.0), ({}, 1, "1e999999999", 0.0), ({}, 1, "9" * 10_000, 0.0),
    ({"path": "$.n"}, 5, '{"n": 5}', 1.0), ({"path": "$.n"}, {"n": 5}, '{"n": "5"}', 1.0), ({"path": "$.n"}, 5, "{}", 0.0),
    ({"path": "$.n"}, 5, "5", 1.0), ({"path": "$.n"}, 5, "words", 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected", "actual", "wanted"), NUMERIC)
def test_numeric(fields: dict[str, Any], expected: Any, actual: str, wanted: float):
    found = score(options("numeric", **fields), expected, actual)
    assert (found.score, found.passed, found.error) == (wanted, wanted == 1, "")


@pytest.mark.parametrize("expected", ["many", True, [1], {"a": 1}, None, "NaN"])
def test_what_is_no_number_cannot_be_expected(expected: Any):
    assert score("numeric", expected, "1").error == "What is expected is no number."


def test_similarity_passes_at_its_threshold():
    found = score(options("similarity", threshold=0.75), "abcd", "abxd")
    assert (found.score, found.passed) == (0.75, True)
    assert not score(options("similarity", threshold=0.7500001), "abcd", "abxd").passed
    assert score("similarity", "same", " same ").detail == {"threshold": 0.8}
    assert "diff" in found.detail
    assert score("similarity", "", "").score == 1
    assert score("similarity", {"a": 1}, json.dumps({"a": 1}, indent=1)).score == 1


def test_latency_and_cost_are_limits():
    fast, slow = (score(options("latency", max_ms=100), NONE, "", latency_ms=ms) for ms in (100, 400))
    assert (fast.score, fast.passed, slow.score, slow.passed) == (1, True, 0.25, False)
    assert slow.detail == {"latency_ms": 400.0, "max_ms": 100.0}
    cheap, dear = (score(options("cost", max_usd=0.01), NONE, "", cost_usd=usd) for usd in (0, 0.02))
    assert (cheap.score, dear.score, dear.passed) == (1, 0.5, False)
    assert score(options("cost", max_usd=1), NONE, "").error.startswith("The cost of this answer is not known")
    assert score(options("latency", max_ms=1), NONE, "").error == "The time of this answer was not measured."
    assert score(options("latency", max_ms=1), NONE, "", latency_ms=float("nan")).error


JUDGE = {"type": "judge", "prompt": "answer-judge", "version": 2}


def judged(answer: Any) -> Outcome:
    return read(JUDGE).score({"value": "e"}, "a", input={"x": 1}, ask=lambda *given: answer)


def test_a_judge_is_asked_its_pinned_version_with_everything():
    asked: list[Any] = []
    found = read(JUDGE).score(
        {"value": {"c": 1}}, "said", input={"x": 1}, ask=lambda *given: asked.append(given) or "0.5"
    )
    assert asked == [("answer-judge", 2, {"input": {"x": 1}, "expected": {"c": 1}, "actual": "said"})]
    assert (found.score, found.passed) == (0.5, True)
    assert read(JUDGE).score(None, "said", ask=lambda *given: asked.append(given) or "1").score == 1
    assert asked[1][2] == {"input": {}, "expected": "", "actual": "said"}


@pytest.mark.parametrize(("answer", "wanted", "reason"), [
    ("0", 0, ""), ("1", 1, ""), (" 0.7\n", 0.7, ""), ('{"score": 0.25, "reason": "one wrong digit"}', 0.25, "one wrong digit"),
    ('{"facts": 1, "score": 1.0, "why": "fine"}', 1, "fine"), ('{"score": 1, "reason": {"a": 1}}', 1, ""),
])  # fmt: skip
def test_a_judge_says_a_number(answer: str, wanted: float, reason: str):
    found = judged(answer)
    assert (found.score, found.detail["reason"], found.error) == (wanted, reason, "")
    assert found.passed == (wanted >= 0.5)


@pytest.mark.parametrize("answer", ["", "0.7 I think", "1.0001", "-0.1", "true", "null", "NaN", "1e400", "[1]", '"0.5"', "{}",
                                    '{"score": "1"}', '{"score": true}', '{"score": 2}', "```json\n0.5\n```", '{"Score": 1}',
                                    None, 0.5, '{"score": 1, "score": 0}', "[" * 99_999])  # fmt: skip
def test_anything_else_a_judge_says_is_an_error_and_no_zero(answer: Any):
    found = judged(answer)
    assert found.error.startswith("The judge must answer with a number from 0 to 1")
    assert (found.score, found.passed) == (0, False)


def test_a_judge_that_cannot_be_asked_is_an_error():
    def gone(*given: Any) -> str:
        raise NotFound("Prompt 'answer-judge' not found")

    assert read(JUDGE).score(None, "a", ask=gone).error == "Prompt 'answer-judge' not found"
    assert read(JUDGE).score(None, "a").error == "There is nobody to ask the judge."


def test_all_and_any():
    parts = ["exact", {"type": "latency", "max_ms": 100}]
    both, either = (score(options(kind, scorers=parts), "x", "x", latency_ms=400) for kind in ("all", "any"))
    assert (both.score, both.passed, either.score, either.passed) == (0.25, False, 1, True)
    assert [part["type"] for part in both.detail["parts"]] == ["exact", "latency"]
    assert score(options("all", scorers=parts), "x", "x").error == "latency: The time of this answer was not measured."


def test_who_needs_an_expectation():
    needs = {"exact": True, "contains": True, "regex": True, "json_schema": True, "json_equals": True, "numeric": True,
             "similarity": True}  # fmt: skip
    assert {kind: read(kind).needs_expected for kind in needs} == needs
    without = [options("contains", text="x"), options("regex", pattern="x"), options("json_schema", schema={}),
               options("latency", max_ms=1), options("cost", max_usd=1), JUDGE, options("all", scorers=[JUDGE])]  # fmt: skip
    assert [read(spec).needs_expected for spec in without] == [False] * len(without)
    assert read(options("any", scorers=[JUDGE, "exact"])).needs_expected
    assert score("exact", NONE, "x").error == "The example says nothing of what is expected."


BAD_SPECS = [
    (7, "scorer"), ("best", "scorer.type"), ({}, "scorer.type"), ({"type": ["exact"]}, "scorer.type"),
    (options("exact", fuzzy=1), "scorer.fuzzy"), (options("similarity", threshold=1.1), "scorer.threshold"),
    (options("similarity", threshold=True), "scorer.threshold"), (options("similarity", threshold=float("nan")), "scorer"),
    (options("regex", pattern="("), "scorer.pattern"), (options("regex", pattern="(?=a)"), "scorer.pattern"),
    (options("regex", pattern=r"(a)\1"), "scorer.pattern"), (options("regex", pattern="x" * 2_001), "scorer.pattern"),
    (options("regex", pattern="\ud800"), "scorer.pattern"), (options("regex", pattern="(a{1,1000}){1,1000}"), "scorer.pattern"),
    (options("contains", text=[]), "scorer.text"), (options("json_schema", schema={"type": "strin"}), "scorer.schema"),
    (options("json_schema", schema={"$ref": "http://127.0.0.1:1/x"}), "scorer.schema"),
    (options("json_schema", schema={"$ref": "file:///etc/passwd"}), "scorer.schema"),
    (options("json_schema", schema={"pattern": "(?=a)"}), "scorer.schema"), (options("json_equals", path="category"), "scorer.path"),
    (options("json_equals", path="$..x"), "scorer.path"), (options("json_equals", path=[]), "scorer.path"),
    (options("numeric", abs=-1), "scorer.abs"), (options("latency"), "scorer.max_ms"), (options("cost", max_usd=0), "scorer.max_usd"),
    (options("judge", prompt="x"), "scorer.version"), (options("judge", prompt="x", version="v1.0"), "scorer.version"),
    (options("judge", version=1), "scorer.prompt"), (options("all", scorers=[]), "scorer.scorers"),
    (options("all", scorers=[{"type": "any", "scorers": ["exact"]}]), "scorer.scorers"), (options("all", scorers=["x"]), "scorer.type"),
    (options("contains", text="x" * 20_000, ignore_case=1), "scorer.ignore_case"),
    (options("json_schema", schema={"description": "x" * 65_536}), "scorer"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "field"), BAD_SPECS, ids=lambda value: str(value)[:50])
def test_a_bad_spec_names_its_field(spec: Any, field: str):
    with pytest.raises(BadInput) as refusal:
        read(spec)
    assert list(refusal.value.data["errors"]) == [field]


def test_the_hash_is_of_what_a_spec_means():
    assert scorer_hash("similarity") == scorer_hash({"threshold": 0.8, "type": "similarity"})
    assert scorer_hash("similarity") != scorer_hash(options("similarity", threshold=0.9))
    assert scorer_hash(options("all", scorers=["exact"])) == scorer_hash(options("all", scorers=[{"type": "exact"}]))


def test_the_weighted_mean():
    assert weighted_mean([]) is None
    assert weighted_mean([(1, 3), (0, 1)]) == 0.75
    assert weighted_mean([(0.1, 1)] * 10) == 0.1
    assert weighted_mean([(1, 1e308), (1, 1e308)]) == 1
    assert weighted_mean([(1, 1e-320), (0, 1e-320)]) == 0.5


BIG = ["x" * 200_000, "ab " * 70_000, "\n" * 200_000, "🙂" * 50_000, "[" * 100_000, '{"a":' * 60 + "1" + "}" * 60, "\ud800", "a\0b",
       "1" * 100_000, '{"a": ' + "9" * 5_000 + "}", "\u202eאבג"]  # fmt: skip
KINDS = ["exact", "contains", "regex", "json_schema", "json_equals", "numeric", "similarity", options("latency", max_ms=5),
         options("cost", max_usd=1), JUDGE, options("all", scorers=["exact", "similarity"])]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda value: value if isinstance(value, str) else value["type"])
def test_hostile_answers_are_bounded_and_leave_something_that_can_be_stored(kind: Any):
    for actual in BIG:
        for expected in ("x", {"a": 1}, BIG[1]):
            began = processor_seconds()
            found = score(kind, expected, actual, latency_ms=1, cost_usd=0, ask=lambda *given, actual=actual: actual)
            assert processor_seconds() - began < 2
            assert 0 <= found.score <= 1
            kept = json.dumps(found.detail, ensure_ascii=False)
            kept.encode()
            assert "\0" not in kept and "\\u0000" not in kept
            assert len(kept) < 250_000 and len(found.error) <= 500


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), VALUES, st.text(max_size=60) | VALUES.map(json.dumps))
def test_a_score_is_always_within_0_and_1(kind: Any, expected: Any, actual: str):
    found = score(kind, expected, actual, latency_ms=3, cost_usd=0, ask=lambda *given: actual)
    assert 0 <= found.score <= 1
    assert not (found.passed and found.error)
    assert found.error or found.score or not found.passed


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1e-6, 1e6)), min_size=1))
def test_a_mean_lies_between_its_scores(pairs: list[tuple[float, float]]):
    mean = scorers.weighted_mean(pairs)
    assert min(score for score, _ in pairs) - 1e-12 <= mean <= max(score for score, _ in pairs) + 1e-12
