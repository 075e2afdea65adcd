# `make run` needs Python 3.11 and nothing else; `make test` gets the servers that it needs.

PYTHON ?= python3.11
BIN := .venv/bin
AT_ONCE ?= 2
PYTEST := $(BIN)/pytest --numprocesses=$(AT_ONCE) --dist=loadfile --no-loadscope-reorder

.PHONY: run demo servers servers-down check test chaos bench lock clean

run: .venv/runtime
	@$(BIN)/python -m services run $(ARGS)

demo: .venv/runtime
	@$(if $(filter-out 0,$(SERVERS)),$(BIN)/python -m deploy.servers install)
	@$(BIN)/python -m deploy.demo $(if $(filter-out 0,$(SERVERS)),--servers) $(ARGS)

servers:
	@$(PYTHON) -m deploy.servers up

servers-down:
	@$(PYTHON) -m deploy.servers down

check: .venv/dev
	$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && $(BIN)/lint-imports

test: .venv/dev
	@$(BIN)/python -m deploy.servers install || echo "Tests that need these servers will not run." >&2
	$(PYTEST) $(ARGS)
	$(if $(filter-out 0,$(ALL)),@$(RABBITMQ_4) $(BIN)/python -m deploy.servers install)
	$(if $(filter-out 0,$(ALL)),$(RABBITMQ_4) $(PYTEST) $(ON_BROKERS))

chaos: .venv/dev
	@$(BIN)/python -m deploy.servers install
	@$(BIN)/python -m tests.chaos $(if $(ROUNDS),--rounds=$(ROUNDS)) $(if $(SEED),--seed=$(SEED)) $(foreach fault,$(ONLY),--only=$(fault))

bench: .venv/dev
	@$(BIN)/python -W ignore -m bench $(ONLY)

lock: .venv/dev
	$(BIN)/uv pip compile $(LOCKING) --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCKING) --extra dev --extra bench --constraints requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# `make test ALL=1` also runs what speaks to the broker on RabbitMQ 4.0, beside the other servers.

ON_BROKERS := tests/integration tests/e2e/test_journey.py tests/e2e/test_subscribers.py tests/e2e/test_faults.py
RABBITMQ_4 := MENTORING_RABBITMQ_VERSION=4 MENTORING_SERVERS_DIR=var/servers-4 \
	MENTORING_POSTGRES_PORT=15532 MENTORING_RABBITMQ_PORT=15773 MENTORING_MINIO_PORT=19100

LOCKING := pyproject.toml --upgrade --python-version 3.11 --generate-hashes --no-annotate --quiet \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# A stamp for each lock file, younger than it when all that it names is installed.

.venv/runtime: requirements.lock | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(BIN)/pip:
	@PYTHON=$(PYTHON) deploy/environment.sh
