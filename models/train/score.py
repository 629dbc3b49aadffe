"""Greedy accuracy of a judge on held-out cases, over an OpenAI-compatible endpoint.

    python3 score.py --model run/tiny.gguf eval/*.jsonl     # starts llama-server itself
    python3 score.py --url http://127.0.0.1:8080 eval/*.jsonl

A judgment is right if its verdict is; a solution, if its whole text is.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERDICTS = {
    "step": r"Verdict: \\boxed\{(-?\d+)\}",
    "score": r"Score: ([1-5])",
    "verify": r"Verdict: (Yes|No)",
    "pair": r"Verdict: \[\[([ABC])\]\]",
}
REFUSED, UNREADABLE = "refused", "unreadable"
LONGEST_ANSWER = 700
PORT = 8091


def verdict(kind: str, reply: str) -> str:
    visible = reply.rpartition("</think>")[2].strip()
    if visible.startswith("Out of domain"):
        return REFUSED
    if kind not in VERDICTS:
        return visible
    found = re.search(VERDICTS[kind] + r"$", visible)
    return found[1] if found else UNREADABLE


def due(case: dict) -> str:
    return REFUSED if case["mode"] == "ood" else str(case["meta"]["gold"])


def ask(url: str, messages: list[dict]) -> str:
    body = {"messages": messages, "temperature": 0, "max_tokens": LONGEST_ANSWER}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.load(reply)["choices"][0]["message"]["content"] or ""


@contextmanager
def served(model: Path, server: str) -> Iterator[str]:
    """The address of a llama-server for this model, stopped at the end."""
    url = f"http://127.0.0.1:{PORT}"
    options = f"--port {PORT} --ctx-size 1024 --parallel 1 --threads 1 --reasoning-format none".split()
    process = subprocess.Popen(
        [server, "--model", str(model), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_ready(process, url)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(process: subprocess.Popen, url: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    sys.exit("error: the server did not start")


def score(url: str, cases: list[dict]) -> Counter[str]:
    """How many of the cases were asked, right, unreadable and (in domain) refused."""
    counts = Counter(asked=len(cases))
    for case in cases:
        given = verdict(case["mode"], ask(url, case["messages"]))
        counts["right"] += given == due(case)
        counts[UNREADABLE] += given == UNREADABLE
        counts[REFUSED] += given == REFUSED != due(case)
    return counts


def report(url: str, files: list[Path]) -> None:
    cases = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    for kind in dict.fromkeys(case["mode"] for case in cases):
        counts = score(url, [case for case in cases if case["mode"] == kind])
        share = counts["right"] / counts["asked"]
        notes = f"unreadable {counts[UNREADABLE]}, refused {counts[REFUSED]}"
        print(f"{kind:8}{share:8.1%}  ({counts['right']} of {counts['asked']}; {notes})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score a judge on held-out cases.")
    judge = parser.add_mutually_exclusive_group(required=True)
    judge.add_argument("--model", type=Path, help="a GGUF file, served by llama-server")
    judge.add_argument("--url", help="an endpoint that already runs")
    parser.add_argument("--server", default="llama-server", help="the llama-server to start")
    parser.add_argument("cases", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.url:
        report(arguments.url.rstrip("/"), arguments.cases)
    else:
        with served(arguments.model, arguments.server) as url:
            report(url, arguments.cases)


if __name__ == "__main__":
    main()
