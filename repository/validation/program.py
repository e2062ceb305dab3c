"""The program: `validate_prompt PATH…`. Exit code 0: fine; 1: something is wrong; 2: it could not be checked."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from common.errors import BadInput
from repository.files.codes import ERROR, RULES
from repository.validation import Report, validate
from repository.validation.reports import FORMATS

FINE, WRONG, UNUSABLE = 0, 1, 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the program takes."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a tree, or folders and files in one")
    parser.add_argument("--format", choices=FORMATS, default="text", help="text, json, github (annotations) or sarif")
    parser.add_argument("--strict", action="store_true", help="warnings fail, too")
    parser.add_argument("--rules", action="store_true", help="list the codes and end")


def main(given: list[str]) -> int:
    """Run it with these arguments; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m repository.validation", description="Check prompt files. Needs no database and no settings."
    )
    arguments(parser)
    said = parser.parse_args(given)
    return run(said.paths, said.format, strict=said.strict, rules=said.rules)


def run(paths: list[Path], form: str, *, strict: bool = False, rules: bool = False) -> int:
    """Check and print: the report to standard output, the count to standard error."""
    if rules:
        sys.stdout.write("".join(f"{rule.code}  {rule.level:8} {rule.title}\n" for rule in RULES.values()))
        return FINE
    if not paths:
        sys.stderr.write("Name what to check: a tree of prompt files, or folders and files in one.\n")
        return UNUSABLE
    try:
        # None: the bar shows itself on a terminal only.
        with tqdm(desc="validate", unit="files", disable=None, leave=False, mininterval=0.5) as bar:
            report = validate(paths, seen=bar.update)
    except BadInput as error:
        sys.stderr.write(f"{error.detail}\n")
        return UNUSABLE
    _say(FORMATS[form](report))
    sys.stderr.write(_summary(report))
    return WRONG if report.failed or (strict and report.problems) else FINE


def _say(text: str) -> None:
    """Print a report; what the output's encoding lacks (Windows, a file's name that is no UTF-8) is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _summary(report: Report) -> str:
    errors = sum(one.rule.level == ERROR for _, one in report.problems)
    counts = f"{errors} errors, {len(report.problems) - errors} warnings"
    return f"{report.prompts} prompts in {report.files} files: {counts}.\n"
