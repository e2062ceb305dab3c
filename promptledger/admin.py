"""The admin site: Django's own, with our one door."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class PromptLedgerAdminSite(admin.AdminSite):
    """Signing in happens at /login/ alone, where attempts are counted and second factors asked for."""

    site_header = "PromptLedger admin"
    site_title = "PromptLedger admin"
    index_title = "Administration"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send strangers to the sign-in page, and say to others that this is for staff."""
        if request.user.is_authenticated:
            raise PermissionDenied("The admin is for staff. Ask an admin to make your account a staff account.")
        return redirect(f"{reverse('accounts:login')}?next={reverse('admin:index')}")
