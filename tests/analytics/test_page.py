"""The page of analytics: figures, charts with tables behind them, what went live, CSV."""

import csv
import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.db import transaction
from django.test import Client

from executions.analytics import charts, export, words
from ledger import chain
from ledger.models import LedgerEvent
from tests.analytics.rows import make_execution
from tests.factories import TESTER, make_agent, make_version
from versions.gates import Condition
from versions.seen import ANYTHING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def now() -> datetime:
    return datetime.now(UTC)


def show(page, query=""):
    answer = page.get(f"/analytics/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def rows_of(page, query):
    answer = page.get(f"/analytics/export.csv{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.reader(StringIO(b"".join(answer.streaming_content).decode())))


def test_figures_charts_and_tables(page):
    version = make_version("PRD", name="greet", agent=make_agent(name="Ada"))
    make_execution(version, created_at=now(), latency_ms=1_200, cost_usd=Decimal("0.5"))
    make_execution(version, created_at=now(), status="failed", latency_ms=300, cost_usd=None)
    html = show(page)
    assert re.search(r"Executions</dt><dd class=\"num\"><b>2</b>", html)
    assert re.search(r"Errors</dt><dd class=\"num\"><b>50 %</b>", html)
    assert "<b>1.2 s</b>" in html and "<b>300 ms</b>" in html and "<b>$0.50</b>" in html and "1 not known" in html
    assert re.findall(r'<h2 id="chart-(\w+)">', html) == ["executions", "errors", "latency", "tokens", "cost"]
    assert html.count('<details class="more"><summary>The numbers') == 5
    assert re.findall(r'<h2 id="by-(\w+)">', html) == ["prompt", "version", "agent", "model", "mode"]
    assert "greet v1.0 went live on" in html


def test_what_went_live_is_marked_for_the_prompts_that_are_asked_for(page):
    one, other = make_version("PRD", name="one"), make_version("PRD", name="other")
    for version in (one, other):
        make_execution(version, created_at=now())
    both, single = show(page), show(page, "?prompt=one")
    assert "one v1.0 went live" in both and "other v1.0 went live" in both
    assert "one v1.0 went live" in single and "other v1.0 went live" not in single
    at = LedgerEvent.objects.get(prompt="one", to_stage="PRD").at
    x = float(re.search(r'class="mark " d="M([\d.]+) 0 V240"', single)[1])
    assert x == pytest.approx(
        (29 + (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(days=1)) / 30 * 1000, abs=0.1
    )


def test_a_rollback_is_marked_as_one(page):
    old = make_version("RET", name="greet")
    old.roll_back(by=TESTER, seen=ANYTHING, reason="worse")
    make_execution(old, created_at=now())
    html = show(page)
    assert 'class="mark back"' in html and "rolled back" in html


def test_how_something_went_live_is_told_apart(page, settings, manager):
    register = {"prompts": [{"name": "git", "template_source": "x", "environment": "prd"}]}
    assert page.post("/v1/prompts/register-code", register, content_type="application/json").status_code == 200
    settings.PROMOTION_GATES = ["tests.analytics.test_page.closed"]
    version = make_version("TST", name="greet")
    version.promote(by=manager, to="PRD", seen=ANYTHING, override=True, reason="the evaluation is broken")
    make_execution(version, created_at=now())
    html = show(page)
    for kind, said in (("override", "gate overridden"), ("code", "from code")):
        assert html.count(f'class="mark {kind}"') == 5 + 1 and f">{said}</span>" in html
        assert f"<li>{said.capitalize()}" in re.sub(r"<svg.*?</svg>", "", html)
    assert "greet v1.0 went live on" in html and "(gate overridden)" in html and "the evaluation is broken" in html
    assert "Rolled back" not in html


def closed(version):
    """A gate that is not passed."""
    return [Condition("score", False, "No score.")]


def test_what_only_stays_in_production_did_not_go_live(page):
    version = make_version("PRD", name="greet")
    make_execution(version, created_at=now())
    entry = version.entry("evaluated", from_stage="PRD", to_stage="PRD")
    with transaction.atomic():
        chain.append(version.prompt.locked(), by=TESTER, entries=[entry])
    assert show(page).count('class="mark "') == 5 + 1


@pytest.mark.parametrize(
    ("lowest", "highest", "wanted"),
    [(950, 30_000, (100, 100_000)), (100, 100, (100, 1_000)), (0, 0, (1, 10)), (1_000, 10_000, (1_000, 10_000)),
     (5, 8, (1, 10)), (1, 2**31, (1, 10**10))],
)  # fmt: skip
def test_decades_around_latencies(lowest, highest, wanted):
    low, high = charts.decades(lowest, highest)
    assert (low, high) == wanted
    assert 0 <= charts.on_decades(lowest, low, high) <= charts.on_decades(highest, low, high) <= 1
    assert charts.on_decades(None, low, high) is None
    assert len(charts.tick_of_each_decade(low, high, str)) == round(math.log10(high / low)) + 1


def test_nothing_ran_yet_says_what_to_do(page):
    html = show(page)
    assert "Nothing ran yet" in html and "/v1/prompts/NAME/execute" in html and '<svg class="plane"' not in html


def test_test_runs_are_offered_when_there_is_nothing_else(page):
    make_execution(make_version("DEV"), is_test=True)
    assert "Show the test runs" in show(page)
    assert "<b>1</b>" in show(page, "?include_tests=1&days=all")


def test_nothing_in_this_time_is_said_so(page):
    make_execution(make_version("DEV"), created_at=now() - timedelta(days=300))
    assert "Nothing ran in this time" in show(page)
    assert "<b>1</b>" in show(page, "?days=all")
    assert "<b>1</b>" in show(page, "?days=365")


def test_days_written_into_the_form_go_before_the_choice(page):
    make_execution(make_version("DEV"), created_at=datetime(2026, 3, 1, tzinfo=UTC))
    html = show(page, "?days=30&from=2026-02-20&to=2026-03-02")
    assert "<b>1</b>" in html and '<option value="" selected>From and to</option>' in html


def test_a_change_is_measured_against_as_many_days_before(page):
    version = make_version("DEV")
    for ago, count in ((1, 3), (8, 2)):
        for _ in range(count):
            make_execution(version, created_at=now() - timedelta(days=ago))
    assert '<span class=" num">+50 %</span> vs 7 days before' in show(page, "?days=7")
    assert "+50 %" not in show(page, "?days=all")


@pytest.mark.parametrize(
    ("query", "columns"),
    [("from=1970-01-02&to=9998-12-30", 1), ("to=9998-12-30", 1), ("days=36600", 1), ("days=3660", 66)],
)
def test_a_time_without_end_is_drawn_as_far_as_there_is_something(page, query, columns):
    make_execution(make_version("DEV"), created_at=now())
    assert show(page, f"?{query}").count('<rect class="place"') == 5 * columns


def test_many_years_are_few_columns(page):
    version = make_version("DEV")
    for year in (1975, 2026):
        make_execution(version, created_at=datetime(year, 3, 1, tzinfo=UTC))
    html = show(page, "?days=all")
    assert 60 < html.count('<rect class="place"') / 5 <= 120 and "<b>2</b>" in html


@pytest.mark.parametrize(("days", "columns"), [(30, 30), (120, 120), (365, 53), (1_000, 36)])
def test_a_long_time_is_drawn_in_weeks(page, days, columns):
    make_execution(make_version("DEV"), created_at=now())
    html = show(page, f"?days={days}")
    assert html.count('<rect class="place"') == 5 * columns


def test_htmx_gets_the_results_alone(page):
    make_execution(make_version("DEV"), created_at=now())
    html = page.get("/analytics/", headers={"HX-Request": "true"}).content.decode()
    assert html.lstrip().startswith('<div class="stack-l" id="results"') and "<nav" not in html


@pytest.mark.parametrize("query", ["?mode=x", "?from=x", "?days=-1"])
def test_what_cannot_be_read_is_a_400(page, query):
    assert page.get(f"/analytics/{query}").status_code == 400
    assert page.get(f"/analytics/export.csv{query}").status_code == 400


def test_strangers_and_outsiders_stay_outside(outsider):
    for path in ("/analytics/", "/analytics/export.csv"):
        assert Client().get(path).status_code == 302
        client = Client()
        client.force_login(outsider.user)
        assert client.get(path).status_code == 403


def test_names_are_escaped(page):
    version = make_version("DEV", title="<i>x</i>")
    make_execution(version, created_at=now(), model_name="<script>alert(1)</script>")
    assert "<script>alert" not in show(page)


def test_csv_of_each_breakdown(page):
    version = make_version("PRD", name="greet")
    make_execution(version, created_at=now())
    for by in export.BREAKDOWNS:
        rows = rows_of(page, f"?by={by}")
        assert by in rows[0] or f"{by}_name" in rows[0] or by == "version"
        assert rows[1][rows[0].index("execution_count")] == "1"
    assert rows_of(page, "")[1][0] == now().date().isoformat()
    assert page.get("/analytics/export.csv?by=secret").status_code == 400


def test_a_spreadsheet_runs_nothing(page):
    for name in ("=1+1", "+1", "-1", "@SUM(A1)"):
        make_execution(make_version("DEV", name=name), created_at=now(), model_name='=HYPERLINK("x")')
    cells = [cell for by in ("prompt", "version", "model") for row in rows_of(page, f"?by={by}") for cell in row]
    assert [cell for cell in cells if cell.startswith(export.FORMULA)] == []
    assert "'=1+1" in cells and "'@SUM(A1)" in cells


def test_csv_of_nothing_is_a_line_of_names(page):
    assert rows_of(page, "?by=prompt") == [["prompt"]]


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 2), (1, 2), (2, 2), (3, 3), (7, 8), (107, 120), (1_001, 1_200), (999, 1_000)]
)
def test_a_scale_is_round(highest, top):
    assert charts.scale(highest, whole=True) == top


