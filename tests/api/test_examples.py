"""GET PUT POST /v1/prompts/{name}/examples and GET …/datasets."""

import json
from typing import Any

import pytest

from evaluations import datasets
from evaluations.models import DatasetItem, DatasetVersion, Example
from ledger.models import LedgerEvent
from tests.conftest import Api
from tests.factories import make_prompt, make_tracking_prompt

pytestmark = pytest.mark.django_db

PART = {"part_number": "6205-2RS1", "title": "Deep groove ball bearing", "manufacturer": "Norrland"}
URL = "/prompts/parts/examples"
LINES = (
    '{"id": "b", "input": {"part_number": "1", "title": "Lager", "manufacturer": ""}, "expected": "bearings"}\n'
    '{"id": "s", "input": {"part_number": "2", "title": "Dichtung", "manufacturer": "M"}, "expected": "seals", "weight": 2}\n'
)


@pytest.fixture(autouse=True)
def parts(db: None) -> Any:
    return make_prompt(name="parts", template_source="Part {{ part_number }}, {{ title }} of {{ manufacturer }}")


def stored() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Example, DatasetVersion, DatasetItem, LedgerEvent))


def put(api: Api, *examples: Any, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = api("PUT", URL, {"examples": list(examples), **more})
    assert answer.status_code == status, answer.content
    return answer.json()


def test_the_part_number_example_from_end_to_end(api: Api):
    said = put(api, {"input": PART, "expected": {"category": "bearings"}, "tags": ["smoke"]}, note="from the catalogue")
    assert {key: said[key] for key in ("number", "count", "added", "changed", "removed", "created", "note", "created_by")} == {
        "number": 1, "count": 1, "added": 1, "changed": 0, "removed": 0, "created": True, "note": "from the catalogue",
        "created_by": "engineer",
    }  # fmt: skip
    assert said["warnings"] == []
    found = api("GET", URL).json()
    assert (found["count"], found["next"], found["previous"]) == (1, None, None)
    assert found["dataset"]["sha256"] == said["sha256"]
    (one,) = found["results"]
    assert one == {"id": one["id"], "input": PART, "expected": {"category": "bearings"}, "weight": 1, "tags": ["smoke"]}


def test_json_lines_go_in_and_come_out(api: Api):
    assert api("PUT", URL, {"format": "jsonl", "text": LINES}).status_code == 201
    answer = api("GET", f"{URL}?format=jsonl")
    assert answer["Content-Type"] == "application/jsonl; charset=utf-8"
    assert [json.loads(line)["weight"] for line in answer.content.decode().splitlines()] == [1, 2]
    before = stored()
    again = api("PUT", URL, {"text": answer.content.decode()})
    assert (again.status_code, again.json()["created"], again.json()["number"]) == (200, False, 1)
    assert stored() == before


def test_csv_as_text(api: Api):
    text = "part_number,title,manufacturer,expected\n007,Lager,N,bearings"
    assert api("PUT", URL, {"format": "csv", "text": text}).status_code == 201
    (one,) = api("GET", URL).json()["results"]
    assert (one["input"]["part_number"], one["expected"]) == ("007", "bearings")


def test_more_are_added_and_a_taken_id_stores_nothing(api: Api):
    api("PUT", URL, {"text": LINES})
    more = {"id": "c", "input": PART, "expected": 1}
    answer = api("POST", URL, {"examples": [more]})
    assert (answer.status_code, answer.json()["number"], answer.json()["count"]) == (201, 2, 3)
    before = stored()
    answer = api("POST", URL, {"examples": [{**more, "id": "d"}, more]})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_examples")
    assert answer.json()["errors"] == {"example 2": ['The id "c" is taken by "c". Ids are unique.']}
    assert stored() == before


def test_every_bad_line_is_named_at_once_and_nothing_is_stored(api: Api):
    api("PUT", URL, {"text": LINES})
    before = stored()
    text = LINES + '{"input": {}}\n\n{\n{"id": "b", "input": {"title": "x"}, "weight": -1, "expected": 1}\n'
    answer = api("PUT", URL, {"text": text})
    said = answer.json()
    assert (answer.status_code, said["code"], said["problems"]) == (400, "bad_examples", 3)
    assert said["detail"] == (
        'Nothing was stored. 3 things are wrong, the first: line 3: "input" is empty: this is a placeholder, no '
        "example yet."
    )
    assert list(said["errors"]) == ["line 3", "line 5", "line 6"]
    assert stored() == before


def test_a_thousand_bad_lines_are_counted_and_a_hundred_named(api: Api):
    answer = api("PUT", URL, {"text": "x\n" * 1_000}).json()
    assert (answer["problems"], len(answer["errors"])) == (1_000, 100)


def test_expected_is_needed_where_the_scorer_compares(api: Api, parts: Any):
    put(api, {"input": PART})
    api("PATCH", "/prompts/parts", {"evaluation": {"threshold": 0.8}})
    before = stored()
    answer = api("PUT", URL, {"examples": [{"input": {**PART, "title": "x"}}]})
    assert answer.json()["errors"] == {
        "example 1": ['"expected" is missing: the scorer of this prompt compares with it.']
    }
    assert stored() == before


def test_doubts_are_said_and_stored_all_the_same(api: Api):
    said = put(api, {"input": {"title": "x"}, "expected": "TODO"})
    assert said["warnings"] == [
        {"where": "example 1", "said": "no value for part_number, manufacturer: the run of this example will fail."},
        {"where": "example 1", "said": '"TODO" looks like a placeholder: say what is expected.'},
    ]


def test_an_older_dataset_can_be_read(api: Api):
    api("PUT", URL, {"text": LINES})
    put(api, {"id": "b", "input": PART, "expected": "bearings"})
    assert [one["id"] for one in api("GET", f"{URL}?dataset=1").json()["results"]] == ["b", "s"]
    assert api("GET", f"{URL}?dataset=1&format=jsonl").content.decode().count("\n") == 2
    answer = api("GET", f"{URL}?dataset=3")
    assert (answer.status_code, answer.json()["detail"]) == (404, "'parts' has no dataset 3.")
    versions = api("GET", "/prompts/parts/datasets").json()
    assert [(row["number"], row["added"], row["changed"], row["removed"]) for row in versions["results"]] == [
        (2, 0, 1, 1), (1, 2, 0, 0),
    ]  # fmt: skip


def test_there_may_be_none(api: Api):
    assert api("GET", URL).json() == {"count": 0, "next": None, "previous": None, "results": [], "dataset": None}
    assert api("GET", f"{URL}?format=jsonl").content == b""
    assert api("GET", "/prompts/parts/datasets").json()["count"] == 0
    assert api("GET", "/prompts/nobody/examples").status_code == 404


def test_pages(api: Api):
    put(api, *[{"id": f"k{n}", "input": PART, "expected": n} for n in range(5)])
    first = api("GET", f"{URL}?page_size=2").json()
    assert (first["count"], [one["id"] for one in first["results"]]) == (5, ["k0", "k1"])
    assert [one["id"] for one in api("GET", f"{URL}?page_size=2&page=3").json()["results"]] == ["k4"]
    assert api("GET", f"{URL}?page=9").status_code == 404


@pytest.mark.parametrize(("text", "form"), [("", "jsonl"), (" \n", "json"), ("[]", "json"), ("part,expected\n", "csv")])
def test_an_empty_file_takes_nothing_away(api: Api, text: str, form: str):
    """Of an upload that went wrong nothing must be left out; an empty list is meant."""
    put(api, {"id": "a", "input": PART, "expected": 1})
    before = stored()
    answer = api("PUT", URL, {"text": text, "format": form})
    assert (answer.status_code, answer.json()["errors"]) == (
        400, {"text": ["There is no example in it: nothing was stored."]},
    )  # fmt: skip
    assert stored() == before
    assert api("PUT", URL, {"examples": []}).json()["count"] == 0


def test_who_saw_other_examples_is_refused(api: Api):
    put(api, {"id": "a", "input": PART, "expected": 1}, dataset=0)
    before = stored()
    answer = api("PUT", URL, {"examples": [{"input": PART}], "dataset": 0})
    assert (answer.status_code, answer.json()["code"], answer.json()["dataset"]) == (409, "stale", 1)
    assert stored() == before


@pytest.mark.parametrize("body", [
    {}, {"examples": [], "text": ""}, {"examples": {}}, {"examples": "x"}, {"text": 5}, {"text": "x", "format": "yaml"},
    {"examples": [], "dataset": -1}, {"examples": [], "note": "x" * 256}, {"examples": [], "unknown": 1}, {"examples": []},
    {"text": ""}, {"examples": [None]}, {"examples": [[[]]]}, {"text": "a,b\n1,2", "format": "csv"}, {"examples": [{}] * 3},
])  # fmt: skip
def test_a_bad_body_is_refused_and_stores_nothing(api: Api, body: dict[str, Any]):
    if body == {"text": "a,b\n1,2", "format": "csv"}:
        body = {**body, "text": "id,expected\n1,2"}
    before = stored()
    answer = api("PUT", URL, body)
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] in ("invalid", "bad_examples")
    assert stored() == before


@pytest.mark.parametrize(
    "asked", ["?dataset=x", "?dataset=%C2%B2", "?format=xml", "?page=0", "?dataset=" + "9" * 5_000]
)
def test_a_bad_question_is_refused(api: Api, asked: str):
    assert api("GET", URL + asked).status_code == 400


def test_a_tracking_prompt_has_examples_too(api: Api):
    make_tracking_prompt(name="tracked")
    assert api("POST", "/prompts/tracked/examples", {"examples": [{"input": {"name": "x"}}]}).status_code == 201


def test_who_may_only_look_changes_nothing(viewer: Any, parts: Any):
    before = stored()
    for method in ("PUT", "POST"):
        answer = Api(viewer.user)(method, URL, {"examples": [{"input": PART}]})
        assert (answer.status_code, answer.json()["permission"]) == (403, "evaluations.change_datasetversion")
    assert stored() == before
    assert Api(viewer.user)("GET", URL).status_code == 200
    assert datasets.current(parts) is None
