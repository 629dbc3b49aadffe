"""Reference values of the length-controlled win rate of AlpacaEval 2, by scikit-learn.

    python length_controlled.py > length_controlled.json
    python length_controlled.py FILE.jsonl   # one JSON line for each model of the file: len_1, len_2, preference

The model is that of tatsu-lab/alpaca_eval (metrics/glm_winrate.py), as far as its data are public: the logit of a
preference is a * tanh(difference in length / its standard deviation) + b * difficulty + c. Each row counts twice, as a
win with weight p and as a loss with weight 1 - p. L1, ten values of C, five folds of instructions, soft log loss.
Rows of gamed baselines are left out, since they were never in the repository.

Of instructions that occur equally often, scikit-learn's own GroupKFold leaves the order open. Here the last one is in
the first fold, the one before it in the second, and so on.

Made with scikit-learn 1.9.1 and numpy.
"""

import json
import math
import sys
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
GRID = np.logspace(-4, 4, 10)
FOLDS = 5


def fit(features, share, strength):
    rows = np.vstack([features, features])
    labels = np.r_[np.ones(len(share)), np.zeros(len(share))]
    weights = np.r_[share, 1 - share]
    model = LogisticRegression(
        penalty="l1", C=strength, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=100_000, random_state=123
    )
    kept = weights > 0
    return model.fit(rows[kept], labels[kept], sample_weight=weights[kept]).coef_[0]


def loss(weights, features, share):
    p = np.clip(1 / (1 + np.exp(-features @ weights)), 1e-15, 1 - 1e-15)
    return -np.mean(share * np.log(p) + (1 - share) * np.log(1 - p))


def controlled(difference, share, difficulty):
    """difference, difficulty: of all records; share: NaN where nothing could be read."""
    scaled = np.tanh(difference / difference.std(ddof=1))
    columns = [scaled, np.ones(len(scaled))] if difficulty is None else [scaled, difficulty, np.ones(len(scaled))]
    features = np.column_stack(columns)
    known = ~np.isnan(share)
    x, y = features[known], share[known]
    fold = (len(y) - 1 - np.arange(len(y))) % FOLDS
    scores = [
        np.mean([-loss(fit(x[fold != n], y[fold != n], c), x[fold == n], y[fold == n]) for n in range(FOLDS)])
        for c in GRID
    ]
    strength = GRID[int(np.argmax(scores))]
    weights = fit(x, y, strength)
    even = features.copy()
    even[:, 0] = 0
    p = 1 / (1 + np.exp(-even @ weights))
    return {
        "C": strength,
        "weights": list(weights),
        "win_rate": float(np.mean(p)),
        "standard_error": float(p.std(ddof=1) / math.sqrt(len(p))),
    }


def made(count, tilt, with_difficulty):
    """Records without chance: lengths, preferences and difficulties of sines."""
    n = np.arange(count)
    lengths = [np.round(600 + 350 * np.sin(n * 1.7 + side)).astype(int) for side in (0.0, 2.0)]
    difficulty = np.round(1.5 * np.sin(n * 0.9 + 1), 6)
    logit = 1.4 * np.tanh((lengths[0] - lengths[1]) / 400) * -1 + tilt + 0.8 * difficulty + 1.5 * np.sin(n * 2.3)
    share = np.round(1 / (1 + np.exp(-logit)), 6)
    share[::17] = np.nan
    rows = [
        {"len_1": int(a), "len_2": int(b), "share": None if math.isnan(p) else p, "difficulty": d if with_difficulty else None}
        for a, b, p, d in zip(*lengths, share, difficulty)
    ]
    difference = (lengths[0] - lengths[1]).astype(float)
    return {"records": rows, "reference": controlled(difference, share, difficulty if with_difficulty else None)}


def main():
    if len(sys.argv) == 1:
        cases = {
            "with the difficulty of instructions": made(80, -0.4, True),
            "without it": made(80, 0.7, False),
            "little data": made(12, -0.2, True),
        }
        print(json.dumps(cases, indent=1))
        return
    models = {}
    for line in open(sys.argv[1]):
        row = json.loads(line)
        models.setdefault(row["model"], []).append(row)
    for model, rows in models.items():
        share = [1.5 if row["preference"] == 0 else row["preference"] for row in rows]
        share = np.array([np.nan if p is None else p - 1 for p in share], dtype=float)
        difference = np.array([(row["len_1"] or 0) - (row["len_2"] or 0) for row in rows], dtype=float)
        print(json.dumps({"model": model, **controlled(difference, share, None)}))


main()
