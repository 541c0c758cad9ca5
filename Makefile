# make demo    hear the examples: own virtual environment, installation, stems in ./demo
# make test    the test suite
# make check   formatting, lint, types        make bench  figures        make clean  remove what make made
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
STAMP := $(VENV)/.vocalese-installed
SOURCES := engine bridge tests examples $(if $(wildcard benchmarks/*.py),benchmarks)

.PHONY: demo test check bench wheel clean

demo: $(STAMP)
	$(BIN)/vocalese demo -o demo

test: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(STAMP)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy engine bridge

bench: $(STAMP)
	@set -e; for script in $(wildcard benchmarks/[a-z]*.py); do echo "== $$script"; $(BIN)/python "$$script"; done

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist $(PIP_ARGS) .

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "Vocalese needs Python 3.11 or newer with the venv module; none was found." >&2; exit 1; fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[zh,train,dev]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) build dist demo vocalese.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
