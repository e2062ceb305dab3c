"""Reading what people type about examples. No rules here: items, formats and datasets have them."""

import json
from typing import Any

from django import forms
from rest_framework.exceptions import ParseError

from common.errors import BadInput
from common.parsing import load
from evaluations import datasets, formats
from evaluations.formats import Parsed, Source
from evaluations.items import Item
from versions.forms import as_typed

PREFIX = "var-"
TEXT, JSON, NOTHING = "text", "json", "nothing"
EXPECTS = ((TEXT, "a text"), (JSON, "JSON"), (NOTHING, "nothing"))
WAYS = (("add", "Add them behind those that are there"), ("replace", "Let them take the place of all that are there"))
READABLE_LIMIT = 500_000  # characters of an uploaded file that come back into the box to be mended


def plain(text: str) -> str:
    """What a browser sent, with the newlines that the person saw."""
    return text.replace("\r\n", "\n")


def dumped(value: Any) -> str:
    """A value as JSON that people read."""
    return json.dumps(value, indent=2, ensure_ascii=False)


class ExampleForm:
    """One example: a box for each variable, what is expected, id, weight and tags. What was typed always comes back."""

    def __init__(self, fields: list[dict[str, Any]], item: Item | None = None, data: Any = None) -> None:
        """`fields` are those of the newest version's variables, as the TEST panel has them: name, typed, json."""
        self.item, self.data, self.errors = item, data, list[str]()
        self._fields = {field["name"]: field for field in fields}
        given = item.input if item else {}
        typed = [key.removeprefix(PREFIX) for key in data if key.startswith(PREFIX)] if data else []
        self.names = list(dict.fromkeys([*self._fields, *given, *typed]))

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The boxes of the variables: name, what stands in it, and whether that is read as JSON."""
        return [self._box(name) for name in self.names]

    def _box(self, name: str) -> dict[str, Any]:
        if self.data is not None:
            return {"name": name, "typed": self.data.get(PREFIX + name, ""), "json": f"json-{name}" in self.data}
        if self.item is None or name not in self.item.input:
            return self._fields[name]
        saved = self.item.input[name]
        as_text = isinstance(saved, str)
        return {"name": name, "typed": saved if as_text else dumped(saved), "json": not as_text}

    @property
    def expects(self) -> str:
        """How what is expected is read."""
        if self.data is not None:
            return self.data.get("expects", TEXT)
        if self.item is None:
            return TEXT
        if self.item.expected is None:
            return NOTHING
        return TEXT if isinstance(self.item.expected["value"], str) else JSON

    @property
    def expected(self) -> str:
        """What stands in the box of what is expected."""
        if self.data is not None:
            return self.data.get("expected", "")
        value = self.item.expected["value"] if self.item and self.item.expected else ""
        return value if isinstance(value, str) else dumped(value)

    @property
    def key(self) -> str:
        """The id."""
        return self._field("id", self.item.key if self.item else "")

    @property
    def weight(self) -> str:
        """How much it counts."""
        return self._field("weight", f"{self.item.weight:g}" if self.item else "1")

    @property
    def tags(self) -> str:
        """Separated by commas."""
        return self._field("tags", ", ".join(self.item.tags) if self.item else "")

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """What an example can expect."""
        return EXPECTS

    def _field(self, name: str, saved: str) -> str:
        return self.data.get(name, "") if self.data is not None else saved

    def value(self) -> dict[str, Any]:
        """Return the example as JSON says it. Raises BadInput for what is no JSON."""
        found: dict[str, Any] = {
            "id": self.key.strip(),
            "input": {box["name"]: self._read(box) for box in self.inputs},
            "weight": self._number(),
            "tags": [tag.strip() for tag in self.tags.split(",") if tag.strip()],
        }
        if self.expects == JSON:
            found["expected"] = _json("What is expected", self.expected)
        elif self.expects == TEXT:
            saved = self.item.expected["value"] if self.item and self.item.expected else ""
            found["expected"] = as_typed(self.expected, saved if isinstance(saved, str) else "")
        return found

    def _read(self, box: dict[str, Any]) -> Any:
        if box["json"]:
            return _json(box["name"], box["typed"])
        saved = self.item.input.get(box["name"], "") if self.item else ""
        return as_typed(box["typed"], saved if isinstance(saved, str) else "")

    def _number(self) -> Any:
        """The weight that was typed; that of the saved one, to its last digit, where it was left alone."""
        if self.item and self.weight == f"{self.item.weight:g}":
            return self.item.weight
        try:
            return float(self.weight.strip() or 1)
        except ValueError:
            return self.weight

    def read(self, known: dict[str, Any], present: list[Item]) -> Parsed:
        """The example, checked beside the others; what is wrong also goes into `errors`."""
        try:
            parsed = formats.check([self.value()], present=present, **known)
        except BadInput as error:
            self.errors = [error.detail]
            return Parsed()
        self.errors = [problem.said for problem in parsed.errors]
        return parsed


def _json(name: str, typed: str) -> Any:
    try:
        return load(plain(typed).strip().encode("utf-8", "surrogatepass"))
    except ParseError as error:
        raise BadInput(f"{name}: {str(error.detail).replace('The body', 'This')}") from error


class Files(forms.ClearableFileInput):
    """A button for one file or many."""

    allow_multiple_selected = True


class ImportForm(forms.Form):
    """Examples as a text, or as files."""

    text = forms.CharField(
        required=False, strip=False, label="Paste them here",
        widget=forms.Textarea(attrs={"rows": 12, "class": "code", "spellcheck": "false",
                                     "placeholder": '{"input": {"name": "Ada"}, "expected": "Hello Ada"}'}),
    )  # fmt: skip
    uploads = forms.Field(required=False, label="or choose files",
                        widget=Files(attrs={"accept": ".jsonl,.ndjson,.json,.csv,.tsv,.txt"}),
                        help_text="The ending says what a file is: .jsonl, .json, .csv. UTF-8.")  # fmt: skip
    format = forms.ChoiceField(
        required=False, label="The pasted text is",
        choices=[("", "seen from how it begins"), ("jsonl", "JSON lines"), ("json", "JSON"), ("csv", "CSV")],
    )  # fmt: skip
    way = forms.ChoiceField(choices=WAYS, initial="add", label="What becomes of them", widget=forms.RadioSelect)
    note = forms.CharField(required=False, max_length=datasets.NOTE_LENGTH, label="Note",
                           help_text="For the history: where they come from, why now.")  # fmt: skip

    def sources(self, files: list[Any]) -> list[Source]:
        """Everything that was given. Raises BadInput where that is nothing."""
        found = []
        text = plain(self.cleaned_data["text"])
        if text.strip():
            form = self.cleaned_data["format"] or formats.format_of("", text.encode("utf-8", "surrogatepass")[:200])
            found.append(Source(text, form))
        for file in files:
            raw = file.read(formats.TEXT_LIMIT + 1)
            found.append(Source(raw, formats.format_of(file.name, raw[:200]), file.name))
        if not found:
            raise BadInput("There is nothing to import. Paste examples, or choose a file.")
        return found

    @staticmethod
    def mendable(sources: list[Source]) -> dict[str, str] | None:
        """One file's text and format, to be mended in the box; None where there are more, or it is no text."""
        if len(sources) != 1 or not sources[0].name or len(sources[0].text) > READABLE_LIMIT:
            return None
        try:
            raw = sources[0].text
            text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        except UnicodeDecodeError:
            return None
        return {"text": text, "format": sources[0].format}
