"""What a server answered, and which kind of answer that is: the one place that classifies failures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from promptledger_client.errors import BadAnswer, NotFound, Refused, Unavailable
from promptledger_client.kept import kept

LATER = {408, 425, 429}  # with 5xx: not now, perhaps in a while


@dataclass(frozen=True)
class Reply:
    """An answer of any status. `headers` are by lower-case names; `content` is the body's bytes, decompressed."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @kept
    def body(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> float | None:
        """The seconds that the server wants to be left alone, as a number or a date; None where it says none."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            return float(said[:9])
        try:
            return max(0.0, parsedate_to_datetime(said).timestamp() - time())
        except (ValueError, TypeError, OverflowError):
            return None

    def checked(self) -> "Reply":
        """Return itself when it is a good one (2xx, 304).

        Raises NotFound and Refused for what a PromptLedger refuses in its own words, Unavailable for 408, 425, 429 and
        5xx, and BadAnswer for all that no PromptLedger says: a 404 of a proxy must not look like a removed prompt.
        """
        if 200 <= self.status < 300 or self.status == 304:
            return self
        said = self.body if isinstance(self.body, dict) else {}
        code, detail = said.get("code"), str(said.get("detail") or "")
        if self.status in LATER or self.status >= 500:
            why = f"it answered {self.status}" + (f": {detail}" if detail else "")
            raise Unavailable(why, retry_after=self.retry_after, of_one_prompt=self.status == 500)
        ours = isinstance(code, str) and detail
        if self.status in {401, 403} or (ours and 400 <= self.status < 500):
            kind = NotFound if self.status == 404 else Refused
            raise kind(
                self.status, str(code or "refused"), detail or f"The server refuses with {self.status}.", self.body
            )
        raise BadAnswer(f"it answered {self.status}, but not as a PromptLedger does")
