from django.urls import path

from evaluations.notices import views

app_name = "notices"

urlpatterns = [
    path("automation/", views.page, name="page"),
    path("automation/turn/", views.turn, name="turn"),
    path("notices/<int:notice>/dismiss/", views.dismiss, name="dismiss"),
    path("notices/<int:notice>/approve/", views.approve, name="approve"),
]
