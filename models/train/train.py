"""Trains the judge: one run on the final mix, 4,096 tokens a step.

Muon moves the matrices of the blocks, AdamW the rest. The learning rate warms
up over 100 steps, holds, and falls to a hundredth over the second half.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from dataset import END, MIX, chat, draw, draw_example
from model import Config, Model
from tokenizer import SPACE, Tokenizer

TOKENS_A_STEP = 4096
POOL = 640
ROUNDING = 16
WARM_UP = 100
DECAY_SHARE = 0.5
VALUE_WEIGHT = 0.2
SEEN_WEIGHT = 0.3


# --- Data


@dataclass(frozen=True)
class Sample:
    """Tokens of prompt and answer; the values and labels come from the training marks."""

    ids: list[int]
    prompt_length: int
    values: list[int]
    seen: list[tuple[int, bool]]


@dataclass(frozen=True)
class Batch:
    """Right-padded rows; positions are flat, and a token is predicted from the position before it."""

    ids: Tensor
    positions: Tensor
    targets: Tensor
    weights: Tensor
    rows: Tensor
    seen_positions: Tensor
    seen_labels: Tensor


def encode(tokenizer: Tokenizer, opening: str, answer: str) -> Sample:
    asked, answered = tokenizer.encode_marked(opening), tokenizer.encode_marked(answer)
    shift = len(asked.ids)
    seen = asked.seen + [(at + shift, label) for at, label in answered.seen]
    return Sample([*asked.ids, *answered.ids, tokenizer.ids[END]], shift, asked.values, seen)


def rounded(length: int) -> int:
    return -(-length // ROUNDING) * ROUNDING


def batches(tokenizer: Tokenizer, context: int, seed: int) -> Iterator[list[Sample]]:
    """Endless batches of examples of like length, in random order within a pool."""
    rng = Random(seed)
    while True:
        pool: list[Sample] = []
        while len(pool) < POOL:
            sample = encode(tokenizer, *draw_example(rng))
            if len(sample.ids) <= context:
                pool.append(sample)
        pool.sort(key=lambda sample: len(sample.ids) + 8 * rng.random())
        packed = pack(pool)
        rng.shuffle(packed)
        yield from packed


def pack(pool: list[Sample]) -> list[list[Sample]]:
    """Cuts the pool so that each batch, padded to its last row, keeps to the tokens of a step."""
    packed: list[list[Sample]] = [[]]
    for sample in pool:
        if packed[-1] and (len(packed[-1]) + 1) * rounded(len(sample.ids)) > TOKENS_A_STEP:
            packed.append([])
        packed[-1].append(sample)
    return packed


def collate(samples: list[Sample], padding: int) -> Batch:
    length = rounded(max(len(sample.ids) for sample in samples))
    ids = torch.full((len(samples), length), padding)
    supervised: list[tuple[int, int, float, int]] = []
    seen: list[tuple[int, float]] = []
    for row, sample in enumerate(samples):
        start = row * length
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        answer = range(sample.prompt_length, len(sample.ids))
        for places, weight in ((sample.values, VALUE_WEIGHT), (answer, 1.0)):
            supervised += [(start + at - 1, sample.ids[at], weight, row) for at in places]
        seen += [(start + at, float(label)) for at, label in sample.seen]
    positions, targets, weights, rows = map(torch.tensor, zip(*supervised))
    seen_positions = torch.tensor([at for at, _ in seen], dtype=torch.long)
    return Batch(ids, positions, targets, weights, rows, seen_positions, torch.tensor([label for _, label in seen]))


# --- Optimisation


class Muon:
    """Momentum, orthogonalised by a Newton-Schulz iteration; fused matrices are taken apart first."""

    MOMENTUM = 0.95
    WEIGHT_DECAY = 0.02

    def __init__(self, model: Model):
        self.matrices = [
            (linear.weight, parts)
            for block in model.blocks
            for linear, parts in (
                (block.query_key_value, 3),
                (block.attention_output, 1),
                (block.gate_up, 2),
                (block.down, 1),
            )
        ]
        self.momentum = [torch.zeros_like(matrix) for matrix, _ in self.matrices]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for (matrix, parts), momentum in zip(self.matrices, self.momentum):
            momentum.lerp_(matrix.grad, 1 - self.MOMENTUM)
            direction = matrix.grad.lerp(momentum, self.MOMENTUM)
            for part, push in zip(matrix.chunk(parts), direction.chunk(parts)):
                scale = max(1.0, push.shape[0] / push.shape[1]) ** 0.5
                part.mul_(1 - rate * self.WEIGHT_DECAY).add_(orthogonalised(push), alpha=-rate * scale)
            matrix.grad = None


def orthogonalised(matrix: Tensor) -> Tensor:
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix / (matrix.norm() + 1e-7)
    x = x.T if tall else x
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def rate_factor(step: int, steps: int) -> float:
    factor = min(1.0, (step + 1) / WARM_UP)
    decay_from = steps * (1 - DECAY_SHARE)
    if step > decay_from:
        factor *= max(0.01, 1 - (step - decay_from) / (steps - decay_from))
    return factor


def forward(model: Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits of the supervised tokens, and the head's opinion at the watched ones."""
    with torch.autocast("cpu", torch.bfloat16):
        last, before_last = model(batch.ids)
        logits = model.logits(last.flatten(0, 1)[batch.positions])
        seen = model.seen(before_last.flatten(0, 1)[batch.seen_positions])
    return logits.float(), seen.float()


