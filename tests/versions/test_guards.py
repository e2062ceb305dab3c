"""The database refuses what the code should never try; and each guard is needed: without it the statement goes through."""

import sqlite3
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, InternalError, connection, models, transaction

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt, make_version
from versions import guards
from versions.models import Prompt, PromptVersion, SavedText
from versions.seen import ANYTHING
from versions.stages import MOVES, Stage

pytestmark = pytest.mark.django_db
SQLITE = connection.vendor == "sqlite"
COLUMNS = ", ".join(f'"{field.column}"' for field in PromptVersion._meta.concrete_fields)
PROMPT_COLUMNS = ", ".join(f'"{field.column}"' for field in Prompt._meta.concrete_fields)
EVENT_COLUMNS = ", ".join(f'"{field.column}"' for field in LedgerEvent._meta.concrete_fields)


def run(sql: str, **values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql: str, **values: object) -> None:
    """The statement raises, and the tables are as they were."""
    before = state()
    with pytest.raises((IntegrityError, InternalError)):
        run(sql, **values)
    assert state() == before


def state() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in (Prompt, PromptVersion, LedgerEvent, SavedText)]


def copied(**changes: str) -> str:
    """The columns of a row of prompt_versions, some replaced."""
    named = [field.column for field in PromptVersion._meta.concrete_fields]
    return ", ".join(changes.get(name, f'"{name}"') for name in named)


# name of the statement: (stage of the row, SQL with %(id)s, guards that refuse it on SQLite, on PostgreSQL)
STATEMENTS: dict[str, tuple[str, str, set[str], set[str]]] = {
    "text of PRD": ("PRD", "UPDATE prompt_versions SET template_source = 'x' WHERE id = %(id)s",
                    {"guard_versions_update"}, {"guard_versions_update"}),
    "text of RET": ("RET", "UPDATE prompt_versions SET template_source = 'x' WHERE id = %(id)s",
                    {"guard_versions_update"}, {"guard_versions_update"}),
    "config of PRD": ("PRD", "UPDATE prompt_versions SET config = '{\"a\":1}' WHERE id = %(id)s",
                      {"guard_versions_update"}, {"guard_versions_update"}),
    "hash of PRD": ("PRD", "UPDATE prompt_versions SET content_hash = 'x' WHERE id = %(id)s",
                    {"guard_versions_update"}, {"guard_versions_update"}),
    "number of PRD": ("PRD", "UPDATE prompt_versions SET version = 77 WHERE id = %(id)s",
                      {"guard_versions_update"}, {"guard_versions_update"}),
    "label of DEV": ("DEV", "UPDATE prompt_versions SET minor = 77 WHERE id = %(id)s",
                     {"guard_versions_update"}, {"guard_versions_update"}),
    "date of PRD": ("PRD", "UPDATE prompt_versions SET deployed_at = '2020-01-01 00:00:00+00:00' WHERE id = %(id)s",
                    {"guard_versions_update"}, {"guard_versions_update"}),
    "date of RET": ("RET", "UPDATE prompt_versions SET retired_at = '2099-01-01 00:00:00+00:00' WHERE id = %(id)s",
                    {"guard_versions_update"}, {"guard_versions_update"}),
    "text on the way to PRD": (
        "TST", "UPDATE prompt_versions SET stage = 'PRD', deployed_at = '2026-01-01 00:00:00+00:00', "
        "template_source = 'x' WHERE id = %(id)s", {"guard_versions_update"}, {"guard_versions_update"}),
    "demotion": ("TST", "UPDATE prompt_versions SET stage = 'DEV' WHERE id = %(id)s",
                 {"guard_versions_update"}, {"guard_versions_update"}),
    "delete TST": ("TST", "DELETE FROM prompt_versions WHERE id = %(id)s",
                   {"guard_versions_delete"}, {"guard_versions_delete"}),
    "delete PRD": ("PRD", "DELETE FROM prompt_versions WHERE id = %(id)s",
                   {"guard_versions_delete"}, {"guard_versions_delete"}),
    "delete RET": ("RET", "DELETE FROM prompt_versions WHERE id = %(id)s",
                   {"guard_versions_delete"}, {"guard_versions_delete"}),
    "born in PRD": (
        "TST", f"INSERT INTO prompt_versions ({COLUMNS}) SELECT "
        + copied(id="9999", version="99", minor="99", stage="'PRD'", deployed_at="created_at")
        + " FROM prompt_versions WHERE id = %(id)s", {"guard_versions_insert"}, {"guard_versions_insert"}),
    "mode of a live prompt": (
        "PRD", "UPDATE prompts SET mode = 'tracking' WHERE id = (SELECT prompt_id FROM prompt_versions WHERE id = %(id)s)",
        {"guard_prompts_update"}, {"guard_prompts_update"}),
    "type of a live prompt": (
        "TST", "UPDATE prompts SET type = 'chat' WHERE id = (SELECT prompt_id FROM prompt_versions WHERE id = %(id)s)",
        {"guard_prompts_update"}, {"guard_prompts_update"}),
    "numbers going back": ("DEV", "UPDATE prompts SET highest_version = 0", {"guard_prompts_update"},
                           {"guard_prompts_update"}),
    "event changed": ("DEV", "UPDATE ledger_events SET actor = 'nobody'", {"guard_ledger_update"},
                      {"guard_ledger_change"}),
    "event deleted": ("DEV", "DELETE FROM ledger_events", {"guard_ledger_delete"}, {"guard_ledger_change"}),
    "kept text changed": ("DEV", "UPDATE saved_texts SET template_source = 'x'", {"guard_saved_update"},
                          {"guard_saved_change"}),
    "kept text deleted": ("DEV", "DELETE FROM saved_texts", {"guard_saved_delete"}, {"guard_saved_change"}),
    "delete a live prompt": (
        "PRD", "DELETE FROM prompts WHERE id = (SELECT prompt_id FROM prompt_versions WHERE id = %(id)s)",
        {"guard_prompts_delete"}, {"guard_prompts_delete"}),
}  # fmt: skip

