# Two commands do everything: `make demo` judges real records, `make test` runs every test.
# Both install what is missing on Debian and Ubuntu; on macOS: `xcode-select --install`,
# `brew install cmake llvm`, and Rust from rustup.

SHELL := /bin/bash
CARGO ?= cargo
PATH := $(HOME)/.cargo/bin:$(PATH)
export PATH

TRIBUNAL := target/release/tribunal
KINDS := steps score correct pairs
PROMPT_steps := tiny-steps
PROMPT_score := tiny-score
PROMPT_correct := tiny-correct
PROMPT_pairs := tiny-pair

.PHONY: help demo test build setup accuracy bench lint

help:
	@echo 'make demo      judge the examples with the shipped model, offline'
	@echo 'make test      run every test'
	@echo 'make accuracy  judge 1,000 held-out records of each kind with the shipped model'
	@echo 'make bench     what the program costs around the model'
	@echo 'make lint      formatting and lints'

# Packages of the system, and Rust. Nothing is touched where all is there.
setup:
	@bash scripts/setup.sh

build: setup
	@[ -x $(TRIBUNAL) ] || echo 'Building Tribunal and llama.cpp for this CPU: 3 to 8 minutes the first time, seconds afterwards.'
	@$(CARGO) build --release

demo: build
	@set -e; for kind in $(KINDS); do \
	  case $$kind in steps) prompt=$(PROMPT_steps);; score) prompt=$(PROMPT_score);; correct) prompt=$(PROMPT_correct);; pairs) prompt=$(PROMPT_pairs);; esac; \
	  echo; echo "== tribunal judge examples/arithmetic-$$kind.jsonl -m tiny -p $$prompt"; \
	  $(TRIBUNAL) judge examples/arithmetic-$$kind.jsonl -m tiny -p $$prompt --format pretty 2>target/demo-$$kind.txt | head -n 8; \
	  echo '…'; cat target/demo-$$kind.txt; \
	done

test: setup
	@echo 'Building and testing everything; llama.cpp takes 3 to 8 minutes the first time.'
	$(CARGO) test --release
	@if command -v python3 >/dev/null; then cd models/train && python3 -B test_arithmetic.py; else echo 'no python3: the tests of the training recipe are skipped'; fi

accuracy: build
	@mkdir -p target/accuracy
	@python3 models/train/examples.py --out target/accuracy --count 1000 --seed 2026
	@set -e; for kind in $(KINDS); do \
	  case $$kind in steps) prompt=$(PROMPT_steps);; score) prompt=$(PROMPT_score);; correct) prompt=$(PROMPT_correct);; pairs) prompt=$(PROMPT_pairs);; esac; \
	  echo; echo "== $$prompt"; \
	  $(TRIBUNAL) judge target/accuracy/arithmetic-$$kind.jsonl -m tiny -p $$prompt --format jsonl >target/accuracy/verdicts-$$kind.jsonl; \
	done

bench: build
	@bash benches/throughput.sh

lint: setup
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings
