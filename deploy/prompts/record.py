"""The registry and the newest evaluations as files, as an export of the ledger writes them (S3-22, S3-30, S3-31)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.prompts.ledger import Ledger
from repository.files import layout, results
from repository.files.fields import instant
from repository.files.results import ResultFile
from repository.files.writing import check_target, put
from repository.files.yaml_text import REGISTRY_LIMIT, written

SAID = ("content_hash", "scorer", "repeats", "provider", "model_name", "environment", "threshold", "score", "examples",
        "errors", "figures", "created_by")  # fmt: skip


class OddPath(Exception):
    """The ledger names a file outside 04-evals."""


def record(ledger: Ledger, tree: Path) -> list[str]:
    """Write them below `tree`; return the paths that were written anew. Raises Refused, NoLedger, OddPath,
    BadInput for a tree that has a link in the place of one of them.
    """
    registry = ledger.get("registry")
    files = {layout.REGISTRY: written(registry, REGISTRY_LIMIT), **dict(evaluations(ledger, registry["prompts"]))}
    changed = [path for path, source in files.items() if not same(tree / path, source)]
    check_target(tree, force=True)
    for path in changed:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        put(tree / path, files[path])
    return changed


def same(path: Path, source: bytes) -> bool:
    """Whether a file says this already."""
    return path.is_file() and path.read_bytes() == source


def evaluations(ledger: Ledger, rows: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the file of the newest evaluation of each prompt: of what is live, else of its newest draft."""
    for name, row in sorted(rows.items()):
        if not row["evaluation"]:
            continue
        path = row["evaluation"]["file"]
        folder, _, file = path.partition("/")
        if folder != layout.EVALS or layout.why_unsafe(file):
            raise OddPath(f"{name}: '{path}' is no file of {layout.EVALS}.")
        run = ledger.get("evaluations", row["evaluation"]["id"])
        yield path, result_file(name, row, run).source()


def result_file(name: str, row: dict[str, Any], run: dict[str, Any]) -> ResultFile:
    """One evaluation, as the API has it, as its file says it."""
    label = row["evaluation"]["label"]
    number = next(one["version"] for one in row["versions"] if one["label"] == label)
    moments: dict[str, Any] = {key: instant(run[key]) for key in results.INSTANTS if run[key]}
    rows = [
        results.row(position=one["position"], repeat=one["repeat"], key=one["example"], score=one["score"],
                    passed=one["passed"], error=one["error"] or "", actual=one["actual"] or "",
                    detail=one["detail"] or {}, latency_ms=one["latency_ms"])
        for one in sorted(run["results"], key=lambda one: (one["position"], one["repeat"]))
    ]  # fmt: skip
    return ResultFile(
        name=name, id=run["id"], version=number, label=label, dataset_sha256=row["examples"]["sha256"], rows=rows,
        verdict=run["verdict"] or "", **moments, **{key: run[key] for key in SAID},
    )  # fmt: skip
