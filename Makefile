# The commands of the README. `make run` and `make test` install what is missing first.
SHELL := /bin/bash
CARGO := source "$$HOME/.cargo/env" 2>/dev/null; cargo
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E)

.PHONY: run demo test bench build setup setup-clients lint coverage

run: build          ## builds, starts Pintle with a demo network, and stays up until Ctrl-C
	$(SUDO) target/release/pintle up --demo

demo: build         ## the same, measured and ended by itself; exit code 0 or 1
	$(SUDO) target/release/pintle up --demo --exit

test: setup setup-clients ## everything: lints, unit, property, contract and end-to-end tests
	scripts/test.sh

bench: build        ## figures beside their baselines, interleaved; JSON in target/bench
	$(CARGO) build --release -p pintle-lab --bins
	$(CARGO) build --release -p pintle-datapath --examples
	$(SUDO) target/release/examples/ns_per_packet
	$(SUDO) target/release/examples/million_flows
	$(SUDO) target/release/pintle-bench

build: setup
	$(CARGO) build --release -p pintle

lint: setup
	$(CARGO) fmt --all --check && $(CARGO) clippy --workspace --all-targets -- -D warnings

coverage:           ## the table of requirement rows shown by tests
	$(CARGO) xtask coverage

setup:
	@scripts/setup.sh

setup-clients:
	@scripts/setup-clients.sh
