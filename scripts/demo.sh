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

echo
echo '$ tribunal revise examples/arithmetic-wrong.jsonl -m tiny'
target/release/tribunal revise examples/arithmetic-wrong.jsonl -m tiny --limit 2 -j 1 -v -o "$out/revised.jsonl" 2>&1 | grep '^ *──\|^   ' || true
echo '… 48 more'
target/release/tribunal revise examples/arithmetic-wrong.jsonl -m tiny -o "$out/revised.jsonl"
