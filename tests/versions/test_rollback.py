"""ROLLBACK brings a retired text back as a new version in production: forward only, one ledger entry, with a reason."""

from datetime import timedelta

import pytest

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_tracking_prompt, make_version
from tests.versions.refusing import refused
from versions.models import PromptVersion
from versions.models.moving import TICK
from versions.seen import ANYTHING, Seen
from versions.verifying import problems

pytestmark = pytest.mark.django_db


def test_a_new_version_with_the_old_content_is_live():
    old = make_version("RET", template_source="Good old.", config={"a": 1})
    bad = old.prompt.production
    row = PromptVersion.objects.values().get(pk=old.pk)
    again = old.roll_back(by=TESTER, seen=Seen.of(old), reason=" It was better. ")
    assert (again.label, again.stage, again.rollback_of, again.based_on) == ("v1.2", "PRD", 1, 1)
    assert (again.template_source, again.config, again.content_hash) == ("Good old.", {"a": 1}, old.content_hash)
    assert again.commit_message == "Rollback to v1.0"
    bad.refresh_from_db()
    assert (bad.stage, bad.retired_at) == ("RET", again.deployed_at)
    assert PromptVersion.objects.values().get(pk=old.pk) == row
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.label, event.to_stage, event.replaced) == ("rolled_back", "v1.2", "PRD", 2)
    assert (event.reason, event.detail) == ("It was better.", {"replaced": "v1.1", "rollback_of": "v1.0"})
    assert LedgerEvent.objects.filter(version=3).count() == 1
    assert list(problems()) == []


@pytest.mark.parametrize("stage", ["DEV", "TST", "PRD"])
def test_only_retired_versions(stage):
    version = make_version(stage)
    with refused("wrong_stage"):
        version.roll_back(by=TESTER, seen=ANYTHING, reason="Because.")


@pytest.mark.parametrize("reason", ["", "  ", "\x00", "x" * 2_001, None])
def test_a_reason_is_required(reason):
    version = make_version("RET")
    with refused("invalid", 400):
        version.roll_back(by=TESTER, seen=ANYTHING, reason=reason)


def test_a_late_press_does_nothing():
    version = make_version("PRD")
    seen = Seen.of(version)
    make_version("PRD", prompt=version.prompt)
    with refused("stale"):
        version.roll_back(by=TESTER, seen=seen, reason="Because.")


def test_dates_only_grow_when_the_clock_goes_back():
    old = make_version("RET")
    bad = old.prompt.production
    again = old.roll_back(by=TESTER, seen=ANYTHING, reason="r", at=bad.deployed_at - timedelta(days=3))
    assert again.deployed_at == bad.deployed_at + TICK
    assert list(problems()) == []


def test_back_and_forth_is_a_history_without_gaps():
    old = make_version("RET")
    for _ in range(3):
        retired = old.prompt.versions.filter(stage="RET").order_by("version").first()
        retired.roll_back(by=TESTER, seen=ANYTHING, reason="again")
    rows = list(old.prompt.versions.order_by("deployed_at"))
    assert [row.retired_at for row in rows[:-1]] == [row.deployed_at for row in rows[1:]]
    assert [row.stage for row in rows] == ["RET", "RET", "RET", "RET", "PRD"]


def test_a_tracking_prompt_is_refused():
    version = make_tracking_prompt().versions.get()
    with refused("wrong_mode", 400):
        version.roll_back(by=TESTER, seen=ANYTHING, reason="r")
