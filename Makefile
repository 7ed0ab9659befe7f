# Each target sets up .venv with the locked versions first, and skips whatever is set up already.
#   make PYTHON=python3.12 ...          another interpreter (3.11 or newer)
#   make TORCH_INDEX=URL ...            one more package index, for example PyTorch's own with its small CPU builds
#   make BENCH="name --threads 1" bench only these benchmarks, with these options
#   make JOBS=4 test                    more test processes

PYTHON ?= python3
TORCH_INDEX ?=
BENCH ?=
JOBS ?= 2

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
LOCK := pyproject.toml constraints.txt
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow format docs bench frontend clean \
	check-format check-lint check-types check-imports test-compile test-main node-modules

help:  ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

demo: .venv/installed  ## run a Lisp program as tensors and show each step
	$(BIN)/neurallambda run "((fn [x] '(x x x)) 42)" --trace

test: check-format check-lint check-types check-imports test-compile test-main docs  ## run everything that CI runs

test-slow: .venv/installed-dev  ## run the tests that take more than a few seconds
	$(PYTEST) -m "slow and not gpu"

format: .venv/installed-dev  ## format the code and apply the safe fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: .venv/installed-dev node-modules  ## build the documentation into site/; with Node also a playground that needs no server
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: .venv/installed-dev  ## measure, and write benchmarks/results/
	$(BIN)/python -m benchmarks $(BENCH)

frontend: frontend/node_modules/.package-lock.json  ## build the viewer and the playground into the package (needs Node)
	cd frontend && npx tsc && node build.mjs

frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund
	@touch $@

node-modules:  ## what the pages are built and judged with, where Node and its registry are there
	@command -v npm >/dev/null && $(MAKE) --no-print-directory frontend/node_modules/.package-lock.json >/dev/null 2>&1 || \
		echo "no Node or no npm registry: no playground in the site, and tests that need axe-core or Pyodide are skipped"

clean:  ## remove everything that make made
	rm -rf .venv frontend/node_modules site dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

check-format: .venv/installed-dev  ## is the code formatted
	$(BIN)/ruff format --check

check-lint: .venv/installed-dev  ## does the linter find nothing
	$(BIN)/ruff check

check-types: .venv/installed-dev  ## do the types hold
	$(BIN)/pyright --warnings

check-imports: .venv/installed-dev  ## do imports run one way only
	$(BIN)/lint-imports --no-cache

test-compile: .venv/installed-dev  ## the tests that call torch.compile, without the shape checks
	$(PYTEST) -q -m compile --jaxtyping-packages=

test-main: .venv/installed-dev node-modules  ## all other tests, with the shape checks, and the examples of the docs
	$(PYTEST)

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo >&2 \
		"$(PYTHON) is $$($(PYTHON) --version 2>&1), but Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo >&2 \
		"$(PYTHON) comes without its venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/installed: .venv/created $(LOCK)
	$(INSTALL) -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(INSTALL) -e '.[dev]'
	@touch $@
