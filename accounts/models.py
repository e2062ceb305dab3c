"""API keys, and the counters that throttle sign-in attempts."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from accounts import keys, roles
from common.canonical import CanonicalJSONField
from common.text import validate_storable
from ledger import chain
from ledger.actors import Actor
from ledger.models import Chained

SEEN_EVERY = timedelta(minutes=1)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, at: Any = None) -> Self:
        """Neither revoked nor expired, now or at an instant, of an account that is there and active."""
        return self.filter(revoked_at=None, user__is_active=True).filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=at or timezone.now())
        )


class ApiKey(Chained):
    """A key that acts as its user, narrowed by scopes. Only its hash is stored."""

    # The key outlives its user's account, without working: the ledger speaks of it.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="api_keys")
    name = models.CharField(max_length=100, validators=[validate_storable])
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = CanonicalJSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        db_table = "api_keys"
        ordering = ("-created_at",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} (pl_live_{self.prefix}_…)"

    @classmethod
    def issue(
        cls,
        *,
        user: Any,
        by: Actor,
        name: str,
        scopes: list[str],
        expires_at: datetime | None = None,
    ) -> tuple["ApiKey", str]:
        """Store a new key and return (row, key); the key itself is never to be had again. Raises ValidationError."""
        if not scopes or (unknown := set(scopes) - set(roles.SCOPES)):
            said = f"Unknown scopes: {', '.join(sorted(unknown))}. " if scopes else ""
            raise ValidationError({"scopes": f"{said}Choose from {', '.join(roles.SCOPES)}."})
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError({"expires_at": "That is in the past."})
        prefix, key = keys.make()
        row = cls(user=user, name=name, prefix=prefix, digest=keys.digest(key), scopes=sorted(set(scopes)),
                  expires_at=expires_at)  # fmt: skip
        row.full_clean()
        with transaction.atomic():
            row.save(force_insert=True)
            row._log("api_key_created", by)
        return row, key

    def revoke(self, *, by: Actor) -> None:
        """End the key at once. A key that is revoked already stays as it is."""
        with transaction.atomic():
            row = type(self).objects.select_for_update(no_key=True).get(pk=self.pk)
            if row.revoked_at is None:
                row.revoked_at = timezone.now()
                row.save(update_fields=["revoked_at"])
                row._log("api_key_revoked", by)
        self.revoked_at = row.revoked_at

    def note_use(self) -> None:
        """Remember that the key was used, at most once a minute, in one statement that waits for nobody's row twice."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > SEEN_EVERY:
            stale = models.Q(last_used_at=None) | models.Q(last_used_at__lt=now - SEEN_EVERY)
            type(self).objects.filter(stale, pk=self.pk).update(last_used_at=now)
            self.last_used_at = now

    def good_until(self) -> datetime:
        """Until when a check of this key holds while nobody changes it: till it expires, or its use is to be noted."""
        noted = (self.last_used_at or timezone.now()) + SEEN_EVERY
        return min(noted, self.expires_at) if self.expires_at else noted

    @property
    def state(self) -> str:
        """active, expired, revoked, or without user."""
        if self.revoked_at:
            return "revoked"
        if self.user_id is None:
            return "without user"
        return "expired" if self.expires_at and self.expires_at <= timezone.now() else "active"

    def _log(self, action: str, by: Actor) -> None:
        detail = {
            "prefix": self.prefix,
            "name": self.name,
            "user": self.user.get_username() if self.user else "",
            "scopes": self.scopes,
        }
        chain.append(self, by=by, entries=[chain.Entry(action=action, detail=detail)])


class Attempts(models.Model):
    """How often something was tried in the present window of time; one row a key, counted by the database itself."""

    key = models.CharField(max_length=80, primary_key=True)
    window = models.BigIntegerField()
    count = models.PositiveIntegerField()

    class Meta:
        db_table = "attempts"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
