"""Labelled records for the orchestrator, from problems that training never sees.

    python3 examples.py --out DIR --count N --seed S

Writes arithmetic-score.jsonl, -steps, -correct, -pairs and -wrong: the same
distributions of problems, renderings and errors as in training, no problem
twice in a file, and every label from the oracle.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from arithmetic import (
    Problem,
    draw_problem,
    draw_question,
    draw_solution,
    draw_style,
    draw_wrongness,
    render,
    review,
    score,
)


@dataclass(frozen=True)
class Candidate:
    """A rendered solution and its first error, -1 if there is none."""

    paragraphs: list[str]
    first_error: int

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)

    @property
    def label(self) -> str:
        return "correct" if self.first_error < 0 else "incorrect"


def draw_candidate(rng: Random, problem: Problem, wrong: bool) -> Candidate:
    """Drawn again until the oracle agrees that it is wrong, or right."""
    while True:
        solution, _ = draw_solution(rng, problem, wrong)
        first_error = review(problem, solution).first_error
        if (first_error >= 0) == wrong:
            return Candidate(render(solution, draw_style(rng)), first_error)


def score_record(rng: Random, problem: Problem) -> dict:
    (wrong,) = draw_wrongness(rng, "score")
    candidate = draw_candidate(rng, problem, wrong)
    return {
        "question": draw_question(rng, problem),
        "response": candidate.text,
        "label": score(problem, candidate.first_error),
    }


def steps_record(rng: Random, problem: Problem) -> dict:
    (wrong,) = draw_wrongness(rng, "step")
    candidate = draw_candidate(rng, problem, wrong)
    return {
        "problem": draw_question(rng, problem),
        "steps": candidate.paragraphs,
        "label": candidate.first_error,
    }


def correct_record(rng: Random, problem: Problem) -> dict:
    (wrong,) = draw_wrongness(rng, "verify")
    return response_record(rng, problem, wrong)


def wrong_record(rng: Random, problem: Problem) -> dict:
    return response_record(rng, problem, wrong=True)


def response_record(rng: Random, problem: Problem, wrong: bool) -> dict:
    candidate = draw_candidate(rng, problem, wrong)
    return {
        "question": draw_question(rng, problem),
        "response": candidate.text,
        "label": candidate.label,
    }


def pair_record(rng: Random, problem: Problem) -> dict:
    a, b = (draw_candidate(rng, problem, wrong) for wrong in draw_wrongness(rng, "pair"))
    label = "tie" if a.label == b.label else "first" if a.label == "correct" else "second"
    return {
        "question": draw_question(rng, problem),
        "response_a": a.text,
        "response_b": b.text,
        "label": label,
    }


FILES: dict[str, tuple[str, Callable[[Random, Problem], dict]]] = {
    "score": ("score", score_record),
    "steps": ("steps", steps_record),
    "correct": ("correct", correct_record),
    "pairs": ("pair", pair_record),
    "wrong": ("wrong", wrong_record),
}


def draw_problems(rng: Random, count: int) -> list[Problem]:
    """Held-out problems, no two alike."""
    problems: dict[Problem, None] = {}
    while len(problems) < count:
        problems[draw_problem(rng, held_out=True)] = None
    return list(problems)


def write_examples(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, (prefix, record) in FILES.items():
        rng = Random(f"{seed} {name}")
        records = [
            {"id": f"{prefix}-{number:04d}", **record(rng, problem)}
            for number, problem in enumerate(draw_problems(rng, count), 1)
        ]
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"arithmetic-{name}.jsonl").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write labelled records from held-out problems.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=50, help="records in each file")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    write_examples(arguments.out, arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
