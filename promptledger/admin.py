"""The admin site: Django's own, with our one door, and lists that take any address."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class Rows(ChangeList):
    """A list whose address may ask what no database can answer."""

    def get_results(self, request: HttpRequest) -> None:
        """Find the rows. Raises IncorrectLookupParameters, as Django does for most of what is wrong; not for year 0."""
        try:
            super().get_results(request)
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error


class Listed(admin.ModelAdmin):
    """What every model of the site gets."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The kind of list."""
        return Rows


class PromptLedgerAdminSite(admin.AdminSite):
    """Signing in happens at /login/ alone, where attempts are counted and second factors asked for."""

    site_header = "PromptLedger admin"
    site_title = "PromptLedger admin"
    index_title = "Administration"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register models, those of others too, as what is `Listed`."""
        given = admin_class or admin.ModelAdmin
        super().register(model_or_iterable, type(given.__name__, (Listed, given), {}), **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send strangers to the sign-in page, and say to others that this is for staff."""
        if request.user.is_authenticated:
            raise PermissionDenied("The admin is for staff. Ask an admin to make your account a staff account.")
        return redirect(f"{reverse('accounts:login')}?next={reverse('admin:index')}")
