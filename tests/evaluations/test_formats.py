"""Examples as text: JSON lines, JSON, CSV; every bad line named; what is written is read back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations import formats
from evaluations.formats import Parsed, Source, as_lines, check, format_of, parse
from evaluations.items import Item

PART = ["part_number", "title", "manufacturer"]
BEARING = {"part_number": "6205-2RS1", "title": "Deep groove ball bearing", "manufacturer": "Norrland"}


def read(text: str | bytes, form: str = "jsonl", variables: list[str] | None = None, must: bool = False) -> Parsed:
    names = PART if variables is None else variables
    return parse([Source(text, form)], variables=names, must_expect=must)


def wrong(parsed: Parsed) -> list[tuple[str, str]]:
    return [(one.where, one.said) for one in parsed.errors]


def bodies(parsed: Parsed) -> list[dict[str, Any]]:
    assert wrong(parsed) == []
    return [item.as_json() for item in parsed.items]


def test_a_line_of_the_part_number_example():
    line = json.dumps({"id": "b1", "input": BEARING, "expected": {"category": "bearings"}, "weight": 2, "tags": ["de"]})
    found = read(line)
    assert bodies(found) == [
        {"id": "b1", "input": BEARING, "expected": {"category": "bearings"}, "weight": 2, "tags": ["de"]}
    ]
    assert found.warnings == []


def test_an_id_is_made_of_the_input_and_stays_when_a_line_comes_before_it():
    one, two = (json.dumps({"input": {"x": name}, "expected": "1"}) for name in "ab")
    alone, second = read(two, variables=["x"]), read(f"{one}\n{two}", variables=["x"])
    assert alone.items[0].key == second.items[1].key
    assert alone.items[0].key.startswith("ex-") and len(alone.items[0].key) == 11


def test_the_same_input_with_another_answer_gets_a_number():
    found = read('{"input": {"x": "a"}, "expected": "1"}\n{"input": {"x": "a"}, "expected": "2"}', variables=["x"])
    assert found.items[1].key == f"{found.items[0].key}-2"


def test_openai_lines_are_taken():
    text = '{"input": {"x": "2+2"}, "ideal": "4"}\n{"input": "3+3", "ideal": ["6", "six"]}'
    first, second = bodies(read(text, variables=["x"]))
    assert (first["expected"], second["input"], second["expected"]) == ("4", {"x": "3+3"}, ["6", "six"])


def test_an_expected_null_is_an_expectation():
    null, none = read('{"input": {"x": 1}, "expected": null}\n{"input": {"x": 2}}', variables=["x"]).items
    assert (null.expected, none.expected) == ({"value": None}, None)
    assert "expected" in null.as_json() and "expected" not in none.as_json()


BAD_LINES = [
    ("{", "line 1", "This is not JSON: Expecting property name enclosed in double quotes at column 2."),
    ("[1]", "line 1", 'An example is an object like {"input": {"name": "Ada"}, "expected": "Hi Ada"}.'),
    ('{"input": {"x": NaN}}', "line 1", "NaN is not JSON."),
    ('{"input": {"x": 1, "x": 2}}', "line 1", "An object in the JSON names a key twice."),
    ('{"expected": 1}', "line 1", '"input" is missing: an object with a value for each variable.'),
    ('{"input": [1], "expected": 1}', "line 1", '"input" must be an object with a value for each variable: '
     '{"part_number": …, "title": …, "manufacturer": …}.'),
    ('{"input": {}, "expected": 1}', "line 1", '"input" is empty: this is a placeholder, no example yet.'),
    ('{"input": {"title": "  "}, "expected": 1}', "line 1", '"input" is empty: this is a placeholder, no example yet.'),
    ('{"input": {"title": "x"}, "weight": 0}', "line 1", '"weight" must be a number above 0, at most 1,000,000.'),
    ('{"input": {"title": "x"}, "weight": true}', "line 1", '"weight" must be a number above 0, at most 1,000,000.'),
    ('{"input": {"title": "x"}, "weight": "1"}', "line 1", '"weight" must be a number above 0, at most 1,000,000.'),
    ('{"input": {"title": "x"}, "id": "a\\nb"}', "line 1", '"id" must be a short text in one line.'),
    ('{"input": {"title": "x"}, "id": {}}', "line 1", '"id" must be a short text in one line.'),
    ('{"input": {"title": "x"}, "tags": "a"}', "line 1", '"tags" must be a list of at most 20 words of at most 50 '
     'characters.'),
    ('{"input": {"title": "x"}, "asert": 1}', "line 1", "Unknown: asert. Known here: id, input, expected, weight, tags "
     "(and ideal, for expected)."),
    ('{"input": {"title": "x"}, "expected": 1, "ideal": 1}', "line 1", '"expected" and "ideal" are the same thing said '
     'twice. Keep one.'),
    ('{"input": {"title": "a\\u0000"}}', "line 1", "A text in the JSON contains a NUL character."),
    ('{"input": {"title": "' + "x" * 1_000_000 + '"}}', "line 1", "The example is 1,000,059 characters; the limit is "
     "1,000,000."),
    ("[" * 100_000, "line 1", "The JSON is nested more than 64 levels deep."),
]  # fmt: skip


@pytest.mark.parametrize(("line", "where", "said"), BAD_LINES, ids=lambda text: str(text)[:40])
def test_a_bad_line_says_what_is_wrong_with_it(line: str, where: str, said: str):
    assert wrong(read(line)) == [(where, said)]


def test_every_bad_line_is_named_at_once_blank_ones_count_and_good_ones_do_not_hide_them():
    good = json.dumps({"input": BEARING, "expected": 1})
    text = f'\ufeff{good}\r\n\n{{\n{good[:-1]}, "weight": -1, "tags": 5}}\n'
    assert [where for where, _ in wrong(read(text))] == ["line 3", "line 4", "line 4"]


def test_an_id_that_is_there_twice_is_refused_and_the_other_line_named():
    text = '{"id": "a", "input": {"x": 1}}\n{"id": "b", "input": {"x": 2}}\n{"id": "a", "input": {"x": 3}}'
    assert wrong(read(text, variables=["x"])) == [("line 3", 'The id "a" is taken by line 1. Ids are unique.')]


def test_the_same_line_twice_is_refused():
    line = '{"input": {"x": 1}, "expected": 2}\n'
    assert wrong(read(line * 2, variables=["x"])) == [
        ("line 2", "The same example is there already by line 1. Give it more weight, or an id of its own.")
    ]
    assert wrong(read(line + line.replace("{", '{"id": "again", ', 1), variables=["x"])) == []


def test_without_expected_it_is_an_error_only_where_the_scorer_needs_it():
    line = '{"input": {"x": 1}}'
    assert wrong(read(line, variables=["x"], must=True)) == [
        ("line 1", '"expected" is missing: the scorer of this prompt compares with it.')
    ]
    assert wrong(read(line, variables=["x"])) == []


@pytest.mark.parametrize("placeholder", ["TODO", "…", "...", " tbd ", "?"])
def test_a_placeholder_as_answer_is_doubted_by_its_line(placeholder: str):
    found = read("\n" + json.dumps({"input": {"x": "a"}, "expected": placeholder}), variables=["x"])
    assert [(one.where, one.said) for one in found.warnings] == [
        ("line 2", f'"{placeholder.strip()}" looks like a placeholder: say what is expected.')
    ]


def test_a_missing_variable_is_doubted():
    found = read('{"input": {"title": "x"}, "expected": 1}')
    assert [str(one) for one in found.warnings] == [
        "line 1: no value for part_number, manufacturer: the run of this example will fail."
    ]


def test_a_json_list_names_the_line_that_an_example_begins_on():
    text = '[\n {"input": {"x": 1},\n  "expected": 1},\n {"expected": 2}\n,{"input": {"x": 3}, "weight": 0}]'
    assert [where for where, _ in wrong(read(text, "json", ["x"]))] == ["line 4", "line 5"]


def test_json_may_be_one_example_or_hold_a_list():
    one = {"input": {"x": 1}, "expected": 2}
    assert len(bodies(read(json.dumps(one, indent=1), "json", ["x"]))) == 1
    assert len(bodies(read(json.dumps({"examples": [one]}), "json", ["x"]))) == 1
    assert wrong(read('[\n{"a" 1}]', "json")) == [("line 2", "This is not JSON: Expecting ':' delimiter.")]


def test_many_files_are_one_set_and_problems_name_the_file():
    sources = [Source('{"input": {"x": 1}, "id": "a"}', "json", "one.json"),
               Source('{"input": {"x": 2}, "id": "a"}', "json", "two.json")]  # fmt: skip
    found = parse(sources, variables=["x"], must_expect=False)
    assert wrong(found) == [("two.json, line 1", 'The id "a" is taken by one.json, line 1. Ids are unique.')]


def test_csv_with_named_inputs_and_quotes_over_lines():
    text = (
        "id,input.part_number,title,input.manufacturer,expected,weight,tags\r\n"
        'b1,007,"Bearing, deep\r\ngroove",Norrland,"{""category"": ""bearings""}",2.5,"de; ball"\r\n'
        "\r\n"
        ",8,Seal,,seals,,\r\n"
    )
    first, second = bodies(read(text, "csv"))
    assert first == {
        "id": "b1", "input": {"part_number": "007", "title": "Bearing, deep\r\ngroove", "manufacturer": "Norrland"},
        "expected": {"category": "bearings"}, "weight": 2.5, "tags": ["de", "ball"],
    }  # fmt: skip
    assert (second["expected"], second["input"]["manufacturer"], second["weight"]) == ("seals", "", 1)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_of_any_country(delimiter: str):
    text = delimiter.join(["title", "expected"]) + "\n" + delimiter.join(["Kugellager", "bearings"])
    assert bodies(read(text, "csv", ["title"]))[0]["expected"] == "bearings"


BAD_TABLES = [
    ("title,title,expected\n1,2,3", [("line 1", "A column is there twice: title.")]),
    ("title,,expected\n1,2,3", [("line 1", "Column 2 has no name. The first line names the columns.")]),
    ("id,expected\n1,2", [("line 1", "There is no column for an input. Name one input.NAME for each variable, and one "
                           "expected.")]),
    ("title,expected\na,b\nc,d,e\nf,g,h", [
        ("line 3", "3 cells, but 2 columns. Put quotes around a cell that holds ','."),
        ("line 4", "3 cells, but 2 columns. Put quotes around a cell that holds ','.")]),
    ("title,expected,weight\na,b,much", [("line 2", '"weight" must be a number above 0, at most 1,000,000.')]),
    ("title,expected,weight\na,b,nan", [("line 2", '"weight" must be a number above 0, at most 1,000,000.')]),
    ('title,expected\na,b\n"c,d', [("line 3", "This is not CSV: unexpected end of data.")]),
    ('title,expected\n"a\nb",1\n,2', [("line 4", '"input" is empty: this is a placeholder, no example yet.')]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BAD_TABLES, ids=lambda text: str(text)[:30])
def test_a_bad_table_is_named_by_its_lines(text: str, said: list[tuple[str, str]]):
    assert wrong(read(text, "csv", ["title"])) == said


@pytest.mark.parametrize("form", formats.FORMATS)
def test_what_is_no_text_is_refused_by_its_line(form: str):
    assert wrong(read(b"ab\n\xff\xfe", form)) == [("line 2", "This is not UTF-8. Save the file as UTF-8.")]
    assert wrong(read("a\nb\x00", form)) == [("line 2", "The text contains a NUL character.")]
    assert wrong(read(b"x" * (16 * 1024 * 1024 + 1), form)) == [("", "The text is over 16 MiB. Send it in parts.")]
    assert read("", form) == Parsed()


def test_ten_thousand_are_taken_and_one_more_is_not():
    lines = [json.dumps({"input": {"x": n}}) for n in range(10_001)]
    assert wrong(read("\n".join(lines[:-1]), variables=["x"])) == []
    assert wrong(read("\n".join(lines), variables=["x"])) == [("", "10,001 examples; the limit is 10,000.")]


def test_examples_that_came_as_json_are_named_by_number():
    found = check([{"input": {"x": 1}}, 7], variables=["x"], must_expect=False)
    assert [one.where for one in found.errors] == ["example 2"]


def test_the_format_of_a_file():
    names = {"a.jsonl": "jsonl", "A.NDJSON": "jsonl", "a.json": "json", "a.csv": "csv", "a.tsv": "csv"}
    assert {name: format_of(name) for name in names} == names
    assert [format_of("x", text) for text in (b'\xef\xbb\xbf {"a"', b"[", b"a,b")] == ["jsonl", "json", "csv"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10**20, 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.lists(st.tuples(st.none() | JSON.map(lambda value: {"value": value}), JSON, st.floats(0.001, 1000)),
                max_size=5))  # fmt: skip
def test_what_is_written_is_read_back(rows: list[Any]):
    items = [
        Item(f"k{n}", {"x": "a", "y": y}, expected, weight, ("t",)) for n, (expected, y, weight) in enumerate(rows)
    ]
    found = read(as_lines(items), variables=["x"])
    assert wrong(found) == []
    assert found.items == items
    assert [item.content_hash for item in found.items] == [item.content_hash for item in items]
