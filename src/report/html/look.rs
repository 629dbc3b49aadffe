//! The records to look at first, each with the reason.

use std::collections::BTreeMap;

use super::{
    entry::{Entry, LOW_MASS, More},
    figure::{percent, shown},
    run::Run,
    votes::member_words,
};
use crate::{line::Consistent, metrics::real};

/// How strong a reason is, the place of its record, and its words.
type Reason = (f64, usize, String);

/// The place of the reasons that a record failed or could not be read.
const FAULTS: usize = 3;

/// The records to look at first, at most ten, each with the reason.
pub(super) fn first_to_see(run: &Run) -> Vec<(usize, String)> {
    /// The most records for one reason, before others had their turn.
    const EACH: usize = 3;
    const ALL: usize = 10;
    let mut reasons: Vec<Vec<Reason>> = vec![Vec::new(); 7];
    for (at, entry) in run.entries.iter().enumerate() {
        for (rank, weight, why) in remarkable(entry) {
            reasons[rank].push((weight, at, why));
        }
    }
    for all in &mut reasons {
        all.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    }
    together(&mut reasons[FAULTS]);
    let mut chosen: Vec<(usize, String)> = Vec::new();
    for part in [0..EACH, EACH..ALL] {
        for all in &reasons {
            let more = all.iter().skip(part.start).take(part.len());
            // That a revision changed something is no fault.
            for (_, at, why) in more.filter(|(weight, ..)| *weight > 0.0 || part.start == 0) {
                if chosen.len() < ALL && chosen.iter().all(|(known, _)| known != at) {
                    chosen.push((*at, why.clone()));
                }
            }
        }
    }
    chosen
}

/// Of records with one fault, the first alone is shown, with the number of the others.
fn together(all: &mut Vec<Reason>) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (.., why) in all.iter() {
        *counts.entry(why.clone()).or_default() += 1;
    }
    // What was counted once is taken out, so that it is shown once.
    all.retain_mut(|(.., why)| match counts.remove(why) {
        None => false,
        Some(1) => true,
        Some(count) => {
            why.push_str(&format!(" (and {} more)", count - 1));
            true
        }
    });
}

/// Why a record is worth a look: the place of the reason, how strong it is, and its words.
fn remarkable(entry: &Entry) -> Vec<(usize, f64, String)> {
    let mut all = Vec::new();
    let result = &entry.result;
    let verdict = entry.word().unwrap_or_default();
    let lacking = entry.lacking();
    if !lacking.is_empty() {
        all.push((0, real(lacking.len()), format!("required and not met: {}", lacking.join(", "))));
    }
    if let (true, Some(label)) = (entry.disagrees(), &entry.label) {
        let why = format!("verdict {}, label {}", shown(&verdict), shown(&label.shown()));
        all.push((1, label.distance.unwrap_or_default(), why));
    }
    if entry.flipped() {
        let why = match (&entry.more, result.consistent) {
            (More::Revised(_), _) => "the final judgment contradicts that of the loop",
            (More::Ranked(_), _) => "a comparison flips with the order of the answers",
            (_, Some(Consistent::No)) => "the verdict flips with the order of the answers",
            _ => "the draws contradict each other",
        };
        all.push((2, 1.0, why.into()));
    }
    if let Some(error) = &result.error {
        all.push((FAULTS, 2.0, format!("failed: {}", shown(&error.message))));
    }
    if let Some(why) = &result.unreadable {
        let weight = if why.is_abstention() { 0.0 } else { 1.0 };
        all.push((
            FAULTS,
            weight,
            format!("unreadable ({}): {}", why.reason.name(), shown(&why.detail)),
        ));
    }
    if let Some(change) = entry.change().filter(|change| change.abs() > 1e-9) {
        // The worse, the earlier; improvements come last.
        all.push((4, -change, format!("the revision changed the score by {change:+.2}")));
    }
    if let Some(mass) = result.mass.filter(|mass| *mass < LOW_MASS) {
        let why = format!("only {} probability on the offered values", percent(mass));
        all.push((5, 1.0 - mass, why));
    }
    all.extend(members(entry).map(|(weight, why)| (6, weight, why)));
    match (&entry.more, result.pass) {
        (More::Ranked(_) | More::Searched(_), Some(false)) => {
            all.push((6, 1.0, "the chosen answer is wrong".into()));
        }
        (More::Ranked(line), None)
            if line.chosen.is_some() && line.candidates.iter().any(|one| one.right.is_some()) =>
        {
            all.push((
                6,
                0.5,
                "the chosen answer could not be compared; it counts as wrong".into(),
            ));
        }
        _ => (),
    }
    all
}

/// How far the members of a jury are apart, and what each of them says; `None` where they agree.
fn members(entry: &Entry) -> Option<(f64, String)> {
    let words = member_words(entry);
    let mut different: Vec<&String> = words.values().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 2 {
        return None;
    }
    let numbers: Vec<f64> = different.iter().filter_map(|word| word.parse().ok()).collect();
    let ends = numbers.iter().copied().reduce(f64::max).zip(numbers.into_iter().reduce(f64::min));
    let apart = ends.map_or(0.0, |(most, least)| most - least);
    let named = words.iter().map(|(name, word)| format!("{} {}", shown(name), shown(word)));
    let named: Vec<String> = named.take(5).collect();
    Some((apart.max(1.0), format!("the members disagree: {}", named.join(", "))))
}
