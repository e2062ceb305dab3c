"""What is made once and used again: questions in SQL, serializers. They say what Django would say, and of this moment."""

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from common.clock import DatabaseNow
from common.prepared import Given, Prepared
from common.serializers import reused
from tests.conftest import Api
from tests.factories import TESTER, AgentFactory, make_version
from versions.api.lookup import PLAIN, SHOWN, SHOWN_BY_ID, plain, shown
from versions.models import Prompt, PromptVersion
from versions.seen import ANYTHING

pytestmark = pytest.mark.django_db


def whole(row):
    """Everything an object came with: its columns, what was annotated, and the rows joined to it."""
    joined = {name: whole(one) for name, one in row._state.fields_cache.items() if one is not None}
    return {name: value for name, value in vars(row).items() if name != "_state"}, joined


def test_a_prepared_question_finds_what_the_queryset_finds():
    version = make_version("PRD", name="p", agent=AgentFactory())
    draft = version.create_new(by=TESTER, seen=ANYTHING).promote(by=TESTER, to="TST", seen=ANYTHING)
    draft.promote(by=TESTER, to="PRD", seen=ANYTHING)
    for made, rows in ((PLAIN, plain), (SHOWN, shown)):
        for reference, named in (({"version": 1}, "v1.0"), ({"major": 1, "minor": 1}, "v1.1")):
            for _ in range(2):
                found = made[frozenset(reference)].first(name="p", **reference)
                assert found.label == named
                assert whole(found) == whole(rows().get(pk=found.pk))
    assert SHOWN_BY_ID.first(pk=version.pk).replacement == "v1.1"
    assert PLAIN[frozenset({"version"})].first(name="p", version=3) is None
    assert PLAIN[frozenset({"version"})].first(name="q", version=1) is None


def test_it_is_made_once_and_asked_each_time(django_assert_num_queries):
    made = []

    def build():
        made.append(1)
        return Prompt.objects.select_related("agent").filter(name__startswith=Given("start")).order_by("-name")

    find = Prepared(build)
    for number in range(3):
        make_version("DEV", name=f"p{number}", agent=AgentFactory(name=f"a{number}"))
        with django_assert_num_queries(1):
            assert [(one.name, one.agent.name) for one in find.all(start="p")] == [
                (f"p{old}", f"a{old}") for old in range(number, -1, -1)
            ]
    Prompt.objects.filter(name="p2").update(title="new")
    assert find.first(start="p2").title == "new"
    assert find.all(start="x") == find.all(start=None) == []
    assert made == [1]


@pytest.mark.django_db(transaction=True)
def test_a_row_lock_takes_a_transaction_each_time():
    prompt = make_version("DEV", name="p").prompt
    with transaction.atomic():
        assert prompt.locked() == prompt
    if connection.features.has_select_for_update:
        with pytest.raises(TransactionManagementError):
            prompt.locked()
        with transaction.atomic(), CaptureQueriesContext(connection) as asked:
            prompt.locked()
        assert asked[-1]["sql"].endswith("FOR NO KEY UPDATE")


def test_the_clock_of_the_database_goes_on_between_two_questions():
    version = make_version("DEV", name="p")
    asked = Prepared(lambda: PromptVersion.objects.annotate(now=DatabaseNow()).filter(pk=Given("pk")))
    first, second, third = asked.first(pk=version.pk).now, version.read_again().read_at, asked.first(pk=version.pk).now
    assert first < second < third


class Named(serializers.Serializer):
    name = serializers.CharField()
    by = serializers.SerializerMethodField()

    def get_by(self, row):
        return self.context.get("by")


def test_a_serializer_is_made_once_and_keeps_no_context():
    with reused(Named, by="first") as outer:
        with reused(Named, by="second") as inner:
            assert inner is not outer
            assert inner.to_representation({"name": "n"})["by"] == "second"
        assert outer.to_representation({"name": "n"})["by"] == "first"
    with pytest.raises(serializers.ValidationError), reused(Named, by="third") as again:
        again.run_validation({})
    assert again is outer
    assert again.context == {}
    with reused(Named) as last:
        assert last is outer
        assert last.to_representation({"name": "n"})["by"] is None


def test_each_person_is_shown_what_they_may_press(engineer, viewer):
    make_version("DEV", name="p")
    for _ in range(2):
        for person, may in ((engineer, True), (viewer, False)):
            told = Api(person.user)("GET", "/prompts/p/versions/v1.0").json()["allowed_actions"]
            assert {one["name"]: one["enabled"] for one in told}["promote"] is may
