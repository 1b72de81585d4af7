# Everything that people do here. Each target sets up what it needs in a virtual environment (see tools/setup.sh).
#
#   make VENV=DIR    another place for the environment      make PYTHON=python3.12    another interpreter

VENV ?= .venv
PYTHON ?=
CXX_ARM64 ?= aarch64-linux-gnu-g++

export VENV PYTHON
ifneq ($(origin CXX),default)
export CXX
endif

PY = $(VENV)/bin/python
# Tests already run on every processor: more threads would wait for each other, and by default they do so at full speed.
QUIET = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
EXTRAS = $(VENV)-extras
EXTRAS_TESTS = tests/device/methods/test_near_clifford.py tests/device/methods/test_route.py \
	tests/device/mitigation/test_zero_noise.py \
	'tests/docs/test_examples.py::test_python_blocks_run[docs/how-to/mitigation.md]'
SETUP = @tools/setup.sh

.PHONY: help setup run test test-slow test-extras lint examples docs bench check-simd lock clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## set up all that developers need
	$(SETUP) run test lint docs

run: ## N2 from a molecule to an energy and a report: examples/n2.toml
	$(SETUP) run
	@$(VENV)/bin/kakehashi run examples/n2.toml

test: ## the unit tests: three to four minutes on 2 cores
	$(SETUP) run test
	@$(QUIET) $(PY) -m pytest -q -rs -n auto --dist worksteal -m "not slow"

# Half of their time, these wait for programs, clocks and handshakes: twice as many at once as there are processors.
test-slow: ## the tests that `make test` leaves out
	$(SETUP) run test
	@$(QUIET) $(PY) -m pytest -q -rs -n $$((2 * $$(getconf _NPROCESSORS_ONLN))) --dist worksteal -m slow

test-extras: ## the tests of clifft and mitiq, which need Python 3.12 and an older numpy: an environment of its own
	@VENV=$(EXTRAS) tools/setup.sh extras
	@$(EXTRAS)/bin/python tools/extras_left_out.py
	@$(QUIET) $(EXTRAS)/bin/python -m pytest -q -rs $(EXTRAS_TESTS)

lint: ## style, types and the order of the rooms
	$(SETUP) run test lint
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

examples: ## run every file in examples/
	$(SETUP) run
	@VENV=$(VENV) tools/run_examples.sh

docs: ## the documentation, as HTML in docs/_build/html
	$(SETUP) run docs
	@rm -rf docs/reference/api
	@$(PY) -m sphinx -q -W --keep-going -j auto -b html docs docs/_build/html
	@echo docs/_build/html/index.html

bench: ## measure the kernels beside other packages in one run
	$(SETUP) run test bench
	@$(PY) benchmarks/run.py

check-simd: ## compile the kernels for AVX2, AVX-512 and (with a cross compiler) NEON
	@CXX_ARM64=$(CXX_ARM64) tools/check_simd.sh

lock: ## write requirements/*.txt anew from pyproject.toml
	$(SETUP) run
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@tools/lock.sh $(VENV)/bin/uv

clean: ## remove the environment and all that was built
	rm -rf $(VENV) $(EXTRAS) build docs/_build docs/reference/api .mypy_cache .pytest_cache .ruff_cache .hypothesis
