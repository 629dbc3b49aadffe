"""Writes reference.json: metrics of generated cases, as other libraries compute them.

    pip install numpy==1.26.4 scipy==1.12.0 scikit-learn==1.9.1 statsmodels==0.15.0 krippendorff==0.9.0 irrCAC==0.4.4
    python tests/data/metrics/reference.py > tests/data/metrics/reference.json

The cases have ties, constant sides, few records, empty classes and missing ratings. What a library does not define is
null.
"""

import json
import math
import warnings

import krippendorff
import numpy as np
import pandas
import scipy
import sklearn
import statsmodels
from irrCAC.raw import CAC
from scipy import optimize, stats
from sklearn import metrics
from statsmodels.stats import contingency_tables, inter_rater, proportion
import statsmodels.api as sm

warnings.filterwarnings("ignore")
rng = np.random.default_rng(19)


def number(value):
    value = float(value)
    return value if math.isfinite(value) else None


def classes():
    for count, of, skew in [(12, 2, 0.5), (40, 3, 0.2), (200, 5, 0.1), (30, 2, 0.95), (5, 4, 0.3), (25, 3, 0.0)]:
        truth = rng.integers(0, of, count)
        if skew > 0.9:
            truth = np.where(rng.random(count) < skew, 0, truth)
        judged = np.where(rng.random(count) < 0.6, truth, rng.integers(0, of, count))
        yield truth.tolist(), judged.tolist()
    yield [0, 0, 0, 0], [0, 0, 0, 0]
    yield [0, 0, 1, 1], [0, 0, 0, 0]
    yield [0, 1, 2, 2], [3, 3, 2, 0]


def of_classes(truth, judged):
    p, r, f, _ = metrics.precision_recall_fscore_support(truth, judged, average="macro", zero_division=0)
    labels = list(range(max(truth + judged) + 1))
    each = metrics.precision_recall_fscore_support(truth, judged, labels=labels, zero_division=np.nan)
    def kappa(weights):
        return number(metrics.cohen_kappa_score(truth, judged, weights=weights, labels=labels))
    return {
        "truth": truth,
        "judged": judged,
        "accuracy": number(metrics.accuracy_score(truth, judged)),
        "balanced_accuracy": number(metrics.balanced_accuracy_score(truth, judged)),
        "precision": [number(x) for x in each[0]],
        "recall": [number(x) for x in each[1]],
        "f1": [number(x) for x in each[2]],
        "macro_precision": number(p),
        "macro_recall": number(r),
        "macro_f1": number(f),
        "kappa": kappa(None),
        "linear_kappa": kappa("linear"),
        "quadratic_kappa": kappa("quadratic"),
    }


def pairs():
    for count, levels in [(3, 0), (5, 3), (10, 0), (50, 4), (120, 10), (300, 2), (40, 0)]:
        one = rng.normal(size=count)
        other = 0.6 * one + rng.normal(size=count)
        if levels:
            one, other = (np.clip(np.round(x * levels / 4 + levels / 2), 0, levels) for x in (one, other))
        yield one.tolist(), other.tolist()
    yield [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]
    yield [1e-7, 2e-7, 4e-7], [3e5, 1e5, 2e5]
    yield [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]


def of_pairs(one, other):
    def first(found):
        return number(found[0])
    pearson = stats.pearsonr(one, other)
    interval = None
    if len(one) > 3 and math.isfinite(pearson[0]) and abs(pearson[0]) < 1 - 1e-12:
        ends = pearson.confidence_interval(0.95)
        interval = [number(ends.low), number(ends.high)]
    return {
        "one": one,
        "other": other,
        "pearson": first(pearson),
        "pearson_interval": interval,
        "spearman": first(stats.spearmanr(one, other)),
        "kendall_tau_b": first(stats.kendalltau(one, other)),
    }


