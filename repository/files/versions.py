"""The file of one version: what the text says, and where it stands (SPEC 8).

    name: part-number
    template: |
      Which part is {{ part_number }}?
    config: {model: gpt-4o-mini}

`name` and `template` (or `messages`, of a chat) are all that a person has to write; an export says everything.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.canonical import sha256
from common.errors import BadInput
from common.text import NAME_LENGTH
from repository.files import fields, layout
from repository.files.codes import Problem
from repository.files.yaml_text import Document, Unreadable, read, written
from versions import content
from versions.stages import EDITABLE, SEALED, Stage

READERS: dict[str, fields.Reader] = {
    "schema_version": fields.schema_version,
    "name": fields.text(NAME_LENGTH),
    "template": fields.text(),
    "messages": lambda value: value,
    "type": fields.one_of("text", "chat"),
    "template_format": fields.one_of("simple", "jinja2"),
    "config": fields.mapping,
    "commit_message": fields.text(content.MESSAGE_LIMIT),
    "stage": fields.one_of(*Stage.values),
    "version": fields.number,
    "label": fields.label,
    "sha256": fields.digest,
    "content_hash": fields.digest,
    "based_on": fields.number,
    "rollback_of": fields.number,
    "is_default_from_code": fields.flag,
    "commit": fields.text(64),
    "committed_at": fields.instant,
    "created_by": fields.text(255),
    "created_at": fields.instant,
    "updated_at": fields.instant,
    "deployed_at": fields.instant,
    "retired_at": fields.instant,
    "archived_at": fields.instant,
}
TAKEN = frozenset({"schema_version", "name", "template", "messages", "type", "stage", "config"})
INSTANTS = tuple(key for key, reader in READERS.items() if reader is fields.instant)
# What a file must say beside its text for the ledger to take it over as history.
HISTORY = ("version", "label", "created_by", "created_at", "updated_at")


@dataclass
class VersionFile:
    """One version as a file says it. None: not said, so the ledger decides."""

    name: str
    text: str
    stage: str
    kind: str = "text"
    config: dict[str, Any] = field(default_factory=dict)
    config_said: bool = True
    template_format: str | None = None
    commit_message: str = ""
    version: int | None = None
    label: str | None = None
    sha256: str | None = None
    content_hash: str | None = None
    based_on: int | None = None
    rollback_of: int | None = None
    is_default_from_code: bool = False
    commit: str = ""
    committed_at: datetime | None = None
    created_by: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deployed_at: datetime | None = None
    retired_at: datetime | None = None
    archived_at: datetime | None = None
    path: str = ""
    document: Document = field(default_factory=Document, repr=False, compare=False)

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor of its label; (0, 0) where it has none."""
        found = fields.LABEL.fullmatch(self.label or "")
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def is_history(self) -> bool:
        """Whether it says everything that the ledger keeps of a version, as an export does."""
        said = [getattr(self, key) is not None for key in HISTORY]
        said += [self.deployed_at is not None] if self.stage in SEALED else []
        said += [self.retired_at is not None] if self.stage == Stage.RET else []
        return all(said)

    @property
    def asks(self) -> bool:
        """Whether it is in 02-production and says of no deployment: it asks for its promotion, and is not live yet."""
        return self.stage == Stage.PRD and self.deployed_at is None

    @property
    def own_content_hash(self) -> str:
        """The hash of what it says."""
        return content.content_hash(self.kind, self.text, self.config)

    def line(self, *where: Any) -> int:
        """The line of a key."""
        return self.document.line(*where)

    def problem(self, code: str, said: str, *where: Any) -> Problem:
        """Something wrong with this file."""
        return Problem(self.path, self.line(*where), code, said)

    def source(self) -> bytes:
        """The file, as an export writes it."""
        said: dict[str, Any] = {
            "config": self.config, "commit_message": self.commit_message, "version": self.version, "label": self.label,
            "based_on": self.based_on,
            "rollback_of": self.rollback_of, "is_default_from_code": self.is_default_from_code, "commit": self.commit,
            "created_by": self.created_by,
        }  # fmt: skip
        said |= {key: fields.said_instant(getattr(self, key)) for key in INSTANTS}
        if self.stage in SEALED:  # a draft is there to be edited: hashes over it would only be in the way
            said |= {"sha256": sha256(self.text), "content_hash": self.own_content_hash}
        body = {"messages": content.messages_of(self.text)} if self.kind == "chat" else {"template": self.text}
        always = {"schema_version": layout.SCHEMA_VERSION, "name": self.name, "stage": str(self.stage), **body}
        return written(fields.without_nothing(said) | always)


