"""How a version changes. Every transition locks the prompt, reads afresh, checks, changes, and writes the ledger.

People come here through `versions.actions.perform`; programs call these methods with a system actor.
All take `by` (who) and `seen` (what they saw; ANYTHING for programs), run in one transaction, and change nothing when
they raise: LifecycleError or StaleView (409), WrongMode or BadInput (400).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from common.errors import NotFound
from ledger import chain
from ledger.actors import Actor
from versions import content, gates
from versions.exceptions import LifecycleError, StaleView
from versions.models import moving
from versions.models.saved import SavedText
from versions.seen import Seen
from versions.stages import DELETABLE, EDITABLE, PROMOTIONS, SEALED, Stage
from versions.tracing import traced

if TYPE_CHECKING:
    from versions.models.prompt import Prompt
    from versions.models.version import PromptVersion as Version

NO_EDIT = "Cannot edit production versions"
NO_DELETE = "Cannot delete versions that have progressed beyond DEV"
RETIRED_ONLY = "Only a retired version can be rolled back to."
DRAFTS_ONLY = "Only drafts in DEV or TST can be archived."
OVERRIDDEN = "promoted_by_override"
ARCHIVED = "This draft is archived. Unarchive it first."


class Transitions:
    """Mixed into PromptVersion; a file of its own because what a version is and how it changes are two subjects."""

    def edit(
        self: "Version",
        *,
        by: Actor,
        seen: Seen,
        template_source: str | None = None,
        config: dict[str, Any] | None = None,
        commit_message: str | None = None,
        at: datetime | None = None,
    ) -> "Version":
        """Change a draft in place, no new number (S0-51). None leaves a part as it is; equal content changes nothing.

        The text before stays findable by the ledger's before_hash. A stale edit is refused with both texts.
        """
        mine = {"template_source": template_source, "config": config, "commit_message": commit_message}
        with self._fresh(seen, mine) as (prompt, version):
            if version.stage not in EDITABLE:
                raise LifecycleError(NO_EDIT, code="immutable", stage=version.stage)
            version._refuse_archived()
            text = (
                version.template_source
                if template_source is None
                else content.check_text(prompt.type, template_source, prompt.template_format)
            )
            settings_ = version.config if config is None else content.check_config(config)
            message = version.commit_message if commit_message is None else content.check_message(commit_message)
            before = version.content_hash
            if (text, settings_, message) == (
                version.template_source,
                version.config,
                version.commit_message,
            ):
                return version
            if (text, settings_) != (version.template_source, version.config):
                SavedText.keep(version, prompt.type)
            version.say(text, settings_)
            version.commit_message, version.revision = message, version.revision + 1
            version.updated_at = at or version.read_at
            version._store("template_source", "config", "checksum_hash", "content_hash", "commit_message", "revision",
                           "updated_at")  # fmt: skip
            entry = version.entry(
                "edited",
                from_stage=version.stage,
                to_stage=version.stage,
                before_hash=before,
                after_hash=version.content_hash,
                detail={"revision": version.revision, "commit_message": message},
            )
            chain.append(prompt, by=by, entries=[entry], at=version.updated_at)
            version.tell("edited", by)
        return version

    @traced("promote")
    def promote(
        self: "Version",
        *,
        by: Actor,
        to: str,
        seen: Seen,
        reason: str = "",
        override: bool = False,
        at: datetime | None = None,
    ) -> "Version":
        """Move one stage on. `to` is "TST" or "PRD"; to PRD retires the present one with the same instant (S0-55).

        The gates are asked on the way to PRD; `override` goes past them, with a reason (SPEC 7). Raises LifecycleError
        illegal_move where `to` is not the next stage, GateFailed, StaleView where it is there already.
        """
        with self._fresh(seen) as (prompt, version):
            version._refuse_move(to)
            version._refuse_archived()
            overridden = gates.check(version, by=by, override=override, reason=reason) if to == Stage.PRD else []
            retired = version._advance(prompt, to, at or version.read_at)
            detail: dict[str, Any] = {"replaced": retired.label} if retired else {}
            if overridden:
                detail["overridden"] = [condition.as_json() for condition in overridden]
            entry = version.entry(
                OVERRIDDEN if overridden else "promoted",
                from_stage=version.came_from,
                to_stage=to,
                replaced=retired.version if retired else None,
                reason=content.check_message(reason, "reason"),
                before_hash=version.content_hash,
                after_hash=version.content_hash,
                detail=detail,
            )
            chain.append(prompt, by=by, entries=[entry], at=version.deployed_at or at or version.read_at)
            version.tell("promoted", by)
        return version

    def create_new(
        self: "Version",
        *,
        by: Actor,
        seen: Seen,
        bump: str = "minor",
        template_source: str | None = None,
        config: dict[str, Any] | None = None,
        commit_message: str = "",
        at: datetime | None = None,
    ) -> "Version":
        """Make the next version as a DEV draft with this one's content, or with what is given (S0-59 to S0-63)."""
        with self._fresh(seen) as (prompt, version):
            draft = type(version).draft(
                prompt,
                by,
                version.template_source if template_source is None else template_source,
                version.config if config is None else config,
                commit_message,
                at or version.read_at,
                bump=bump,
                based_on=version.version,
            )
            entry = draft.entry(
                "created",
                to_stage=draft.stage,
                after_hash=draft.content_hash,
                detail={"based_on": version.label},
            )
            chain.append(prompt, by=by, entries=[entry], at=draft.created_at, also=prompt.HIGH_WATER)
        return draft

    def delete_draft(self: "Version", *, by: Actor, seen: Seen) -> None:
        """Remove a DEV draft for good; its text stays findable. Raises LifecycleError past DEV or while in use."""
        with self._fresh(seen) as (prompt, version):
            if version.stage not in DELETABLE:
                raise LifecycleError(NO_DELETE, code="wrong_stage", stage=version.stage)
            chain.append(prompt, by=by, entries=[version.prepare_deletion(prompt)], at=version.read_at)
            version.delete()

    def prepare_deletion(self: "Version", prompt: "Prompt") -> chain.Entry:
        """Refuse while the draft is used; else keep its text and return the ledger entry of its end."""
        for path in settings.DRAFT_USES:
            if why := import_string(path)(self):
                raise LifecycleError(f"{self.label} cannot be deleted: {why}", code="in_use", stage=self.stage)
        SavedText.keep(self, prompt.type)
        return self.entry("deleted", from_stage=self.stage, before_hash=self.content_hash)

    def archive(self: "Version", *, by: Actor, seen: Seen, at: datetime | None = None) -> "Version":
        """Give up a draft: hidden from lists, stage unchanged, reversible (SPEC 2)."""
        return self._set_archived(True, by, seen, at)

    def unarchive(self: "Version", *, by: Actor, seen: Seen, at: datetime | None = None) -> "Version":
        """Take up a draft again."""
        return self._set_archived(False, by, seen, at)

    def _set_archived(self: "Version", archived: bool, by: Actor, seen: Seen, at: datetime | None) -> "Version":
        with self._fresh(seen) as (prompt, version):
            if version.stage not in EDITABLE:
                raise LifecycleError(DRAFTS_ONLY, stage=version.stage)
            if archived != (version.archived_at is not None):
                moment = at or version.read_at
                version.archived_at = moment if archived else None
                version._store("archived_at")
                entry = version.entry(
                    "archived" if archived else "unarchived", from_stage=version.stage, to_stage=version.stage,
                    before_hash=version.content_hash, after_hash=version.content_hash,
                )  # fmt: skip
                chain.append(prompt, by=by, entries=[entry], at=moment)
                version.tell("archived" if archived else "unarchived", by)
        return version

    @traced("rollback")
    def roll_back(self: "Version", *, by: Actor, seen: Seen, reason: str, at: datetime | None = None) -> "Version":
        """Bring a retired text back: a new version with it goes to PRD in one transaction, one ledger entry (SPEC 2).

        Forward only: this version stays retired. Raises BadInput without a reason.
        """
        reason = content.check_message(reason, "reason", required=True)
        with self._fresh(seen) as (prompt, version):
            if version.stage != Stage.RET:
                raise LifecycleError(RETIRED_ONLY, stage=version.stage)
            moment = at or version.read_at
            again = type(version).draft(
                prompt, by, version.template_source, version.config, f"Rollback to {version.label}", moment,
                based_on=version.version, rollback_of=version.version,
            )  # fmt: skip
            again._advance(prompt, Stage.TST, moment)
            retired = again._advance(prompt, Stage.PRD, moment)
            entry = again.entry(
                "rolled_back", to_stage=again.stage, reason=reason, after_hash=again.content_hash,
                replaced=retired.version if retired else None,
                detail={"rollback_of": version.label} | ({"replaced": retired.label} if retired else {}),
            )  # fmt: skip
            chain.append(prompt, by=by, entries=[entry], at=again.deployed_at, also=prompt.HIGH_WATER)
            again.tell("rolled_back", by)
        return again

    def unmoved(self: "Version", seen: Seen) -> "AbstractContextManager[tuple[Prompt, Version]]":
        """Lock the prompt and give it and this version as they are now, for what higher apps write down of it."""
        return self._fresh(seen)

    @contextmanager
    def _fresh(self: "Version", seen: Seen, mine: dict[str, Any] | None = None) -> "Iterator[tuple[Prompt, Version]]":
        """Lock the prompt, then yield it and this version as they are now; `read_at` is the database's clock.

        Raises NotFound if the version is gone, WrongMode unless people own the text, StaleView if it is not what was
        seen; for an edit (`mine`) that carries both texts.
        """
        with transaction.atomic():
            prompt = self.prompt.locked()
            prompt.require_mode("full")
            version = self.read_again()
            if version is None:
                raise NotFound(f"{self.label} of '{prompt.name}' was deleted in the meantime.")
            version.prompt = prompt
            both = {"yours": mine, "current": {key: getattr(version, key) for key in mine}} if mine else {}
            seen.check(version, **both)
            yield prompt, version

    def _refuse_move(self: "Version", to: str) -> None:
        if PROMOTIONS.get(self.stage) == to:
            return
        if self.stage == to:
            raise StaleView(
                f"{self.label} is in {to} already. Nothing was changed.",
                stage=self.stage,
                revision=self.revision,
            )
        if self.stage in SEALED:
            raise LifecycleError(f"{self.label} is in {self.stage}: there is no further promotion.", stage=self.stage)
        raise LifecycleError(
            f"{self.label} is in {self.stage} and can only go to {PROMOTIONS[self.stage]}, not to {to}.",
            code="illegal_move",
            stage=self.stage,
        )

    def _refuse_archived(self: "Version") -> None:
        if self.archived_at is not None:
            raise LifecycleError(ARCHIVED, code="archived", stage=self.stage)

    def _advance(self: "Version", prompt: "Prompt", to: str, moment: datetime) -> "Version | None":
        """Write one step. Returns the version that was retired by it, or None."""
        present = self.live_of(prompt) if to == Stage.PRD else None
        moving.step([self], to, moment, retiring=[present] if present else [])
        return present

    def tell(self: "Version", action: str, by: Actor) -> None:
        """Tell higher apps (settings.VERSION_CHANGED) what was done, in the transaction that does it."""
        for path in settings.VERSION_CHANGED:
            import_string(path)(self, action, by)

    def _store(self: "Version", *fields: str) -> None:
        self.save(update_fields=fields)
