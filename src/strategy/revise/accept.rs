//! Which drafts replace the previous one.

use std::{fmt, str::FromStr};

use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    parse::Kind,
    prompt::Order,
    verdict::{Judgment, Preference, Verdict},
};

/// Which drafts replace the previous one.
#[derive(Clone, Debug)]
pub enum Accept {
    /// Every draft, as in most published loops. If the judge makes mistakes, drafts get worse.
    Always,
    /// A draft that the judge rates higher by more than `margin`, in the units of its verdict, or that
    /// passes. A bare label cannot distinguish a better failure from a worse one, so a draft with the same
    /// label is accepted too.
    Better {
        /// The least difference, exclusive; at least 0.
        margin: f64,
    },
    /// A draft that a comparing judge prefers in both orders (Refine-n-Judge).
    Preferred(Judge),
}

/// The name of an [`Accept`], without the judge that compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AcceptRule {
    /// Every draft: `always`.
    Always,
    /// A draft with a better verdict: `score`, or `score+0.5` for more than half a point.
    Better {
        /// The least difference, in the units of the verdict; at least 0.
        margin: f64,
    },
    /// A draft that a comparing judge prefers: `prefer`.
    Preferred,
}

impl Default for AcceptRule {
    fn default() -> Self {
        Self::Better { margin: 0.0 }
    }
}

impl FromStr for AcceptRule {
    type Err = Error;

    /// # Errors
    /// The word is not a rule, or the margin is not a number of at least 0.
    fn from_str(word: &str) -> Result<Self> {
        let invalid = || {
            Error::new(ErrorKind::Config, format!("invalid accept rule `{word}`"))
                .hint("write always, score, score+MARGIN such as score+0.5, or prefer")
        };
        let margin = |text: &str| text.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0);
        match (word, word.strip_prefix("score+")) {
            ("always", _) => Ok(Self::Always),
            ("prefer", _) => Ok(Self::Preferred),
            ("score", _) => Ok(Self::default()),
            (_, Some(text)) => {
                margin(text).map(|margin| Self::Better { margin }).ok_or_else(invalid)
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for AcceptRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Better { margin } if *margin == 0.0 => f.write_str("score"),
            Self::Better { margin } => write!(f, "score+{margin}"),
            Self::Preferred => f.write_str("prefer"),
        }
    }
}

impl Accept {
    /// The name of the rule.
    pub fn rule(&self) -> AcceptRule {
        match self {
            Self::Always => AcceptRule::Always,
            Self::Better { margin } => AcceptRule::Better { margin: *margin },
            Self::Preferred(_) => AcceptRule::Preferred,
        }
    }

    /// The judge that compares drafts, if the rule has one.
    pub fn judge(&self) -> Option<&Judge> {
        match self {
            Self::Preferred(judge) => Some(judge),
            Self::Always | Self::Better { .. } => None,
        }
    }

    /// Checks that the comparing judge can compare, and sees answers in both orders.
    ///
    /// # Errors
    /// It cannot, or it sees them in one order only.
    pub(super) fn check(&self) -> Result<()> {
        let Self::Preferred(judge) = self else { return Ok(()) };
        if judge.prompt().front().kind == Kind::Preference && judge.order() == Order::Both {
            return Ok(());
        }
        let message =
            format!("`{}` does not compare two answers in both orders", judge.prompt().name());
        Err(Error::new(ErrorKind::Config, message).hint("use the prompt `pair` for it"))
    }
}

/// A verdict as one number, in the units of the verdict; `None` for unreadable answers and for verdicts about
/// several answers.
pub(super) fn worth(judgment: &Judgment, item: &Item) -> Option<f64> {
    let passes = judgment.pass == Some(true);
    match judgment.verdict.as_ref().ok()? {
        Verdict::Score(score) => Some(*score),
        Verdict::Label(label) => {
            let sure = label.confidence.unwrap_or(1.0);
            Some(if passes { sure } else { 1.0 - sure })
        }
        Verdict::Steps(steps) => {
            let count = item.steps().len().max(steps.steps.len());
            match steps.first_error {
                None => Some(1.0),
                Some(first) => (count == 0 || first < count).then(|| share(first, count)),
            }
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 steps")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Whether the answer `new` of the two is preferred in both orders.
pub(super) fn prefers(judgment: &Judgment) -> bool {
    judgment.preference() == Some(Preference::Second) && judgment.consistent == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for word in ["always", "score", "score+0.5", "prefer"] {
            assert_eq!(word.parse::<AcceptRule>().unwrap().to_string(), word);
        }
        for word in ["", "scroe", "score-1", "score+", "score+nan", "score+-1", "prefer x"] {
            let error = word.parse::<AcceptRule>().unwrap_err();
            assert!(error.to_string().contains("invalid accept rule"), "{word}");
        }
    }
}
