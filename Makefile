# Everything a developer or a visitor does here. `make` alone lists it.
# Each target makes its own virtual environment the first time; no other set-up is needed.
VENV ?= .venv
PYTHON ?=
# One more than two cores: much of what the tests of real schedulers do is wait for them.
WORKERS ?= 3
BIN = $(VENV)/bin
SOURCES = $(wildcard pyproject.toml scripts/setup_venv.sh)

.DEFAULT_GOAL = help
.PHONY: help demo test test-long test-py313 check types format cover docs dist binder bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile

$(VENV)/.demo: $(SOURCES)
	@python="$(PYTHON)"; [ -n "$$python" ] || python=$$(sh scripts/find_python.sh) && sh scripts/setup_venv.sh $(VENV) "$$python" --editable ".[demo]"
	@touch $@

$(VENV)/.dev: $(SOURCES)
	@python="$(PYTHON)"; [ -n "$$python" ] || python=$$(sh scripts/find_python.sh) && sh scripts/setup_venv.sh $(VENV) "$$python" --editable ".[demo,scipy,xarray]" --group dev
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## scan a notebook at 24 points on this computer and show the result
	@$(BIN)/python demo/demo.py

test: check test-py313 ## all checks and all tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

test-long: check ## the same with the large counts of tests/budget.toml
	@FARPOINT_BUDGET=long $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --timeout 7200

test-py313: $(VENV)/.dev ## imports and unit tests under Python 3.13, where there is one
	@sh scripts/test_python.sh 3.13 $(VENV)-3.13

check: $(VENV)/.dev ## lint, format, types, layers, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell .

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

cover: $(VENV)/.dev ## all tests, with lines never run listed
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --cov --cov-report term-missing

docs: $(VENV)/.dev ## the documentation, in site/; a warning is an error
	$(BIN)/python scripts/cli_reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

dist: $(VENV)/.dev ## sdist and wheel in dist/, the wheel tried in an empty environment
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python scripts/try_wheel.py dist/*.whl

binder: $(VENV)/.dev ## what Binder does, without a container: binder/ followed step by step, looked at in a browser
	@python="$(PYTHON)"; [ -n "$$python" ] || python=$$(sh scripts/find_python.sh) && sh scripts/replay_binder.sh .binder-replay "$$python"
	@$(BIN)/python scripts/look_at_binder.py .binder-replay .binder-replay/visitor.png

bench: $(VENV)/.dev ## import time and overhead per point, beside papermill
	@$(BIN)/python benchmarks/overhead.py

clean: ## remove what was made here, the virtual environments included
	rm -rf $(VENV) $(VENV)-3.13 .binder-replay dist site .coverage* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
