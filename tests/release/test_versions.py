"""What may be a version: X.Y.Z, newer than all before it."""

import pytest

BAD = [
    "01.2.3", "0.3.000", "0.03.0", "1.2", "1.2.3.4", "1.2.3-rc1", "1.2.3+build", "1.2.x", "vv1.2.3", "-1.2.3", "1,2,3",
    "$(id)", "`id`", "../x", "1.2.3;id", "1.2.3 4.5.6", "", " ", "latest", "１.２.３", "1.2.3\n::set-output name=x::y", "9" * 5000 + ".0.0",
]  # fmt: skip


def test_what_is_no_version_is_refused_before_anything_is_asked(world):
    """S2-29: no tag, no branch, nothing run."""
    before = world.everything()
    (world.server / "HEAD").rename(world.server / "away")  # the server is not even needed
    for version in BAD:
        assert "is no version: X.Y.Z" in world.refused("prepare", f"--version={version}")
    (world.server / "away").rename(world.server / "HEAD")
    assert world.everything() == before


@pytest.mark.parametrize("protected", [False, True])
def test_what_is_not_newer_is_refused(world, protected):
    """S2-14: equal and older, to the files and to the tags."""
    world.release("prepare", "--version", "0.2.0")
    if protected:
        world.rule("main")
    before = world.everything()
    for version in ("0.2.0", "v0.2.0", "0.1.9", "0.1.0", "0.0.99"):
        said = world.refused("prepare", "--version", version)
        assert said == f"{version.strip('v')} is not newer than 0.2.0, which is in the files or tagged."
    assert world.everything() == before


@pytest.mark.parametrize(("version", "tag"), [("0.1.10", "v0.1.10"), (" v2.0.0\t", "v2.0.0"), ("10.0.0", "v10.0.0")])
def test_what_is_newer_is_released(world, version, tag):
    """S2-19: numbers are compared, not letters."""
    world.release("prepare", "--version", "0.1.9")
    world.release("prepare", "--version", version)
    assert tag in world.tags
    world.agrees(tag[1:])


def test_either_a_bump_or_a_version(world):
    for words in ([], ["--bump", "patch", "--version", "1.0.0"], ["--bump", "huge"]):
        code, said = world.run("prepare", *words)
        assert (code, said.startswith("usage:")) == (2, True)


def test_no_token_is_ever_printed(world):
    """S2-31: not of the environment, not of an address, not what a server sends back."""
    token, kept = "ghs_0123456789abcdefABCDEF", "a-token-of-no-known-form"
    world.rule("main", f"error: GH006: Protected branch update failed for REF.\n{token}\n")
    world.refuse(pr_create="Bad credentials: TOKEN at https://x-access-token:TOKEN@github.example/acme")
    world.rule("delete", f"no {kept}\n")
    for environ in ({"GH_TOKEN": kept}, {"GH_TOKEN": token, "GITHUB_TOKEN": kept}):
        said = world.refused("prepare", "--bump", "patch", **environ)
        assert "Bad credentials: *** at https://***@github.example" in said
        assert token not in said
        assert kept not in said


def test_what_a_server_says_is_no_command_to_github(world):
    """A line of its own that begins with :: would be one."""
    world.rule("tag", "no\n::warning::from the server\n%0A::error::too\n")
    _, said = world.run("prepare", "--bump", "patch")
    assert [line for line in said.splitlines() if line.startswith("::")] == [said.strip()]
    assert "%250A::error::too" in said
