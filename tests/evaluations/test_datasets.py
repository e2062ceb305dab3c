"""Dataset versions: immutable, numbered, one for each content; written down; safe when two write at once."""

import hashlib
import threading
from typing import Any

import pytest
from django.db import connection

from common.errors import BadInput, NotFound
from evaluations import datasets
from evaluations.datasets import ExamplesChanged
from evaluations.items import Item
from evaluations.models import DatasetItem, DatasetVersion, Example
from ledger.models import LedgerEvent
from ledger.verify import walk
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from versions.models import Prompt

pytestmark = pytest.mark.django_db


def item(key: str, answer: Any = "yes", **fields: Any) -> Item:
    return Item(key, {"name": key}, {"value": answer}, **fields)


def keys(prompt: Prompt, number: int | None = None) -> list[str]:
    return [example.key for example in datasets.rows(datasets.find(prompt, number))]


def events(prompt: Prompt) -> list[LedgerEvent]:
    return list(LedgerEvent.objects.filter(prompt_id=prompt.pk, action="examples_changed").order_by("sequence"))


def stored() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Example, DatasetVersion, DatasetItem, LedgerEvent))


def test_the_first_examples_are_version_one_and_in_the_ledger():
    prompt = make_prompt()
    assert datasets.current(prompt) is None
    found = datasets.replace(prompt, by=TESTER, examples=[item("b"), item("a")], note="from the catalogue")
    assert (found.number, found.count, found.added, found.changed, found.removed) == (1, 2, 2, 0, 0)
    assert (found.note, found.created_by, datasets.current(prompt)) == ("from the catalogue", TESTER.name, found)
    assert keys(prompt) == ["b", "a"]
    (event,) = events(prompt)
    assert event.detail == {"number": 1, "sha256": found.sha256, "count": 2, "added": 2, "changed": 0, "removed": 0}
    assert (event.actor, event.reason) == (TESTER.name, "from the catalogue")
    assert list(walk()) == []


def test_equal_content_writes_nothing():
    prompt = make_prompt()
    first = datasets.replace(prompt, by=TESTER, examples=[item("a", {"x": 1, "y": 2}), item("b")])
    before = stored()
    again = datasets.replace(prompt, by=TESTER, examples=[item("a", {"y": 2, "x": 1}, weight=1), item("b")], note="x")
    assert again == first
    assert stored() == before


def test_another_order_is_another_content():
    prompt = make_prompt()
    first = datasets.replace(prompt, by=TESTER, examples=[item("a"), item("b")])
    second = datasets.replace(prompt, by=TESTER, examples=[item("b"), item("a")])
    assert (second.number, second.added, second.changed, second.removed) == (2, 0, 0, 0)
    assert first.sha256 != second.sha256


def test_the_hash_is_over_the_canonical_lines():
    found = datasets.replace(make_prompt(), by=TESTER, examples=[Item("é", {"x": 1}, {"value": None}, 2.0, ("t",))])
    line = '{"expected":null,"id":"\\u00e9","input":{"x":1},"tags":["t"],"weight":2}\n'
    assert found.sha256 == hashlib.sha256(line.encode()).hexdigest()


def test_old_versions_keep_their_examples_and_rows_are_used_again():
    prompt = make_prompt()
    datasets.replace(prompt, by=TESTER, examples=[item("a"), item("b"), item("c")])
    second = datasets.replace(prompt, by=TESTER, examples=[item("a"), item("b", "no"), item("d")])
    assert (second.number, second.added, second.changed, second.removed) == (2, 1, 1, 1)
    assert (keys(prompt, 1), keys(prompt, 2)) == (["a", "b", "c"], ["a", "b", "d"])
    assert Example.objects.filter(prompt=prompt).count() == 5
    back = datasets.replace(prompt, by=TESTER, examples=[item("a"), item("b"), item("c")])
    assert (back.number, Example.objects.filter(prompt=prompt).count()) == (3, 5)
    assert back.sha256 == datasets.find(prompt, 1).sha256


def test_two_prompts_share_nothing():
    one, two = make_prompt(), make_prompt()
    datasets.replace(one, by=TESTER, examples=[item("a")])
    found = datasets.replace(two, by=TESTER, examples=[item("a")])
    assert found.number == 1
    assert {example.prompt_id for example in datasets.rows(found)} == {two.pk}


def test_more_are_put_behind_and_a_taken_id_is_refused():
    prompt = make_prompt()
    datasets.replace(prompt, by=TESTER, examples=[item("a")])
    datasets.add(prompt, by=TESTER, examples=[item("b"), Item("", {"name": "c"}, {"value": 1})])
    assert keys(prompt)[:2] == ["a", "b"] and keys(prompt)[2].startswith("ex-")
    before = stored()
    with pytest.raises(BadInput, match=r'^Nothing was stored\. The id "b" is taken by "b"'):
        datasets.add(prompt, by=TESTER, examples=[item("z"), item("b")])
    with pytest.raises(BadInput, match="The same example is there already"):
        datasets.add(prompt, by=TESTER, examples=[Item("", {"name": "c"}, {"value": 1})])
    with pytest.raises(BadInput, match="no examples to add"):
        datasets.add(prompt, by=TESTER, examples=[])
    assert stored() == before


