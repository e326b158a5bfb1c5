# Targets; `make` alone lists them.
PYTHON ?= python3
RUN = .venv/bin/python
PYTEST = $(RUN) -m pytest
# A gateway that waits leaves its core to the other processes.
TESTS = -n $(or $(N),5) --dist worksteal -m "$(1)" $(T)
# Tests of one engine stay together (tests/scheduling.py); there is memory for three engines at once.
BY_ENGINE = -n $(or $(N),3) --dist loadscope --no-loadscope-reorder
# The modules that name a marker: importing all the others takes a quarter of a minute.
MARKED = $(or $(T),$(sort $(shell grep -rl --include='test_*.py' 'mark[.]$(1)' tests)))
# A lock lists the files of all platforms, so that every machine writes the same one.
LOCK = .venv/bin/uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate \
	--python-version 3.11.7 --python-platform x86_64-manylinux_2_28
# Or each of the hundreds of processes that tests start would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-gate test-slow retry coverage check fix docs docs-check lock fuzz soak bench bench-quick setup

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run:  ## install what is missing, then engine and gateway on port 8000
	@$(PYTHON) requirements/install.py run
	@exec .venv/bin/mmhie serve --without-gpu embedded

test: setup  ## all tests except the slow ones, with a real engine; T=path selects
	$(PYTEST) $(call TESTS,not slow) || test $$? = 5

test-fast: setup  ## the same without a real engine
	$(PYTEST) $(call TESTS,not slow and not engine) || test $$? = 5

test-gate: setup  ## a first start, two gateways, the console, an overlay: what a change must pass
	$(PYTEST) $(BY_ENGINE) -m gate $(call MARKED,gate)

retry:  ## run the tests that have just failed once more, alone
	@$(RUN) -m tests.retry

test-slow: setup  ## the tests that take long: more engines, larger models, load
	$(PYTEST) $(BY_ENGINE) -m slow $(call MARKED,slow) || test $$? = 5

coverage: setup  ## lines and branches that the tests without a real engine run
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest $(call TESTS,not slow and not engine)
	$(RUN) -m coverage run -m pytest $(BY_ENGINE) -m slow tests/assurance tests/gateway tests/launcher
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

check: setup  ## formatting, lint, types, generated documentation
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-logo --no-cache
	@$(RUN) -m scripts.render --check

fix: setup  ## format the code and apply automatic fixes
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

docs: setup  ## regenerate the generated documentation
	$(RUN) -m scripts.render

docs-check: setup  ## build the documentation site into .cache/site, run its examples
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	$(PYTEST) -n 2 tests/docs

lock:  ## look up the hashes in requirements/NAME.txt, after a version there has changed
	@new=$$(mktemp) && { grep '^#' requirements/$(NAME).txt; $(LOCK) requirements/$(NAME).txt; } > $$new \
		&& cat $$new > requirements/$(NAME).txt && rm $$new

fuzz: setup  ## thousands of damaged inputs for every reader, minutes of them; T="-k http" selects
	FUZZ_EXAMPLES=20000 $(PYTEST) -n 2 tests/fuzz/test_targets.py $(T)

soak: setup  ## two gateways under load and blows for eight minutes; T="--seconds 60" is shorter
	$(RUN) -m tests.faults.soak $(T)

bench: setup  ## benchmark the gateway against nginx on one CPU (needs nginx); T=options
	$(RUN) -m tests.bench $(T)

bench-quick: T += --quick
bench-quick: bench  ## the same in two minutes

setup:
	@$(PYTHON) requirements/install.py test