def losses(model: Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """What is reported (the tokens), and what is minimised (with the auxiliary head)."""
    logits, seen = forward(model, batch)
    tokens = F.cross_entropy(logits, batch.targets, reduction="none")
    mean = (tokens * batch.weights).sum() / batch.weights.sum()
    if not len(batch.seen_labels):
        return mean, mean
    return mean, mean + SEEN_WEIGHT * F.binary_cross_entropy_with_logits(seen, batch.seen_labels)


@torch.no_grad()
def exact_share(model: Model, tokenizer: Tokenizer, kind: str, count: int) -> float:
    """Held-out answers of which every token is the likeliest one, given those before it."""
    rng = Random(99)
    items = [draw(rng, kind, held_out=True) for _ in range(count)]
    samples = [encode(tokenizer, chat(item.prompt), item.target) for item in items]
    samples = sorted((s for s in samples if len(s.ids) <= model.config.context), key=lambda s: len(s.ids))
    wrong = 0
    for start in range(0, len(samples), 25):
        batch = collate(samples[start : start + 25], tokenizer.ids[END])
        missed = (forward(model, batch)[0].argmax(-1) != batch.targets) & (batch.weights == 1)
        wrong += len(batch.rows[missed].unique())
    return 1 - wrong / len(samples)


# --- The run


@dataclass
class Run:
    model: Model
    muon: Muon
    adam: torch.optim.Optimizer
    step: int = 0

    def save(self, path: Path) -> None:
        state = {
            "config": asdict(self.model.config),
            "model": self.model.state_dict(),
            "momentum": self.muon.momentum,
            "adam": self.adam.state_dict(),
            "step": self.step,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def restore(self, path: Path) -> None:
        state = torch.load(path)
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        for own, saved in zip(self.muon.momentum, state["momentum"]):
            own.copy_(saved)
        self.step = state["step"]


def new_run(tokenizer: Tokenizer, rate: float) -> Run:
    model = Model(Config(vocabulary=len(tokenizer.vocabulary)))
    model.initialise_digits(
        [tokenizer.ids[str(digit)] for digit in range(10)],
        [tokenizer.ids[f"{SPACE}{digit}"] for digit in range(10)],
    )
    muon = Muon(model)
    matrices = {id(matrix) for matrix, _ in muon.matrices}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in matrices]
    return Run(model, muon, torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.99), weight_decay=0.0))


def take_step(run: Run, batch: Batch, arguments: argparse.Namespace) -> float:
    factor = rate_factor(run.step, arguments.steps)
    reported, minimised = losses(run.model, batch)
    minimised.backward()
    for group in run.adam.param_groups:
        group["lr"] = arguments.rate * factor
    run.adam.step()
    run.adam.zero_grad()
    run.muon.step(arguments.matrix_rate * factor)
    run.step += 1
    return reported.item()


def report(run: Run, tokenizer: Tokenizer, count: int, **facts: float | None) -> None:
    exact = {kind: round(exact_share(run.model, tokenizer, kind, count), 4) for kind in MIX}
    print(json.dumps({"step": run.step, **facts, "exact": exact}), flush=True)


def train(run: Run, tokenizer: Tokenizer, arguments: argparse.Namespace) -> None:
    """Reports and saves every so often, and at the end."""
    checkpoint = arguments.out / "checkpoint.pt"
    started, loss = time.monotonic(), None
    for samples in batches(tokenizer, run.model.config.context, arguments.seed + run.step):
        if run.step % arguments.report_every == 0 or run.step >= arguments.steps:
            report(run, tokenizer, arguments.report_on, seconds=round(time.monotonic() - started), loss=loss)
            run.save(checkpoint)
        if run.step >= arguments.steps:
            return
        current = take_step(run, collate(samples, tokenizer.ids[END]), arguments)
        loss = current if loss is None else 0.98 * loss + 0.02 * current


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the tiny judge.")
    parser.add_argument("--out", type=Path, default=Path("run"))
    parser.add_argument("--steps", type=int, default=13_500)
    parser.add_argument("--rate", type=float, default=3e-3, help="AdamW's learning rate")
    parser.add_argument("--matrix-rate", type=float, default=0.02, help="Muon's learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report-every", type=int, default=500, metavar="STEPS")
    parser.add_argument("--report-on", type=int, default=200, metavar="ITEMS", help="held-out items of each kind")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out, if there is one")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.load()
    run = new_run(tokenizer, arguments.rate)
    checkpoint = arguments.out / "checkpoint.pt"
    if arguments.resume and checkpoint.exists():
        run.restore(checkpoint)
    train(run, tokenizer, arguments)


if __name__ == "__main__":
    main()
