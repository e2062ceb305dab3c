"""What somebody else does between a look and a push, and answers that are lost: nothing of others is overwritten."""

import shutil

import pytest

from tests.release.world import GH013, executable

BRANCH = "refs/heads/chore/version-bump-0.1.1"


@pytest.fixture
def guarded(world):
    world.rule("main", GH013)
    return world


def meanwhile(world, words, does):
    """At the first `git` whose words have these in them, this is done on the server before it."""
    executable(
        world.folder / "bin/git",
        f'#!/bin/sh\ncase "$*" in *"{words}"*)\n'
        f'echo >>"{world.folder}/times"\n'
        f'[ "$(wc -l <"{world.folder}/times")" -gt 1 ] || "$REAL" --git-dir="{world.server}" {does} ;;\n'
        'esac\nexec "$REAL" "$@"\n',
    )


def lost(world, words):
    """The answers to such pushes do not arrive."""
    executable(
        world.folder / "bin/git",
        f'#!/bin/sh\n"$REAL" "$@"\ncode=$?\ncase "$*" in push*"{words}"*) exit 128 ;; esac\nexit $code\n',
    )


def times(world):
    return (world.folder / "times").read_text().count("\n")


REAL = {"REAL": shutil.which("git")}


def test_main_moves_before_the_push(world):
    """What was merged a moment ago is in the release; nothing is overwritten."""
    new = world.write_main({"news": "x"}, onto="elsewhere")
    meanwhile(world, ":refs/heads/main", f"update-ref refs/heads/main {new}")
    world.release("prepare", "--bump", "patch", **REAL)
    assert times(world) == 2
    assert world.refs("refs/heads/")["elsewhere"] == new
    assert world.says("v0.1.1", "main") == {"0.1.1"}


def test_a_branch_that_somebody_made_meanwhile_is_looked_at_before_it_is_replaced(guarded):
    meanwhile(guarded, f":{BRANCH}", f"update-ref {BRANCH} {guarded.main}")
    guarded.release("prepare", "--bump", "patch", **REAL)
    assert times(guarded) == 2  # the first was refused: the branch was not as it had been seen
    assert len(guarded.pulls) == 1


def test_cleaning_up_removes_no_branch_of_somebody_else(guarded):
    """S2-22: the branch is removed as it was pushed, or not at all."""
    other = guarded.write_main({"x": "theirs"}, onto="other")
    guarded.refuse(pr_create="not permitted")
    meanwhile(guarded, f" :{BRANCH}", f"update-ref {BRANCH} {other}")
    said = guarded.refused("prepare", "--bump", "patch", **REAL)
    assert "could not be removed" in said
    assert guarded.refs("refs/heads/")["chore/version-bump-0.1.1"] == other


def test_prune_removes_no_branch_that_was_pushed_to_meanwhile(world):
    world.write_main({"x": "old"}, onto="chore/version-bump-0.1.1", date="@1700000000 +0000")
    new = world.write_main({"x": "new"}, onto="other")
    meanwhile(world, f" :{BRANCH}", f"update-ref {BRANCH} {new}")
    assert "could not be removed" in world.refused("prune", **REAL)
    assert world.refs("refs/heads/")["chore/version-bump-0.1.1"] == new


def test_answers_that_are_lost_while_finalizing(guarded):
    """The tag is there and the branch is gone: what counts is what the server has."""
    guarded.release("prepare", "--bump", "patch")
    guarded.merge(delete=False)
    lost(guarded, "refs/")
    guarded.release("finalize", **REAL)
    (guarded.folder / "bin/git").unlink()
    guarded.agrees("0.1.1")


def test_finalize_leaves_a_branch_whose_pull_request_is_about_to_be_made(world):
    """Another run has pushed it this moment; whether it was left behind, `prune` finds in a week."""
    world.release("prepare", "--bump", "patch")
    world.write_main({"x": "y"}, onto="chore/version-bump-0.1.2")
    world.release("finalize")
    assert world.branches == {"chore/version-bump-0.1.2"}