# SQLite: statements that replace rows without an UPDATE or DELETE of their own.
REPLACING: dict[str, tuple[str, str, set[str]]] = {
    "INSERT OR REPLACE by id": (
        "PRD", f"INSERT OR REPLACE INTO prompt_versions ({COLUMNS}) SELECT "
        + copied(stage="'DEV'", deployed_at="NULL", template_source="'x'")
        + " FROM prompt_versions WHERE id = %(id)s", {"guard_versions_insert", "guard_versions_delete"}),
    "INSERT OR REPLACE by number": (
        "PRD", f"INSERT OR REPLACE INTO prompt_versions ({COLUMNS}) SELECT "
        + copied(id="NULL", stage="'DEV'", deployed_at="NULL", template_source="'x'")
        + " FROM prompt_versions WHERE id = %(id)s", {"guard_versions_insert", "guard_versions_delete"}),
    "UPDATE OR REPLACE steals an id": (
        "PRD", "UPDATE OR REPLACE prompt_versions SET id = %(id)s WHERE stage = 'DEV'",
        {"guard_versions_update", "guard_versions_delete"}),
    "INSERT OR REPLACE of a prompt": (
        "PRD", f"INSERT OR REPLACE INTO prompts ({PROMPT_COLUMNS}) SELECT {PROMPT_COLUMNS} FROM prompts "
        "WHERE id = (SELECT prompt_id FROM prompt_versions WHERE id = %(id)s)",
        {"guard_prompts_insert", "guard_prompts_delete"}),
    "INSERT OR REPLACE of an event": (
        "DEV", f"INSERT OR REPLACE INTO ledger_events ({EVENT_COLUMNS}) SELECT {EVENT_COLUMNS} FROM ledger_events LIMIT 1",
        {"guard_ledger_insert", "guard_ledger_delete"}),
    "INSERT OR REPLACE of a kept text": (
        "DEV", "INSERT OR REPLACE INTO saved_texts (content_hash, type, template_source, config, saved_at) "
        "SELECT content_hash, type, 'x', config, saved_at FROM saved_texts LIMIT 1",
        {"guard_saved_insert", "guard_saved_delete"}),
}  # fmt: skip

