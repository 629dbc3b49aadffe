#!/usr/bin/env bash
# What remembered answers cost: reading and writing an entry of the store, a warm rerun, and what the
# cache adds to a miss, against a server on loopback that answers at once. Needs python3.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$out"' EXIT
count=${COUNT:-10000}

python3 - "$out/port" <<'PY' &
import http.server, json, socketserver, sys
ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "Plain and right, as far as I can see. " * 40 + "\nScore: 7"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 100, "completion_tokens": 400}}).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)
    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
server=$!
while [ ! -s "$out/port" ]; do sleep 0.1; done
url="http://127.0.0.1:$(cat "$out/port")/v1"

awk -v n="$count" 'BEGIN { for (i = 0; i < n; i++) printf "{\"id\": \"r%d\", \"question\": \"What is %d + %d?\", \"answer\": \"It is %d.\"}\n", i, i, i + 1, 2 * i + 1 }' >"$out/in.jsonl"

judge() {
  local name=$1
  shift
  local started ended
  started=$(date +%s%N)
  TRIBUNAL_CACHE_DIR="$out/cache" OPENAI_API_KEY=k target/release/tribunal judge "$out/in.jsonl" -p score -m openai/x --base-url "$url" -q -j 8 "$@"
  ended=$(date +%s%N)
  printf '%-44s %8.1f us a record\n' "$name" "$(python3 -c "print(($ended - $started) / 1000 / $count)")"
}

echo "$count records"
judge 'no cache' --cache off -o "$out/a.jsonl"
judge 'cold: every answer is asked for and stored' -o "$out/b.jsonl"
judge 'warm: every answer from the store' -o "$out/c.jsonl"
judge 'the same output again: texts read again' -o "$out/c.jsonl"
cargo bench --quiet --bench store
