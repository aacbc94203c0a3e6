# `make demo` and `make test` need only Python 3.11+ and make; everything else they install into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test check bench docs clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "lrdoctor needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt torch==2.13.0
	$(PIP) install --quiet -c constraints.txt -e ".[examples]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet -c constraints.txt -e ".[dev]"
	touch $@

# Both uses on real data: a learning-rate sweep of the bundled recurrent network on scikit-learn's digits, and the
# diagnosis of a bundled log.
demo: $(VENV)/.installed
	$(BIN)/lrdoctor sweep configs/rnn.yaml --fail-on never
	$(BIN)/lrdoctor diagnose sample_runs/recovered_rise.csv --fail-on never

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n 2

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.placebo
	$(BIN)/python -m benchmarks.trials
	$(BIN)/python -m benchmarks.agreement
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.recording

# Rewrites what is generated from the code: the JSON Schema, parts of the README, the reference pages in docs/.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m lrdoctor.generate

clean:
	rm -rf $(VENV) build dist
