"""Calls to AWS that outlive throttling and broken connections, on a clock that tests can turn."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

# What AWS says when it wants to be asked later; whatever else it refuses, it refuses for good.
LATER = frozenset(
    {
        "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottled",
        "ServerException", "ServiceUnavailable", "InternalFailure",
    }
)  # fmt: skip
FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0


class NoAnswerFromAWS(Exception):
    """AWS refused a call, or did not answer it in time. The text is for people."""


@dataclass
class Clock:
    """The time, and waiting."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Calls:
    """A client of boto3 that is asked again, slower and slower, for at most `patience` seconds a call."""

    client: Any
    clock: Clock = field(default_factory=Clock)
    patience: float = 120.0

    def __call__(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to one call, by its name in boto3.

        Only calls that may be made twice belong here. Raises NoAnswerFromAWS.
        """
        ends = self.clock.now() + self.patience
        wait = FIRST_WAIT
        while True:
            try:
                return dict(getattr(self.client, operation)(**arguments))
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code not in LATER or self.clock.now() + wait > ends:
                    raise NoAnswerFromAWS(f"{operation}: {error}") from error
            except BotoCoreError as error:
                if not isinstance(error, (HTTPClientError, NoConnection)) or self.clock.now() + wait > ends:
                    raise NoAnswerFromAWS(f"{operation}: {error}") from error
            self.clock.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
