//! Charts as SVG that needs no other file and runs no script.
//!
//! | file | what it draws |
//! |---|---|
//! | `lines` | [`Chart`]: lines with intervals over a logarithmic axis |
//! | `picture` | axes with marks, from which the others are made: colours, links, what is shown under the pointer |
//! | `bars` | histograms, and bars by name |
//! | `squares` | matrices of counts or shares |
//! | `points` | reliability, points with a trend, means by group with intervals |

#[cfg(feature = "cli")]
mod bars;
mod lines;
#[cfg(feature = "cli")]
mod picture;
#[cfg(feature = "cli")]
mod points;
#[cfg(feature = "cli")]
mod squares;

pub use lines::{Chart, Point, Series};
#[cfg(feature = "cli")]
pub(super) use {
    bars::{bins, histogram, named_bars},
    picture::encoded,
    points::{GroupMean, Spent, by_group, over_tokens, reliability, scatter},
    squares::{Cell, square},
};
