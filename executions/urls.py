from django.urls import path

from executions import views

app_name = "executions"

urlpatterns = [
    path("executions/", views.listing, name="list"),
    path("executions/<str:execution>/", views.detail, name="detail"),
]
