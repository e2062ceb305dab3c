"""House rules that no linter knows: prints each breach as file:line: why, and fails if there is one."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = 400

# (what it looks for, in which files, not in which, why)
RULES: tuple[tuple[str, str, str, str], ...] = (
    (r"\bmark_safe\b|\|\s*safe\b|\{%\s*autoescape off", r"\.(py|html)$", r"^tests/|^tools/", "text of strangers is escaped"),
    (r"\bcsrf_exempt\b", r"\.py$", r"^tools/", "a session needs its CSRF token"),
    (r"\bhx-on|hx-vals=['\"]js:|\bon(click|change|submit|load|input)=|\bstyle=\"", r"\.html$", r"^$",
     "the CSP forbids inline code and styles"),
    (r"<script(?![^>]*\bsrc=)", r"\.html$", r"^$", "the CSP forbids inline scripts"),
    (r"\binnerHTML\b|\beval\(", r"\.js$", r"^static/vendor/|^frontend/", "no markup or code from text"),
    (r"except Exception\b|except:", r"\.py$", r"^tools/house_rules", "catch the narrowest exception"),
    (r"\bstage\s*(==|!=|\bin\b)", r"(^|/)(views|api|admin)(/\w+)?\.py$|\.html$", r"^tests/",
     "the table of actions decides, not a comparison"),
    (r"\.update\([^)]*\bstage\s*=", r"\.py$", r"^tests/", "stages change by transitions"),
    (r"(^|[^A-Za-z0-9_.])/(root|work)/", r"\.(py|md|toml|sh|html|js|css|yml|in|lock)$|^Makefile$", r"^tools/house_rules",
     "a path of one machine"),
)  # fmt: skip


def tracked() -> list[str]:
    """The files that are or could be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return listed.stdout.splitlines()


def breaches_in(name: str, text: str) -> list[str]:
    """Return what is wrong in one file."""
    found = []
    lines = text.splitlines()
    for pattern, files, but_not, why in RULES:
        if re.search(files, name) and not re.search(but_not, name):
            found += [f"{name}:{number}: {why}" for number, line in enumerate(lines, 1) if re.search(pattern, line)]
    measured = name.endswith(".py") and not re.search(r"(^|/)(tests|migrations)/", name)
    if measured and len(lines) > LINES:
        found.append(f"{name}:{len(lines)}: over {LINES} lines, split by noun")
    return found


def main() -> int:
    """Print every breach in the tree; 1 if there is one."""
    found = []
    for name in tracked():
        path = ROOT / name
        if path.suffix in {".py", ".html", ".js", ".md", ".toml", ".css", ".yml", ".in", ".lock"} and path.is_file():
            found += breaches_in(name, path.read_text(encoding="utf-8"))
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
