"""Files of 04-evals: JSON lines, the run first, then what came of each example (S3-5, S3-10, S3-30)."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.errors import BadInput
from common.strict_json import BODY_LIMIT, NotJSON, load
from evaluations import scorers
from repository.files import fields, layout
from repository.files.codes import Problem
from repository.files.yaml_text import Document, Unreadable, decoded

ANSWER_SHOWN = 2_000  # characters of an answer that are written down


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise fields.Wrong("must be a number from 0 to 1")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= fields.MOST:
        raise fields.Wrong("must be a whole number")
    return value


def _identity(value: Any) -> str:
    try:
        return str(uuid.UUID(fields.text(36)(value)))
    except ValueError as error:
        raise fields.Wrong("must be a UUID") from error


def _scorer(value: Any) -> dict[str, Any]:
    try:
        scorers.read(fields.mapping(value))
    except BadInput as error:
        raise fields.Wrong(f"cannot be used: {error.detail}") from error
    return value


READERS: dict[str, fields.Reader] = {
    "schema_version": fields.schema_version,
    "id": _identity,
    "name": fields.text(255),
    "version": fields.number,
    "label": fields.label,
    "content_hash": fields.digest,
    "dataset_sha256": fields.digest,
    "scorer": _scorer,
    "repeats": _count,
    "provider": fields.text(40),
    "model_name": fields.text(200),
    "environment": fields.one_of("dev", "tst", "prd", "ret"),
    "threshold": _score,
    "score": _score,
    "verdict": fields.one_of("pass", "fail", "inconclusive"),
    "examples": _count,
    "errors": _count,
    "figures": fields.mapping,
    "created_by": fields.text(255),
    "created_at": fields.instant,
    "started_at": fields.instant,
    "completed_at": fields.instant,
}
INSTANTS = ("created_at", "started_at", "completed_at")
NEEDED = ("name", "content_hash", "dataset_sha256", "examples")
ROW: dict[str, fields.Reader] = {
    "position": _count,
    "repeat": fields.number,
    "id": fields.text(255),
    "score": _score,
    "passed": fields.flag,
    "error": fields.text(500),
    "actual": fields.text(),
    "detail": fields.mapping,
    "latency_ms": _count,
}


@dataclass
class ResultFile:
    """One scoring of one text on one set of examples."""

    name: str
    content_hash: str
    dataset_sha256: str
    examples: int
    scorer: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    version: int | None = None
    label: str | None = None
    repeats: int = 1
    provider: str = ""
    model_name: str = ""
    environment: str = ""
    threshold: float | None = None
    score: float | None = None
    verdict: str = ""
    errors: int = 0
    figures: dict[str, Any] = field(default_factory=dict)
    created_by: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    path: str = ""

    def source(self) -> bytes:
        """The file: the same bytes for the same run."""
        said = {key: getattr(self, key) for key in READERS if key not in ("schema_version", *INSTANTS)}
        said |= {key: fields.said_instant(getattr(self, key)) for key in INSTANTS}
        head = fields.without_nothing(said) | {"schema_version": layout.SCHEMA_VERSION, "errors": self.errors,
                                               "score": self.score, "threshold": self.threshold}  # fmt: skip
        return "".join(_line(one) for one in [{"run": head}, *self.rows]).encode()


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"


def read_result(path: str, source: bytes) -> tuple[ResultFile | None, list[Problem]]:
    """Return the result that a file holds, or None, and all that is wrong with it."""
    try:
        text = decoded(source, BODY_LIMIT)
        lines = [_object(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    except Unreadable as error:
        return None, [Problem(path, error.line, "PL060", error.said)]
    if not lines or not isinstance(lines[0].get("run"), dict):
        return None, [Problem(path, 1, "PL060", 'The first line must be {"run": {…}}.')]
    found, wrong = fields.read_fields(path, Document(lines[0]["run"]), READERS, needed=NEEDED)
    wrong += fields.unknown_format(path, Document(), found)
    for number, one in enumerate(lines[1:], 2):
        _, bad = fields.read_fields(path, Document(one), ROW, needed=("position", "id"))
        wrong += [Problem(path, number, "PL060", problem.said) for problem in bad]
    if wrong:
        return None, [Problem(one.path, one.line, "PL060", one.said) for one in wrong]
    found.pop("schema_version", None)
    return ResultFile(**found, rows=lines[1:], path=path), []


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        value = load(line.encode())
    except NotJSON as error:
        raise Unreadable("PL060", number, str(error).replace("The body", "This")) from error
    if not isinstance(value, dict):
        raise Unreadable("PL060", number, "A line must be a JSON object.")
    return value


def row(
    *, position: int, repeat: int, key: str, score: float | None, passed: bool | None, error: str, actual: str,
    detail: dict[str, Any], latency_ms: int | None,
) -> dict[str, Any]:  # fmt: skip
    """What is written down of one answer; a long one is cut, the ledger or the log of the run has it whole."""
    said = {"passed": passed, "error": error, "actual": actual[:ANSWER_SHOWN], "detail": detail,
            "latency_ms": latency_ms}  # fmt: skip
    kept = {name: one for name, one in said.items() if one not in (None, "", {})}
    return {"position": position, "repeat": repeat, "id": key, "score": score, **kept}


def newest_first(found: Iterable[ResultFile]) -> list[ResultFile]:
    """By when they were finished."""
    return sorted(found, key=lambda one: fields.said_instant(one.completed_at) or "", reverse=True)
