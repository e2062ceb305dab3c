"""A report for people, programs, GitHub's pull requests and code scanners (SARIF 2.1.0)."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from repository.files.codes import RULES, Problem
from repository.validation import Report

Found = Iterable[tuple[Path, Problem]]
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def shown(root: Path, path: str) -> str:
    """A file as a person in this folder names it."""
    whole = root / path if path else root
    here = Path.cwd()
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


def as_text(report: Report) -> str:
    """One line for each problem: file:line: level PL000: what to do."""
    return "".join(
        f"{shown(root, one.path)}:{one.line}: {one.rule.level} {one.code}: {one.said}\n"
        for root, one in report.problems
    )


def as_json(report: Report) -> str:
    """One document; in ASCII, which every output takes."""
    found = [
        {"path": shown(root, one.path), "line": one.line, "code": one.code, "rule": one.rule.name,
         "level": one.rule.level, "blocks_import": one.rule.blocks, "detail": one.said}
        for root, one in report.problems
    ]  # fmt: skip
    return json.dumps({"prompts": report.prompts, "files": report.files, "failed": report.failed, "problems": found},
                      indent=2) + "\n"  # fmt: skip


def as_github(report: Report) -> str:
    """Workflow commands: GitHub shows them beside the lines of a pull request."""
    return "".join(
        f"::{one.rule.level} file={_property(shown(root, one.path))},line={one.line},"
        f"title={_property(f'{one.code} {one.rule.name}')}::{_data(one.said)}\n"
        for root, one in report.problems
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0, as code scanners take it; in ASCII."""
    rules = [
        {"id": rule.code, "name": rule.name, "shortDescription": {"text": rule.title},
         "defaultConfiguration": {"level": rule.level}}
        for rule in RULES.values()
    ]  # fmt: skip
    index = {code: position for position, code in enumerate(RULES)}
    results: list[dict[str, Any]] = [
        {
            "ruleId": one.code, "ruleIndex": index[one.code], "level": one.rule.level, "message": {"text": one.said},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(root, one.path)},
                                                "region": {"startLine": one.line}}}],
        }
        for root, one in report.problems
    ]  # fmt: skip
    driver = {"name": "promptledger", "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _uri(root: Path, path: str) -> str:
    return quote(shown(root, path), errors="surrogateescape")


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
