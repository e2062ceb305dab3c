"""Releases where main takes no push: a pull request, merged in any way, and `finalize` (S2-11, S2-24, S2-39)."""

import shutil

import pytest

from tests.release.world import GH006, GH013, PLACES, executable, git


@pytest.fixture(params=[GH006, GH013, "no\n"], ids=["GH006", "GH013", "hook"])
def protected(request, world):
    """A world whose main takes no push, in three wordings."""
    world.rule("main", request.param)
    return world


@pytest.fixture
def guarded(world):
    world.rule("main", GH013)
    return world


def test_main_takes_no_push_so_a_pull_request_is_made(protected):
    """S2-24, S2-36: a branch with one dash; the files in it; no tag before it is merged."""
    before = protected.main
    said = protected.release("prepare", "--bump", "patch")
    assert protected.main == before
    assert protected.tags == {}
    assert protected.branches == {"chore/version-bump-0.1.1"}
    assert protected.says("chore/version-bump-0.1.1") == {"0.1.1"}
    (pull,) = protected.pulls
    assert (pull["head"], pull["title"]) == ("chore/version-bump-0.1.1", "chore: release 0.1.1")
    assert pull["url"] in said
    assert "All agree" in protected.release("check")


@pytest.mark.parametrize("wanted", ["v0.2.335", " v0.2.335 ", "0.2.335", "0.2.335\n"])
def test_the_branch_has_one_dash_whatever_is_asked(guarded, wanted):
    """S2-19, S2-20, S2-32, S2-36: the v and the space are stripped before the branch gets its name."""
    guarded.release("prepare", "--version", wanted)
    assert guarded.branches == {"chore/version-bump-0.2.335"}


def test_the_pull_request_s_checks_run(guarded):
    """S2-17 and S2-24: a head commit with [skip ci] would keep required checks waiting for ever."""
    guarded.release("prepare", "--bump", "patch")
    (pull,) = guarded.pulls
    words = guarded.message("chore/version-bump-0.1.1") + pull["title"] + pull["body"]
    for mark in ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "skip-checks"):
        assert mark not in words


@pytest.mark.parametrize("how", ["squash", "merge", "rebase"])
@pytest.mark.parametrize("deleted", [True, False], ids=["GitHub deletes", "finalize deletes"])
def test_merged_and_finalized(guarded, how, deleted):
    """S2-10, S2-21, S2-39, S2-41: tag on the commit that brings the version to main; no branch is left."""
    guarded.release("prepare", "--bump", "minor")
    git(guarded.server, "update-ref", "refs/heads/feature", guarded.write_main({"new": "x"}))
    merged = guarded.merge(how, delete=deleted)
    guarded.write_main({"newer": "after the merge, before finalize"})
    guarded.release("finalize")
    assert guarded.tags == {"v0.2.0": merged}
    git(guarded.server, "update-ref", "-d", "refs/heads/feature")
    guarded.agrees("0.2.0")


def test_finalize_waits_for_the_merge(guarded):
    guarded.release("prepare", "--bump", "patch")
    before = guarded.everything()
    guarded.release("finalize")
    assert guarded.everything() == before


def test_asked_again_the_waiting_one_is_brought_up_to_date(guarded):
    """S2-13: two requests, one pull request, and it can be merged whatever came between."""
    guarded.release("prepare", "--bump", "patch")
    guarded.write_main({"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\nQuite other words.\n"})
    guarded.release("prepare", "--bump", "patch")
    assert len(guarded.state["pulls"]) == 1
    guarded.merge()
    guarded.release("finalize")
    assert guarded.releases["v0.1.1"]["notes"] == "Quite other words.\n"
    guarded.agrees("0.1.1")


def test_another_waits_for_its_merge(guarded):
    """Two would be in each other's way: the second is told which is first."""
    guarded.release("prepare", "--bump", "patch")
    before = guarded.everything()
    (pull,) = guarded.pulls
    assert f"merge or close {pull['url']} first" in guarded.refused("prepare", "--bump", "minor")
    assert guarded.everything() == before


REFUSED = "pull request create failed: GraphQL: GitHub Actions is not permitted to create or approve pull requests"


