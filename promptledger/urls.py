"""Every address, in one place."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic.base import RedirectView

from accounts.urls import allauth_urlpatterns
from promptledger import health, metrics, views

urlpatterns = [
    path("health", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics.Metrics.as_view()),
    path("v1/", include("promptledger.api")),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url="/static/img/favicon.svg", permanent=True)),
    path("", views.home, name="home"),
    path("", include("versions.urls")),
    path("", include("agents.urls")),
    path("", include("executions.urls")),
    path("", include("executions.analytics.urls")),
    path("", include("evaluations.urls")),
    path("", include("evaluations.notices.urls")),
    path("", include("accounts.urls")),
    *allauth_urlpatterns,
]

handler400 = "promptledger.answers.bad_request"
handler403 = "promptledger.answers.forbidden"
handler404 = "promptledger.answers.not_found"
handler500 = "promptledger.answers.server_error"
