# One verb a line; `make` alone explains. Nothing is presupposed but Python 3.11+, make and a C compiler.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help demo test check fmt lint types floors unit mirror suites slow test-clients bench soak requirements clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments: run.txt for using the relay, dev.txt for working on it; both pinned by hash ----
$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The relay needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@echo "==> making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/python requirements/run.txt requirements/build.txt
	@echo "==> installing the relay and what it runs on (about 20 s)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/run.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/python requirements/dev.txt
	@echo "==> installing the relay and the tools to work on it (about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run

# --- using it -------------------------------------------------------------------------------------
demo: $(VENV)/run ## a spoken conversation through the relay, on this machine
	@$(BIN)/relay demo

bench: $(VENV)/run ## measure the relay against its peers (HAProxy and nginx where installed); writes build/bench.json
	@$(BIN)/relay bench --peers --json build/bench.json

# --- working on it --------------------------------------------------------------------------------
test: lint types floors unit mirror suites ## everything that must be green: at most 10 minutes
	@echo "==> all green"

check: test slow test-clients ## test, and the suites that take longer: what CI runs

fmt: $(VENV)/dev ## format the source
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/dev ## ruff, every rule
	@echo "==> ruff" && $(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/dev ## mypy --strict
	@echo "==> mypy" && $(BIN)/mypy

floors: $(VENV)/dev ## imports go down
	@echo "==> import-linter" && $(BIN)/lint-imports --no-cache

unit: $(VENV)/dev ## pure tests: no socket, no clock
	@echo "==> unit and property tests" && $(BIN)/pytest -n 2 tests/unit tests/property

mirror: $(VENV)/dev ## each core module: 100 % branch coverage by its own test file
	@echo "==> mirror coverage" && $(BIN)/python tests/mirror.py

suites: $(VENV)/dev ## real sockets: contracts, integration, clients, conformance, chaos; a simulated fleet
	@echo "==> suites on real sockets" && $(BIN)/pytest -n 2 --dist loadfile tests/contracts tests/integration tests/clients tests/conformance tests/chaos tests/simulation -m "not slow and not clients"

slow: $(VENV)/dev ## the suites left out of `make test`
	@echo "==> slow suites" && $(BIN)/pytest tests -m "slow and not clients"

test-clients: $(VENV)/dev ## real clients, each in an environment of its own (Node and Chromium where they are)
	@echo "==> clients" && $(BIN)/pytest tests/clients -m clients

soak: $(VENV)/dev ## ten minutes of churn and faults; memory, tasks and descriptors must come back
	@$(BIN)/python tests/bench/soak.py

requirements: $(VENV)/dev ## pin the dependencies again, by hash
	@PATH="$(BIN):$$PATH" sh requirements/compile.sh

clean: ## remove the environment, every cache and whatever was built
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage* .clients
