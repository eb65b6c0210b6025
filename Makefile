# Footnote: `make run` opens the page, `make help` lists the rest.
# Every target makes the environment first when it is missing or out of date.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

# Which Python: the first of these that is 3.11 or newer, or the one you name: make install PYTHON=/path/to/python
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

# Which build of torch: make install TORCH_INDEX_URL=... takes it from that index, everything else stays as it is.
TORCH_INDEX_URL ?=

# Tests in this many processes; a file's tests stay together.
WORKERS ?= 2

.PHONY: help install run test gates check clean

help:
	@echo "make install   make $(VENV) with Footnote and everything that its development needs"
	@echo "make run       open the page; ARGS=... is passed on, for example ARGS=--no-browser"
	@echo "make test      run the tests; ARGS=... is passed to pytest"
	@echo "make gates     formatting, lint, types, import layers"
	@echo "make check     gates and tests"
	@echo "make clean     remove what the other targets made; your documents and index stay"

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { \
	  echo "Footnote needs Python 3.11 or newer, and none was found. Name one: make install PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Footnote needs Python 3.11 or newer; PYTHON=$(PYTHON) is older, or does not start." >&2; exit 1; }
	@"$(BIN)/python" -c 'import pip' 2>/dev/null || "$(PYTHON)" -m venv --clear "$(VENV)" || { \
	  echo "The environment could not be made. On Debian and Ubuntu, install the package python3-venv first." >&2; exit 1; }
ifneq ($(strip $(TORCH_INDEX_URL)),)
	"$(BIN)/python" -m pip install -c constraints.txt --index-url "$(TORCH_INDEX_URL)" torch
endif
	"$(BIN)/python" -m pip install -c constraints.txt -e ".[dev]"
	@touch "$@"

run: $(INSTALLED)
	@"$(BIN)/footnote" $(ARGS) || test $$? -eq 130  # Ctrl-C is how it ends

test: $(INSTALLED)
	"$(BIN)/python" -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

gates: $(INSTALLED)
	"$(BIN)/ruff" format --check .
	"$(BIN)/ruff" check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"

check: gates test

clean:
	rm -rf "$(VENV)" build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
