//! Chooses tokens. Equal requests give equal texts in every run, which is why llama.cpp's own samplers are
//! not used.
//!
//! The random number for a token is a hash of the request's key and the position. It does not depend on other
//! requests, threads or the order of evaluation. Another draw of the same request has another key.

use std::{borrow::Cow, collections::HashMap};

use llama_cpp_2::token::LlamaToken;

use crate::request::{Request, Sampling};

/// The random seed of a request: its cache key, which includes the configured seed and the number of the
/// draw.
pub(super) fn seed(request: &Request, identity: &str) -> [u8; 32] {
    *request.key(identity).as_bytes()
}

/// How many tokens before the next one the penalties apply to, as in llama.cpp (`penalty_last_n`). They may
/// belong to the written text and to the prompt.
const PENALIZED: usize = 64;

/// A token that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) token: LlamaToken,
    /// Whether practically every draw would have chosen it: a greedy choice, or one with [`CERTAIN`] probability.
    pub(super) is_certain: bool,
}

/// The probability from which a drawn token counts as certain. A text of such tokens is as good as greedy: a model
/// that repeats itself gets surer with every repetition, and after a few of them leaves 1 in 1,000 or less to
/// everything else.
const CERTAIN: f64 = 0.99;

/// The next token after `held`: the most likely one at temperature 0 or without a temperature, otherwise a
/// random one.
///
/// Penalties are applied first, then `top_k`, `min_p` and `top_p` to the probabilities at this temperature,
/// as in the default chain of llama.cpp.
pub(super) fn pick(
    logits: &[f32],
    sampling: &Sampling,
    held: &[LlamaToken],
    seed: &[u8; 32],
    position: usize,
) -> Picked {
    let logits = penalized(logits, sampling, held);
    if is_greedy(sampling) {
        return Picked { token: token(likeliest(&logits)), is_certain: true };
    }
    let temperature = sampling.temperature.unwrap_or(0.0);
    let mut candidates = candidates(&logits, temperature, sampling.top_k);
    keep(&mut candidates, sampling);
    let total: f64 = candidates.iter().map(|(_, p)| p).sum();
    let mut left = chance(seed, position) * total;
    let drawn = candidates.iter().find(|(_, p)| {
        left -= p;
        left < 0.0
    });
    let (index, p) = drawn.or(candidates.last()).copied().unwrap_or((0, total));
    Picked { token: token(index), is_certain: p >= CERTAIN * total }
}

/// The seed of another try at the same position, after the tries before it chose tokens that may not follow.
///
/// It must not be the same seed: the random number of a try that failed is not uniform any more.
pub(super) fn again(seed: &[u8; 32], tries: u32) -> [u8; 32] {
    *blake3::keyed_hash(seed, &tries.to_le_bytes()).as_bytes()
}

/// Whether the most likely token is always chosen: at temperature 0, or without a temperature.
fn is_greedy(sampling: &Sampling) -> bool {
    sampling.temperature.is_none_or(|temperature| temperature <= 0.0)
}

/// The logits, lowered for the last tokens by the formulas of llama.cpp. First `repeat_penalty` divides a
/// positive logit or multiplies a negative one; then the presence penalty is subtracted once, and the
/// frequency penalty once per occurrence.
fn penalized<'l>(logits: &'l [f32], sampling: &Sampling, held: &[LlamaToken]) -> Cow<'l, [f32]> {
    let repeat = sampling.repeat_penalty.unwrap_or(1.0);
    let presence = sampling.presence_penalty.unwrap_or(0.0);
    let frequency = sampling.frequency_penalty.unwrap_or(0.0);
    if [repeat - 1.0, presence, frequency].iter().all(|penalty| penalty.abs() < f64::EPSILON) {
        return Cow::Borrowed(logits);
    }
    let mut counts: HashMap<LlamaToken, f64> = HashMap::new();
    for token in &held[held.len().saturating_sub(PENALIZED)..] {
        *counts.entry(*token).or_default() += 1.0;
    }
    let mut lowered = logits.to_vec();
    for (token, count) in counts {
        let logit = usize::try_from(token.0).ok().and_then(|index| lowered.get_mut(index));
        if let Some(logit) = logit {
            let known = f64::from(*logit);
            let scaled = if known > 0.0 { known / repeat } else { known * repeat };
            #[expect(clippy::cast_possible_truncation, reason = "logits have this precision")]
            let lower = (scaled - presence - frequency * count) as f32;
            *logit = lower;
        }
    }
    Cow::Owned(lowered)
}

