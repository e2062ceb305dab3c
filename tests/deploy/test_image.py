"""The image without an engine: its RUN steps on its build context, then its commands as its user, on PostgreSQL.

What only an engine can show (the base image, the layers) is in docs/deploying.md with how to look at it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests import live
from tests.deploy import dockerfile, trees

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="the image is for PostgreSQL"),
]
_, (BUILD, FINAL) = dockerfile.read((live.ROOT / "Dockerfile").read_text())
HOST = "prompts.example.com"


def without_rights() -> list[str]:
    """What to put before a command so that it can change no file of the image.

    As root: becoming the image's user where that user reaches this Python, else root with every capability dropped,
    as compose.yaml drops them: then even root may not write what is read-only.
    """
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("root without setpriv could change anything")
    program = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in program.parents):
        prefix = [setpriv, "--reuid=10001", "--regid=10001", "--clear-groups", "--"]
    else:
        prefix = [setpriv, "--bounding-set=-all", "--inh-caps=-all", "--"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("this root may not give up its rights")
    return prefix


class Image:
    """What the Dockerfile makes, under a folder of its own instead of /."""

    def __init__(self, root: Path) -> None:
        self.root, self.home = root, root / "srv/promptledger"
        self.environ: dict[str, str] = {}
        self.prefix = without_rights()

    def here(self, text: str) -> str:
        return re.sub(r"(?<![\w.])/(opt/venv|srv/promptledger)", rf"{self.root}/\1", text)

    def build(self) -> None:
        """Run the first stage's steps in their order; COPY is what .dockerignore lets through."""
        kept = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PIP_CONFIG_FILE")
        }
        given = (one.partition("=") for one in BUILD.all("ARG"))
        arguments = {name: value.strip('"') for name, _, value in given}
        environ = {**kept, **arguments, **dockerfile.variables(BUILD), "PIP_NO_COMPILE": "1"}
        self.home.mkdir(parents=True)
        base = self.root / "bin"
        base.mkdir()
        (base / "python").symlink_to(sys.executable)
        environ["PATH"] = f"{base}:{environ['PATH']}"
        for word, rest in BUILD.steps:
            if word == "COPY":
                dockerfile.copy_context(self.home)
            elif word == "RUN":
                line = ["sh", "-c", self.here(rest)]
                done = subprocess.run(line, cwd=self.home, env=environ, capture_output=True, text=True)
                if "No matching distribution found" in done.stderr:
                    pytest.skip("no package index answers")
                assert done.returncode == 0, done.stdout + done.stderr
        for path in (self.root, *self.root.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444)
        shown = {name: self.here(value) for name, value in dockerfile.variables(FINAL).items()}
        self.environ = {**shown, "PATH": f"{self.root}/opt/venv/bin:/usr/bin:/bin", "PROMPTLEDGER_COMMIT": "abc"}

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        line = [*dockerfile.exec_form(FINAL, "ENTRYPOINT"), *(arguments or dockerfile.exec_form(FINAL, "CMD"))]
        return self.popen(line, **environ)

    def popen(self, line: list[str], **environ: str) -> subprocess.Popen[str]:
        program = shutil.which(line[0], path=self.environ["PATH"])
        return subprocess.Popen(
            [*self.prefix, program, *line[1:]], cwd=self.home, env={**self.environ, **environ}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, **environ: str) -> tuple[int, str]:
        process = self.start(*arguments, **environ)
        said, _ = process.communicate(timeout=240)
        return process.returncode, said

    def health(self, **environ: str) -> tuple[int, str]:
        process = self.popen(dockerfile.health(FINAL), **environ)
        said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def until_well(self, process: subprocess.Popen[str], **environ: str) -> None:
        for _ in range(120):
            if process.poll() is not None:
                raise AssertionError(process.communicate()[0])
            if self.health(**environ)[0] == 0:
                return
            time.sleep(0.5)
        process.kill()
        raise AssertionError(process.communicate()[0])

    def written(self) -> list[str]:
        """Files that its user could have made or changed."""
        found = [path for path in self.root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o222]
        return [str(path) for path in found]


