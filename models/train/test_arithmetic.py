"""python3 -m unittest: the oracle checks itself."""

import json
import re
import tempfile
import unittest
from pathlib import Path
from random import Random

import arithmetic
import dataset
import examples
import reading
from arithmetic import INSTRUCTIONS, Answer, Equation, Problem, plain

PROBLEM = Problem(12, (("+", 30), ("-", 5)))


class Arithmetic(unittest.TestCase):
    def test_columns_add_up(self):
        rng = Random(1)
        for step in (step for _ in range(500) for step in arithmetic.draw_problem(rng).steps):
            columns = arithmetic.columns(step)
            for column in columns:
                task, result = column.rpartition(":")[2].split("=")
                self.assertEqual(sum(map(int, re.findall(r"[+-]?\d+", task))), int(result))
            value = columns[-1].rpartition("=")[2] + "".join(column[-1] for column in columns[-2::-1])
            self.assertEqual(int(value), step.value)

    def test_what_is_drawn_can_be_read_back(self):
        rng = Random(2)
        for kind in INSTRUCTIONS:
            for _ in range(300):
                item = arithmetic.draw_item(rng, kind)
                self.assertEqual(reading.oracle(plain(item.prompt)), (kind, plain(item.target)))

    def test_what_is_outside_the_domain_is_refused(self):
        rng = Random(3)
        for _ in range(1000):
            item = dataset.draw(rng, "ood", held_out=False)
            self.assertEqual(reading.oracle(item.prompt), ("ood", arithmetic.REFUSAL))

    def test_training_and_scoring_share_no_problem(self):
        rng = Random(4)
        self.assertTrue(all(arithmetic.draw_problem(rng, held_out=True).held_out for _ in range(20)))
        self.assertFalse(any(arithmetic.draw_problem(rng, held_out=False).held_out for _ in range(500)))

    def test_the_comparison_stops_at_the_first_difference(self):
        solution = (Equation(12, "+", 30, 42), Equation(42, "-", 5, 36), Answer(36))
        self.assertEqual(
            arithmetic.compare(PROBLEM, solution), ["0: 11 22 ++ 33 00 == 44 22 $$", "1: 44 22 -- 55 == 33 76#"]
        )

    def test_an_answer_where_a_step_is_due_is_an_error(self):
        solution = (Equation(12, "+", 30, 42), Answer(42))
        self.assertEqual(arithmetic.compare(PROBLEM, solution)[-1], "1: ?#")
        self.assertEqual(arithmetic.review(PROBLEM, solution).first_error, 1)

    def test_scores_fall_with_the_place_of_the_error(self):
        self.assertEqual([arithmetic.score(PROBLEM, at) for at in (-1, 2, 1, 0)], [5, 4, 3, 1])


class Examples(unittest.TestCase):
    def test_records_are_unique_held_out_and_repeatable(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            examples.write_examples(Path(one), 20, 1)
            examples.write_examples(Path(two), 20, 1)
            for file in sorted(Path(one).iterdir()):
                text = file.read_text()
                self.assertEqual(text, (Path(two) / file.name).read_text())
                records = [json.loads(line) for line in text.splitlines()]
                problems = [reading.read_question(r.get("question") or r["problem"]) for r in records]
                self.assertEqual(len(set(problems)), 20)
                self.assertTrue(all(problem.held_out for problem in problems))


if __name__ == "__main__":
    unittest.main()
