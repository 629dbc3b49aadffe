//! How a verdict that could not be read counts.

/// How verdicts that could not be read count in a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// As the benchmark's own code counts them.
    Official,
    /// Not at all: the figure is about what could be read.
    Readable,
    /// As if every one of them were wrong.
    Worst,
    /// As if every one of them were right.
    Best,
}

impl Convention {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Official, Self::Readable, Self::Worst, Self::Best];

    /// What a record counts, 0 to 1: what is known, or what stands for it where nothing could be read. `official` is
    /// the value of the benchmark's own code; `None` leaves the record out.
    pub(super) fn credit(self, known: Option<f64>, official: Option<f64>) -> Option<f64> {
        known.or(match self {
            Self::Official => official,
            Self::Readable => None,
            Self::Worst => Some(0.0),
            Self::Best => Some(1.0),
        })
    }

    /// The verdict that stands for one that could not be read, given the right one, a wrong one, and that of the
    /// benchmark's own code. `None` leaves it out.
    pub(super) fn stand_in<T>(self, right: T, wrong: T, official: Option<T>) -> Option<T> {
        match self {
            Self::Official => official,
            Self::Readable => None,
            Self::Worst => Some(wrong),
            Self::Best => Some(right),
        }
    }
}
