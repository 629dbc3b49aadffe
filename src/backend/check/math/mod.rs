//! `check:math`: whether an answer and a reference have the same mathematical value.
//!
//! The value of a text is the content of its last `\boxed{…}`, else the announced text, else the whole text,
//! else the last formula or number of its last sentence. It is split into tokens, read as a value, and brought
//! into a canonical form with exact rationals: no floating point is used anywhere. The result has three
//! outcomes:
//!
//! - correct: the canonical forms are equal, or differ in something that answers leave out (a unit, the name
//!   in `x = 5`).
//! - incorrect: both values are known, and they are different.
//! - unreadable: one of them cannot be read, or both readings are possible (`50` for `50%`, `5` for `5x`).
//!
//! Public graders differ in what they accept. MATH's `is_equiv` (Hendrycks et al. 2021) compares texts after
//! rewriting them (`\tfrac`, `\left`, units, `0.5` as `\frac{1}{2}`, `x=`); Minerva (Lewkowycz et al. 2022) and
//! math-verify parse LaTeX with sympy and compare numbers up to rounding; PRM800K's grader (Lightman et al.
//! 2023) compares elements of tuples one by one, and refuses decimals for fractions. Here, values that are
//! written differently are equal, and rounding never makes them so: 3.14 is not π.
//!
//! Where both values are plain numbers, the result is that of `check:number`, with two exceptions. A percentage
//! against the number without the sign is unreadable, since the sign may have been left out. Units are not
//! prose: `5 m` is not `5 km`.
//!
//! | module | what it does |
//! |---|---|
//! | `find` | finds the value of a text |
//! | `tokens`, `lexer`, `token`, `commands` | split LaTeX or plain text into tokens |
//! | `parse`, `relations`, `expression`, `words` | read values from tokens |
//! | `value`, `interval`, `units` | values, and when they are equal |
//! | `quotient`, `poly`, `numbers` | exact expressions in canonical form |
//! | `fuel` | the limit on the work of one comparison |

mod commands;
mod expression;
mod find;
mod fuel;
mod interval;
mod lexer;
mod numbers;
mod parse;
mod poly;
mod quotient;
mod relations;
mod token;
mod tokens;
mod units;
mod value;
mod words;

use super::{Finding, FoundValue, unfit};
use crate::error::Result;

use find::Answer;

pub(super) use value::TEXT;

/// Compares an answer with one reference.
///
/// # Errors
/// The reference is empty, or it is a text of several lines without an answer.
pub(super) fn check(answer: &str, reference: &str) -> Result<Finding> {
    let wanted = match find::of_reference(reference) {
        FoundValue::One(wanted) => wanted,
        FoundValue::Nothing => return Err(unfit(reference, "holds no value")),
        FoundValue::Unclear => {
            return Err(unfit(reference, "can be read as more than one value"));
        }
    };
    Ok(match find::of_answer(answer) {
        FoundValue::Nothing => Finding::new(false, "The answer holds no value."),
        FoundValue::Unclear => undecided("It is unclear which value the answer gives."),
        FoundValue::One(found) => match found.is(&wanted) {
            Some(true) => {
                Finding::new(true, format!("The answer's value is `{found}`, as the reference's."))
            }
            Some(false) => Finding::new(
                false,
                format!("The answer's value is `{found}`, which is not the reference's."),
            ),
            None => undecided(&format!(
                "The answer's value is `{found}`, which cannot be compared with the reference's."
            )),
        },
    })
}

/// Compares an answer with a list of numbers, such as `[41, 42]`.
///
/// As mathematics, it is an interval or an ordered list; as JSON, it may be meant as a list of accepted
/// references. An answer that is one of them is therefore undecided.
///
/// # Errors
/// Those of [`check`].
pub(super) fn check_numbers(answer: &str, reference: &str, numbers: &[String]) -> Result<Finding> {
    let whole = check(answer, reference)?;
    if whole.holds == Some(true) {
        return Ok(whole);
    }
    for number in numbers {
        if check(answer, number)?.holds == Some(true) {
            return Ok(undecided(
                "The answer is one number of a list that may also be an interval; a list of accepted \
                 references has texts in quotes.",
            ));
        }
    }
    Ok(whole)
}

/// The result where nothing can be decided.
fn undecided(why: &str) -> Finding {
    Finding { holds: None, why: why.to_owned() }
}

/// The canonical form of the value that an answer gives; `None` if it gives none, or several.
pub(super) fn canonical(answer: &str) -> Option<String> {
    match find::of_answer(answer) {
        FoundValue::One(found) => Some(found.canonical()),
        _ => None,
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod real;
#[cfg(test)]
mod tests;
