//! Detects texts that repeat themselves without end.
//!
//! Greedy texts do, and so do sampled ones as soon as the model is so sure of the repetition that every draw makes the
//! same choice: their end is a greedy text, whatever the temperature.

use llama_cpp_2::token::LlamaToken;

/// The written tokens, and for every period the length of the repetition at their end.
///
/// When a text repeats itself, each repetition makes the next one more likely (Holtzman et al. 2020,
/// The Curious Case of Neural Text Degeneration; Xu et al. 2022, Learning to Break the Loop). Such a text
/// continues until its limit of tokens. Only tokens that were certain count: a draw may leave any other repetition.
#[derive(Debug, Default)]
pub(super) struct Circle {
    written: Vec<LlamaToken>,
    /// At index p - 1: how many certain tokens in a row equal the token p positions before them.
    runs: Vec<usize>,
}

/// The longest period that is detected, in tokens: about one paragraph of a critique.
const LONGEST: usize = 512;

/// The fewest tokens of repetition that count as a loop. Useful text repeats itself for less: a line of 120
/// dashes is at most 120 tokens, the rule below the head of a table of 20 columns about 60, a matrix of 8 × 8
/// zeros 144, and `Correct` on each of 100 lines 200. Numbered lists and tables with changing digits have no
/// period.
const SHORTEST: usize = 256;

/// The fewest repetitions that count as a loop: a paragraph that occurs two or three times is emphasis.
const TIMES: usize = 4;

impl Circle {
    /// Adds a token, and whether practically every draw would have chosen it. Returns whether the text now counts as a
    /// loop.
    pub(super) fn closes(&mut self, token: LlamaToken, is_certain: bool) -> bool {
        let Self { written, runs } = self;
        runs.resize(written.len().min(LONGEST), 0);
        for (run, earlier) in runs.iter_mut().zip(written.iter().rev()) {
            *run = if is_certain && *earlier == token { *run + 1 } else { 0 };
        }
        written.push(token);
        let is_circle = |(n, run): (usize, &usize)| {
            let period = n + 1;
            *run > 0 && run + period >= SHORTEST.max(TIMES * period)
        };
        runs.iter().enumerate().any(is_circle)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// After how many tokens a text of certain tokens counts as a loop; `None` if it never does.
    fn closed(text: impl IntoIterator<Item = usize>) -> Option<usize> {
        drawn(text.into_iter().map(|id| (id, true)))
    }

    /// The same for tokens that were certain or not.
    fn drawn(text: impl IntoIterator<Item = (usize, bool)>) -> Option<usize> {
        let mut circle = Circle::default();
        let token = |id| LlamaToken(i32::try_from(id).unwrap());
        let mut text = text.into_iter();
        text.position(|(id, is_certain)| circle.closes(token(id), is_certain)).map(|at| at + 1)
    }

    #[test]
    fn a_sampled_text_is_a_circle_once_every_draw_makes_the_same_choice() {
        let sentence = || (0..30).cycle().take(2_000);
        let sure_from = |from: usize| drawn(sentence().enumerate().map(|(n, id)| (id, n >= from)));
        assert_eq!(sure_from(0), Some(256));
        // The first repetition need not have been certain: what matters is that it is repeated.
        assert_eq!(sure_from(30), Some(256));
        // Two sentences are a period too, and the first two of a circle may have been uncertain.
        assert_eq!(sure_from(400), Some(400 + 256 - 60));
        let now_and_then = drawn(sentence().enumerate().map(|(n, id)| (id, n % 100 != 0)));
        assert_eq!(now_and_then, None, "a draw may leave it");
    }

    #[test]
    fn a_sentence_that_comes_again_and_again_is_a_circle() {
        let opening = 100..140;
        let sentence = (0..30).cycle();
        assert_eq!(closed(opening.chain(sentence).take(2_000)), Some(40 + 256));
        assert_eq!(closed((0..200).cycle().take(2_000)), Some(800), "four whole rounds");
        assert_eq!(closed((0..513).cycle().take(9_000)), None, "longer than what is looked for");
    }

    #[test]
    fn honest_repetitions_are_none() {
        // A rule of 120 dashes, 100 lines of one word, zeros in 8 rows, and a paragraph that occurs three
        // times.
        assert_eq!(closed([7; 120]), None);
        assert_eq!(closed((0..2).cycle().take(200)), None);
        assert_eq!(closed((0..18).cycle().take(144)), None);
        assert_eq!(closed((0..300).cycle().take(900)), None);
        // A numbered list, with three tokens around each number.
        assert_eq!(closed((0..4_000).map(|n| if n % 4 == 0 { 10 + n / 4 } else { n % 4 })), None);
    }

    proptest! {
        #[test]
        fn a_circle_is_found_as_soon_as_its_definition_holds(
            opening in prop::collection::vec(50_usize..60, 0..50),
            period in prop::collection::vec(0_usize..6, 1..90),
        ) {
            let text: Vec<usize> =
                opening.iter().copied().chain(period.iter().copied().cycle()).take(900).collect();
            let is_circle = |text: &[usize]| (1..=LONGEST).any(|p| {
                let least = SHORTEST.max(TIMES * p);
                text.len() >= least
                    && text[text.len() - least..].windows(p + 1).all(|w| w[0] == w[p])
            });
            let slow = (1..=text.len()).find(|end| is_circle(&text[..*end]));
            prop_assert_eq!(closed(text), slow);
        }
    }
}
