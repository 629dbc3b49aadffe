//! Whether a loop is possible with its options, and what they leave open.

use super::{FinalCheck, ReviseOptions};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    judge::Judge,
    parse::Kind,
};

/// The options with their defaults resolved: a final judge of the same kind that has no rule of its own gets
/// the rule of the loop's judge.
///
/// # Errors
/// No loop is possible; nothing has been paid for yet.
pub(crate) fn settled(judge: &Judge, options: &ReviseOptions) -> Result<ReviseOptions> {
    check(judge, options)?;
    let kind = |judge: &Judge| judge.prompt().front().kind;
    let final_check = match (&options.final_check, judge.pass()) {
        (FinalCheck::Judge(other), Some(rule)) if other.pass().is_none() => {
            if kind(other) != kind(judge) {
                let name = other.prompt().name();
                let message = format!("the final judge `{name}` has no pass rule");
                return Err(Error::new(ErrorKind::Config, message).hint(
                    "set a pass rule for it: that of the loop's judge is for verdicts of another kind",
                ));
            }
            let passing = other.passing(rule);
            FinalCheck::Judge(passing.map_err(|error| error.within("the final judge"))?)
        }
        (same, _) => same.clone(),
    };
    Ok(ReviseOptions { final_check, ..options.clone() })
}

/// Checks that a loop is possible.
///
/// # Errors
/// It is not.
fn check(judge: &Judge, options: &ReviseOptions) -> Result<()> {
    let kind = judge.prompt().front().kind;
    let config = |message: String| Error::new(ErrorKind::Config, message);
    if !matches!(kind, Kind::Score | Kind::Label | Kind::Steps) {
        return Err(config(format!("a loop cannot follow verdicts of the kind {}", kind.name()))
            .hint("use a prompt that judges one answer: score, label or steps"));
    }
    if judge.pass().is_none() {
        return Err(config("the judge has no pass rule".into())
            .hint(Hint::from("add one: ").setting("pass", "score >= 8")));
    }
    if !judge.maps_alike() {
        return Err(config("the members of the judge read different fields of a record".into())
            .hint(
            Hint::from(
                "a loop revises one answer: every member must read it from the same field, see ",
            )
            .setting("map", ""),
        ));
    }
    if options.keep_steps && kind != Kind::Steps {
        return Err(config(format!(
            "`{}` does not judge steps, so none can be kept",
            judge.prompt().name()
        ))
        .hint(
            Hint::from("use a prompt that finds the first error: ")
                .setting("prompt", "first-error"),
        ));
    }
    if let Some(critic) = &options.critic {
        let kind = critic.prompt().front().kind;
        if kind != Kind::Critique {
            let name = critic.prompt().name();
            return Err(config(format!(
                "`{name}` gives a {}, and a critic must give a critique",
                kind.name()
            ))
            .hint("use a prompt with `kind: critique` as the critic, such as `feedback`"));
        }
    }
    if options.limits.cost.is_some() && !judge.is_priced() {
        return Err(config("a limit on cost needs the price of tokens, which is not known".into())
            .hint(
                Hint::from("set the price of a million tokens: ")
                    .setting("price", "{ prompt = 0.25, completion = 2.0 }"),
            )
            .hint(
                Hint::from("or list it in a table of your own: ").setting("prices", "prices.csv"),
            ));
    }
    options.accept.check()
}
