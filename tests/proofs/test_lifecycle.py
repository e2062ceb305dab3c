"""Whatever is pressed, in whatever order, legal or not: a model of SPEC 2 and the product agree after every press."""

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.actors import Person
from common.errors import Refusal
from ledger.models import LedgerEvent
from tests.factories import TESTER
from versions.actions import perform
from versions.models import Prompt, PromptVersion
from versions.seen import Seen
from versions.verifying import problems

NEXT = {"DEV": "TST", "TST": "PRD"}
ON = {
    "edit": "DEV TST", "promote": "DEV TST", "create": "DEV TST PRD RET", "delete": "DEV", "archive": "DEV TST",
    "unarchive": "DEV TST", "rollback": "RET",
}  # fmt: skip
names = itertools.count()


@dataclass
class Known:
    """What the model knows of one version."""

    text: str
    stage: str = "DEV"
    revision: int = 1
    archived: bool = False
    gone: bool = False


class Lifecycle(RuleBasedStateMachine):
    """One prompt; presses by a release manager, some of them late, some on versions that are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @initialize(live=st.integers(0, 3))
    def a_prompt(self, live: int) -> None:
        user = User.objects.create_user(f"somebody-{next(names)}")
        user.groups.add(Group.objects.get(name="Release manager"))
        self.by = Person.of(user)
        self.prompt = Prompt.create(by=TESTER, name=f"p{next(names)}", template_source="a")
        self.known = {1: Known("a")}
        self.rows: dict[int, PromptVersion] = {}  # as they were last seen
        self.events, self.was_live = 2, False
        self.sealed: dict[int, Any] = {}
        for number in range(1, live + 1):
            self.go_on(0)
            self.go_on(0)
            self.press("create", 0, "", "a", None)
            assert self.known[number].stage == "PRD"

    @rule(
        name=st.sampled_from(sorted(ON)),
        which=st.integers(0, 30),
        late=st.sampled_from(["", "", "", "stage", "revision"]),
        text=st.sampled_from(["a", "b", "c"]),
        to=st.sampled_from([None, None, None, "TST", "PRD", "RET", "DEV"]),
    )
    def press(self, name: str, which: int, late: str, text: str, to: str | None) -> None:
        number = sorted(self.known)[-1 - which % len(self.known)]
        known = self.known[number]
        target = to or NEXT.get(known.stage, "PRD")
        data = {"edit": {"template_source": text}, "promote": {"to": target}, "rollback": {"reason": "r"}}.get(name, {})
        seen = Seen(
            "RET" if late == "stage" and known.stage != "RET" else "DEV" if late == "stage" else known.stage,
            known.revision + (late == "revision"),
        )
        code = self.why_not(name, known, late, target)
        if not known.gone:
            self.rows[number] = self.prompt.versions.select_related("prompt").get(version=number)
        try:
            perform(name, self.rows[number], by=self.by, seen=seen, **data)
        except Refusal as refusal:
            assert refusal.code == code, (name, known, late, target)
        else:
            assert code is None, (name, known, late, target)
            self.done(name, known, text)

    @rule(which=st.integers(0, 3))
    def go_on(self, which: int) -> None:
        """A promotion in time, so that there is something in every stage."""
        self.press("promote", which, "", "a", None)

    @staticmethod
    def why_not(name: str, known: Known, late: str, target: str) -> str | None:
        """The code with which this press is to be refused; None when it is to be done."""
        if known.gone:
            # It was looked up before it went: whether the button was on is asked first.
            if known.archived and name in ("edit", "promote", "archive") and not late:
                return "archived"
            return "not_found" if late or known.stage in ON[name] else "wrong_stage"
        if late:
            return "stale"
        if known.archived and name in ("edit", "promote", "archive"):
            return "archived"
        if known.stage not in ON[name]:
            return "immutable" if name == "edit" else "wrong_stage"
        if name == "promote" and NEXT[known.stage] != target:
            return "stale" if target == known.stage else "illegal_move"
        return None

    def done(self, name: str, known: Known, text: str) -> None:
        """Play the press in the model."""
        live = [other for other in self.known.values() if other.stage == "PRD"]
        changed = True
        if name == "edit":
            changed = known.text != text
            known.text, known.revision = text, known.revision + changed
        elif name == "promote":
            known.stage = NEXT[known.stage]
            if known.stage == "PRD" and live:
                live[0].stage = "RET"
        elif name == "delete":
            known.gone = True
        elif name in ("archive", "unarchive"):
            changed = known.archived != (name == "archive")
            known.archived = name == "archive"
        else:
            number = len(self.known) + 1
            self.known[number] = Known(known.text)
            if name == "rollback":
                self.known[number].stage = "PRD"
                live[0].stage = "RET"
        self.events += changed

    @invariant()
    def the_product_is_as_the_model(self) -> None:
        rows = {row.version: row for row in PromptVersion.objects.filter(prompt=self.prompt)}
        shown = {
            number: Known(row.template_source, row.stage, row.revision, row.archived_at is not None)
            for number, row in rows.items()
        }
        assert shown == {number: known for number, known in self.known.items() if not known.gone}

    @invariant()
    def one_is_live_and_never_none_again(self) -> None:
        live = PromptVersion.objects.filter(prompt=self.prompt, stage="PRD").count()
        assert live == 1 if self.was_live else live <= 1
        self.was_live = self.was_live or live == 1

    @invariant()
    def what_was_live_stays_what_it_was(self) -> None:
        for row in PromptVersion.objects.filter(prompt=self.prompt, stage__in=("PRD", "RET")):
            kept = row.template_source, row.content_hash, row.label, row.deployed_at, row.revision
            assert self.sealed.setdefault(row.version, kept) == kept

    @invariant()
    def each_change_has_its_event_and_the_ledger_is_sound(self) -> None:
        assert LedgerEvent.objects.filter(chain=f"prompt:{self.prompt.pk}").count() == self.events
        assert list(problems()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_the_lifecycle_is_as_its_model():
    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
