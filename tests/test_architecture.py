"""The shape of the code: imports point down, and the layers that are stated are the ones that are there."""

import ast
import re
import tomllib
from pathlib import Path

import grimp
import pytest

from tests.live import ROOT
from tools import house_rules

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
# From the top; one in brackets is yet to come.
LAYERS = [layer for layer in SETTINGS["contracts"][0]["layers"] if layer in SETTINGS["root_packages"]]
WRITES = re.compile(r"LedgerEvent(\.objects\b.*\.(create|bulk_create|update|delete|get_or_create|update_or_create))?")


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(*LAYERS, cache_dir=None)


def test_the_layers_are_all_our_packages():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "tools", "deploy"}
    assert packages == set(LAYERS) == set(SETTINGS["root_packages"])


@pytest.mark.parametrize("lower", LAYERS)
def test_imports_point_down(graph, lower):
    for upper in LAYERS[: LAYERS.index(lower)]:
        assert graph.find_shortest_chains(lower, upper) == set(), f"{lower} imports {upper}"


def test_an_import_that_points_up_would_be_found(graph):
    graph.add_import(importer="common.text", imported="versions.stages")
    try:
        assert graph.find_shortest_chains("common", "versions") != set()
    finally:
        graph.remove_import(importer="common.text", imported="versions.stages")


def test_stages_import_nothing_of_ours(graph):
    assert graph.find_modules_directly_imported_by("versions.stages") == set()


def test_rules_know_nothing_of_requests(graph):
    """Pages, API and admin ask the rules; never the other way round."""
    rules = ["versions.actions", "versions.putting", "versions.verifying", "versions.models.transitions"]
    for rule in rules:
        for outside in ("versions.views.presses", "versions.api.versions", "versions.admin", "versions.forms"):
            assert not graph.chain_exists(importer=rule, imported=outside), f"{rule} imports {outside}"


def test_the_house_rules_hold_for_everything_that_is_tracked():
    """No plain save of a version, no stage compared or written outside the lifecycle, no file over 400 lines …"""
    assert house_rules.main() == 0


def sources() -> list[Path]:
    return [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py")) if "migrations" not in path.parts]


def test_the_ledger_is_written_in_one_place():
    """Rows of the ledger come from ledger.chain; nothing else makes, stores, changes or deletes one."""
    found = {
        (str(path.relative_to(ROOT)), ast.unparse(node.func))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and WRITES.fullmatch(ast.unparse(node.func))
    }
    bulk = {one for one in found if one[0].startswith("promptledger/demo/")}  # which stores what ledger.chain linked
    assert found - bulk == {("ledger/chain.py", "LedgerEvent"), ("ledger/chain.py", "LedgerEvent.objects.bulk_create")}
    assert {name for _, name in bulk} <= {"LedgerEvent.objects.bulk_create"}
