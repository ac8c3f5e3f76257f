# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow bench sandbox run docs lock lint clean

demo: $(VENV)/.runtime
	$(BIN)/dcrgw sandbox --story

sandbox: $(VENV)/.runtime
	$(BIN)/dcrgw sandbox

run: $(VENV)/.runtime
	$(BIN)/dcrgw run --config config/dcrgw.toml

test: lint
	$(BIN)/python -m pytest

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout=600

# BENCH="--goals G4 --rounds 9" and the like; `make bench BENCH=--help` tells what there is.
bench: $(VENV)/.dev
	$(BIN)/python -m bench $(BENCH)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/shellcheck .ci/run docs/examples/*.sh

docs: $(VENV)/.dev
	$(BIN)/python -m docs.generate

# The locks name hashes only: no registry address may enter the repository.
lock: $(VENV)/.dev
	$(BIN)/python -m docs.lock

clean:
	rm -rf $(VENV) var

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "dcrgw needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "this Python has no venv module: on Debian run 'apt-get install python3-venv', then make again"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.python requirements-dev.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime
