"""Arithmetic problems, solutions with known errors, and the oracle that judges them.

Everything drawn is a pure function of the `random.Random` handed in. The
oracle draws nothing: a problem and its solutions decide the answer to the last
byte, so every label is certain.

    python3 arithmetic.py --check cases.jsonl

reads prompts back and compares the oracle's answers with recorded ones.
"""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

INSTRUCTIONS = {
    "step": r"Review the solution paragraph by paragraph. Give the index of the earliest error, or -1, in \boxed{}.",
    "score": "Review the solution, then score it from 1 to 5.",
    "verify": "Review the solution, then say Yes if it is correct, or No.",
    "pair": "Review both solutions, then answer [[A]], [[B]] or [[C]] for a tie.",
    "revise": "Rewrite the solution so that it is correct.",
    "patch": "Fix only the error that the critique names.",
    "solve": "Solve the problem step by step.",
}
REFUSAL = "Out of domain: I only judge sums and differences of whole numbers up to 999."
REVIEWS = ("step", "score", "verify")

LARGEST_OPERAND = 999
LARGEST_TOTAL = 9999
MOST_OPERATIONS = 4


# --- Problems and paragraphs


@dataclass(frozen=True)
class Equation:
    """One step, as claimed: `left operator right = value`."""

    left: int
    operator: str
    right: int
    value: int

    @property
    def text(self) -> str:
        return f"{self.left} {self.operator} {self.right} = {self.value}"


@dataclass(frozen=True)
class Answer:
    """The line that states the result."""

    value: int

    @property
    def text(self) -> str:
        return f"Answer: {self.value}"


@dataclass(frozen=True)
class Whole:
    """A solution without steps: the result alone, or the whole expression and its result."""

    value: int
    expression: str | None = None

    @property
    def text(self) -> str:
        return f"Answer: {self.value}"


Paragraph = Equation | Answer | Whole
Solution = tuple[Paragraph, ...]


@dataclass(frozen=True)
class Problem:
    """A chain of additions and subtractions, worked from left to right."""

    first: int
    terms: tuple[tuple[str, int], ...]

    @property
    def text(self) -> str:
        return " ".join([str(self.first), *(f"{operator} {operand}" for operator, operand in self.terms)])

    @property
    def steps(self) -> list[Equation]:
        steps: list[Equation] = []
        total = self.first
        for operator, operand in self.terms:
            steps.append(Equation(total, operator, operand, apply(total, operator, operand)))
            total = steps[-1].value
        return steps

    @property
    def result(self) -> int:
        return self.steps[-1].value

    @property
    def worked(self) -> Solution:
        """The solution that `solve` and `revise` answer with."""
        return (*self.steps, Answer(self.result))

    @property
    def held_out(self) -> bool:
        """Whether the problem is kept from training: one in fifty is, by its text."""
        return zlib.crc32(self.text.encode()) % 50 == 7

    @property
    def in_domain(self) -> bool:
        operands = [self.first, *(operand for _, operand in self.terms)]
        return (
            1 <= len(self.terms) <= MOST_OPERATIONS
            and max(operands) <= LARGEST_OPERAND
            and all(0 <= step.value <= LARGEST_TOTAL for step in self.steps)
        )


def apply(left: int, operator: str, right: int) -> int:
    return left + right if operator == "+" else left - right


def draw_operand(rng: Random) -> int:
    digits = rng.choices((1, 2, 3), (20, 42, 38))[0]
    smallest = 10 ** (digits - 1) if digits > 1 else 0 if rng.random() < 0.3 else 1
    return rng.randint(smallest, 10**digits - 1)


def draw_problem(rng: Random, held_out: bool | None = None) -> Problem:
    """A problem whose running totals never fall below zero; of either side of the split unless told."""
    while True:
        problem = _draw_any_problem(rng)
        if held_out is None or problem.held_out == held_out:
            return problem


def _draw_any_problem(rng: Random) -> Problem:
    count = rng.choices(range(1, MOST_OPERATIONS + 1), (22, 30, 28, 20))[0]
    first = total = draw_operand(rng)
    terms = []
    for _ in range(count):
        operator, operand = rng.choice("+-"), draw_operand(rng)
        if operator == "-" and operand > total:
            if total > 0 and rng.random() < 0.6:
                operand = rng.randint(1, min(total, LARGEST_OPERAND))
            else:
                operator = "+"
        terms.append((operator, operand))
        total = apply(total, operator, operand)
    return Problem(first, tuple(terms))


