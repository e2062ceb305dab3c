"""The file of a prompt: what it is, what goes in and comes out, and what it must show (S3-4; SPEC 8).

name: part-number
description: Finds the part number in a title.
inputs: {title: as the supplier writes it}
outputs: {part_number: as printed}
threshold: 0.85
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from common.errors import BadInput
from common.text import NAME_LENGTH, unstorable, validate_name
from evaluations.policy import READERS as POLICY
from repository.files import fields, layout
from repository.files.codes import Problem
from repository.files.yaml_text import LISTS_LIMIT, Document, Unreadable, read, written

RESERVED = ("register-code",)
OWN = ("inputs", "outputs", "updated_at")  # keys of a prompt's metadata that stand at the top of the file


def _anything(value: Any) -> Any:
    return value


def _highest(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != {"version", "label"}:
        raise fields.Wrong("must be a mapping of version and label")
    return {"version": fields.number(value["version"]), "label": fields.label(value["label"])}


def _rows(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise fields.Wrong("must be a list of mappings")
    return value


READERS: dict[str, fields.Reader] = {
    "schema_version": fields.schema_version,
    "name": fields.text(NAME_LENGTH),
    "agent": fields.text(NAME_LENGTH),
    "status_key": fields.text(NAME_LENGTH),
    "title": fields.text(NAME_LENGTH),
    "description": fields.text(),
    "owner_team": fields.text(NAME_LENGTH),
    "tags": fields.texts,
    "mode": fields.one_of("full", "tracking"),
    "type": fields.one_of("text", "chat"),
    "template_format": fields.one_of("simple", "jinja2"),
    "inputs": _anything,
    "outputs": _anything,
    "more": fields.mapping,
    "threshold": _anything,
    "evaluation": fields.mapping,
    "updated_at": _anything,
    "created_by": fields.text(255),
    "created_at": fields.instant,
    "archived_at": fields.instant,
    "highest": _highest,
    "versions": _rows,
}


@dataclass
class MetadataFile:
    """What a file says of a prompt. `said` names the keys that it holds; the others stay as the ledger has them."""

    name: str
    agent: str | None = None
    status_key: str = "default"
    title: str = ""
    description: str = ""
    owner_team: str = ""
    tags: list[str] = field(default_factory=list)
    mode: str = "full"
    type: str | None = None
    template_format: str = "simple"
    metadata: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    created_by: str | None = None
    created_at: datetime | None = None
    archived_at: datetime | None = None
    highest: dict[str, Any] | None = None
    versions: list[dict[str, Any]] = field(default_factory=list)
    said: frozenset[str] = frozenset()
    path: str = ""
    document: Document = field(default_factory=Document, repr=False, compare=False)

    @property
    def is_history(self) -> bool:
        """Whether it says everything that the ledger keeps of a prompt, as an export does."""
        return self.created_by is not None and self.created_at is not None

    @property
    def threshold(self) -> Any:
        """The score that a version must reach before production; None for no gate."""
        return self.evaluation.get("threshold")

    def problem(self, code: str, said: str, *where: Any) -> Problem:
        """Something wrong with this file."""
        return Problem(self.path, self.document.line(*where), code, said)

    def source(self) -> bytes:
        """The file, as an export writes it."""
        plain = ("agent", "title", "owner_team", "tags", "created_by", "versions")
        said: dict[str, Any] = {key: getattr(self, key) for key in plain}
        said |= {key: fields.said_instant(getattr(self, key)) for key in ("created_at", "archived_at")}
        said["more"] = {key: one for key, one in self.metadata.items() if key not in OWN}
        said["evaluation"] = {key: one for key, one in self.evaluation.items() if key != "threshold"}
        always = {
            "schema_version": layout.SCHEMA_VERSION, "name": self.name, "status_key": self.status_key,
            "description": self.description, "mode": self.mode, "type": self.type or "text",
            "template_format": self.template_format, "threshold": self.threshold, "highest": self.highest,
            **{key: self.metadata[key] for key in OWN if key in self.metadata},
        }  # fmt: skip
        return written(fields.without_nothing(said) | always, LISTS_LIMIT)


def read_metadata(path: str, source: bytes) -> tuple[MetadataFile | None, list[Problem]]:
    """Return what a metadata file says, or None, and all that is wrong with it."""
    try:
        document = read(source, LISTS_LIMIT)
    except Unreadable as error:
        return None, [Problem(path, error.line, error.code, error.said)]
    found, wrong = fields.read_fields(path, document, READERS, needed=("name",))
    wrong += fields.unknown_format(path, document, found)
    if "name" not in found:
        return None, wrong
    wrong += _bad_names(path, document, found)
    plain = {key: found[key] for key in MetadataFile.__dataclass_fields__ if key in found and key != "evaluation"}
    said = frozenset(document.value)
    # null is a value of inputs and outputs, and of the threshold: said, and nothing.
    metadata = found.get("more", {}) | {key: document.value[key] for key in OWN if key in document.value}
    policy = dict(found.get("evaluation", {}))
    if found.get("threshold") is not None:
        policy["threshold"] = found["threshold"]
    wrong += _bad_policy(path, document, policy)
    return MetadataFile(**{**plain, "metadata": metadata, "evaluation": policy}, said=said, path=path,
                        document=document), wrong  # fmt: skip


def _bad_names(path: str, document: Document, found: dict[str, Any]) -> list[Problem]:
    """Names that the ledger would not take."""
    wrong = []
    for key, bad in (("name", bad_name), ("agent", bad_agent)):
        if key in found:
            why = bad(found[key])
            wrong += [Problem(path, document.line(key), "PL011", f"{key}: {why}")] if why else []
    if "status_key" in found and not found["status_key"]:
        wrong.append(Problem(path, document.line("status_key"), "PL011", "status_key is empty."))
    for key in ("title", "description", "owner_team", "status_key"):
        if why := unstorable(found.get(key, "")):
            wrong.append(Problem(path, document.line(key), "PL011", f"{key} {why}."))
    return wrong


def bad_name(name: str) -> str:
    """Say why a prompt cannot have this name, or ""."""
    return f"The name '{name}' is reserved." if name in RESERVED else bad_agent(name)


def bad_agent(name: str) -> str:
    """Say why an agent cannot have this name, or ""."""
    if not name:
        return "It is empty."
    if len(name) > NAME_LENGTH:
        return f"It is over {NAME_LENGTH} characters."
    try:
        validate_name(name)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _bad_policy(path: str, document: Document, policy: dict[str, Any]) -> list[Problem]:
    """What the policy says that nobody could follow."""
    wrong = []
    for key, value in policy.items():
        where = ("threshold",) if key == "threshold" else ("evaluation", key)
        if key not in POLICY:
            said = f"evaluation.{key} is unknown. Known here: {', '.join(POLICY)}."
            wrong.append(Problem(path, document.line(*where), "PL037", said))
            continue
        try:
            POLICY[key](value)
        except BadInput as error:
            wrong.append(Problem(path, document.line(*where), "PL037", f"{'.'.join(where)}: {error.detail}"))
    return wrong
