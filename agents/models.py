"""Agents: the programs that use prompts (S4)."""

from datetime import datetime
from typing import Any, Self

from django.core.validators import MinLengthValidator
from django.db import models, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from common.errors import Conflict
from common.text import NAME_LENGTH, validate_name, validate_storable
from ledger import chain
from ledger.actors import Actor
from ledger.models import Chained

DEFAULT_STATUS_KEY = "default"


class AgentQuerySet(models.QuerySet["Agent"]):
    def current(self) -> Self:
        """Leave out what was archived."""
        return self.filter(archived_at=None)

    def with_live(self, most: int | None = None) -> Self:
        """With their prompts (at most `most`, the primary one first) and what is live, in a fixed number of queries."""
        prompts: Any = self.model._meta.get_field("prompts").related_model
        primary = models.Case(models.When(status_key=models.F("agent__primary_status_key"), then=0), default=1)
        rows = prompts.objects.for_lists().order_by(primary, "status_key")
        return self.prefetch_related(models.Prefetch("prompts", rows[:most] if most else rows, to_attr="slots"))

    def with_numbers(self) -> Self:
        """Annotate `prompts_count` and `default_prompt_id`: the version in production under the primary status key."""
        prompts: Any = self.model._meta.get_field("prompts").related_model
        versions: Any = prompts._meta.get_field("versions").related_model
        slot = versions.objects.of_agent(models.OuterRef("pk"), models.OuterRef("primary_status_key"))
        counted = prompts.objects.filter(agent=models.OuterRef("pk")).order_by().values("agent")
        return self.annotate(
            prompts_count=Coalesce(models.Subquery(counted.annotate(n=models.Count("pk")).values("n")), 0),
            default_prompt_id=models.Subquery(slot.in_production().values("pk")[:1]),
        )


class Agent(Chained):
    """A program that uses prompts, one for each state (status key) it can be in."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True, validators=[validate_name, MinLengthValidator(1)])
    description = models.TextField(blank=True, default="", validators=[validate_storable])
    primary_status_key = models.CharField(
        max_length=NAME_LENGTH,
        default=DEFAULT_STATUS_KEY,
        validators=[validate_storable],
        help_text="The status key whose production prompt stands in where a requested one has none.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    # What `change` may touch; `archived` is set by archive and unarchive.
    CHANGEABLE = ("description", "primary_status_key")

    objects = AgentQuerySet.as_manager()
    slots: list[Any]  # its prompts, where with_live() fetched them
    prompts_count: int  # how many, where with_numbers() counted them
    default_prompt_id: int | None

    class Meta:
        db_table = "agents"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def active_default_prompt_id(self) -> int | None:
        """The id of the version in production under the primary status key, or None (S4-7; derived, never stored)."""
        counted = self if "default_prompt_id" in self.__dict__ else type(self).objects.with_numbers().get(pk=self.pk)
        return counted.default_prompt_id

    @classmethod
    def create(cls, *, by: Actor, at: datetime | None = None, **fields: Any) -> "Agent":
        """Store a new agent and its ledger entry. Raises ValidationError for a bad or taken name."""
        with transaction.atomic():
            agent = cls(**fields, **({"created_at": at} if at else {}))
            agent.full_clean()
            agent.save()
            agent._log("agent_created", by, at, {"description": agent.description})
        return agent

    def change(self, *, by: Actor, at: datetime | None = None, **fields: Any) -> "Agent":
        """Set fields of CHANGEABLE; equal values change and log nothing. Raises ValidationError. Returns it re-read."""
        with transaction.atomic():
            agent = self._locked()
            changes = {
                name: {"from": getattr(agent, name), "to": value}
                for name, value in fields.items()
                if name in self.CHANGEABLE and getattr(agent, name) != value
            }
            if changes:
                for name in changes:
                    setattr(agent, name, fields[name])
                agent.full_clean()
                agent._log("agent_changed", by, at, {"changes": changes}, also=tuple(changes))
        return agent

    def archive(self, *, by: Actor, archived: bool = True) -> "Agent":
        """Hide the agent from lists, or show it again; what it serves stays as it is."""
        with transaction.atomic():
            agent = self._locked()
            if archived != (agent.archived_at is not None):
                agent.archived_at = timezone.now() if archived else None
                agent._log("agent_archived" if archived else "agent_unarchived", by, None, {}, also=("archived_at",))
        return agent

    def remove(self, *, by: Actor) -> None:
        """Delete the agent and its drafts. Raises Conflict once any of its versions has left DEV (SPEC 4)."""
        with transaction.atomic():
            agent = self._locked()
            prompts = list(agent.prompts.order_by("pk").select_for_update(no_key=True))
            for prompt in prompts:
                prompt.refuse_removal(f"Agent '{agent.name}'")
            for prompt in prompts:
                prompt.remove(by=by)
            agent._log("agent_deleted", by, None, {})
            agent.delete()

    def _locked(self) -> "Agent":
        agent = type(self).objects.select_for_update(no_key=True).filter(pk=self.pk).first()
        if agent is None:
            raise Conflict(f"Agent '{self.name}' was deleted in the meantime.", code="gone")
        return agent

    def _log(
        self, action: str, by: Actor, at: datetime | None, detail: dict[str, Any], also: tuple[str, ...] = ()
    ) -> None:
        chain.append(self, by=by, entries=[self.entry(action, detail)], at=at, also=also)

    def entry(self, action: str, detail: dict[str, Any]) -> chain.Entry:
        """A ledger entry about this agent."""
        return chain.Entry(action=action, agent=self.name, detail=detail)
