"""The registry: one place that says of every prompt what is live, what is a draft and what it must show (S3-22, S3-31)."""

import json

import pytest

from repository import exporting
from repository.files.yaml_text import read
from tests.evaluations.gating import evidence, gated, give_examples
from tests.factories import TESTER, make_agent, make_tracking_prompt, make_version
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


def make_world():
    version = gated("part-number")
    evidence(version, 0.9)
    version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    make_version("TST", prompt=version.prompt, template_source="Better {{ name }}")
    make_version("DEV", prompt=version.prompt).archive(by=TESTER, seen=ANYTHING)
    make_tracking_prompt(name="code", agent=make_agent(name="Stan"))
    return version


def test_it_says_what_is_live_what_is_a_draft_and_how_it_scored(api):
    version = make_world()
    body = api("GET", "/registry").json()
    row = body["prompts"]["part-number"]
    assert sorted(body["prompts"]) == ["code", "part-number"]
    assert (row["threshold"], row["description"], row["mode"]) == (0.85, "Greets.", "full")
    assert (row["production"]["label"], row["production"]["sha256"]) == ("v1.0", version.checksum_hash)
    assert row["production"]["file"] == "02-production/part-number.yaml"
    assert (row["draft"]["label"], row["draft"]["stage"]) == ("v1.1", "TST"), "an archived draft is none"
    assert [one["label"] for one in row["versions"]] == ["v1.0", "v1.1", "v1.2"]
    assert (row["evaluation"]["score"], row["evaluation"]["verdict"], row["evaluation"]["file"]) == (
        0.9,
        "",
        "04-evals/part-number.v1.0.jsonl",
    )
    assert row["examples"] | {"sha256": ""} == {"file": "01-examples/part-number.jsonl", "count": 4, "sha256": ""}
    assert body["agents"]["Stan"]["primary_status_key"] == "default"
    assert body["prompts"]["code"]["agent"] == "Stan"


def test_yaml_of_the_api_is_the_file_of_an_export(api):
    make_world()
    answer = api("GET", "/registry?format=yaml")
    files = exporting.export()
    assert answer["Content-Type"] == "application/yaml; charset=utf-8"
    assert answer.content == files["prompt_registry.yaml"]
    said = read(answer.content).value
    assert said == json.loads(api("GET", "/registry").content)
    assert sorted(path for row in said["prompts"].values() for path in row["files"]) == sorted(
        set(files) - {"prompt_registry.yaml"}
    )


def test_a_result_on_other_examples_is_not_told_as_if_it_were_of_these(api):
    version = make_world()
    give_examples(version.prompt, 2)
    assert api("GET", "/registry").json()["prompts"]["part-number"]["evaluation"] is None


def test_other_formats_are_refused(api):
    answer = api("GET", "/registry?format=xml")
    assert (answer.status_code, "json, yaml" in answer.json()["detail"]) == (400, True)


def test_many_prompts_take_few_statements(api, django_assert_max_num_queries):
    for number in range(30):
        make_version("PRD", name=f"p{number}")
    with django_assert_max_num_queries(15):
        assert len(api("GET", "/registry").json()["prompts"]) == 30
