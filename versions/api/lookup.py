"""Finding what a path names, or saying that it is not there (404)."""

import re
import threading
from collections.abc import Callable
from typing import Any

from django.db.models import IntegerField

from common.errors import NotFound
from common.prepared import Given, Prepared
from versions import numbering
from versions.models import Prompt, PromptVersion
from versions.seen import Seen

# "r3-DEV" as we send it, also weakened by a proxy on its way; or a revision alone.
TAG = re.compile(r'(?:W/)?"?r?(?P<revision>[1-9][0-9]{0,8})(?:-(?P<stage>[A-Z]{3}))?"?')
NEVER = Seen(revision=0)


def find_prompt(name: str, queryset: Any = None) -> Prompt:
    """Return the prompt of this name, or raise NotFound with S1-23's text."""
    rows = Prompt.objects.select_related("agent") if queryset is None else queryset
    found = rows.filter(name=name).first()
    if found is None:
        raise NotFound(f"Prompt '{name}' not found")
    return found


class _Kept(threading.local):
    versions: Any = None


KEPT = _Kept()


def shown() -> Any:
    """Versions with all that their JSON says: made once, as making this query takes longer than asking it.

    Once by each thread: Django counts the joins of inner queries while it puts them into SQL, and two at once miscount.
    """
    if KEPT.versions is None:
        KEPT.versions = PromptVersion.objects.for_lists()
    return KEPT.versions


def plain() -> Any:
    """Versions as something is done to them: at a third of the cost."""
    return PromptVersion.objects.select_related("prompt__agent")


def _by_reference(rows: Callable[[], Any]) -> dict[frozenset[str], Prepared[PromptVersion]]:
    """How to find one of these versions, by what a reference says (numbering.parse_reference)."""
    number = IntegerField()
    return {
        frozenset(said): Prepared(
            lambda said=said: rows().filter(prompt__name=Given("name"), **{one: Given(one, number) for one in said})
        )
        for said in (("version",), ("major", "minor"))
    }


SHOWN, PLAIN = _by_reference(shown), _by_reference(plain)
SHOWN_BY_ID = Prepared(lambda: shown().filter(pk=Given("pk", IntegerField())))


def find_version(name: str, reference: str) -> PromptVersion:
    """Return a version, with all that its JSON says, by "2.3", "v2.3" or its integer. Raises NotFound."""
    return _named(SHOWN, name, reference)


def find_again(version: PromptVersion) -> PromptVersion:
    """Return a version as it is now, with all that its JSON says. Raises DoesNotExist."""
    found = SHOWN_BY_ID.first(pk=version.pk)
    if found is None:
        raise PromptVersion.DoesNotExist
    return found


def find_to_press(name: str, reference: str) -> PromptVersion:
    """Return a version that something is done to. Raises NotFound."""
    return _named(PLAIN, name, reference)


def _named(asked: dict[frozenset[str], Prepared[PromptVersion]], name: str, reference: str) -> PromptVersion:
    wanted = numbering.parse_reference(reference)
    found = asked[frozenset(wanted)].first(name=name, **wanted) if wanted else None
    if found is None:
        prompt = find_prompt(name)
        raise NotFound(f"Prompt '{prompt.name}' has no version '{reference}'")
    return found


def seen_by(request: Any, version: PromptVersion, data: dict[str, Any]) -> tuple[Seen, bool]:
    """Return what the caller says to have seen, and whether it was said by If-Match (then a refusal is a 412).

    If-Match takes the ETag of a version, its revision, a list of them, or *. What is none of these matches nothing.
    """
    header = request.headers.get("If-Match", "").strip()
    stage, revision = data.pop("stage", None), data.pop("revision", None)
    tags = [tag.strip() for tag in header.split(",")]
    if not header or "*" in tags:
        return Seen(stage, revision), False
    named = [Seen(found["stage"] or stage, int(found["revision"])) for tag in tags if (found := TAG.fullmatch(tag))]
    now = Seen.of(version)
    matching = [seen for seen in named if seen.revision == now.revision and seen.stage in (None, now.stage)]
    return (matching or named or [NEVER])[0], True


def etag(version: PromptVersion) -> str:
    """The ETag of a version: what If-Match compares."""
    return f'"r{version.revision}-{version.stage}"'
