# Foretell's commands: `make` lists them. Everything is installed into .venv; nothing else on the machine is changed,
# but for Debian's Chromium, which `make test` needs and installs where it may.

VENV := .venv
PYTHON := $(VENV)/bin/python
# Another Python than the first that fits: make PYTHON3=/path/to/python3.12
PYTHON3 ?=
# On Linux without a GPU: the address of PyTorch's index of CPU builds saves gigabytes where pip finds no CPU build itself.
TORCH_INDEX ?=
PIP := $(PYTHON) -m pip --quiet --disable-pip-version-check --no-input
INSTALL = $(PIP) install $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --constraint constraints.txt
PINS := pyproject.toml constraints.txt
# pytest's own options: make test TESTS="tests/journeys -x"
TESTS ?=
# How many processes test side by side, each with servers of its own. Tests that start processes or a browser wait for
# about a third of their time, so on two cores two processes leave some of it unused.
JOBS ?= 3
# How long the storm of `make torture` rages, and which one it is: make torture MINUTES=2 SEED=7
MINUTES ?= 10
SEED ?=

.PHONY: help demo test torture promises lint bench calibration release-fixture services stop screens clean install
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:
	@echo 'make demo            a real study from design to result, then the console in your browser (Ctrl-C stops it)'
	@echo 'make demo DEMO=once  the same, then exit; leaves the report and the exports in a folder that it names'
	@echo 'make test            every test, with real servers and a real browser'
	@echo 'make torture         ten minutes of everything failing at once; SEED=7 repeats the storm of that seed'
	@echo 'make lint            style, types, layers, images, compose file, migrations'
	@echo 'make promises        every promise at its full number (about an hour), then docs/promises.md'
	@echo 'make bench           pages, explanations and models per second, beside their peers, then docs/performance.md'
	@echo 'make calibration     how often each test of the analysis is wrong, then docs/calibration.md (half an hour of a core)'
	@echo 'make screens         a screenshot of every page, in docs/screens/'
	@echo 'make release-fixture  keep what this version writes, for the upgrade tests of later ones'
	@echo 'make services        start the embedded Postgres and Valkey; make stop stops them'
	@echo 'make clean           remove .venv and caches; your data stays'

demo: $(VENV)/.installed
	@$(PYTHON) manage.py demo $(if $(DEMO),--$(DEMO))

test: $(VENV)/.installed-test
	@.ci/browser $(PYTHON)
	@$(PYTHON) -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

# The promised numbers, not the smaller ones of `make test`; writes docs/promises.json and docs/promises.md.
promises: $(VENV)/.installed-test
	@.ci/browser $(PYTHON)
	@FORETELL_PROMISES=full $(PYTHON) -m pytest -m 'promise or control' $(TESTS)

# The storm and the controls of every checker. Plan and history of a storm that went wrong are kept in the data folder.
torture: $(VENV)/.installed-test
	@seed=$(or $(SEED),$$(date +%s)); echo "torture: seed $$seed"; \
	FORETELL_TORTURE_MINUTES=$(MINUTES) FORETELL_TORTURE_SEED=$$seed $(PYTHON) -m pytest tests/torture $(TESTS)

lint: $(VENV)/.installed-test $(VENV)/.installed-lint
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy studyapp explainers analysis
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/hadolint docker/*.Dockerfile
	@$(PYTHON) -m compose_lint check --quiet --skip-suppressed --strict-config --config docker/.compose-lint.yml --fail-on low --no-env docker/compose.yaml
	@if command -v npx >/dev/null; then npx --yes --loglevel=error dclint@3.1.0 --config docker/.dclintrc.yaml docker/compose.yaml; \
	else echo 'lint: npx is not here, so the schema of docker/compose.yaml is not checked'; fi
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@echo 'lint: nothing to complain about'

bench: $(VENV)/.installed-bench
	@$(PYTHON) -m bench.pages
	@$(PYTHON) -m bench.explainers
	@$(PYTHON) -m bench.stages
	@$(PYTHON) -m bench.metrics
	@$(PYTHON) -m bench.workers
	@$(PYTHON) -m bench.mixed
	@$(PYTHON) -m bench.analysis
	@$(PYTHON) -m bench.performance

# Every test of the analysis on 2,000 studies, half an hour of one core; stopped, it goes on where it was.
calibration: $(VENV)/.installed
	@$(PYTHON) -m bench.calibration

screens: $(VENV)/.installed-test
	@.ci/browser $(PYTHON)
	@$(PYTHON) manage.py demo --once
	@$(PYTHON) manage.py screens
	@$(PYTHON) -m explainers train all --seed 0
	@$(PYTHON) manage.py explanation_screens

release-fixture: $(VENV)/.installed-test
	@$(PYTHON) -m tests.releases.cut

services: $(VENV)/.installed
	@$(PYTHON) -m studyapp.embedded start

stop:
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m studyapp.embedded stop; else echo 'Nothing is installed here, so nothing runs.'; fi

# The servers run programs that lie in .venv, so they stop first.
clean: stop
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles
	@find studyapp explainers analysis tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'Clean. Your data (the folder .foretell, or the one that FORETELL_DATA names) is still there.'

install: $(VENV)/.installed

# A stamp is younger than the pins it was installed from; a failed install leaves none and is tried again.
$(VENV)/.installed: $(PINS) | $(VENV)/.made
	@echo 'Installing Foretell into $(VENV) (the first time takes a few minutes) ...'
	@$(INSTALL) --editable '.[worker,embedded]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo 'Installing what the tests need ...'
	@$(INSTALL) --editable '.[worker,embedded,test]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	@echo 'Installing the peers that the benchmarks time ...'
	@$(INSTALL) --editable '.[worker,embedded,test,bench]'
	@touch $@

$(VENV)/.installed-lint: $(VENV)/.installed
	@echo 'Installing the linters ...'
	@$(INSTALL) --editable '.[worker,embedded,test,lint]'
	@touch $@

$(VENV)/.made:
	@.ci/venv $(VENV) $(PYTHON3)
	@touch $@

# Where the environment's Python does not work (never made, half made, or the Python below it is gone), the stamps lie.
ifneq ($(shell $(PYTHON) -c 'import pip; print("works")' 2>/dev/null),works)
.PHONY: $(VENV)/.made $(VENV)/.installed $(VENV)/.installed-test $(VENV)/.installed-bench $(VENV)/.installed-lint
endif
