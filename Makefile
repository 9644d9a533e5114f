# saleslake: everything a person does with the project. Bare `make` prints this list.
SHELL := /bin/bash
PYTHON ?= python3
RATE ?=
NOISE ?= realistic
SEED ?= 1
LIMIT ?=
SQL ?=

VENV := .venv
RUN := $(VENV)/bin/python -m
.DEFAULT_GOAL := help

##@ Start here

.PHONY: demo
demo: install ## Start the stack, replay a year of sales through it, check the sums, write the report
	@$(RUN) infra demo --noise $(NOISE) --seed $(SEED)

.PHONY: test
test: install ## Run every test that runs without Docker or AWS
	@$(RUN) pytest tests -m "not docker and not aws"

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  %-10s%s\n", $$1, $$2}' Makefile

##@ The stack

.PHONY: up
up: install ## Start everything on 127.0.0.1, wait until it is ready, print the addresses
	@$(RUN) infra up

.PHONY: status
status: install ## Show each process, its health and memory, and how far the data has come
	@$(RUN) infra status

.PHONY: logs
logs: install ## Follow the logs of all processes
	@$(RUN) infra logs

.PHONY: down
down: install ## Stop every process; the data stays
	@$(RUN) infra down

.PHONY: reset
reset: install ## Stop everything and DELETE the local data: topics, bucket, tables, journals
	@$(RUN) infra reset

##@ Data

.PHONY: replay
replay: install ## Send the UCI sales as changes; returns when the last is in gold (NOISE= SEED= LIMIT= RATE=)
	@$(RUN) infra replay --noise $(NOISE) --seed $(SEED) $(if $(LIMIT),--limit $(LIMIT)) $(if $(RATE),--rate $(RATE))

.PHONY: generate
generate: install ## Run a simulated shop until Ctrl-C (RATE= changes per second, NOISE= SEED=)
	@$(RUN) infra generate --noise $(NOISE) --seed $(SEED) $(if $(RATE),--rate $(RATE))

.PHONY: query
query: install ## Ask the tables in SQL (SQL="select * from gold.daily_sales limit 5")
	@$(RUN) infra query "$(SQL)"

.PHONY: verify
verify: install ## Recompute silver and gold from bronze by another way and compare everything
	@$(RUN) infra verify

##@ Develop

.PHONY: install
install: $(VENV)/.installed ## Make the virtual environment and fetch the JVM artefacts

$(VENV)/.installed: requirements.txt requirements-java.txt
	@$(PYTHON) infra/local/install.py

.PHONY: lint
lint: install ## Check style and types
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

.PHONY: docs
docs: install ## Write docs/tables.md and .env.example from lakehouse/
	@$(RUN) infra docs

.PHONY: lock
lock: install ## Pin the newest allowed versions with hashes
	@for name in requirements requirements-java; do $(VENV)/bin/uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade -q $$name.in -o $$name.txt; done
