# Every target prepares .venv first; that is instant when nothing changed. What make itself has to say
# goes to stderr, so that `make demo ARGS=--json | jq` works.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTHON ?=
ARGS ?=
# Tests share two cores with the API servers that they start.
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile

.PHONY: help setup demo test check lint unit binaries conformance bench build lock clean

help:
	@echo "make demo         run the main job on 20 real control planes (options: ARGS=\"--json\")" >&2
	@echo "make test         run all checks and all tests" >&2
	@echo "make check        format, lint, types, imports, lengths, support table, unit tests" >&2
	@echo "make conformance  compare with the vectors of Argo CD, Flux and Rollouts" >&2
	@echo "make bench        measure the budgets" >&2
	@echo "make build        wheel and sdist in dist/" >&2
	@echo "make lock         resolve requirements/*.txt again" >&2
	@echo "make clean        remove what the other targets made in this folder" >&2

setup:
	@PYTHON="$(PYTHON)" tools/setup.sh

demo: setup
	@$(BIN)/trimtab demo $(ARGS)

# One pytest run for all rings, last, so that its summary is the last line.
test: lint binaries
	@$(PYTEST) tests $(ARGS)

# Side by side: the type checker and the tests each leave a core idle for a while.
check: setup
	@$(MAKE) -j2 --output-sync=target lint unit

lint: setup
	@$(BIN)/ruff format --check --quiet . || { echo "run .venv/bin/ruff format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/basedpyright --level error >&2
	@$(BIN)/lint-imports --no-logo >&2
	@$(BIN)/python tools/check_lengths.py
	@$(BIN)/python tools/check_support.py

unit: setup
	@$(PYTEST) --quiet $(wildcard tests/core tests/scenario)

binaries: setup
	@$(BIN)/python tools/build_binaries.py

conformance: setup
	@PYTHONPATH=tests $(BIN)/python -m conformance $(ARGS)

bench: setup
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

build: setup
	@rm -rf dist
	@$(BIN)/hatchling build -d dist >&2
	@ls -1 dist >&2

# Hashes, and no registry host: a mirror can serve the same files.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header
lock: setup
	@$(LOCK) pyproject.toml -o requirements/run.txt $(ARGS) >&2
	@$(LOCK) pyproject.toml requirements/dev.in -o requirements/dev.txt $(ARGS) >&2

# The cache of Go binaries is shared by all checkouts and stays.
clean:
	@rm -rf build dist .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
