"""What stands for a span where nobody asked for any."""

from collections.abc import Mapping
from typing import Any


class Nothing:
    """A span that is none: one for all."""

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def set(self, attributes: Mapping[str, Any]) -> None:
        """Nothing."""

    def rename(self, name: str) -> None:
        """Nothing."""

    def fail(self, error_type: str) -> None:
        """Nothing."""


NOTHING = Nothing()
