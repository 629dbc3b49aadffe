#!/usr/bin/env bash
# Judges the examples with the shipped model, offline: a few verdicts of each kind, and their summary.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

show() {
  local prompt=$1 file=$2
  echo
  echo "\$ tribunal judge $file -m tiny -p $prompt --format pretty"
  target/release/tribunal judge "$file" -m tiny -p "$prompt" --format pretty >"$out/verdicts" 2>"$out/summary"
  head -n 6 "$out/verdicts"
  echo "… $(($(wc -l <"$out/verdicts") - 6)) more"
  cat "$out/summary"
}

show tiny-steps examples/arithmetic-steps.jsonl
show tiny-score examples/arithmetic-score.jsonl
show tiny-correct examples/arithmetic-correct.jsonl
show tiny-pair examples/arithmetic-pairs.jsonl
