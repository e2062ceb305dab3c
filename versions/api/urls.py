from django.urls import path

from versions.api import prompts, serving, versions

VERSION = "prompts/<str:name>/versions/<str:version>"

urlpatterns = [
    path("agents/<str:agent>/prompt", serving.AgentPrompt.as_view()),
    path("agents/<str:agent>/render", serving.AgentRender.as_view()),
    path("prompts", prompts.PromptList.as_view()),
    path("prompts/<str:name>", prompts.PromptDetail.as_view()),
    path("prompts/<str:name>/active", serving.Active.as_view()),
    path("prompts/<str:name>/render", serving.Render.as_view()),
    path("prompts/<str:name>/history", prompts.History.as_view()),
    path("prompts/<str:name>/rollback", versions.Rollback.as_view()),
    path("prompts/<str:name>/texts/<str:content_hash>", prompts.KeptText.as_view()),
    path("prompts/<str:name>/versions", versions.VersionList.as_view()),
    path(VERSION, versions.VersionDetail.as_view()),
    path(f"{VERSION}/promote", versions.Promote.as_view()),
    path(f"{VERSION}/set-active", versions.MakeActive.as_view()),
    path(f"{VERSION}/approve", versions.Approve.as_view()),
    path(f"{VERSION}/gate", versions.Gate.as_view()),
    path(f"{VERSION}/create-new", versions.Create.as_view()),
    path(f"{VERSION}/archive", versions.PressView.as_view(button="archive")),
    path(f"{VERSION}/unarchive", versions.PressView.as_view(button="unarchive")),
    path(f"{VERSION}/rollback", versions.RollbackToThis.as_view()),
    path(f"{VERSION}/diff", versions.Diff.as_view()),
]
