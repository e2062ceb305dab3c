# Two commands for everybody: make run, make test. The rest is for those who work on it.
# Everything is in tools/ as plain sh, so that any make will do (macOS has 3.81).
.PHONY: help run setup dev test test-sqlite test-pg lint format docs schema demo lock release clean

help:
	@echo "make run          start PromptLedger at http://127.0.0.1:8000, with demo data in a fresh database"
	@echo "                  (PORT, DATABASE_URL, PROMPTLEDGER_DATA_DIR; PYTHON names the Python it is built with)"
	@echo "make test         the whole suite, on SQLite and on PostgreSQL where one answers"
	@echo "make test-sqlite  make test-pg: one of both; ARGS='tests/docs -x' goes on to pytest"
	@echo "make lint         format, lint, types, templates, layers, house rules, migrations, locks"
	@echo "make format       put code and templates in order"
	@echo "make docs         the generated part of docs/lifecycle.md anew; make schema: docs/openapi.json"
	@echo "make demo         load the demo data into an empty database"
	@echo "make release BUMP=minor   release what is on the server's main (docs/releasing.md); or BUMP=patch, BUMP=major"
	@echo "make lock         resolve requirements/*.in anew"
	@echo "make setup        only the environment; make dev: with the tools"
	@echo "make clean        remove the environment and all caches; the data in var/ stays"

run: setup
	@exec env PROMPTLEDGER_LOCAL=1 .venv/bin/python manage.py up

setup:
	@tools/setup base

dev:
	@tools/setup dev

test: dev
	@tools/test all $(ARGS)

test-sqlite: dev
	@tools/test sqlite $(ARGS)

test-pg: dev
	@tools/test postgresql $(ARGS)

lint: dev
	@tools/lint

format: dev
	@tools/format

docs: dev
	@.venv/bin/python manage.py make_docs

schema: dev
	@.venv/bin/python manage.py spectacular --format openapi-json --file docs/openapi.json

demo: setup
	@.venv/bin/python manage.py migrate --verbosity 0
	@.venv/bin/python manage.py load_demo

lock: dev
	@tools/lock

release:
	@tools/release.py prepare --bump "$(BUMP)"

clean:
	rm -rf .venv .ruff_cache .mypy_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name node_modules -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
