"""Files and tables that are not what they should be: the place is named, nothing is written."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from repository.legacy.files import LINE_LIMIT
from tests.imports.sources import sqlite, write_csv, write_jsonl
from tests.imports.test_import_system_prompts import refused, run
from versions.content import TEXT_LIMIT
from versions.models import PromptVersion

pytestmark = pytest.mark.django_db
GOOD = b"name,system_prompt\nStan,Hello.\n"


def csv_file(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "line 1: There is no column 'name'. The first line names: nothing."),
        (b"agent,system_prompt\nStan,Hi\n", "line 1: There is no column 'name'. The first line names: agent, system_prompt."),
        (b"name,prompt\nStan,Hi\n", "line 1: There is no column 'system_prompt'. The first line names: name, prompt."),
        (b"name,name,system_prompt\na,b,c\n", "line 1: There are two columns 'name'. The first line names: name, name, system_prompt."),
        (GOOD + b"Bad,\xff\xfe\n", "line 3: it is not UTF-8 (byte 5)."),
        (b"\xff\xfen\0a\0m\0e\0", "line 1: it is not UTF-8 (byte 1)."),
        (GOOD + b"Few\n", "line 3: it has 1 cells, and the first line has 2."),
        (GOOD + b"Many,a,b\n", "line 3: it has 3 cells, and the first line has 2."),
        (GOOD + b'Open,"never closed\nand on\n', "line 4: unexpected end of data."),
        (GOOD + b'Odd,"quote"d\n', "line 3: ',' expected after '\"'."),
        (GOOD + b"Nul,a\0b\n", "line 3: system_prompt contains a NUL character."),
        (GOOD + b"N\0ul,ab\n", "line 3: name contains a NUL character."),
        (GOOD + b",Whose?\n", "line 3: name is empty: whose prompt is it?"),
        (GOOD + b"a/b,Hi\n", "line 3: name 'a/b': A name cannot contain \"/\"."),
        (GOOD + b" Stan,Hi\n", "line 3: name ' Stan': A name cannot begin or end with a space."),
        (GOOD + b"Stan,Hi\n", "line 3: agent 'Stan' is there twice, first in line 2."),
        (GOOD + b'Two,"a\nb"\nStan,Hi\n', "line 5: agent 'Stan' is there twice, first in line 2."),
        (GOOD + b"Big," + b"x" * (TEXT_LIMIT + 1) + b"\n", "line 3: Prompt text is 204,801 bytes; the limit is 204,800."),
        (GOOD + b"Huge," + b"x" * LINE_LIMIT + b"\n", f"line 3: it is over {LINE_LIMIT:,} bytes long."),
    ],
    ids=range(19),
)  # fmt: skip
def test_a_bad_csv_file_is_refused_with_the_line(tmp_path, raw: bytes, said: str):
    answer = refused(csv_file(tmp_path / "bad.csv", raw))
    assert answer in (said, f"1 row cannot be moved. Nothing was written.\n{said}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "It is not JSON: Expecting property name enclosed in double quotes at column 1."),
        (b"[1]", "it is no JSON object."),
        (b'"Stan"', "it is no JSON object."),
        (b'{"name": "A"}', "it has no key 'system_prompt'. It has: name."),
        (b'{"name": 7, "system_prompt": "x"}', "name is no text."),
        (b'{"name": "A", "system_prompt": ["x"]}', "system_prompt is no text."),
        (b'{"name": "A", "system_prompt": true}', "system_prompt is no text."),
        (b'{"name": "A", "name": "B", "system_prompt": "x"}', "An object in the JSON names a key twice."),
        (b'{"name": "A", "system_prompt": "a\\u0000"}', "A text in the JSON contains a NUL character."),
        (b'{"name": "A", "system_prompt": "a\\ud800"}',
         "A text in the JSON contains half a surrogate pair, which is not valid Unicode."),
        (b'{"name": "A", "system_prompt": "\xff"}', "it is not UTF-8 (byte 33)."),
        (b'{"name": "A", "system_prompt": ' + b"[" * 100_000 + b"}",
         "The JSON is nested more than 64 levels deep."),
        (b'{"name": null, "system_prompt": "x"}', "name is empty: whose prompt is it?"),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_bad_line_of_json_is_refused_with_its_number(tmp_path, line: bytes, said: str):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"name": "Stan", "system_prompt": "Hi."}\n\n' + line + b"\n")
    assert refused(path) == f"1 row cannot be moved. Nothing was written.\nline 3: {said}"


def test_a_name_that_leaves_no_room_for_the_status_key_is_refused(tmp_path):
    assert "1 migrated" in run(write_csv(tmp_path / "a.csv", [("x" * 247, "Hi.")]))
    assert "at most 255 characters" in refused(write_csv(tmp_path / "b.csv", [("y" * 248, "Hi.")]))


def test_all_the_wrong_rows_are_named_up_to_twenty(tmp_path):
    said = refused(write_csv(tmp_path / "bad.csv", [("good", "Hi."), *((f"a/{n}", "Hi.") for n in range(25))]))
    lines = said.splitlines()
    assert (lines[0], len(lines)) == ("25 rows cannot be moved. Nothing was written.", 22)
    assert lines[1].startswith("line 3: ") and lines[-1] == "… and 5 more."


@pytest.mark.parametrize("name", ["prompts.txt", "prompts", "prompts.json"])
def test_another_kind_of_file_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("[]")
    assert refused(path) == f"{name}: is it CSV or JSON lines? Let its name end in .csv, .jsonl, .ndjson."


def test_a_file_that_is_not_there_or_a_folder(tmp_path):
    assert refused(tmp_path / "no.csv") == "no.csv: No such file or directory."
    (tmp_path / "folder.csv").mkdir()
    assert refused(tmp_path / "folder.csv") == "folder.csv: Is a directory."


def test_a_mark_at_the_start_other_line_ends_and_a_largest_text_are_fine(tmp_path):
    text = "\\u00e4" * (TEXT_LIMIT // 2)
    assert "1 migrated" in run(csv_file(tmp_path / "a.csv", b"\xef\xbb\xbfname,system_prompt\r\nBom,Hi.\r\n\r\n"))
    (tmp_path / "b.jsonl").write_text('\ufeff{"name": "Big", "system_prompt": "' + text + '"}')
    assert "1 migrated" in run(tmp_path / "b.jsonl")
    assert PromptVersion.objects.get(prompt__name="Big.default").template_source == "ä" * (TEXT_LIMIT // 2)


def test_other_columns_and_names_do_not_matter(tmp_path):
    file = csv_file(tmp_path / "a.csv", b"id,agent,prompt\n1,Stan,Hello.\n")
    assert "1 migrated" in run(file, "--name-column", "agent", "--text-column", "prompt")


# Tables


@pytest.mark.parametrize(
    ("url", "said"),
    [("nonsense", "--database-url names neither"), ("mysql://h/db", "--database-url names neither"),
     ("sqlite://:memory:", "There is no file :memory:"), ("sqlite:////nowhere/x.db", "There is no file /nowhere/x.db"),
     ("postgresql://nobody@127.0.0.1:1/none", "The database says: "), ("postgresql://h:port/x", "--database-url"),
     ("", "--database-url names neither")],
)  # fmt: skip
def test_a_database_that_is_none_is_refused(url: str, said: str):
    assert refused(url).startswith(said)


def test_an_empty_database_is_not_made(tmp_path):
    refused(f"sqlite:///{tmp_path / 'typo.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "x.db").write_text("name,system_prompt\n" * 100)
    assert refused(f"sqlite:///{tmp_path / 'x.db'}") == "The database says: file is not a database"


def test_a_table_and_a_column_that_are_not_there_are_named_with_what_is(tmp_path):
    url = sqlite(tmp_path / "a.db")
    assert refused(url, "--table", "agent") == "There is no table 'agent'. There are: agents."
    said = "Table 'agents' has no column 'prompt'. It has: id, name, system_prompt."
    assert refused(url, "--text-column", "prompt") == said
    assert refused(url, "--table", 'agents" --') == "There is no table 'agents\" --'. There are: agents."


@pytest.mark.parametrize("evil", ['agents"; DROP TABLE agents; --', "a'b", "a b", "100%s", "select", 'q"', "[x]", "ä"])
def test_names_of_tables_and_columns_are_quoted(tmp_path, evil: str):
    url = sqlite(tmp_path / "a.db", [("Stan", "Hello.")], table=evil, name=f"n{evil}", text=f"t{evil}")
    given = ("--table", evil, "--name-column", f"n{evil}", "--text-column", f"t{evil}")
    assert "1 migrated" in run(url, *given)
    assert PromptVersion.objects.get().template_source == "Hello."


def test_the_old_table_is_only_read(tmp_path):
    url = sqlite(tmp_path / "a.db", [("Stan", "Hello.")])
    before = (tmp_path / "a.db").read_bytes()
    (tmp_path / "a.db").chmod(0o444)
    assert "1 migrated" in run(url)
    assert (tmp_path / "a.db").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("Stan", b"\xff\xfe", "row 1: system_prompt is not UTF-8 (byte 1)."),
     ("Stan", "a\0b", "row 1: system_prompt contains a NUL character."),
     ("Stan", 7, "row 1: system_prompt is no text."),
     ("Stan", 7.5, "row 1: system_prompt is no text."),
     (None, "Hi.", "row 1: name is empty: whose prompt is it?")],
)  # fmt: skip
def test_a_bad_cell_of_a_table_is_refused(tmp_path, name: Any, text: Any, said: str):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE agents (name, system_prompt)")
        connection.execute("INSERT INTO agents VALUES (?, ?)", (name, text))
        connection.commit()
    assert refused(f"sqlite:///{path}") == f"1 row cannot be moved. Nothing was written.\n{said}"


def test_a_number_may_be_the_name_of_an_agent_in_a_table(tmp_path):
    url = sqlite(tmp_path / "a.db", [("same", "One."), ("same", "Two.")])
    assert "agent 'same' is there twice, first in row 1." in refused(url)
    assert "2 migrated" in run(url, "--name-column", "id")
    texts = dict(PromptVersion.objects.values_list("prompt__name", "template_source"))
    assert texts == {"1.default": "One.", "2.default": "Two."}


def test_a_broken_text_among_good_ones_is_found_in_a_text_column(tmp_path):
    path = tmp_path / "a.db"
    url = sqlite(path, [("Good", "Hi.")])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO agents (name, system_prompt) VALUES ('Zed', CAST(x'41ff' AS TEXT))")
        connection.commit()
    assert refused(url).endswith("row 2: system_prompt is not UTF-8 (byte 2).")


def test_json_lines_keep_every_character(tmp_path):
    text = json.loads('"\\u2028 line\\r\\n tab\\t {{ name }} {% raw %} \\\\ end"')
    run(write_jsonl(tmp_path / "a.jsonl", [("Stan", text)]))
    assert PromptVersion.objects.get().template_source == text
