"""Wherever it is run, and whatever somebody's git is set to do: the same release, and nothing else."""

import subprocess

import pytest

from tests.release.world import CHANGELOG, GH013, executable, git

PGP = """#!/bin/sh
case "$*" in
*--verify*) echo "gpg: Good signature" >&2; echo "[GNUPG:] GOODSIG 1 x" ;;
*) cat >/dev/null; printf '%s\\n' '-----BEGIN PGP SIGNATURE-----' '' 'x' '-----END PGP SIGNATURE-----'
   echo "[GNUPG:] SIG_CREATED " >&2 ;;
esac
"""


@pytest.mark.parametrize("where", ["promptledger", "clients/python"])
def test_from_a_folder_in_the_clone(world, where):
    """S2-43: also finalize sees what main was raised to."""
    world.release("prepare", "--bump", "patch", cwd=world.clone / where)
    world.agrees("0.1.1")
    git(world.server, "update-ref", "-d", "refs/tags/v0.1.1")
    assert "Not tagged: 0.1.1" in world.refused("check", cwd=world.clone / where)
    world.release("finalize", cwd=world.clone / where)
    world.agrees("0.1.1")


def test_from_a_clone_without_its_files(world):
    """A blobless clone, as large repositories are checked out; and a bare one."""
    git(world.server, "config", "uploadpack.allowFilter", "true")
    git(world.folder, "clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{world.server}", "part")
    world.release("prepare", "--bump", "patch", cwd=world.folder / "part")
    git(world.folder, "clone", "--quiet", "--bare", world.server, "bare.git")
    world.release("prepare", "--bump", "patch", cwd=world.folder / "bare.git")
    world.agrees("0.1.2")


def test_no_tag_of_the_clone_goes_with_it(world):
    """push.followTags would take every annotated tag along: a v9.9.9 that somebody tried would be the latest release."""
    git(world.clone, "config", "push.followTags", "true")
    for tag in ("mine", "v9.9.9"):
        git(world.clone, "tag", "--annotate", "--message", "x", tag)
    world.release("prepare", "--bump", "patch")
    world.agrees("0.1.1")
    world.rule("main", GH013)
    world.release("prepare", "--bump", "patch")
    assert set(world.tags) == {"v0.1.1"}


def test_signatures_that_git_shows_are_no_answers(world):
    """With log.showSignature, git log says what it thinks of each signed commit, among the answers."""
    executable(world.folder / "gpg", PGP)
    for key, value in {"gpg.program": world.folder / "gpg", "log.showSignature": "true"}.items():
        git(world.clone, "config", key, value)
    git(world.clone, "commit", "--quiet", "--allow-empty", "--gpg-sign=x", "--message", "Signed")
    assert "Good signature" in git(world.clone, "log", "-1") or git(world.clone, "cat-file", "-p", "HEAD").count(
        "gpgsig"
    )
    git(world.clone, "push", "--quiet", "origin", "HEAD:main", "HEAD:chore/version-bump-9.9.9")
    world.release("prune", "--days", "0")
    world.release("prepare", "--bump", "patch")
    world.agrees("0.1.1")


def test_a_changelog_with_the_line_ends_of_windows(world):
    """An editor in the browser keeps them, whatever .gitattributes says."""
    world.write_main({"CHANGELOG.md": CHANGELOG.replace("\n", "\r\n")})
    world.release("prepare", "--bump", "patch")
    world.agrees("0.1.1")
    shown = subprocess.run(["git", "show", "main:CHANGELOG.md"], cwd=world.server, capture_output=True, check=True)
    assert shown.stdout.count(b"\r\n") == shown.stdout.count(b"\n") == CHANGELOG.count("\n") + 2
    assert "A first thing." in world.releases["v0.1.1"]["notes"]


@pytest.mark.parametrize("protected", [False, True])
def test_an_answer_that_is_no_json_is_an_error_in_words(world, protected):
    """A proxy's page in the place of GitHub's answer: said, and no branch is left."""
    if protected:
        world.rule("main", GH013)
    executable(world.folder / "bin/gh", "#!/bin/sh\necho '<html>Sign in to the proxy'\n")
    before = world.refs("refs/")
    code, said = world.run(*(("prepare", "--bump", "patch") if protected else ("check", "--settings")))
    assert "did not answer in JSON" in said
    assert "Traceback" not in said
    assert (code, world.refs("refs/")) == (1 if protected else 0, before)
