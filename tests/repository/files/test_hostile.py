"""Hostile trees: nothing outside them is read or written, nothing gets into the ledger (RELIABILITY 4.7, figure 23)."""

import os
import socket
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from repository.files import layout
from repository.files.tree import read_tree
from repository.validation import problems_in
from tests.factories import make_version
from tests.repository.files import trees
from tests.repository.registering import everything

pytestmark = pytest.mark.django_db

VERSION = "00-templates/x.yaml"
META = "03-metadata/part-number.yaml"
GOOD = "name: evil\ntemplate: text\n"
BOMB = "a: &a [x, x]\n" + "".join(
    f"{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)


# What stands around: sound, and imported when nothing is wrong beside it (the last test here).
AROUND = {
    "00-templates/part-number.v1.2.yaml": None,
    "02-production/part-number.yaml": "name: part-number\ntemplate: Part {{ title }} by {{ manufacturer }}\n",
    "99-archive/part-number.v1.0.yaml": None,
    "prompt_registry.yaml": None,
}


def make_tree(root, more=None):
    return trees.make_tree(root, AROUND | (more or {}))


def files(**more):
    return lambda root, outside: make_tree(root, {path.replace("__", "/"): text for path, text in more.items()})


def one(path, text):
    return lambda root, outside: make_tree(root, {path: text})


def link(path, target="file"):
    def make(root, outside):
        make_tree(root, {path: None})
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(
            {"file": outside / "secret.yaml", "folder": outside, "nowhere": outside / "none", "self": root / path}[
                target
            ]
        )

    return make


def fifo(root, outside):
    make_tree(root)
    (root / "00-templates").mkdir()
    os.mkfifo(root / VERSION)


def socketed(root, outside):
    make_tree(root)
    (root / "00-templates").mkdir()
    here = os.getcwd()
    os.chdir(root / "00-templates")
    try:
        socket.socket(socket.AF_UNIX).bind("x.yaml")
    finally:
        os.chdir(here)


def bytes_name(root, outside):
    make_tree(root)
    (root / "00-templates").mkdir()
    with open(os.fsencode(root / "00-templates") + b"/\xff.yaml", "w") as file:
        file.write(GOOD)


def many_names(*names):
    def make(root, outside):
        make_tree(root)
        (root / "00-templates").mkdir()
        for name in names:
            (root / "00-templates" / name).write_text(GOOD)

    return make


# Each has to be refused as a whole: what is sound beside it is not imported either.
REFUSED = {
    "link to a file outside": link(VERSION),
    "link for a metadata file": link(META),
    "link for the examples": link("01-examples/part-number.jsonl"),
    "link for the registry": link("prompt_registry.yaml"),
    "link for a folder": link("04-evals", "folder"),
    "link for the folder of examples": link("01-examples/part-number", "folder"),
    "link that leads nowhere": link(VERSION, "nowhere"),
    "link to itself": link(VERSION, "self"),
    "pipe": fifo,
    "socket": socketed,
    "name that is no text": bytes_name,
    "device name": many_names("nul.yaml"),
    "device name with an ending": many_names("COM1.v1.0.yaml"),
    "name with a backslash": many_names("..\\..\\x.yaml"),
    "name with a colon": many_names("x.yaml:stream.yaml"),
    "name with a line end": many_names("x\ny.yaml"),
    "name with a sign that turns text round": many_names("x\u202elmay.yaml"),
    "name with a trailing dot": many_names("x.yaml."),
    "names that differ by case": many_names("evil.yaml", "Evil.yaml"),
    "names that differ by how an accent is written": many_names("é.yaml", "e\u0301.yaml"),
    "prompt called ..": one(VERSION, "name: ..\ntemplate: x\n"),
    "prompt with a path as name": one(VERSION, "name: ../../etc/x\ntemplate: x\n"),
    "prompt with an absolute path as name": one(VERSION, "name: /etc/x\ntemplate: x\n"),
    "prompt that hides a path of the API": one(VERSION, "name: register-code\ntemplate: x\n"),
    "alias bomb": one(VERSION, BOMB),
    "anchor that holds itself": one(VERSION, "name: x\nconfig: &a {b: *a}\ntemplate: x\n"),
    "tag that runs code": one(VERSION, 'name: x\ntemplate: !!python/object/apply:os.system ["touch /tmp/x"]\n'),
    "merge key": one(VERSION, "<<: {name: evil}\ntemplate: x\n"),
    "merge key, deep inside": one(VERSION, f"{GOOD}config: {{a: {{<<: {{b: 1}}}}}}\n"),
    "key twice": one(VERSION, "name: evil\nname: other\ntemplate: x\n"),
    "key twice, deep inside": one(VERSION, "name: evil\ntemplate: x\nconfig: {a: {b: 1, b: 2}}\n"),
    "depth": one(VERSION, "name: x\ntemplate: x\nconfig: {a: " + "[" * 5000 + "]" * 5000 + "}\n"),
    "depth in examples": one("01-examples/part-number.jsonl", '{"input": {"a": ' + "[" * 5000 + "]" * 5000 + "}}\n"),
    "over 1 MiB": one(VERSION, GOOD + "# " + "x" * 1024 * 1024),
    "text over the limit": one(VERSION, "name: evil\ntemplate: '" + "x" * 300_000 + "'\n"),
    "NUL": one(VERSION, b"name: evil\ntemplate: a\x00b\n"),
    "NUL that is written out": one(VERSION, 'name: evil\ntemplate: "a\\0b"\n'),
    "half a surrogate pair": one(VERSION, 'name: evil\ntemplate: "\\ud800"\n'),
    "half a surrogate pair in examples": one("01-examples/part-number.jsonl", '{"input": {"title": "\\ud800"}}\n'),
    "not UTF-8": one(VERSION, b"name: evil\ntemplate: \xff\xfe\n"),
    "several documents": one(VERSION, f"{GOOD}---\n{GOOD}"),
    "number that is none": one(VERSION, f"{GOOD}config: {{a: .nan}}\n"),
    "number with a million digits": one(VERSION, f"{GOOD}config: {{a: {'9' * 100_000}}}\n"),
    "hash of another text": one(VERSION, f"{GOOD}sha256: {'0' * 64}\n"),
    "two in production": one("02-production/second.yaml", "name: part-number\ntemplate: x\n"),
    "unknown format": one(VERSION, f"schema_version: 99\n{GOOD}"),
    "archive of what never was": one("99-archive/y.yaml", "name: part-number\ntemplate: never\n"),
}  # fmt: skip
# These are odd, and harm nobody: what they hold is not read.
IGNORED = {
    "registry that names a file outside": one(
        "prompt_registry.yaml", "schema_version: 1\nprompts: {x: {files: [/etc/passwd, ../../x]}}\n"
    ),
    "registry that is a list": one("prompt_registry.yaml", "- 1\n"),
    "folder that is a file": files(**{"04-evals": "x"}),
    "files beside the layout": files(**{"setup.py": "raise SystemExit", "hooks__post-merge": "#!/bin/sh"}),
    "results that are nonsense": one("04-evals/x.jsonl", '{"run": {"name": "x", "id": "../../x"}}\n'),
}


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.yaml").write_text("name: stolen\ntemplate: a secret\n")
    return folder


def seen(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*")}


def attempt(command, root, *options):
    try:
        call_command(command, str(root), *options, stdout=StringIO(), stderr=StringIO())
    except CommandError as error:
        return str(error)
    return None


def test_there_are_forty_and_more():
    assert len(REFUSED) >= 40


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_and_nothing_is_written(name, tmp_path, outside):
    root = tmp_path / "prompts"
    root.mkdir()
    REFUSED[name](root, outside)
    make_version("RET", name="something")
    before, secret = everything(), seen(outside)
    assert attempt("import_prompts", root, "--history") is not None
    assert everything() == before
    attempt("export_prompts", root, "--force")
    assert (seen(outside), everything()) == (secret, before)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "prompts"]


@pytest.mark.parametrize("name", REFUSED)
def test_checking_it_never_breaks_and_tells_it(name, tmp_path, outside):
    root = tmp_path / "prompts"
    root.mkdir()
    REFUSED[name](root, outside)
    tree = read_tree(root)
    found = problems_in(tree)
    # That it never was in production only the ledger knows.
    assert any(problem.rule.blocks for problem in found) or name == "archive of what never was", found
    assert not any("a secret" in version.text for version in tree.versions)
    assert all(problem.path.isprintable() or "\n" in problem.path or "\u202e" in problem.path for problem in found)


@pytest.mark.parametrize("name", IGNORED)
def test_what_has_no_place_is_not_read(name, tmp_path, outside):
    root = tmp_path / "prompts"
    root.mkdir()
    IGNORED[name](root, outside)
    tree = read_tree(root)
    assert problems_in(tree)
    assert {version.name for version in tree.versions} == {"part-number"}


@pytest.mark.parametrize("where", [*layout.FOLDERS, layout.REGISTRY])
def test_an_export_writes_through_no_link(where, tmp_path, outside):
    root = tmp_path / "prompts"
    root.mkdir()
    target = outside / "secret.yaml" if where == layout.REGISTRY else outside
    (root / where).symlink_to(target)
    make_version("RET", name="something")
    secret = seen(outside)
    assert "is a link" in attempt("export_prompts", root)
    assert (seen(outside), [path.name for path in root.iterdir()]) == (secret, [where])


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path, outside):
    root = tmp_path / "prompts"
    (root / "02-production").mkdir(parents=True)
    (root / "02-production/something.yaml").symlink_to(outside / "secret.yaml")
    make_version("PRD", name="something")
    secret = seen(outside)
    assert "02-production/something.yaml" in attempt("export_prompts", root)
    attempt("export_prompts", root, "--force")
    assert seen(outside) == secret
    assert (root / "02-production/something.yaml").is_symlink() is False


def test_an_export_into_somebodys_folder_is_refused(tmp_path):
    (tmp_path / "thesis.doc").write_text("two years of work")
    make_version("PRD")
    assert "holds other things than prompt files" in attempt("export_prompts", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


@pytest.mark.parametrize("name", ["..", ".", "CON", "a/b", "x" * 255, "Ünïcode name", "a:b", "-rf", " "])
def test_no_name_of_a_prompt_leads_out_of_its_folder(name):
    (stem,) = layout.stems([name]).values()
    assert layout.why_unsafe(f"{stem}.yaml") == ""
    assert len(f"{stem}.v999999999.999999999.yaml".encode()) < 255


def test_names_that_are_alike_get_files_of_their_own():
    stems = layout.stems(["Part", "part", "other"])
    assert len({layout.folded(stem) for stem in stems.values()}) == 3
    assert stems["other"] == "other"


def test_what_stands_around_is_imported_when_nothing_is_wrong(tmp_path):
    """Else the tests above could not fail."""
    make_tree(tmp_path)
    make_version("RET", name="something")
    before = everything()
    attempt("import_prompts", tmp_path, "--history")
    assert len(everything()[1]) > len(before[1])