def test_a_scale_of_fractions():
    assert charts.scale(0.0031) == pytest.approx(0.004)


def test_columns_stand_on_each_other_and_small_ones_are_seen():
    bars = charts.stacks([(50, 50), (0, 0), (0.001, 0)], ("good", "bad"), 100)
    assert [(bar.kind, bar.y, bar.height) for bar in bars] == [
        ("good", 120, 120),
        ("bad", 0, 120),
        ("good", 238.5, 1.5),
    ]


def test_a_line_has_gaps_where_nothing_is_known():
    assert charts.line([10, 20, None, 5], 20) == "M125.0 120.0 L375.0 0.0 M875.0 180.0 h0.01"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (words.short(950), "950"), (words.short(1_234), "1.2k"), (words.short(34_567), "34.6k"), (words.short(2_000_000), "2M"),
        (words.duration(None), "–"), (words.duration(350), "350 ms"), (words.duration(1_200), "1.2 s"),
        (words.duration(150_000), "2.5 min"), (words.money(Decimal("12.4")), "$12.40"), (words.money(Decimal("0.0031")), "$0.0031"),
        (words.money(Decimal(0)), "$0.00"), (words.money(Decimal(1234)), "$1.2k"), (words.percent(0), "0 %"),
        (words.percent(0.004), "0.4 %"), (words.percent(0.12), "12 %"),
    ],
)  # fmt: skip
def test_numbers_as_people_read_them(said, wanted):
    assert said == wanted


def test_the_axis_names_its_first_and_last_day(page):
    make_execution(make_version("DEV"), created_at=now())
    day = date.fromordinal(now().date().toordinal() - 6)
    assert f"<li>{day:%b} {day.day}</li>" in show(page, "?days=7")
