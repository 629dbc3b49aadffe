//! How many texts to write at once.
//!
//! One call of llama.cpp can extend several sequences by a token each. What that saves depends on the weights and
//! the machine: with some kinds of weights two tokens cost hardly more than one, with others nearly four times as
//! much until eight or more come together. The cost is therefore measured when a model is loaded.

/// The widths that are measured on a GPU; on a CPU only the first five of them.
const WIDTHS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The widths that are measured.
pub(super) fn widths(is_on_gpu: bool) -> &'static [usize] {
    if is_on_gpu { &WIDTHS } else { &WIDTHS[..5] }
}

/// A smaller width is preferred if it reaches this share of the best rate: every sequence needs memory.
const NEARLY: f64 = 0.97;

/// A call on a GPU may take this many times as long with idle sequences as without them, so that it has the same
/// sequences as the calls around it. Where these change, llama.cpp builds its graph anew, and CUDA records it anew and runs
/// one call without a recording.
const FILLED: f64 = 1.1;

/// The cost of a call by its width, the number of sequences that it extends by one token.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Curve {
    /// Width and seconds of a call, by ascending width.
    points: Vec<(usize, f64)>,
}

impl Curve {
    /// A curve from measurements: width and seconds of a call. Seconds are made to ascend with the width, because
    /// a wider call does more work.
    pub(super) fn new(mut points: Vec<(usize, f64)>) -> Self {
        points.sort_unstable_by_key(|(width, _)| *width);
        let mut least = 0.0_f64;
        for (_, seconds) in &mut points {
            least = least.max(*seconds);
            *seconds = least;
        }
        Self { points }
    }

    /// A curve by which width changes nothing.
    pub(super) fn flat() -> Self {
        Self { points: vec![(1, 1.0), (2, 2.0)] }
    }

    /// The measurements: width and tokens per second.
    pub(super) fn rates(&self) -> Vec<(usize, f64)> {
        self.points.iter().map(|&(width, seconds)| (width, real(width) / seconds)).collect()
    }

    /// The smallest width, up to `most`, with nearly the best rate.
    pub(super) fn width(&self, most: usize) -> usize {
        let measured = self.points.iter().map(|(width, _)| *width).filter(|width| *width < most);
        let usable =
            || measured.clone().chain([most.max(1)]).map(|width| (width, self.rate(width)));
        let best = usable().map(|(_, rate)| rate).fold(0.0, f64::max);
        usable().find(|(_, rate)| *rate >= best * NEARLY).map_or(1, |(width, _)| width)
    }

    /// The widths of the calls that extend `count` sequences by a token each at the lowest cost, in all.
    pub(super) fn calls(&self, count: usize) -> Vec<usize> {
        // For each number of sequences: the lowest cost, and the width of the last call.
        let mut best = vec![(0.0, 0)];
        for n in 1..=count {
            let with = |width: usize| (best[n - width].0 + self.seconds(width), width);
            // The widest of equals comes first, so that there are few calls.
            let cheapest = (1..=n).rev().map(with).min_by(|a, b| a.0.total_cmp(&b.0));
            best.push(cheapest.unwrap_or((0.0, n)));
        }
        let mut calls = Vec::new();
        let mut left = count;
        while left > 0 {
            let width = best[left].1.max(1);
            calls.push(width);
            left -= width;
        }
        calls
    }

    /// Whether one call for `size` sequences costs hardly more than calls for the `count` of them that are extended.
    pub(super) fn fills(&self, count: usize, size: usize) -> bool {
        self.seconds(size) <= self.cost(count) * FILLED
    }

    /// The seconds in which so many sequences are extended by a token each.
    pub(super) fn cost(&self, count: usize) -> f64 {
        self.calls(count).into_iter().map(|width| self.seconds(width)).sum()
    }

    /// Tokens per second in calls of this width.
    fn rate(&self, width: usize) -> f64 {
        real(width) / self.seconds(width)
    }

    /// The seconds of a call of this width: on the line between the neighbouring measurements.
    fn seconds(&self, width: usize) -> f64 {
        let above = self.points.iter().position(|(w, _)| *w >= width);
        let line = |a: (usize, f64), b: (usize, f64)| {
            let slope = (b.1 - a.1) / real(b.0 - a.0);
            a.1 + slope * (real(width) - real(a.0))
        };
        match (above, self.points.as_slice()) {
            (_, []) => real(width),
            (Some(0), [first, ..]) => first.1,
            (Some(n), points) => line(points[n - 1], points[n]),
            (None, [only]) => only.1 * real(width) / real(only.0),
            (None, [.., a, b]) => line(*a, *b),
        }
    }
}

/// A small number for arithmetic.
#[expect(clippy::cast_precision_loss, reason = "a number of sequences")]
fn real(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(multiples: [f64; 5]) -> Curve {
        Curve::new(widths(false).iter().copied().zip(multiples).collect())
    }

    #[test]
    fn the_width_is_the_smallest_with_nearly_the_best_rate() {
        assert_eq!(curve([1.0, 1.5, 1.8, 3.2, 4.7]).width(16), 16);
        assert_eq!(curve([1.0, 1.5, 1.8, 3.2, 4.7]).width(4), 4);
        assert_eq!(curve([1.0, 2.0, 4.0, 8.0, 16.0]).width(16), 1);
        assert_eq!(curve([1.0, 1.1, 1.2, 1.9, 3.8]).width(16), 8);
        assert_eq!(Curve::flat().width(16), 1);
    }

    #[test]
    fn few_sequences_are_extended_one_by_one_where_wide_calls_are_dear() {
        // Measured with Q8_0 weights: two to six together cost more than one by one.
        let q8 = curve([1.0, 3.6, 5.1, 6.6, 6.6]);
        assert_eq!(q8.calls(3), [1, 1, 1]);
        assert_eq!(q8.calls(16), [16]);
        let q4 = curve([1.0, 1.5, 1.8, 3.2, 4.7]);
        assert_eq!(q4.calls(4), [4]);
        assert_eq!(q4.calls(0), [0; 0]);
        for count in 1..40 {
            assert_eq!(q4.calls(count).iter().sum::<usize>(), count);
            assert_eq!(q8.calls(count).iter().sum::<usize>(), count);
        }
    }

    #[test]
    fn calls_are_filled_up_where_width_is_nearly_free() {
        let gpu = curve([1.0, 1.02, 1.04, 1.08, 1.3]);
        assert!(gpu.fills(3, 4) && gpu.fills(5, 8) && gpu.fills(8, 8));
        assert!(!gpu.fills(1, 16) && !Curve::flat().fills(3, 4));
    }

    #[test]
    fn noise_never_makes_a_wider_call_cheaper() {
        let noisy = Curve::new(vec![(2, 1.0), (1, 1.2), (4, 1.1)]);
        assert_eq!(noisy.points, [(1, 1.2), (2, 1.2), (4, 1.2)]);
    }
}
