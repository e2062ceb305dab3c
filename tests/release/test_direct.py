"""Releases where main takes a push: files first, commit, tag on it, release."""

import os
import re
import shutil
import subprocess

import pytest

from tests.release.world import CHANGELOG, PEOPLE, PLACES, ROOT, executable, git


@pytest.mark.parametrize(("bump", "version"), [("patch", "0.1.1"), ("minor", "0.2.0"), ("major", "1.0.0")])
def test_a_release(world, bump, version):
    """S2-3, S2-38, S2-43: version files, commit, push, tag, release, and nothing else is left."""
    before = world.main
    said = world.release("prepare", "--bump", bump)
    assert f"Released {version}" in said
    assert world.tags == {f"v{version}": world.main}  # S2-18: the tag is on the commit that carries the version
    assert git(world.server, "rev-parse", "main^") == before
    assert world.pulls == []
    world.agrees(version)  # S2-8, S2-34


def test_a_release_changes_the_version_files_and_the_changelog_only(world):
    """S2-16: pyproject.toml and __init__.py, and the client's two, are in the commit that is tagged."""
    world.release("prepare", "--bump", "patch")
    changed = git(world.server, "diff", "--name-only", "main^", "main").splitlines()
    assert set(changed) == {*PLACES, "CHANGELOG.md"}
    lines = git(world.server, "diff", "--unified=0", "main^", "main", "--", *PLACES).splitlines()
    assert sorted(line for line in lines if re.match(r"[+-][^+-]", line)) == sorted(
        2 * ['-version = "0.1.0"', '+version = "0.1.1"']
        + ['-VERSION = "0.1.0"', '+VERSION = "0.1.1"', '-__version__ = "0.1.0"', '+__version__ = "0.1.1"']
    )


def test_the_commit_starts_no_workflow_and_is_like_no_other(world):
    """S2-17: [skip ci] in the subject; a trailer of its own."""
    world.release("prepare", "--bump", "patch")
    found = re.fullmatch(r"chore: release 0\.1\.1 \[skip ci\]\n\nRelease-Run: ([0-9a-f-]{36})", world.message())
    world.release("prepare", "--bump", "patch")
    assert found
    assert found[1] not in world.message()


def test_the_changelog_becomes_the_release_note(world):
    """S2-43, step 6."""
    world.release("prepare", "--version", "0.3.0")
    text = git(world.server, "show", "main:CHANGELOG.md")
    dated = re.sub(r"\d{4}-\d\d-\d\d(?=\n\n### Added)", "DAY", text)
    assert dated == CHANGELOG.replace("## [Unreleased]", "## [Unreleased]\n\n## [0.3.0] - DAY").strip()
    note = "### Added\n\n- A first thing.\n"
    assert world.releases == {"v0.3.0": {"title": "v0.3.0", "notes": note, "latest": True}}
    world.release("prepare", "--bump", "patch")  # nothing new is in the changelog: GitHub lists what was merged
    assert world.releases["v0.3.1"]["notes"] is None


def test_a_changelog_without_its_heading_is_said_before_anything_is_done(world):
    """S2-29: loud, and nothing changed."""
    world.write_main({"CHANGELOG.md": "# Changelog\n"})
    before = world.everything()
    assert "has not one heading `## [Unreleased]`" in world.refused("prepare", "--bump", "patch")
    assert world.everything() == before


def test_the_clone_of_who_releases_stays_as_it_is(world):
    """No half a release in a checkout: a second run from it finds nothing of the first."""
    (world.clone / "pyproject.toml").write_text("unfinished")
    git(world.clone, "checkout", "--quiet", "-b", "my-work")
    before = (
        git(world.clone, "status", "--porcelain", "--branch"),
        git(world.clone, "for-each-ref", "refs/heads", "refs/tags"),
    )
    world.release("prepare", "--bump", "patch")
    assert (
        git(world.clone, "status", "--porcelain", "--branch"), git(world.clone, "for-each-ref", "refs/heads", "refs/tags")
    ) == before  # fmt: skip
    world.agrees("0.1.1")


def test_an_old_clone_releases_what_is_on_the_server(world):
    world.write_main({"news": "from somebody else"})
    world.release("prepare", "--bump", "patch")
    assert git(world.server, "show", "v0.1.1:news") == "from somebody else"
    world.agrees("0.1.1")


def test_the_next_number_follows_the_highest_of_files_and_tags(world):
    """S2-14: pyproject.toml said 0.2.328 when the tags were at v0.2.334. S2-43, step 1."""
    for place in PLACES:
        world.write_main({place: git(world.server, "show", f"main:{place}").replace("0.1.0", "0.2.328")})
    git(world.server, "update-ref", "refs/tags/v0.2.334", "main")
    assert "is on" in world.refused("check")
    world.release("prepare", "--bump", "patch")
    assert world.says() == {"0.2.335"} == world.says("v0.2.335")


def test_a_tag_that_is_no_version_does_not_count(world):
    for name in ("v9.9", "v01.2.3", "9.9.9", "nightly", "v9.9.9-rc1"):
        git(world.server, "update-ref", f"refs/tags/{name}", "main")
    world.release("prepare", "--bump", "patch")
    assert "v0.1.1" in world.tags


def test_files_that_disagree_agree_after_the_next_release(world):
    """S2-9, S2-42: nobody has to bring them together by hand; meanwhile `check` says so."""
    world.write_main({"promptledger/__init__.py": '"""X."""\n\n__version__ = "0.1.4"\n'})
    assert "disagree" in world.refused("check")
    assert "::warning::The files disagree" in world.release("prepare", "--bump", "patch")
    world.agrees("0.1.5")


