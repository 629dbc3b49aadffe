//! `tribunal rank --dry-run`: what a ranking would send, and what it would cost at most.
//!
//! The numbers of requests are exact if every verdict can be read at once. Texts of candidates that are not written yet,
//! and the pairs of later rounds, are made up, so that tokens and costs are estimates there.

use super::super::{dry_run::Estimate, input::Records, note, print_error};
use tribunal::{error::Result, judge::Judge, strategy::best_of::Ranker, units::counted};

/// Prints how many requests and tokens all records need. Nothing is sent.
///
/// # Errors
/// Standard error cannot be written.
pub(super) async fn run(ranker: &Ranker, records: Records) -> Result<()> {
    let (mut tried, mut failed, mut candidates) = (0, 0, 0);
    let mut parts: Vec<(&str, &Judge, Estimate)> = Vec::new();
    // A check without a model asks nobody.
    let check = ranker.check().filter(|check| !check.name().starts_with("check:"));
    let named = [("policy", ranker.policy()), ("judge", ranker.judge()), ("check", check)];
    for (name, judge) in named.into_iter().filter_map(|(name, judge)| Some((name, judge?))) {
        parts.push((name, judge, Estimate::default()));
    }
    for record in records {
        tried += 1;
        let item = match record.item {
            Ok(item) => item,
            Err(error) => {
                failed += 1;
                print_error(&error);
                continue;
            }
        };
        let rehearsed = match ranker.rehearse(&item).await {
            Ok(rehearsed) => rehearsed,
            Err(error) => {
                failed += 1;
                print_error(&error.within(&record.place));
                continue;
            }
        };
        candidates += rehearsed.candidates;
        for (name, judge, estimate) in &mut parts {
            let requests = match *name {
                "policy" => &rehearsed.policy,
                "judge" => &rehearsed.judge,
                _ => &rehearsed.check,
            };
            estimate.add_record(judge, requests, &record.place).await;
        }
    }
    note(&format!("{} of {tried} records, {}", tried - failed, counted(candidates, "candidate")));
    for (name, judge, estimate) in &parts {
        note(&format!("{name}:\n{}", estimate.requests_text(judge)));
    }
    if parts.is_empty() {
        note("requests: none");
    }
    note("nothing was sent");
    Ok(())
}
