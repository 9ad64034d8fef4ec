# make run and make test are all a newcomer needs; both work on a fresh machine with Python 3.11 or newer.
COVERAGE := --cov --cov-report=
.DEFAULT_GOAL := help

BIN := .venv/bin
# The Python that .venv has, or the newest that can make one; sandbox/environment says what is wrong with another.
FITS := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
ifeq ($(origin PYTHON),undefined)
PYTHON = $(shell for one in $(BIN)/python python3.14 python3.13 python3.12 python3.11 python3 python; do \
	"$$one" -c '$(FITS)' 2>/dev/null && { echo "$$one"; exit; }; done; \
	command -v python3 || command -v python || echo no-python)
else
RENEW := --with-this-python
endif

python = python='$(PYTHON)'; \
	test "$$python" != no-python || { echo "Starfront needs Python 3.11 or newer, and there is none." >&2; exit 1; }; \
	"$$python" -m $(1) $(RENEW)
install = $(call python,sandbox.environment $(1))

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

run: ## The shop, its bot and a pretend Telegram, at the address it prints
	@$(call python,sandbox.up)

shop: ## An owner's command for the shop that make run opened: ARGS="doctor"
	@$(call install,run)
	@$(BIN)/python -m sandbox.shop

# What one worker has compiled, the others and the next run only read.
test: export PYTHONDONTWRITEBYTECODE =
test: ready browser pgbouncer packages ## Everything, on SQLite and on PostgreSQL, in a real browser; ARGS="tests/domain -k refund" a part
	$(BIN)/python -m pytest --numprocesses=4 --dist=worksteal $(if $(ARGS),$(ARGS),$(COVERAGE))

apart: ready ## The tests that look at examples, without either; ARGS="tests" for all of them
	@$(BIN)/python -m tests.apart $(ARGS)

check: ready lint types imports test ## What must hold before anything lands

lint: ready ## Format and lint
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .

types: ready ## Types, strictly in the domain
	$(BIN)/python -m mypy

imports: ready ## The shape: who may import whom
	$(BIN)/lint-imports

browser: ready ## Chromium, from the system, its packages, or playwright
	@$(BIN)/python -m tests.kit.browser

pgbouncer: ready ## PgBouncer, from the system or its packages
	@$(BIN)/python -m tests.kit.pgbouncer

packages: ready ## What tests use of npm's registry, fetched without npm
	@$(BIN)/python -m tests.kit.npm

kill: ready ## A thousand processes killed in the middle of sales; nothing may be lost
	KILLS=$${KILLS:-1000} $(BIN)/python -m pytest tests/e2e/test_kills.py -s

crashes: ready ## Two hundred kills at each crash point, releases in their migrations included
	CRASHES=$${CRASHES:-200} $(BIN)/python -m pytest tests/campaigns/test_crashes.py tests/campaigns/test_upgrades.py -s

races: ready ## A hundred orders confirmed on two hundred devices, a thousand refunds raced for
	RACES=$${RACES:-100} $(BIN)/python -m pytest tests/campaigns/test_races.py tests/e2e/test_concurrency.py -s

faults: ready ## Every link between the parts in trouble, 40 ways; no Star may be lost
	SCENARIOS=$${SCENARIOS:-40} PAYMENTS=$${PAYMENTS:-50} $(BIN)/python -m pytest tests/campaigns/test_proxy.py -s

rebuild: ready ## 5,000 charges restored from Telegram alone, and the access of 100,000 entries written anew
	CHARGES=$${CHARGES:-5000} ENTRIES=$${ENTRIES:-100000} $(BIN)/python -m pytest \
		tests/campaigns/test_rebuild.py tests/campaigns/test_projection.py -s

restarts: ready ## PostgreSQL dying every twenty seconds, for ten minutes, under load
	RESTARTS=$${RESTARTS:-30} EVERY_SECONDS=$${EVERY_SECONDS:-20} RATE=$${RATE:-100} \
		$(BIN)/python -m pytest tests/campaigns/test_postgres_restarts.py -s

sqlite-trouble: ready ## SQLite locked, full, unwritable and read-only, ten times each, under load
	ROUNDS=$${ROUNDS:-10} $(BIN)/python -m pytest tests/campaigns/test_sqlite_trouble.py -s

storm: ready ## Half an hour of a Telegram that refuses, fails and keeps silent
	STORM_SECONDS=$${STORM_SECONDS:-1800} $(BIN)/python -m pytest tests/campaigns/test_telegram_storm.py -s

clocks: ready ## Clocks that are wrong and jump, for five minutes, in the middle of sales
	JUMPS=$${JUMPS:-150} $(BIN)/python -m pytest tests/campaigns/test_clocks.py -s

