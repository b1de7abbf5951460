PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
COVERAGE ?=
PICTURES ?= pictures
# Tests of one file share servers and so stay together.
PYTEST := pytest --numprocesses logical --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help run test check demo servers grafana grafana-check image lint format docs site lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Set up and crawl the real network every minute into the embedded store
	@exec $(BIN)/crn-collector run $(ARGS)

test: $(VENV)/.test ## Set up and pass the tests (COVERAGE=1 measures what they reach)
	@$(BIN)/python $(if $(COVERAGE),-m coverage run) -m $(PYTEST) $(ARGS)

check: lint ## Check style, types and imports, and pass the fast tests (about a minute)
	@$(BIN)/python -m $(PYTEST) -m "not slow and not server" $(ARGS)

demo: $(VENV)/.run ## Set up and run a simulated network and the collector together
	@exec $(BIN)/crn-collector demo $(ARGS)

servers: $(VENV)/.test ## Build the servers that tests and benches need into the user's cache (once)
	@bash tests/support/servers.sh "$$($(BIN)/python -c 'from platformdirs import user_cache_path as at; print(at("crn-collector") / "servers")')" $(ARGS)

grafana: $(VENV)/.test ## Write Grafana's dashboards and alert rules anew
	@$(BIN)/python -m grafana.build

grafana-check: $(VENV)/.test ## Ask every panel and rule of the Grafana at GRAFANA_URL, and take pictures
	@$(BIN)/python -m grafana.check --pictures $(PICTURES)

image: $(VENV)/.test ## Build the container image without an engine, and run it
	@bash deploy/check.sh

lint: $(VENV)/.test ## Check style, types and imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --verbose --no-cache > $(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }

format: $(VENV)/.test ## Bring the code into form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.test ## Write the generated pages of docs/ anew
	@$(BIN)/python docs/build.py

site: $(VENV)/.test ## Build the documentation site into build/site; a broken link fails
	@$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs build/site && echo "build/site/index.html"

lock: $(VENV)/.test ## Pin the newest versions that the lower bounds allow
	@$(BIN)/python -m pip install --quiet uv
	@for group in "" dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --upgrade --group build $${group:+--group $$group} \
	    pyproject.toml crn_simulator/pyproject.toml --output-file requirements$${group:+-$$group}.lock; \
	done

clean: ## Remove the virtual environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# What is installed is what the lock says, hash by hash. The package itself is linked in: with it the
# checkout is on the path, and so is the simulator, whose dependencies are in the lock as well.
$(VENV)/.run: requirements.lock pyproject.toml crn_simulator/pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements-dev.lock pyproject.toml crn_simulator/pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) has no venv; on Debian and Ubuntu install python3-venv"; rm -rf $(VENV); exit 2; }