@pytest.fixture(scope="module")
def image():
    root = Path(tempfile.mkdtemp(prefix="promptledger-image-"))
    root.chmod(0o755)
    try:
        made = Image(root)
        made.build()
        yield made
    finally:
        for path in (root, *root.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database as compose makes it: deploy/postgresql/roles.sh, under names of our own."""
    if not shutil.which("psql"):
        pytest.skip("no psql")
    config = connection.settings_dict
    name = f"promptledger_{uuid.uuid4().hex[:8]}"
    place = f"{config['HOST'] or '127.0.0.1'}:{config['PORT'] or 5432}"
    admin = psycopg.connect(
        host=config["HOST"] or None, port=config["PORT"] or None, user=config["USER"] or None,
        password=config["PASSWORD"] or None, dbname="postgres", autocommit=True,
    )  # fmt: skip
    script = tmp_path_factory.mktemp("roles") / "roles.sh"
    script.write_text((live.ROOT / "deploy/postgresql/roles.sh").read_text().replace("promptledger_", f"{name}_"))
    environ = {
        "PATH": os.environ["PATH"], "OWNER_PASSWORD": "owner-1'\"", "APP_PASSWORD": "app-2", "POSTGRES_DB": name,
        "POSTGRES_USER": config["USER"] or "postgres", "PGHOST": config["HOST"] or "127.0.0.1",
        "PGPORT": str(config["PORT"] or 5432), "PGPASSWORD": config["PASSWORD"] or "",
    }  # fmt: skip
    try:
        admin.execute(f"CREATE DATABASE {name}")
        subprocess.run(["sh", script], env=environ, check=True)
        yield {
            "owner": f"postgresql://{name}_owner:owner-1%27%22@{place}/{name}", "app": f"postgresql://{name}_app:app-2@{place}/{name}",
        }  # fmt: skip
    finally:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for role in ("owner", "app"):
            admin.execute(f"DROP ROLE IF EXISTS {name}_{role}")
        admin.close()


@pytest.fixture
def environ(database):
    """What compose.yaml gives the web part."""
    return {
        "DATABASE_URL": database["app"], "SECRET_KEY": "k" * 50, "PROMPTLEDGER_ENCRYPTION_KEY": "e" * 50,
        "ALLOWED_HOSTS": HOST, "WORKER_CONCURRENCY": "2", "PROMPTLEDGER_BEHIND_PROXY": "1", "PORT": str(live.free_port()),
    }  # fmt: skip


def from_nothing_to_a_team_that_is_served(image, database, environ):
    owner = {**environ, "DATABASE_URL": database["owner"]}
    assert image.health(**environ)[0] == 1  # nobody there

    code, said = image.run("web", **environ)
    assert (code, "migrations are not applied" in said) == (1, True), said

    code, said = image.run("migrate", **environ)
    assert code != 0, said  # the application's role makes no tables
    code, said = image.run("migrate", **owner)
    assert code == 0, said

    web = image.start("web", "--workers", "1", **environ)
    try:
        image.until_well(web, **environ)
        answer = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "-H", f"Host: {HOST}",
             f"http://127.0.0.1:{environ['PORT']}/"], capture_output=True, text=True, check=True,
        ) if shutil.which("curl") else None  # fmt: skip
        assert answer is None or answer.stdout.startswith("301 https://")
        worker = image.start("worker", **environ)
        assert any(
            " at once" in line for line in iter(worker.stdout.readline, "")
        )  # it is at work: signals have their handlers
        worker.send_signal(signal.SIGTERM)
        said, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, said
        assert "ended" in said
    finally:
        web.send_signal(signal.SIGTERM)
        said, _ = web.communicate(timeout=120)
    assert web.returncode == 0, said
    assert image.health(**environ)[0] == 1
    assert image.written() == []


def it_is_not_well_when_a_guard_is_gone(image, database, environ):
    """The check asks whether it is fit to serve, not whether it listens."""
    assert image.run("migrate", **{**environ, "DATABASE_URL": database["owner"]})[0] == 0
    web = image.start("web", "--workers", "1", **environ)
    try:
        image.until_well(web, **environ)
        with psycopg.connect(database["owner"], autocommit=True) as owner:
            name, table = owner.execute(
                "select tgname, tgrelid::regclass::text from pg_trigger where not tgisinternal limit 1"
            ).fetchone()
            owner.execute(f'DROP TRIGGER "{name}" ON {table}')
        code, said = image.health(**environ)
        assert (code, "guards" in said) == (1, True), said
    finally:
        web.send_signal(signal.SIGTERM)
        web.communicate(timeout=120)
        assert image.run("migrate", **{**environ, "DATABASE_URL": database["owner"]})[0] == 0


def without_a_key_nothing_starts_on_a_key_of_its_own(image, environ):
    """Its folders are read-only, so a key cannot be made and lost with the container."""
    code, said = image.run("web", **{**environ, "SECRET_KEY": ""})
    assert code != 0
    assert "secret_key" in said


def other_words_are_commands_of_manage(image, environ):
    code, said = image.run("create_api_key", "--help", **environ)
    assert (code, "--scopes" in said) == (0, True), said


def prompts_that_came_with_it_are_loaded(image, environ):
    """S3-18: the loader checks the tree, then imports it through the lifecycle."""
    tree = Path(tempfile.mkdtemp(prefix="promptledger-prompts-"))
    try:
        tree.chmod(0o755)
        trees.write(tree)
        given = {**environ, "PROMPTLEDGER_PROMPTS": str(tree)}
        code, said = image.run("load", "--dry-run", **given)
        assert (code, "nothing was written" in said) == (0, True), said
        code, said = image.run("load", **given)
        assert (code, "live     greet v1.0" in said) == (0, True), said
        code, said = image.run("load", **given)
        assert (code, "Nothing to do" in said) == (0, True), said
        (tree / "02-production/greet.yaml").write_text("name: greet\n")
        code, said = image.run("load", **given)
        assert (code, "greet.yaml" in said) == (1, True), said
    finally:
        shutil.rmtree(tree)


def it_has_no_installer(image):
    assert subprocess.run([image.root / "opt/venv/bin/python", "-m", "pip"], capture_output=True).returncode == 1


def test_the_image(image, database, environ):
    """One test, as each worker of xdist would build it anew."""
    from_nothing_to_a_team_that_is_served(image, database, environ)
    it_is_not_well_when_a_guard_is_gone(image, database, environ)
    without_a_key_nothing_starts_on_a_key_of_its_own(image, environ)
    other_words_are_commands_of_manage(image, environ)
    prompts_that_came_with_it_are_loaded(image, environ)
    it_has_no_installer(image)