# PostgreSQL: ways around an UPDATE or DELETE of their own.
PASSING_BY: dict[str, tuple[str, set[str]]] = {
    "TRUNCATE versions": ("TRUNCATE prompt_versions CASCADE", {"guard_versions_truncate"}),
    "TRUNCATE prompts": ("TRUNCATE prompts CASCADE", {"guard_prompts_truncate", "guard_versions_truncate"}),
    "TRUNCATE ledger": ("TRUNCATE ledger_events", {"guard_ledger_truncate"}),
    "TRUNCATE kept texts": ("TRUNCATE saved_texts", {"guard_saved_truncate"}),
    "upsert": (
        f"INSERT INTO prompt_versions ({COLUMNS}) SELECT " + copied(stage="'DEV'", deployed_at="NULL")
        + " FROM prompt_versions WHERE id = %(id)s ON CONFLICT (id) DO UPDATE SET template_source = 'x'",
        {"guard_versions_update"}),
    "replica role": (
        "SET LOCAL session_replication_role = replica; "
        "UPDATE prompt_versions SET template_source = 'x' WHERE id = %(id)s", {"guard_versions_update"}),
}  # fmt: skip


def standing(stage: str) -> PromptVersion:
    """A version in `stage`, with a draft beside it and a kept text."""
    version = make_version(stage)
    draft = version.create_new(by=TESTER, seen=ANYTHING)
    draft.edit(by=TESTER, seen=ANYTHING, template_source="Edited.")
    return version


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_database_refuses(name):
    stage, sql, _, _ = STATEMENTS[name]
    refused(sql, id=standing(stage).pk)


@pytest.mark.parametrize("name", STATEMENTS)
def test_without_its_guard_the_same_statement_goes_through(name):
    stage, sql, on_sqlite, on_postgresql = STATEMENTS[name]
    version = standing(stage)
    drop(on_sqlite if SQLITE else on_postgresql)
    goes_through(sql, version.pk)


def goes_through(sql: str, pk: int) -> None:
    """The statement changes something; it is taken back."""
    before = state()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql.replace("%(id)s", str(pk)))
        assert state() != before
        transaction.set_rollback(True)


def drop(names: set[str]) -> None:
    for guard in guards.guards(connection.vendor):
        if guard.name in names:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TRIGGER {guard.name}" + ("" if SQLITE else f" ON {guard.table}"))


@pytest.mark.skipif(not SQLITE, reason="REPLACE is SQLite's")
@pytest.mark.parametrize("name", REPLACING)
def test_sqlite_replaces_nothing(name):
    stage, sql, _ = REPLACING[name]
    refused(sql, id=standing(stage).pk)


@pytest.mark.skipif(not SQLITE, reason="REPLACE is SQLite's")
@pytest.mark.parametrize("name", REPLACING)
def test_each_of_its_guards_alone_stops_sqlite_and_without_them_it_replaces(name):
    stage, sql, needed = REPLACING[name]
    version = standing(stage)
    for guard in needed:
        drop(needed - {guard})
        refused(sql, id=version.pk)
        guards.install()
    drop(needed)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
    if name in ("INSERT OR REPLACE of a prompt", "INSERT OR REPLACE of an event"):
        run(sql, id=version.pk)  # the same row anew: nothing to see but that nobody objects
    else:
        goes_through(sql, version.pk)


@pytest.mark.skipif(not SQLITE, reason="a foreign client of the file")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", [*REPLACING, "delete PRD", "text of PRD", "event deleted"])
def test_a_foreign_client_without_our_pragmas_is_refused_too(name):
    stage, sql = (REPLACING.get(name) or STATEMENTS[name])[:2]
    version = standing(stage)
    before = state()
    other = sqlite3.connect(connection.settings_dict["NAME"])
    try:
        other.execute("PRAGMA recursive_triggers = OFF")
        other.execute("PRAGMA foreign_keys = OFF")
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(sql.replace("%(id)s", str(version.pk)))
    finally:
        other.close()
    assert state() == before


