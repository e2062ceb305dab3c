"""Which provider answers in an environment: what an admin sets, with the key encrypted (SPEC 6)."""

from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils import timezone

from common import secrets
from common.canonical import CanonicalJSONField
from common.destinations import NotAllowed
from common.errors import BadInput, Conflict
from common.secrets import Secret
from common.text import validate_storable
from ledger import chain
from ledger.actors import Actor
from ledger.models import Chained
from versions.content import check_config

NAME = RegexValidator(r"^[a-z0-9][a-z0-9._-]*\Z", "Small letters, digits, '.', '_' and '-', as 'openai' or 'vllm-2'.")


class ProviderEnvironment(models.TextChoices):
    """Where it is used; RET uses what PRD has."""

    DEV = "dev", "DEV"
    TST = "tst", "TST"
    PRD = "prd", "PRD, and RET"


class ProviderSettingQuerySet(models.QuerySet["ProviderSetting"]):
    def of(self, environment: str) -> Self:
        """Those of an environment, its default first."""
        return self.filter(environment="prd" if environment == "ret" else environment).order_by("-is_default", "name")


class ProviderSetting(Chained):
    """A provider of an environment. The one that is default answers where nobody asks for another."""

    environment = models.CharField(max_length=3, choices=ProviderEnvironment)
    name = models.CharField(
        max_length=40, validators=[NAME], help_text="What runs and versions call it: their config's 'provider'."
    )
    adapter = models.CharField(max_length=40, help_text="The protocol that is spoken.")
    model = models.CharField(
        max_length=200, blank=True, default="", validators=[validate_storable],
        help_text="Asked where neither the run nor the version names one.",
    )  # fmt: skip
    base_url = models.CharField(
        "base URL", max_length=500, blank=True, default="", validators=[validate_storable],
        help_text="Empty for the vendor's own. Hosts inside your network: see docs/executions.md.",
    )  # fmt: skip
    params = CanonicalJSONField(
        "parameters", default=dict, blank=True,
        help_text='As {"temperature": 0.2}; the version\'s config and the run go before it.',
    )  # fmt: skip
    is_default = models.BooleanField("default of its environment", default=True)
    sealed_key = secrets.SealedField()
    key_set_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    CHANGEABLE = ("adapter", "model", "base_url", "params", "is_default")
    # Where a key is sent is part of what it is: with another address it has to be given again.
    BOUND = ("adapter", "base_url")

    objects = ProviderSettingQuerySet.as_manager()

    class Meta:
        db_table = "provider_settings"
        ordering = ("environment", "-is_default", "name")
        constraints = (
            models.UniqueConstraint(fields=("environment", "name"), name="provider_settings_one_of_a_name"),
            models.UniqueConstraint(
                fields=("environment",), condition=models.Q(is_default=True), name="provider_settings_one_default"
            ),
            models.CheckConstraint(
                condition=models.Q(environment__in=ProviderEnvironment.values),
                name="provider_settings_known_environment",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} for {self.environment.upper()}"

    def clean(self) -> None:
        """Check what only makes sense together: that the adapter exists and the address may be asked."""
        from executions.providers.answers import RESERVED

        if self.adapter not in settings.PROVIDERS:
            raise ValidationError({"adapter": f"Known: {', '.join(settings.PROVIDERS)}."})
        if self.base_url:
            check_address(self.base_url)
        try:
            check_config(self.params)
        except BadInput as refused:
            raise ValidationError({"params": refused.detail}) from refused
        if odd := sorted(RESERVED & self.params.keys()):
            raise ValidationError({"params": f"Not a parameter of a model: {', '.join(odd)}."})

    def validate_constraints(self, exclude: Any = None) -> None:
        """That there is one default is not a question to whoever makes another: it takes the place of the first."""
        super().validate_constraints({*(exclude or ()), "is_default"})

    def sealed_for(self, field: str = "sealed_key") -> str:
        """What the seal of the key is bound to: this row's place, and where the key is sent."""
        return f"{field}|{self.environment}|{self.name}|{self.adapter}|{self.base_url}"

    def key(self) -> Secret:
        """The key. Raises secrets.Unreadable."""
        return secrets.unseal(self.sealed_key, self.sealed_for()) if self.sealed_key else Secret()

    def needs_key_again(self, **fields: Any) -> bool:
        """Whether the key would be sent elsewhere after this change."""
        moved = type(self)(**{
            name: fields.get(name, getattr(self, name)) for name in ("environment", "name", *self.BOUND)
        })  # fmt: skip
        return bool(self.sealed_key) and moved.sealed_for() != self.sealed_for()

    @classmethod
    def create(cls, *, by: Actor, key: Secret | None = None, **fields: Any) -> "ProviderSetting":
        """Store a new one and its ledger entry. Raises ValidationError."""
        with transaction.atomic():
            row = cls(**fields)
            cls._lock(row.environment)
            row._only_default(by)
            row.full_clean()
            row._seal(key)
            row.save()
            detail = {name: getattr(row, name) for name in ("environment", "name", *cls.CHANGEABLE)}
            row._log("provider_created", by, {**detail, "key": "set" if row.sealed_key else "none"})
        return row

    def change(self, *, by: Actor, key: Secret | None = None, remove_key: bool = False, **fields: Any) -> Self:
        """Set fields of CHANGEABLE, and the key where one is given. Raises ValidationError. Returns it re-read."""
        with transaction.atomic():
            row = self._locked()
            changes = {
                name: {"from": getattr(row, name), "to": fields[name]}
                for name in self.CHANGEABLE
                if name in fields and getattr(row, name) != fields[name]
            }
            if not key and not remove_key and row.needs_key_again(**fields):
                raise ValidationError({"key": NEEDED_AGAIN})
            for name in changes:
                setattr(row, name, fields[name])
            row._only_default(by)
            row.full_clean()
            had = bool(row.sealed_key)
            if key or remove_key:
                row._seal(key or Secret())
            if changes or key or (remove_key and had):
                said = "changed" if key and had else "set" if key else "removed" if remove_key and had else "kept"
                row._log("provider_changed", by, {"changes": changes, "key": said if had or key else "none"})
        return row

    def remove(self, *, by: Actor) -> None:
        """Delete it, and the key with it."""
        with transaction.atomic():
            row = self._locked()
            row._log("provider_deleted", by, {"environment": row.environment, "name": row.name})
            row.delete()

    def _seal(self, key: Secret | None) -> None:
        self.sealed_key = secrets.seal(key, self.sealed_for()) if key else ""
        self.key_set_at = timezone.now() if key else None

    def _only_default(self, by: Actor) -> None:
        """Where this one is the default, no other one of the environment is."""
        if not self.is_default:
            return
        for other in type(self).objects.filter(environment=self.environment, is_default=True).exclude(pk=self.pk):
            other.is_default = False
            other._log("provider_changed", by, {"changes": {"is_default": {"from": True, "to": False}}, "key": "kept"})

    @classmethod
    def _lock(cls, environment: str) -> None:
        """All rows of an environment, in one order: which one is default is a thing between them."""
        list(cls.objects.select_for_update().filter(environment=environment).order_by("pk").values_list("pk"))

    def _locked(self) -> Self:
        self._lock(self.environment)
        row = type(self).objects.filter(pk=self.pk).first()
        if row is None:
            raise Conflict(f"The provider {self} was deleted in the meantime.", code="gone")
        return row

    def _log(self, action: str, by: Actor, detail: dict[str, Any]) -> None:
        if not self.pk:
            raise ValueError("It is stored first.")
        entry = chain.Entry(action=action, detail={"environment": self.environment, "name": self.name, **detail})
        stored = [*self.CHANGEABLE, "sealed_key", "key_set_at"] if not action.endswith("_deleted") else []
        chain.append(self, by=by, entries=[entry], also=tuple(stored))


NEEDED_AGAIN = "The key would be sent to another address than it was given for: enter it again, or remove it."


def check_address(base_url: str) -> None:
    """Raise ValidationError unless this may be asked, as far as can be said without looking its name up."""
    import httpx2

    from common import destinations

    try:
        url = httpx2.URL(base_url)
        rules = destinations.current_rules()
        destinations.check_url(url.scheme, url.host, url.port, url.userinfo.decode(), rules)
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise ValidationError({"base_url": f"Not an address: {error}."}) from error
    except NotAllowed as refused:
        raise ValidationError({"base_url": refused.detail}) from refused
    if url.query or url.fragment:
        raise ValidationError({"base_url": "No '?' or '#': a key has its own field, and addresses get logged."})
