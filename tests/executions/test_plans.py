"""What workers ask again and again reads the few rows it is about, however long the log is."""

import pytest
from django.db import connection
from django.db.models import Count

from executions import leases
from executions.analytics import folding
from executions.models import UNFINISHED, Execution, Status, unfinished
from tests.analytics.rows import make_execution
from tests.factories import make_version

pytestmark = pytest.mark.django_db


def plan(rows):
    """How the database would find these rows."""
    with connection.cursor() as cursor:
        sql, parameters = rows.query.sql_with_params()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return " ".join(str(row) for row in cursor.fetchall())


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL is told constants, and plans by what there is")
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (lambda: Execution.objects.filter(leases.due()).order_by("created_at"), "executions_unfinished"),
        (lambda: Execution.objects.filter(unfinished()).order_by().values("status").annotate(n=Count("pk")), "executions_unfinished"),
        (lambda: folding.unfolded().order_by("created_at"), "executions_not_folded"),
    ],
)  # fmt: skip
def test_by_its_own_index(asked, index):
    assert index in plan(asked())


def test_unfinished_are_those_without_an_end():
    version = make_version("DEV")
    rows = [make_execution(version, status=status) for status in Status.values]
    found = Execution.objects.filter(unfinished())
    assert {row.pk for row in found} == {row.pk for row in rows if row.status in UNFINISHED}
    assert {row.pk for row in Execution.objects.filter(leases.due())} == {row.pk for row in found}
