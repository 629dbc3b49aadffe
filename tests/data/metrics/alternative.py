"""Writes alternative.json: the alternative annotator test of generated cases, computed with scipy.

    pip install numpy==2.4.6 scipy==1.17.1
    python tests/data/metrics/alternative.py > tests/data/metrics/alternative.json

The formulas are those of Calderon, Reichart and Dror 2025 (arXiv:2501.10970), section 3: each person is left out in
turn; the score of an annotation is the share of the other people with the same one (accuracy), or minus the root mean
square distance from theirs (rmse); a one-sided paired t-test of the two indicators against epsilon; Benjamini and
Yekutieli's procedure at 0.05 over all people with at least 30 records.
"""

import json

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(2501)


def near(own, others, metric):
    if metric == "accuracy":
        return sum(own == other for other in others) / len(others)
    return -np.sqrt(np.mean([(own - other) ** 2 for other in others]))


def case(records, people, levels, noise, judge_noise, metric, epsilon, missing):
    truth = rng.integers(0, levels, records)

    def annotate(share):
        return np.where(rng.random(records) < share, rng.integers(0, levels, records), truth).tolist()

    labels = [
        [None if rng.random() < missing else label for label in annotate(noise + 0.1 * person)]
        for person in range(people)
    ]
    judge = annotate(judge_noise)
    tests = []
    for left_out in range(people):
        ahead, behind = [], []
        for record in range(records):
            others = [labels[one][record] for one in range(people) if one != left_out]
            others = [label for label in others if label is not None]
            if labels[left_out][record] is None or not others:
                continue
            person, machine = near(labels[left_out][record], others, metric), near(judge[record], others, metric)
            ahead.append(float(machine >= person - 1e-9))
            behind.append(float(person >= machine - 1e-9))
        difference = np.array(behind) - np.array(ahead)
        p = stats.ttest_1samp(difference, epsilon, alternative="less").pvalue if len(ahead) >= 30 else None
        tests.append({"count": len(ahead), "judge": np.mean(ahead), "person": np.mean(behind), "p": p})
    tested = [test for test in tests if test["p"] is not None]
    adjusted = stats.false_discovery_control([test["p"] for test in tested], method="by")
    for test, p in zip(tested, adjusted):
        test["adjusted"] = float(p)
    return {
        "metric": metric,
        "epsilon": epsilon,
        "labels": labels,
        "judge": judge,
        "tests": tests,
        "winning_rate": float(np.mean(adjusted <= 0.05)),
        "advantage": float(np.mean([test["judge"] for test in tested])),
    }


cases = [
    case(60, 3, 4, 0.2, 0.2, "accuracy", 0.2, 0.0),
    case(80, 4, 2, 0.1, 0.4, "accuracy", 0.15, 0.2),
    case(50, 5, 3, 0.3, 0.1, "accuracy", 0.1, 0.1),
    case(120, 3, 5, 0.3, 0.3, "rmse", 0.2, 0.0),
    case(45, 6, 10, 0.1, 0.6, "rmse", 0.1, 0.3),
    case(40, 2, 3, 0.2, 0.2, "accuracy", 0.0, 0.0),
]
print(json.dumps({"versions": {"numpy": np.__version__, "scipy": scipy.__version__}, "cases": cases}))
