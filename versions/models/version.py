"""PromptVersion: one numbered text of a prompt (SPEC 1 and 2)."""

from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from django.db import models
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from common.canonical import CanonicalJSONField, sha256
from common.clock import DatabaseNow
from common.prepared import Given, Prepared
from ledger import chain
from ledger.actors import Actor
from ledger.models import LedgerEvent
from versions import content, numbering, templating
from versions.models.prompt import Prompt
from versions.models.transitions import OVERRIDDEN, Transitions
from versions.stages import EDITABLE, ENVIRONMENTS, SEALED, STATUSES, Stage


class PromptVersionQuerySet(models.QuerySet["PromptVersion"]):
    def current(self) -> Self:
        """Leave out drafts that were given up."""
        return self.filter(archived_at=None)

    def in_production(self) -> Self:
        """What agents get."""
        return self.filter(stage=Stage.PRD)

    def of_agent(self, agent: Any, status_key: Any = None) -> Self:
        """The versions of an agent's prompts, or of its prompt for one status key (S4-21)."""
        rows = self.filter(prompt__agent=agent)
        return rows if status_key is None else rows.filter(prompt__status_key=status_key)

    def with_id(self, pk: int) -> "PromptVersion | None":
        """The version with this id, or None (S4-16)."""
        return self.filter(pk=pk).first()

    def live(self) -> "PromptVersion | None":
        """What an agent gets of these versions of one prompt, or None: there is one in PRD, or none (S4-17)."""
        return self.in_production().first()

    def code_default(self) -> "PromptVersion | None":
        """The first of these versions of one prompt that came from code, or None (S4-19)."""
        return self.filter(is_default_from_code=True).order_by("version").first()

    def newest_first(self) -> Self:
        """By number, v2.10 before v2.9; the first is the latest (S4-20)."""
        return self.order_by("-version")

    def with_replacement(self) -> Self:
        """Annotate `replacement`: the label of the version whose deployed_at is this one's retired_at."""
        successor = (
            PromptVersion.objects.filter(prompt=models.OuterRef("prompt"), deployed_at=models.OuterRef("retired_at"))
            .exclude(pk=models.OuterRef("pk"))
            .annotate(said=label_of("major", "minor"))
        )
        return self.annotate(replacement=models.Subquery(successor.values("said")[:1]))

    def with_origin(self) -> Self:
        """Annotate `based_on_label` and `rollback_of_label`: what the numbers are called; None once that is deleted."""
        labels = PromptVersion.objects.filter(prompt=models.OuterRef("prompt")).annotate(
            said=label_of("major", "minor")
        )
        return self.annotate(
            based_on_label=models.Subquery(labels.filter(version=models.OuterRef("based_on")).values("said")),
            rollback_of_label=models.Subquery(labels.filter(version=models.OuterRef("rollback_of")).values("said")),
        )

    def with_override(self) -> Self:
        """Annotate `overridden`: whether it went to production past a gate. The ledger knows it for ever (SPEC 7)."""
        past = LedgerEvent.objects.filter(
            prompt_id=models.OuterRef("prompt"), version=models.OuterRef("version"), action=OVERRIDDEN
        )
        return self.annotate(overridden=models.Exists(past))

    def for_lists(self) -> Self:
        """With prompt, agent, replacement, origin and override, in one query."""
        return self.select_related("prompt__agent").with_replacement().with_origin().with_override()

    def look_up(self, reference: str) -> "PromptVersion | None":
        """Find "2.3", "v2.3" or "7" among these versions of one prompt; None for what is no version."""
        wanted = numbering.parse_reference(reference)
        return self.filter(**wanted).first() if wanted else None


def label_of(major: str, minor: str) -> Concat:
    """The label as the database says it."""
    text = models.CharField()
    return Concat(models.Value("v"), Cast(major, text), models.Value("."), Cast(minor, text), output_field=text)


