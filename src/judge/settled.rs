//! Settings of a judge, settled against its prompt and its model before anything is paid for.

use std::sync::Arc;

use super::Judge;
use crate::{
    aggregate::Aggregate,
    backend::Backend,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::{CRITERIA, FieldMap, Item},
    judging::{Close, StopDraws},
    parse::{Kind, VerdictFrom},
    pass::{Pass, VerdictProfile},
    prompt::{self, FrontMatter, Order, Prompt},
    request::{Capabilities, Logprobs, Sampling},
    verdict::CalibratedPrompt,
};

/// Checks, before the first paid request, that the model reports probabilities if they decide the verdict.
pub(super) async fn check_probabilities(judge: &Judge) -> Result<()> {
    let by_rule = judge.pass().is_some_and(Pass::needs_probabilities);
    for (member, backend) in judge.members() {
        let front = member.prompt().front();
        let reason = match (member.weighs(), front.verdict_from, by_rule) {
            (true, ..) => "`expected` needs probabilities",
            (_, VerdictFrom::Probabilities, _) => "`verdict_from: probabilities` needs them",
            (.., true) => "the pass rule needs a probability",
            _ if front.reduce.is_some() && front.judges_steps() => {
                "`reduce` needs the probability of every step"
            }
            _ => continue,
        };
        if !reports(member.prompt(), backend).await {
            let message = format!("{reason}, and `{}` reports none", backend.name());
            let error = Error::new(ErrorKind::Unsupported, message);
            return Err(
                error.hint("use another setting, or a model that reports log-probabilities")
            );
        }
    }
    Ok(())
}

/// Checks that the calibration of a judge was fitted for it.
///
/// # Errors
/// The verdicts have no probability of a positive label, or the model, the prompt or the label is another one.
pub(super) fn check_calibration(judge: &Judge) -> Result<()> {
    let Some(calibration) = &judge.0.panel.calibration else { return Ok(()) };
    let profile = judge.verdict_profile();
    let positive = profile.positive.filter(|_| profile.kind == Kind::Label && profile.picks);
    let Some(positive) = positive else {
        let message = format!(
            "a calibration maps the probability `p` of a label, and `{}` has none",
            judge.prompt().name()
        );
        return Err(Error::new(ErrorKind::Config, message)
            .hint("leave out the calibration, or use a prompt with labels and a positive one"));
    };
    if calibration.positive != positive {
        let message = format!(
            "the calibration maps the probability of `{}`, and the positive label of `{}` is `{positive}`",
            calibration.positive,
            judge.prompt().name()
        );
        return Err(Error::new(ErrorKind::Config, message)
            .hint("fit one for this prompt with `tribunal calibrate`"));
    }
    let prompt = CalibratedPrompt::new(judge.prompt().name(), judge.prompt_hash());
    calibration.check_judge(judge.name(), &prompt)
}

/// Whether the model can report the probabilities of the verdicts of a prompt that has them.
pub(super) async fn reports(prompt: &Prompt, backend: &dyn Backend) -> bool {
    let Capabilities { logprobs, score_verdict, text_logprobs, .. } = backend.capabilities().await;
    if prompt.front().weighs_texts() {
        return !text_logprobs.is_no();
    }
    let reported = match logprobs {
        Logprobs::None => false,
        Logprobs::Top | Logprobs::Unknown => true,
        // The values of a verdict after a text must be scored at its place.
        Logprobs::Exact => prompt.front().picks(),
    };
    reported || score_verdict.is_yes()
}

/// How many draws to request. Draws that a caller requests without a temperature are drawn at temperature 1,
/// whatever the prompt sets. At temperature 0 all draws are the same text, so one is enough.
pub(super) fn settled_draws(asked: Option<u32>, own: &FrontMatter, sampling: &mut Sampling) -> u32 {
    let draws = asked.unwrap_or(own.draws).max(1);
    let temperature = match asked {
        Some(_) => sampling.temperature,
        None => sampling.temperature.or(own.sampling.temperature),
    };
    match temperature {
        _ if draws == 1 => (),
        None => sampling.temperature = Some(1.0),
        Some(temperature) if temperature <= 0.0 => {
            tracing::warn!(
                "{draws} draws at temperature 0 would all give the same text: asking once"
            );
            return 1;
        }
        Some(_) => (),
    }
    draws
}

/// The requested orders, otherwise the usual ones, otherwise those of the prompt.
pub(super) fn settled_order(
    asked: Option<Order>,
    usual: Option<Order>,
    prompt: &Prompt,
) -> Result<Order> {
    let front = prompt.front();
    if let (Some(order), false) = (asked, prompt.compares()) {
        let message = format!(
            "the order `{}` is for answers that are compared, and `{}` compares none",
            order.name(),
            prompt.name()
        );
        return Err(Error::new(ErrorKind::Config, message)
            .hint(Hint::from("leave out ").setting("order", "")));
    }
    let usual = usual.filter(|_| prompt.compares());
    let own = if front.kind == Kind::Preference { Order::Both } else { Order::Given };
    Ok(asked.or(usual).or(front.order).unwrap_or(own))
}