def units():
    for count, raters, of, missing in [(10, 3, 3, 0), (30, 5, 4, 0), (20, 4, 2, 0.3), (15, 2, 3, 0.2), (40, 3, 5, 0.4)]:
        truth = rng.integers(0, of, count)
        ratings = np.where(rng.random((count, raters)) < 0.65, truth[:, None], rng.integers(0, of, (count, raters)))
        kept = rng.random((count, raters)) >= missing
        yield of, [[int(r) if k else None for r, k in zip(*row)] for row in zip(ratings, kept)]
    yield 3, [[0, 0, None], [1, None, None], [2, 2, 2], [None, None, None], [0, 2, 2]]
    # Nearly always the same class.
    yield 2, [[0, 0]] * 18 + [[0, 1], [1, 0]]


def of_units(of, ratings):
    table = pandas.DataFrame([[math.nan if r is None else float(r) for r in row] for row in ratings])
    table = table.dropna(how="all")
    cac = CAC(table, categories=[float(k) for k in range(of)], digits=12)
    counts = [[sum(r == k for r in row) for k in range(of)] for row in ratings]
    whole = len({sum(row) for row in counts}) == 1
    matrix = [[math.nan if r is None else float(r) for r in row] for row in zip(*ratings)]
    def alpha(level):
        return number(krippendorff.alpha(matrix, value_domain=[float(k) for k in range(of)], level_of_measurement=level))
    return {
        "classes": of,
        "ratings": ratings,
        "fleiss_kappa": number(cac.fleiss()["est"]["coefficient_value"]),
        "statsmodels_fleiss_kappa": number(inter_rater.fleiss_kappa(np.array(counts))) if whole else None,
        "gwet_ac1": number(cac.gwet()["est"]["coefficient_value"]),
        "alpha_nominal": alpha("nominal"),
        "alpha_ordinal": alpha("ordinal"),
        "alpha_interval": alpha("interval"),
        "alpha_ratio": alpha("ratio"),
    }


def predictions():
    for count, digits in [(6, 3), (40, 1), (200, 2), (500, 6)]:
        p = np.round(rng.random(count), digits)
        yield p.tolist(), (rng.random(count) < p).tolist()
    yield [0.1, 0.9, 0.5], [True, True, True]


def delong(p, outcome):
    """The variance of DeLong et al. 1988, by its definition, pair by pair."""
    up = [x for x, y in zip(p, outcome) if y]
    down = [x for x, y in zip(p, outcome) if not y]
    def psi(x, y):
        return 1.0 if x > y else 0.5 if x == y else 0.0
    v10 = [np.mean([psi(x, y) for y in down]) for x in up]
    v01 = [np.mean([psi(x, y) for x in up]) for y in down]
    error = math.sqrt(np.var(v10, ddof=1) / len(up) + np.var(v01, ddof=1) / len(down))
    area, z = np.mean(v10), stats.norm.ppf(0.975)
    return [max(0.0, area - z * error), min(1.0, area + z * error)]


def of_predictions(p, outcome):
    both = len(set(outcome)) == 2
    def ece(bins):
        ids = np.clip(np.ceil(np.array(p) * bins), 1, bins)
        parts = [(np.mean(ids == b), np.array(p)[ids == b], np.array(outcome)[ids == b]) for b in set(ids)]
        return float(sum(w * abs(x.mean() - y.mean()) for w, x, y in parts))
    return {
        "p": p,
        "outcome": outcome,
        "auc": number(metrics.roc_auc_score(outcome, p)) if both else None,
        "auc_interval": delong(p, outcome) if both else None,
        "brier": number(np.mean((np.array(p) - np.array(outcome, dtype=float)) ** 2)),
        "ece": {str(bins): ece(bins) for bins in (5, 10, 15)},
    }


def of_share(part, whole, confidence):
    low, high = proportion.proportion_confint(part, whole, alpha=1 - confidence, method="wilson")
    return {"part": part, "whole": whole, "confidence": confidence, "interval": [number(low), number(high)]}


def of_clusters(numbers, clusters):
    model = sm.OLS(np.array(numbers), np.ones(len(numbers)))
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)}, use_t=True)
    low, high = fit.conf_int()[0]
    return {
        "numbers": numbers,
        "clusters": clusters,
        "mean": number(fit.params[0]),
        "error": number(fit.bse[0]),
        "interval": [number(low), number(high)],
        "standard_error": number(stats.sem(numbers)),
    }