def test_no_pull_request_may_be_made(protected):
    """S2-12, S2-22, S2-25, S2-26, S2-40: the branch is removed again, exit 1, and what to set is said."""
    protected.refuse(pr_create=REFUSED)
    before = protected.refs("refs/")
    said = protected.refused("prepare", "--bump", "patch")
    assert REFUSED in said
    assert "The branch chore/version-bump-0.1.1 was removed" in said
    assert "Allow GitHub Actions to create and approve pull requests" in said
    assert protected.refs("refs/") == before
    protected.refuse()
    protected.release("prepare", "--bump", "patch")
    protected.merge()
    protected.release("finalize")
    protected.agrees("0.1.1")


def test_neither_pull_request_nor_removal(guarded):
    """S2-26: the error names the exact command for the branch that is left."""
    guarded.refuse(pr_create=REFUSED)
    guarded.rule("delete")
    said = guarded.refused("prepare", "--bump", "patch")
    assert REFUSED in said
    assert "git push origin --delete chore/version-bump-0.1.1\n" in said
    guarded.rule("delete", "")
    git(
        guarded.clone, "push", "--quiet", "origin", "--delete", "chore/version-bump-0.1.1"
    )  # the command, as it is said
    assert guarded.branches == set()


def test_a_pull_request_whose_answer_is_lost_is_there(guarded):
    """Made in spite of the error, or by somebody else a moment ago: its branch is not removed."""
    guarded.refuse(after_pr_create="HTTP 502")
    assert "waits for https://github.example/acme/promptledger/pull/1" in guarded.release("prepare", "--bump", "patch")
    assert guarded.branches == {"chore/version-bump-0.1.1"}
    guarded.merge()
    guarded.release("finalize")
    guarded.agrees("0.1.1")


def test_a_branch_that_was_left_behind_is_taken_up(guarded):
    """The next run for that version goes on with it."""
    guarded.refuse(pr_create=REFUSED)
    guarded.rule("delete")
    guarded.refused("prepare", "--bump", "patch")
    guarded.refuse()
    guarded.rule("delete", "")
    guarded.release("prepare", "--bump", "patch")
    assert len(guarded.pulls) == 1
    guarded.merge()
    guarded.release("finalize")
    guarded.agrees("0.1.1")


def test_a_branch_that_was_left_behind_goes_when_main_is_past_it(guarded):
    """S2-9, S2-35: also when the next release has another number."""
    guarded.refuse(pr_create=REFUSED)
    guarded.rule("delete")
    guarded.refused("prepare", "--bump", "patch")
    guarded.refuse()
    guarded.rule("delete", "")
    guarded.release("prepare", "--bump", "minor")
    guarded.merge()
    guarded.release("finalize")
    guarded.agrees("0.2.0")


def test_branches_are_guarded_as_well(guarded):
    guarded.rule("branch", GH013)
    before = guarded.everything()
    said = guarded.refused("prepare", "--bump", "patch")
    assert "the branch chore/version-bump-0.1.1 is refused, too; nothing was changed" in said
    assert guarded.everything() == before


def test_github_is_down_before_the_branch_is_made(guarded):
    guarded.refuse(everything="HTTP 503")
    before = guarded.refs("refs/")
    assert "503" in guarded.refused("prepare", "--bump", "patch")
    assert guarded.refs("refs/") == before


def test_tags_are_guarded_when_the_merge_comes_to_be_finalized(guarded):
    """It fails until that is put right, and says which tag; then `finalize` goes on."""
    guarded.release("prepare", "--bump", "patch")
    guarded.merge()
    guarded.rule("tag")
    assert "The tag v0.1.1 could not be made" in guarded.refused("finalize")
    assert "Not tagged: 0.1.1" in guarded.refused("check")
    guarded.rule("tag", "")
    guarded.release("finalize")
    guarded.agrees("0.1.1")


def test_github_is_down_when_the_merge_comes_to_be_finalized(guarded):
    """The tag does not wait for it, and the rest is made up for."""
    guarded.release("prepare", "--bump", "patch")
    merged = guarded.merge(delete=False)
    guarded.refuse(everything="HTTP 503")
    assert "503" in guarded.refused("finalize")
    assert guarded.tags == {"v0.1.1": merged}
    guarded.refuse()
    guarded.release("finalize")
    guarded.agrees("0.1.1")


def test_a_release_that_github_refuses_keeps_no_branch(guarded):
    """S2-9, S2-35: what one step cannot do does not keep the next from it."""
    guarded.release("prepare", "--bump", "patch")
    guarded.merge(delete=False)
    guarded.refuse(release_create="HTTP 500")
    assert "500" in guarded.refused("finalize")
    assert (list(guarded.tags), guarded.branches, guarded.releases) == (["v0.1.1"], set(), {})


