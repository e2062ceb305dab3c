"""Spans and counts of promotions and rollbacks (docs/telemetry.md)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from common import telemetry
from versions.gates import GateFailed


def traced[**P, R](action: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a transition of a version a span; what it did is counted, and what the gate refused by unmet condition."""

    def decorate(move: Callable[P, R]) -> Callable[P, R]:
        @wraps(move)
        def moved(*args: P.args, **data: P.kwargs) -> R:
            if not telemetry.is_on():
                return move(*args, **data)
            version: Any = args[0]
            about = {"promptledger.prompt": version.prompt.name, "promptledger.version": version.label}
            with telemetry.span(f"promptledger.{action}", {**about, "promptledger.to": data.get("to")}) as span:
                try:
                    after: Any = move(*args, **data)
                except GateFailed as refused:
                    unmet = [one["name"] for one in refused.data["conditions"] if not one["met"]]
                    span.set({"promptledger.gate.unmet": unmet})
                    for name in unmet:
                        telemetry.count("promptledger.gate.refusals", {"promptledger.condition": name})
                    raise
                span.set({"promptledger.stage": after.stage, "promptledger.version.made": after.label})
            telemetry.count("promptledger.moves", {"promptledger.action": action, "promptledger.stage": after.stage})
            return after

        return moved

    return decorate