/// The token with this index in the vocabulary.
fn token(index: usize) -> LlamaToken {
    LlamaToken(i32::try_from(index).unwrap_or(i32::MAX))
}

/// The index of the highest logit; the first one if several are equal, so that every run chooses the same.
fn likeliest(logits: &[f32]) -> usize {
    let best = logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(index, _)| index)
}

/// The tokens with their weights relative to the most likely one, which comes first. At most `top_k` of them
/// are kept, if `top_k` is above 0.
///
/// A weight is `exp((logit - highest) / temperature)`, so it never overflows.
fn candidates(logits: &[f32], temperature: f64, top_k: Option<u32>) -> Vec<(usize, f64)> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| (f64::from(logit - highest) / temperature).exp();
    let mut all: Vec<(usize, f64)> =
        logits.iter().map(|&logit| weight(logit)).enumerate().collect();
    let by_weight = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    let k = top_k.filter(|&k| k > 0).map_or(all.len(), |k| k as usize).min(all.len());
    if k < all.len() {
        all.select_nth_unstable_by(k, by_weight);
        all.truncate(k);
    }
    // Candidates that can never be drawn need no sorting.
    all.retain(|(_, weight)| *weight > 1e-12);
    all.sort_unstable_by(by_weight);
    all
}

/// Keeps the most likely candidates: those with at least `min_p` times the highest weight (Nguyen et al.
/// 2024), and of these the fewest whose probabilities add up to `top_p` (nucleus sampling, Holtzman et al.
/// 2020).
///
/// Candidates are sorted by weight, highest first; at least one is kept.
fn keep(candidates: &mut Vec<(usize, f64)>, sampling: &Sampling) {
    let Some(&(_, best)) = candidates.first() else { return };
    if let Some(min_p) = sampling.min_p {
        candidates.retain(|(_, weight)| *weight >= min_p * best);
    }
    if let Some(top_p) = sampling.top_p.filter(|&p| p < 1.0) {
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        let enough = candidates.iter().position(|(_, weight)| {
            sum += weight;
            sum >= top_p * total
        });
        candidates.truncate(enough.map_or(candidates.len(), |at| at + 1));
    }
}

