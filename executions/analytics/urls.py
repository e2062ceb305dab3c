from django.urls import path

from executions.analytics import views

app_name = "analytics"

urlpatterns = [
    path("analytics/", views.page, name="page"),
    path("analytics/export.csv", views.as_csv, name="csv"),
]
