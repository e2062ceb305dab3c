"""Windows of use: fixed spans on the database's clock, judged once each when they are over (RELIABILITY 4.6).

A version is compared with how the version that was live before it did. BREACHES in a row, of the same signal, are
trouble; a window with too little use breaks the row: nothing is done on a guess.
"""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.db import transaction

from common.clock import database_now
from evaluations import alerts, automation, signals
from evaluations.models import NoticeKind, SignalWindow, WindowVerdict
from evaluations.pace import Pace
from evaluations.policy import Policy
from evaluations.schedule import with_policy
from versions.models import Prompt, PromptVersion

BREACHES = 3
SETTLE = timedelta(seconds=10)  # transactions that were under way at a window's end have stored theirs by then
CAUGHT_UP = 24  # windows that are judged late, after nobody worked for long
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Baseline = tuple[signals.Counts, str]
pace = Pace()


def work() -> int:
    """What a worker does: judge the windows that are over. Returns how many it judged."""
    return len(list(judge_due())) if pace.due() else 0


def judge_due(at: datetime | None = None) -> Iterator[SignalWindow]:
    """Judge every window that is over, of every prompt that watches its signals; yield them. `at` stands for now."""
    for prompt in with_policy("auto_rollback", "watch"):
        yield from judge(prompt, at)


def judge(prompt: Prompt, at: datetime | None = None) -> Iterator[SignalWindow]:
    """Judge the windows of a prompt's live version that are over and not judged yet, the oldest first."""
    policy = Policy.of(prompt)
    live = prompt.production
    if live is None or live.deployed_at is None:
        return
    live.prompt = prompt
    length = timedelta(minutes=policy.window_minutes)
    baseline = signals.baseline_of(live)  # of versions before it: nothing is added to it any more
    for start in _open_starts(live, length, at or database_now()):
        window = _judged(live, policy, start, at, baseline)
        if window is None:
            return
        yield window


def _open_starts(live: PromptVersion, length: timedelta, at: datetime) -> list[datetime]:
    """The starts of the windows that are over and not judged yet."""
    last = SignalWindow.objects.filter(version=live).order_by("-starts_at").first()
    end = _floor(at - SETTLE, length)
    start = last.ends_at if last else _floor(live.deployed_at or at, length)
    start = _floor(max(start, end - CAUGHT_UP * length), length)
    found = []
    while start + length <= end:
        if last is None or start >= last.ends_at:
            found.append(start)
        start += length
    return found


def _floor(moment: datetime, length: timedelta) -> datetime:
    return moment - (moment - EPOCH) % length


def _judged(
    live: PromptVersion, policy: Policy, start: datetime, at: datetime | None, baseline: Baseline | None
) -> SignalWindow | None:
    """Count a window, store it, and act on it; None where somebody else did, or another version is live by now."""
    end = start + timedelta(minutes=policy.window_minutes)
    counts = signals.count(live, policy, start, end, baseline and baseline[0])  # before the lock: it may take a while
    with transaction.atomic():
        prompt = live.prompt.locked()
        present = prompt.production
        if present is None or present.pk != live.pk:
            return None
        if SignalWindow.objects.filter(version=live, ends_at__gt=start).exists():
            return None
        window = SignalWindow(prompt=prompt, version=live, starts_at=start, ends_at=end, **vars(counts))
        if baseline is not None:
            window.baseline = {**vars(baseline[0]), "label": baseline[1]}
            window.breached = signals.breached(counts, baseline[0], policy)
        window.verdict = WindowVerdict.HEALTHY
        if counts.samples < policy.min_samples:
            window.verdict = WindowVerdict.NO_DATA
        elif window.breached:
            window.verdict = WindowVerdict.BREACH
        window.save(force_insert=True)
        present.prompt = prompt
        _act(present, window, policy, at)
    return window


def _act(live: PromptVersion, window: SignalWindow, policy: Policy, at: datetime | None) -> None:
    if window.verdict == WindowVerdict.NO_DATA:
        _say_there_is_too_little(live, window, policy, at)
        return
    if window.verdict == WindowVerdict.HEALTHY:
        alerts.all_is_well(live, [NoticeKind.NO_DATA, NoticeKind.SIGNAL], f"{live.label} does well.", at=at)
    elif names := in_a_row(window):
        automation.trouble(live, NoticeKind.SIGNAL, _in_words(live, names, window), at=at)


def _in_words(live: PromptVersion, names: list[str], window: SignalWindow) -> str:
    figures = [name.name for name in fields(signals.Counts)]
    now = signals.Counts(**{name: getattr(window, name) for name in figures})
    then = signals.Counts(**{name: window.baseline[name] for name in figures})
    said = f"{live.label}, which is live, does worse than {window.baseline['label']} did, {BREACHES} windows in a row: "
    return f"{said}{signals.in_words(names, now, then)}."


def in_a_row(window: SignalWindow) -> list[str]:
    """The signals that were breached in this window and in those right before it; none where the row is too short."""
    rows = SignalWindow.objects.filter(version=window.version_id, starts_at__lte=window.starts_at)
    newest = list(rows.order_by("-starts_at")[:BREACHES])
    whole = all(later.starts_at == earlier.ends_at for later, earlier in pairwise(newest))
    if len(newest) < BREACHES or not whole or any(one.verdict != WindowVerdict.BREACH for one in newest):
        return []
    return [name for name in window.breached if all(name in one.breached for one in newest)]


def _say_there_is_too_little(live: PromptVersion, window: SignalWindow, policy: Policy, at: datetime | None) -> None:
    """Once for a version: nights without use are no news."""
    if live.notices.filter(kind=NoticeKind.NO_DATA).exists():
        return
    said = (
        f"{live.label}, which is live, ran {window.samples} times in {policy.window_minutes} minutes: too little to "
        f"judge it by ({policy.min_samples} are asked for). Nothing is done by its signals until there is more."
    )
    alerts.give(live, NoticeKind.NO_DATA, said, at=at)
