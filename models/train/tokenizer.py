"""A byte-level BPE of 512 entries, as llama.cpp's `gpt-2` pre-tokenizer reads it.

Digits never merge, except with the space in front, so a number is always
spelled digit by digit. `merges.json` holds the merges of the shipped model;
`python3 tokenizer.py --learn FILE` learns a set from the present mix.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import regex

from arithmetic import REST, SEEN, VALUE, VALUE_END, WATCH, plain
from dataset import END, draw_example

CHUNK = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
THOUGHT = ("<think>", "</think>")
CONTROL = ("<|endoftext|>", "<|im_start|>", END)
SPECIAL = CONTROL + THOUGHT
SPLIT = regex.compile("(" + "|".join(map(regex.escape, SPECIAL)) + ")")
MERGES = Path(__file__).with_name("merges.json")

Merge = tuple[str, str]


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


LETTERS = _byte_letters()
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}
SPACE = LETTERS[ord(" ")]


@dataclass(frozen=True)
class Encoded:
    """Tokens of a text with training marks: which belong to a value, and what the auxiliary head should say where."""

    ids: list[int]
    values: list[int]
    seen: list[tuple[int, bool]]


class Tokenizer:
    def __init__(self, merges: Iterable[Merge]):
        self.merges = [tuple(merge) for merge in merges]
        self.vocabulary = LETTERS + [a + b for a, b in self.merges] + list(SPECIAL)
        self.ids = {token: at for at, token in enumerate(self.vocabulary)}
        self._ranks = {merge: rank for rank, merge in enumerate(self.merges)}
        self._encode_chunk = lru_cache(maxsize=100_000)(self._merge_chunk)

    @classmethod
    def load(cls, path: Path = MERGES) -> Tokenizer:
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for part in SPLIT.split(text):
            if part in SPECIAL:
                ids.append(self.ids[part])
            else:
                for chunk in CHUNK.findall(part):
                    ids += self._encode_chunk(chunk)
        return ids

    def encode_marked(self, text: str) -> Encoded:
        """A token is a value's if any of its bytes is; the head's label is that of its last byte."""
        in_value, label = _read_marks(text)
        ids, values, seen, end = self.encode(plain(text)), [], [], 0
        for at, token in enumerate(ids):
            start, end = end, end + len(self._bytes(token))
            if any(in_value[start:end]):
                values.append(at)
            if label[end - 1] is not None:
                seen.append((at, label[end - 1]))
        return Encoded(ids, values, seen)

    def decode(self, ids: Iterable[int]) -> str:
        return b"".join(map(self._bytes, ids)).decode("utf-8", "replace")

    def _bytes(self, token: int) -> bytes:
        text = self.vocabulary[token]
        return text.encode() if text in SPECIAL else bytes(BYTES[letter] for letter in text)

    def _merge_chunk(self, chunk: str) -> list[int]:
        symbols = [LETTERS[byte] for byte in chunk.encode()]
        while merge := min(zip(symbols, symbols[1:]), key=self._rank, default=None):
            if merge not in self._ranks:
                break
            symbols = _merged(symbols, merge)
        return [self.ids[symbol] for symbol in symbols]

    def _rank(self, merge: Merge) -> int:
        return self._ranks.get(merge, len(self._ranks))


def _read_marks(text: str) -> tuple[list[bool], list[bool | None]]:
    """For every byte that is no mark: whether it belongs to a value, and the head's label."""
    in_value: list[bool] = []
    label: list[bool | None] = []
    valued, seen = False, None
    for character in text:
        if character in (VALUE, VALUE_END):
            valued = character == VALUE
        elif character in (WATCH, REST):
            seen = False if character == WATCH else None
        elif character == SEEN:
            seen = True if seen is not None else None
        else:
            in_value += [valued] * len(character.encode())
            label += [seen] * len(character.encode())
    return in_value, label


def learn(texts: Iterable[str], size: int = 512) -> list[Merge]:
    """The most frequent merges of ASCII text without digits, after those of a space and a digit."""
    counts = Counter(chunk for text in texts for chunk in _mergeable(text))
    words = {chunk: [LETTERS[byte] for byte in chunk.encode()] for chunk in counts}
    merges = [(SPACE, str(digit)) for digit in range(10)]
    while len(LETTERS) + len(merges) + len(SPECIAL) < size:
        pairs: Counter[Merge] = Counter()
        for chunk, symbols in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += counts[chunk]
        merges.append(max(sorted(pairs), key=pairs.__getitem__))
        words = {chunk: _merged(symbols, merges[-1]) for chunk, symbols in words.items()}
    return merges


def _mergeable(text: str) -> Iterator[str]:
    for part in SPLIT.split(text):
        if part not in SPECIAL:
            yield from (c for c in CHUNK.findall(part) if c.isascii() and not any(map(str.isdigit, c)))


def _merged(symbols: list[str], merge: Merge) -> list[str]:
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == merge:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn merges from the training mix.")
    parser.add_argument("--learn", type=Path, metavar="FILE", required=True)
    parser.add_argument("--examples", type=int, default=6000)
    arguments = parser.parse_args()
    rng = Random(0)
    texts = (plain("".join(draw_example(rng))) + END for _ in range(arguments.examples))
    arguments.learn.write_text(json.dumps(learn(texts)), encoding="utf-8")


if __name__ == "__main__":
    main()