def read_version(path: str, source: bytes) -> tuple[VersionFile | None, list[Problem]]:
    """Return the version that a file says, or None, and all that is wrong with the file as it stands alone."""
    try:
        document = read(source)
    except Unreadable as error:
        return None, [Problem(path, error.line, error.code, error.said)]
    found, wrong = fields.read_fields(path, document, READERS, needed=("name",))
    wrong += fields.unknown_format(path, document, found)
    if "name" not in found:
        return None, wrong
    stages = layout.STAGES_IN[path.partition("/")[0]]
    stage = found.get("stage", stages[0])
    if stage not in stages:
        said = f"stage {stage} does not belong here: {layout.FOLDER_OF[stage]}/ is its folder."
        wrong.append(Problem(path, document.line("stage"), "PL014", said))
    said_text = _text(path, document, found, wrong)
    if said_text is None:
        return None, wrong
    kind, text = said_text
    version = VersionFile(
        found["name"], text, stage, kind, path=path, document=document, config=found.get("config", {}),
        config_said=bool({"config", "version"} & found.keys()),
        **{key: found[key] for key in found if key not in TAKEN},
    )  # fmt: skip
    return version, wrong + _contradictions(version)


def _text(path: str, document: Document, found: dict[str, Any], wrong: list[Problem]) -> tuple[str, str] | None:
    """Return (kind, text), or None; what is wrong with them is added."""
    both = [key for key in ("template", "messages") if key in found]
    if len(both) != 1:
        broken = any(problem.line in (document.line("template"), document.line("messages")) for problem in wrong)
        if both or not broken:
            said = "It needs template (a text) or messages (of a chat), one of them."
            wrong.append(Problem(path, document.line(*both[-1:]), "PL011", said))
        return None
    kind = "chat" if both == ["messages"] else "text"
    if found.get("type", kind) != kind:
        wrong.append(Problem(path, document.line("type"), "PL011", f"type {found['type']} does not go with {both[0]}."))
        return None
    try:
        text = content.chat_text(found["messages"]) if kind == "chat" else found["template"]
        content.check_text(kind, text)
        content.check_config(found.get("config", {}))
    except BadInput as error:
        wrong.append(Problem(path, document.line(*both), "PL013", error.detail))
        return None
    return kind, text


def _contradictions(version: VersionFile) -> list[Problem]:
    """What the file says twice, and differently."""
    wrong = []
    if version.sha256 is not None and version.sha256 != sha256(version.text):
        said = "sha256 is not that of the text: the text was changed, or the hash was taken of another one."
        wrong.append(version.problem("PL015", said, "sha256"))
    elif version.content_hash is not None and version.content_hash != version.own_content_hash:
        said = "content_hash is not that of text and config: one of them was changed."
        wrong.append(version.problem("PL015", said, "content_hash"))
    if (version.label is None) != (version.version is None):
        wrong.append(version.problem("PL011", "version and label go together: give both, or neither.", "version"))
    dates = {"deployed_at": SEALED, "retired_at": (Stage.RET,), "archived_at": EDITABLE}
    for key, stages in dates.items():
        if getattr(version, key) is not None and version.stage not in stages:
            wrong.append(version.problem("PL016", f"A version in {version.stage} has no {key}.", key))
    if version.deployed_at and version.retired_at and version.retired_at < version.deployed_at:
        wrong.append(version.problem("PL016", "It was retired before it was deployed.", "retired_at"))
    return wrong
