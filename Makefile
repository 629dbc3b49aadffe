# Two commands do everything: `make demo` judges real records, `make test` runs every test.
# Both install what is missing on Debian and Ubuntu; on macOS: `xcode-select --install`,
# `brew install cmake llvm jq`, and Rust from rustup.

SHELL := /bin/bash
CARGO ?= cargo
PATH := $(HOME)/.cargo/bin:$(PATH)
export PATH

TRIBUNAL := target/release/tribunal

.PHONY: help demo test build setup models accuracy bench bench-cache bench-judges bench-local bench-remote bench-revise bench-coverage scaling lint

help:
	@echo 'make demo      judge the examples with the shipped model, offline'
	@echo 'make test      run every test'
	@echo 'make models    fetch a real instruct model for the tests that need one (98 MB)'
	@echo 'make accuracy  judge 1,000 held-out records of each kind with the shipped model'
	@echo 'make bench     measure the time of the program without a model'
	@echo 'make bench-cache  measure the cache'
	@echo 'make bench-judges recompute published figures of judges from ../shared/data'
	@echo 'make bench-local  measure judging in this process, with the model of `make models`'
	@echo 'make bench-remote measure runs against a server, beside a minimal client and with faults'
	@echo 'make bench-revise measure loops with a judge that makes errors'
	@echo 'make bench-coverage  measure how often intervals of `tribunal estimate` hold'
	@echo 'make scaling   compare best-of-N, votes, beam search and revision by accuracy and tokens'
	@echo 'make lint      formatting and lints'

# Installs packages of the system and Rust, if they are missing.
setup:
	@bash scripts/setup.sh

build: setup
	@[ -x $(TRIBUNAL) ] || echo 'Building Tribunal and llama.cpp for this CPU: 3 to 8 minutes the first time, seconds afterwards.'
	@$(CARGO) build --release

demo: build
	@bash scripts/demo.sh

test: setup
	@echo 'Building and testing everything: 6 to 12 minutes the first time, then as long as the tests take.'
	$(CARGO) test --features parquet
	@if command -v python3 >/dev/null; then cd models/train && python3 -B test_arithmetic.py; else echo 'left out: models/train/test_arithmetic.py needs python3'; fi

models:
	@bash scripts/models.sh

accuracy: build
	@bash scripts/accuracy.sh

bench: build
	@bash benches/throughput.sh

bench-cache: build
	@bash benches/cache.sh

# Replays the recorded verdicts and texts of real judges, and compares the figures with the published ones.
bench-judges: setup
	@$(CARGO) test --quiet --features parquet --test reading recorded_judges -- --ignored --nocapture

bench-local: setup models
	@TRIBUNAL_TEST_GGUF="$${TRIBUNAL_TEST_GGUF:-$$(ls models/downloaded/*.gguf | head -n 1)}" $(CARGO) bench --quiet --bench local

bench-remote: setup
	@$(CARGO) bench --quiet --bench remote

# Only what the example needs is built: most of the time of a clean checkout is llama.cpp, which is optimised in any case.
SCALING := charts,checks,llama,store,tiny

scaling: setup
	@$(CARGO) run --quiet --no-default-features --features $(SCALING) --example scaling

bench-revise: setup
	@$(CARGO) bench --quiet --bench revise

bench-coverage: setup
	@$(CARGO) test --quiet --lib the_table_of_coverage -- --ignored --nocapture

lint: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --features parquet -- -D warnings
