//! Verdicts and their probabilities: what was scored, what a server reported, and which of text and probabilities
//! decides.
//!
//! | `verdict_from` | readable text | text that lacks only its verdict | any other text |
//! |---|---|---|---|
//! | `auto` | the text decides, the distribution stands beside it | the likeliest value | unreadable |
//! | `text` | the text decides | unreadable | unreadable |
//! | `probabilities` | the likeliest value | the likeliest value | unreadable |
//!
//! Wherever probabilities decide, the values must hold `mass` (5 % by default) of the probability together.
//! Otherwise the model was about to write something else, and the verdict is [`Unsure`](Reason::Unsure).

use std::ops::Range;

use super::{
    Kind, Place, ReadVerdict, Reader, Reply, Rule, RuleResult, Transcript, VerdictFrom,
    bare::bare,
    prepared::Prepared,
    values::{MenuValue, close_of},
};
use crate::{
    completion::{Completion, Distribution},
    verdict::{Label, Reason, SCORED, Unreadable, Verdict},
};

/// The place where a text holds its value, and every value that could stand there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValuePosition {
    /// The index of the reply that holds it.
    pub(crate) answer: usize,
    /// The byte of that reply's text at which the values begin.
    pub(crate) at: usize,
    /// The values, written as the model wrote there.
    pub(crate) values: Vec<MenuValue>,
}

/// The verdicts of a menu in its order, each with its probability.
type VerdictWeights = Vec<(Verdict, f64)>;

impl Reader {
    /// Adds probabilities to what the rules found, and lets them decide where they must; see the module.
    pub(super) fn weighed(
        &self,
        applied: RuleResult,
        transcript: &Transcript,
        prepared: &Prepared,
    ) -> ReadVerdict {
        let RuleResult { read, rule, place, .. } = &applied;
        if matches!(self.kind_of_rule(*rule), Some(Place::Logprobs { .. })) {
            return applied.read;
        }
        if self.spec.from == VerdictFrom::Text
            || matches!(self.kind_of_rule(*rule), Some(Place::Choose(_)))
        {
            return self.picked_label(applied);
        }
        let scored = self.scored(transcript);
        let weights = scored.or_else(|| {
            let rule = (*rule)?;
            let (weights, top) = self.reported(rule, place.clone()?, prepared)?;
            Some((rule, weights, top))
        });
        let Some((by, weights, top)) = weights else { return self.unweighed(applied) };
        let distribution = Distribution { top, ..distribution(&weights) };
        let mass = distribution.mass();
        let enough = mass >= self.spec.mass && mass > 0.0;
        let rule = self.spec.rules.get(by).map(Rule::name).unwrap_or_default();
        let decides =
            self.spec.from == VerdictFrom::Probabilities && Self::may_be_scored(&applied, prepared);
        let rescued = read.verdict.is_err() && Self::may_be_scored(&applied, prepared);
        let mut read = applied.read;
        if decides || rescued {
            read.verdict =
                if enough { Ok(likeliest(&weights)) } else { Err(Self::unsure(&rule, mass)) };
            read.span = read.span.filter(|_| !rescued);
            read.rule = Some(format!("{rule}{SCORED}"));
        }
        if enough && let Ok(Verdict::Label(label)) = &mut read.verdict {
            *label = self.with_shares(&label.label, &distribution);
        }
        ReadVerdict { distribution: Some(distribution), ..read }
    }

    /// What is read without probabilities: unreadable where they must decide.
    fn unweighed(&self, applied: RuleResult) -> ReadVerdict {
        let read = applied.read;
        if self.spec.from != VerdictFrom::Probabilities || read.verdict.is_err() {
            return read;
        }
        ReadVerdict { verdict: Err(Unreadable::new(Reason::Unsure, NONE_REPORTED)), ..read }
    }

    /// The same for a label that a `choose` picked: it has its own probabilities, or none if it was read from text.
    fn picked_label(&self, applied: RuleResult) -> ReadVerdict {
        let none = applied.read.distribution.is_none() && self.spec.kind != Kind::Steps;
        if none { self.unweighed(applied) } else { applied.read }
    }

    /// Where the rule with this index looks.
    fn kind_of_rule(&self, rule: Option<usize>) -> Option<&Place> {
        self.spec.rules.get(rule?).map(|rule| &rule.place)
    }

    /// Whether the verdict of a text may come from probabilities: the text is readable, or lacks nothing but its
    /// verdict. A refusal, an ambiguous or off-scale value and an empty text are never replaced.
    pub(super) fn may_be_scored(applied: &RuleResult, prepared: &Prepared) -> bool {
        match &applied.read.verdict {
            Ok(_) => true,
            Err(why) => match why.reason {
                Reason::Missing => true,
                Reason::Truncated => prepared.is_cut_by_length(),
                Reason::Ambiguous => applied.is_empty,
                _ => false,
            },
        }
    }

    /// The verdicts that were scored, the index of the rule whose values they are, and the number of reported tokens
    /// if they were read from these.
    fn scored(&self, transcript: &Transcript) -> Option<(usize, VerdictWeights, Option<u32>)> {
        let scoring = transcript.results.iter().rfind(|answer| answer.is_scoring())?;
        let seen = scoring.completion.distribution.as_ref()?;
        let rules = self.spec.rules.iter().enumerate();
        rules.filter(|(_, rule)| is_written(&rule.place)).find_map(|(n, rule)| {
            Some((n, self.meanings(rule, &transcript.shape, seen)?, seen.top))
        })
    }

    /// The probabilities that a server reported at the place of the value that the model wrote, and the number of
    /// tokens that it reported.
    fn reported(
        &self,
        rule: usize,
        place: Range<usize>,
        prepared: &Prepared,
    ) -> Option<(VerdictWeights, Option<u32>)> {
        let reports = |answer: &Reply| !answer.completion.tokens.is_empty();
        if !prepared.transcript.results.iter().any(reports) {
            return None;
        }
        let rule = self.spec.rules.get(rule)?;
        let shape = &prepared.transcript.shape;
        let (answer, at) = Self::start_of_value(rule, place, prepared)?;
        let completion = &prepared.transcript.results.get(answer)?.completion;
        let values = self.values_written(rule, shape, false, "")?;
        let labels: Vec<String> = values.into_iter().map(|value| value.text).collect();
        let seen = reported_at(completion, at, &labels)?;
        Some((self.meanings(rule, shape, &seen)?, seen.top))
    }

    /// The place at which the text announces the verdict that was read, for scoring every value there; `None` where
    /// the text is unreadable, or its rule has no values after words.
    pub(crate) fn stand(&self, transcript: &Transcript) -> Option<ValuePosition> {
        let prepared = Prepared::new(transcript, self.is_draft());
        let applied = self.read_text(&prepared);
        applied.read.verdict.as_ref().ok()?;
        let rule = self.spec.rules.get(applied.rule?)?;
        if !is_written(&rule.place) {
            return None;
        }
        let (answer, start) = Self::start_of_value(rule, applied.place?, &prepared)?;
        let text = &transcript.results.get(answer)?.completion.text;
        // The blank before a value is a part of it, as it is for most tokenizers.
        let blank =
            text[..start].strip_suffix(' ').filter(|before| !before.ends_with(char::is_whitespace));
        let at = blank.map_or(start, str::len);
        let close =
            Some(close_of(rule)).filter(|close| closes(&text[start..], close)).unwrap_or_default();
        let values = self.values_written(rule, &transcript.shape, blank.is_some(), close)?;
        Some(ValuePosition { answer, at, values })
    }

    /// Whether the transcript lacks nothing but its verdict, so that one may be scored after an appended
    /// announcement.
    pub(crate) fn lacks_verdict_only(&self, transcript: &Transcript) -> bool {
        let prepared = Prepared::new(transcript, self.is_draft());
        let applied = self.read_text(&prepared);
        applied.read.verdict.is_err() && Self::may_be_scored(&applied, &prepared)
    }

    /// The index of the reply, and the byte of its text, at which the value that was found at `place` begins.
    fn start_of_value(
        rule: &Rule,
        place: Range<usize>,
        prepared: &Prepared,
    ) -> Option<(usize, usize)> {
        let within = rule.within.as_deref();
        let text = prepared.text(within);
        let text = text.trim();
        let piece = text.get(place.clone())?;
        let inner = bare(piece);
        let mut at = place.start + (inner.as_ptr() as usize - piece.as_ptr() as usize);
        if let Some(form) = &rule.form
            && let Some(rest) = text[at..].strip_prefix(&form.open)
        {
            at = text.len() - rest.trim_start().len();
        }
        prepared.located(at, within)
    }

