"""The pages of examples: list, one of them, a file full of them, and how they came to be as they are (SPEC 7)."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from evaluations import datasets
from evaluations.items import Item
from evaluations.models import DatasetVersion
from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt

pytestmark = pytest.mark.django_db
PATH = "/prompts/parts/examples/"
HTMX = {"HX-Request": "true"}
TEXT = "Classify {{ part_number }} of {{ manufacturer }}."
# S3's own example: a part number, and the JSON that is expected of it.
S3 = '{"input": {"part_number": "AB-123-X", "manufacturer": "Acme"}, "expected": {"category": "resistor"}}'


@pytest.fixture
def prompt():
    return make_prompt(name="parts", template_source=TEXT)


@pytest.fixture
def two(prompt):
    rows = [
        Item("bolt", {"part_number": "M6", "manufacturer": "Ünal"}, {"value": "fastener"}, 2, ("smoke",)),
        Item("seal", {"part_number": "S1", "manufacturer": ""}, {"value": {"category": "seals"}}),
    ]
    datasets.replace(prompt, by=TESTER, examples=rows)
    return prompt


def items(prompt) -> list[dict]:
    return [item.as_json() for item in datasets.items_of(datasets.current(prompt))]


def state() -> tuple[int, int]:
    return DatasetVersion.objects.count(), LedgerEvent.objects.count()


def example(**more):
    given = {"var-part_number": "X1", "var-manufacturer": "Acme", "expects": "text", "expected": "tool", "weight": "1"}
    return {**given, **more}


def test_without_examples_it_says_what_one_looks_like(page, prompt):
    text = page.get(PATH).content.decode()
    assert "No examples yet" in text
    assert "{&quot;input&quot;" in text or '{"input": {"part_number": "…", "manufacturer": "…"}' in text


def test_the_list_shows_input_expected_weight_and_tags(page, two):
    text = page.get(PATH).content.decode()
    for words in (
        "bolt",
        "M6",
        "Ünal",
        "fastener",
        "smoke",
        "Dataset 1",
        "2 examples",
        datasets.current(two).sha256[:10],
    ):
        assert words in text, words
    assert "&quot;category&quot;: &quot;seals&quot;" in text


@pytest.mark.parametrize(
    ("query", "keys"),
    [("search=M6", ["bolt"]), ("search=%C3%9CNAL", ["bolt"]), ("search=%C3%9Cnal", ["bolt"]), ("search=seals", ["seal"]),
     ("search=bol", ["bolt"]), ("tag=smoke", ["bolt"]), ("tag=smok", []), ("search=%25", []), ("", ["bolt", "seal"])],
)  # fmt: skip
def test_search_and_tags_narrow_it(page, two, query, keys):
    answer = page.get(f"{PATH}?{query}", headers=HTMX)
    assert [one.key for one in answer.context["page"]] == keys
    assert b"<html" not in answer.content


def test_s3s_part_number_example_works_from_pasting_to_the_list(page, prompt):
    done = page.post(f"{PATH}import/", {"text": S3, "way": "add"}, follow=True)
    assert "One example is read." in done.content.decode()
    assert "AB-123-X" in done.content.decode()
    assert items(prompt)[0]["expected"] == {"category": "resistor"}


def test_files_of_every_form_are_read_together(page, prompt):
    files = [
        SimpleUploadedFile("a.jsonl", S3.encode()),
        SimpleUploadedFile("b.json", b'[{"input": {"part_number": "B", "manufacturer": "x"}, "expected": "tool"}]'),
        SimpleUploadedFile("c.csv", b"part_number,manufacturer,expected,id\nC,y,seals,from-csv\n"),
    ]
    page.post(f"{PATH}import/", {"uploads": files, "way": "add", "note": "Three files"})
    assert [item["expected"] for item in items(prompt)] == [{"category": "resistor"}, "tool", "seals"]
    assert datasets.current(prompt).note == "Three files"


def test_a_bad_line_is_named_and_nothing_is_stored_or_lost(page, two):
    before = state()
    text = f'{S3}\n{{"input": {{"part_number": "B"}}, "expect": 1}}\nnot json'
    answer = page.post(f"{PATH}import/", {"text": text, "way": "add", "note": "kept"})
    shown = answer.content.decode()
    assert answer.status_code == 400
    assert "<dt>line 2</dt>" in shown and "Unknown: expect." in shown
    assert "<dt>line 3</dt>" in shown
    assert "not json</textarea>" in shown and 'value="kept"' in shown
    assert state() == before


def test_one_bad_file_comes_back_to_be_mended(page, two):
    before = state()
    file = SimpleUploadedFile("more.csv", b"part_number,manufacturer,expected\nA,b,c,d\n")
    shown = page.post(f"{PATH}import/", {"uploads": file, "way": "add"}).content.decode()
    assert "<dt>more.csv, line 2</dt>" in shown
    assert "A,b,c,d" in shown and '<option value="csv" selected>' in shown
    assert state() == before


@pytest.mark.parametrize("data", [{"way": "add"}, {"text": "  ", "way": "add"}, {"text": S3, "way": "nowhere"}, {}])
def test_an_import_of_nothing_is_refused(page, two, data):
    before = state()
    assert page.post(f"{PATH}import/", data).status_code in (400, 422)
    assert state() == before


def test_replacing_needs_what_was_seen_and_refuses_a_late_press(page, two):
    before = state()
    assert page.post(f"{PATH}import/", {"text": S3, "way": "replace"}).status_code == 400
    late = page.post(f"{PATH}import/", {"text": S3, "way": "replace", "seen": "0"})
    assert (late.status_code, state()) == (409, before)
    assert "AB-123-X" in late.content.decode()
    assert page.post(f"{PATH}import/", {"text": S3, "way": "replace", "seen": "1"}).status_code == 302
    assert [one["input"]["part_number"] for one in items(two)] == ["AB-123-X"]


def test_a_taken_id_is_named(page, two):
    before = state()
    text = '{"id": "bolt", "input": {"part_number": "Z", "manufacturer": "z"}, "expected": "x"}'
    answer = page.post(f"{PATH}import/", {"text": text, "way": "add"})
    assert "The id &quot;bolt&quot; is taken" in answer.content.decode()
    assert state() == before


def test_an_example_is_added_with_what_was_typed(page, prompt):
    page.post(f"{PATH}add/", example(**{"var-manufacturer": "Line one\r\nLine two", "tags": "a, b", "weight": "2.5"}))
    found = items(prompt)[0]
    assert found["input"] == {"part_number": "X1", "manufacturer": "Line one\nLine two"}
    assert (found["expected"], found["weight"], found["tags"]) == ("tool", 2.5, ["a", "b"])
    assert LedgerEvent.objects.latest("pk").action == "examples_changed"


def test_json_and_nothing_can_be_expected(page, prompt):
    page.post(f"{PATH}add/", example(expects="json", expected='{"a": [1, null]}'))
    page.post(f"{PATH}add/", example(**{"var-part_number": "X2", "expects": "json", "expected": "null"}))
    page.post(f"{PATH}add/", example(**{"var-part_number": "X3", "expects": "nothing"}))
    found = items(prompt)
    assert (found[0]["expected"], found[1]["expected"], "expected" in found[2]) == ({"a": [1, None]}, None, False)


def test_an_input_can_be_json(page, prompt):
    page.post(f"{PATH}add/", example(**{"var-part_number": "[1, 2]", "json-part_number": "1"}))
    assert items(prompt)[0]["input"]["part_number"] == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"expects": "json", "expected": "{"}, "What is expected"), ({"weight": "0"}, "weight"), ({"weight": "x"}, "weight"),
     ({"weight": "nan"}, "weight"), ({"var-part_number": "", "var-manufacturer": " "}, "placeholder"),
     ({"tags": "x" * 51}, "tags"), ({"id": "bolt"}, "taken"), ({"var-part_number": "{", "json-part_number": "1"}, "part_number")],
)  # fmt: skip
def test_a_wrong_example_comes_back_as_it_was_typed(page, two, wrong, said):
    before = state()
    answer = page.post(f"{PATH}add/", example(**wrong))
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert said in shown and "Nothing was saved." in shown
    assert "tool</textarea>" in shown or "expected" in wrong
    assert state() == before


def test_an_example_is_changed_in_its_place(page, two):
    shown = page.get(f"{PATH}change/?id=seal").content.decode()
    assert '<option value="json" selected>' in shown
    data = example(id="seal", expects="json", expected='{"category": "gaskets"}', seen="1")
    assert page.post(f"{PATH}change/?id=seal", data).status_code == 302
    assert [one["id"] for one in items(two)] == ["bolt", "seal"]
    assert items(two)[1]["expected"] == {"category": "gaskets"}


def test_saving_what_is_there_changes_nothing_to_the_last_digit(page, two):
    odd = Item("odd", {"part_number": "a\r\nb", "manufacturer": 7, "further": "x"}, {"value": "a\r\n"}, 1.23456789)
    datasets.add(two, by=TESTER, examples=[odd])
    before = items(two)
    form = page.get(f"{PATH}change/?id=odd").context["form"]
    sent = {"id": form.key, "weight": form.weight, "tags": form.tags, "expects": form.expects, "expected": form.expected,
            "seen": "2"}  # fmt: skip
    for box in form.inputs:
        sent[f"var-{box['name']}"] = box["typed"].replace("\r\n", "\n").replace("\n", "\r\n")
        if box["json"]:
            sent[f"json-{box['name']}"] = "1"
    done = page.post(f"{PATH}change/?id=odd", sent, follow=True)
    assert "Nothing to save" in done.content.decode()
    assert items(two) == before
    assert DatasetVersion.objects.count() == 2


def test_a_late_change_is_refused_with_the_text_still_there(page, two):
    datasets.remove(two, by=TESTER, keys=["bolt"])
    before = state()
    answer = page.post(f"{PATH}change/?id=seal", example(id="seal", expected="mine", seen="1"))
    assert (answer.status_code, state()) == (409, before)
    assert "mine</textarea>" in answer.content.decode() and 'name="seen" value="2"' in answer.content.decode()
    assert page.post(f"{PATH}change/?id=seal", example(id="seal", expected="mine")).status_code == 400
    assert state() == before


def test_chosen_examples_are_removed_and_earlier_datasets_keep_them(page, two):
    done = page.post(f"{PATH}remove/", {"id": ["bolt"], "seen": "1"}, follow=True).content.decode()
    assert "The example bolt is removed." in done
    assert [one["id"] for one in items(two)] == ["seal"]
    old = page.get(f"{PATH}?dataset=1").content.decode()
    assert "bolt" in old and "not the present one" in old and 'type="checkbox" name="id"' not in old
    assert "M6" in page.get(f"{PATH}one/?id=bolt&dataset=1").content.decode()


@pytest.mark.parametrize(
    "data", [{"seen": "1"}, {"id": ["none"], "seen": "1"}, {"id": ["bolt"], "seen": "9"}, {"id": ["bolt"]}]
)
def test_a_removal_that_does_not_fit_removes_nothing(page, two, data):
    before = state()
    done = page.post(f"{PATH}remove/", data, follow=True)
    assert 'class="notice bad"' in done.content.decode()
    assert state() == before


def test_an_earlier_dataset_comes_back_as_the_next_one(page, two):
    first = datasets.current(two).sha256
    datasets.remove(two, by=TESTER, keys=["bolt"])
    page.post(f"{PATH}restore/", {"dataset": "1", "seen": "2"})
    now = datasets.current(two)
    assert (now.number, now.sha256, now.note) == (3, first, "As in dataset 1")
    datasets.remove(two, by=TESTER, keys=["seal"])
    late = page.post(f"{PATH}restore/", {"dataset": "1", "seen": "3"}, follow=True)
    assert "The examples were changed since you saw them." in late.content.decode()
    assert datasets.current(two).number == 4


def test_the_download_reads_back_as_the_same(page, two):
    answer = page.get(f"{PATH}download/")
    assert answer["Content-Disposition"] == 'attachment; filename="parts-examples-1.jsonl"'
    lines = [json.loads(line) for line in answer.content.decode().splitlines()]
    assert lines == items(two)
    page.post(f"{PATH}import/", {"text": answer.content.decode(), "way": "replace", "seen": "1"})
    assert datasets.current(two).number == 1


def test_texts_of_strangers_stay_texts(page, two):
    evil = '<script>alert(1)</script>" onload="x'
    datasets.add(two, by=TESTER, examples=[Item("<b>evil", {"part_number": evil}, {"value": evil}, 1, ("<i>",))])
    for path in (PATH, f"{PATH}one/?id=%3Cb%3Eevil", f"{PATH}change/?id=%3Cb%3Eevil"):
        content = page.get(path).content
        assert b"<script>alert" not in content and b"<b>evil" not in content and b"<i>" not in content, path


@pytest.mark.parametrize("path", ["", "one/?id=bolt", "download/"])
def test_viewers_look(two, viewer, path):
    client = Client()
    client.force_login(viewer.user)
    answer = client.get(f"{PATH}{path}")
    assert answer.status_code == 200
    assert b"examples/add/" not in answer.content


def test_viewers_change_nothing(two, viewer):
    before, client = state(), Client()
    client.force_login(viewer.user)
    for path, data in {
        "add/": example(), "change/?id=bolt": example(id="bolt", seen="1"), "remove/": {"id": "bolt", "seen": "1"},
        "restore/": {"dataset": "1", "seen": "1"}, "import/": {"text": S3, "way": "add"},
    }.items():  # fmt: skip
        assert client.post(f"{PATH}{path}", data).status_code == 403, path
    for path in ("add/", "change/?id=bolt", "import/"):
        assert client.get(f"{PATH}{path}").status_code == 403, path
    assert state() == before


@pytest.mark.parametrize(
    "path",
    ["/prompts/none/examples/", f"{PATH}?dataset=7", f"{PATH}one/?id=none", f"{PATH}one/", f"{PATH}change/?id=none",
     f"{PATH}download/?dataset=9", "/prompts/none/examples/import/"],
)  # fmt: skip
def test_what_is_not_there_is_a_404(page, two, path):
    assert page.get(path).status_code == 404


def test_many_examples_come_in_pages_with_few_questions(page, prompt, django_assert_max_num_queries):
    rows = [Item(f"ex-{n:03}", {"part_number": f"P{n}"}, {"value": "x"}) for n in range(120)]
    datasets.replace(prompt, by=TESTER, examples=rows)
    with django_assert_max_num_queries(20):
        answer = page.get(f"{PATH}?page=3")
    assert [one.key for one in answer.context["page"]] == [f"ex-{n:03}" for n in range(100, 120)]
