from django.urls import path

from repository import api

urlpatterns = [
    path("prompts/register-code", api.RegisterCode.as_view()),
    path("registry", api.Registry.as_view()),
]
