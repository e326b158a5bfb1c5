# Targets; `make` alone lists them.
PYTHON ?= python3
RUN = .venv/bin/python
PYTEST = $(RUN) -m pytest
# Engines start on one core each: two at a time. Tests of one engine stay together.
TWO = -n 2 --dist loadscope
FAST_TESTS = -n $(or $(N),4) --dist worksteal -m "not slow and not engine" --ignore=tests/real $(T)
FAST = $(PYTEST) $(FAST_TESTS)
# The modules that name a marker: importing all the others takes a quarter of a minute.
MARKED = $(or $(T),$(sort $(shell grep -rl --include='test_*.py' 'mark[.]$(1)' tests)))
ENGINE = $(PYTEST) $(TWO) -m "engine and not slow" $(call MARKED,engine)
SLOW = $(PYTEST) $(TWO) -m slow $(call MARKED,slow)
# Or each of the hundreds of processes that tests start would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-slow coverage check fix docs docs-check fuzz bench bench-quick capacity image-check screenshots setup

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run:  ## install what is missing, then engine and gateway on port 8000
	@$(PYTHON) requirements/install.py run
	@exec .venv/bin/mmhie serve --without-gpu embedded

# A start of an engine keeps one core busy, so the fast tests run meanwhile. Without env, Ctrl-C
# would not reach what runs in the background. 5: no test was selected.
test: N = 4
test: setup  ## all tests except the slow ones, with a real engine; T=path selects
	@mkdir -p .cache; status=0; log=.cache/engine-tests.log; \
	env --default-signal=INT $(ENGINE) -p no:cacheprovider >$$log 2>&1 & engine=$$!; \
	$(FAST) || test $$? = 5 || status=1; \
	echo "The tests with a real engine have run beside these; their output, from $$log:"; \
	wait $$engine || test $$? = 5 || status=1; \
	cat $$log; exit $$status

test-fast: setup  ## the tests without a real engine, in parallel
	$(FAST) || test $$? = 5

test-slow: setup  ## the tests that take long: more engines, larger models, load
	$(SLOW) || test $$? = 5

coverage: setup  ## lines and branches that the fast tests run
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest $(FAST_TESTS)
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

fuzz: setup  ## coverage-guided fuzzing; T="--seconds 600 http" selects time and targets
	$(RUN) -m tests.fuzz $(T)

bench: setup  ## benchmark the gateway against nginx on one CPU (needs nginx); T=options
	$(RUN) -m tests.bench $(T)

bench-quick: T += --quick
bench-quick: bench  ## the same in two minutes

capacity: setup  ## simulate up to 1,000 engines, draw the figures of docs/capacity.md (two minutes)
	$(RUN) -m scripts.simulation
	$(RUN) -m scripts.render capacity

screenshots: setup  ## retake the console's screenshots in docs/images (needs chromium)
	$(RUN) -m tests.gateway.console

image-check: setup  ## lint the Dockerfiles, build and test the gateway's image (root, Debian)
	$(RUN) -m scripts.image_check $(T)

setup:
	@$(PYTHON) requirements/install.py test