# --- Solutions and their errors

ERROR_WEIGHTS = {"calc": 44, "op": 12, "operand": 14, "carry": 14, "answer": 12, "skip": 4}
NEEDS_TWO_STEPS = ("carry", "skip")


@dataclass(frozen=True)
class Error:
    """A slip of some kind at a step; an error in the answer line stands after the last step.

    calc: a wrong result. op: the other operator. operand: another number.
    carry: a left side that is not the total so far. skip: a step left out.
    """

    kind: str
    step: int


def draw_solution(rng: Random, problem: Problem, wrong: bool) -> tuple[Solution, str | None]:
    """A solution, and the kind of its error: `only` where it has no steps, None where it was meant to be right.

    Very rarely a solution meant to be wrong reads as right, as far as it goes
    (one of two equal steps left out, no answer line): the oracle decides.
    """
    states_answer = rng.random() < 0.88
    if rng.random() < 0.15:
        return (_draw_whole(rng, problem, wrong),), "only"
    error = _draw_error(rng, len(problem.terms)) if wrong else None
    written, total = _work(rng, problem, error, recovers=rng.random() < 0.25)
    if error and (error.kind == "answer" or error == Error("skip", len(problem.terms) - 1)):
        states_answer = True
    if error and error.kind == "answer":
        total = corrupted(rng, total)
    if states_answer:
        written.append(Answer(total))
    return tuple(written), error.kind if error else None


def corrupted(rng: Random, value: int) -> int:
    """Another number that somebody might have written instead."""
    for _ in range(20):
        wrong = _slip(rng, value)
        if wrong != value and 0 <= wrong <= LARGEST_TOTAL:
            return wrong
    return value + 1


def _slip(rng: Random, value: int) -> int:
    """Off by a little, off in one column, two digits swapped, or one digit misread; sometimes `value` itself."""
    digits = list(str(value))
    chance = rng.random()
    if chance < 0.30:
        return value + rng.choice((-1, 1))
    if chance < 0.40:
        return value + rng.choice((-2, 2, -3, 3))
    if chance < 0.60:
        columns = range(1, len(digits)) or (1,)
        return value + rng.choice([sign * 10**column for column in columns for sign in (-1, 1)])
    if chance < 0.80 and len(digits) > 1:
        at = rng.randrange(len(digits) - 1)
        digits[at], digits[at + 1] = digits[at + 1], digits[at]
    elif chance < 0.95:
        digits[rng.randrange(len(digits))] = str(rng.randint(0, 9))
    else:
        return value + rng.choice((-10, 10))
    return value if digits[0] == "0" and len(digits) > 1 else int("".join(digits))


def _draw_whole(rng: Random, problem: Problem, wrong: bool) -> Whole:
    spelled_out = len(problem.terms) > 1 and rng.random() < 0.4
    value = corrupted(rng, problem.result) if wrong else problem.result
    return Whole(value, problem.text if spelled_out else None)


def _draw_error(rng: Random, count: int) -> Error:
    kinds = [kind for kind in ERROR_WEIGHTS if count > 1 or kind not in NEEDS_TWO_STEPS]
    kind = rng.choices(kinds, [ERROR_WEIGHTS[kind] for kind in kinds])[0]
    if kind == "answer":
        return Error(kind, count)
    return Error(kind, rng.randrange(1 if kind == "carry" else 0, count))


def _work(rng: Random, problem: Problem, error: Error | None, recovers: bool) -> tuple[list[Paragraph], int]:
    """The equations of somebody who makes this error, and the total they end with.

    Later steps go on from the wrong total, unless the writer recovers and
    continues with the right one.
    """
    written: list[Paragraph] = []
    total = problem.first
    for at, step in enumerate(problem.steps):
        here = error is not None and error.step == at
        if here and error.kind == "skip":
            continue
        attempt = replace(step, left=total)
        equation = _spoiled(rng, problem, written, attempt, error.kind) if here else _computed(attempt)
        written.append(equation)
        total = step.value if recovers and error and at >= error.step else equation.value
    return written, total


def _computed(equation: Equation) -> Equation:
    """The equation with its result; one that leaves the range of totals is folded back into it."""
    value = apply(equation.left, equation.operator, equation.right)
    return replace(equation, value=abs(value) % (LARGEST_TOTAL + 1))


