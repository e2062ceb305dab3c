"""Runs (SPEC 7): asked for, carried out side by side, resumed after a kill, stopped by budget or by hand."""

import threading
import time
from decimal import Decimal

import pytest
from django.db import connection

from common.errors import BadInput, Conflict
from evaluations import claims, datasets, running, starting
from evaluations.items import Item
from evaluations.models import EvaluationRun, ExampleResult
from executions.models import ModelPrice, ProviderUse
from executions.providers import Answer, ProviderError
from ledger.models import LedgerEvent
from tests.evaluations.gating import ask_for, gated, give_examples
from tests.factories import TESTER, make_prompt, make_version
from versions import gates
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "tests.evaluations.test_running"


class Scripted:
    """A provider of the tests: says what `script` says, and counts what it is asked."""

    name = "scripted"
    lock = threading.Lock()
    asked: list[str] = []
    keys: list[str] = []
    script = staticmethod(lambda prompt, times: Answer(prompt, 1, 1, Decimal("0.01")))

    def complete(self, prompt, *, model, params, on_text=None, timeout=None, idempotency_key=""):
        with self.lock:
            times = self.asked.count(prompt)
            self.asked.append(prompt)
            self.keys.append(idempotency_key)
        return type(self).script(prompt, times)


@pytest.fixture
def scripted(settings):
    settings.PROVIDERS = {**settings.PROVIDERS, "scripted": f"{HERE}.Scripted"}
    settings.EXECUTION_RETRY_WAITS = [0.01, 0.01]
    Scripted.asked, Scripted.keys = [], []
    Scripted.script = staticmethod(lambda prompt, times: Answer(prompt, 1, 1, Decimal("0.01")))
    return Scripted


def run_of(version, **more) -> EvaluationRun:
    return starting.start(version, by=TESTER, **more)


def test_a_run_scores_every_example_and_opens_the_gate():
    version = gated(examples=10)
    run = run_of(version)
    assert (run.status, run.score, run.examples) == ("queued", None, 10)
    done = running.work(run.pk)
    assert (done.status, done.score, done.verdict, done.errors) == ("succeeded", 1.0, "pass", 0)
    assert (done.provider, done.cost_usd) == ("offline", 0)
    assert done.results.count() == 10
    assert all(one.met for one in gates.ask(version))
    event = LedgerEvent.objects.latest("pk")
    assert (event.action, event.label, event.detail["score"]) == ("evaluated", "v1.0", 1.0)
    assert list(problems()) == []


def test_a_failing_score_says_which_examples_and_blocks():
    version = gated(examples=4)
    rows = [
        Item(f"ex-{n}", {"name": f"n{n}"}, {"value": f"Hello n{n}" if n else "Bye"}, tags=("smoke",)) for n in range(4)
    ]
    datasets.replace(version.prompt, by=TESTER, examples=rows)
    ask_for(version.prompt, must_pass=["smoke"])
    done = running.work(run_of(version).pk)
    assert (done.score, done.verdict, done.figures["must_pass_failed"]) == (0.75, "fail", ["ex-0"])
    failed = done.results.get(passed=False)
    assert (failed.example.key, failed.actual, failed.score) == ("ex-0", "Hello n0", 0.0)
    version.prompt.refresh_from_db()
    assert {one.name for one in gates.ask(version) if not one.met} == {"score", "must_pass"}


def test_without_examples_nothing_is_started():
    version = make_version("TST")
    with pytest.raises(Conflict) as caught:
        run_of(version)
    assert caught.value.code == "no_examples"
    assert EvaluationRun.objects.count() == 0


def test_the_same_run_that_waits_or_is_under_way_is_not_queued_twice():
    version = gated()
    first = run_of(version)
    assert run_of(version).pk == first.pk
    held = claims.claim(first.pk)
    assert (held.status, run_of(version).pk) == ("running", first.pk)
    assert EvaluationRun.objects.count() == 1
    assert running.carry_out(held).status == "succeeded"
    assert run_of(version).pk != first.pk


def test_what_asks_otherwise_is_another_run():
    version = gated(provider="offline")
    first = run_of(version)
    ask_for(version.prompt, model_name="another")
    assert run_of(version).pk != first.pk
    assert run_of(version, budget_usd=Decimal(1)).budget_usd == 1
    assert EvaluationRun.objects.count() == 3


def test_repeats_never_share_an_answer(scripted):
    version = gated(examples=3, repeat=4, provider="scripted")
    done = running.work(run_of(version).pk)
    assert (done.results.count(), len(scripted.asked)) == (12, 12)
    assert len(set(scripted.keys)) == 12
    assert done.cost_usd == Decimal("0.12")


