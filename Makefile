# The words to know. `make` alone lists them.
PYTHON ?= python3
RUN = .venv/bin/python
PYTEST = $(RUN) -m pytest
.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-slow check fix docs docs-check fuzz bench bench-quick capacity image-check screenshots setup

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run:  ## install what is missing, then engine and gateway on port 8000
	@$(PYTHON) requirements/install.py run
	@exec .venv/bin/mmhie serve --without-gpu embedded

test: test-fast  ## everything but the slow tests, real engine included; T=path narrows it
	$(PYTEST) -m "engine and not slow" $(T) || test $$? = 5  # 5: no test was selected

test-fast: setup  ## the tests that start no engine, side by side
	$(PYTEST) -n 4 --dist worksteal -m "not slow and not engine" $(T) || test $$? = 5

test-slow: setup  ## the tests that take over 90 seconds each
	$(PYTEST) -m slow $(T) || test $$? = 5

check: setup  ## formatting, lint, types, generated documents
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	@$(RUN) -m scripts.render --check

fix: setup  ## format and repair what can be repaired
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

docs: setup  ## write the generated documents anew
	$(RUN) -m scripts.render

docs-check: setup  ## build the site strictly into .cache/site, run every example on it
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet
	$(PYTEST) -n 2 tests/docs

fuzz: setup  ## hostile bytes at every reader, led by coverage; T="--seconds 600 http" picks time and targets
	$(RUN) -m tests.fuzz $(T)

bench: setup  ## the gateway against nginx, in turns, on one processor (needs nginx); T=options
	$(RUN) -m tests.bench $(T)

bench-quick: T += --quick
bench-quick: bench  ## the same in two minutes

capacity: setup  ## simulate up to 1,000 engines, draw the pictures of docs/capacity.md (two minutes)
	$(RUN) -m scripts.simulation
	$(RUN) -m scripts.render capacity

screenshots: setup  ## the console's pictures in docs/images anew (needs chromium)
	$(RUN) -m tests.console

image-check: setup  ## lint the Dockerfiles, build the gateway's image, ask what comes out (root, Debian)
	$(RUN) -m scripts.image_check $(T)

setup:
	@$(PYTHON) requirements/install.py test