def _spoiled(rng: Random, problem: Problem, written: list[Paragraph], step: Equation, kind: str) -> Equation:
    if kind == "calc":
        right = _computed(step)
        return replace(right, value=corrupted(rng, right.value))
    if kind == "op":
        return _computed(replace(step, operator="-" if step.operator == "+" else "+"))
    if kind == "operand":
        others = [operand for _, operand in problem.terms if operand != step.right]
        other = rng.choice(others) if others and rng.random() < 0.4 else corrupted(rng, step.right)
        return _computed(replace(step, right=other))
    left = written[-1].left if rng.random() < 1 / 3 else corrupted(rng, step.left)
    return _computed(replace(step, left=left if left != step.left else corrupted(rng, left)))


# --- Training marks
#
# Text for training carries marks that the model never sees; `plain` takes them
# out. A right value inside the prompt is learnt like an answer token, with a
# small weight. Between WATCH and REST an auxiliary head is asked whether an
# error has been seen; it has from SEEN on.

VALUE, VALUE_END, SEEN, WATCH, REST = "\x01", "\x02", "\x03", "\x04", "\x05"
_WITHOUT_MARKS = str.maketrans("", "", VALUE + VALUE_END + SEEN + WATCH + REST)


def plain(text: str) -> str:
    return text.translate(_WITHOUT_MARKS)


def _seen_where_they_part(text: str, other: str) -> str:
    """`text` with SEEN in front of the first character that differs from `other`."""
    if text == other:
        return text
    at = next((i for i, (a, b) in enumerate(zip(text, other)) if a != b), min(len(text), len(other)))
    return text[:at] + SEEN + text[at:]


# --- Renderings

STEP_STYLES = {"{equation}": 74, "Step {number}: {equation}": 13, "{equation}.": 13}
ANSWER_STYLES = {
    "Answer: {value}": 74,
    "The answer is {value}.": 12,
    "Final answer: {value}": 7,
    "So the answer is {value}.": 7,
}
QUESTION_STYLES = {
    "{problem}": 64,
    "{dense}": 9,
    "What is {problem}?": 9,
    "Compute {problem}.": 6,
    "Calculate {problem}": 6,
    "{problem} = ?": 6,
}


@dataclass(frozen=True)
class Style:
    """How one writer puts steps and answers; a solution keeps to one style."""

    step: str = "{equation}"
    answer: str = "Answer: {value}"


def draw_style(rng: Random) -> Style:
    return Style(_draw_weighted(rng, STEP_STYLES), _draw_weighted(rng, ANSWER_STYLES))


def draw_question(rng: Random, problem: Problem) -> str:
    style = _draw_weighted(rng, QUESTION_STYLES)
    return style.format(problem=problem.text, dense=problem.text.replace(" ", ""))


