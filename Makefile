# make demo      hear the examples: own virtual environment, the plain installation, stems in ./demo
# make test      the fast lane of the tests, in parallel; installs everything, torch too      make test-all  every test
# make check   formatting, lint, types        make bench  figures        make clean  remove what make made
# make docs    the documentation as a site, in ./site
#
# PYTHON=…     another Python (3.11 or newer)
# PIP_ARGS=…   more options for pip, such as the index with the CPU build of torch (README.md, "Installation")

VENV ?= .venv
PIP_ARGS ?=
PYTEST_ARGS ?=
# Newest first would try what the pinned versions were not tested with, so 3.11 comes first.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$python; break; fi; done)

BIN := $(VENV)/bin
BASE := $(VENV)/.vocalese-base
STAMP := $(VENV)/.vocalese-installed
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt
DOCS_STAMP := $(VENV)/.vocalese-docs-installed
DOCS ?= site
SOURCES := engine bridge research tests examples $(if $(wildcard benchmarks/*.py),benchmarks)

.PHONY: demo test test-alone test-slow test-all check bench docs wheel clean

demo: $(BASE)
	$(BIN)/vocalese demo -o demo

# Lanes: fast; alone (a sound server, a music program or real time); slow. Together they are all tests.
ALONE := jack or daw or realtime
PYTEST := $(BIN)/python -m pytest $(PYTEST_ARGS)
# One worker more than processors: live tests wait in real time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PARALLEL := -n $(WORKERS) --dist worksteal

test: $(STAMP)
	$(PYTEST) $(PARALLEL) -m "not (slow or $(ALONE))"

test-alone: $(STAMP)
	$(PYTEST) -m "$(ALONE)"

test-slow: $(STAMP)
	$(PYTEST) $(PARALLEL) -m "slow and not ($(ALONE))"

test-all: test test-alone test-slow

check: $(STAMP)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy engine bridge
	$(BIN)/python .ci/prose.py $(SOURCES) .ci docs README.md CONTRIBUTING.md

bench: $(STAMP)
	@set -e; for script in $(wildcard benchmarks/[a-z]*.py); do echo "== $$script"; $(BIN)/python "$$script"; done

docs: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(DOCS)

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist $(PIP_ARGS) .

$(DOCS_STAMP): $(STAMP)
	$(INSTALL) -e '.[docs]'
	@touch $(DOCS_STAMP)

$(BASE): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "Vocalese needs Python 3.11 or newer with the venv module; none was found." >&2; exit 1; fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	@touch $(BASE)

$(STAMP): $(BASE)
	$(INSTALL) -e '.[gpt-sovits,train,ja,zh,yue,en,languages,dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist demo site vocalese.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
