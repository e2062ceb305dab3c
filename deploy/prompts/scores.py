"""Scores of what is live, and of what wants to be: ask the ledger for an evaluation and wait for it (S3-17, S3-21)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from deploy.prompts.ledger import Ledger, Refused

SECONDS = 1800.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
UNFINISHED = ("queued", "running")


class Verdict(Enum):
    """What came of an evaluation."""

    PASS = "pass"  # noqa: S105  (a verdict)
    FAIL = "fail"
    NONE = "none"  # it could not be judged: no end in time, or errors of the provider


@dataclass
class Judge:
    """Asks for evaluations and waits for each, at most `seconds`."""

    ledger: Ledger
    say: Callable[[str], None] = print
    seconds: float = SECONDS
    now: Callable[[], float] = time.monotonic

    def score(self, name: str, version: dict[str, Any], run: dict[str, Any] | None = None) -> tuple[Verdict, str]:
        """Evaluate one version, or wait for `run`, or for another that evaluates it already. Raises NoLedger."""
        label = version["label"]
        try:
            run = (
                run
                or self.under_way(name, label)
                or self.ledger.send("POST", "prompts", name, "versions", label, "evaluate", stage=version["stage"])
            )
        except Refused as error:
            return Verdict.NONE, f"{label} cannot be evaluated: {error}"
        ends, pause = self.now() + self.seconds, FIRST_PAUSE
        while run["status"] in UNFINISHED:
            if self.now() > ends:
                return (
                    Verdict.NONE,
                    f"{label} was not evaluated within {self.seconds:.0f} seconds: is a worker running?",
                )
            self.ledger.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            run = self.ledger.get("evaluations", run["id"])
        return self.judged(name, label, run)

    def under_way(self, name: str, label: str) -> dict[str, Any] | None:
        """The evaluation of this version that has not ended."""
        runs = self.ledger.all("prompts", name, "evaluations", version=label)
        return next((run for run in runs if run["status"] in UNFINISHED), None)

    def judged(self, name: str, label: str, run: dict[str, Any]) -> tuple[Verdict, str]:
        """What an evaluation that has ended says, said aloud."""
        said = f"{label} scores {run['score']}, threshold {run['threshold']}: {run['verdict'] or run['status']}."
        self.say(f"{name}: {said}")
        if run["status"] != "succeeded" or run["verdict"] not in ("pass", "fail"):
            return Verdict.NONE, f"{said} {run['error_message'] or ''}".strip()
        return Verdict(run["verdict"]), said

    def live(self) -> Iterator[tuple[str, Verdict, str]]:
        """Evaluate everything that is live and has a threshold; yield prompt, verdict and what is said of it."""
        for prompt in self.ledger.all("prompts", stage="PRD"):
            if not prompt["evaluation"].get("threshold") or not prompt["production"]:
                continue
            name, label = prompt["name"], prompt["production"]
            verdict, said = self.score(name, {"label": label, "stage": "PRD"})
            if verdict is Verdict.FAIL:
                said += self.after(name, label)
            yield name, verdict, said

    def after(self, name: str, label: str) -> str:
        """What the ledger did about a version that fails: it rolls back by itself where the policy says so."""
        prompt = self.ledger.get("prompts", name)
        if prompt["production"] != label:
            return f" The ledger rolled it back: {prompt['production']} is live."
        return " It is still live: roll back on its page, or switch auto_rollback on."