def _draw_weighted(rng: Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def render(solution: Solution, style: Style, problem: Problem | None = None) -> list[str]:
    """The solution's paragraphs; with training marks if the problem is given."""
    if problem is None or isinstance(solution[0], Whole):
        return [_dressed(p, _body(p), number, style) for number, p in enumerate(solution, 1)]
    first_error = review(problem, solution).first_error
    right_until = len(solution) if first_error < 0 else first_error
    lines = []
    for at, paragraph in enumerate(solution):
        body = _body(paragraph)
        if at < right_until:
            body = re.sub(r"\d+$", rf"{VALUE}\g<0>{VALUE_END}", body)
        elif at == first_error:
            body = _seen_where_they_part(body, _body(expected(problem, at)))
        line = _dressed(paragraph, body, at + 1, style)
        lines.append(SEEN + plain(line) if at == first_error and _misplaced(problem, at, paragraph) else line)
    lines[0] = WATCH + lines[0]
    lines[-1] += REST
    return lines


def _body(paragraph: Paragraph) -> str:
    return paragraph.text if isinstance(paragraph, Equation) else str(paragraph.value)


def _dressed(paragraph: Paragraph, body: str, number: int, style: Style) -> str:
    if isinstance(paragraph, Equation):
        return style.step.format(number=number, equation=body)
    if isinstance(paragraph, Whole) and paragraph.expression:
        return f"{paragraph.expression} = {body}"
    return style.answer.format(value=body)


# --- The oracle


@dataclass(frozen=True)
class Review:
    """One line for each paragraph up to the first error (with training marks), and what to put in its place."""

    lines: list[str]
    first_error: int
    correction: str | None = None


def expected(problem: Problem, at: int) -> Equation | Answer:
    """What paragraph `at` of a solution in steps should say."""
    return problem.worked[at]


def _misplaced(problem: Problem, at: int, paragraph: Paragraph) -> bool:
    """An answer where a step is due."""
    return type(paragraph) is not type(expected(problem, at))


def review(problem: Problem, solution: Solution) -> Review:
    lines = []
    for at, paragraph in enumerate(solution):
        lead, right, claim = _right_and_claimed(problem, at, paragraph)
        head = f"Paragraph {at}: {lead}{WATCH}{_seen_where_they_part(right, claim)}{REST}"
        if right != claim:
            lines.append(f"{head}, not {claim}. Incorrect.")
            whole = isinstance(paragraph, Whole)
            return Review(lines, at, Answer(problem.result).text if whole else expected(problem, at).text)
        lines.append(f"{head}. Correct.")
    return Review(lines, -1)


def _right_and_claimed(problem: Problem, at: int, paragraph: Paragraph) -> tuple[str, str, str]:
    """What stands before the two, what would be right, and what was claimed."""
    if isinstance(paragraph, Whole):
        derivation = "; ".join(step.text for step in problem.steps)
        return derivation.removesuffix(str(problem.result)), str(problem.result), str(paragraph.value)
    due = expected(problem, at)
    if isinstance(due, Answer):
        return "Answer: ", str(due.value), str(paragraph.value)
    return "", due.text, paragraph.text


def score(problem: Problem, first_error: int) -> int:
    """5: all right. 4: only the answer line is wrong. Else by the share of right steps before the error."""
    steps = len(problem.terms)
    if first_error < 0:
        return 5
    if first_error >= steps:
        return 4
    if first_error == 0:
        return 1
    return 3 if 2 * first_error >= steps else 2


def columns(step: Equation) -> list[str]:
    """Column arithmetic from the units up, with carries and borrows written out."""
    left, right = str(step.left)[::-1], str(step.right)[::-1]
    width = max(len(left), len(right))
    pairs = [(int(a), int(b)) for a, b in zip(left.ljust(width, "0"), right.ljust(width, "0"))]
    return _sum_columns(pairs) if step.operator == "+" else _difference_columns(pairs)


def _sum_columns(pairs: list[tuple[int, int]]) -> list[str]:
    written, carry = [], 0
    for a, b in pairs:
        total = a + b + carry
        written.append(f"{a}+{b}{'+1' if carry else ''}={total}")
        carry = total // 10
    return written


def _difference_columns(pairs: list[tuple[int, int]]) -> list[str]:
    written, borrow = [], 0
    for a, b in pairs:
        task = f"{a}-{b}{'-1' if borrow else ''}"
        top = a - borrow
        borrow = int(top < b)
        if top < 0:
            written.append(f"{task}:9-{b}={9 - b}")
        elif borrow:
            written.append(f"{task}:1{top}-{b}={10 + top - b}")
        else:
            written.append(f"{task}={top - b}")
    return written


def compare(problem: Problem, solution: Solution, tag: str = "") -> list[str]:
    """Right and claimed characters side by side, one line a paragraph, up to the first `#`."""
    lines = []
    for at, paragraph in enumerate(solution):
        if not isinstance(paragraph, Whole) and _misplaced(problem, at, paragraph):
            compared = "?#"
        else:
            compared = _side_by_side(*_right_and_claimed(problem, at, paragraph)[1:])
        lines.append(f"{tag}{at}: {compared}")
        if "#" in compared:
            break
    return lines


def _side_by_side(right: str, claim: str) -> str:
    """`11 55 60#`: pairs of characters, `$` for the end, `#` at the first difference."""
    couples = []
    for a, b in zip(right.replace(" ", "") + "$", claim.replace(" ", "") + "$"):
        couples.append(a + b if a == b else f"{a}{b}#")
        if a != b:
            break
    return " ".join(couples)


def think(problem: Problem, comparison: Sequence[str] = ()) -> str:
    scratch = [f"{s.left} {s.operator} {s.right} ({','.join(columns(s))}) = {s.value}" for s in problem.steps]
    return "\n".join(["<think>", *scratch, *comparison, "</think>"])


# --- Prompts and targets


def prompt(kind: str, question: str, solutions: Sequence[Sequence[str]] = (), critique: str = "") -> str:
    """The user turn."""
    lines = [INSTRUCTIONS[kind], f"Problem: {question}"]
    titles = ("Solution A", "Solution B") if kind == "pair" else () if kind == "solve" else ("Solution",)
    for title, paragraphs in zip(titles, solutions):
        lines += [title, *(f"Paragraph {at}: {text}" for at, text in enumerate(paragraphs))]
    if kind in ("revise", "patch"):
        lines += ["Critique", critique]
    return "\n".join(lines)


def target(kind: str, problem: Problem, solutions: Sequence[Solution] = ()) -> str:
    """What the oracle answers, with training marks."""
    if kind in ("solve", "revise"):
        return f"{think(problem)}\n{gold(kind, problem, solutions)}"
    if kind == "patch":
        return str(gold(kind, problem, solutions))
    verdict = gold(kind, problem, solutions)
    if kind == "pair":
        a, b = solutions
        thoughts = think(problem, compare(problem, a, "A") + compare(problem, b, "B"))
        lines = ["Solution A", *review(problem, a).lines, "Solution B", *review(problem, b).lines]
        return "\n".join([thoughts, *lines, f"Verdict: [[{verdict}]]"])
    closing = {"step": rf"Verdict: \boxed{{{verdict}}}", "score": f"Score: {verdict}", "verify": f"Verdict: {verdict}"}
    (solution,) = solutions
    return "\n".join([think(problem, compare(problem, solution)), *review(problem, solution).lines, closing[kind]])


def gold(kind: str, problem: Problem, solutions: Sequence[Solution] = ()) -> str | int:
    """The verdict, or the whole text where the answer is a solution."""
    if kind in ("solve", "revise"):
        return "\n".join(paragraph.text for paragraph in problem.worked)
    reviews = [review(problem, solution) for solution in solutions]
    if kind == "pair":
        a, b = (review.first_error < 0 for review in reviews)
        return "C" if a == b else "A" if a else "B"
    first_error = reviews[0].first_error
    if kind == "patch":
        lines = [paragraph.text for paragraph in solutions[0]]
        return "\n".join(reviews[0].correction if at == first_error else line for at, line in enumerate(lines))
    if kind == "score":
        return score(problem, first_error)
    return first_error if kind == "step" else "No" if first_error >= 0 else "Yes"


# --- Items: a prompt, its target, and the facts about it

WRONG_SHARE = {"step": 0.6, "score": 0.7, "verify": 0.5, "revise": 0.92, "patch": 0.96}
PAIRS_WRONG = {(False, True): 4, (True, False): 4, (False, False): 1, (True, True): 1}


@dataclass(frozen=True)
class Item:
    """Prompt and target carry training marks."""

    prompt: str
    target: str
    meta: dict


def draw_item(rng: Random, kind: str, held_out: bool | None = None) -> Item:
    problem = draw_problem(rng, held_out)
    question = draw_question(rng, problem)
    drawn = [draw_solution(rng, problem, wrong) for wrong in draw_wrongness(rng, kind)]
    solutions = [solution for solution, _ in drawn]
    rendered = [render(solution, draw_style(rng), problem) for solution in solutions]
    reviews = [review(problem, solution) for solution in solutions]
    critique = plain("\n".join(reviews[0].lines)) if reviews else ""
    meta = {"mode": kind, "problem": problem.text, "n": len(problem.terms)}
    if kind == "pair":
        meta["kinds"] = [error for _, error in drawn]
    elif kind != "solve":
        meta["err"] = reviews[0].first_error
        meta["kind"] = drawn[0][1] if reviews[0].first_error >= 0 else None
    meta["gold"] = gold(kind, problem, solutions)
    return Item(prompt(kind, question, rendered, critique), target(kind, problem, solutions), meta)


def draw_wrongness(rng: Random, kind: str) -> tuple[bool, ...]:
    """For each solution that the kind shows, whether it shall be wrong."""
    if kind == "solve":
        return ()
    if kind == "pair":
        return rng.choices(list(PAIRS_WRONG), list(PAIRS_WRONG.values()))[0]
    return (rng.random() < WRONG_SHARE[kind],)


if __name__ == "__main__":
    from reading import main

    sys.exit(main())