def test_a_merge_that_nobody_finalized_is_made_up_for_by_the_next_release(guarded):
    """S2-13, S2-29: no version is skipped, however late."""
    guarded.release("prepare", "--bump", "patch")
    first = guarded.merge()
    guarded.rule("main", "")
    guarded.release("prepare", "--bump", "patch")
    assert guarded.tags == {"v0.1.1": first, "v0.1.2": guarded.main}
    guarded.agrees("0.1.2")


def test_a_version_that_came_by_hand_gets_its_tag(world):
    """Somebody raised all files in a pull request of their own: main is right, so the tag follows."""
    raised = world.write_main(
        {place: git(world.server, "show", f"main:{place}").replace("0.1.0", "0.4.0") for place in PLACES}
    )
    world.release("finalize")
    assert world.tags == {"v0.4.0": raised}
    world.agrees("0.4.0")


def test_what_the_project_began_with_is_no_release(world):
    """0.1.0 was in the first commit; a tag on it would be a release of nothing."""
    world.write_main({"README.md": "More"})
    world.release("finalize")
    assert (world.tags, world.releases) == ({}, {})


def test_a_revert_is_no_release_and_the_next_number_is_a_new_one(world):
    world.release("prepare", "--bump", "minor")
    released = world.main
    world.write_main({place: git(world.server, "show", f"main^:{place}") for place in PLACES})
    assert "main says 0.1.0, the latest tag 0.2.0" in world.refused("check")
    world.release("finalize")
    assert world.tags == {"v0.2.0": released}
    world.release("prepare", "--bump", "patch")
    world.agrees("0.2.1")


# What GitHub answers, word for word as people have reported it: (what it says, its lines for main and the tag, what we do)
REMOTE = "remote: error: GH0{} for refs/{}.\nremote: - Why.\n"
RULES, TOGETHER = "push declined due to repository rule violations", "atomic transaction failed"
ANSWERS = [
    (REMOTE.format("13: Repository rule violations found", "heads/main"), RULES, TOGETHER, "asks"),
    (
        REMOTE.format("06: Protected branch update failed", "heads/main"),
        "protected branch hook declined",
        TOGETHER,
        "asks",
    ),
    ("", "pre-receive hook declined", TOGETHER, "asks"),
    (REMOTE.format("13: Repository rule violations found", "tags/v0.1.1"), TOGETHER, RULES, "stops"),
    # One that refuses everything in the same words: only the name tells which it was.
    (REMOTE.format("13: Repository rule violations found", "tags/v0.1.1"), RULES, RULES, "stops"),
    (REMOTE.format("13: Repository rule violations found", "heads/main"), RULES, RULES, "asks"),
    (REMOTE.format("13: …", "heads/main") + REMOTE.format("13: …", "tags/v0.1.1"), RULES, RULES, "asks"),
]


@pytest.mark.parametrize(("remote", "of_main", "of_tag", "does"), ANSWERS)
def test_what_github_answers(world, remote, of_main, of_tag, does):
    """A guarded main is asked by a pull request, a guarded tag is an error."""
    executable(
        world.folder / "bin/git",
        '#!/bin/sh\ncase "$*" in *:refs/heads/main*) ;; *) exec "$REAL" "$@" ;; esac\n'
        f'printf "%s" "{remote}" >&2\n'
        f'printf "To x\\n!\\tabc:refs/heads/main\\t[remote rejected] ({of_main})\\n"\n'
        f'printf "!\\tabc:refs/tags/v0.1.1\\t[remote rejected] ({of_tag})\\nDone\\n"\nexit 1\n',
    )
    code, said = world.run("prepare", "--bump", "patch", REAL=shutil.which("git"))
    assert (code, len(world.pulls)) == ((0, 1) if does == "asks" else (1, 0)), said
    assert ("The server refuses the tag v0.1.1" in said) == (does == "stops")


def test_pull_requests_of_other_branches_do_not_matter(guarded):
    state = guarded.state
    others = [{"head": "feature", "fork": False}, {"head": "chore/version-bump-0.1.1", "fork": True}]
    state["pulls"] = [{"title": "", "body": "", "state": "open", "url": "other", **other} for other in others]
    guarded.write(state)
    said = guarded.release("prepare", "--bump", "patch")
    assert "waits for https://github.example/acme/promptledger/pull/3" in said