/// A pseudo-random number in [0, 1) that depends only on the request and the position: 32 bits of a keyed
/// hash.
fn chance(seed: &[u8; 32], position: usize) -> f64 {
    let hash = blake3::keyed_hash(seed, &(position as u64).to_le_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    f64::from(u32::from_le_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

/// The natural-log probability of a token at temperature 1. The temperature of the request does not matter,
/// because probabilities of verdicts are the model's own.
pub(super) fn log_probability(logits: &[f32], token: LlamaToken) -> f64 {
    logit(logits, token) - normalizer(logits)
}

/// The normalizer of the logits of one position: the natural logarithm of the sum of their exponentials.
pub(super) fn normalizer(logits: &[f32]) -> f64 {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - highest).exp()).sum();
    highest + sum.ln()
}

/// The logit of a token; minus infinity if the token does not exist.
pub(super) fn logit(logits: &[f32], token: LlamaToken) -> f64 {
    let own = usize::try_from(token.0).ok().and_then(|index| logits.get(index));
    own.map_or(f64::NEG_INFINITY, |&logit| f64::from(logit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(temperature: f64) -> Sampling {
        Sampling { temperature: Some(temperature), ..Sampling::default() }
    }

    #[test]
    fn temperature_zero_takes_the_first_of_the_likeliest() {
        assert_eq!(pick(&[0.0, 3.0, 3.0], &with(0.0), &[], &[0; 32], 0).token.0, 1);
    }

    #[test]
    fn draws_follow_the_probabilities_and_repeat() {
        let logits = [0.0, 1.0_f32, f32::NEG_INFINITY];
        let draw = |position| pick(&logits, &with(1.0), &[], &[7; 32], position).token.0;
        let ones = (0..10_000).filter(|&position| draw(position) == 1).count();
        // e / (1 + e) = 0.731, with a standard deviation of 0.0044.
        assert!((7_130..7_490).contains(&ones), "{ones}");
        assert_eq!(draw(5), draw(5));
    }

    #[test]
    fn top_k_top_p_and_min_p_cut_the_tail() {
        let logits = [5.0, 4.0, 1.0_f32, -3.0];
        let pick = |sampling: &Sampling, n| pick(&logits, sampling, &[], &[1; 32], n).token.0;
        let only = |sampling: Sampling| (0..500).map(|n| pick(&sampling, n)).max();
        assert_eq!(only(Sampling { top_k: Some(1), ..with(5.0) }), Some(0));
        assert_eq!(only(Sampling { top_p: Some(0.9), ..with(1.0) }), Some(1));
        assert_eq!(only(Sampling { min_p: Some(0.2), ..with(1.0) }), Some(1));
    }

    #[test]
    fn a_choice_is_certain_if_practically_every_draw_makes_it() {
        let pick = |temperature, n| pick(&[9.0, 4.0_f32], &with(temperature), &[], &[2; 32], n);
        // 1 / (1 + e^-5) = 0.9933; at temperature 2 it is 0.924.
        assert!((0..500).all(|n| pick(1.0, n).is_certain == (pick(1.0, n).token.0 == 0)));
        assert!((0..500).all(|n| !pick(2.0, n).is_certain));
        assert!(pick(0.0, 0).is_certain);
    }

    #[test]
    fn a_second_try_has_a_random_number_of_its_own() {
        let seeds: Vec<_> = (0..20).map(|tries| again(&[3; 32], tries)).collect();
        let chances: Vec<f64> = seeds.iter().map(|seed| chance(seed, 5)).collect();
        let low = chances.iter().filter(|chance| **chance < 0.5).count();
        assert!((4..=16).contains(&low), "{chances:?}");
    }

    #[test]
    fn what_may_not_follow_is_never_drawn() {
        let logits = [f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
        for sampling in [with(0.0), with(1.0), Sampling { top_k: Some(4), ..with(3.0) }] {
            for n in 0..200 {
                let index = pick(&logits, &sampling, &[], &[5; 32], n).token.0;
                assert!(index == 1 || index == 3, "{index}");
            }
        }
    }

    #[test]
    fn penalties_lower_what_stands_among_the_last_tokens() {
        let held: Vec<LlamaToken> = [0, 0, 1].map(LlamaToken).into();
        let lowered = |sampling: Sampling| penalized(&[2.0, -1.0, 3.0], &sampling, &held).to_vec();
        assert_eq!(lowered(Sampling::default()), [2.0, -1.0, 3.0]);
        let repeat = Sampling { repeat_penalty: Some(2.0), ..Sampling::default() };
        assert_eq!(lowered(repeat), [1.0, -2.0, 3.0]);
        let presence = Sampling { presence_penalty: Some(0.5), ..Sampling::default() };
        assert_eq!(lowered(presence), [1.5, -1.5, 3.0]);
        let frequency = Sampling { frequency_penalty: Some(0.5), ..Sampling::default() };
        assert_eq!(lowered(frequency), [1.0, -1.5, 3.0]);
        let long: Vec<LlamaToken> = (0..65).map(|n| LlamaToken(i32::from(n > 0))).collect();
        let repeat = Sampling { repeat_penalty: Some(2.0), ..Sampling::default() };
        let seen = penalized(&[2.0, 2.0], &repeat, &long).to_vec();
        assert_eq!(seen, [2.0, 1.0], "the 65th token before is forgotten");
    }

    #[test]
    fn log_probabilities_sum_to_one() {
        let logits = [1.0, 2.0, 3.0_f32];
        let sum: f64 = (0..3).map(|n| log_probability(&logits, LlamaToken(n)).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-9);
    }
}
