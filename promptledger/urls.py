"""Every address, in one place."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic.base import RedirectView

from accounts.urls import allauth_urlpatterns
from common.handler import unknown_path
from promptledger import health, views

urlpatterns = [
    path("health", health.live),
    path("health/ready", health.ready),
    path("v1/", include("promptledger.api")),
    re_path(r"^v1(/.*)?$", unknown_path),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url="/static/img/favicon.svg", permanent=True)),
    path("", views.home, name="home"),
    path("", include("versions.urls")),
    path("", include("agents.urls")),
    path("", include("executions.urls")),
    path("", include("accounts.urls")),
    *allauth_urlpatterns,
]
