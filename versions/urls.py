from django.urls import path

from versions.views import presses, prompts, reading, streaming

app_name = "versions"
VERSION = "prompts/<str:name>/versions/<str:label>/"

urlpatterns = [
    path("prompts/", reading.prompt_list, name="prompt_list"),
    path("new-prompt/", prompts.create, name="prompt_create"),
    path("prompts/<str:name>/", reading.prompt_detail, name="prompt_detail"),
    path("prompts/<str:name>/change/", prompts.change, name="prompt_change"),
    path("prompts/<str:name>/archive/", prompts.archive, name="prompt_archive"),
    path("prompts/<str:name>/delete/", prompts.delete, name="prompt_delete"),
    path("prompts/<str:name>/first-draft/", prompts.first_draft, name="first_draft"),
    path("prompts/<str:name>/history/", reading.history, name="history"),
    path("prompts/<str:name>/texts/<str:content_hash>/", reading.saved_text, name="saved_text"),
    path(VERSION, reading.version_detail, name="version_detail"),
    path(f"{VERSION}edit/", presses.edit, name="edit"),
    path(f"{VERSION}test/", presses.test, name="test"),
    path(f"{VERSION}test/stream/", streaming.test, name="test_stream"),
    path(f"{VERSION}promote/", presses.promote, name="promote"),
    path(f"{VERSION}create/", presses.create, name="create"),
    path(f"{VERSION}delete/", presses.delete, name="delete"),
    path(f"{VERSION}approve/", presses.approve, name="approve"),
    path(f"{VERSION}archive/", presses.archive, name="archive"),
    path(f"{VERSION}unarchive/", presses.unarchive, name="unarchive"),
    path(f"{VERSION}rollback/", presses.rollback, name="rollback"),
    path(f"{VERSION}diff/", reading.diff, name="diff"),
]