@pytest.mark.parametrize(
    "text", ["", 'version = "1.0"\n', 'version = "1.0.0rc1"\n', 'version = "1.0.0"\n[tool.x]\nversion = "2.0.0"\n']
)
def test_a_file_that_says_no_version_is_named(world, text):
    world.write_main({"pyproject.toml": text})
    before = world.everything()
    said = world.refused("prepare", "--bump", "patch")
    assert said == "On main pyproject.toml does not say one version X.Y.Z: put that right first."
    assert world.everything() == before


def test_a_rule_on_tags_leaves_main_as_it_was(world):
    """S2-29: main is not raised to a version that cannot be tagged."""
    world.rule(
        "tag",
        "error: GH013: Repository rule violations found for REF.\n\n- Cannot create ref due to creations being restricted.\n",
    )
    before = world.everything()
    assert "refuses the tag v0.1.1, so main was not changed either" in world.refused("prepare", "--bump", "patch")
    assert world.everything() == before
    world.rule("tag", "")
    world.release("prepare", "--bump", "patch")
    world.agrees("0.1.1")


def test_a_rule_on_tags_in_the_server_s_own_words(world):
    world.rule("tag", "no\n")
    before = world.everything()
    assert "refuses the tag v0.1.1" in world.refused("prepare", "--bump", "patch")
    assert world.everything() == before


def test_github_is_down_after_the_push(world):
    """The tag stands, the release comes with `finalize`, whenever that is."""
    world.refuse(everything="HTTP 503: Service Unavailable")
    assert "503" in world.refused("prepare", "--bump", "patch")
    assert world.tags == {"v0.1.1": world.main}
    assert "503" in world.refused("finalize")
    world.refuse()
    assert "Release v0.1.1 is there." in world.release("finalize")
    world.agrees("0.1.1")


def test_a_release_whose_answer_is_lost_is_there(world):
    world.refuse(after_release_create="HTTP 502")
    world.release("prepare", "--bump", "patch")
    world.agrees("0.1.1")


def test_github_is_down_for_two_releases(world):
    """The older one is made up for as well, and is not called the latest."""
    world.refuse(release_create="HTTP 500")
    world.refused("prepare", "--bump", "patch")
    world.refused("prepare", "--bump", "minor")
    world.refuse()
    world.release("finalize")
    assert {tag: made["latest"] for tag, made in world.releases.items()} == {"v0.1.1": False, "v0.2.0": True}
    world.agrees("0.2.0")


def test_a_server_that_cannot_be_reached(world):
    git(world.clone, "remote", "set-url", "origin", world.folder / "gone")
    assert "git ls-remote failed" in world.refused("prepare", "--bump", "patch")


def test_a_shallow_clone_is_refused(world):
    """What was released is in the history."""
    git(world.folder, "clone", "--quiet", "--depth=1", f"file://{world.server}", "shallow")
    world.write_main({"news": "x"})
    git(world.folder / "shallow", "fetch", "--quiet", "--depth=1")
    for words in (["prepare", "--bump", "patch"], ["finalize"], ["check"]):
        assert "git fetch --unshallow" in world.refused(*words, cwd=world.folder / "shallow")


def test_finalize_may_always_be_run(world):
    """Nothing to do before the first release; nothing to do after each."""
    before = world.everything()
    assert world.release("finalize") == ""
    assert world.everything() == before
    world.release("prepare", "--bump", "patch")
    before = world.everything()
    assert world.release("finalize") == ""
    assert world.everything() == before


def test_without_gh_the_tag_is_there_and_the_rest_is_said(world):
    (world.folder / "bin/gh").unlink()
    path = world.folder / "few"
    path.mkdir()
    for name in ("git", "sh", "sed"):
        (path / name).symlink_to(f"/usr/bin/{name}")
    assert "gh is not installed" in world.refused("prepare", "--bump", "patch", PATH=str(path))
    assert world.tags == {"v0.1.1": world.main}


def test_an_answer_that_is_lost_is_not_a_failure(world):
    """The push came through and the line broke: what the server has is asked, and nothing is released twice."""
    lost = '#!/bin/sh\n"$REAL" "$@"\ncode=$?\ncase $1 in push) exit 128 ;; esac\nexit $code\n'
    executable(world.folder / "bin/git", lost)
    assert "Released 0.1.1" in world.release("prepare", "--bump", "patch", REAL=shutil.which("git"))
    (world.folder / "bin/git").unlink()
    world.agrees("0.1.1")


def test_a_push_that_fails_for_another_reason_is_not_tried_for_ever(world):
    broken = (
        '#!/bin/sh\ncase $1 in push) echo "fatal: the remote end hung up" >&2; exit 128 ;; esac\nexec "$REAL" "$@"\n'
    )
    executable(world.folder / "bin/git", broken)
    before = world.everything()
    said = world.refused("prepare", "--bump", "patch", REAL=shutil.which("git"))
    assert "The server took neither commit nor tag; nothing was changed." in said
    assert "the remote end hung up" in said
    assert world.everything() == before


def test_make_releases(world):
    """`make release BUMP=minor`; without one it says so, and nothing is released."""
    shutil.copy(ROOT / "Makefile", world.clone / "Makefile")
    (world.clone / "tools").symlink_to(ROOT / "tools")
    environ = {**os.environ, **PEOPLE, "PATH": f"{world.folder / 'bin'}:{os.environ['PATH']}"}
    told = {"cwd": world.clone, "env": environ, "capture_output": True, "text": True}
    assert "invalid choice: ''" in subprocess.run(["make", "release"], **told).stderr
    assert world.tags == {}
    done = subprocess.run(["make", "release", "BUMP=minor"], **told)
    assert "Released 0.2.0" in done.stdout, done.stderr
    world.agrees("0.2.0")
