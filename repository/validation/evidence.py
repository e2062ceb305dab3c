"""Rules about 04-evals: results are of texts and examples that are there, and what is live is good enough."""

from collections.abc import Iterator

from repository import examples
from repository.files.codes import Problem
from repository.files.results import newest_first
from repository.files.tree import Tree
from versions.stages import Stage


def results(tree: Tree) -> Iterator[Problem]:
    """Results that are out of date, and what is in production below its threshold (S3-21)."""
    versions, sets = tree.versions_of(), tree.examples_of()
    digests: dict[str, str] = {}
    judged: set[tuple[str, str]] = set()
    for result in newest_first(tree.results):
        files = versions.get(result.name, [])
        if not any(file.own_content_hash == result.content_hash for file in files):
            said = f"No version of '{result.name}' says what was scored: it was edited since, or is gone."
            yield Problem(result.path, 1, "PL061", said)
            continue
        if result.name not in digests:
            parsed = examples.read(sets.get(result.name, []), None, "simple", {})
            digests[result.name] = examples.digest(parsed.items)
        if result.dataset_sha256 != digests[result.name]:
            yield Problem(result.path, 1, "PL061", "The examples were changed since. Evaluate again.")
            continue
        if (result.name, result.content_hash) in judged:
            continue  # the folder is a log: an older result of the same text says how it was
        judged.add((result.name, result.content_hash))
        found = tree.metadata.get(result.name)
        threshold = found.threshold if found else None
        live = next((file for file in files if file.stage == Stage.PRD), None)
        if live is None or live.own_content_hash != result.content_hash or not isinstance(threshold, int | float):
            continue
        if result.score is not None and result.score < threshold:
            said = f"{live.path} is in production and scores {result.score:g}, below the threshold {threshold:g}."
            yield Problem(result.path, 1, "PL062", said)