@pytest.mark.skipif(SQLITE, reason="PostgreSQL's own ways")
@pytest.mark.parametrize("name", PASSING_BY)
def test_each_guard_stops_truncate_upsert_and_the_replica_role_and_without_them_they_go_through(name):
    sql, needed = PASSING_BY[name]
    version = standing("PRD")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for guard in needed:
        drop(needed - {guard})
        refused(sql.replace("%(id)s", str(version.pk)))
        guards.install()
    drop(needed)
    goes_through(sql, version.pk)


def test_every_guard_is_proven_needed():
    proven = [on_sqlite if SQLITE else on_postgresql for _, _, on_sqlite, on_postgresql in STATEMENTS.values()]
    proven += [needed for *_, needed in (REPLACING if SQLITE else PASSING_BY).values()]
    assert set().union(*proven) == {guard.name for guard in guards.guards(connection.vendor)}


@pytest.mark.parametrize("old", Stage.values)
@pytest.mark.parametrize("new", Stage.values)
def test_all_pairs_of_stages_are_as_the_table_of_moves_says(old, new):
    if old == new:
        return
    version = make_version(old)
    sets = {
        "PRD": "stage = 'PRD', deployed_at = COALESCE(deployed_at, '2026-01-01 00:00:00+00:00')",
        "RET": "stage = 'RET', deployed_at = COALESCE(deployed_at, '2026-01-01 00:00:00+00:00'), "
        "retired_at = COALESCE(retired_at, '2099-01-01 00:00:00+00:00')",
        "DEV": "stage = 'DEV', deployed_at = NULL, retired_at = NULL",
        "TST": "stage = 'TST', deployed_at = NULL, retired_at = NULL",
    }
    sql = f"UPDATE prompt_versions SET {sets[new]} WHERE id = %(id)s"
    if MOVES.get(old) == new:
        run(sql, id=version.pk)
        assert PromptVersion.objects.get(pk=version.pk).stage == new
    else:
        refused(sql, id=version.pk)


def test_a_second_version_in_production_is_refused():
    live = make_version("PRD")
    other = make_version("TST", prompt=live.prompt)
    refused(
        "UPDATE prompt_versions SET stage = 'PRD', deployed_at = '2026-01-01 00:00:00+00:00' WHERE id = %(id)s",
        id=other.pk,
    )


@pytest.mark.parametrize("stage", ["PRD", "RET"])
@pytest.mark.parametrize(
    "change", [{"template_source": "x"}, {"config": {"a": 1}}, {"minor": 9}, {"commit_message": "x"}, {"revision": 9}]
)
def test_queryset_update_of_a_sealed_row_is_refused(stage, change):
    version = make_version(stage)
    before = state()
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        PromptVersion.objects.filter(pk=version.pk).update(**change)
    assert state() == before


def test_a_plain_save_is_refused():
    version = make_version("DEV")
    version.template_source = "x"
    with pytest.raises(TypeError):
        version.save()
    assert PromptVersion.objects.get(pk=version.pk).template_source == "Hello {{ name }}!"


def test_missing_names_a_guard_that_was_dropped_or_changed():
    assert guards.missing() == []
    drop({"guard_versions_delete"})
    assert guards.missing() == ["guard_versions_delete"]
    said = StringIO()
    call_command("check", databases=["default"], stdout=said, stderr=said)
    assert "versions.W001" in said.getvalue()
    assert guards.install() == ["guard_versions_delete"]
    assert guards.missing() == []


@pytest.mark.skipif(SQLITE, reason="PostgreSQL can switch a trigger off")
def test_missing_names_a_guard_that_was_switched_off():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE prompt_versions DISABLE TRIGGER guard_versions_update")
    assert guards.missing() == ["guard_versions_update"]


