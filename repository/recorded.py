"""Answers of models kept in a file, so that CI scores without a key, without a network, and always the same (S3-16).

JSON lines, sorted: {"key": …, "answer": "…", "model": "…", "asked": "how it begins"}. The key is a SHA-256 over
what was asked: the filled text and the version's config. Another text or config is another question.
"""

import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.canonical import canonical_json, sha256
from common.errors import BadInput
from common.strict_json import BODY_LIMIT, NotJSON, load
from executions.providers.answers import REFUSED, Answer, OnText, Prompt, Provider, ProviderError
from repository.files.tree import read_plain
from repository.files.yaml_text import Unreadable, decoded

SHOWN = 80


class Book:
    """The answers of one file. `add` may be called from several threads."""

    def __init__(self, path: Path, *, must_exist: bool = True) -> None:
        """Read the file. Raises BadInput for one that is not there or not right, with the line."""
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self.changed = False
        self._lock = threading.Lock()
        if not path.exists() and not must_exist:
            return
        try:
            text = decoded(read_plain(str(path), BODY_LIMIT), BODY_LIMIT)
        except Unreadable as error:
            raise BadInput(f"{path}: {error.said}") from error
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                self._read(number, line)

    def _read(self, number: int, line: str) -> None:
        try:
            row = load(line.encode())
        except NotJSON as error:
            raise BadInput(f"{self.path}:{number}: {str(error).replace('The body', 'This')}") from error
        fine = isinstance(row, dict) and isinstance(row.get("key"), str) and isinstance(row.get("answer"), str)
        if not fine:
            raise BadInput(f'{self.path}:{number}: a line must be {{"key": "…", "answer": "…"}}.')
        self.rows[row["key"]] = row

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Keep one more answer."""
        with self._lock:
            self.rows[key] = {"key": key, **row}
            self.changed = True

    def source(self) -> bytes:
        """The file as it is to be written: sorted, so that two recordings differ in what is new alone."""
        lines = (json.dumps(self.rows[key], ensure_ascii=False, sort_keys=True) for key in sorted(self.rows))
        return "".join(f"{line}\n" for line in lines).encode()


class Recorded:
    """A provider that answers out of a book; where `inner` is given, it is asked for what the book lacks."""

    def __init__(self, book: Book, config: dict[str, Any], inner: Provider | None = None) -> None:
        self.name = inner.name if inner else "recorded"
        self._book, self._config, self._inner = book, config, inner

    def complete(
        self, prompt: Prompt, *, model: str, params: dict[str, Any], on_text: OnText | None = None, **asked: Any
    ) -> Answer:
        """Return the recorded answer. Raises ProviderError where there is none and nobody to ask."""
        key = key_of(prompt, self._config)
        row = self._book.rows.get(key)
        if row is not None:
            return Answer(row["answer"], cost_usd=Decimal(0), model=model, finish_reason="stop")
        if self._inner is None:
            said = f"{self._book.path} holds no answer to this. Record it: --record with a provider."
            raise ProviderError(said, code=REFUSED)
        answer = self._inner.complete(prompt, model=model, params=params, on_text=on_text, **asked)
        begins = prompt if isinstance(prompt, str) else canonical_json(prompt)
        self._book.add(key, {"answer": answer.text, "model": model, "asked": begins[:SHOWN]})
        return answer


def key_of(prompt: Prompt, config: dict[str, Any]) -> str:
    """What a question is known by."""
    return sha256(canonical_json({"asked": prompt, "config": config}))
