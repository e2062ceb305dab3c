"""What docs/operations.md says about PostgreSQL, done as it is written there: two roles, and what each may do."""

import re
import subprocess
import sys
import urllib.request
import uuid

import psycopg
import pytest
from django.db import connection

from tests import live

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles"),
]
PAGE = (live.ROOT / "docs/operations.md").read_text()
BEFORE, AFTER = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Team:
    """A database as the document makes it, under names of its own."""

    def __init__(self, data_dir) -> None:
        self.data_dir = data_dir
        self.name = f"promptledger_{uuid.uuid4().hex[:8]}"
        self.place = f"{connection.settings_dict['HOST'] or '127.0.0.1'}:{connection.settings_dict['PORT'] or 5432}"

    def sql(self, text: str) -> list[str]:
        """The document's statements, one by one, with our names for its."""
        named = text.replace("promptledger_", f"{self.name}_").replace(
            "DATABASE promptledger ", f"DATABASE {self.name} "
        )
        return [statement for statement in named.split(";\n") if statement.strip()]

    def url(self, role: str, password: str) -> str:
        return f"postgresql://{self.name}_{role}:{password}@{self.place}/{self.name}"

    @property
    def owner(self) -> str:
        return self.url("owner", "change-me-1")

    @property
    def app(self) -> str:
        return self.url("app", "change-me-2")

    def manage(self, url: str, *words: str) -> str:
        environ = live.environment(self.data_dir, DATABASE_URL=url)
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=live.ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    team = Team(tmp_path_factory.mktemp("team"))
    config = connection.settings_dict
    admin = psycopg.connect(
        host=config["HOST"] or None, port=config["PORT"] or None, user=config["USER"] or None,
        password=config["PASSWORD"] or None, dbname="postgres", autocommit=True,
    )  # fmt: skip
    try:
        for statement in team.sql(BEFORE):
            admin.execute(statement)
        team.manage(team.owner, "migrate", "-v0")
        with psycopg.connect(team.owner, autocommit=True) as owner:
            for statement in team.sql(AFTER):
                owner.execute(statement)
        team.manage(team.app, "load_demo")
        yield team
    finally:
        admin.execute(f"DROP DATABASE IF EXISTS {team.name} WITH (FORCE)")
        for role in ("owner", "app"):
            admin.execute(f"DROP ROLE IF EXISTS {team.name}_{role}")
        admin.close()


def test_the_application_s_role_can_do_all_that_the_product_does(team):
    team.manage(team.app, "check", "--database", "default", "--fail-level", "WARNING")
    assert team.manage(team.app, "verify_ledger")
    environ = {"DATABASE_URL": team.app, "PROMPTLEDGER_SSL_REDIRECT": "0"}
    with live.running(team.data_dir, "--mode", "server", **environ) as url:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=20) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{url}/login/", timeout=20) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("DROP TRIGGER guard_versions_update ON prompt_versions", "must be owner"),
        ("ALTER TABLE prompt_versions DISABLE TRIGGER ALL", "must be owner"),
        ("DROP FUNCTION guard_versions_update()", "must be owner"),
        ("TRUNCATE ledger_events", "permission denied"),
        ("SET session_replication_role = replica", "permission denied"),
        (
            "CREATE TRIGGER mine BEFORE INSERT ON ledger_events EXECUTE FUNCTION guard_ledger_change()",
            "permission denied",
        ),
        ("DELETE FROM ledger_events", "promptledger:"),
        ("UPDATE prompt_versions SET template_source = 'x' WHERE stage = 'RET'", "promptledger:"),
        ("UPDATE prompt_versions SET stage = 'TST' WHERE stage = 'PRD'", "promptledger:"),
        ("DELETE FROM prompt_versions WHERE stage = 'TST'", "promptledger:"),
    ],
)
def test_the_application_s_role_cannot_get_past_the_guards(team, statement, refusal):
    with psycopg.connect(team.app) as app:
        with pytest.raises(psycopg.Error, match=refusal):
            app.execute(statement)
        app.rollback()


def test_after_all_that_everything_adds_up(team):
    assert "as it was written" in team.manage(team.app, "verify_ledger")
