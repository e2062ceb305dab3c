"""Prompt: a slot, what one agent says in one state (SPEC 1)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.core.validators import MinLengthValidator
from django.db import models, transaction
from django.utils import timezone

from agents.models import DEFAULT_STATUS_KEY, Agent
from common.canonical import CanonicalJSONField
from common.prepared import Given, Prepared
from common.text import NAME_LENGTH, validate_name, validate_storable
from ledger import chain
from ledger.actors import Actor
from ledger.models import Chained
from versions import content
from versions.exceptions import LifecycleError, WrongMode
from versions.models.fields import check_metadata, check_tags, refuse_reserved_name
from versions.stages import DELETABLE, Stage

if TYPE_CHECKING:
    from versions.models.version import PromptVersion


class Mode(models.TextChoices):
    """Who owns the text: people, through the stages, or git (S1-2, S1-3)."""

    FULL = "full", "Full: people own the text"
    TRACKING = "tracking", "Tracking: git owns the text"


class Kind(models.TextChoices):
    """A single text, or a list of messages."""

    TEXT = "text", "Text"
    CHAT = "chat", "Chat"


class TemplateFormat(models.TextChoices):
    """How variables are filled in (SPEC 5)."""

    SIMPLE = "simple", "{{ name }}, one pass"
    JINJA2 = "jinja2", "Jinja2, sandboxed"


class PromptQuerySet(models.QuerySet["Prompt"]):
    def current(self) -> Self:
        """Leave out what was archived."""
        return self.filter(archived_at=None)

    def in_stage(self, stage: str) -> Self:
        """Prompts that have a version in this stage."""
        versions: Any = self.model._meta.get_field("versions").related_model
        return self.filter(models.Exists(versions.objects.filter(prompt=models.OuterRef("pk"), stage=stage)))

    def for_lists(self) -> Self:
        """With agent, tags, production version and number of versions: four queries however long the list."""
        versions: Any = self.model._meta.get_field("versions").related_model
        live = models.Prefetch("versions", versions.objects.filter(stage=Stage.PRD), to_attr="in_production")
        counted = versions.objects.filter(prompt=models.OuterRef("pk")).order_by().values("prompt")
        count = models.Subquery(counted.annotate(n=models.Count("pk")).values("n"))
        return (
            self.select_related("agent")
            .prefetch_related("tag_rows", live)
            .annotate(number_of_versions=models.functions.Coalesce(count, 0))
        )


class Prompt(Chained):
    """What one agent says in one state; its versions hold the texts."""

    name = models.CharField(
        max_length=NAME_LENGTH,
        unique=True,
        validators=[MinLengthValidator(1), validate_name, refuse_reserved_name],
    )
    agent = models.ForeignKey(Agent, models.CASCADE, null=True, blank=True, related_name="prompts")
    status_key = models.CharField(
        max_length=NAME_LENGTH,
        default=DEFAULT_STATUS_KEY,
        validators=[MinLengthValidator(1), validate_storable],
    )
    title = models.CharField(max_length=NAME_LENGTH, blank=True, default="", validators=[validate_storable])
    description = models.TextField(blank=True, default="", validators=[validate_storable])
    owner_team = models.CharField(max_length=NAME_LENGTH, blank=True, default="", validators=[validate_storable])
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.FULL, db_default=Mode.FULL)
    type = models.CharField(max_length=4, choices=Kind, default=Kind.TEXT)
    template_format = models.CharField(max_length=8, choices=TemplateFormat, default=TemplateFormat.SIMPLE)
    metadata = CanonicalJSONField(default=dict, blank=True, validators=[check_metadata])
    # What a version must have shown before it goes to PRD; {} asks for nothing. Read by settings.EVALUATION_POLICY.
    evaluation = CanonicalJSONField(default=dict, db_default="{}", blank=True, validators=[check_metadata])
    # High-water marks: a number or label is never given twice, not even after DELETE.
    highest_version = models.PositiveIntegerField(default=0, editable=False)
    highest_major = models.PositiveIntegerField(default=0, editable=False)
    highest_minor = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.CharField(max_length=255, editable=False, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    # What `change` may touch. IDENTITY decides what an agent is served, so it is fixed once a version has left DEV.
    IDENTITY = ("name", "agent", "status_key", "type", "template_format")
    CHANGEABLE = ("title", "description", "owner_team", "metadata", "evaluation", "tags", *IDENTITY)

    objects = PromptQuerySet.as_manager()
    versions: Any  # the reverse side, with PromptVersion's own queryset methods

    class Meta:
        db_table = "prompts"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "status_key"),
                name="prompts_one_per_slot",
                violation_error_message="This agent already has a prompt for this status key.",
            ),
            models.CheckConstraint(condition=models.Q(mode__in=Mode.values), name="prompt_mode"),
        )
        indexes = (models.Index(fields=("mode",), name="idx_prompts_mode"),)
        permissions = (("register_code", "Can register prompts from code"),)

    def __str__(self) -> str:
        return self.name

    @property
    def tags(self) -> list[str]:
        """Its tags, sorted."""
        return sorted(row.name for row in self.tag_rows.all())

    @property
    def production(self) -> "PromptVersion | None":
        """The version in PRD, or None: the one place that says what is live."""
        if hasattr(self, "in_production"):
            return next(iter(self.in_production), None)
        return self.versions.live()

    @property
    def versions_count(self) -> int:
        """How many versions there are now."""
        return self.number_of_versions if hasattr(self, "number_of_versions") else self.versions.count()

    def require_mode(self, mode: str) -> None:
        """Raise WrongMode (400) unless the prompt is in this mode (S1-22 to S1-25)."""
        if self.mode != mode:
            raise WrongMode(self.name, self.mode)

    def has_left_dev(self) -> bool:
        """Whether any version ever went past DEV: from then on the prompt stays."""
        return self.versions.exclude(stage__in=DELETABLE).exists()

    @classmethod
    def create(
        cls,
        *,
        by: Actor,
        name: str = "",
        tags: list[str] | None = None,
        template_source: str | None = None,
        config: dict[str, Any] | None = None,
        commit_message: str = "",
        at: datetime | None = None,
        **fields: Any,
    ) -> "Prompt":
        """Store a new full-mode prompt, with v1.0 as a DEV draft where a text is given.

        Without a name it is called "{agent}.{status_key}". Raises ValidationError or BadInput; then nothing is stored.
        """
        from versions.models.version import PromptVersion

        agent = fields.get("agent")
        if not name and agent:
            name = f"{agent.name}.{fields.get('status_key') or DEFAULT_STATUS_KEY}"
        with transaction.atomic():
            prompt = cls(name=name, created_by=by.name, **fields, **({"created_at": at} if at else {}))
            prompt.full_clean()
            prompt.save(force_insert=True)
            prompt._set_tags(tags or [])
            entries = [prompt.entry("prompt_created", detail={"type": prompt.type, "mode": prompt.mode})]
            if template_source is not None:
                draft = PromptVersion.draft(prompt, by, template_source, config or {}, commit_message, at)
                entries.append(draft.entry("created", to_stage=draft.stage, after_hash=draft.content_hash))
            chain.append(prompt, by=by, entries=entries, at=at, also=prompt.HIGH_WATER)
        return prompt

    HIGH_WATER = ("highest_version", "highest_major", "highest_minor")

    def first_draft(
        self, *, by: Actor, text: str, config: dict[str, Any], commit_message: str, at: datetime | None = None
    ) -> "PromptVersion":
        """Store the first version of a prompt that was made without a text, or whose drafts were all deleted."""
        from versions.models.version import PromptVersion

        with transaction.atomic():
            prompt = self.locked()
            prompt.require_mode(Mode.FULL)
            draft = PromptVersion.draft(prompt, by, text, config, commit_message, at)
            entry = draft.entry("created", to_stage=draft.stage, after_hash=draft.content_hash)
            chain.append(prompt, by=by, entries=[entry], at=draft.created_at, also=prompt.HIGH_WATER)
        return draft

    def change(self, *, by: Actor, at: datetime | None = None, **fields: Any) -> "Prompt":
        """Set fields of CHANGEABLE; equal values change and log nothing. Returns the prompt re-read.

        Raises ValidationError for bad values, LifecycleError for an IDENTITY field once a version has left DEV.
        """
        with transaction.atomic():
            prompt = self.locked()
            changed = {
                key: new for key, new in fields.items() if key in self.CHANGEABLE and getattr(prompt, key) != new
            }
            if "tags" in changed and sorted(changed["tags"]) == prompt.tags:
                del changed["tags"]
            prompt._refuse_identity_change(changed)
            prompt._refuse_another_kind(changed)
            if changed:
                detail = {
                    key: {"from": _plain(getattr(prompt, key)), "to": _plain(new)} for key, new in changed.items()
                }
                if "tags" in changed:
                    prompt._set_tags(changed.pop("tags"))
                for key, new in changed.items():
                    setattr(prompt, key, new)
                prompt.full_clean()
                entry = prompt.entry("prompt_changed", detail={"changes": detail})
                chain.append(prompt, by=by, entries=[entry], at=at, also=tuple(changed))
        return prompt

    def _refuse_identity_change(self, changed: dict[str, Any]) -> None:
        fixed = sorted(set(changed) & set(self.IDENTITY))
        # Giving a prompt without an agent its first one takes nothing from anybody.
        if self.agent_id is None and "agent" in fixed:
            fixed = [key for key in fixed if key not in ("agent", "status_key")]
        if fixed and self.has_left_dev():
            raise LifecycleError(
                f"{', '.join(fixed)} of '{self.name}' cannot change any more: a version has left DEV and agents may "
                f"rely on it. Create another prompt instead.",
                code="immutable",
            )

    def _refuse_another_kind(self, changed: dict[str, Any]) -> None:
        """A text is written for its type, and hashed with it; another format must be able to read every text."""
        if "type" in changed and self.versions.exists():
            raise LifecycleError(
                f"type of '{self.name}' cannot change any more: its texts are written for it. Create another prompt "
                f"instead.",
                code="immutable",
            )
        if changed.get("template_format") in TemplateFormat.values:
            for text in self.versions.values_list("template_source", flat=True):
                content.check_text(self.type, text, changed["template_format"])

    def archive(self, *, by: Actor, archived: bool = True) -> "Prompt":
        """Hide the prompt from lists, or show it again. What it serves stays as it is."""
        with transaction.atomic():
            prompt = self.locked()
            if archived != (prompt.archived_at is not None):
                prompt.archived_at = timezone.now() if archived else None
                entry = prompt.entry("prompt_archived" if archived else "prompt_unarchived")
                chain.append(prompt, by=by, entries=[entry], also=("archived_at",))
        return prompt

    def refuse_removal(self, what: str) -> None:
        """Raise LifecycleError (409) when a version has left DEV; `what` names what was to be deleted."""
        if self.has_left_dev():
            raise LifecycleError(
                f"{what} cannot be deleted: '{self.name}' has versions that have progressed beyond DEV. "
                f"Archive it instead.",
                code="in_use",
            )

    def remove(self, *, by: Actor) -> None:
        """Delete a prompt and its drafts. Raises LifecycleError (409) once one has left DEV or is in use."""
        with transaction.atomic():
            prompt = self.locked()
            prompt.refuse_removal(f"Prompt '{prompt.name}'")
            entries = [draft.prepare_deletion(prompt) for draft in prompt.versions.order_by("version")]
            entries.append(prompt.entry("prompt_deleted"))
            chain.append(prompt, by=by, entries=entries)
            prompt.delete()

    def locked(self) -> "Prompt":
        """Return this prompt re-read under its row lock. Every change of it or its versions begins here."""
        found = LOCKED.first(pk=self.pk)
        if found is None:
            raise LifecycleError(f"Prompt '{self.name}' was deleted in the meantime.", code="gone")
        return found

    def entry(self, action: str, **fields: Any) -> chain.Entry:
        """A ledger entry about this prompt."""
        agent = self.agent.name if self.agent else ""
        return chain.Entry(action=action, prompt_id=self.pk, prompt=self.name, agent=agent, **fields)

    def _set_tags(self, names: list[str]) -> None:
        wanted = set(check_tags(names))
        present = {row.name for row in self.tag_rows.all()}
        self.tag_rows.filter(name__in=present - wanted).delete()
        PromptTag.objects.bulk_create(PromptTag(prompt=self, name=name) for name in sorted(wanted - present))
        self.__dict__.pop("_prefetched_objects_cache", None)


# The weaker lock (no_key) does not block inserts that refer to the row; no join, or PostgreSQL may lose the row.
LOCKED = Prepared(
    lambda: Prompt.objects.select_for_update(no_key=True).filter(pk=Given("pk", models.BigIntegerField()))
)


class PromptTag(models.Model):
    """One word on one prompt, for filters."""

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="tag_rows")
    name = models.CharField(max_length=50, db_index=True)

    class Meta:
        db_table = "prompt_tags"
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("prompt", "name"), name="prompt_tags_once"),)

    def __str__(self) -> str:
        return self.name


def _plain(value: Any) -> Any:
    """A value as the ledger can keep it."""
    return value.name if isinstance(value, Agent) else value
