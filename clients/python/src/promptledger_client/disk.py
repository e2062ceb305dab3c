"""Copies on disk, a file for each question: written whole or not at all, believed only when every byte is right."""

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from time import time
from typing import Any

from promptledger_client.errors import BadAnswer
from promptledger_client.questions import Question
from promptledger_client.served import canonical, judged, sha256

FORMAT = "promptledger-copy/1"
LEFT_OVER = 3_600  # seconds after which an unfinished file belongs to a process that was killed
AHEAD = 300  # seconds that a clock may be wrong

logger = logging.getLogger("promptledger_client")


@dataclass(frozen=True)
class Copy:
    """A copy that was found whole. `age` is in seconds of the wall clock, None where the clock was set back."""

    served: dict[str, Any]
    etag: str
    age: float | None


class Disk:
    """The copies of one ledger. `folder` None keeps none."""

    def __init__(self, folder: Path | None, base_url: str) -> None:
        self.base_url = base_url
        self.folder = None if folder is None else folder / sha256(base_url)[:16]
        self.complained = False

    def path(self, question: Question) -> Path | None:
        """The file of a question."""
        return None if self.folder is None else self.folder / f"{sha256(canonical(list(question)))[:32]}.json"

    def read(self, question: Question) -> tuple[Copy | None, str]:
        """Return the copy, or None and why there is none to use. A damaged file is ignored, and the log says so."""
        path = self.path(question)
        if path is None:
            return None, "disk: switched off"
        try:
            return self._believed(json.loads(path.read_text(encoding="utf-8")), question), ""
        except FileNotFoundError:
            return None, "disk: no copy"
        except OSError as error:
            why = f"disk: {path} cannot be read ({error.strerror})"
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError, BadAnswer) as error:
            why = f"disk: {path} is damaged and was ignored ({error})"
        logger.warning("%s", why)
        return None, why

    def _believed(self, record: Any, question: Question) -> Copy:
        kept = record.pop("sha256")
        if sha256(canonical(record)) != kept:
            raise ValueError("its hash is not the one it was written with")
        if (record["format"], record["base_url"], record["question"]) != (FORMAT, self.base_url, list(question)):
            raise ValueError("it is the copy of something else")
        served = judged(record["served"])
        if not question.is_answered_by(served):
            raise ValueError("it is the copy of another prompt")
        age = time() - float(record["confirmed_at"])
        return Copy(served, str(record["etag"]), None if age < -AHEAD else max(age, 0.0))

    def write(self, question: Question, served: dict[str, Any], etag: str) -> None:
        """Keep a copy that the server has confirmed now. What goes wrong is said once, and never stops a program."""
        path = self.path(question)
        if path is None:
            return
        record = {
            "format": FORMAT, "base_url": self.base_url, "question": list(question), "confirmed_at": time(),
            "etag": etag, "served": served,
        }  # fmt: skip
        try:
            whole = json.dumps({**record, "sha256": sha256(canonical(record))}, ensure_ascii=True).encode()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep(path.parent)
            write_whole(path, whole)
        except (OSError, ValueError) as error:
            if not self.complained:
                logger.warning("No copies are kept in %s: %s", path.parent, error)
            self.complained = True

    def remove(self, question: Question) -> None:
        """Forget a copy: the server says that there is nothing."""
        path = self.path(question)
        if path is not None:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("The copy %s cannot be removed: %s", path, error)

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Remove what processes left that were killed while they wrote."""
        for left in folder.glob("*.tmp"):
            with suppress(OSError):
                if time() - left.stat().st_mtime > LEFT_OVER:
                    left.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside, bring it to the disk, then give it its name: a reader sees the old one or the new one."""
    number, beside = mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)  # there only where something failed
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
