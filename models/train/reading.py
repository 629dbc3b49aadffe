"""Reads prompts back into problems and solutions, to hold recorded cases against the oracle."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass

from arithmetic import (
    INSTRUCTIONS,
    REFUSAL,
    Answer,
    Equation,
    Paragraph,
    Problem,
    Solution,
    Whole,
    plain,
    review,
    target,
)

SOLUTIONS = {"pair": 2, "solve": 0}

_NUMBER = r"(?:0|[1-9]\d{0,3})"
_CHAIN = rf"{_NUMBER}(?: ?[+-] ?{_NUMBER})+"
_QUESTION = re.compile(rf"(?:What is (?={_CHAIN}\?)|Compute (?={_CHAIN}\.)|Calculate )?({_CHAIN})(?:\?|\.| = \?)?")
_EQUATION = re.compile(rf"(?:Step \d+: )?({_NUMBER}) ([+-]) ({_NUMBER}) = ({_NUMBER})\.?")
_WHOLE = re.compile(rf"({_CHAIN}) = ({_NUMBER})")
_ANSWER = re.compile(rf"(?:Final answer: |Answer: |(?:So the|The) answer is (?={_NUMBER}\.))({_NUMBER})\.?")
_PARAGRAPH = re.compile(r"Paragraph (\d+): (.*)")


@dataclass(frozen=True)
class Request:
    """What a user turn of the domain asks."""

    kind: str
    problem: Problem
    solutions: list[Solution]
    critique: str


def read_prompt(text: str) -> Request | None:
    """The request in a user turn; None if it is outside the domain."""
    instruction, *lines = text.split("\n")
    kind = next((kind for kind, known in INSTRUCTIONS.items() if known == instruction), None)
    if kind is None or not lines or not lines[0].startswith("Problem: "):
        return None
    problem = read_question(lines[0].removeprefix("Problem: "))
    body, _, critique = "\n".join(lines[1:]).partition("\nCritique\n")
    sections = re.split(r"^Solution(?: [AB])?$\n?", body, flags=re.MULTILINE)[1:]
    solutions = [read_solution(section.rstrip("\n").split("\n"), problem) for section in sections]
    if problem is None or None in solutions or len(solutions) != SOLUTIONS.get(kind, 1):
        return None
    return Request(kind, problem, solutions, critique)


def read_question(text: str) -> Problem | None:
    found = _QUESTION.fullmatch(text)
    if not found:
        return None
    first, *rest = re.findall(r"\d+|[+-]", found[1])
    problem = Problem(int(first), tuple(zip(rest[::2], map(int, rest[1::2]))))
    return problem if problem.in_domain else None


def read_solution(lines: list[str], problem: Problem | None) -> Solution | None:
    """The paragraphs, or None if one of them says something else than a solution does."""
    texts = [found[2] for found in map(_PARAGRAPH.fullmatch, lines) if found]
    paragraphs = [read_paragraph(text, alone=len(lines) == 1) for text in texts]
    if problem is None or len(texts) != len(lines) or None in paragraphs:
        return None
    if len(paragraphs) > len(problem.worked) or any(isinstance(p, Answer) for p in paragraphs[:-1]):
        return None
    return tuple(paragraphs)


def read_paragraph(text: str, alone: bool) -> Paragraph | None:
    if found := _EQUATION.fullmatch(text):
        return Equation(int(found[1]), found[2], int(found[3]), int(found[4]))
    if found := _ANSWER.fullmatch(text):
        return Whole(int(found[1])) if alone else Answer(int(found[1]))
    if alone and (found := _WHOLE.fullmatch(text)):
        return Whole(int(found[2]), found[1])
    return None


def oracle(text: str) -> tuple[str, str]:
    """The kind of request in a user turn (`ood` if none) and the text that answers it."""
    request = read_prompt(text)
    if request is None:
        return "ood", REFUSAL
    if request.kind in ("revise", "patch"):
        critique = plain("\n".join(review(request.problem, request.solutions[0]).lines))
        if critique != request.critique:
            return request.kind, f"(the critique should read)\n{critique}"
    return request.kind, plain(target(request.kind, request.problem, request.solutions))


def check(path: str) -> int:
    """Compares recorded targets with the oracle's; prints the counts and returns how many differ."""
    agreed: Counter[str] = Counter()
    differing = 0
    with open(path, encoding="utf-8") as file:
        for number, case in enumerate(map(json.loads, file), 1):
            kind, answer = oracle(case["messages"][-1]["content"])
            agreed[kind] += answer == case["target"]
            if answer != case["target"]:
                differing += 1
                print(f"line {number} ({kind}): expected\n{answer}\nrecorded\n{case['target']}\n", file=sys.stderr)
    print(", ".join(f"{kind} {count}" for kind, count in agreed.items()), f"agree, {differing} differ")
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare recorded targets with the oracle's.")
    parser.add_argument("--check", metavar="FILE", required=True, help="cases, one JSON object a line")
    return 1 if check(parser.parse_args().check) else 0
