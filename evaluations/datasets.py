"""A prompt's examples: reading them, and the only ways to change them (SPEC 7).

An example is never changed, nor is a dataset version: every change is the next version, unless it says the same.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from common.canonical import sha256
from common.errors import BadInput, Conflict, NotFound
from evaluations import formats, items, scorers
from evaluations.formats import Parsed
from evaluations.items import Item
from evaluations.models import DatasetItem, DatasetVersion, Example
from evaluations.policy import Policy
from ledger import chain
from ledger.actors import Actor
from versions.models import Prompt

NOTE_LENGTH = 255
SHOWN_PROBLEMS = 100
CHUNK = 500

Change = Callable[[list[Item]], list[Item]]


class ExamplesChanged(Conflict):
    """Somebody changed the examples since the caller saw them: 409."""

    code = "stale"


def current(prompt: Prompt) -> DatasetVersion | None:
    """The present examples of a prompt, or None where there never were any."""
    return DatasetVersion.objects.filter(prompt=prompt).order_by("-number").first()


def find(prompt: Prompt, number: int | None = None) -> DatasetVersion | None:
    """The dataset version of this number, or the present one. Raises NotFound for a number that is not there."""
    if number is None:
        return current(prompt)
    found = DatasetVersion.objects.filter(prompt=prompt, number=number).first()
    if found is None:
        raise NotFound(f"'{prompt.name}' has no dataset {number}.")
    return found


def rows(dataset: DatasetVersion) -> Iterator[Example]:
    """The examples of a dataset version, in their order."""
    return Example.objects.filter(items__dataset=dataset).order_by("items__position").iterator(chunk_size=CHUNK)


def items_of(dataset: DatasetVersion | None) -> list[Item]:
    """The same as items: what a change begins with."""
    return [item_of(example) for example in rows(dataset)] if dataset else []


def item_of(example: Example) -> Item:
    """An example as it was read."""
    return Item(example.key, example.input, example.expected, example.weight, tuple(example.tags))


def variables_of(prompt: Prompt) -> list[str]:
    """What an example of this prompt gives values for: the variables of its newest version that is not archived."""
    versions: Any = prompt.versions
    newest = versions.current().newest_first().select_related("prompt").first()
    return newest.variables if newest else []


def reads(prompt: Prompt) -> dict[str, Any]:
    """What `formats` must know of the prompt to check its examples."""
    policy = Policy.of(prompt)
    # Without a gate and a scorer nobody has said yet what will score.
    said = policy.threshold is not None or "scorer" in prompt.evaluation
    must_expect = said and scorers.read(policy.scorer).needs_expected
    return {"variables": variables_of(prompt), "must_expect": must_expect}


def refuse_problems(parsed: Parsed) -> list[Item]:
    """Return the items, or raise BadInput that names every line that is wrong."""
    wrong = parsed.errors
    if not wrong:
        return parsed.items
    by_place: dict[str, list[str]] = {}
    for problem in wrong[:SHOWN_PROBLEMS]:
        by_place.setdefault(problem.where or "examples", []).append(problem.said)
    many = f"{len(wrong):,} things are wrong, the first: " if len(wrong) > 1 else ""
    raise BadInput(f"Nothing was stored. {many}{wrong[0]}", code="bad_examples", errors=by_place, problems=len(wrong))


def refuse_nothing(items: list[Item]) -> list[Item]:
    """Return the items of a text or file; raise BadInput where it holds none: an empty file takes nothing away."""
    if not items:
        said = "There is no example in it: nothing was stored."
        raise BadInput(said, errors={"text": [said]})
    return items


def replace(
    prompt: Prompt, *, by: Actor, examples: Iterable[Item], note: str = "", seen: int | None = None,
    at: datetime | None = None,
) -> DatasetVersion:  # fmt: skip
    """Make these the examples of the prompt. Equal content writes nothing and gives the present version.

    `seen` is the number of the version that the caller saw (0 for none): another one since then is ExamplesChanged.
    Raises BadInput for examples without an id of their own.
    """
    wanted = list(examples)
    return _write(prompt, lambda present: wanted, by=by, note=note, seen=seen, at=at)


def add(
    prompt: Prompt, *, by: Actor, examples: Iterable[Item], note: str = "", seen: int | None = None
) -> DatasetVersion:
    """Put examples behind those that are there. Raises BadInput when an id is taken."""
    more = list(examples)
    if not more:
        raise BadInput("There are no examples to add.", errors={"examples": ["Give at least one."]})
    return _write(prompt, lambda present: [*present, *_beside(more, present)], by=by, note=note, seen=seen)


def change_one(prompt: Prompt, *, by: Actor, key: str, item: Item, seen: int | None = None) -> DatasetVersion:
    """Put another example in the place of one. Raises NotFound when it is gone, BadInput when the new id is taken."""

    def change(present: list[Item]) -> list[Item]:
        place = _place(present, key)
        others = present[:place] + present[place + 1 :]
        return [*present[:place], *_beside([item], others), *present[place + 1 :]]

    return _write(prompt, change, by=by, seen=seen)


def remove(prompt: Prompt, *, by: Actor, keys: Iterable[str], seen: int | None = None) -> DatasetVersion:
    """Leave examples out from now on; the versions that had them keep them. Raises NotFound when one is not there."""
    gone = set(keys)

    def change(present: list[Item]) -> list[Item]:
        for key in gone:
            _place(present, key)
        return [item for item in present if item.key not in gone]

    return _write(prompt, change, by=by, seen=seen)


def _place(present: list[Item], key: str) -> int:
    for place, item in enumerate(present):
        if item.key == key:
            return place
    raise NotFound(f'There is no example "{key}".')


def _beside(more: list[Item], present: list[Item]) -> list[Item]:
    found, wrong = items.named(more, present)
    refuse_problems(Parsed(errors=wrong))
    return found


def _write(
    prompt: Prompt, change: Change, *, by: Actor, note: str = "", seen: int | None = None, at: datetime | None = None
) -> DatasetVersion:
    note = _note(note)
    with transaction.atomic():
        prompt = prompt.locked()
        present = current(prompt)
        if seen is not None and seen != (present.number if present else 0):
            raise ExamplesChanged(
                "The examples were changed since you saw them. Look at them again, then repeat your change.",
                dataset=present.number if present else 0,
            )
        old = items_of(present)
        new = change(old)
        _refuse_bad_set(new)
        digest = sha256(formats.canonical_lines(new))
        if present and present.sha256 == digest:
            return present
        if not new and not present:
            raise BadInput("There are no examples to store.", errors={"examples": ["Give at least one."]})
        dataset = _store(prompt, present, old, new, digest, by, note, at or timezone.now())
        detail = {"number": dataset.number, "sha256": digest, "count": dataset.count, "added": dataset.added,
                  "changed": dataset.changed, "removed": dataset.removed}  # fmt: skip
        entry = prompt.entry("examples_changed", detail=detail, reason=note)
        chain.append(prompt, by=by, entries=[entry], at=at)
        for path in settings.EXAMPLES_CHANGED:
            import_string(path)(dataset)
    return dataset


def _note(note: str) -> str:
    note = note.strip()
    if len(note) > NOTE_LENGTH:
        raise BadInput(f"The note is over {NOTE_LENGTH} characters.", errors={"note": ["Too long."]})
    return note


def _refuse_bad_set(new: list[Item]) -> None:
    if len(new) > items.EXAMPLES_LIMIT:
        said = f"{len(new):,} examples; the limit is {items.EXAMPLES_LIMIT:,}."
        raise BadInput(said, code="too_many", errors={"examples": [said]})
    keys = {item.key for item in new}
    if "" in keys or len(keys) < len(new):
        raise BadInput("Every example needs an id of its own.", errors={"examples": ["An id is missing or double."]})


def _store(
    prompt: Prompt, present: DatasetVersion | None, old: list[Item], new: list[Item], digest: str, by: Actor, note: str,
    at: datetime,
) -> DatasetVersion:  # fmt: skip
    added, changed, removed = counts(old, new)
    dataset = DatasetVersion.objects.create(
        prompt=prompt, number=present.number + 1 if present else 1, sha256=digest, count=len(new), note=note,
        added=added, changed=changed, removed=removed, created_by=by.name, created_at=at,
    )  # fmt: skip
    ids = _stored(prompt, new, at)
    DatasetItem.objects.bulk_create(
        (DatasetItem(dataset=dataset, example_id=ids[item.content_hash], position=place)
         for place, item in enumerate(new, 1)),
        batch_size=CHUNK,
    )  # fmt: skip
    return dataset


def _stored(prompt: Prompt, new: list[Item], at: datetime) -> dict[str, int]:
    """The rows of these examples by their hash; what an earlier version had is used again."""
    wanted = {item.content_hash: item for item in new}
    hashes = list(wanted)

    def ids() -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(hashes), CHUNK):
            some = Example.objects.filter(prompt=prompt, content_hash__in=hashes[start : start + CHUNK])
            found |= dict(some.values_list("content_hash", "pk"))
        return found

    there = ids()
    Example.objects.bulk_create(
        (Example(prompt=prompt, key=item.key, input=item.input, expected=item.expected, weight=item.weight,
                 tags=list(item.tags), content_hash=digest, created_at=at)
         for digest, item in wanted.items() if digest not in there),
        batch_size=CHUNK,
    )  # fmt: skip
    return ids()


def counts(old: Iterable[Item], new: Iterable[Item]) -> tuple[int, int, int]:
    """How many examples came, changed under their id, and went."""
    before, after = ({item.key: item.content_hash for item in side} for side in (old, new))
    changed = sum(1 for key, digest in after.items() if before.get(key, digest) != digest)
    return len(after.keys() - before.keys()), changed, len(before.keys() - after.keys())
