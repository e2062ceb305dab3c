"""Finding what a path names, or saying that it is not there (404)."""

from typing import Any

from common.errors import BadInput, NotFound
from versions.models import Prompt, PromptVersion
from versions.seen import Seen


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

    If-Match takes the ETag of a version, its revision, or *.
    """
    header = request.headers.get("If-Match", "").strip()
    stage, revision = data.pop("stage", None), data.pop("revision", None)
    if not header or header == "*":
        return Seen(stage, revision), False
    tag = header.removeprefix("W/").strip('"').removeprefix("r")
    number, _, seen_stage = tag.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadInput("If-Match takes a version's ETag or its revision.", code="invalid_if_match")
    return Seen(seen_stage or stage, int(number)), True


def etag(version: PromptVersion) -> str:
    """The ETag of a version: what If-Match compares."""
    return f'"r{version.revision}-{version.stage}"'
