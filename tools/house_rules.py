"""House rules that no linter knows (docs/adr/0009): prints each breach as `file:line: rule: why`.

    .venv/bin/python tools/house_rules.py

Python is read as syntax, so words in texts and comments do not count; everything else is read line by line.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = 400

TESTS = re.compile(r"(^|/)(tests|benchmarks)/")
MIGRATIONS = re.compile(r"(^|/)migrations/")
VERSION_MODELS = re.compile(r"^versions/models/")
DECIDED_ELSEWHERE = re.compile(r"(^|/)(views|api|admin)(/\w+)?\.py$")
VENDORED = re.compile(r"(^|/)(vendor|node_modules)/")
LOCKS = re.compile(r"\.lock$|(^|/)package-lock\.json$")
COMPARISONS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)

WHY = {
    "unescaped": "text of strangers is always escaped",
    "csrf": "a session needs its CSRF token",
    "inline-code": "the Content-Security-Policy forbids inline code",
    "inline-style": "the Content-Security-Policy forbids inline styles",
    "markup-from-text": "no markup and no code is made from text",
    "broad-except": "catch the narrowest exception",
    "plain-save": "a version is changed by its transition methods",
    "stage-written": "a stage is changed by a transition method",
    "stage-compared": "the table of actions decides, not a comparison",
    "long-file": f"over {LINES} lines: split it by noun",
    "machine-path": "a path of one machine",
    "address": "a lock names no address",
}

# What is looked for in lines: the rule, in which files, what.
IN_LINES: tuple[tuple[str, str, str], ...] = (
    ("unescaped", r"\.html$", r"\|\s*safe(seq)?\b|\{%\s*autoescape\s+off"),
    ("inline-code", r"\.html$", r"\bhx-on\b|\bhx-(vals|headers)\s*=\s*['\"]?js(on)?:|\bhref\s*=\s*['\"]?javascript:"),
    ("inline-code", r"\.html$", r"(?<![\w-])on[a-z]{3,}\s*=\s*['\"]"),
    ("inline-code", r"\.html$", r"<script(?![^>]*\bsrc\s*=)"),
    ("inline-style", r"\.html$", r"(?<![\w-])style\s*=\s*['\"]|<style\b"),
    ("stage-compared", r"\.html$", r"\{%\s*(el)?if\b[^%]*(?<!\.GET)\.stage(\.\w+)?\s*(==|!=|in\b|not\s+in\b)"),
    ("stage-compared", r"\.html$", r"\{%\s*(el)?if\b[^%]*(==|!=)\s*['\"]?(\w+\.stage\b|DEV\b|TST\b|PRD\b|RET\b)"),
    ("markup-from-text", r"\.m?js$", r"(?<!swapStyle: \")\b(inner|outer)HTML\b|\binsertAdjacentHTML\b"),
    ("markup-from-text", r"\.m?js$", r"\bdocument\.write|\beval\s*\("),
    ("markup-from-text", r"\.m?js$", r"\bnew\s+Function\s*\(|\bset(Timeout|Interval)\s*\(\s*['\"]"),
    ("machine-path", r"", r"(?<![A-Za-z0-9_.*}])/(root|work|Users)/"),
)  # fmt: skip
ADDRESS = re.compile(r"https?:|\bfile:|\bgit\+|\bssh:|--(extra-)?index-url|--find-links|\"resolved\"")


@dataclass(frozen=True, order=True)
class Breach:
    """One breach of one rule."""

    file: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {WHY[self.rule]}"


def breaches_in(name: str, text: str) -> list[Breach]:
    """Return the breaches in one file, by its name from the root of the tree and its text."""
    if VENDORED.search(name):
        return []
    found = set(of_lines(name, text.splitlines()))
    if name.endswith(".py"):
        found |= {Breach(name, line, rule) for line, rule in of_syntax(name, ast.parse(text, name))}
    return sorted(found)


def of_lines(name: str, lines: list[str]) -> Iterator[Breach]:
    """Yield what single lines say, and that there are too many of them."""
    rules = [(rule, re.compile(what)) for rule, files, what in IN_LINES if re.search(files, name)]
    for number, line in enumerate(lines, 1):
        for rule, what in rules:
            if what.search(line):
                yield Breach(name, number, rule)
        if LOCKS.search(name) and ADDRESS.search(line):
            yield Breach(name, number, "address")
    exempt = TESTS.search(name) or MIGRATIONS.search(name)
    if name.endswith(".py") and not exempt and len(lines) > LINES:
        yield Breach(name, len(lines), "long-file")


def of_syntax(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, rule) of what Python code does."""
    tested = bool(TESTS.search(name))
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type):
            yield node.lineno, "broad-except"
        elif not tested and ("mark_safe" in names(node) or calls(node) in {"SafeString", "SafeText"}):
            yield node.lineno, "unescaped"
        elif not tested and "csrf_exempt" in names(node):
            yield node.lineno, "csrf"
        elif not tested and DECIDED_ELSEWHERE.search(name) and compares_stage(node):
            yield node.lineno, "stage-compared"
        elif not tested and not VERSION_MODELS.search(name):
            if writes_stage(node):
                yield node.lineno, "stage-written"
            elif saves_version(node):
                yield node.lineno, "plain-save"


