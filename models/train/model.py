"""A tiny model of llama architecture: rotary positions, RMS norms, SwiGLU, tied embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    vocabulary: int = 512
    width: int = 128
    layers: int = 5
    heads: int = 4
    hidden: int = 384
    context: int = 1024
    rope_base: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads


class Norm(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.width))
        self.epsilon = config.epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


class Block(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        width, hidden = config.width, config.hidden
        self.heads, self.head_width = config.heads, config.head_width
        self.attention_norm = Norm(config)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.attention_output = nn.Linear(width, width, bias=False)
        self.feed_forward_norm = Norm(config)
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self._attend(self.attention_norm(x), cos, sin)
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)

    def _attend(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        rows, length, width = x.shape
        split = self.query_key_value(x).view(rows, length, 3, self.heads, self.head_width)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            rotate(query, cos, sin), rotate(key, cos, sin), value, is_causal=True
        )
        return self.attention_output(mixed.transpose(1, 2).reshape(rows, length, width))


class Model(nn.Module):
    """Also carries a head that training uses and the export drops: has an error been seen so far?"""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = Norm(config)
        self.seen_head = nn.Linear(config.width, 1)
        cos, sin = rotary_tables(config)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._initialise()

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The last hidden states, and those before the last block, which `seen` reads."""
        length = ids.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        x = self.embedding(ids)
        for block in self.blocks[:-1]:
            x = block(x, cos, sin)
        return self.norm(self.blocks[-1](x, cos, sin)), x

    def logits(self, last: Tensor) -> Tensor:
        return last @ self.embedding.weight.T

    def seen(self, before_last: Tensor) -> Tensor:
        normed = F.rms_norm(before_last, (self.config.width,), eps=self.config.epsilon)
        return self.seen_head(normed).squeeze(-1)

    @torch.no_grad()
    def _initialise(self) -> None:
        nn.init.normal_(self.embedding.weight, std=0.02)
        for block in self.blocks:
            for linear in (block.query_key_value, block.gate_up):
                nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            for linear in (block.attention_output, block.down):
                nn.init.normal_(linear.weight, std=(2 * self.config.layers * linear.in_features) ** -0.5)

    @torch.no_grad()
    def initialise_digits(self, digits: Sequence[int], spaced: Sequence[int]) -> None:
        """Starts the tokens `0`…`9` and ` 0`…` 9` from one Fourier code; the spaced ones share an offset."""
        code = 0.06 * fourier_code()
        offset = 0.02 * torch.randn(self.config.width)
        for value in range(10):
            vector = 0.01 * torch.randn(self.config.width)
            vector[: code.shape[1]] = code[value]
            self.embedding.weight[digits[value]] = vector
            self.embedding.weight[spaced[value]] = vector + offset


def fourier_code() -> Tensor:
    """A row for each digit: a constant, its size, and five frequencies of its place on a circle of ten."""
    digits = torch.arange(10).float()
    features = [torch.ones(10), (digits - 4.5) / 3]
    for frequency in range(1, 6):
        angle = 2 * math.pi * frequency * digits / 10
        features += [math.sqrt(2) * angle.cos(), math.sqrt(2) * angle.sin()]
    return torch.stack(features, dim=1)


def rotary_tables(config: Config) -> tuple[Tensor, Tensor]:
    exponents = torch.arange(0, config.head_width, 2).float() / config.head_width
    angles = torch.outer(torch.arange(config.context).float(), config.rope_base**-exponents)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the two halves of each head against each other; `export` reorders them for llama.cpp."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
