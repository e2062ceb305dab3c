from django.urls import path

from agents import views

app_name = "agents"

urlpatterns = [
    path("new-agent/", views.create, name="create"),
    path("agents/<str:agent>/", views.detail, name="detail"),
    path("agents/<str:agent>/change/", views.change, name="change"),
    path("agents/<str:agent>/archive/", views.archive, name="archive"),
    path("agents/<str:agent>/delete/", views.delete, name="delete"),
]
