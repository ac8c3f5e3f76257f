# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UPSTREAMS := docs/examples/upstreams

.PHONY: help demo sandbox run test test-slow test-upstreams bench lint docs lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# UPSTREAM=oidc-provider puts that authorization server behind the gateway, in place of the built-in one.
demo: $(VENV)/.runtime $(UPSTREAM:%=$(UPSTREAMS)/%/node_modules) ## set up, then tell a client's whole life against a test directory
	$(BIN)/dcrgw sandbox --story $(UPSTREAM:%=--upstream %)

sandbox: $(VENV)/.runtime $(UPSTREAM:%=$(UPSTREAMS)/%/node_modules) ## serve a test directory, a gateway and a TPP until Ctrl-C
	$(BIN)/dcrgw sandbox $(UPSTREAM:%=--upstream %)

run: $(VENV)/.runtime ## serve the gateway of config/dcrgw.toml
	$(BIN)/dcrgw run --config config/dcrgw.toml

test: lint ## set up, then lint, types, layers and tests
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(VENV)/.dev ## soaks, fuzz and fault loops
	$(BIN)/python -m pytest -m slow --timeout=600

# Keycloak takes Java 17 and Maven, Ory Hydra Go and a C compiler. What cannot be had is skipped, and named.
test-upstreams: $(VENV)/.dev ## real servers behind the gateway, at length (docs/upstreams.md)
	-$(MAKE) $(UPSTREAMS)/oidc-provider/node_modules
	-$(UPSTREAMS)/keycloak/install.sh var/upstreams/keycloak
	-$(UPSTREAMS)/hydra/install.sh var/upstreams/hydra
	$(BIN)/python -m pytest -m upstreams --timeout=600 tests/upstreams

# BENCH="--goals G4 --rounds 9" and the like; `make bench BENCH=--help` tells what there is.
bench: $(VENV)/.dev ## measure the goals of bench/goals.py
	$(BIN)/python -m bench $(BENCH)

lint: $(VENV)/.dev ## format, lint, types, layers, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/shellcheck .ci/run docs/examples/*.sh docs/examples/upstreams/*/*.sh

docs: $(VENV)/.dev ## write the documents that are made from code
	$(BIN)/python -m docs.generate

# The locks name hashes only: no registry address may enter the repository.
lock: $(VENV)/.dev ## renew requirements.txt and requirements-dev.txt
	$(BIN)/python -m docs.lock

clean: ## forget the environment and all that ran in var/
	rm -rf $(VENV) var

$(UPSTREAMS)/%/node_modules: $(UPSTREAMS)/%/package-lock.json
	@command -v npm >/dev/null || { echo "npm is not installed: it comes with Node.js 22 (on Debian: apt-get install npm)"; exit 1; }
	npm ci --silent --no-audit --no-fund --ignore-scripts --prefix $(@D)
	@touch $@

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
