# saleslake: everything a person does with the project. Bare `make` prints this list.
SHELL := /bin/bash
PYTHON ?= python3
NOISE ?= realistic
INGEST ?= kafka
SEED ?= 1
RATE ?=
LIMIT ?=
ROUNDS ?= 3
FORMAT ?=
SQL ?=
FILE ?=
ONLY ?=
NAME ?=
ENV ?=
DATA ?=
JOB ?=
STACK ?=
# Handed over by the environment, so that quotes and dollars in it mean nothing to make or to the shell.
override SQL := $(value SQL)
override FILE := $(value FILE)
export SQL FILE
# Named on the command line, it wins over .env.
ifneq ($(STACK),)
export STACK
endif

comma := ,
VENV := .venv
RUN := $(VENV)/bin/python -m
READY := $(VENV)/.installed
CLIENTS := $(VENV)/clients/.installed
# A folder with a Dockerfile : the extras of pyproject.toml that its image has.
IMAGES := spark_jobs:spark generator:generator+bulk infra/local:local+forecast+generator
DBT := $(VENV)/dbt/.installed
TEMPLATES := $(VENV)/templates/.installed
SOURCES := $(shell find connect/sink/src connect/sink/META-INF spark_jobs -name '*.java' -o -path '*/META-INF/*' -type f)
.DEFAULT_GOAL := help

##@ Start here

.PHONY: demo
demo: $(READY) ## Start the stack, replay a year of sales, check every row, forecast, report (NOISE= SEED= LIMIT= INGEST=)
	@$(RUN) infra demo --noise $(NOISE) --seed $(SEED) --ingest $(INGEST) $(if $(LIMIT),--limit $(LIMIT))

.PHONY: test
test: $(READY) $(CLIENTS) $(DBT) $(TEMPLATES) ## Run every test that needs neither Docker nor AWS
	@$(RUN) pytest tests/unit tests/infra --numprocesses auto --dist loadfile; unit=$$?; \
	$(RUN) pytest tests/spark tests/stack --numprocesses 2 --dist loadgroup --no-loadscope-reorder && exit $$unit

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	/^[a-z-]+:.*##/ {printf "  %-16s%s\n", $$1, $$2}' Makefile

##@ The stack

.PHONY: up
up: $(READY) ## Start everything on 127.0.0.1 and wait until it is ready; STACK=compose: in containers
	@$(RUN) infra up

.PHONY: status
status: $(READY) ## Show each process, how far the data has come and what is behind; with ENV=, its stacks
	@$(RUN) infra $(if $(ENV),stacks $(ENV),status)

.PHONY: top
top: $(READY) ## Watch the stack and its data live: processes, lags, rows, backlog, batches; Ctrl-C ends it
	@$(RUN) infra top

.PHONY: logs
logs: $(READY) ## Follow the logs of all processes; Ctrl-C ends it
	@$(RUN) infra logs

.PHONY: down
down: $(READY) ## Stop every process; the data stays
	@$(RUN) infra down

.PHONY: reset
reset: $(READY) ## Stop everything and DELETE the local data: topic, bucket, tables, journals, reports
	@$(RUN) infra reset

##@ Data

.PHONY: replay
replay: $(READY) ## Send the UCI sales as changes; returns when the last is in gold (NOISE= SEED= LIMIT= RATE= INGEST=)
	@$(RUN) infra $(if $(ENV),--env $(ENV)) replay --noise $(NOISE) --seed $(SEED) --ingest $(INGEST) $(if $(LIMIT),--limit $(LIMIT)) $(if $(RATE),--rate $(RATE))

.PHONY: generate
generate: $(READY) ## Run a simulated shop until Ctrl-C (RATE= changes a second, NOISE= SEED= INGEST=)
	@$(RUN) infra $(if $(ENV),--env $(ENV)) generate --noise $(NOISE) --seed $(SEED) --ingest $(INGEST) $(if $(RATE),--rate $(RATE))

.PHONY: resync
resync: $(READY) ## Bring silver to what the DynamoDB table holds, after its stream was off or to begin with
	@$(RUN) infra $(if $(ENV),--env $(ENV)) resync

.PHONY: redrive
redrive: $(READY) ## Bring in what the pipe (dead letters) or Firehose (errors/) gave up, once its cause is mended
	@$(RUN) infra $(if $(ENV),--env $(ENV)) redrive

.PHONY: query
query: $(READY) ## Ask Athena, at a prompt, SQL="select * from gold.daily_sales limit 5" or FILE= (FORMAT=table|csv|json)
	@$(RUN) infra $(if $(ENV),--env $(ENV)) query $(if $(FORMAT),--format $(FORMAT)) $${FILE:+--file "$$FILE"} -- "$$SQL"

.PHONY: forecast
forecast: $(READY) ## Make the forecasts of forecasting/forecasts.yaml, or one (NAME=), and show how good they are
	@$(RUN) infra $(if $(ENV),--env $(ENV)) forecast $(NAME)

