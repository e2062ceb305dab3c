"""Evaluations of the demo: real runs of the versions that its story has, carried out while it is loaded.

The offline provider answers with the filled prompt, so that they need no model and cost nothing; they are of today.
"""

from evaluations import running, starting
from evaluations.models import EvaluationRun
from ledger.actors import Actor
from versions.models import PromptVersion

PROMPT = "PartsClassifier.default"
LABELS = ("v1.0", "v1.1", "v1.3", "v2.0", "v2.1")


def load(*, by: Actor) -> int:
    """Evaluate the versions, oldest first. Returns how many; none where somebody has evaluated this prompt."""
    if EvaluationRun.objects.filter(prompt__name=PROMPT).exists():
        return 0
    versions = PromptVersion.objects.select_related("prompt").filter(prompt__name=PROMPT)
    found = [version for label in LABELS if (version := versions.look_up(label))]
    for version in found:
        running.work(starting.start(version, by=by).pk)
    return len(found)
