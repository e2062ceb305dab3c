"""What a prompt asks of a version before it goes to production (SPEC 7). Kept on the prompt; {} asks for nothing."""

from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from common.errors import BadInput
from evaluations import scorers

if TYPE_CHECKING:  # policies are checked in prompt files, too, where there is no database
    from versions.models import Prompt

AUTOMATIC = ("off", "propose", "auto")
SIGNALS = ("errors", "latency", "schema")
LISTS = ("must_pass", "watch")
SCORE_DIGITS = 9  # scores are compared with thresholds: sums of fractions must not fall short by their last digit


@dataclass(frozen=True)
class Policy:
    """The policy of one prompt. `threshold` None: no gate."""

    threshold: float | None = None
    scorer: dict[str, Any] = field(default_factory=lambda: {"type": "exact"})
    repeat: int = 1
    required_approvals: int = 0
    auto_evaluate: bool = True
    auto_promote: str = "off"
    auto_rollback: str = "off"
    min_examples: int = 1
    max_drop: float | None = None
    confidence: float = 0.95
    max_error_rate: float = 0.02
    must_pass: tuple[str, ...] = ()
    fresh_for_days: int | None = None
    budget_usd: str | None = None
    schedule_hours: int | None = None
    watch: tuple[str, ...] = SIGNALS
    window_minutes: int = 60
    min_samples: int = 100
    provider: str | None = None
    model_name: str | None = None
    params: dict[str, Any] | None = None

    @classmethod
    def of(cls, prompt: "Prompt") -> "Policy":
        """The policy of this prompt, as it was checked when it was set."""
        stored = prompt.evaluation
        known = {one.name for one in fields(cls)}
        policy: dict[str, Any] = {}
        for key in known & stored.keys():
            policy[key] = tuple(stored[key]) if key in LISTS else stored[key]
        return cls(**policy)

    @property
    def budget(self) -> Decimal | None:
        """The most that one run may cost, in US dollars."""
        return None if self.budget_usd is None else Decimal(self.budget_usd)

    def lets_pass(self, errors: int, answers: int) -> bool:
        """Whether a run with so many errors among its answers still proves something."""
        return errors / max(1, answers) <= self.max_error_rate

    def as_json(self) -> dict[str, Any]:
        """Every key with its value, as a GET of the prompt answers."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {key: list(value) if key in LISTS else value for key, value in values.items()}


def shown(prompt: "Prompt") -> dict[str, Any]:
    """The whole policy of a prompt, defaults included."""
    return Policy.of(prompt).as_json()


def merged(prompt: "Prompt", given: Any) -> dict[str, Any]:
    """Return what is to be stored when these keys are set; null puts a key back to its default. Raises BadInput."""
    if not isinstance(given, dict):
        raise BadInput("evaluation must be a JSON object.", errors={"evaluation": ["Not a JSON object."]})
    stored, wrong = dict(prompt.evaluation), {}
    for key, value in given.items():
        try:
            if key not in READERS:
                raise BadInput(f"Unknown. Known here: {', '.join(READERS)}.")
            if value is None:
                stored.pop(key, None)
            else:
                stored[key] = READERS[key](value)
        except BadInput as error:
            wrong[f"evaluation.{key}"] = [error.detail]
    if wrong:
        name, said = next(iter(wrong.items()))
        raise BadInput(f"{name}: {said[0]}", errors=wrong)
    defaults = Policy().as_json()
    return {key: value for key, value in stored.items() if value != defaults[key]}


def _number(low: float, high: float) -> Any:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadInput(f"A number from {low:g} to {high:g}.")
        return value

    return read


def _threshold(value: Any) -> float:
    found: float = _number(0, 1)(value)
    # As exact as scores are: of a finer one both figures of a refusal would look the same.
    if round(found, SCORE_DIGITS) != found:
        raise BadInput(f"At most {SCORE_DIGITS} digits behind the point.")
    return found


def _whole(low: int, high: int) -> Any:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadInput(f"A whole number from {low:,} to {high:,}.")
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadInput("true or false.")
    return value


def _automatic(value: Any) -> str:
    value = {False: "off", True: "auto"}.get(value, value) if isinstance(value, bool) else value
    if not isinstance(value, str) or value not in AUTOMATIC:
        raise BadInput(f"One of {', '.join(AUTOMATIC)}.")
    return value


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(tag, str) and tag for tag in value):
        raise BadInput("A list of tags.")
    return value


def _signals(value: Any) -> list[str]:
    if not isinstance(value, list) or any(name not in SIGNALS for name in value):
        raise BadInput(f"A list out of {', '.join(SIGNALS)}.")
    return [name for name in SIGNALS if name in value]


def _money(value: Any) -> str:
    try:
        amount = Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not 0 < amount < 1_000_000:
        raise BadInput("An amount in US dollars above 0.")
    return str(amount)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise BadInput("A short text.")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput("A JSON object.")
    return value


def _scorer(value: Any) -> dict[str, Any]:
    spec = {"type": value} if isinstance(value, str) else _object(value)
    scorers.read(spec)
    return spec


READERS: dict[str, Any] = {
    "threshold": _threshold,
    "scorer": _scorer,
    "repeat": _whole(1, 20),
    "required_approvals": _whole(0, 20),
    "auto_evaluate": _flag,
    "auto_promote": _automatic,
    "auto_rollback": _automatic,
    "min_examples": _whole(1, 10_000),
    "max_drop": _number(0, 1),
    "confidence": _number(0.5, 0.999),
    "max_error_rate": _number(0, 1),
    "must_pass": _tags,
    "fresh_for_days": _whole(1, 3_650),
    "budget_usd": _money,
    "schedule_hours": _whole(1, 8_760),
    "watch": _signals,
    "window_minutes": _whole(1, 1_440),
    "min_samples": _whole(100, 1_000_000),
    "provider": _text,
    "model_name": _text,
    "params": _object,
}
