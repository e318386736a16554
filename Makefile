# Python 3.11 or newer and make are all that this needs. `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Made last, so that a broken set-up is done again, and older than pyproject.toml when that changes.
READY  := $(VENV)/.ready
# How many processes the tests run in: three keep two processors busy, because many wait for a socket or a disk.
WORKERS ?= 3
# Seconds after which a test hangs: it fails, with where it stood, and the others go on. The longest takes 20.
HANGS  ?= 120
# `make fuzz SEED=123` repeats a run; without it each run draws its own seed and prints it.
SEED   ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check docs fuzz bench faults teeth clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 8

setup: $(READY) ## make .venv with everything in it (once; again when pyproject.toml changes)
	@echo "ready: $(BIN)/mapper"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version): make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

demo: $(READY) ## see it work: 1,000 events accepted, the worker killed half-way, each of them sent once
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

test: $(READY) ## the tests, without the slow ones
	@$(BIN)/pytest -n $(WORKERS) --timeout $(HANGS)

# (Without a cache: import-linter's does not see that a module came, went or moved.)
check: $(READY) ## lint, format, types, import contracts, and the wheel from an empty environment
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/pytest -m wheel

docs: $(READY) ## write the generated pages of docs/ anew
	@$(BIN)/python docs/build.py

fuzz: $(READY) ## search for counter-examples with a fresh seed (SEED=... repeats a run)
	@seed="$(SEED)"; seed="$${seed:-$$($(BIN)/python -c 'import secrets; print(secrets.randbelow(2**32))')}"; \
	echo "seed $$seed (again: make fuzz SEED=$$seed)"; \
	FUZZ_SEED="$$seed" $(BIN)/pytest -m fuzz -s --hypothesis-profile=fuzz --hypothesis-seed="$$seed"

bench: $(READY) ## measure against the floor, the parts it is made of, and its peers (QUICK=1: a look)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@$(BIN)/python benchmarks/run.py $(if $(QUICK),--quick)

faults: $(READY) ## kill it, cut its power and its network, and count what is lost; half an hour (QUICK=1: a look)
	@$(BIN)/python -m tests.faults all $(if $(QUICK),--quick)

teeth: $(READY) ## plant each of a hundred bugs in a copy, one at a time: its tests have to notice (BUG=... one, or some)
	@$(BIN)/python -m tests.teeth --jobs $(WORKERS) $(if $(BUG),'$(BUG)')

clean: ## remove what was built, and .venv
	rm -rf $(VENV) build dist out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
