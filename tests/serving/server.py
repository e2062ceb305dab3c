"""PromptLedger as the web server loads it, for the proofs with real processes: each answer names the process it is of.

With CARELESS in the environment it lacks what the proofs are about, so that they can be seen to fail:
"no wait": a change is answered before the leases of others have run out; "no look": the WAL-index is not compared;
"dies": the process is killed between the commit of a promotion and its answer, before any wait.
"""

import os
import signal
from typing import Any

from promptledger.wsgi import application as product
from versions import generation

CARELESS = os.environ.get("CARELESS", "")
if CARELESS == "no wait":
    generation.WAIT, generation.LEASE = 0, 1.0  # long enough to be seen on a busy machine, too
if CARELESS == "no look":
    generation.HEADER, generation.FILE_CHECKED_EVERY = 0, 1e9
if CARELESS == "dies":
    product.generation.settle = lambda before: os.kill(os.getpid(), signal.SIGKILL)


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """The product, with the number of the process."""

    def named(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start_response(status, [*headers, ("X-Process", str(os.getpid()))], *more)

    return product(environ, named)
