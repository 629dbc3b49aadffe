//! A token of a value.

use num_rational::BigRational;

/// A token of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A number. `is_whole` if it is written with digits only.
    Number { value: BigRational, is_whole: bool },
    /// A variable or constant: `x`, `pi`.
    Letter(String),
    /// A word of prose, a unit, or a sign of a currency.
    Word(String),
    /// A command with arguments, or a function: `frac`, `sqrt`, `sin`.
    Command(String),
    /// An operator or a bracket.
    Mark(char),
}
