# `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: run test check covered lint bench screenshots help clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,\
  $(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
CODE := app migrations tests benchmarks wsgi.py worker.py
NOT_IN_CHECK := not faults and not browser
# Three workers for two processors: many a test waits for a process. The files come in their own order, which
# has the long ones in the middle.
PYTEST := $(BIN)/python -m pytest -n $(or $(AT_ONCE),3) --dist loadfile --no-loadscope-reorder
ONLY ?=

run: $(VENV)/installed ## run everything here: servers, web, worker, clock, a demo (Ctrl-C stops all)
	@$(BIN)/python -m app.launch

test: $(VENV)/installed ## run all tests, or those of some marks: make test ONLY="faults or browser"
	$(PYTEST) $(if $(ONLY),-m "$(ONLY)")

check: lint covered ## linters, types, and all tests but the fault and browser ones, with coverage

covered: $(VENV)/installed
	$(PYTEST) -m "$(NOT_IN_CHECK)" --cov --cov-report=term:skip-covered

lint: $(VENV)/installed ## linters, types and the borders between the layers
	$(BIN)/ruff check $(wildcard $(CODE))
	$(BIN)/ruff format --check $(wildcard $(CODE))
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed ## measure this machine against its own raw speed
	$(BIN)/python -m benchmarks

SHOTS ?= var/screenshots

screenshots: $(VENV)/installed ## pictures of every page in light, dark, narrow and wide, in SHOTS=var/screenshots
	$(BIN)/python -m tests.web.screenshots $(SHOTS)

chaos: $(VENV)/installed ## 20 minutes of random faults under load (CHAOS="--seconds 60 --seed 7")
	$(BIN)/python -m tests.faults.chaos $(CHAOS)

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  make %-11s %s\n' "$$name" "$$text"; done

clean: ## remove the virtual environment and caches; data in ./var stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/made:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11: name another, such as make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) comes without venv: install it (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# Wheels only, so that nobody needs a compiler; crontab is plain Python and comes as source.
$(VENV)/installed: $(VENV)/made requirements.txt requirements-dev.txt
	@echo "installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-binary crontab \
	  -r requirements-dev.txt
	@touch $@