/// The requested rule that stops draws, otherwise the usual one if this judge can use it.
///
/// # Errors
/// The rule was requested for a sum, which needs every draw.
pub(super) fn settled_stop(
    asked: Option<StopDraws>,
    usual: Option<StopDraws>,
    draws: u32,
    aggregate: Option<Aggregate>,
) -> Result<StopDraws> {
    let is_sum = aggregate == Some(Aggregate::Sum);
    if asked.is_some_and(|rule| !rule.is_never()) {
        if is_sum {
            return Err(Error::new(
                ErrorKind::Config,
                "a sum needs every draw, and cannot stop early",
            )
            .hint(Hint::from("leave out `stop_draws`, or rank by ").setting("aggregate", "mean")));
        }
        if draws == 1 {
            tracing::warn!("`stop_draws` changes nothing: there is one draw only");
        }
    }
    Ok(asked.or(usual.filter(|_| !is_sum)).unwrap_or_default())
}

/// When the first order of a comparison is close: the requested numbers, otherwise the usual ones.
///
/// # Errors
/// The probability or the margin is impossible.
pub(super) fn settled_close(
    asked: (Option<f64>, Option<f64>),
    usual: (Option<f64>, Option<f64>),
    order: Order,
) -> Result<Close> {
    let keys = [("close_below", asked.0), ("close_within", asked.1)];
    for (key, _) in keys.iter().filter(|(_, set)| set.is_some() && order != Order::BothIfClose) {
        tracing::warn!(
            "`{key}` changes nothing: the order is `{}`, not `both-if-close`",
            order.name()
        );
    }
    let close = Close {
        below: asked.0.or(usual.0).unwrap_or(Close::default().below),
        within: asked.1.or(usual.1).unwrap_or(Close::default().within),
    };
    let wrong = |message: &str, key: &'static str, value: &'static str| {
        Err(Error::new(ErrorKind::Config, message).hint(Hint::from("write ").setting(key, value)))
    };
    if !(0.0..=1.0).contains(&close.below) {
        return wrong("`close_below` is a probability, from 0 to 1", "close_below", "0.9");
    }
    if !close.within.is_finite() || close.within < 0.0 {
        return wrong("`close_within` is a difference of scores, 0 or more", "close_within", "1");
    }
    Ok(close)
}

/// The requested rule, otherwise the usual one if the verdicts of the prompt can be combined by it, otherwise that of
/// the prompt.
pub(super) fn settled_aggregate(
    asked: Option<Aggregate>,
    usual: Option<Aggregate>,
    prompt: &Prompt,
) -> Result<Option<Aggregate>> {
    match asked {
        Some(Aggregate::Expected) => prompt.check_expected(ErrorKind::Config)?,
        Some(Aggregate::Sum) => prompt.check_sum(ErrorKind::Config)?,
        _ => (),
    }
    let usual = usual.filter(|how| match how {
        Aggregate::Expected => prompt.has_probabilities(),
        Aggregate::Sum => prompt.has_scores(),
        _ => true,
    });
    Ok(asked.or(usual).or(prompt.front().aggregate))
}

/// The given rule, otherwise that of the prompt, checked against the verdicts of the prompt. `summed` is how many
/// numbers are added up to one score.
pub(super) fn fitted(
    given: Option<&str>,
    prompt: &Prompt,
    fields: &FieldMap,
    summed: u32,
) -> Result<Option<Pass>> {
    let given = given.map(str::parse::<Pass>).transpose()?;
    let Some(rule) = given.as_ref().or(prompt.front().pass.as_ref()) else { return Ok(None) };
    let filled = Item::from(fields.filled_in([CRITERIA].into_iter()));
    let own = prompt.verdict_profile();
    let criteria = prompt.shape(&filled).criteria;
    let are_weighted = || prompt.criteria(&filled).is_ok_and(|criteria| criteria.are_weighted);
    let scored = own.scored.or_else(|| criteria.is_some().then(are_weighted));
    let verdict_profile = VerdictProfile { criteria, scored, summed, ..own };
    let fitted = rule.fitted(&verdict_profile, ErrorKind::Config).map_err(|error| {
        if given.is_some() {
            return error;
        }
        let text = format!("it is the rule of `{}` itself; set another one: ", prompt.name());
        error.hint(Hint::from(text).setting("pass", "score >= 7"))
    });
    fitted.map(Some)
}

/// Refuses criteria that the prompt does not show, because they would be silently ignored.
pub(super) fn check_reads_criteria(prompt: &Prompt) -> Result<()> {
    if prompt.reads(CRITERIA) {
        return Ok(());
    }
    let reads = |prompt: &&Arc<Prompt>| prompt.reads(CRITERIA);
    let names: Vec<&str> =
        prompt::built_in()?.iter().filter(reads).map(|prompt| prompt.name()).collect();
    let message = format!("the prompt `{}` reads no criteria", prompt.name());
    Err(Error::new(ErrorKind::Config, message).hint(
        Hint::from(format!("these do: {}; choose one with ", names.join(", ")))
            .setting("prompt", names.first().copied().unwrap_or_default()),
    ))
}
