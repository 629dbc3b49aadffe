"""Writes a checkpoint as GGUF for llama.cpp: architecture llama, tokenizer gpt2, ChatML.

    python3 export.py run/checkpoint.pt run/tiny.gguf
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import gguf
import numpy as np

from arithmetic import INSTRUCTIONS, REFUSAL
from dataset import END
from tokenizer import CONTROL, THOUGHT, Tokenizer

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FILE_TYPES = {
    "f32": (gguf.LlamaFileType.ALL_F32, gguf.GGMLQuantizationType.F32),
    "f16": (gguf.LlamaFileType.MOSTLY_F16, gguf.GGMLQuantizationType.F16),
    "q8_0": (gguf.LlamaFileType.MOSTLY_Q8_0, gguf.GGMLQuantizationType.Q8_0),
}
TRAINING_ONLY = "seen_head."

State = Mapping[str, np.ndarray]


def load_checkpoint(path: Path) -> tuple[dict, State]:
    import torch

    checkpoint = torch.load(path, map_location="cpu")
    weights = {name: tensor.float().numpy() for name, tensor in checkpoint["model"].items()}
    return checkpoint["config"], weights


def write_gguf(path: Path, config: dict, weights: State, tokenizer: Tokenizer, file_type: str = "f16") -> None:
    writer = gguf.GGUFWriter(path, "llama")
    weights = {name: array for name, array in weights.items() if not name.startswith(TRAINING_ONLY)}
    describe_model(writer, config, sum(array.size for array in weights.values()))
    describe_tokenizer(writer, tokenizer)
    kind, matrix_type = FILE_TYPES[file_type]
    writer.add_file_type(kind)
    for name, array in llama_tensors(config, weights):
        add_tensor(writer, name, array, matrix_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe_model(writer: gguf.GGUFWriter, config: dict, parameters: int) -> None:
    writer.add_type("model")
    writer.add_name("tribunal-tiny")
    writer.add_description("Judges sums and differences of whole numbers up to 999, step by step.")
    writer.add_license("MIT OR Apache-2.0")
    writer.add_size_label(f"{parameters / 1e6:.1f}M")
    writer.add_vocab_size(config["vocabulary"])
    writer.add_context_length(config["context"])
    writer.add_embedding_length(config["width"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["hidden"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["heads"])
    writer.add_rope_dimension_count(config["width"] // config["heads"])
    writer.add_rope_freq_base(config["rope_base"])
    writer.add_layer_norm_rms_eps(config["epsilon"])
    for kind, instruction in INSTRUCTIONS.items():
        writer.add_string(f"judge.instruction.{kind}", instruction)
    writer.add_string("judge.domain", "sums and differences of whole numbers up to 999, up to four operations")
    writer.add_string("judge.refusal", REFUSAL)


def describe_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    """The thought's tokens are user-defined, so that they show in the output; the others are control tokens."""
    types = dict.fromkeys(CONTROL, gguf.TokenType.CONTROL) | dict.fromkeys(THOUGHT, gguf.TokenType.USER_DEFINED)
    start, end = tokenizer.ids["<|endoftext|>"], tokenizer.ids[END]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokenizer.vocabulary)
    writer.add_token_types([types.get(token, gguf.TokenType.NORMAL) for token in tokenizer.vocabulary])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer.merges])
    writer.add_bos_token_id(start)
    writer.add_pad_token_id(start)
    writer.add_eos_token_id(end)
    writer.add_eot_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def llama_tensors(config: dict, weights: State) -> Iterator[tuple[str, np.ndarray]]:
    yield "token_embd.weight", weights["embedding.weight"]
    yield "output_norm.weight", weights["norm.weight"]
    for block in range(config["layers"]):
        own, theirs = f"blocks.{block}.", f"blk.{block}."
        query, key, value = np.split(weights[own + "query_key_value.weight"], 3)
        gate, up = np.split(weights[own + "gate_up.weight"], 2)
        yield theirs + "attn_norm.weight", weights[own + "attention_norm.weight"]
        yield theirs + "attn_q.weight", interleaved(query, config["heads"])
        yield theirs + "attn_k.weight", interleaved(key, config["heads"])
        yield theirs + "attn_v.weight", value
        yield theirs + "attn_output.weight", weights[own + "attention_output.weight"]
        yield theirs + "ffn_norm.weight", weights[own + "feed_forward_norm.weight"]
        yield theirs + "ffn_gate.weight", gate
        yield theirs + "ffn_up.weight", up
        yield theirs + "ffn_down.weight", weights[own + "down.weight"]


def interleaved(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows of each head from two rotated halves to the neighbouring pairs that llama.cpp rotates."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def add_tensor(
    writer: gguf.GGUFWriter, name: str, array: np.ndarray, matrix_type: gguf.GGMLQuantizationType
) -> None:
    """Matrices in the file's type, norms in full."""
    array = np.ascontiguousarray(array, dtype=np.float32)
    if array.ndim == 1 or matrix_type == gguf.GGMLQuantizationType.F32:
        writer.add_tensor(name, array)
    else:
        writer.add_tensor(name, gguf.quants.quantize(array, matrix_type), raw_dtype=matrix_type)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a checkpoint as GGUF.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--type", choices=FILE_TYPES, default="f16")
    arguments = parser.parse_args()
    config, weights = load_checkpoint(arguments.checkpoint)
    write_gguf(arguments.out, config, weights, Tokenizer.load(), arguments.type)


if __name__ == "__main__":
    main()
