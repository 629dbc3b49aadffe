#!/usr/bin/env bash
# What the program costs around a model that answers at once: records a second and peak memory, over
# 1,000, 100,000 and 1,000,000 records, from JSONL to JSONL and from CSV to CSV. Needs python3 for the
# peak. Figures of one machine mean little to another: compare the rows of one run.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

jsonl() {
  awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "{\"id\": \"r%d\", \"question\": \"What is %d + %d?\", \"answer\": \"It is %d, because counting on from %d gives that.\"}\n", i, i, i + 1, 2 * i + 1, i }'
}

csv() {
  awk -v n="$1" 'BEGIN { print "id,question,answer"; for (i = 0; i < n; i++) printf "r%d,What is %d + %d?,\"It is %d, because counting on from %d gives that.\"\n", i, i, i + 1, 2 * i + 1, i }'
}

# Peak memory in MB, wall and CPU seconds of a command.
cost_of() {
  python3 - "$@" <<'PY'
import resource, subprocess, sys, time
started = time.monotonic()
code = subprocess.call(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{usage.ru_maxrss / 1024:.1f} {time.monotonic() - started:.2f} {usage.ru_utime + usage.ru_stime:.2f}")
sys.exit(code)
PY
}

printf '%-6s %9s %12s %10s %14s\n' format records records/s 'peak MB' 'ms CPU/record'
for format in jsonl csv; do
  for count in ${COUNTS:-1000 100000 1000000}; do
    "$format" "$count" >"$out/in.$format"
    rm -f "$out"/out.*
    read -r peak wall cpu < <(cost_of target/release/tribunal judge "$out/in.$format" -p score -o "$out/out.$format" -m "script:Plain and right.
Score: 7" -q -j 16)
    python3 - "$out/out.$format" "$count" <<'PY'
import csv, json, sys
path, count = sys.argv[1], int(sys.argv[2])
rows = (json.loads(line) for line in open(path)) if path.endswith("jsonl") else csv.DictReader(open(path))
for n, row in enumerate(rows):
    assert row["id"] == f"r{n}" and float(row["score"]) == 7, (n, row)
assert n + 1 == count, n
PY
    python3 -c "print(f'{\"$format\":<6} {$count:>9} {$count / $wall:>12.0f} {$peak:>10.1f} {$cpu / $count * 1000:>14.3f}')"
  done
done
