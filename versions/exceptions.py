"""Why the lifecycle says no. Each is a 409 unless said otherwise; codes never change."""

from typing import Any

from common.errors import BadInput, Conflict


class LifecycleError(Conflict):
    """The version is not in a state that allows this: codes wrong_stage, illegal_move, immutable, archived, in_use."""

    code = "wrong_stage"


class StaleView(Conflict):
    """What the caller saw is no longer so; nothing was changed. Carries the stage and revision of now."""

    code = "stale"

    def __init__(self, detail: str, *, stage: str, revision: int, **data: Any) -> None:
        super().__init__(detail, stage=stage, revision=revision, **data)


class WrongMode(BadInput):
    """The prompt is owned the other way: 400 with the text of S1-24 or S1-25."""

    code = "wrong_mode"

    def __init__(self, name: str, mode: str) -> None:
        hint = "Use code-based endpoints instead." if mode == "tracking" else f"Use PUT /v1/prompts/{name} instead."
        super().__init__(f"Prompt '{name}' is in {mode} mode. {hint}", mode=mode)
