"""The mix of requests that the judge is trained on, and held-out cases to score it with.

    python3 dataset.py --out eval --count 1000
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

from arithmetic import Item, draw_item, plain
from outside import draw_outside

MIX = {"step": 28, "score": 14, "verify": 9, "pair": 18, "revise": 9, "patch": 8, "solve": 7, "ood": 7}
SYSTEM = "You are a careful judge."
SYSTEM_SHARE = 0.1
END = "<|im_end|>"


def draw(rng: Random, kind: str, held_out: bool) -> Item:
    return draw_outside(rng) if kind == "ood" else draw_item(rng, kind, held_out)


def draw_example(rng: Random) -> tuple[str, str]:
    """The opened chat and the answer to be learnt, both with training marks."""
    item = draw(rng, rng.choices(list(MIX), list(MIX.values()))[0], held_out=False)
    return chat(item.prompt, SYSTEM if rng.random() < SYSTEM_SHARE else None), item.target


def chat(user: str, system: str | None = None) -> str:
    """The chat template of the exported model, up to where the answer begins."""
    opening = f"<|im_start|>system\n{system}{END}\n" if system else ""
    return f"{opening}<|im_start|>user\n{user}{END}\n<|im_start|>assistant\n"


def case(kind: str, number: int, item: Item) -> dict:
    return {
        "id": f"{kind}-{number}",
        "mode": kind,
        "messages": [{"role": "user", "content": plain(item.prompt)}],
        "target": plain(item.target),
        "meta": item.meta,
    }


def write_cases(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in MIX:
        rng = Random(f"held-out {kind}")
        cases = [case(kind, number, draw(rng, kind, held_out=True)) for number in range(count)]
        lines = [json.dumps(case, ensure_ascii=False) + "\n" for case in cases]
        (folder / f"{kind}.jsonl").write_text("".join(lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write held-out cases, one file a kind.")
    parser.add_argument("--out", type=Path, default=Path("eval"))
    parser.add_argument("--count", type=int, default=1000, help="cases of each kind")
    arguments = parser.parse_args()
    write_cases(arguments.out, arguments.count)


if __name__ == "__main__":
    main()
