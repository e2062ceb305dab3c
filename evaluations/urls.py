from django.urls import path

from evaluations.views import comparing, examples, policy, presses, runs, scores

app_name = "evaluations"
PROMPT = "prompts/<str:name>/"
RUN = "evaluations/<str:evaluation>/"

urlpatterns = [
    path(f"{PROMPT}versions/<str:label>/evaluate/", presses.start, name="start"),
    path(f"{PROMPT}examples/", examples.listing, name="examples"),
    path(f"{PROMPT}examples/one/", examples.one, name="example"),
    path(f"{PROMPT}examples/add/", examples.add, name="example_add"),
    path(f"{PROMPT}examples/change/", examples.change, name="example_change"),
    path(f"{PROMPT}examples/remove/", examples.remove, name="examples_remove"),
    path(f"{PROMPT}examples/restore/", examples.restore, name="examples_restore"),
    path(f"{PROMPT}examples/import/", examples.bring, name="examples_import"),
    path(f"{PROMPT}examples/download/", examples.download, name="examples_download"),
    path(f"{PROMPT}policy/", policy.edit, name="policy"),
    path(f"{PROMPT}evaluations/", scores.listing, name="list"),
    path(f"{PROMPT}evaluations/compare/", comparing.compare, name="compare"),
    path(RUN, runs.detail, name="run"),
    path(f"{RUN}cancel/", runs.cancel, name="cancel"),
    path(f"{RUN}examples/<int:position>/", runs.example, name="result"),
]
