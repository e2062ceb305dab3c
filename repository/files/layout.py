"""The layout of a tree of prompt files (S3-1 to S3-6; SPEC 8), and the names of files in it.

00-templates/   drafts, one file for each version in DEV or TST     PROMPT.v1.2.yaml
01-examples/    ground truth                                        PROMPT.jsonl, or PROMPT/*.json
02-production/  what is live, one file for each prompt              PROMPT.yaml
03-metadata/    what a prompt is, and what it must show             PROMPT.yaml
04-evals/       results of evaluations                              PROMPT.v1.2.jsonl
99-archive/     what was live                                       PROMPT.v1.0.yaml
prompt_registry.yaml
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from versions.stages import Stage

TEMPLATES, EXAMPLES, PRODUCTION = "00-templates", "01-examples", "02-production"
METADATA, EVALS, ARCHIVE = "03-metadata", "04-evals", "99-archive"
REGISTRY = "prompt_registry.yaml"
SCHEMA_VERSION = 1

# Which stages a folder holds; the first is meant where a file does not say.
STAGES_IN: dict[str, tuple[str, ...]] = {
    TEMPLATES: (Stage.DEV, Stage.TST),
    PRODUCTION: (Stage.PRD,),
    ARCHIVE: (Stage.RET,),
}
FOLDER_OF = {stage: folder for folder, stages in STAGES_IN.items() for stage in stages}
FOLDERS = (TEMPLATES, EXAMPLES, PRODUCTION, METADATA, EVALS, ARCHIVE)
ENDINGS = {
    TEMPLATES: (".yaml", ".yml"),
    EXAMPLES: (".jsonl", ".json"),
    PRODUCTION: (".yaml", ".yml"),
    METADATA: (".yaml", ".yml"),
    EVALS: (".jsonl",),
    ARCHIVE: (".yaml", ".yml"),
}

STEM_LENGTH = 100
PLAIN = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?", re.ASCII)
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}
)
ODD = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')


def why_unsafe(name: str) -> str:
    """Say why no file may have this name, on any system that a repository is checked out on; or ""."""
    if name in ("", ".", "..") or "/" in name:
        return "leads to another folder"
    if ODD.search(name) or any(unicodedata.category(one) in ("Cc", "Cf", "Cs") for one in name):
        return "holds a character that not every system takes"
    if name != name.rstrip(" ."):
        return "ends with a dot or a space, which not every system keeps"
    if name.partition(".")[0].rstrip().casefold() in DEVICES:
        return "is a device on Windows"
    return ""


def folded(name: str) -> str:
    """What two names have in common that a system may take for one."""
    return unicodedata.normalize("NFC", name).casefold()


def stems(names: Iterable[str]) -> dict[str, str]:
    """Return for each prompt the stem of its files: its name where that is a plain file name that no other is like.

    Else what can be kept of it, and a part of its SHA-256: no name leads out of the folder, none covers another.
    """
    names = list(names)
    like = Counter(folded(name) for name in names)
    return {name: name if _is_plain(name) and like[folded(name)] == 1 else hashed_stem(name) for name in names}


def _is_plain(name: str) -> bool:
    return bool(PLAIN.fullmatch(name)) and len(name) <= STEM_LENGTH and not why_unsafe(f"{name}.yaml")


def hashed_stem(name: str) -> str:
    """The stem of a name that cannot be a file's."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[: STEM_LENGTH - 20].lower()
    return f"{kept or 'prompt'}~{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def version_path(stem: str, stage: str, label: str) -> str:
    """Where a version's file is; in production there is one for each prompt."""
    folder = FOLDER_OF[stage]
    return f"{folder}/{stem}.yaml" if folder == PRODUCTION else f"{folder}/{stem}.{label}.yaml"


def metadata_path(stem: str) -> str:
    """Where a prompt's metadata are."""
    return f"{METADATA}/{stem}.yaml"


def examples_path(stem: str) -> str:
    """Where a prompt's examples are."""
    return f"{EXAMPLES}/{stem}.jsonl"


def evaluation_path(stem: str, label: str) -> str:
    """Where the newest result of a version is; `label` is "draft" for one that has no number yet."""
    return f"{EVALS}/{stem}.{label}.jsonl"