.PHONY: forecast-clean
forecast-clean: $(READY) ## DELETE what the forecast NAME= made in Amazon Forecast; files and tables stay
	@$(RUN) infra $(if $(ENV),--env $(ENV)) forecast-clean $(if $(NAME),$(NAME),$(error NAME= of a forecast is missing))

.PHONY: verify
verify: $(READY) ## Recompute silver and gold from bronze in another way and compare everything
	@$(RUN) infra verify

.PHONY: rebuild
rebuild: $(READY) ## Build silver and gold anew from bronze and put them in place of the old ones
	@$(RUN) infra rebuild

.PHONY: maintain
maintain: $(READY) ## Compact, vacuum and expire all there is, without waiting until it is due
	@$(RUN) infra maintain

##@ AWS (AWS_ENDPOINT_URL= for AWS itself, else the gateway)

.PHONY: cost
cost: $(READY) ## The bill of a day on paper (ENV=dev, prod or another file of infra/environments)
	@$(RUN) infra cost "$(ENV)"

.PHONY: package
package: $(READY) ## Build wheel, jars and functions into dist/; the same input gives the same bytes
	@$(RUN) infra package

.PHONY: diff
diff: $(READY) ## Say in words what deploy would change (ENV=)
	@$(RUN) infra diff "$(ENV)"

.PHONY: deploy
deploy: $(READY) ## Bring an environment's stacks to what the code says; what fails is rolled back (ENV=)
	@$(RUN) infra deploy "$(ENV)"

.PHONY: job
job: $(READY) ## Run a job of an environment once (ENV= JOB=backfill, maintain, rebuild or verify)
	@$(RUN) infra job "$(ENV)" "$(JOB)"

.PHONY: destroy
destroy: $(READY) ## DELETE an environment's stacks; the bucket stays but with DATA=delete (ENV=)
	@$(RUN) infra destroy "$(ENV)" $(if $(filter delete,$(DATA)),--data)

##@ Develop

.PHONY: install
install: ## Make the virtual environment, fetch the JVM artefacts, compile the Java parts
	@$(PYTHON) infra/local/install.py

# Programs that talk to Athena, for the tests: their versions of pandas and pyarrow differ from ours.
$(CLIENTS): requirements-clients.txt $(READY)
	@$(VENV)/bin/uv venv -q --clear --python $(VENV)/bin/python $(VENV)/clients
	@$(VENV)/bin/uv pip install -q --python $(VENV)/clients/bin/python --require-hashes -r requirements-clients.txt && touch $@

$(DBT): requirements-dbt.txt $(READY)
	@$(VENV)/bin/uv venv -q --clear --python $(VENV)/bin/python $(VENV)/dbt
	@$(VENV)/bin/uv pip install -q --python $(VENV)/dbt/bin/python --require-hashes -r requirements-dbt.txt && touch $@

$(TEMPLATES): requirements-templates.txt $(READY)
	@$(VENV)/bin/uv venv -q --clear --python $(VENV)/bin/python $(VENV)/templates
	@$(VENV)/bin/uv pip install -q --python $(VENV)/templates/bin/python --require-hashes -r requirements-templates.txt && touch $@

.PHONY: prophet
prophet: $(READY) ## Add the Prophet package to the environment, for predictors of the algorithm Prophet
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-prophet.txt

$(READY): requirements.txt requirements-java.txt connect/artifacts.txt spark_jobs/artifacts.txt $(SOURCES)
	@$(PYTHON) infra/local/install.py

.PHONY: test-docker
test-docker: $(READY) ## Run the tests of the containers, where a Docker engine answers
	@$(RUN) pytest tests/docker

.PHONY: test-unit
test-unit: $(READY) ## Run the tests that take seconds
	@$(RUN) pytest tests/unit --numprocesses auto --dist loadfile

.PHONY: lint
lint: $(READY) ## Check style and types
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

.PHONY: bench
bench: $(READY) ## Measure what docs/benchmarks.md says, on a quiet machine; hours for all (ONLY=increments,freshness)
	@$(RUN) benchmarks $(subst $(comma), ,$(ONLY))

.PHONY: chaos
chaos: $(READY) ## Kill, stop and starve the real processes and compare every row; goes on where it stopped (ROUNDS= SEED= INGEST=)
	@$(RUN) tests.chaos --rounds $(ROUNDS) --seed $(SEED) --ingest $(INGEST)

.PHONY: docs
docs: $(READY) ## Write docs/tables.md, docs/metrics.md and .env.example from the code
	@$(RUN) infra docs

.PHONY: lock
lock: $(READY) ## Pin the newest allowed versions with hashes
	@for name in requirements requirements-java requirements-prophet requirements-clients requirements-dbt requirements-templates; do $(VENV)/bin/uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade -q $$name.in -o $$name.txt; done
	@$(foreach image,$(IMAGES),$(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header -q -c requirements.txt $(foreach extra,$(subst +, ,$(word 2,$(subst :, ,$(image)))),--extra $(extra)) pyproject.toml -o $(firstword $(subst :, ,$(image)))/requirements.txt;)
