# Everything runs in .venv, which `make setup` builds from the pinned requirements. `make help` lists the targets.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/ready
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup up down demo test check lint format types imports generate check-generated bench faults secrets pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  ARGS="…" is handed on: make test ARGS="tests/journeys -q", make demo ARGS="--once --json"'

setup: $(READY) ## build the environment (Python 3.11 or newer and the package index are all it needs)

demo: $(READY) ## play the signing ceremony on this machine, then keep serving until Ctrl-C
	@$(BIN)/python -m cli demo $(ARGS)

up: $(READY) ## run the whole platform on this machine until Ctrl-C
	@$(BIN)/python -m cli up $(ARGS)

down: $(READY) ## stop what is running, also what a killed parent left behind
	@$(BIN)/python -m cli down $(ARGS)

test: $(READY) ## run the tests
	@$(BIN)/python -m pytest $(ARGS)

check: lint types imports check-generated ## everything but the tests

lint: $(READY) ## style, format, spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

format: $(READY) ## put style and format right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY) ## mypy, strict
	@$(BIN)/mypy $(ARGS)

imports: $(READY) ## who may import whom
	@$(BIN)/lint-imports

generate: $(READY) ## write the generated files: event contracts, API contracts, routes
	@$(BIN)/python -m cli generate

check-generated: $(READY) ## fail if a generated file is not up to date
	@$(BIN)/python -m cli generate --check

bench: $(READY) ## measure against the raw limits of the same run
	@$(BIN)/python -m bench $(ARGS)

faults: $(READY) ## the whole fault matrix, with the full counts (long)
	@MITHAQ_FAULTS=full $(BIN)/python -m pytest tests/failures $(ARGS)

secrets: ## make the random secrets of an installation in containers; those that exist are kept
	@deploy/docker/make-secrets.sh

pins: $(READY) ## pin the requirements, with hashes; newer ones with ARGS="--upgrade-package …"
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml --output-file requirements/base.txt $(ARGS)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--extra dev --constraints requirements/base.txt pyproject.toml --output-file requirements/dev.txt

clean: ## remove the environment and all caches; data in .mithaq stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=…"; exit 1; }
	@echo "setting up .venv with $$($(PYTHON) --version) (once; about a minute)"
	@$(PYTHON) -m venv .venv 2>/dev/null || $(PYTHON) -m venv --without-pip .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 && pip="$(BIN)/python -m pip" || pip="$(PYTHON) -m pip --python $(BIN)/python"; \
		$$pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -c 'import site, pathlib; pathlib.Path(site.getsitepackages()[0], "mithaq.pth").write_text("$(CURDIR)\n")'
	@printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m cli "$$@"\n' "$(CURDIR)" > $(BIN)/mithaq && chmod +x $(BIN)/mithaq
	@touch $@
