"""Evaluations in plain words: how far a run is, what its verdict means, what a scorer found."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from evaluations import datasets, gates, scorers
from evaluations.models import UNFINISHED, EvaluationRun, RunStatus, Verdict
from evaluations.policy import Policy
from executions.analytics import words as units

SCORERS = {
    "exact": "equal to what is expected",
    "contains": "holds what is expected",
    "regex": "matches a regular expression",
    "json_schema": "is JSON of a given shape",
    "json_equals": "has the expected values at given places of its JSON",
    "numeric": "is a number near the one expected",
    "similarity": "is similar to what is expected",
    "latency": "came within a time",
    "cost": "cost no more than an amount",
    "judge": "is judged good by another prompt",
    "all": "passes several scorers",
    "any": "passes one of several scorers",
}


@dataclass(frozen=True)
class Said:
    """A title and a sentence; `kind` colours them: good, bad, warn or nothing."""

    kind: str
    title: str
    detail: str


def is_live(run: EvaluationRun) -> bool:
    """Whether it has no end yet."""
    return run.status in UNFINISHED


def progress(run: EvaluationRun) -> dict[str, Any]:
    """How many answers there are of how many, and about how long the rest takes; `run` as api.runs.find gives it."""
    done, total = getattr(run, "answered", 0), max(1, run.examples * run.repeats)
    left = ""
    if is_live(run) and run.started_at and done:
        took = (timezone.now() - run.started_at).total_seconds()
        left = f"about {units.duration(round(took / done * (total - done) * 1000))} left"
    return {"done": done, "total": total, "percent": round(100 * done / total, 1), "left": left}


def standing(run: EvaluationRun) -> Said:
    """What the run says in all, and what that means."""
    if run.status == RunStatus.QUEUED:
        return Said("", "Waiting", "A worker takes it as soon as one is free.")
    if run.status == RunStatus.RUNNING:
        return Said("", "Running", "Every answer is stored as it comes: a stopped worker loses nothing.")
    if run.status == RunStatus.CANCELED:
        who = run.error_message or "It was ended by hand."
        return Said("warn", "Canceled", f"{who} It has no score and opens no gate.")
    if run.status == RunStatus.FAILED:
        return Said("bad", "Failed", f"{run.error_message or 'It broke off.'} It has no score and opens no gate.")
    return _verdict(run)


def _verdict(run: EvaluationRun) -> Said:
    score = "no score" if run.score is None else gates.figure(run.score)
    if run.threshold is None:
        return Said("", "No verdict", "The prompt asked for no threshold when this ran: it is a figure, not a gate.")
    threshold = gates.figure(run.threshold)
    if run.verdict == Verdict.PASS:
        return Said("good", "Pass", f"The score {score} reaches the threshold {threshold}.")
    if run.verdict == Verdict.FAIL:
        failed = run.figures.get("must_pass_failed") or []
        if failed and run.score is not None and run.score >= run.threshold:
            return Said("bad", "Fail", f"The score {score} reaches the threshold {threshold}, but examples that must "
                                       f"pass failed: {', '.join(failed[:10])}.")  # fmt: skip
        return Said("bad", "Fail", f"The score {score} is below the threshold {threshold}.")
    settled = "another run may settle it" if run.errors or run.score is None else "more examples settle it"
    return Said("warn", "Inconclusive", f"{_doubt(run)} That is no proof either way: production stays closed, and "
                                        f"{settled}.")  # fmt: skip


def _doubt(run: EvaluationRun) -> str:
    total = run.examples * run.repeats
    if run.score is None:
        return f"None of the {total} answers could be scored."
    if run.errors:
        return f"{run.errors} of {total} answers were errors, more than the policy lets pass."
    return f"{run.examples} examples are fewer than the policy asks for."


def evidence(run: EvaluationRun) -> Said | None:
    """Whether the gate goes by this run now, and if not, why; None while it has no score."""
    if run.status != RunStatus.SUCCEEDED:
        return None
    version = run.version
    if version is None:
        return Said("warn", "", f"The draft {run.label} was deleted since.")
    if version.content_hash != run.content_hash:
        return Said("warn", "", f"{run.label} was edited since: this is no evidence for what it says now.")
    policy, dataset = Policy.of(run.prompt), datasets.current(run.prompt)
    if dataset is None or dataset.sha256 != run.dataset.sha256:
        return Said("warn", "", "The examples changed since: the gate wants a run on the present ones.")
    if scorers.scorer_hash(policy.scorer) != run.scorer_hash:
        return Said("warn", "", "The scorer changed since: the gate wants a run with the present one.")
    if otherwise := gates.asked_otherwise(run, policy):
        return Said("warn", "", f"{otherwise} The gate wants a run that was asked so.")
    version.prompt = run.prompt
    newest = gates.evidence(version, dataset, policy)
    if newest is not None and newest.pk != run.pk:
        return Said("", "", "A newer run of the same text is what the gate goes by.")
    if policy.threshold is not None and policy.threshold != run.threshold:
        return Said("", "", f"The gate goes by this run; it asks for {gates.figure(policy.threshold)} now.")
    return Said("", "", "The gate goes by this run.") if policy.threshold is not None else None


def lines(run: EvaluationRun) -> list[tuple[str, str]]:
    """The figures of a run, as (name, words)."""
    figures = run.figures
    found = []
    if "interval" in figures and run.score is not None:
        low, high = figures["interval"]
        sure = f"{figures.get('confidence', 0.95) * 100:g} %"
        found.append(("True score", f"{gates.figure(low)} to {gates.figure(high)}, {sure} sure"))
    if "passed" in figures:
        found.append(("Passed", f"{figures['passed']} of {figures['answers']} answers"))
    if run.errors:
        found.append(("Errors", f"{run.errors}"))
    half, most = (figures.get("latency_ms", {}).get(name) for name in ("p50", "p95"))
    if half:
        found.append(("Answered within", f"{_time(half)} (half), {_time(most)} (95 %)"))
    found.append(("Cost", cost(run)))
    return found


def _time(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else units.duration(round(milliseconds))


def cost(run: EvaluationRun) -> str:
    """What it cost, beside what was estimated and what it may."""
    known = run.cost_usd is not None and (run.started_at is not None)
    said = money(run.cost_usd) if known else ("not known" if not is_live(run) else "nothing yet")
    if run.estimated_cost_usd is not None:
        said += f", estimated {money(run.estimated_cost_usd)}"
    return said + (f", at most {money(run.budget_usd)}" if run.budget_usd is not None else "")


def money(amount: Decimal | None) -> str:
    """An amount in US dollars; "not known" without one."""
    return "not known" if amount is None else units.money(amount)


def scorer(spec: dict[str, Any]) -> str:
    """What a scorer asks of an answer."""
    kind = spec.get("type", "")
    if kind in ("all", "any"):
        inner = ", ".join(str(one.get("type")) for one in spec.get("scorers", []) if isinstance(one, dict))
        return f"{SCORERS[kind]}: {inner}"
    if kind == "judge":
        return f"{SCORERS[kind]}: {spec.get('prompt')} v{spec.get('version')}"
    return SCORERS.get(kind, kind)


def notes(detail: dict[str, Any]) -> list[str]:
    """What a scorer found, as sentences; the difference itself is drawn."""
    found = [detail["said"]] if detail.get("said") else []
    if missing := detail.get("missing"):
        found.append(f"Missing: {', '.join(f'“{part}”' for part in missing)}.")
    for one in detail.get("differing", []):
        got = "nothing" if one["actual"] is None else one["actual"]
        found.append(f"{one['path']}: expected {one['expected']}, got {got}.")
    found += [f"{one['path']}: {one['said']}" for one in detail.get("complaints", [])]
    if "distance" in detail:
        found.append(f"Expected {detail['expected']}, got {detail['actual']}: {detail['distance']} apart, "
                     f"{detail['allowed']} is allowed.")  # fmt: skip
    if "pattern" in detail:
        matched = f"matched “{detail['match']}”" if "match" in detail else "did not match"
        found.append(f"The pattern {detail['pattern']} {matched}.")
    if "max_ms" in detail:
        found.append(f"It took {_time(detail['latency_ms'])}; {_time(detail['max_ms'])} is allowed.")
    if "max_usd" in detail:
        found.append(f"It cost {_exact(detail['cost_usd'])}; {_exact(detail['max_usd'])} is allowed.")
    if "judge" in detail:
        found.append(f"{detail['judge']} v{detail['version']} says: {detail.get('reason') or detail.get('answer', '')}")
    for part in detail.get("parts", []):
        inner = " ".join(notes(part.get("detail", {})))
        found.append(f"{part['type']}: {'passed' if part['passed'] else 'failed'}, score "
                     f"{gates.figure(part['score'])}. {inner}".strip())  # fmt: skip
    return found


def _exact(amount: float) -> str:
    return f"${amount:.8f}".rstrip("0").rstrip(".")
