# The words to know. `make` alone lists them.
PYTHON ?= python3
RUN = .venv/bin/python
PYTEST = $(RUN) -m pytest
.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-slow check fix docs image-check setup

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run:  ## install what is missing, then engine and gateway on port 8000
	@$(PYTHON) requirements/install.py run
	@exec .venv/bin/mmhie serve --without-gpu embedded

test: setup  ## everything but the slow tests, real engine included; T=path narrows it
	$(PYTEST) -m "not slow" $(T)

test-fast: setup  ## the tests that start no engine
	$(PYTEST) -m "not slow and not engine" $(T)

test-slow: setup  ## the tests that take over 90 seconds each
	$(PYTEST) -m slow $(T) || test $$? = 5  # 5: no test is that slow

check: setup  ## formatting, lint, types, generated documents
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	@test ! -f scripts/render_settings.py || $(RUN) scripts/render_settings.py --check

fix: setup  ## format and repair what can be repaired
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

docs: setup  ## write the generated documents anew
	$(RUN) scripts/render_settings.py
	$(RUN) scripts/render_plans.py

image-check: setup  ## lint the Dockerfiles, build the gateway's image, ask what comes out (root, Debian)
	$(RUN) scripts/image_check.py $(T)

setup:
	@$(PYTHON) requirements/install.py test
