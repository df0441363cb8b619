# Everything runs from a virtual environment in .venv, made once. `make demo` and `make test` need nothing else.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := $(VENV)/.installed-peers

# The first interpreter that is new enough; PYTHON=... on the command line overrules it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

.PHONY: install demo test test-long test-all lint bench bench-accuracy bench-speed clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "kpgeo needs Python 3.11 or newer; none was found. Set PYTHON=/path/to/python3." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11. Set PYTHON=/path/to/python3." >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: install
	$(BIN)/kpgeo demo --workspace demo

test: install
	$(BIN)/python -m pytest -q -m "not long"

test-long: install
	$(BIN)/python -m pytest -q -m long

test-all: install
	$(BIN)/python -m pytest -q

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.accuracy --seeds 301 302 303 304 305

# The published detectors that the two benchmarks below run beside kpgeo.
$(PEERS): $(STAMP) pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,peers]'
	touch $@

bench-accuracy: $(PEERS)
	$(BIN)/python -m benchmarks.detection --page

bench-speed: $(PEERS)
	$(BIN)/python -m benchmarks.speed

clean:
	rm -rf $(VENV) build dist demo