    /// A label with its own share of the probability, and that of the positive label.
    pub(super) fn with_shares(&self, label: &str, seen: &Distribution) -> Label {
        let among = seen.among_labels();
        let share = |meaning: &str| Some(among.as_ref()?.of(meaning).unwrap_or(0.0));
        let p = self.spec.positive().and_then(share);
        let confidence = share(label);
        Label { p, confidence, distribution: among, ..Label::new(label) }
    }

    /// Why values that hold almost no probability decide nothing.
    pub(super) fn unsure(rule: &str, mass: f64) -> Unreadable {
        let detail = format!(
            "the values of `{rule}` hold {:.2} % of the probability: the model was about to write something else",
            100.0 * mass
        );
        Unreadable::new(Reason::Unsure, detail)
    }
}

/// Why probabilities that must decide do not.
const NONE_REPORTED: &str =
    "`verdict_from: probabilities` needs the probabilities of the values, and none were reported";

/// Whether a rule reads values that are written after words, so that they can be scored there.
fn is_written(place: &Place) -> bool {
    matches!(place, Place::Announced(_) | Place::Mark)
}

/// The distribution over the meanings of verdicts.
fn distribution(weights: &VerdictWeights) -> Distribution {
    let meaning = |(verdict, p): &(Verdict, f64)| Some((verdict.meaning()?, *p));
    Distribution::new(weights.iter().filter_map(meaning).collect())
}

/// The likeliest verdict; the first of several.
fn likeliest(weights: &VerdictWeights) -> Verdict {
    let best = weights.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or_else(|| Verdict::Text(String::new()), |(verdict, _)| verdict.clone())
}

/// Whether the closing text stands on the first line of a text.
fn closes(text: &str, close: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains(close))
}

/// The probabilities of labels at the byte `at` of a text, from the alternatives that the server reported for the
/// token there; `None` if the reported tokens do not spell the text.
fn reported_at(completion: &Completion, at: usize, labels: &[String]) -> Option<Distribution> {
    let Completion { text, tokens, .. } = completion;
    let mut start = 0;
    for (n, token) in tokens.iter().enumerate() {
        let rest = text.get(start..)?;
        let end = start + token.text.len();
        let spells = rest.starts_with(&token.text) || token.text.starts_with(rest);
        if !spells {
            return None;
        }
        if end <= at {
            start = end;
            continue;
        }
        let before = token.text.get(..at - start)?;
        let after = |text: &str| text.strip_prefix(before).unwrap_or(text).to_owned();
        let top: Vec<(String, f64)> =
            token.top.iter().map(|(text, logprob)| (after(text), *logprob)).collect();
        let mut seen = Distribution::of_alternatives(&top, labels);
        if let Some(next) = tokens.get(n + 1) {
            tell_apart(&mut seen, after(&token.text).trim(), &next.top);
        }
        return (seen.mass() > 0.0).then_some(seen);
    }
    None
}

/// Divides the probability of a label among itself and longer labels that begin with it, by the alternatives of the
/// next token: a tokenizer may write `10` as `1` and `0`.
fn tell_apart(seen: &mut Distribution, written: &str, next: &[(String, f64)]) {
    let Some(own) = seen.labels.iter().position(|(label, _)| label.trim() == written) else {
        return;
    };
    let held = seen.labels[own].1;
    let mut given = 0.0;
    for (n, (label, p)) in seen.labels.iter_mut().enumerate() {
        let Some(rest) = label.trim().strip_prefix(written).filter(|_| n != own && *p <= 0.0)
        else {
            continue;
        };
        let goes_on =
            |(text, _): &&(String, f64)| !text.is_empty() && rest.starts_with(text.trim_end());
        let share: f64 = next.iter().filter(goes_on).map(|(_, logprob)| logprob.exp()).sum();
        *p = held * share.clamp(0.0, 1.0);
        given += *p;
    }
    seen.labels[own].1 = (held - given).max(0.0);
}
