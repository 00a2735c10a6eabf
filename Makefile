# The two commands of the README are `make run` and `make test`; `make help` lists the rest.
# Nothing is put outside this folder, except by `make test` on Debian: the system packages of scripts/test-tools.sh.
PYTHON ?= python3
# `auto` is decided in tests/conftest.py. Stealing leaves the tests of a file in one process, which then starts what they
# share once, until a process has nothing left to do.
PYTEST_ARGUMENTS ?= -n auto --dist worksteal
UV ?= uv

BIN := .venv/bin
INSTALLED := .venv/.installed
DEVELOPED := .venv/.developed
CLIENTS := .cache/composer-clients
DESCRIPTIONS := .cache/host-descriptions
TOOLS := .cache/test-tools

.PHONY: help install run test check check-form check-lint check-types check-imports format differential corpus clients chaos fuzz bench journey screens schemathesis openapi docs lock clean
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(INSTALLED) ## .venv with the locked dependencies and Packistry itself
	@echo "Packistry is installed: $(BIN)/packistry --help"

run: $(INSTALLED) ## serve on http://127.0.0.1:8000 with everything under ./data
	@exec $(BIN)/packistry serve $(ARGUMENTS)

test: $(DEVELOPED) $(CLIENTS)/.made $(DESCRIPTIONS)/.made $(TOOLS) ## install what the tests need, Composer included, and run them
	$(BIN)/pytest $(PYTEST_ARGUMENTS)

check: check-form check-lint check-types check-imports ## formatting, lint, types, imports
check-form: $(DEVELOPED)
	$(BIN)/ruff format --check .
check-lint: $(DEVELOPED)
	$(BIN)/ruff check .
check-types: $(DEVELOPED)
	$(BIN)/basedpyright
check-imports: $(DEVELOPED)
	$(BIN)/lint-imports --no-logo

format: $(DEVELOPED) ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The long proofs. A small seeded slice of each runs in `make test`; the last full figures are in docs/.
differential: $(DEVELOPED) $(CLIENTS)/.made ## version rules against Composer's own code
	$(BIN)/python -m tests.composer.rules.differential $(ARGUMENTS)
corpus: $(DEVELOPED) $(CLIENTS)/.made ## publish real manifests: make corpus MANIFESTS=folder
	$(BIN)/python -m tests.proofs.corpus $(ARGUMENTS) $(MANIFESTS)
clients: $(DEVELOPED) $(CLIENTS)/.made $(TOOLS) ## what `make test` tries with the newest Composer alone, with every one
	$(BIN)/pytest $(PYTEST_ARGUMENTS) -m one_client --every-client
chaos: $(DEVELOPED) ## kill the server in the middle of uploads and imports
	$(BIN)/python -m tests.proofs.chaos $(ARGUMENTS)
FUZZ_SECONDS ?= 120
fuzz: $(DEVELOPED) $(CLIENTS)/.made ## hostile archives and manifests against the real readers, then a mutation run
	$(BIN)/python -m tests.archives.fuzz --seconds $(FUZZ_SECONDS)
	$(BIN)/python -m tests.composer.rules.corpus_manifests --random 5000 --seed 1
	$(BIN)/python -m tests.composer.rules.minifier --lists 5000
	$(BIN)/python -m tests.proofs.staleness
	$(BIN)/python -m tests.proofs.mutation
bench: $(DEVELOPED) $(CLIENTS)/.made $(TOOLS) ## speed next to nginx
	$(BIN)/python -m tests.proofs.bench $(ARGUMENTS)

screens: $(DEVELOPED) $(TOOLS) ## every page in every state, both themes and widths, into out/screens
	$(BIN)/python -m tests.proofs.screens $(ARGUMENTS)
journey: $(DEVELOPED) $(CLIENTS)/.made $(TOOLS) ## the first run with a clock: clone, make run, the wizard in Chromium, a real Composer
	$(BIN)/python -m tests.proofs.journey $(ARGUMENTS)

API_EXAMPLES ?= 300
schemathesis: $(DEVELOPED) ## ask with many examples whether the API keeps to its document
	API_EXAMPLES=$(API_EXAMPLES) $(BIN)/pytest tests/api/test_schemathesis.py -q -n 2 --timeout 3600
openapi: $(DEVELOPED) ## write down the OpenAPI document, after looking at what changed
	$(BIN)/python -m tests.api.specification

docs: $(DEVELOPED) ## write the reference pages that are made from the code
	$(BIN)/python -m scripts.reference_docs

# uv is only needed here: $(BIN)/pip install uv. Extras stay in the names: of "coverage==1" and a wish for coverage[toml]
# pip takes the newest coverage, as soon as there is a newer one, and then refuses it for want of a hash.
lock: ## resolve the dependencies anew
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras pyproject.toml \
		--group build -o requirements/run.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras pyproject.toml \
		-c requirements/run.txt --group dev -o requirements/dev.txt

clean: ## remove what was made here, but not ./data
	rm -rf .venv .cache build dist out .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Packistry needs Python 3.11 or later and $(PYTHON) is older or missing; name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		"$(PYTHON) comes without venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# Everything from the lock, then the project itself with the locked build backend: no registry is asked for more.
$(INSTALLED): requirements/run.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/run.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPED): requirements/dev.txt $(INSTALLED)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/dev.txt
	@touch $@

$(TOOLS): scripts/test-tools.sh
	@mkdir -p $(@D)
	sh scripts/test-tools.sh
	@touch $@

# Without clients the tests that need them say so and are left out; in CI (CI=true) that is a failure.
$(CLIENTS)/.made: scripts/composer-clients.sh $(TOOLS)
	@mkdir -p $(@D)
	sh scripts/composer-clients.sh $(@D) && touch $@ || test -z "$$CI"

# The same for what others say about the APIs of code hosts.
$(DESCRIPTIONS)/.made: scripts/host-descriptions.sh requirements/npm/package-lock.json $(TOOLS)
	@mkdir -p $(@D)
	sh scripts/host-descriptions.sh $(@D) && touch $@ || test -z "$$CI"
