"""The pages of evaluations: asking for a run, how it goes, its answers, the line of scores, comparisons (SPEC 7)."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from evaluations import claims, datasets, running, starting
from evaluations.items import Item
from evaluations.models import EvaluationRun, ExampleResult
from executions.models import ModelPrice
from ledger.models import LedgerEvent
from tests.conftest import make_user
from tests.evaluations.gating import ask_for, gated
from tests.factories import TESTER, make_prompt, make_version
from versions.models import PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
START = "/prompts/gated/versions/v1.0/evaluate/"
SEEN = {"seen_stage": "TST", "seen_revision": "1"}
LIST = "/prompts/gated/evaluations/"


def client_of(who) -> Client:
    client = Client()
    client.force_login(who.user)
    return client


def finished(version: PromptVersion, **more) -> EvaluationRun:
    """A run that was carried out, by the offline provider."""
    return running.work(starting.start(version, by=TESTER, **more).pk)


def successor(version: PromptVersion, text: str) -> PromptVersion:
    return version.create_new(by=TESTER, seen=ANYTHING, template_source=text)


@pytest.fixture
def version() -> PromptVersion:
    """In TST; of its four examples one expects another answer than the offline provider gives."""
    found = gated(examples=4)
    rows = [
        Item(f"ex-{n}", {"name": f"n{n}"}, {"value": f"Hello n{n}" if n else "Goodbye n0"}, tags=("a",))
        for n in range(4)
    ]
    datasets.replace(found.prompt, by=TESTER, examples=rows)
    return PromptVersion.objects.select_related("prompt").get(pk=found.pk)


# Asking for a run


def test_before_it_runs_it_says_on_what_how_and_for_how_much(page, version):
    text = page.get(START, headers=HTMX).content.decode()
    for words in ("4 examples", "equal to what is expected", "0.85", "offline", "nothing is paid"):
        assert words in text, words
    assert "<html" not in text
    assert "<html" in page.get(START).content.decode()
    assert EvaluationRun.objects.count() == 0


def test_the_cost_is_estimated_where_there_is_a_price(page, version, settings):
    settings.PROVIDERS = {**settings.PROVIDERS, "priced": "tests.evaluations.test_running.Scripted"}
    ask_for(version.prompt, provider="priced", model_name="m", repeat=3)
    assert "not known: this model has no price" in page.get(START).content.decode()
    ModelPrice.objects.create(provider="priced", model="m", input_per_million=1_000, output_per_million=1_000)
    text = page.get(START).content.decode()
    assert "about $0." in text and "for 3 times each" in text
    refused = page.post(START, {**SEEN, "budget_usd": "0.000001"})
    assert refused.status_code == 400
    assert "Raise it, or use fewer examples." in refused.content.decode()
    assert EvaluationRun.objects.count() == 0


def test_the_press_leads_to_the_run(page, version):
    answer = page.post(START, {**SEEN, "repeat": "2", "budget_usd": "1.5"})
    run = EvaluationRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/evaluations/{run.pk}/")
    assert (run.repeats, run.budget_usd, run.created_by) == (2, Decimal("1.5"), "engineer")
    assert page.post(START, {**SEEN, "repeat": "3"}, headers=HTMX)["HX-Redirect"].startswith("/evaluations/")


@pytest.mark.parametrize(
    "wrong", [{"repeat": "0"}, {"repeat": "21"}, {"repeat": "x"}, {"budget_usd": "0"}, {"budget_usd": "-1"}]
)
def test_a_wrong_number_is_said_in_the_dialog_and_nothing_starts(page, version, wrong):
    answer = page.post(START, {**SEEN, **wrong}, headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "[data-question=evaluate]")
    assert "errorlist" in answer.content.decode()
    assert EvaluationRun.objects.count() == 0


def test_without_examples_the_dialog_leads_to_them(page):
    make_version("DEV", name="bare")
    text = page.get("/prompts/bare/versions/v1.0/evaluate/").content.decode()
    assert "There are no examples" in text and "data-confirm" not in text and "/prompts/bare/examples/" in text
    assert (
        page.post("/prompts/bare/versions/v1.0/evaluate/", {"seen_stage": "DEV", "seen_revision": "1"}).status_code
        == 409
    )


def test_a_late_press_and_one_without_permission_start_nothing(page, version, viewer):
    assert page.post(START, {**SEEN, "seen_revision": "7"}).status_code == 409
    assert page.post(START, {}).status_code == 400
    assert client_of(viewer).post(START, SEEN).status_code == 403
    assert client_of(viewer).get(START).status_code == 403
    assert EvaluationRun.objects.count() == 0


# A run


def test_a_run_that_waits_renews_itself_and_can_be_canceled(page, version):
    run = starting.start(version, by=TESTER)
    path = f"/evaluations/{run.pk}/"
    text = page.get(path).content.decode()
    assert f'hx-get="{path}" hx-trigger="every 1s"' in text
    assert "Waiting" in text and "0 of 4 answers" in text
    part = page.get(path, headers=HTMX).content.decode()
    assert 'id="run"' in part and "<html" not in part
    done = page.post(f"{path}cancel/", follow=True).content.decode()
    assert "Canceled" in done and "hx-trigger" not in done
    late = page.post(f"{path}cancel/", follow=True).content.decode()
    assert "there is nothing to cancel" in late


def test_a_run_in_the_middle_shows_what_there_is(page, version):
    run = claims.claim(starting.start(version, by=TESTER, repeat=2).pk)
    example = run.dataset.examples.get(key="ex-1")
    kept = ExampleResult(run=run, example=example, position=2, repeat=1, actual="Hello n1", score=1.0, passed=True)
    assert claims.keep(run, [kept], Decimal(0))
    EvaluationRun.objects.filter(pk=run.pk).update(started_at=run.started_at - timedelta(seconds=5))
    text = page.get(f"/evaluations/{run.pk}/", headers=HTMX).content.decode()
    assert "Running" in text
    assert re.search(r"1 of 8 answers, about [\d.]+ s left", text)
    assert (text.count("cell is-pass"), text.count("not answered yet")) == (1, 7)
    assert "Evaluate again" in text and ">Compare<" not in text
    assert "1 answers so far" in page.get(LIST).content.decode()


def test_a_viewer_looks_and_cancels_nothing(version, viewer):
    run = starting.start(version, by=TESTER)
    client = client_of(viewer)
    text = client.get(f"/evaluations/{run.pk}/").content.decode()
    assert "cancel/" not in text and START not in text and "Evaluate again is off" in text
    assert START not in client.get("/prompts/gated/versions/v1.0/").content.decode()
    assert START not in client.get(LIST).content.decode()
    assert client.post(f"/evaluations/{run.pk}/cancel/").status_code == 403
    run.refresh_from_db()
    assert run.status == "queued"


def test_a_finished_run_says_what_it_means_and_shows_every_answer(page, version):
    run = finished(version, repeat=2)
    text = page.get(f"/evaluations/{run.pk}/").content.decode()
    for words in ("Fail", "The score 0.75 is below the threshold 0.85.", "The gate goes by this run.", "6 of 8 answers",
                  "95 % sure", "offline provider answered"):  # fmt: skip
        assert words in text, words
    assert "hx-trigger" not in text
    assert (text.count("cell is-pass"), text.count("cell is-fail")) == (6, 2)
    failed = page.get(f"/evaluations/{run.pk}/?show=failed")
    assert [row.example.key for row in failed.context["rows"]] == ["ex-0"]
    assert page.get(f"/evaluations/{run.pk}/?show=errors").context["rows"] == []


def test_a_pass_an_inconclusive_and_a_failed_run_are_told_apart(page, version):
    ask_for(version.prompt, threshold=0.75)
    passed = finished(version)
    assert "reaches the threshold 0.75" in page.get(f"/evaluations/{passed.pk}/").content.decode()
    ask_for(version.prompt, must_pass=["a"])
    tagged = finished(version)
    text = page.get(f"/evaluations/{tagged.pk}/").content.decode()
    assert "but examples that must pass failed: ex-0." in text
    EvaluationRun.objects.filter(pk=tagged.pk).update(verdict="inconclusive", errors=3)
    assert "3 of 4 answers were errors" in page.get(f"/evaluations/{tagged.pk}/").content.decode()
    EvaluationRun.objects.filter(pk=tagged.pk).update(status="failed", score=None, error_message="Stopped: the budget.")
    assert "Stopped: the budget. It has no score" in page.get(f"/evaluations/{tagged.pk}/").content.decode()


def test_a_run_says_when_it_is_no_proof_any_more(page, version):
    run = finished(version)

    def said() -> str:
        return page.get(f"/evaluations/{run.pk}/").content.decode()

    ask_for(version.prompt, threshold=0.7)
    assert "The gate goes by this run; it asks for 0.7 now." in said()
    finished(version)
    assert "A newer run of the same text" in said()
    ask_for(version.prompt, scorer={"type": "contains"})
    assert "The scorer changed since" in said()
    datasets.remove(version.prompt, by=TESTER, keys=["ex-3"])
    assert "The examples changed since" in said()
    version.edit(by=TESTER, seen=ANYTHING, template_source="Hi {{ name }}")
    assert "v1.0 was edited since" in said()


def test_the_run_of_a_deleted_draft_stays_to_be_looked_at(page, version):
    draft = successor(version, "Draft {{ name }}")
    run = finished(draft)
    draft.delete_draft(by=TESTER, seen=ANYTHING)
    text = page.get(f"/evaluations/{run.pk}/").content.decode()
    assert "was deleted since" in text and "Evaluate again" not in text
    assert "deleted" in page.get(LIST).content.decode()


def test_errors_are_marked_and_say_why(page, version):
    run = finished(version)
    ExampleResult.objects.filter(run=run, position=2).update(
        score=None, passed=None, error="The provider said <b>no</b>."
    )
    text = page.get(f"/evaluations/{run.pk}/?show=errors").content.decode()
    assert "cell is-error" in text and "&lt;b&gt;no" in text and "<b>no" not in text
    assert "&lt;b&gt;no" in page.get(f"/evaluations/{run.pk}/examples/2/").content.decode()


def test_one_example_shows_expected_actual_and_what_differs(page, version):
    run = finished(version, repeat=2)
    part = page.get(f"/evaluations/{run.pk}/examples/1/", headers=HTMX).content.decode()
    assert "<html" not in part
    assert "Goodbye n0" in part
    assert "<del>Goodbye</del>" in part and "<ins>Hello</ins>" in part
    assert part.count('class="result"') == 2
    assert "/examples/2/" in part and "/examples/0/" not in part
    assert "Previous" in page.get(f"/evaluations/{run.pk}/examples/4/").content.decode()


def test_a_long_answer_is_cut_and_says_so(page, version):
    run = finished(version)
    ExampleResult.objects.filter(run=run, position=2).update(actual="x" * 60_000, passed=True)
    text = page.get(f"/evaluations/{run.pk}/examples/2/").content.decode()
    assert "Only the beginning is shown" in text and "x" * 50_001 not in text


@pytest.mark.parametrize("path", ["", "examples/1/", "examples/99/"])
def test_a_run_that_is_not_there_is_a_404(page, version, path):
    assert page.get(f"/evaluations/{uuid.uuid4()}/{path}").status_code == 404
    assert page.get(f"/evaluations/none/{path}").status_code == 404
    if path == "examples/99/":
        assert page.get(f"/evaluations/{finished(version).pk}/{path}").status_code == 404


def test_the_page_asks_as_often_for_many_answers_as_for_few(page, version, django_assert_max_num_queries):
    rows = [Item(f"ex-{n:03}", {"name": f"n{n}"}, {"value": "x"}) for n in range(130)]
    datasets.replace(version.prompt, by=TESTER, examples=rows)
    run = finished(version, repeat=2)
    with django_assert_max_num_queries(22):
        answer = page.get(f"/evaluations/{run.pk}/?page=2")
    assert [row.position for row in answer.context["rows"]] == list(range(101, 131))
    assert all(len(row.cells) == 2 and all(row.cells) for row in answer.context["rows"])


# The list


def test_the_list_draws_scores_against_the_threshold_and_marks_what_went_live(page, version):
    ask_for(version.prompt, threshold=0.7)
    finished(version)
    live = version.promote(by=TESTER, to="PRD", seen=ANYTHING)
    newer = successor(live, "Hello  {{ name }}")
    finished(newer)
    answer = page.get(LIST)
    chart = answer.context["chart"]
    assert [row[:3] for row in chart.rows] == [["v1.0", "0.75", "0.7"], ["v1.1", "0", "0.7"]]
    assert [mark.said[:14] for mark in chart.marks] == ["v1.0 went live"]
    text = answer.content.decode()
    assert "Threshold 0.7" in text and "Went live" in text
    assert "0.75" in text and "is-good" in text and "is-bad" in text


def test_scores_on_other_examples_are_drawn_apart(page, version):
    finished(version)
    datasets.remove(version.prompt, by=TESTER, keys=["ex-3"])
    chart = page.get(LIST).context["chart"]
    assert ("Other examples, scorer or text", "old") in chart.legend
    assert "not on the present examples" in chart.places[0].said


def test_the_list_is_narrowed_and_htmx_gets_the_results_alone(page, version):
    run = finished(version)
    starting.start(version, by=TESTER)
    for query, count in {
        "status=succeeded": 1, "status=queued": 1, "verdict=fail": 1, "verdict=pass": 0, "version=v1.0": 2, "": 2,
    }.items():  # fmt: skip
        answer = page.get(f"{LIST}?{query}", headers=HTMX)
        assert len(answer.context["page"]) == count, query
        assert b"<html" not in answer.content
    assert b"every 2s" in page.get(LIST, headers=HTMX).content
    assert b"every 2s" not in page.get(f"{LIST}?status=succeeded", headers=HTMX).content
    assert str(run.pk) in page.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("query", "status"), [("?status=x", 400), ("?verdict=x", 400), ("?version=v9.9", 404), ("?version=abc", 404)]
)
def test_an_odd_question_is_refused(page, version, query, status):
    assert page.get(f"{LIST}{query}").status_code == status


def test_a_prompt_without_runs_says_what_to_do(page):
    make_prompt(name="new")
    assert "Nothing evaluated yet" in page.get("/prompts/new/evaluations/").content.decode()
    assert "Nothing to compare yet" in page.get("/prompts/new/evaluations/compare/").content.decode()
    assert page.get("/prompts/none/evaluations/").status_code == 404
    assert page.get("/prompts/none/evaluations/compare/").status_code == 404


# Two versions beside each other


def many(version: PromptVersion, wrong: int) -> PromptVersion:
    """Ten examples; a version that greets otherwise fails `wrong` of them."""
    rows = [
        Item(f"ex-{n}", {"name": f"n{n}"}, {"value": f"{'Hello' if n < wrong else 'Welcome'} n{n}"}) for n in range(10)
    ]
    datasets.replace(version.prompt, by=TESTER, examples=rows)
    return successor(version, "Welcome {{ name }}")


def test_a_proven_drop_is_said_in_words_with_its_p(page, version):
    new = many(version, wrong=10)
    finished(version)
    finished(new)
    answer = page.get(f"{LIST}compare/?left=v1.0&right=v1.1")
    text = answer.content.decode()
    assert "v1.1 is worse by 1" in text and "p = 0.001" in text
    assert answer.context["counts"] == {"worse": 10, "better": 0, "same": 0}
    back = page.get(f"{LIST}compare/?left=v1.1&right=v1.0").content.decode()
    assert "v1.0 scores 1 higher, more than chance" in back


def test_a_drop_that_may_be_chance_says_so_and_names_each_example(page, version):
    new = many(version, wrong=6)
    finished(version)
    finished(new)
    answer = page.get(f"{LIST}compare/?left=v1.0&right=v1.1")
    assert "v1.1 scores 0.2 lower, which may be chance" in answer.content.decode()
    assert "in 38 of 100 cases (p = 0.377)" in answer.content.decode()
    assert answer.context["counts"] == {"worse": 6, "better": 4, "same": 0}
    rows = answer.context["page"].object_list
    assert [(row.example.key, row.change, row.by) for row in rows][:1] == [("ex-0", "worse", "−1")]
    assert [row.change for row in rows] == ["worse"] * 6 + ["better"] * 4


def test_equal_versions_score_the_same_and_unchanged_examples_can_be_shown(page, version):
    other = successor(version, "Hello {{ name }}")
    finished(version)
    finished(other)
    text = page.get(f"{LIST}compare/?left=v1.0&right=v1.1").content.decode()
    assert "v1.0 and v1.1 score the same" in text and "Every example has the same score in both." in text
    assert len(page.get(f"{LIST}compare/?left=v1.0&right=v1.1&show=all").context["page"]) == 4


def test_runs_on_other_examples_are_not_compared(page, version):
    other = successor(version, "Hello again {{ name }}")
    finished(version)
    datasets.remove(version.prompt, by=TESTER, keys=["ex-3"])
    finished(other)
    text = page.get(f"{LIST}compare/?left=v1.0&right=v1.1").content.decode()
    assert "Not yet on the same examples" in text


def test_without_a_choice_what_is_live_is_compared_with_the_newest(page, version):
    ask_for(version.prompt, threshold=0.7)
    finished(version)
    newer = successor(version.promote(by=TESTER, to="PRD", seen=ANYTHING), "Hello {{ name }}!")
    finished(newer)
    answer = page.get(f"{LIST}compare/")
    assert (answer.context["old"].label, answer.context["new"].label) == ("v1.0", "v1.1")


def test_two_runs_of_one_version_are_compared_by_their_ids(page, version):
    first = finished(version)
    version.edit(by=TESTER, seen=ANYTHING, template_source="Goodbye {{ name }}")
    second = finished(PromptVersion.objects.select_related("prompt").get(pk=version.pk))
    answer = page.get(f"{LIST}compare/?left={first.pk}&right={second.pk}")
    assert answer.context["counts"] == {"worse": 3, "better": 1, "same": 0}
    beside = page.get(f"/evaluations/{second.pk}/examples/1/?beside={first.pk}", headers=HTMX).content.decode()
    assert "<del>Hello</del>" in beside and "<ins>Goodbye</ins>" in beside


def test_what_cannot_be_compared_is_refused(page, version):
    run = finished(version)
    waiting = starting.start(version, by=TESTER)
    other = gated("other", examples=2)
    foreign = finished(other)
    compare = f"{LIST}compare/?left=v1.0&right="
    assert page.get(f"{compare}{waiting.pk}").status_code == 400
    assert page.get(f"{compare}{foreign.pk}").status_code == 400
    assert page.get(f"{compare}{uuid.uuid4()}").status_code == 404
    assert page.get(f"{compare}v9.9").status_code == 404
    assert page.get(f"{compare}{run.pk}").context["apart"] is True


# The way there


def test_the_gate_leads_to_what_is_missing(page, version):
    path = "/prompts/gated/versions/v1.0/"
    text = page.get(path).content.decode()
    assert "v1.0 is not evaluated. Evaluate it." in text
    assert text.count('href="/prompts/gated/versions/v1.0/evaluate/"') == 2  # in the panel, and the button
    run = finished(version)
    text = page.get(path).content.decode()
    assert f'href="/evaluations/{run.pk}/"' in text and f'href="/evaluations/{run.pk}/?show=failed"' in text
    dialog = page.get(f"{path}promote/", headers=HTMX).content.decode()
    assert f'href="/evaluations/{run.pk}/?show=failed"' in dialog


def test_the_panel_says_who_is_asked_and_who_approved(page, version, manager):
    ask_for(version.prompt, required_approvals=2)
    make_user("outsider")
    path = "/prompts/gated/versions/v1.0/"
    text = page.get(path).content.decode()
    assert "0 of 2" in text and "Asked: manager." in text
    client_of(manager).post(f"{path}approve/", SEEN)
    text = page.get(path).content.decode()
    assert "1 of 2" in text and "<b>manager</b>" in text and "Nobody else may approve" in text
    shown = client_of(manager).get(path).content.decode()
    assert shown.count('data-action="approve"') >= 1


@pytest.mark.parametrize(
    "path", ["/prompts/gated/", "/prompts/gated/history/", LIST, "/prompts/gated/examples/", "/prompts/gated/policy/"]
)
def test_every_page_of_a_prompt_leads_to_the_others(page, version, path):
    text = page.get(path).content.decode()
    for name in ("", "examples/", "evaluations/", "policy/", "history/"):
        assert f'href="/prompts/gated/{name}"' in text, name


def test_a_press_in_the_page_leaves_one_line_in_the_ledger_when_it_ends(page, version):
    before = LedgerEvent.objects.count()
    page.post(START, SEEN)
    assert LedgerEvent.objects.count() == before
    running.work(EvaluationRun.objects.get().pk)
    assert LedgerEvent.objects.latest("pk").action == "evaluated"
    assert "evaluated" in page.get("/prompts/gated/history/").content.decode()
