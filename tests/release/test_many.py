"""Releases in quick succession, at once, and twenty-five of all kinds (S2-13)."""

import random
import shutil

from tests.release.world import GH006, GH013


def at_once(world, count, *words):
    """So many runs at once, each from a clone of its own. Returns what they said."""
    clones = [world.folder / f"clone-{number}" for number in range(count)]
    for clone in clones:
        shutil.copytree(world.clone, clone, dirs_exist_ok=True)
    processes = [world.start(*words, cwd=clone) for clone in clones]
    said = [process.communicate(timeout=170)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count, said
    return said


def test_six_at_once_are_six_versions(world):
    """S2-13: the trailer keeps equal commits of one second apart, so each finds that the others were first."""
    said = at_once(world, 6, "prepare", "--bump", "patch")
    assert sorted(world.tags) == [f"v0.1.{number}" for number in range(1, 7)]
    assert len(set(world.tags.values())) == 6
    assert sorted(line.split(":")[0] for text in said for line in text.splitlines() if "Released" in line) == [
        f"Released 0.1.{number}" for number in range(1, 7)
    ]
    world.agrees("0.1.6")


def test_six_at_once_where_main_is_protected_are_one_pull_request(world):
    """S2-13, S2-35."""
    world.rule("main", GH013)
    at_once(world, 6, "prepare", "--bump", "patch")
    assert len(world.state["pulls"]) == 1
    world.merge()
    at_once(world, 2, "finalize")
    world.agrees("0.1.1")


def test_one_version_wanted_twice_at_once_is_released_once(world):
    clone = world.folder / "clone-b"
    shutil.copytree(world.clone, clone)
    processes = [world.start("prepare", "--version", "0.3.0", cwd=folder) for folder in (world.clone, clone)]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1], said
    assert "0.3.0 is not newer than 0.3.0" in "".join(said)
    world.agrees("0.3.0")


def test_twenty_five_of_all_kinds(world):
    """S2-4, S2-5, S2-42: version = tag after each, no branch left, nothing done by hand."""
    kinds = ["direct"] * 8 + ["squash", "merge", "rebase"] * 3 + ["refused", "down", "kept"] * 2 + ["stuck", "killed"]
    random.Random(25).shuffle(kinds)
    assert len(kinds) == 25
    for number, kind in enumerate(kinds, 1):
        world.rule("main", "" if kind in {"direct", "down"} else GH006)
        release(world, kind)
        assert world.says() == {f"0.1.{number}"} == world.says(f"v0.1.{number}"), kind
        assert (world.branches, len(world.tags)) == (set(), number), kind
    world.agrees("0.1.25")


def release(world, kind):
    """One release of a kind, with all that goes wrong in it and is then run again."""
    if kind == "refused" or kind == "stuck":
        world.refuse(pr_create="not permitted")
        if kind == "stuck":
            world.rule("delete")
        world.refused("prepare", "--bump", "patch")
    elif kind == "down":
        world.refuse(everything="HTTP 503")
        world.refused("prepare", "--bump", "patch")
    elif kind == "killed":
        assert world.killed("gh pr create", 1, "after", "prepare", "--bump", "patch")
    world.refuse()
    world.rule("delete", "")
    if kind not in {"direct", "down"}:
        world.release("prepare", "--bump", "patch")
        world.merge(kind if kind in {"merge", "rebase"} else "squash", delete=kind != "kept")
        world.release("finalize")
    elif kind == "down":
        world.release("finalize")
    else:
        world.release("prepare", "--bump", "patch")