def test_errors_are_no_zero_and_make_it_inconclusive(scripted):
    def script(prompt, times):
        if prompt == "Hello n0":
            raise ProviderError("No.", code="provider_refused")
        return Answer(prompt, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    version = gated(examples=4, provider="scripted")
    done = running.work(run_of(version).pk)
    assert (done.score, done.errors, done.verdict) == (1.0, 1, "inconclusive")
    assert scripted.asked.count("Hello n0") == 1
    assert done.results.get(score=None).error == "No."


def test_what_may_go_better_is_tried_again(scripted):
    def script(prompt, times):
        if times < 2:
            raise ProviderError("Busy.", code="provider_rate_limited")
        return Answer(prompt, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    done = running.work(run_of(gated(examples=2, provider="scripted")).pk)
    assert (done.score, done.errors, len(scripted.asked)) == (1.0, 0, 6)


def test_the_text_that_was_asked_for_is_evaluated_though_it_was_edited_since():
    version = gated(examples=2)
    run = run_of(version)
    version.edit(by=TESTER, seen=ANYTHING, template_source="Other {{ name }}")
    done = running.work(run.pk)
    assert (done.score, done.content_hash) == (1.0, run.content_hash)
    version.refresh_from_db()
    assert {one.name for one in gates.ask(version) if not one.met} == {"evaluated"}


def test_a_budget_that_the_estimate_exceeds_is_refused_before_anything_is_paid(scripted, monkeypatch):
    monkeypatch.setattr("evaluations.starting.pricing.cost", lambda *args: Decimal(5))
    version = gated(provider="scripted", budget_usd="1")
    with pytest.raises(BadInput) as caught:
        run_of(version)
    assert caught.value.code == "over_budget"
    assert EvaluationRun.objects.count() == 0


def test_a_budget_that_is_spent_stops_the_run_and_keeps_what_it_has(scripted, settings):
    settings.EVALUATION_AT_ONCE = 2

    def script(prompt, times):
        time.sleep(0.05)
        return Answer(prompt, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    version = gated(examples=400, provider="scripted")
    done = running.work(run_of(version, budget_usd=Decimal("0.05")).pk)
    assert (done.status, done.score, done.verdict) == ("failed", None, "inconclusive")
    assert "the budget of $0.05" in done.error_message
    assert 5 <= done.results.count() == len(scripted.asked) < 300


def test_a_canceled_run_stops_and_stores_nothing_more(scripted, settings):
    settings.EVALUATION_AT_ONCE = 2
    begun = threading.Event()

    def script(prompt, times):
        begun.set()
        time.sleep(0.05)
        return Answer(prompt, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    run = run_of(gated(examples=500, provider="scripted"))

    def end():
        begun.wait(20)
        starting.cancel(EvaluationRun.objects.get(pk=run.pk), by=TESTER)
        connection.close()

    ender = threading.Thread(target=end)
    ender.start()
    done = running.work(run.pk)
    ender.join()
    assert done.status == "canceled"
    assert len(scripted.asked) < 400
    with pytest.raises(Conflict):
        starting.cancel(done, by=TESTER)
    assert (done.error_message, done.leased_until) == (f"Canceled by {TESTER.name}.", None)
    assert done.started_at < done.completed_at
    version = done.version
    ask_for(version.prompt, threshold=0.5)
    said = f"The evaluation of v1.0 did not finish: Canceled by {TESTER.name}. Try again."
    assert said in [one.detail for one in gates.ask(PromptVersion.objects.get(pk=version.pk))]


def test_what_a_dead_worker_stored_is_not_asked_again(scripted):
    version = gated(examples=20, provider="scripted")
    run = claims.claim(run_of(version).pk)
    examples = list(datasets.rows(run.dataset))
    stored = [ExampleResult(run=run, example=examples[n], position=n + 1, repeat=1, actual="x", score=1.0, passed=True,
                            cost_usd=Decimal("0.01")) for n in range(8)]  # fmt: skip
    assert claims.keep(run, stored, Decimal("0.08"))
    assert running.work(run.pk) is None  # its lease still runs
    EvaluationRun.objects.filter(pk=run.pk).update(leased_until=None)
    done = running.work(run.pk)
    assert (done.status, done.results.count(), len(scripted.asked)) == ("succeeded", 20, 12)
    assert done.cost_usd == Decimal("0.20")


def test_threads_share_one_look_at_the_price(scripted, monkeypatch):
    """32 threads that each ask the database would be 32 connections of a server that has a hundred."""
    looked = []

    def look(provider, models, *, at=None):
        looked.append(models)
        return ModelPrice(input_per_million=Decimal(1_000_000), output_per_million=0)

    monkeypatch.setattr("executions.pricing.price_of", look)
    scripted.script = staticmethod(lambda prompt, times: Answer(prompt, 2, 1))
    done = running.work(run_of(gated(examples=40, provider="scripted")).pk)
    assert (done.cost_usd, len(looked)) == (Decimal(80), 2)  # the estimate, and the run


def test_the_limits_of_a_provider_count_every_call(scripted, settings, monkeypatch):
    monkeypatch.setattr("executions.limits.MINUTE", 10**10)  # none ends while this runs
    settings.PROVIDER_LIMITS = {"scripted": {"per_minute": 100_000}}
    running.work(run_of(gated(examples=40, provider="scripted")).pk)
    assert ProviderUse.objects.get(provider="scripted").count == len(scripted.asked) == 40


def test_a_turn_is_a_part_of_a_run_and_nothing_is_asked_twice(scripted, settings):
    settings.EVALUATION_AT_ONCE, settings.EVALUATION_TURN_SECONDS = 4, 0.8

    def script(prompt, times):
        time.sleep(0.05)
        return Answer(prompt, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    run = run_of(gated(examples=300, provider="scripted"))
    first = running.take_a_turn()
    assert (first.pk, first.status, first.leased_until) == (run.pk, "queued", None)
    assert 0 < first.results.count() == len(scripted.asked) < 300
    turns = 1
    while (last := running.take_a_turn()) is not None and last.status == "queued":
        turns += 1
    assert turns >= 2
    assert (last.status, last.score, last.results.count(), len(scripted.asked)) == ("succeeded", 1.0, 300, 300)
    assert last.cost_usd == Decimal("3.00")
    assert running.take_a_turn() is None


def test_at_the_end_of_a_turn_who_still_answers_is_waited_for_and_the_claim_kept(scripted, settings):
    settings.EVALUATION_TURN_SECONDS, settings.EXECUTION_LEASE_SECONDS = 1.0, 6.0
    looked = threading.Event()

    def script(prompt, times):
        assert looked.wait(60)
        return Answer(prompt, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    run = run_of(gated(examples=2, provider="scripted"))
    others = []

    def look():
        time.sleep(7.5)  # longer than the turn, and than the lease of who does not renew it
        others.append(claims.claim(run.pk))
        looked.set()
        connection.close()

    other = threading.Thread(target=look)
    other.start()
    done = running.take_a_turn()
    other.join()
    assert others == [None]
    assert (done.status, done.score, len(scripted.asked)) == ("succeeded", 1.0, 2)


def test_who_lost_the_run_stores_nothing():
    run = claims.claim(run_of(gated(examples=3)).pk)
    EvaluationRun.objects.filter(pk=run.pk).update(leased_until=None)
    taken = claims.claim(run.pk)
    example = next(iter(datasets.rows(run.dataset)))
    late = [ExampleResult(run=run, example=example, position=1, repeat=1, actual="late", score=0.0, passed=False)]
    assert claims.keep(run, late, None) is False
    done = running.carry_out(taken)
    assert (done.score, done.results.filter(actual="late").count()) == (1.0, 0)


def test_a_judge_is_a_pinned_version_of_another_prompt(scripted):
    make_prompt(name="judge", template_source="Judge {{ input }} {{ expected }} {{ actual }}")

    def script(prompt, times):
        said = '{"score": 0.75, "reason": "Close."}' if prompt.startswith("Judge") else prompt
        return Answer(said, 1, 1, Decimal("0.01"))

    scripted.script = staticmethod(script)
    version = gated(examples=2, provider="scripted", scorer={"type": "judge", "prompt": "judge", "version": 1})
    done = running.work(run_of(version).pk)
    assert (done.score, done.cost_usd) == (0.75, Decimal("0.04"))
    assert done.results.first().detail["reason"] == "Close."
    assert 'Judge {"name":"n0"} Hello n0 Hello n0' in scripted.asked


def test_an_unknown_judge_fails_the_run_with_the_reason():
    version = gated(scorer={"type": "judge", "prompt": "nobody", "version": 1})
    done = running.work(run_of(version).pk)
    assert (done.status, done.error_message) == ("failed", "The judge 'nobody' has no version 1.")


def test_a_draft_with_evidence_can_be_deleted_and_the_run_stays():
    version = gated()
    draft = version.create_new(by=TESTER, seen=ANYTHING)
    run = running.work(run_of(draft).pk)
    draft.delete_draft(by=TESTER, seen=ANYTHING)
    again = EvaluationRun.objects.get(pk=run.pk)
    assert (again.version, again.label, again.score) == (None, draft.label, 1.0)
    assert Prompt.objects.get(name="gated").versions.count() == 1


def test_over_the_api(api):
    version = gated(examples=3)
    answer = api("POST", "/prompts/gated/versions/v1.0/evaluate", {})
    body = answer.json()
    assert (answer.status_code, body["status"], body["label"], body["answered"]) == (201, "queued", "v1.0", 0)
    assert answer["Location"] == f"/v1/evaluations/{body['id']}"
    running.work(body["id"])
    shown = api("GET", f"/evaluations/{body['id']}").json()
    assert (shown["score"], shown["verdict"], shown["content_hash"]) == (1.0, "pass", version.content_hash)
    assert [(row["example"], row["expected"], row["actual"]) for row in shown["results"]] == [
        (f"ex-{n}", f"Hello n{n}", f"Hello n{n}") for n in range(3)
    ]
    listed = api("GET", "/prompts/gated/evaluations?verdict=pass").json()
    assert (listed["count"], listed["results"][0]["id"], listed["results"][0]["answered"]) == (1, body["id"], 3)
    assert api("POST", f"/evaluations/{body['id']}/cancel").status_code == 409
    assert api("GET", "/evaluations/nonsense").status_code == 404
    give_examples(version.prompt, 0)
    assert api("POST", "/prompts/gated/versions/v1.0/evaluate", {}).json()["code"] == "no_examples"
    assert api("POST", "/prompts/gated/versions/v1.0/promote", {"to": "PRD"}).status_code == 409
