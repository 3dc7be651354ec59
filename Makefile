# `make test` is what CI runs. Each part prints how long it took.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO_DENY := 0.20.2
PORT ?= 8080
RUNS ?= 5
SCENARIO ?= smoke

# One target directory and one set of features, so that everything is built once.
CARGO := cargo
# What the image holds; deploy/Dockerfile has the same line, and a test compares them.
DIST_BUILD := cargo build --locked --profile dist --package chapar --bin chapar
SCOPE := --workspace --all-targets

# What the clients of the tests sent and got; `contract` compares it with the AsyncAPI document.
FRAMES := $(CURDIR)/target/frames.jsonl

# In web/ afterwards. The client is built on the library's built form.
WEB_READY := (cd sdk && npm ci --silent && npm run --silent build) && cd web && npm ci --silent

# $(call part,name,command): runs it and says how long it took.
define part
@echo "==> $(1)"; start=$$SECONDS; { $(2); } || { echo "==> $(1): FAILED after $$((SECONDS - start)) s" >&2; exit 1; }; \
	echo "==> $(1): ok, $$((SECONDS - start)) s"
endef

.PHONY: help test tools format lint docs deny unit short-chaos contract conformance deploy sdk web web-build k6-short \
	chaos run cluster bench bench-smoke k6 dist docker-steps

help: ## What there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

test: ## Everything that CI checks
	@for part in tools format lint docs deny unit short-chaos contract conformance deploy sdk web k6-short; do \
		$(MAKE) $$part; done; echo "==> all: ok, $$SECONDS s"

tools: ## Install what the tests need (Debian, as root), or say how
	$(call part,tools,./.ci/tools $(CARGO_DENY))

format: ## Formatting
	$(call part,format,$(CARGO) fmt --all --check)

lint: ## Clippy, warnings are errors
	$(call part,lint,$(CARGO) clippy $(SCOPE) -- -D warnings)

docs: ## Documentation comments, warnings are errors
	$(call part,docs,RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet)

deny: ## Licences, sources, who may depend on whom
	$(call part,deny,$(CARGO) deny --log-level error check bans licenses sources)

unit: ## Tests of the code, against private servers
	@rm -f $(FRAMES)
	$(call part,tests,CHAPAR_TEST_FRAMES=$(FRAMES) $(CARGO) test --workspace)

short-chaos: ## A minute of `chaos`
	@$(CARGO) build $(SCOPE) --quiet
	$(call part,chaos,target/debug/chapar-chaos --short $(CHAOS))

contract: ## The server against its OpenAPI and AsyncAPI documents
	$(call part,contract,./tests/contract/run)

conformance: ## Clients of the older protocols against one process and a cluster
	$(call part,conformance,./tests/conformance/run)

k6-short: ## k6: smoke, a drain and a kill of gateways behind nginx
	@$(CARGO) build $(SCOPE) --quiet
	$(call part,k6,WARMUP=6s loadtest/k6/run --lint --binary target/debug/chapar smoke drain kill)

sdk: ## The TypeScript library: generated types, lint, tests against real servers and a cluster whose gateways die
	@$(CARGO) build $(SCOPE) --quiet
	$(call part,sdk,cd sdk && npm ci --silent --ignore-scripts && npm run --silent check)

deploy: ## Containers, Kubernetes, load balancers, rules and the dashboard; DEPLOY='-k compose'
	$(call part,deploy,./tests/deploy/run $(DEPLOY))

web: ## The web client: lint, that web/dist is what it builds to, and use of it in Chromium, one process and a cluster
	@$(CARGO) build $(SCOPE) --quiet
	$(call part,web,$(WEB_READY) && npm run --silent check)

web-build: ## web/dist from its sources; commit it
	$(WEB_READY) && npm run --silent build

chaos: ## Faults under load, ten minutes at most; CHAOS='--seed 7 --fault drain', CHAOS=--list
	@$(CARGO) build $(SCOPE) --quiet
	@target/debug/chapar-chaos $(CHAOS)

run: ## The server, everything in one process
	$(CARGO) run --release

cluster: ## Two api nodes, two gateways, Postgres, Redis and nginx on PORT=8080, until Ctrl-C
	$(CARGO) build --release --features testing
	@exec target/release/chapar dev cluster --port $(PORT)

k6: ## k6 against a cluster of its own; SCENARIO=bigroom VUS=400 DURATION=1m: loadtest/k6/README.md
	$(CARGO) build --release --features testing
	@loadtest/k6/run --binary target/release/chapar $(SCENARIO)

dist: ## The binary of the image, into target/dist
	$(DIST_BUILD)

docker-steps: ## The Dockerfile's Rust stage as it stands, outside of a container; before a release
	$(call part,docker-steps,python3 ./tests/deploy/docker_steps.py)

bench: ## Speed and memory beside other servers, RUNS=5 times (15 to 20 minutes each): loadtest/RESULTS.md
	$(CARGO) build --profile dist --workspace --bins
	target/dist/chapar-load bench --runs $(RUNS)

bench-smoke: ## Every workload of this server, as small as it goes; part of the tests
	$(call part,bench-smoke,$(CARGO) test --workspace --test smoke)
