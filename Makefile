# `make` lists the targets. Every target sets up what it needs and is quick when nothing changed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Into the environment that is named, whatever a user has asked pip for elsewhere.
pip_into = $(1)/bin/python -I -m pip install --disable-pip-version-check --no-user --target= --prefix="$$PWD/$(1)"
PIP := $(call pip_into,$(VENV))
NOTEBOOKS := $(sort $(wildcard notebooks/[0-9]*.ipynb))
# Those that this shell may use; nproc, which is Linux's, would take OMP_NUM_THREADS for their number.
JOBS ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
# What users have set up for themselves changes no output; `make lab` keeps it. One thread each, as
# notebooks and tests run side by side; without a number joblib counts the cores, and warns where a
# machine does not tell them.
DEFAULTS := env -u JUPYTER_PATH -u MATPLOTLIBRC -u MPLBACKEND -u PYTHONPATH -u PYTHONSTARTUP JUPYTER_NO_CONFIG=1 \
  JUPYTER_DATA_DIR="$$PWD/build/defaults" IPYTHONDIR="$$PWD/build/defaults" \
  MPLCONFIGDIR="$$PWD/build/defaults" LC_ALL=C.UTF-8 TZ=UTC COLUMNS=80 OMP_NUM_THREADS=1
# Those alone that changed since they passed here, or all with FORCE=1.
CHAPTERS := $(DEFAULTS) $(BIN)/python docs/chapters.py
# Files side by side, in the order given, those first that take longest. One more than there are cores
# would slow down the chapters by more than it saves where tests wait for browsers.
NBVAL := --nbval --nbval-current-env --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder
LONGEST := tests/test_site.py tests/test_lab.py
# By name: given the folder too, pytest would drop what is in it, and its place in the order.
TESTS = $(LONGEST) $(filter-out $(LONGEST),$(sort $(shell find tests -name 'test_*.py')))
BASE ?= HEAD
# With it each of some hundred processes would compile anew all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help notebooks test test-fast test-lowest test-processors data html model lab review bench lint lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

notebooks: data ## the main job: environment, data, chapters that changed executed in place (FORCE=1: all), site
	$(CHAPTERS) executed $(JOBS) $(NOTEBOOKS)
	$(DEFAULTS) $(BIN)/python docs/stored_outputs.py
	@$(MAKE) --no-print-directory html

test: data ## unit tests, and each cell of chapters that changed (FORCE=1: of all) against its stored output
	$(CHAPTERS) compared $(NBVAL) $(NOTEBOOKS) $(TESTS)

test-fast: $(VENV)/.ready ## the same without MNIST: neither its notebooks nor the tests that load it
	$(CHAPTERS) compared $(NBVAL) -m "not network" $(firstword $(NOTEBOOKS)) $(TESTS)

test-lowest: $(VENV)/.ready ## the tests of src/, and the site's build, at the lowest versions that pyproject.toml declares
	$(BIN)/python -m venv --clear build/lowest
	$(call pip_into,build/lowest) --quiet uv
	build/lowest/bin/uv pip install --quiet --python build/lowest --resolution lowest-direct '.[notebooks,test]'
	@# Old releases use what newer ones deprecate; that is theirs to mend. What is not in src/ is
	@# tested once, in `make test`; the site is built here.
	$(DEFAULTS) build/lowest/bin/python -W ignore::DeprecationWarning -m pytest -m "not network" \
	  -W default::DeprecationWarning \
	  $(patsubst %,tests/%,figures fitting loading test_docstrings.py test_features.py test_scores.py)
	$(DEFAULTS) build/lowest/bin/python -m sphinx --quiet --fail-on-warning -c docs -d build/lowest/doctrees . build/lowest/html

test-processors: data ## nbval under the kernels of other processors: an hour or more, into benchmarks/ (ARGS="--rows Haswell --chapters 1 3")
	$(DEFAULTS) $(BIN)/python benchmarks/bench_processors.py $(ARGS)

data: $(VENV)/.ready ## download MNIST once, verified, into scikit-learn's data folder
	@$(DEFAULTS) $(BIN)/python -m digits_lr fetch

html: $(VENV)/.ready ## build the site from the stored notebooks, without executing them
	$(DEFAULTS) $(BIN)/python -m sphinx --quiet --fail-on-warning --fresh-env -c docs -d build/doctrees . build/html
	@echo "The site: build/html/index.html"

model: data ## fit the two models of the page Try it again, three minutes
	$(DEFAULTS) $(BIN)/python docs/store_model.py

lab: data ## open JupyterLab at the first notebook
	$(BIN)/jupyter-lab . --LabApp.app_settings_dir=.jupyterlab \
	  --ContentsManager.hide_globs="['__pycache__', 'conftest.py', 'nbconvert_config.py', 'ruff.toml']" \
	  --LabApp.default_url=/lab/tree/$(firstword $(NOTEBOOKS))

review: $(VENV)/.ready ## compare the notebooks with BASE (default HEAD) in a browser, pictures included
	$(BIN)/nbdiff-web $(BASE)

bench: data $(VENV)/.peers ## time every way to such a model: 40 minutes, into build/ (ARGS=--quick: 1; ARGS=--store: benchmarks/)
	$(if $(filter --quick,$(ARGS)),,$(BIN)/python benchmarks/bench_load_mnist.py $(ARGS))
	$(BIN)/python benchmarks/bench_fits.py $(ARGS)
	$(BIN)/python benchmarks/bench_features.py $(ARGS)

lint: $(VENV)/.ready ## ruff, notebooks included; mypy; the workflows and CITATION.cff by their schemas and zizmor
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format --default-filetype yaml CITATION.cff
	$(BIN)/zizmor --offline --persona pedantic .github/workflows

lock: ## resolve requirements.lock anew from pyproject.toml
	$(PYTHON) -m venv build/lock
	$(call pip_into,build/lock) --quiet --upgrade uv
	build/lock/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --no-annotate --upgrade --quiet --output-file requirements.lock

clean: ## remove the environment and everything built; the notebooks and the data stay
	rm -rf $(VENV) build .pytest_cache .ruff_cache notebooks/.ruff_cache

# Rebuilt from nothing when one of its files changes; .ready is written last, so a broken
# install is never taken for a finished one. uv is several times as fast as pip; without a wheel of it,
# or with an index that only pip knows, pip does it.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "digits_lr needs Python 3.11 or newer; '$(PYTHON)' is not. Try: make PYTHON=python3.12" >&2; exit 1; }
	@mkdir -p build
	@# Of two makes at once the second waits, and finds it made. File 9 keeps the lock until this shell ends.
	@exec 9>build/making; $(PYTHON) -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'; \
	if [ $@ -nt requirements.lock ] && [ $@ -nt pyproject.toml ]; then exit; fi; \
	echo "Making $(VENV) from requirements.lock (a minute or two, log in build/install.log)"; \
	{ $(PYTHON) -m venv --clear $(VENV) && \
	  { $(PIP) uv && $(BIN)/uv pip install --python $(VENV) -r requirements.lock || \
	    $(PIP) -r requirements.lock; } && \
	  $(PIP) --no-deps --no-build-isolation -e . && touch $@; \
	} >build/install.log 2>&1 || \
	  { echo "Could not make $(VENV): is the package index reachable? build/install.log says:" >&2; \
	    grep -iE 'error|not available' build/install.log | tail -n 1 >&2; exit 1; }

$(VENV)/.peers: $(VENV)/.ready
	$(PIP) --quiet --no-build-isolation -e '.[peers]'
	@touch $@