def is_broad(caught: ast.expr | None) -> bool:
    """Whether an except clause catches everything."""
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(kind is None or last_name(kind) in {"Exception", "BaseException"} for kind in kinds)


def names(node: ast.AST) -> set[str]:
    """The names that a node itself speaks: a name, an attribute, or what an import brings."""
    if isinstance(node, ast.ImportFrom):
        return {alias.name for alias in node.names}
    return {last_name(node)} if isinstance(node, ast.Name | ast.Attribute) else set()


def calls(node: ast.AST) -> str:
    """The name of what is called, if it is a call."""
    return last_name(node) if isinstance(node, ast.Call) else ""


def last_name(node: ast.AST | None) -> str:
    """`c` of a.b.c, of c, and of a call of it; "" of anything else."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def compares_stage(node: ast.AST) -> bool:
    """Whether a stage is compared with anything but None or another stage that somebody saw."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    stages = [side for side in sides if last_name(side) == "stage"]
    parts = [
        part for side in sides for part in (side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side])
    ]
    others = [part for part in parts if last_name(part) != "stage" and not is_none(part)]
    return bool(stages and others) and any(isinstance(sign, COMPARISONS) for sign in node.ops)


def is_none(node: ast.expr) -> bool:
    """Whether it is the constant None, or a text without letters in it."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value == "")


def writes_stage(node: ast.AST) -> bool:
    """Whether it sets a version's stage: version.stage = …, update(stage=…), bulk_update(…, ["stage"])."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)]
        return any(part.attr == "stage" and is_version(part.value) for part in parts)
    if not isinstance(node, ast.Call):
        return False
    if last_name(node) in {"update", "aupdate"} and isinstance(node.func, ast.Attribute):
        return any(keyword.arg == "stage" for keyword in node.keywords)
    if last_name(node) in {"bulk_update", "abulk_update", "setattr"}:
        return any(isinstance(part, ast.Constant) and part.value == "stage" for part in ast.walk(node))
    return False


def saves_version(node: ast.AST) -> bool:
    """Whether it calls save() on a version."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return node.func.attr in {"save", "asave", "save_base"} and is_version(node.func.value)


def is_version(node: ast.expr) -> bool:
    """Whether its name says that it is a version: `version`, `self.draft`, `PromptVersion(…)`."""
    return last_name(node).lower().endswith(("version", "draft"))


def tracked() -> list[Path]:
    """The files that are or could be committed."""
    told = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def main() -> int:
    """Print every breach in the tree; 1 if there is one."""
    found: list[Breach] = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            found += breaches_in(path.relative_to(ROOT).as_posix(), content.decode())
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
