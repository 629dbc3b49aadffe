"""Reference values of the style-controlled win rates of Arena-Hard, by scikit-learn.

    python style_controlled.py > style_controlled.json

The model is that of lmarena/arena-hard-auto (show_result.py, utils): a Bradley-Terry model of all games of a category, with
one column for each model (1 for the model, -1 for the baseline) and four differences of style, which all models share. The
difference in length is (m - b) / (m + b); those of headers, lists and bold are (m - b) / (m + b + 1) of the counts for each
token, where 1 is added to the tokens. All four are in units of their standard deviation over the games (that of a sample). A
strong verdict is three games, a tie half a win. A model's figure is e^m / (e^m + e^b), its chance against the baseline.

The authors fit the same likelihood by fifty steps of LBFGS in torch, on 100 resamples. Here it is fitted once, to the end.

Made with scikit-learn 1.9.1 and numpy 2.4.6.
"""

import json
import math

import numpy as np
from sklearn.linear_model import LogisticRegression

OUTCOMES = {"A>>B": (1, 0, 3), "A>B": (1, 0, 1), "A=B": (0.5, 0.5, 1), "B>A": (0, 1, 1), "B>>A": (0, 1, 3)}


def style(counts):
    sums = [sum(counts[name].values()) for name in ("header_count", "list_count", "bold_count")]
    return counts["token_len"], sums


def differences(own, other):
    (m, own_counts), (b, other_counts) = style(own), style(other)
    result = [(m - b) / (m + b)]
    for one, two in zip(own_counts, other_counts):
        one, two = one / (m + 1), two / (b + 1)
        result.append((one - two) / (one + two + 1))
    return result


def games(records):
    """The model, the differences of style and the outcome for the model, of every game as often as it counts."""
    rows = []
    for record in records:
        features = differences(record["metadata"], record["baseline_metadata"])
        # The baseline is A in the first game, the model in the second.
        for place, label in enumerate(record["games"]):
            first, second, times = OUTCOMES[label]
            rows += [(record["model"], features, second if place == 0 else first)] * times
    return rows


def controlled(records):
    rows = games(records)
    models = sorted({model for model, _, _ in rows})
    features = np.array([features for _, features, _ in rows])
    features = (features - features.mean(0)) / features.std(0, ddof=1)
    # The baseline's column is -1 in every game: its weight is only known up to the other ones, and left at 0.
    columns = np.array([[float(model == one) for one in models] for model, _, _ in rows])
    x = np.hstack([columns, features])
    y = np.array([outcome for _, _, outcome in rows])
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=100_000, solver="newton-cholesky")
    both = np.vstack([x, x])
    labels = np.r_[np.ones(len(y)), np.zeros(len(y))]
    weights = np.r_[y, 1 - y]
    found = model.fit(both[weights > 0], labels[weights > 0], sample_weight=weights[weights > 0]).coef_[0]
    return {
        "win_rate": {one: float(1 / (1 + math.exp(-found[place]))) for place, one in enumerate(models)},
        "plain": {one: float(np.mean(y[columns[:, place] > 0])) for place, one in enumerate(models)},
        "weights": list(found),
    }


def made(models, count):
    """Records without chance: counts and verdicts of sines. A longer answer with more lists wins more often."""
    labels = list(OUTCOMES)
    records = []
    for place, (model, skill, length) in enumerate(models):
        for n in range(count):
            wave = lambda speed, shift: math.sin(n * speed + shift + 2 * place)
            counts = lambda base, shift: {
                "token_len": round(base + 200 * wave(1.7, shift)),
                "header_count": {"h1": 0, "h2": max(0, round(2 + 2 * wave(0.9, shift)))},
                "list_count": {"ordered": max(0, round(3 * wave(1.1, shift))), "unordered": max(0, round(5 + 5 * wave(2.3, shift)))},
                "bold_count": {"**": max(0, round(4 + 4 * wave(0.5, shift))), "__": 0},
            }
            own, other = counts(length, 0.0), counts(500, 2.0)
            tilt = skill + 0.004 * (own["token_len"] - other["token_len"]) + 1.2 * wave(2.9, 1.0)
            at = lambda tilt: labels[min(4, max(0, round(2 - tilt)))]
            games = [at(-tilt), at(tilt + 0.8 * wave(3.7, 0.0))]
            records.append({"model": model, "metadata": own, "baseline_metadata": other, "games": games})
    return records


def main():
    cases = {}
    for name, models, count in [("one model", [("m", 0.3, 600)], 30), ("two models", [("m", 0.3, 600), ("n", -0.2, 900)], 25)]:
        records = made(models, count)
        cases[name] = {"records": records, "reference": controlled(records)}
    print(json.dumps(cases))


main()
