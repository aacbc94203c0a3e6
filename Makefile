# `make demo` and `make test` need only Python 3.11+ and make; everything else they install into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# where `make test` installs the wheel that it built
WHEEL := $(CURDIR)/build/wheel
PACKAGE_FILES := $(shell find lrdoctor -type f -not -path '*/__pycache__/*')

.PHONY: demo test test-frameworks test-lowest check coverage bench docs clean

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
	$(BIN)/mypy --config-file tests/mypy.ini tests

$(WHEEL)/.installed: $(PACKAGE_FILES) pyproject.toml README.md LICENSE | $(VENV)/.installed-dev
	rm -rf $(WHEEL) dist
	$(PIP) wheel --quiet --no-deps -c constraints.txt --wheel-dir dist .
	$(PIP) install --quiet --no-deps --target $(WHEEL) dist/lrdoctor-*.whl
	touch $@

# The tests run on the wheel as a user installs it, not on the working tree: `pytest` puts no folder before PYTHONPATH, as
# `python -m pytest` would. A worker that is done takes tests from the other one. What takes long is said at the end.
test: check $(WHEEL)/.installed
	PYTHONPATH=$(WHEEL) LRDOCTOR_WHEEL=$(WHEEL) $(BIN)/pytest -n 2 --dist worksteal --durations 10 --durations-min 5

# Recorded trainings of the frameworks that people use, in an environment of their own: timm, which the other tests need,
# brings a torchvision, and a torchvision that was not built for the torch beside it ends every import of Lightning and
# transformers; without one they go on.
FRAMEWORKS := build/frameworks
$(FRAMEWORKS)/.installed: pyproject.toml constraints.txt
	rm -rf $(FRAMEWORKS)
	$(PYTHON) -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt torch==2.13.0
	$(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt -e ".[frameworks]" pytest hypothesis
	touch $@

test-frameworks: $(FRAMEWORKS)/.installed
	$(FRAMEWORKS)/bin/python -m pytest tests/frameworks

# The lowest versions of what pyproject.toml names, read out of it: the tests of the readers, rules, reports and the spec,
# and of training.
LOWEST := build/lowest
test-lowest:
	rm -rf $(LOWEST)
	$(PYTHON) -m venv $(LOWEST)
	$(PYTHON) -m tools.lowest > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet -r $(LOWEST)/lowest.txt pytest hypothesis scikit-learn
	PYTHONPATH=$(CURDIR) OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -W default tests/core tests/logs tests/rules tests/spec tests/store tests/training tests/cli

# How much of the package the tests of its parts reach; fails below the floor in pyproject.toml. Not a part of `make test`:
# before Python 3.12 tracing makes tests of plain Python a third slower. What runs in worker processes is not traced:
# training/, architecture/, workloads/ and worker.py are left out, and so are the tests that start processes.
NOT_TRACED := architecture benchmarks end_to_end engines training workloads test_documents.py test_pytest_plugin.py
coverage: $(VENV)/.installed-dev
	$(BIN)/coverage run -m pytest tests $(addprefix --ignore=tests/,$(NOT_TRACED))
	$(BIN)/coverage report

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.placebo
	$(BIN)/python -m benchmarks.trials
	$(BIN)/python -m benchmarks.agreement
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.recording
	$(BIN)/python -m benchmarks.forks
	$(BIN)/python -m benchmarks.engines --trials 1000 --workers 64

# Rewrites what is generated from the code: the JSON Schema, parts of the README, the reference pages in docs/.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m tools.generate

clean:
	rm -rf $(VENV) build dist
