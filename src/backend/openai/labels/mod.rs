//! Exact probabilities of labels on servers that can do more than report the likeliest tokens.
//!
//! A label may consist of several tokens, and its first token may be joined to the last one of the text before it. So a
//! server is first asked for tokens: those of the text, and those of the text with each label. The tokens of the
//! labels are then a tree, and each branch is weighed after its own prefix.
//!
//! | server | tokens | probabilities |
//! |---|---|---|
//! | llama.cpp | `/apply-template`, `/tokenize` | `/completion`, with `n_probs` before sampling; a token that is not reported is forced |
//! | vLLM | `/tokenize` with messages | `/v1/completions`, with `logprob_token_ids`; a token that is not reported has its `prompt_logprobs` |
//! | vLLM behind a gateway | `prompt_logprobs` of `/v1/chat/completions` | the same |
//! | SGLang | `/v1/tokenize` with messages, or `return_prompt_token_ids` | `/generate` with `token_ids_logprob`, or `/v1/score` |
//! | any other | | the likeliest first tokens ([`answer`](super::answer)) |
//!
//! The log-probabilities of a given text (`given`) are those of a prompt that ends with it: `prompt_logprobs` of vLLM's
//! `/v1/completions`, `input_token_logprobs` of SGLang's `/generate`.
//!
//! The rows of one server are tried from its best one down. A route that is missing or refused is left for good, which
//! is reported once. The last resort is what every server has.

mod route;
mod question;
mod llamacpp;
mod vllm;
mod sglang;
mod given;
mod ladder;

pub(super) use {
    given::{PromptLogprobs, weigh as weigh_text},
    ladder::Ladder,
    question::{Question, tokens_in},
    route::{Miss, Server},
};
