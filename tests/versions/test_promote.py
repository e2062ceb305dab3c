"""PROMOTE: DEV to TST to PRD, one step at a time; into PRD it retires the present one at the same instant (S0-55)."""

from datetime import timedelta

import pytest
from django.db import connection

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt, make_tracking_prompt, make_version
from tests.versions.refusing import refused
from versions.actions import perform
from versions.models import PromptVersion
from versions.models.moving import TICK
from versions.seen import ANYTHING, Seen
from versions.verifying import problems

pytestmark = pytest.mark.django_db


def test_from_dev_to_tst_changes_the_stage_alone():
    version = make_version("DEV")
    before = PromptVersion.objects.values().get()
    after = version.promote(by=TESTER, to="TST", seen=Seen.of(version))
    assert after.stage == "TST"
    assert PromptVersion.objects.values().get() == before | {"stage": "TST"}
    event = LedgerEvent.objects.latest("id")
    assert (event.action, event.from_stage, event.to_stage, event.replaced) == ("promoted", "DEV", "TST", None)


def test_the_first_production_version_has_a_date_and_replaces_nobody():
    version = make_version("TST")
    after = version.promote(by=TESTER, to="PRD", seen=ANYTHING, reason=" Ready. ")
    assert after.stage == "PRD"
    assert after.deployed_at is not None
    assert after.retired_at is None
    event = LedgerEvent.objects.latest("id")
    assert (event.replaced, event.reason, event.at, event.detail) == (None, "Ready.", after.deployed_at, {})


def test_the_present_one_is_retired_at_the_same_instant():
    old = make_version("PRD")
    new = make_version("TST", prompt=old.prompt).promote(by=TESTER, to="PRD", seen=ANYTHING)
    old.refresh_from_db()
    assert (old.stage, new.stage) == ("RET", "PRD")
    assert old.retired_at == new.deployed_at
    assert old.retired_at > old.deployed_at
    assert old.prompt.production == new
    event = LedgerEvent.objects.latest("id")
    assert (event.replaced, event.detail) == (1, {"replaced": "v1.0"})


def test_other_prompts_keep_theirs():
    other = make_version("PRD")
    make_version("RET")
    other.refresh_from_db()
    assert other.stage == "PRD"


def test_an_older_number_may_follow_a_newer_one():
    """Replaced by names the one that took over, not the newest (S0-45)."""
    draft = make_version("TST")
    newer = make_version("PRD", prompt=draft.prompt)
    make_version("DEV", prompt=draft.prompt)
    draft.promote(by=TESTER, to="PRD", seen=ANYTHING)
    assert PromptVersion.objects.get(pk=newer.pk).replaced_by == "v1.0"
    assert PromptVersion.objects.for_lists().get(pk=newer.pk).replaced_by == "v1.0"


@pytest.mark.parametrize(
    ("stage", "to", "code"),
    [
        ("DEV", "PRD", "illegal_move"), ("DEV", "RET", "illegal_move"), ("DEV", "DEV", "stale"),
        ("TST", "DEV", "illegal_move"), ("TST", "RET", "illegal_move"), ("TST", "TST", "stale"),
        ("PRD", "DEV", "wrong_stage"), ("PRD", "TST", "wrong_stage"), ("PRD", "RET", "wrong_stage"),
        ("PRD", "PRD", "stale"), ("RET", "PRD", "wrong_stage"), ("RET", "RET", "stale"),
        ("DEV", "", "illegal_move"), ("DEV", "dev", "illegal_move"), ("TST", "prd", "illegal_move"),
    ],
)  # fmt: skip
def test_every_other_move_is_refused(stage, to, code):
    version = make_version(stage)
    with refused(code):
        version.promote(by=TESTER, to=to, seen=ANYTHING)


def test_a_late_press_does_nothing():
    """Drawn in DEV, pressed when it is in TST: it would have gone to production."""
    version = make_version("DEV")
    seen = Seen.of(version)
    version.promote(by=TESTER, to="TST", seen=seen)
    with refused("stale") as caught:
        version.promote(by=TESTER, to="TST", seen=seen)
    assert caught.value.data["stage"] == "TST"


def test_what_was_edited_since_is_not_promoted():
    version = make_version("TST")
    version.edit(by=TESTER, seen=ANYTHING, template_source="Other than you saw.")
    with refused("stale"):
        version.promote(by=TESTER, to="PRD", seen=Seen.of(version))


def test_an_archived_draft_is_refused():
    version = make_version("TST").archive(by=TESTER, seen=ANYTHING)
    with refused("archived"):
        version.promote(by=TESTER, to="PRD", seen=ANYTHING)


def test_a_tracking_prompt_is_refused():
    version = make_tracking_prompt().versions.get()
    with refused("wrong_mode", 400):
        version.promote(by=TESTER, to="RET", seen=ANYTHING)


def test_a_reason_that_cannot_be_stored_is_refused():
    version = make_version("TST")
    with refused("invalid", 400):
        version.promote(by=TESTER, to="PRD", seen=ANYTHING, reason="\x00")


@pytest.mark.parametrize("back", [timedelta(0), timedelta(hours=1), timedelta(days=400)])
def test_dates_of_production_only_grow_even_when_the_clock_goes_back(back):
    old = make_version("PRD")
    new = make_version("TST", prompt=old.prompt).promote(by=TESTER, to="PRD", seen=ANYTHING, at=old.deployed_at - back)
    old.refresh_from_db()
    assert new.deployed_at == old.retired_at == old.deployed_at + TICK
    assert LedgerEvent.objects.latest("id").at == new.deployed_at
    assert list(problems()) == []


def test_a_promotion_costs_so_many_queries(engineer, django_assert_num_queries):
    live = make_version("PRD")
    version = PromptVersion.objects.for_lists().get(pk=make_version("TST", prompt=live.prompt).pk)
    engineer.may("versions.view_prompt")  # asked once in a request
    with django_assert_num_queries(10) as captured:
        perform("promote", version, by=engineer, seen=Seen.of(version), to="PRD")
    locks = [query["sql"] for query in captured if "FOR NO KEY UPDATE" in query["sql"]]
    assert len(locks) == (1 if connection.vendor == "postgresql" else 0)


def test_the_lock_is_taken_on_the_prompt_before_the_version_is_read(engineer, django_assert_max_num_queries):
    prompt = make_prompt()
    version = prompt.versions.get()
    with django_assert_max_num_queries(12) as captured:
        version.promote(by=engineer, to="TST", seen=ANYTHING)
    reads = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    assert 'FROM "prompts"' in reads[0]
    assert 'FROM "prompt_versions"' in reads[1]
