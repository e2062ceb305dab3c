"""Attempts (SPEC 6): how many, when, for what; the same for both modes of prompts, now or by a worker (S1-54)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from executions import leases, retries, running
from executions.models import Execution, Status
from executions.providers import ProviderError
from tests.factories import TESTER, make_tracking_prompt, make_version

pytestmark = pytest.mark.django_db

RETRYABLE = ("provider_timeout", "provider_rate_limited", "provider_server_error", "provider_connection")
FINAL = ("provider_refused", "provider_bad_answer", "provider_not_allowed", "provider_not_configured")
modes = pytest.mark.parametrize("prompt_mode", ["full", "tracking"])
ways = pytest.mark.parametrize("way", ["sync", "async"])


def failed(code: str = "provider_server_error", **data: Any) -> ProviderError:
    return ProviderError(f"It failed: {code}.", code=code, **data)


def version_of(prompt_mode: str) -> Any:
    if prompt_mode == "full":
        return make_version("PRD")
    return make_tracking_prompt().versions.select_related("prompt").get()


def carried_out(prompt_mode: str, way: str) -> Execution:
    """Run it now, or queue it and let a worker try until there is an end."""
    version = version_of(prompt_mode)
    try:
        row = running.run(version, by=TESTER, variables={"name": "Bo"}, provider="scripted", mode=way)
    except ProviderError as error:
        return Execution.objects.get(pk=error.data["execution_id"])
    while row := leases.claim(worker="tests"):
        running.carry_out(row)
    return Execution.objects.get()


@modes
@ways
def test_worker_retry_logic_same_for_both_modes(scripted, prompt_mode, way):
    scripted.script = [failed(), failed("provider_timeout"), "Third time lucky"]
    row = carried_out(prompt_mode, way)
    assert (row.status, row.attempts, row.response_text) == ("succeeded", 3, "Third time lucky")
    assert [entry["error_type"] for entry in row.attempt_log] == ["provider_server_error", "provider_timeout", ""]
    assert [entry["attempt"] for entry in row.attempt_log] == [1, 2, 3]
    assert {asked["idempotency_key"] for asked in scripted.asked} == {str(row.pk)}


@modes
@ways
@pytest.mark.parametrize("code", RETRYABLE)
def test_after_three_attempts_it_has_failed(scripted, prompt_mode, way, code):
    scripted.script = [failed(code) for _ in range(5)]
    row = carried_out(prompt_mode, way)
    assert (row.status, row.attempts, row.error_type) == ("failed", 3, code)
    assert len(scripted.asked) == 3


@modes
@ways
@pytest.mark.parametrize("code", FINAL)
def test_other_errors_fail_at_once(scripted, prompt_mode, way, code):
    scripted.script = [failed(code)]
    row = carried_out(prompt_mode, way)
    assert (row.status, row.attempts, row.error_type, row.error_message) == ("failed", 1, code, f"It failed: {code}.")


def test_worker_executes_full_mode_prompt(scripted):
    is_executed("full")


def test_worker_executes_tracking_mode_prompt(scripted):
    is_executed("tracking")


def is_executed(prompt_mode: str) -> None:
    row = carried_out(prompt_mode, "async")
    assert (row.status, row.response_text, row.worker, row.attempts) == ("succeeded", "done", "tests", 1)
    assert row.started_at is not None
    assert row.completed_at >= row.started_at


def test_the_waits_are_five_seconds_half_a_minute_and_two_minutes(settings):
    settings.EXECUTION_ATTEMPTS = 4
    row = Execution(attempt_log=[])
    for least in (5, 30, 120):
        row.attempt_log.append({"error_type": "provider_timeout"})
        waits = [retries.wait_after(row, failed()) for _ in range(50)]
        assert all(least <= wait <= least * 1.1 for wait in waits)
        assert len(set(waits)) > 40
    row.attempt_log.append({"error_type": "provider_timeout"})
    assert retries.wait_after(row, failed()) is None


def test_three_attempts_are_what_is_set(settings):
    assert (settings.EXECUTION_ATTEMPTS, settings.EXECUTION_RETRY_WAITS) == (3, [5.0, 30.0, 120.0])


def test_a_worker_that_ended_is_no_failed_attempt():
    row = Execution(attempt_log=[{"error_type": "worker_lost"}] * 5 + [{"error_type": "provider_timeout"}])
    assert 5 <= retries.wait_after(row, failed()) <= 5.5


def test_retry_after_is_honoured_up_to_an_hour():
    row = Execution(attempt_log=[{"error_type": "provider_rate_limited"}])
    assert retries.wait_after(row, failed("provider_rate_limited", retry_after=77.0)) == 77.0
    assert retries.wait_after(row, failed("provider_rate_limited", retry_after=0.5)) >= 5
    assert retries.wait_after(row, failed("provider_rate_limited", retry_after=3_601.0)) is None


def test_a_worker_gives_it_back_until_its_time_has_come(scripted, settings):
    settings.EXECUTION_RETRY_WAITS = [60.0]
    scripted.script = [failed("provider_rate_limited", retry_after=120.0)]
    running.run(version_of("full"), by=TESTER, variables={"name": "Bo"}, provider="scripted", mode="async")
    row = running.carry_out(leases.claim(worker="tests"))
    assert (row.status, row.attempts, row.lease_until) == ("queued", 1, None)
    assert timedelta(seconds=115) < row.not_before - timezone.now() < timedelta(seconds=121)
    assert row.attempt_log[0]["retry_in"] == 120.0
    assert leases.claim(worker="tests") is None


def test_who_waits_is_not_kept_for_ever(scripted, settings):
    settings.EXECUTION_RETRY_WAITS = [60.0]
    settings.EXECUTION_SYNC_SECONDS = 50
    scripted.script = [failed()]
    row = carried_out("full", "sync")
    assert (row.status, row.attempts) == ("failed", 1)


def test_a_run_that_is_canceled_while_it_waits_is_not_tried_again(scripted, settings, monkeypatch):
    settings.EXECUTION_RETRY_WAITS = [3.0]
    scripted.script = [failed(), "too late"]
    monkeypatch.setattr(running.time, "sleep", lambda seconds: leases.cancel(Execution.objects.get().pk))
    row = running.run(version_of("full"), by=TESTER, variables={"name": "Bo"}, provider="scripted")
    assert (row.status, row.response_text, len(scripted.asked)) == ("canceled", None, 1)


def test_a_defect_of_an_adapter_is_kept_as_a_failure(scripted):
    with pytest.raises(ZeroDivisionError):
        running.run(version_of("full"), by=TESTER, variables={"name": "Bo"}, provider="buggy")
    row = Execution.objects.get()
    assert (row.status, row.error_type, row.attempts) == (Status.FAILED, "internal_error", 1)
