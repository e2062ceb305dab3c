"""Annotations of GitHub Actions: lines that it shows beside the code."""

from __future__ import annotations

from pathlib import Path

from promptledger_client.cli.found import shown_path


def annotate(level: str, path: Path | None, line: int, title: str, text: str) -> str:
    """Return one annotation, of a place in a file or of none; what would end it early is escaped."""
    place = f"file={_property(shown_path(path))},line={line or 1}," if path else ""
    return f"::{level} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
