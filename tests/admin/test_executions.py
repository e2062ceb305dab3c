"""Executions in the admin: a list that stays quick when the log is long."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from executions.analytics import folding
from tests.analytics.rows import make_execution
from tests.factories import make_version

pytestmark = pytest.mark.django_db
LIST = "/admin/executions/execution/"


@pytest.fixture
def boss(admin) -> Client:
    client = Client()
    client.force_login(admin.user)
    return client


def test_filters_name_what_there_is_and_read_neither_the_whole_log_nor_its_long_texts(boss):
    version = make_version("PRD")
    make_execution(version, provider="gone-since", environment="tst")
    make_execution(version, provider="offline", environment="prd", response_text="a long text")
    folding.fold_all()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = boss.get(LIST).content.decode()
    for link in ("?provider=gone-since", "?provider=anthropic", "?environment=ret", "?status__exact=failed"):
        assert link in page, link
    about = [query["sql"] for query in asked if 'FROM "executions"' in query["sql"]]
    assert not [sql for sql in about if "DISTINCT" in sql or "response_text" in sql or "rendered_prompt" in sql]


@pytest.mark.parametrize(("query", "count"), [
    ("", 3), ("?provider=gone-since", 1), ("?environment=prd", 2), ("?provider=nobody", 0),
    ("?provider=offline&environment=tst", 0), ("?provider__exact=offline", 2),
])  # fmt: skip
def test_a_filter_shows_what_fits(boss, query, count):
    version = make_version("PRD")
    make_execution(version, provider="gone-since", environment="tst")
    for _ in range(2):
        make_execution(version, provider="offline", environment="prd")
    assert boss.get(LIST + query).context["cl"].result_count == count


def test_one_run_is_shown_whole(boss):
    run = make_execution(make_version("PRD"), response_text="the whole answer", rendered_prompt="the whole question")
    page = boss.get(f"{LIST}{run.pk}/change/").content.decode()
    assert "the whole answer" in page
    assert "the whole question" in page
