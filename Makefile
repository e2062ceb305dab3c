# The two commands: make run, make test. Everything else is for those who work on it.
.PHONY: help run setup dev test test-sqlite test-pg lint format docs schema demo lock clean

help:
	@echo "make run      start PromptLedger on http://127.0.0.1:8000 (PORT, DATABASE_URL, PROMPTLEDGER_DATA_DIR)"
	@echo "make test     the whole suite, on SQLite and on PostgreSQL where one answers"
	@echo "make lint     format, lint, types, templates, layers, migrations, locks"
	@echo "make format   put the code in order"
	@echo "make docs     regenerate the matrix in docs/lifecycle.md; make schema: the OpenAPI schema"
	@echo "make demo     load the demo data into an empty database"
	@echo "make lock     resolve requirements/*.in anew"

run: setup
	@exec env PROMPTLEDGER_LOCAL=1 .venv/bin/python manage.py up

setup:
	@tools/setup base

dev:
	@tools/setup dev

test: dev
	@tools/test all

test-sqlite: dev
	@tools/test sqlite

test-pg: dev
	@tools/test postgresql

lint: dev
	@tools/lint

format: dev
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format --quiet .

docs: dev
	@.venv/bin/python manage.py make_docs

schema: dev
	@.venv/bin/python manage.py spectacular --format openapi-json --file docs/openapi.json

demo: setup
	@.venv/bin/python manage.py migrate --verbosity 0
	@.venv/bin/python manage.py load_demo

LOCK = .venv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-build

lock: dev
	$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.lock
	$(LOCK) requirements/base.in -o requirements/base.lock
	$(LOCK) requirements/dev.in -o requirements/dev.lock

clean:
	rm -rf .venv .ruff_cache .mypy_cache .pytest_cache var