class PromptVersion(Transitions, models.Model):
    """One numbered text of a prompt. Its stage alone says what it is; every change goes through a transition."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    stage = models.CharField(max_length=3, choices=Stage, default=Stage.DEV)
    template_source = models.TextField()
    config = CanonicalJSONField(default=dict, blank=True)
    checksum_hash = models.CharField(max_length=64, editable=False)
    content_hash = models.CharField(max_length=64, editable=False, db_index=True)
    commit_message = models.TextField(blank=True, default="")
    is_default_from_code = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1)
    # Numbers, not foreign keys: a draft may be deleted, and what it led to must not change with it.
    based_on = models.PositiveIntegerField(null=True)
    rollback_of = models.PositiveIntegerField(null=True)
    commit = models.CharField(max_length=64, blank=True, default="")
    committed_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deployed_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)

    objects = PromptVersionQuerySet.as_manager()
    # Set on instances: the database's clock when it was read, the stage before a move, the label of the successor.
    read_at: datetime
    came_from: str
    replacement: str | None

    class Meta:
        db_table = "prompt_versions"
        ordering = ("prompt", "-version")
        constraints = (
            models.UniqueConstraint(fields=("prompt", "version"), name="versions_number_once"),
            models.UniqueConstraint(fields=("prompt", "major", "minor"), name="versions_label_once"),
            models.UniqueConstraint(
                fields=("prompt",), condition=models.Q(stage=Stage.PRD), name="versions_one_in_production"
            ),
            models.CheckConstraint(condition=models.Q(stage__in=Stage.values), name="versions_known_stage"),
            models.CheckConstraint(condition=models.Q(version__gte=1, major__gte=1), name="versions_from_one"),
            models.CheckConstraint(
                name="versions_dates_fit_stage",
                condition=models.Q(stage__in=EDITABLE, deployed_at=None, retired_at=None)
                | models.Q(stage=Stage.PRD, deployed_at__isnull=False, retired_at=None)
                | models.Q(stage=Stage.RET, deployed_at__isnull=False, retired_at__gte=models.F("deployed_at")),
            ),
            models.CheckConstraint(
                name="versions_only_drafts_archived",
                condition=models.Q(archived_at=None) | models.Q(stage__in=EDITABLE),
            ),
        )
        indexes = (
            models.Index(fields=("stage", "prompt"), name="versions_by_stage"),
            models.Index(fields=("prompt", "deployed_at"), name="versions_by_deployment"),
        )
        permissions = (
            ("edit_promptversion", "Can edit drafts in place"),
            ("test_promptversion", "Can test versions"),
            ("promote_to_tst", "Can promote to TST"),
            ("promote_to_prd", "Can promote to PRD"),
            ("create_promptversion", "Can create new versions"),
            ("archive_promptversion", "Can archive drafts"),
            ("rollback_promptversion", "Can roll back to a retired version"),
            ("approve_promptversion", "Can approve versions"),
            ("override_gate", "Can override a gate"),
        )

    def __str__(self) -> str:
        return f"{self.prompt} {self.label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new row, or named fields: a whole-row save would undo what others did meanwhile."""
        if not self._state.adding and not kwargs.get("update_fields"):
            raise TypeError("A version is changed by its transition methods, never by a plain save().")
        super().save(*args, **kwargs)

    @property
    def label(self) -> str:
        """What people read: v2.3."""
        return f"v{self.major}.{self.minor}"

    @property
    def is_active(self) -> bool:
        """Whether this is what agents get (S4-7; derived)."""
        return self.stage == Stage.PRD

    @property
    def status(self) -> str:
        """draft, active or deprecated (S1-14; derived)."""
        return STATUSES[self.stage]

    @property
    def is_sealed(self) -> bool:
        """Whether text, config and dates can never change again."""
        return self.stage in SEALED

    @property
    def environment(self) -> str:
        """The environment that a TEST of it runs against (SPEC 6)."""
        return ENVIRONMENTS[self.stage]

    @property
    def messages(self) -> list[dict[str, str]] | None:
        """The messages of a chat prompt; None for a text prompt."""
        return content.messages_of(self.template_source) if self.prompt.type == "chat" else None

    @property
    def variables(self) -> list[str]:
        """The names that the text asks for, in the order of their first use."""
        return templating.variables(self.template_source, kind=self.prompt.type, style=self.prompt.template_format)

    @property
    def replaced_by(self) -> str | None:
        """The label of the version that took over in production, not the newest (S0-45); None unless retired."""
        if self.retired_at is None:
            return None
        if not hasattr(self, "replacement"):
            self.replacement = type(self).objects.with_replacement().get(pk=self.pk).replacement
        return self.replacement

    @property
    def path(self) -> str:
        """Its address below /v1 and, with a slash at the end, among the pages."""
        return f"/prompts/{quote(self.prompt.name, safe='')}/versions/{self.label}"

    def read_again(self) -> "PromptVersion | None":
        """This version as it is now, with `read_at`; None once it is deleted."""
        found = AGAIN.first(pk=self.pk)
        if found is not None:
            found.read_at = found.read_now
        return found

    @classmethod
    def live_of(cls, prompt: Prompt) -> "PromptVersion | None":
        """What is in production of a prompt now, or None."""
        found = LIVE.first(prompt=prompt.pk)
        if found is not None:
            found.prompt = prompt
        return found

    @classmethod
    def draft(
        cls,
        prompt: Prompt,
        by: Actor,
        text: str,
        config: dict[str, Any],
        commit_message: str,
        at: datetime | None,
        **fields: Any,
    ) -> "PromptVersion":
        """Store the next version of a locked prompt as a DEV draft; the caller writes the ledger and the marks.

        `fields` may hold bump, based_on and rollback_of. Raises BadInput for a bad text or config.
        """
        draft = cls.prepare(prompt, by, text, config, commit_message, at, **fields)
        draft.save(force_insert=True)
        return draft

    @classmethod
    def prepare(
        cls,
        prompt: Prompt,
        by: Actor,
        text: str,
        config: dict[str, Any],
        commit_message: str,
        at: datetime | None,
        **fields: Any,
    ) -> "PromptVersion":
        """Build what `draft` stores, for those who store many at once."""
        number = numbering.take_next(prompt, bump=fields.pop("bump", "minor"))
        moment = at or timezone.now()
        draft = cls(
            prompt=prompt,
            **vars(number),
            commit_message=content.check_message(commit_message),
            created_by=by.name,
            created_at=moment,
            updated_at=moment,
            **fields,
        )
        draft.say(content.check_text(prompt.type, text, prompt.template_format), content.check_config(config))
        return draft

    def say(self, text: str, config: dict[str, Any]) -> None:
        """Set text, config and the hashes over them, in memory."""
        self.template_source, self.config = text, config
        self.checksum_hash = sha256(text)
        self.content_hash = content.content_hash(self.prompt.type, text, config)

    def entry(self, action: str, **fields: Any) -> chain.Entry:
        """A ledger entry about this version."""
        return self.prompt.entry(action, version=self.version, label=self.label, **fields)


AGAIN: Prepared[Any] = Prepared(
    lambda: PromptVersion.objects.annotate(read_now=DatabaseNow()).filter(pk=Given("pk", models.BigIntegerField()))
)
LIVE = Prepared(lambda: PromptVersion.objects.in_production().filter(prompt=Given("prompt", models.BigIntegerField())))
