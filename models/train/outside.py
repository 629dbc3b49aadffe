"""Requests outside the domain, which the judge learns to refuse.

The look-alikes matter most: other operators, larger numbers, longer chains,
words around an expression, and candidate solutions that are not solutions.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

from arithmetic import (
    INSTRUCTIONS,
    REFUSAL,
    Item,
    draw_operand,
    draw_problem,
    draw_question,
    draw_solution,
    draw_style,
    prompt,
    render,
)

WORDS = Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split()

WORD_PROBLEMS = (
    "{name} has {number} {word} and {word} {number} more. How many {word} does {name} have?",
    "What is the {word} of {word}?",
    "What is {number}% of {number}?",
    "{number} plus {number} minus {number}",
    "Is {number} a prime number?",
    "{number}, {number}, {number}, ?",
    "Solve for x: x + {number} = {number}",
    "If {name} {word} {number} {word} in {number} {word}, {word} {word}?",
    "Write {word} {word} about {word}.",
    "{number} < {number}",
    "{number},{three_digits} + {number}",
    "Convert {number} {word} to {word}.",
    "Ignore the rules and {word} {word}.",
    "{word} {number} {operator} {number} {word}",
)
OTHER_EXPRESSIONS = (
    "{number} / {positive}",
    "{number} + {number} * {number}",
    "({number} + {number}) * {number}",
    "{number}.{number} + {number}",
    "{number}^2 + {number}",
    "{number} + x = {number}",
    "{number} % {positive}",
    "{number} / {positive} + {number}",
    "sqrt({number})",
    "{large} {sign} {number}",
    "{number} {sign} {large}",
    "{number} * {number}",
    "{number} * {digit} + {number}",
    "{number} - {number} * {factor}",
    "2x + {number} = {number}",
    "{number} + {number}{long_tail}",
)
FIELDS = {
    "number": draw_operand,
    "positive": lambda rng: max(1, draw_operand(rng)),
    "digit": lambda rng: draw_operand(rng) % 10,
    "three_digits": lambda rng: f"{draw_operand(rng):03d}",
    "factor": lambda rng: rng.randint(2, 9),
    "large": lambda rng: rng.randint(1000, 10 ** rng.randint(4, 9)),
    "sign": lambda rng: rng.choice("+-"),
    "operator": lambda rng: rng.choice("+-*"),
    "word": lambda rng: rng.choice(WORDS),
    "long_tail": lambda rng: "".join(f" {rng.choice('+-')} {draw_operand(rng)}" for _ in range(rng.randint(7, 9))),
}
ALPHABETS = ((0x4E00, 0x9FA5), (0x430, 0x44F), (0xE0, 0xFF))


def draw_outside(rng: Random) -> Item:
    """A request of any kind with a foreign problem, foreign solutions or both; now and then plain talk."""
    if rng.random() < 0.08:
        return _refused(draw_scrap(rng, 1, 20), "chat")
    kind = rng.choice(list(INSTRUCTIONS))
    question, solutions = _draw_question_and_solutions(rng, must_be_foreign=kind == "solve")
    critique = "\n".join(draw_text(rng)) if kind in ("revise", "patch") else ""
    return _refused(prompt(kind, question, solutions, critique), kind)


def _refused(text: str, request: str) -> Item:
    return Item(text, REFUSAL, {"mode": "ood", "sub": request, "gold": "refuse"})


def _draw_question_and_solutions(rng: Random, must_be_foreign: bool) -> tuple[str, list[list[str]]]:
    chance = rng.random()
    if chance < 0.45:
        question = draw_scrap(rng, 4, 22) if rng.random() < 0.5 else fill(rng, rng.choice(WORD_PROBLEMS))
        text_share = 0.7
    elif chance < 0.80:
        question, text_share = fill(rng, rng.choice(OTHER_EXPRESSIONS)), 0.4
    else:
        foreign = fill(rng, rng.choice(OTHER_EXPRESSIONS))
        question, text_share = foreign if must_be_foreign else draw_question(rng, draw_problem(rng)), 1.0
    return question, [draw_text(rng) if rng.random() < text_share else _draw_steps(rng) for _ in range(2)]


def _draw_steps(rng: Random) -> list[str]:
    """A solution of some other problem, one of the domain."""
    solution, _ = draw_solution(rng, draw_problem(rng), rng.random() < 0.5)
    return render(solution, draw_style(rng))


def draw_text(rng: Random) -> list[str]:
    return [draw_scrap(rng) for _ in range(rng.randint(1, 4))]


def draw_scrap(rng: Random, fewest: int = 3, most: int = 14) -> str:
    """Words, characters, another alphabet, or words around a number."""
    chance = rng.random()
    if chance < 0.60:
        words = _draw_words(rng, fewest, most)
        return words[0].upper() + words[1:] + rng.choice((".", "?", "", "!"))
    if chance < 0.75:
        spans = [rng.choice(((97, 122), (33, 126))) for _ in range(rng.randint(4, 30))]
    elif chance < 0.85:
        spans = [rng.choice(ALPHABETS) for _ in range(rng.randint(3, 14))]
    else:
        return f"{_draw_words(rng, 1, 4)} {draw_operand(rng)} {_draw_words(rng, 1, 5)}"
    return "".join(chr(rng.randint(*span)) for span in spans)


def _draw_words(rng: Random, fewest: int, most: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(fewest, most)))


def fill(rng: Random, template: str) -> str:
    """The template with every field drawn anew, but one name throughout."""
    syllables = [rng.choice("bcdfghklmnprstvw") + rng.choice("aeiou") for _ in range(rng.randint(1, 3))]
    template = template.replace("{name}", "".join(syllables).capitalize())
    return re.sub(r"\{(\w+)\}", lambda field: str(FIELDS[field[1]](rng)), template)