outage: ready ## The bot away for thirty hours, and 650 payments, refunds and renewals meanwhile
	PAYMENTS=$${PAYMENTS:-500} REFUNDS=$${REFUNDS:-50} RENEWALS=$${RENEWALS:-100} \
		$(BIN)/python -m pytest tests/campaigns/test_outage.py -s

machine: ready ## Ten thousand histories of anything in any order, against a model, on each database
	HISTORIES=$${HISTORIES:-10000} $(BIN)/python -m pytest tests/campaigns/test_state_machine.py -s

soak: ready ## Two hours of sales while processes are replaced, killed and frozen, on each database
	SOAK_SECONDS=$${SOAK_SECONDS:-7200} EVERY_SECONDS=$${EVERY_SECONDS:-45} PAUSE_SECONDS=$${PAUSE_SECONDS:-2} \
		$(BIN)/python -m pytest tests/campaigns/test_soak.py -s

histories: ready ## A thousand histories of everything at once, each of which must have an order, on each database
	HISTORIES=$${HISTORIES:-1000} $(BIN)/python -m pytest tests/campaigns/test_serial_order.py -s

permutations: ready ## Every order of every choice of seven events: 33 million
	EVENTS=7 $(BIN)/python -m pytest tests/domain/test_permutations.py -s

script: ready packages ## static/starfront.min.js, from htmx and static/app, as small as terser makes it
	$(BIN)/python -m tests.script

proofs: ready ## docs/proofs.md anew: which tests prove which promise
	@$(BIN)/python -m tests.proofs

mutants: ready ## Every known defect planted, one at a time; a test must catch each
	$(BIN)/python -m tests.mutants

mutation: ready browser pgbouncer ## A sample of all small changes to the shop: do the tests notice? SEED=, SAMPLE=, SCRIPTS=, ONLY=
	$(BIN)/uv pip install $(BESIDE) -r tests/mutation/requirements.txt
	PYTHONPATH=var/mutation/packages $(BIN)/python -m tests.mutation

slow-clients: ready ## 200 slow clients of each of six kinds for a minute; pages, deliveries and sales within a second
	ulimit -n 4096; SLOW_CLIENTS=$${SLOW_CLIENTS:-200} $(BIN)/python -m pytest tests/test_slow_clients.py -s

fuzz: ready ## 100,000 requests that no client of ours sends, on each database; none is the shop's fault
	FUZZ=$${FUZZ:-100000} $(BIN)/python -m pytest tests/views/test_fuzz.py tests/test_slow_clients.py -k test_3_no -s

load: ready ## 300 pages, 150 updates a second, a burst of 5,000, ten thousand sales; times held to
	LOAD=full LOAD_SECONDS=$${LOAD_SECONDS:-600} LOOKS=$${LOOKS:-300} RATE=$${RATE:-150} BURST=$${BURST:-5000} SALES=$${SALES:-10000} \
		$(BIN)/python -m pytest tests/campaigns/test_load.py -s

bench: ready ## The figures in bench/, measured here and now
	$(BIN)/python -m bench

messages: ready ## Every sentence into every language's file; LANGUAGE=pt_BR begins one more
	@$(BIN)/python -m tests.sentences $(LANGUAGE)

gallery: ready browser packages ## Every page in every state; ONLY=, WIDTHS=, THEMES=, LANGUAGES= narrow it down
	$(BIN)/python -m tests.gallery

references: ready browser packages ## What pages are to look like: as they do now
	$(BIN)/python -m tests.gallery.references

pictures: ready browser ## The pictures in the README, taken anew
	$(BIN)/python -m tests.gallery pictures

# The mutation tester stays out of .venv, which every test shares.
BESIDE := --quiet --no-deps --require-hashes --only-binary :all: --python $(BIN)/python --target var/mutation/packages
LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet $(ARGS)
lock: ready ## Write every requirements file anew from pyproject.toml; ARGS=--upgrade for newer releases
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -o requirements.txt
	$(BIN)/uv pip compile --group sandbox -c requirements.txt $(LOCK) -o sandbox/requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev -c requirements.txt -c sandbox/requirements.txt $(LOCK) \
		-o requirements-dev.txt
	$(BIN)/uv pip compile --group mutation -c requirements-dev.txt --no-emit-package yattag $(LOCK) \
		-o tests/mutation/requirements.txt

platforms: ready ## Every lock tried for Linux, musl, macOS and Windows, with each Python
	$(BIN)/python -m tests.platforms

audit: ready ## Known weaknesses in what every lock has, into docs/audit.json
	@$(BIN)/python -m tests.audit $(ARGS)

ready:
	@$(call install,test)

clean: ## Forget the environment and what runs left behind
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache

.PHONY: help script ready run shop test check lint types imports browser pgbouncer packages kill crashes races rebuild faults restarts machine soak histories permutations proofs apart mutants load bench gallery references pictures messages lock platforms audit clean slow-clients fuzz sqlite-trouble storm clocks outage mutation
