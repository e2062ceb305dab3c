"""Code registers the prompts it runs (S1-12 to S1-21; SPEC 3): all or nothing, in a fixed number of statements."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from django.db import IntegrityError, OperationalError, transaction

from agents.models import DEFAULT_STATUS_KEY, Agent
from common import telemetry
from common.bulk import update_rows
from common.clock import database_now
from common.errors import BadInput, Conflict
from ledger import chain
from ledger.actors import Actor
from repository.decisions import Decision, decide
from repository.items import BadItems, Item, refuse_contradictions
from repository.standing import look_up
from versions.exceptions import WrongMode
from versions.models import Prompt, PromptVersion, moving
from versions.models.prompt import Mode
from versions.stages import Stage

TRIES = 10
SAVED = ("agent", "status_key", "title")


def register(
    items: list[Item], *, by: Actor, dry_run: bool = False, at: datetime | None = None
) -> list[dict[str, Any]]:
    """Make the ledger say what code runs, and return one result for each item, in their order (S1-20).

    Unknown agents and prompts are made. `at` is the database's now unless it is said: the demo has a past.
    Raises WrongMode (S1-25), BadItems or BadInput (400): then nothing is stored, nor with `dry_run`.
    Equal registrations at once make one version: who comes second finds it there.
    """
    about = {"promptledger.prompts": len(items), "promptledger.dry_run": dry_run}
    with telemetry.span("promptledger.register", about) as span:
        found = _register_surely(items, by, dry_run, at)
        outcomes = Counter(_outcome(one) for one in found)
        span.set({f"promptledger.{outcome}": number for outcome, number in outcomes.items()})
        for outcome, number in outcomes.items():
            telemetry.count("promptledger.registrations", {"promptledger.outcome": outcome}, number)
    return found


def _outcome(result: dict[str, Any]) -> str:
    for outcome in ("stale", "restored_from", "created", "change_detected"):
        if result.get(outcome):
            return {"restored_from": "restored", "change_detected": "changed"}.get(outcome, outcome)
    return "unchanged"


def _register_surely(items: list[Item], by: Actor, dry_run: bool, at: datetime | None) -> list[dict[str, Any]]:
    for _ in range(TRIES):
        try:
            return _register(items, by, dry_run, at)
        except (IntegrityError, OperationalError) as error:
            # Another registration made the same prompt, or waited for us while we waited for it: look again.
            if not _somebody_was_faster(error):
                raise
    raise Conflict("Other registrations of the same prompts were faster, again and again. Try again.", code="busy")


def _somebody_was_faster(error: Exception) -> bool:
    """Whether a name was taken a moment ago, or the database ended a deadlock."""
    if isinstance(error, IntegrityError):
        return "promptledger:" not in str(error)  # what a guard refuses, it refuses again
    return getattr(error.__cause__, "sqlstate", "") in ("40P01", "40001")


def _register(items: list[Item], by: Actor, dry_run: bool, at: datetime | None) -> list[dict[str, Any]]:
    nameless = [item for item in items if not item.name]
    decisions = _decide(items, lock=False)
    if any(decision.writes for decision in decisions):
        for item in nameless:
            item.name = ""  # looked up again under the lock
        with transaction.atomic():
            decisions = _decide(items, lock=True)
            _write(_once(decisions), by, at or database_now())
            transaction.set_rollback(dry_run)
    of_name = {decision.item.name: decision for decision in _once(decisions)}
    return [_result(item, of_name[item.name]) for item in items]


def _decide(items: list[Item], *, lock: bool) -> list[Decision]:
    """Decide on every item, or raise for all that are wrong."""
    ledger = look_up(items, lock=lock)
    refuse_contradictions(items)
    decisions, wrong = [], []
    for item in items:
        try:
            decisions.append(decide(item, ledger))
        except WrongMode as error:
            error.data |= {"index": item.index, "name": item.name}
            raise
        except BadInput as error:
            wrong.append((item.index, item.name, error.detail))
    if wrong:
        raise BadItems(wrong)
    return decisions


def _once(decisions: list[Decision]) -> list[Decision]:
    """One decision for each prompt, by name: everybody inserts in one order."""
    return [one for _, one in sorted({decision.item.name: decision for decision in decisions}.items())]


def _write(decisions: list[Decision], by: Actor, at: datetime) -> None:
    moment = moving.instant(at, [one.retires for one in decisions if one.retires and one.road])
    _make_agents(decisions, by, moment)
    for decision in decisions:
        if decision.new_primary_key and decision.agent:
            decision.agent.change(by=by, at=moment, primary_status_key=decision.prompt.status_key)
    changed = _change_prompts(decisions)
    _make_prompts(decisions, by, moment)
    _make_versions(decisions, by, moment)
    _move(decisions, moment)
    written = [(one.prompt, [*changed.get(one.item.name, []), *_entries(one)]) for one in decisions]
    chain.append_many([pair for pair in written if pair[1]], by=by, at=moment, also=Prompt.HIGH_WATER)


def _make_agents(decisions: list[Decision], by: Actor, moment: datetime) -> None:
    """Make the agents that nobody knew, with their primary keys."""
    wanting = [one for one in decisions if one.item.agent and one.agent is None]
    primary = {one.item.agent: one.item.slot[1] for one in wanting if one.item.is_primary_default}
    names = sorted({one.item.agent for one in wanting})
    made = Agent.objects.bulk_create(
        Agent(name=name, primary_status_key=primary.get(name, DEFAULT_STATUS_KEY), created_at=moment) for name in names
    )
    created = [(agent, [agent.entry("agent_created", {"description": ""})]) for agent in made]
    chain.append_many(created, by=by, at=moment)
    of_name = {agent.name: agent for agent in made}
    for decision in wanting:
        decision.agent = of_name[decision.item.agent]


def _change_prompts(decisions: list[Decision]) -> dict[str, list[chain.Entry]]:
    """Store what changes of prompts that are there; return what to write down of it, by the prompt's name."""
    entries = {}
    for decision in decisions:
        if not decision.changes:
            continue
        prompt, detail = decision.prompt, {}
        for name, value in decision.changes.items():
            before = getattr(prompt, name)
            detail[name] = {"from": before.name if isinstance(before, Agent) else before, "to": value}
            setattr(prompt, name, decision.agent if name == "agent" else value)
        entries[decision.item.name] = [prompt.entry("prompt_changed", detail={"changes": detail})]
    update_rows(Prompt, [one.prompt for one in decisions if one.changes], SAVED)
    return entries


