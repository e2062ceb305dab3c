from django.urls import path

from executions.views import comparing, log

app_name = "executions"

urlpatterns = [
    path("executions/", log.listing, name="list"),
    path("executions/compare/", comparing.compare, name="compare"),
    path("executions/of/<str:name>/<str:label>/", log.recent, name="recent"),
    path("executions/<str:execution>/", log.detail, name="detail"),
    path("executions/<str:execution>/again/", log.again, name="again"),
    path("executions/<str:execution>/cancel/", log.cancel, name="cancel"),
]
