# Two commands for a newcomer: `make run` and `make test`. Both need only python3.11 or newer, venv and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What Python has compiled is kept, whatever the shell says: a start without it takes a second longer, and tests start many.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint types unit bench instructions instructions-record chaos soak attacks mutants clients check lock sbom clean

run: $(VENV)/.run
	$(BIN)/python -m gateway serve --demo-without-keys

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

# What the gateway costs: CPU, latency, memory, start-up, beside nginx (where installed) and a bare aiohttp relay, in some minutes.
# PEERS=litellm,portkey,smg installs other gateways into .bench-cache/ and measures them too; BENCH=--readme puts the table into tests/bench/README.md.
PEERS ?=
bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench --peers '$(PEERS)' $(BENCH)

# Instructions of 200 requests and 50 streams, counted by valgrind and held against tests/bench/instructions.json: fails over 5 % more.
# Not part of `make test`: half a minute for what only changes to translators and routing move, and valgrind is not on every machine.
instructions: $(VENV)/.dev
	$(BIN)/python -m tests.bench.instructions

instructions-record: $(VENV)/.dev
	$(BIN)/python -m tests.bench.instructions --record

# Every way a provider can fail, on real sockets; writes tests/chaos/TABLE.md.
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos

# 50,000 mixed requests: memory, tasks and sockets are where they were. Takes some minutes; REQUESTS=10000 is a short one.
REQUESTS ?= 50000
soak: $(VENV)/.dev
	$(BIN)/python -m tests.soak --requests $(REQUESTS)

# What a hostile or slow world does, on real sockets and signals; tests/attacks/TABLE.md says what bounds it. Part of `make test`, too.
attacks: $(VENV)/.dev
	$(BIN)/python -m pytest tests/attacks tests/revisions/test_reload.py tests/server/test_file_descriptors.py tests/upstream tests/api/test_big_bodies.py \
	  tests/api/test_fetched_urls.py tests/translators/gemini/request/test_schema_growth.py tests/telemetry/test_messages.py

# Faults planted one by one into a copy: which of them do the project's own checks not notice? Some minutes; NAME=… plants some only.
NAME ?=
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants $(NAME)

# Real clients (Claude Code, Codex, gemini-cli, the SDKs) through a gateway, on scripted providers. Installs them into ~/.cache on first use.
# CLIENTS='codex --persona on_claude' runs some only.
CLIENTS ?=
clients: $(VENV)/.dev
	$(BIN)/python -m tests.clients $(CLIENTS)

# LOCK=--upgrade takes the newest versions.
LOCK ?=

check: $(VENV)/.run
	$(BIN)/llm-router check

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# pip reads [dependency-groups] from 25.1 on, and installs faster; the one that venv brings may be older. What is run is compiled when it is.
$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-compile -U 'pip>=25.1'
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-compile -e '.[fast]'
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check --group dev
	touch $@

# The digests of everything that the image installs. Tools that only a maintainer needs live in a virtual environment of their own.
lock: $(VENV)/.supply
	$(VENV)/supply/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra fast --extra postgres --extra seal --extra otel pyproject.toml \
	  -o config/deploy/image/requirements.txt $(LOCK)
	printf 'poetry-core>=2.0\n' | $(VENV)/supply/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate - \
	  -o config/deploy/image/build-requirements.txt $(LOCK)

# What the image holds, as CycloneDX: dist/llm-router.cdx.json. cyclonedx-py takes [tool.poetry] for a whole project's table: it gets the part before.
sbom: $(VENV)/.supply
	mkdir -p dist
	sed '/^\[tool\.poetry\]/,$$d' pyproject.toml > dist/project.toml
	$(VENV)/supply/bin/cyclonedx-py requirements --pyproject dist/project.toml --output-reproducible --of JSON -o dist/llm-router.cdx.json \
	  config/deploy/image/requirements.txt
	rm dist/project.toml

$(VENV)/.supply: $(VENV)/bin/python
	$(VENV)/bin/python -m venv $(VENV)/supply
	$(VENV)/supply/bin/python -m pip install -q --disable-pip-version-check uv cyclonedx-bom
	touch $@

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