def _make_prompts(decisions: list[Decision], by: Actor, moment: datetime) -> None:
    made = []
    for decision in decisions:
        if decision.makes_prompt:
            prompt = decision.prompt
            prompt.agent, prompt.created_by, prompt.created_at = decision.agent, by.name, moment
            made.append(prompt)
    Prompt.objects.bulk_create(made)


def _make_versions(decisions: list[Decision], by: Actor, moment: datetime) -> None:
    """Store every new version as a draft; drafts that move on get the commit they are registered with now."""
    made, moved = [], []
    for decision in decisions:
        item, there = decision.item, decision.version
        if decision.makes_version:
            config = item.config if item.config is not None else decision.follows.config if decision.follows else {}
            first = decision.prompt.highest_version == 0
            decision.version = PromptVersion.prepare(
                decision.prompt, by, item.text, config, "", moment, commit=item.commit, committed_at=item.committed_at,
                is_default_from_code=first, based_on=decision.follows.version if decision.follows else None,
            )  # fmt: skip
            made.append(decision.version)
        elif there and decision.road and (item.commit, item.committed_at) != (there.commit, there.committed_at):
            there.commit, there.committed_at = item.commit, item.committed_at
            moved.append(there)
    PromptVersion.objects.bulk_create(made)
    update_rows(PromptVersion, moved, ("commit", "committed_at"))


def _move(decisions: list[Decision], moment: datetime) -> None:
    """Walk every version along its road, all of them one step at a time."""
    for stage in (Stage.TST, Stage.PRD):
        here = [one for one in decisions if stage in one.road]
        retiring = [one.retires for one in here if one.retires] if stage == Stage.PRD else []
        moving.step([one.version for one in here if one.version], stage, moment, retiring=retiring)


def _entries(decision: Decision) -> Iterator[chain.Entry]:
    """What the ledger says of one item: nothing, where nothing was written."""
    item, version, retired = decision.item, decision.version, decision.retires
    if decision.makes_prompt:
        yield decision.prompt.entry("prompt_created", detail={"type": decision.prompt.type, "mode": Mode.TRACKING})
    if version is None or not decision.touches_version:
        return
    detail: dict[str, Any] = {"environment": item.environment, "commit": item.commit}
    detail["committed_at"] = item.committed_at.isoformat() if item.committed_at else None
    if decision.stale:
        yield version.entry("registration_ignored", detail=detail | {"checksum_hash": item.checksum})
        return
    if decision.restored_from:
        detail["restored_from"] = f"v{decision.restored_from}.0"
    if retired:
        detail["replaced"] = retired.label
    yield version.entry(
        "registered", from_stage=decision.from_stage, to_stage=version.stage,
        replaced=retired.version if retired else None, detail=detail, after_hash=version.content_hash,
        before_hash=version.content_hash if decision.from_stage else "",
    )  # fmt: skip


def _result(item: Item, decision: Decision) -> dict[str, Any]:
    """One answer: the keys of S1-20, and more."""
    version, prompt = cast(PromptVersion, decision.version), decision.prompt
    follows = decision.follows if decision.touches_version and not decision.stale else None
    agent = decision.agent or prompt.agent
    result = {
        "name": prompt.name,
        "mode": prompt.mode,
        "version": version.version,
        "change_detected": follows is not None,
        "previous_version": follows.version if follows else None,
        "label": version.label,
        "stage": version.stage,
        "checksum_hash": item.checksum,
        "agent": agent.name if agent else None,
        "status_key": prompt.status_key,
        "created": decision.makes_prompt,
    }
    if decision.restored_from:
        result["restored_from"] = decision.restored_from
    if decision.stale:
        result["stale"] = True
    if item.hash_mismatch:
        result["hash_mismatch"] = True
    return result
