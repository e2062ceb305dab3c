"""`prune` and `check`: what is left over goes, what disagrees is said."""

import pytest

from tests.release.world import PLACES, git

DAY = 86400


def branch(world, name, *, days=30):
    """A branch whose last commit is so old."""
    return world.write_main({"x": name}, onto=name, date=f"@{1_790_000_000 - days * DAY} +0000" if days else None)


def test_prune_removes_old_version_bump_branches(world):
    """S2-23, S2-5: also those that the old workflow named with two dashes."""
    for name in ("chore/version-bump-0.2.3", "chore/version-bump--v0.2.4", "chore/version-bump-old"):
        branch(world, name)
    said = world.release("prune", "--days", "7")
    assert world.branches == set()
    assert said.count("Removed the branch chore/version-bump-") == 3


def test_prune_asks_for_an_age_that_there_is(world):
    branch(world, "chore/version-bump-0.2.3", days=0)
    assert "0 or more" in world.refused("prune", "--days", "-1")
    assert world.branches == {"chore/version-bump-0.2.3"}


def test_prune_keeps_what_is_not_its_own(world):
    """S2-23: young ones, those with an open pull request, and everybody else's."""
    branch(world, "chore/version-bump-0.2.3", days=0)
    branch(world, "chore/version-bump-0.2.4")
    kept = ("feature", "chore/version-bumps", "chore/other", "version-bump-0.2.3", "my/chore/version-bump-0.2.3")
    for name in kept:
        branch(world, name)
    branch(world, "chore/version-bump-0.2.5")
    pull = {"title": "", "body": "", "url": "u"}
    state = world.state
    state["pulls"] = [
        {**pull, "head": "chore/version-bump-0.2.4", "state": "open"},
        {**pull, "head": "chore/version-bump-0.2.5", "state": "closed"},
        {
            **pull,
            "head": "chore/version-bump-0.2.5",
            "state": "open",
            "fork": True,
        },  # the branch of that name in a fork
    ]
    world.write(state)
    world.release("prune")
    assert world.branches == {*kept, "chore/version-bump-0.2.3", "chore/version-bump-0.2.4"}
    world.release("prune", "--days", "0")
    assert world.branches == {*kept, "chore/version-bump-0.2.4"}


def test_prune_removes_nothing_while_github_does_not_say_what_is_open(world):
    branch(world, "chore/version-bump-0.2.3")
    world.refuse(pr_list="HTTP 503")
    assert "503" in world.refused("prune")
    assert world.branches == {"chore/version-bump-0.2.3"}


def test_prune_says_which_branch_it_could_not_remove_and_removes_the_others(world):
    """S2-26."""
    branch(world, "chore/version-bump-0.2.3")
    branch(world, "chore/version-bump-0.2.4")
    world.rule("delete", "no\n")
    said = world.refused("prune")
    for name in world.branches:
        assert f"git push origin --delete {name}\n" in said
    assert len(world.branches) == 2


def test_check_before_the_first_release(world):
    assert "All agree: main says 0.1.0, 0 tags." in world.release("check")


@pytest.mark.parametrize("place", PLACES)
def test_check_says_which_file_was_raised_alone(world, place):
    """S2-4, S2-7: each place that says the version counts."""
    world.release("prepare", "--bump", "patch")
    world.write_main({place: git(world.server, "show", f"main:{place}").replace("0.1.1", "0.1.2")})
    said = world.refused("check")
    assert "The files on main disagree" in said
    assert f"'{place}': '0.1.2'" in said


def test_check_says_which_tag_is_on_a_commit_of_another_version(world):
    """S2-2: what the old workflow did, the tag before the files."""
    git(world.server, "update-ref", "refs/tags/v0.1.1", "main")
    said = world.refused("check")
    assert "The tag v0.1.1 is on" in said
    assert "main says 0.1.0, the latest tag 0.1.1." in said


def test_check_says_which_tag_is_not_on_main(world):
    world.release("prepare", "--bump", "patch")
    git(world.server, "update-ref", "refs/tags/v0.1.1", branch(world, "elsewhere"))
    assert "The tag v0.1.1 is not on main" in world.refused("check")


def test_check_reads_tags_that_have_a_message(world):
    """An annotated tag stands for its commit."""
    world.release("prepare", "--bump", "patch")
    git(world.server, "-c", "core.bare=true", "tag", "--force", "--annotate", "-m", "Signed off", "v0.1.1", "main")
    assert world.tags["v0.1.1"] != world.main
    assert "All agree" in world.release("check")
    world.release("prepare", "--bump", "patch")


def test_check_says_which_version_has_no_tag(world):
    world.rule("main")
    world.release("prepare", "--bump", "patch")
    world.merge()
    assert "Not tagged: 0.1.1. Run `tools/release.py finalize`." in world.refused("check")


def test_check_does_not_need_github(world):
    world.refuse(everything="HTTP 503")
    world.release("check")


# The repository's settings: only GitHub knows them (docs/releasing.md)


@pytest.mark.parametrize(
    ("place", "field", "remedy"),
    [
        ("", "delete_branch_on_merge", "gh api -X PATCH 'repos/{owner}/{repo}' -F delete_branch_on_merge=true"),
        (
            "/actions/permissions/workflow",
            "can_approve_pull_request_reviews",
            "-F can_approve_pull_request_reviews=true",
        ),
    ],
)
def test_a_setting_that_is_off_is_an_error_with_its_remedy(world, place, field, remedy):
    """S2-21, S2-27, S2-12, S2-44."""
    state = world.state
    state["settings"][place][field] = False
    world.write(state)
    assert remedy in world.refused("check", "--settings")
    assert "All agree" in world.release("check")


def test_a_setting_that_the_token_may_not_see_is_a_warning(world):
    """A workflow's own token is no administrator's."""
    state = world.state
    state["settings"] = {"": {"name": "promptledger"}, "/actions/permissions/workflow": None}
    world.write(state)
    said = world.release("check", "--settings")
    assert "gh api 'repos/{owner}/{repo}/actions/permissions/workflow'" in said
    assert "gh api 'repos/{owner}/{repo}'" in said
    assert said.count("::warning::") == 3  # two that are not seen, one of them with GitHub's own words