def test_one_is_changed_in_its_place():
    prompt = make_prompt()
    datasets.replace(prompt, by=TESTER, examples=[item("a"), item("b"), item("c")])
    datasets.change_one(prompt, by=TESTER, key="b", item=item("renamed"))
    assert keys(prompt) == ["a", "renamed", "c"]
    before = stored()
    with pytest.raises(BadInput, match='The id "c" is taken'):
        datasets.change_one(prompt, by=TESTER, key="a", item=item("c"))
    with pytest.raises(NotFound, match='no example "b"'):
        datasets.change_one(prompt, by=TESTER, key="b", item=item("x"))
    assert stored() == before


def test_some_are_taken_out_even_all():
    prompt = make_prompt()
    datasets.replace(prompt, by=TESTER, examples=[item("a"), item("b")])
    assert datasets.remove(prompt, by=TESTER, keys=["a"]).removed == 1
    assert keys(prompt) == ["b"]
    with pytest.raises(NotFound, match='no example "a"'):
        datasets.remove(prompt, by=TESTER, keys=["a", "b"])
    assert datasets.remove(prompt, by=TESTER, keys=["b"]).count == 0
    assert (keys(prompt), keys(prompt, 1)) == ([], ["a", "b"])


def test_what_cannot_be_a_set_is_refused():
    prompt = make_prompt()
    for wrong in ([], [item("a"), item("a", "no")], [Item("", {"x": 1})], [item(str(n)) for n in range(10_001)]):
        before = stored()
        with pytest.raises(BadInput):
            datasets.replace(prompt, by=TESTER, examples=wrong)
        assert stored() == before
    with pytest.raises(BadInput, match="note is over 255"):
        datasets.replace(prompt, by=TESTER, examples=[item("a")], note="x" * 256)
    assert datasets.current(prompt) is None


def test_who_saw_another_version_is_refused():
    prompt = make_prompt()
    datasets.replace(prompt, by=TESTER, examples=[item("a")], seen=0)
    before = stored()
    for seen in (0, 2):
        with pytest.raises(ExamplesChanged) as refusal:
            datasets.add(prompt, by=TESTER, examples=[item("b")], seen=seen)
        assert (refusal.value.status, refusal.value.data) == (409, {"dataset": 1})
    assert stored() == before
    assert datasets.add(prompt, by=TESTER, examples=[item("b")], seen=1).number == 2


def test_a_prompt_that_git_owns_has_examples_too():
    prompt = make_tracking_prompt()
    assert datasets.replace(prompt, by=TESTER, examples=[item("a")]).number == 1


def test_a_dataset_that_is_not_there_is_not_found():
    prompt = make_prompt()
    with pytest.raises(NotFound, match="has no dataset 1"):
        datasets.find(prompt, 1)


def test_the_variables_are_those_of_the_newest_version():
    prompt = make_prompt(template_source="Hi {{ name }}")
    make_version("DEV", prompt=prompt, template_source="Hi {{ first }} {{ last }}")
    assert datasets.reads(prompt) == {"variables": ["first", "last"], "must_expect": False}
    assert datasets.variables_of(make_prompt(template_source=None)) == []


def test_a_prompt_with_drafts_only_is_deleted_with_its_examples():
    prompt = make_prompt()
    datasets.replace(prompt, by=TESTER, examples=[item("a")])
    prompt.remove(by=TESTER)
    assert stored()[:3] == (0, 0, 0)


def test_ten_thousand_are_stored_in_seconds(django_assert_max_num_queries):
    prompt = make_prompt()
    many = [item(f"k{n}") for n in range(10_000)]
    with django_assert_max_num_queries(150):
        datasets.replace(prompt, by=TESTER, examples=many)
    assert len(keys(prompt)) == 10_000


@pytest.mark.django_db(transaction=True)
def test_eight_who_add_at_once_lose_nothing():
    prompt = make_prompt()

    def work(number: int) -> None:
        try:
            datasets.add(prompt, by=TESTER, examples=[item(f"k{number}")])
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(keys(prompt)) == sorted(f"k{number}" for number in range(8))
    assert [event.detail["number"] for event in events(prompt)] == list(range(1, 9))
    assert list(walk()) == []


def test_a_scorer_that_compares_asks_for_what_is_expected():
    prompt = make_prompt()
    latency = {"type": "latency", "max_ms": 5}
    for policy, needs in (
        ({}, False), ({"threshold": 0.5}, True), ({"scorer": {"type": "numeric"}}, True), ({"scorer": latency}, False),
        ({"scorer": latency, "threshold": 0.5}, False), ({"repeat": 2}, False),
    ):  # fmt: skip
        prompt.evaluation = policy
        assert datasets.reads(prompt)["must_expect"] is needs