@pytest.mark.skipif(SQLITE, reason="SQLite keeps the whole statement, PostgreSQL the function apart from its trigger")
@pytest.mark.parametrize("fires", ["BEFORE DELETE", "AFTER UPDATE OR DELETE", "BEFORE UPDATE OF reason OR DELETE"])
def test_missing_names_a_guard_that_fires_at_other_times(fires):
    drop({"guard_ledger_change"})
    guards.install()
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER guard_ledger_change ON ledger_events")
        cursor.execute(f"CREATE TRIGGER guard_ledger_change {fires} ON ledger_events FOR EACH ROW "
                       "EXECUTE FUNCTION guard_ledger_change()")  # fmt: skip
        cursor.execute("ALTER TABLE ledger_events ENABLE ALWAYS TRIGGER guard_ledger_change")
    assert guards.missing() == ["guard_ledger_change"]
    assert guards.install() == ["guard_ledger_change"]
    assert guards.missing() == []


@pytest.mark.parametrize("instead", [
    "", "CREATE INDEX versions_one_in_production ON prompt_versions (prompt_id) WHERE stage = 'PRD'",
    "CREATE UNIQUE INDEX versions_one_in_production ON prompt_versions (prompt_id) WHERE stage = 'XXX'",
    "CREATE UNIQUE INDEX versions_one_in_production ON prompt_versions (prompt_id, id) WHERE stage = 'PRD'",
])  # fmt: skip
def test_missing_names_the_index_that_allows_one_in_production(instead, client):
    """On PostgreSQL nothing else refuses a second one."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX versions_one_in_production")
        if instead:
            cursor.execute(instead)
    assert guards.missing() == ["versions_one_in_production"]
    assert client.get("/health/ready").status_code == 503
    assert guards.install() == ["versions_one_in_production"]
    assert guards.missing() == []
    assert client.get("/health/ready").status_code == 200
    test_a_second_version_in_production_is_refused()


def test_readiness_says_which_guard_is_missing(client):
    assert client.get("/health/ready").status_code == 200
    drop({"guard_versions_update"})
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["guards"]) == (503, ["guard_versions_update"])


@pytest.mark.django_db(transaction=True)
def test_guards_survive_an_altered_table():
    """Django remakes a table on SQLite, and its triggers are gone; after migrate they stand again."""
    field = models.CharField(max_length=5, default="")
    field.set_attributes_from_name("surplus")
    # What migrate does before its first migration and after its last.
    guards.step_aside(plan=["a migration"])
    with connection.schema_editor() as editor:
        editor.add_field(PromptVersion, field)
    try:
        assert bool(guards.missing()) == SQLITE
        call_command("migrate", verbosity=0)
        assert guards.missing() == []
    finally:
        guards.step_aside(plan=["a migration"])
        with connection.schema_editor() as editor:
            editor.remove_field(PromptVersion, field)
        guards.install()


@pytest.mark.django_db(transaction=True)
def test_the_mode_migration_goes_back_and_forth_and_the_guards_with_it():
    """S1-8, S1-65: one step back, and forth again; afterwards everything stands."""
    make_prompt(name="kept")
    call_command("migrate", "promptledger", "zero", verbosity=0)
    call_command("migrate", "executions", "zero", verbosity=0)
    call_command("migrate", "versions", "0001", verbosity=0)
    try:
        described = connection.introspection.get_table_description(connection.cursor(), "prompts")
        assert "mode" not in {column.name for column in described}
        run("UPDATE prompts SET title = 'writes still work'")
    finally:
        call_command("migrate", verbosity=0)
    assert guards.missing() == []
    assert Prompt.objects.get(name="kept").mode == "full"


def test_mode_index_exists():
    """S1-10."""
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "prompts")
    assert constraints["idx_prompts_mode"]["columns"] == ["mode"]
    assert constraints["idx_prompts_mode"]["index"]


def test_the_database_itself_says_full():
    """S1-6: a row written past Django has mode full."""
    prompt = make_prompt(template_source=None)
    others = [f.column for f in Prompt._meta.concrete_fields if f.column not in ("id", "mode", "name")]
    columns = ", ".join(f'"{name}"' for name in others)
    run(f"INSERT INTO prompts (id, name, {columns}) SELECT 12345, 'raw', {columns} FROM prompts WHERE id = %(id)s",
        id=prompt.pk)  # fmt: skip
    assert Prompt.objects.get(name="raw").mode == "full"
