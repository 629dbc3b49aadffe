"""Writes reference.json: what the rerank rules of JETTS (Zhou et al. 2025) come to on recorded comparisons, computed
without Tribunal.

    python tests/data/rerank/reference.py ../shared/data > tests/data/rerank/reference.json

The comparisons are those of GPT-4 between eight systems on 50 questions, each pair in both orders (Dettmers et al. 2023,
QLoRA; artidoro/qlora, MIT): 1 prefers the answer that is shown first, 2 the other one, 3 is a tie, and -1 could not be
read. Answers are numbered by the names of their systems.

* `given`, `turned`: the results of the pairs (0, 1), (0, 2) … (6, 7) in the given and the reverse order; x could not be
  read.
* `share`: the first answer's share of each pair, in quarters: the mean of both orders,
  one order alone where the other one could not be read, and one half where neither could.
* `sums`: for each answer the sum of its shares, in quarters.
* `best`: the answers with the largest sum, by which a round robin chooses.
* `knockout`: the winner of a knockout for each of these brackets; an answer that is not better than the one before it
  in the bracket leaves.
"""

import itertools
import json
import random
import sys

PAIRS = list(itertools.combinations(range(8), 2))


def share(one, other):
    """The share of the first answer in quarters, from its order and the reverse one."""
    value = {1: 4, 2: 0, 3: 2, -1: None}
    given = value[one]
    turned = None if value[other] is None else 4 - value[other]
    known = [each for each in (given, turned) if each is not None]
    return sum(known) // len(known) if known else 2


def knockout(bracket, wins):
    while len(bracket) > 1:
        bracket = [b if wins(b, a) else a for a, b in zip(bracket[::2], bracket[1::2])]
    return bracket[0]


def main(folder):
    scores = {}
    with open(f"{folder}/qlora_threeclass_scores.jsonl") as file:
        for line in map(json.loads, file):
            scores.setdefault(line["group"], {})[line["a"], line["b"]] = line["score"]
    chance = random.Random(18)
    brackets = [chance.sample(range(8), 8) for _ in range(6)]
    out = {"brackets": brackets, "questions": []}
    for group, both in scores.items():
        names = sorted({name for pair in both for name in pair})
        assert len(names) == 8 and len(both) == 56
        of = {}
        for a, b in PAIRS:
            of[a, b] = share(both[names[a], names[b]], both[names[b], names[a]])
            of[b, a] = 4 - of[a, b]
        sums = [sum(of[a, b] for b in range(8) if b != a) for a in range(8)]
        out["questions"].append({
            "group": group,
            "given": "".join(str(both[names[a], names[b]]).replace("-1", "x") for a, b in PAIRS),
            "turned": "".join(str(both[names[b], names[a]]).replace("-1", "x") for a, b in PAIRS),
            "share": [of[pair] for pair in PAIRS],
            "sums": sums,
            "best": [a for a in range(8) if sums[a] == max(sums)],
            "knockout": [knockout(bracket, lambda b, a: of[b, a] > 2) for bracket in brackets],
        })
    print("{\n\"brackets\": %s,\n\"questions\": [\n%s\n]}" % (
        json.dumps(brackets), ",\n".join(map(json.dumps, out["questions"]))))


main(sys.argv[1])
