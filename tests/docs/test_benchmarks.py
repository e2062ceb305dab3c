"""benchmarks/README.md names every benchmark, by a command that its own first line has."""

import ast
import re

from tests.live import ROOT

FOLDER = ROOT / "benchmarks"
NAMES = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "scratch"}


def test_every_benchmark_is_described_and_no_other():
    described = re.findall(r"-m benchmarks\.(\w+)[^\n#]*# \w", (FOLDER / "README.md").read_text())
    assert sorted(described) == sorted(NAMES)


def test_every_benchmark_says_how_it_is_run():
    for name in NAMES:
        said = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text()))
        assert f"python -m benchmarks.{name}" in said, name
