"""Finding what a path names, or saying that it is not there (404)."""

import re
from typing import Any

from common.errors import NotFound
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


def find_version(name: str, reference: str) -> PromptVersion:
    """Return a version by "2.3", "v2.3" or its integer. Raises NotFound for prompt or version."""
    found = PromptVersion.objects.for_lists().filter(prompt__name=name).look_up(reference)
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
