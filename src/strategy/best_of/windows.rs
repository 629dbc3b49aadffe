//! Windows over more answers than a judge can rank at once.
//!
//! A window of W answers slides from the back of the list to the front, S answers at a time, and the judge puts each
//! window in order (Sun et al. 2023, "Is ChatGPT Good at Search?", RankGPT). The best answers of a window are part of the
//! next one, so that a judge that is always right brings the W − S best answers to the front. The published code leaves
//! out the first answers if the last step does not end at the front; here the last window always begins there.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// How many answers a judge ranks at once, and by how many the window moves.
///
/// ```
/// use tribunal::strategy::best_of::Window;
///
/// let window: Window = "4:2".parse()?;
/// assert_eq!(window.ranges(9), [5..9, 3..7, 1..5, 0..4]);
/// assert_eq!((window.rankings(9), window.rankings(4)), (4, 1));
/// assert_eq!("20".parse::<Window>()?.to_string(), "20:10");
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    size: usize,
    stride: usize,
}

impl Window {
    /// A window of so many answers that moves by so many.
    ///
    /// # Errors
    /// The window has fewer than two answers, or two windows would not overlap.
    pub fn new(size: usize, stride: usize) -> Result<Self> {
        if size < 2 || stride == 0 || stride >= size {
            let message = format!(
                "a window of {size} answers that moves by {stride} ranks nothing or leaves gaps"
            );
            return Err(Error::new(ErrorKind::Config, message)
                .hint("write how many answers are ranked at once, and a smaller step: 20:10"));
        }
        Ok(Self { size, stride })
    }

    /// The places of the answers of each window, in the order in which they are ranked.
    pub fn ranges(self, answers: usize) -> Vec<Range<usize>> {
        let count = self.rankings(answers);
        let first = answers.saturating_sub(self.size);
        let start = |n: usize| first.saturating_sub(n * self.stride);
        (0..count).map(|n| start(n)..(start(n) + self.size).min(answers)).collect()
    }

    /// The number of rankings of so many answers: 1 if they fit into one window, else ⌈(N − W) / S⌉ + 1.
    pub fn rankings(self, answers: usize) -> usize {
        let more = answers.saturating_sub(self.size).div_ceil(self.stride);
        if answers < 2 { 0 } else { more + 1 }
    }
}

/// The size and the step, as in settings.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, self.stride)
    }
}

/// The size, or the size and the step; by default, the step is half of the window.
impl FromStr for Window {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| text.trim().parse::<usize>().unwrap_or(0);
        match text.split_once(':') {
            Some((size, stride)) => Self::new(number(size), number(stride)),
            None => Self::new(number(text), number(text) / 2),
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows() -> impl Strategy<Value = (Window, usize)> {
        (2_usize..9, 2_usize..40).prop_flat_map(|(size, answers)| {
            (1..size).prop_map(move |stride| (Window::new(size, stride).unwrap(), answers))
        })
    }

    proptest! {
        /// A judge that is always right brings the W − S best to the front, whatever the order was.
        #[test]
        fn a_perfect_judge_finds_the_best((window, answers) in windows(), seed: u64) {
            let mut order = crate::strategy::chance::shuffled(answers, seed);
            let ranges = window.ranges(answers);
            prop_assert_eq!(ranges.len(), window.rankings(answers));
            for range in ranges {
                order[range].sort_unstable();
            }
            let sure = (window.size - window.stride).min(answers);
            prop_assert_eq!(&order[..sure], &(0..sure).collect::<Vec<_>>()[..]);
        }

        #[test]
        fn every_answer_is_ranked_and_the_last_window_is_at_the_front((window, answers) in windows()) {
            let ranges = window.ranges(answers);
            prop_assert!((0..answers).all(|at| ranges.iter().any(|range| range.contains(&at))));
            prop_assert_eq!(ranges.last().map(|range| range.start), Some(0));
            prop_assert!(ranges.iter().all(|range| range.len() == window.size.min(answers)));
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in ["", "x", "1", "0:0", "4:4", "4:0", "4:5", "4:x"] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
        assert_eq!("3".parse::<Window>().unwrap().to_string(), "3:1");
    }
}
