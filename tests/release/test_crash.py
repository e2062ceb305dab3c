"""kill -9 at each point where something is asked or changed: what is on the server is whole, and the next run heals it."""

import os

import pytest

from tests.release.world import GH013

PUSH = "git push --porcelain"
# With 1, every call of git and gh is a point; else every so many.
STEP = int(os.environ.get("RELEASE_KILL_STEP", "12"))


def points(*several):
    """Where to kill: each command that changes something on the server before and after it, others before."""
    return pytest.mark.parametrize(("at", "nth", "when"), several)


@points(
    ("git ls-remote", 1, "before"), ("git commit-tree", 1, "after"), (PUSH, 1, "before"), (PUSH, 1, "after"),
    ("gh api", 1, "before"), ("gh release create", 1, "before"), ("gh release create", 1, "after"),
)  # fmt: skip
def test_a_release_that_was_killed(world, at, nth, when):
    """S2-29: released or not, never half; `finalize` makes up for the rest of a release."""
    assert world.killed(at, nth, when, "prepare", "--bump", "patch")
    released = bool(world.tags)
    assert world.tags == ({"v0.1.1": world.main} if released else {})
    assert world.says() == ({"0.1.1"} if released else {"0.1.0"})
    world.release(*(["finalize"] if released else ["prepare", "--bump", "patch"]))
    world.agrees("0.1.1")


@pytest.mark.parametrize("protected", [False, True])
def test_one_release_after_the_other_is_killed(world, protected):
    """Each somewhere else, and nothing is run to heal but the next release."""
    killed, nth = True, 1
    while killed:
        world.rule("main", GH013 if protected else "")
        killed = world.killed("git", nth, "before", "prepare", "--bump", "patch")
        nth += STEP
    if protected:
        world.merge()
        world.release("finalize")
    world.agrees(world.says().pop())


@points(
    (PUSH, 1, "after"), ("gh pr list", 1, "before"), (PUSH, 2, "before"), (PUSH, 2, "after"),
    ("gh pr create", 1, "before"), ("gh pr create", 1, "after"),
)  # fmt: skip
def test_a_request_that_was_killed(world, at, nth, when):
    """The same run once more has one pull request; merged, it is the release."""
    world.rule("main", GH013)
    assert world.killed(at, nth, when, "prepare", "--bump", "patch")
    assert world.says() == {"0.1.0"}
    world.release("prepare", "--bump", "patch")
    assert len(world.state["pulls"]) == 1
    world.merge()
    world.release("finalize")
    world.agrees("0.1.1")


@points(
    (PUSH, 1, "before"), (PUSH, 1, "after"), ("gh api", 1, "before"), ("gh release create", 1, "before"),
    ("gh release create", 1, "after"), (PUSH, 2, "before"), (PUSH, 2, "after"),
)  # fmt: skip
def test_a_finalize_that_was_killed(world, at, nth, when):
    world.rule("main", GH013)
    world.release("prepare", "--bump", "patch")
    world.merge(delete=False)
    assert world.killed(at, nth, when, "finalize")
    world.release("finalize")
    world.agrees("0.1.1")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cleaning_up_that_was_killed(world, when):
    """The branch of a refused pull request is still there: the next release removes it, or the daily `prune`."""
    world.rule("main", GH013)
    world.refuse(pr_create="not permitted")
    assert world.killed(PUSH, 3, when, "prepare", "--bump", "patch")
    world.refuse()
    world.release("prune", "--days", "0")
    assert world.branches == set()
    world.release("prepare", "--bump", "patch")
    world.merge()
    world.release("finalize")
    world.agrees("0.1.1")
