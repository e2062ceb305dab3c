"""Names of files for hostile names of prompts: one part of a path, no two the same, nothing outside the folder."""

import stat

import pytest
from promptledger_client.cli.file_names import file_name, file_names, write_file
from promptledger_client.cli.stops import BadInput

HOSTILE = [
    "../../etc/passwd", "/etc/passwd", "..", ".", "", ".bashrc", "a/b", "a\\b", "C:\\x", "a\x00b", "a\nb", "a\x1b[31mb", "a:b", "a*?<>|\"b",
    "con", "NUL.txt", "com1", "trailing.", "trailing ", "\u202etxt.exe", "x" * 255, "ü" * 255, "😀" * 255, "%2E%2E", "\ud800", "%" * 255,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_one_plain_part_of_a_path(name, tmp_path):
    made = file_name(name)
    assert made not in ("", ".", "..")
    assert not set(made) & set('/\\:*?"<>|\x00\n\x1b\u202e')
    assert not made.startswith(".") and not made.endswith((".", " "))
    assert made.split(".")[0].lower() not in {"con", "nul", "com1"}
    assert len(made.encode()) <= 200
    path = tmp_path / f"{made}.prompt.yaml"
    write_file(path, "x")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_plain_names_stay_as_they_are():
    names = ["StanAgent.APPROVED", "return policy", "Grüße", "a-b_c"]
    assert [file_name(name) for name in names] == names


def test_different_names_get_different_files_on_every_file_system():
    names = [*HOSTILE, "welcome", "WELCOME", "Welcome", "e\u0301", "\u00e9", "x" * 254, "%25"]
    made = file_names(names, ".prompt.json")
    assert set(made) == set(names)
    assert len({one.casefold() for one in made.values()}) == len(names)
    assert file_names(["welcome", "other"], ".x") == {"welcome": "welcome.x", "other": "other.x"}


def test_a_file_is_replaced_whole_and_a_link_is_not_followed(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "a").symlink_to(outside)
    write_file(folder / "a", "new\r\n")
    assert outside.read_text() == "mine"
    assert (folder / "a").read_bytes() == b"new\r\n"
    assert not (folder / "a").is_symlink()
    assert [one.name for one in folder.iterdir()] == ["a"]
    assert stat.S_IMODE((folder / "a").stat().st_mode) & 0o600 == 0o600


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot be written"):
        write_file(tmp_path / "file" / "below", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        write_file(tmp_path / "folder", "x")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder"]
