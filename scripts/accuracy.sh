#!/usr/bin/env bash
# Judges 1,000 held-out records of each kind with the shipped model and compares the verdicts with the labels.
# Ten minutes on one core; needs python3 for making the records.
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/accuracy
mkdir -p "$out"
python3 -B models/train/examples.py --out "$out" --count 1000 --seed 2026

for kind in steps:tiny-steps score:tiny-score correct:tiny-correct pairs:tiny-pair; do
  file=$out/arithmetic-${kind%%:*}.jsonl prompt=${kind##*:}
  echo
  echo "$prompt"
  target/release/tribunal judge "$file" -m tiny -p "$prompt" --no-item >"$out/verdicts-$prompt.jsonl"
done
