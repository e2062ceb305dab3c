"""PUT: create or update a full-mode prompt by name, for scripts that own no version numbers (S1-28; SPEC 3)."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from ledger.actors import Actor
from versions.exceptions import LifecycleError
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING, Seen
from versions.stages import Stage

DESCRIPTIVE = ("description", "owner_team")


@dataclass(frozen=True)
class Put:
    """What a PUT came to; `change` is created, updated, new_version or unchanged."""

    prompt: Prompt
    version: PromptVersion
    change: str


def put(name: str, *, by: Actor, text: str, set_active: bool = False, **fields: Any) -> Put:
    """Make the newest DEV draft of `name` say `text`: a new prompt, an edit in place, or the next version.

    Identical text changes nothing. Never touches TST, PRD or RET text and never makes anything live.
    `fields`: description, owner_team (None: stays as it is), config, commit_message, type.
    Raises WrongMode (400), LifecycleError (409, `set_active`), BadInput, ValidationError; then nothing is stored.
    """
    if set_active:
        raise LifecycleError(
            "PUT never makes anything live. Promote the version through TST to PRD instead.",
            code="not_by_put",
        )
    there = Prompt.objects.filter(name=name)
    if not there.exists():
        try:
            return _create(name, by, text, fields)
        except (IntegrityError, ValidationError):
            # Somebody else made it a moment ago: then this is an update, as it would have been a moment later.
            if not there.exists():
                raise
    with transaction.atomic():
        prompt = there.get().locked()
        prompt.require_mode("full")
        described = {key: fields[key] for key in DESCRIPTIVE if fields.get(key) is not None}
        if described:
            prompt = prompt.change(by=by, **described)
        version, change = _text(prompt, by, text, fields)
    return Put(prompt, version, change)


def _create(name: str, by: Actor, text: str, fields: dict[str, Any]) -> Put:
    given = {key: value for key, value in fields.items() if value is not None}
    prompt = Prompt.create(by=by, name=name, template_source=text, **given)
    return Put(prompt, prompt.versions.get(), "created")


def _text(prompt: Prompt, by: Actor, text: str, fields: dict[str, Any]) -> tuple[PromptVersion, str]:
    config, message = fields.get("config"), fields.get("commit_message")
    newest = prompt.versions.select_related("prompt").newest_first().first()
    draft = prompt.versions.current().filter(stage=Stage.DEV).select_related("prompt").newest_first().first()
    if draft:
        edited = draft.edit(by=by, seen=Seen.of(draft), template_source=text, config=config, commit_message=message)
        return edited, "unchanged" if edited.revision == draft.revision else "updated"
    if newest is None:
        return prompt.first_draft(by=by, text=text, config=config or {}, commit_message=message or ""), "new_version"
    # A draft that was given up says nothing about what stands.
    standing = prompt.versions.current().select_related("prompt").newest_first().first()
    if standing and standing.template_source == text and (config is None or standing.config == config):
        return standing, "unchanged"
    made = (standing or newest).create_new(
        by=by, seen=ANYTHING, template_source=text, config=config, commit_message=message or ""
    )
    return made, "new_version"
