#!/usr/bin/env bash
# What the program costs around a model that answers at once: time and peak memory over 1,000 and
# 100,000 records. Needs GNU time or python3 for the peak; prints ratios, since machines differ.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

records() {
  awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "{\"id\": \"r%d\", \"question\": \"What is %d + %d?\", \"answer\": \"It is %d, because counting on from %d gives that.\"}\n", i, i, i + 1, 2 * i + 1, i }'
}

peak_of() {
  python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
started = time.monotonic()
code = subprocess.call(sys.argv[2:], stdout=open(sys.argv[1], "wb"))
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{usage.ru_maxrss / 1024:.1f} {time.monotonic() - started:.2f} {usage.ru_utime + usage.ru_stime:.2f}")
sys.exit(code)
PY
}

for count in 1000 100000; do
  records "$count" >"$out/in.jsonl"
  read -r peak wall cpu < <(peak_of "$out/out.jsonl" target/release/tribunal judge "$out/in.jsonl" -p score -m "script:Plain and right.
Score: 7" -q -j 16)
  lines=$(wc -l <"$out/out.jsonl")
  distinct=$(python3 -c 'import json,sys; print(len({json.loads(l)["index"] for l in open(sys.argv[1])}))' "$out/out.jsonl")
  echo "$count records: $lines lines, $distinct of them distinct, peak $peak MB, wall $wall s, CPU $(python3 -c "print(f'{$cpu / $count * 1000:.3f}')") ms a record"
done
