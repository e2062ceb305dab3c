"""Access, in the admin: which keys there are, and taking away what somebody lost."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.actors import person
from accounts.models import ApiKey


class State(admin.SimpleListFilter):
    """Keys that work, and those that no longer do."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("expired", "Expired"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "active":
                return queryset.usable()
            case "expired":
                return queryset.filter(revoked_at=None, expires_at__lte=timezone.now())
            case "revoked":
                return queryset.exclude(revoked_at=None)
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    """Keys are made by those who use them; here they are seen, and ended."""

    list_display = ("name", "start_of_key", "user", "scopes_said", "state", "expires_at", "last_used_at")
    list_filter = (State, "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    fields = ("name", "start_of_key", "user", "scopes_said", "state", "created_at", "expires_at", "last_used_at",
              "revoked_at")  # fmt: skip
    readonly_fields = fields
    actions = ("revoke",)

    @admin.display(description="key", ordering="prefix")
    def start_of_key(self, key: ApiKey) -> str:
        """What may be shown of it."""
        return f"pl_live_{key.prefix}_…"

    @admin.display(description="scopes")
    def scopes_said(self, key: ApiKey) -> str:
        """Its scopes, in words."""
        return ", ".join(key.scopes)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet) -> None:
        """End them at once, each with its ledger entry."""
        keys = list(queryset.filter(revoked_at=None))
        for key in keys:
            key.revoke(by=person(request))
        self.message_user(request, f"{len(keys)} keys are revoked. Programs that use them get 401 from now on.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes a key for somebody else here: it would have to be sent to them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are revoked, which the ledger records."""
        return False


# allauth's own page shows the secret of the second factor to every admin.
admin.site.unregister(Authenticator)
# No addresses are kept: people sign in by name.
admin.site.unregister(EmailAddress)


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):
    """The second factors: deleting the rows lets in somebody whose phone is lost, by the password alone."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    fields = list_display
    readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the person themself has the phone at hand."""
        return False