def clustered():
    for groups, most in [(4, 3), (12, 5), (30, 1), (25, 8)]:
        sizes = rng.integers(1, most + 1, groups)
        shift = rng.normal(size=groups)
        clusters = np.repeat(np.arange(groups), sizes)
        yield np.round(shift[clusters] + rng.normal(size=len(clusters)), 3).tolist(), clusters.tolist()


def of_games(players, games, prior):
    """The most likely logs of strengths, by another method of optimization, and their errors by the Hessian."""
    def loss(x):
        pairs = sum(-(s * -np.logaddexp(0, x[b] - x[a]) + (1 - s) * -np.logaddexp(0, x[a] - x[b])) for a, b, s in games)
        return pairs + prior * sum(0.5 * np.logaddexp(0, -v) + 0.5 * np.logaddexp(0, v) for v in x)
    def slope(x):
        g = np.zeros(players)
        for a, b, s in games:
            d = s - 1 / (1 + math.exp(x[b] - x[a]))
            g[a] -= d
            g[b] += d
        return g + prior * (1 / (1 + np.exp(-x)) - 0.5)
    def curve(x):
        h = np.diag(prior / (1 + np.exp(-x)) / (1 + np.exp(x)))
        for a, b, _ in games:
            w = 1 / (1 + math.exp(x[b] - x[a]))
            w *= 1 - w
            h[[a, b], [a, b]] += w
            h[[a, b], [b, a]] -= w
        return h
    x = np.zeros(players)
    for _ in range(100):
        x = x - np.linalg.pinv(curve(x)) @ slope(x)
    assert np.abs(slope(x)).max() < 1e-11
    assert optimize.minimize(loss, x).fun > loss(x) - 1e-9
    errors = np.sqrt(np.diag(np.linalg.pinv(curve(x))))
    return {"players": players, "games": games, "prior": prior, "logs": x.tolist(), "errors": errors.tolist()}


def games():
    for players, count in [(3, 12), (6, 60)]:
        strength = rng.normal(size=players)
        found = []
        for _ in range(count):
            a, b = rng.choice(players, 2, replace=False)
            won = rng.random() < 1 / (1 + math.exp(strength[b] - strength[a]))
            found.append([int(a), int(b), 0.5 if rng.random() < 0.2 else float(won)])
        yield players, found


every_game = list(games())
print(
    json.dumps(
        {
            "made_with": {
                "numpy": np.__version__,
                "scipy": scipy.__version__,
                "scikit-learn": sklearn.__version__,
                "statsmodels": statsmodels.__version__,
                "krippendorff": "0.9.0",
                "irrCAC": "0.4.4",
            },
            "classes": [of_classes(*case) for case in classes()],
            "pairs": [of_pairs(*case) for case in pairs()],
            "units": [of_units(*case) for case in units()],
            "predictions": [of_predictions(*case) for case in predictions()],
            "shares": [of_share(*case) for case in [(0, 20, 0.95), (20, 20, 0.9), (81, 263, 0.95), (1, 3, 0.99), (500, 1000, 0.8)]],
            "clustered": [of_clusters(*case) for case in clustered()],
            "mcnemar": [
                {"first": b, "second": c, "p": number(contingency_tables.mcnemar([[0, b], [c, 0]], exact=True).pvalue)}
                for b, c in [(9, 1), (0, 0), (5, 5), (0, 7), (40, 62), (300, 371), (1200, 900)]
            ],
            "normal_quantiles": [[p, number(stats.norm.ppf(p))] for p in (0.001, 0.05, 0.3, 0.5, 0.9, 0.975, 0.9999)],
            "student_quantiles": [
                [p, freedom, number(stats.t.ppf(p, freedom))]
                for p in (0.05, 0.5, 0.9, 0.975)
                for freedom in (1, 2, 5, 30, 400)
            ],
            "games": [of_games(n, found, prior) for n, found in every_game for prior in (0.0, 1.0)],
        },
        allow_nan=False,
    )
)
