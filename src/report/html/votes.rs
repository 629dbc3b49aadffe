//! Charts of votes: in both orders of the answers, and of the members of a jury against each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    entry::Entry,
    figure::percent,
    picture::{Picture, picture},
    run::Run,
};
use crate::{
    line::{NamedOrder, ResultLine, ShownOrder, VoteLine},
    metrics::ratio,
    report::charts::{Cell, square},
    units::counted,
    verdict::Preference,
};

/// The verdicts in the given order against those in the other order: what is not on the diagonal depends on the place
/// of the answers.
pub(super) fn positions(run: &Run) -> Option<Picture> {
    let names = ["first", "tie", "second"].map(str::to_owned);
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut records, mut all) = (0, 0);
    for entry in &run.entries {
        let pairs = in_both_orders(entry);
        records += usize::from(!pairs.is_empty());
        all += pairs.len();
        pairs.into_iter().for_each(|pair| *counts.entry(pair).or_default() += 1);
    }
    if all == 0 {
        return None;
    }
    // A cell of several votes about one record is not a number of records.
    let (of, is_linked) = if all == records { ("record", true) } else { ("vote pair", false) };
    let cell = |given: &String, swapped: &String| {
        let count = counts.get(&(given.clone(), swapped.clone())).copied().unwrap_or(0);
        let words =
            format!("given order: {given}, swapped order: {swapped}; {}", counted(count, of));
        let filter = format!("orders:{given}\u{1f}{swapped}");
        let filter = if is_linked && count > 0 { filter } else { String::new() };
        Cell { shade: ratio(count, all), text: count.to_string(), link: (filter, words) }
    };
    let cells: Vec<Vec<Cell>> = names
        .iter()
        .map(|given| names.iter().map(|swapped| cell(given, swapped)).collect())
        .collect();
    let many = counted(records, "record");
    let many = if is_linked { String::new() } else { format!(" about {many}") };
    let note = format!(
        "{}{many} in both orders; off the diagonal the place of the answers decided",
        counted(all, of)
    );
    picture(
        "Position bias",
        note,
        square(("given order", &names), ("swapped order", &names), &cells),
    )
}

/// The verdicts of the first member and draw in both orders, in the record's own order of answers.
pub(super) fn by_order(entry: &Entry) -> Option<(String, String)> {
    in_both_orders(entry).into_iter().next()
}

/// The verdicts in both orders of every member and draw that has both, in the record's own order of answers.
fn in_both_orders(entry: &Entry) -> Vec<(String, String)> {
    let votes = entry.votes();
    let in_order = |order| votes.iter().filter(move |vote| vote.order == ShownOrder::Named(order));
    let name = |vote: &VoteLine| Some(vote.verdict.preference?.name().to_owned());
    let pair = |given: &VoteLine| {
        let mut swapped = in_order(NamedOrder::Swapped);
        let other = swapped.find(|vote| vote.by == given.by && vote.draw == given.draw)?;
        Some((name(given)?, name(other)?))
    };
    in_order(NamedOrder::Given).filter_map(pair).collect()
}

/// The verdict of each member of a jury in one word, by the name of the member: of comparisons the side with more of its
/// votes, or a tie; otherwise the last one of several votes.
pub(super) fn member_words(entry: &Entry) -> BTreeMap<&str, String> {
    let mut words = BTreeMap::new();
    let mut leads: BTreeMap<&str, i64> = BTreeMap::new();
    for vote in entry.votes() {
        let line = ResultLine { verdict: vote.verdict.clone(), ..ResultLine::default() };
        let Some(word) = super::entry::word(&line) else { continue };
        words.insert(vote.by.as_str(), word);
        if let Some(side) = vote.verdict.preference {
            let lead = i64::from(side == Preference::First) - i64::from(side == Preference::Second);
            *leads.entry(&vote.by).or_default() += lead;
        }
    }
    for (by, lead) in leads {
        let side = match lead.signum() {
            1 => Preference::First,
            -1 => Preference::Second,
            _ => Preference::Tie,
        };
        words.insert(by, side.name().into());
    }
    words
}

/// The names of the members of a jury, in the order of the alphabet; empty for a judge with one.
pub(super) fn member_names(run: &Run) -> Vec<String> {
    let voters = run.entries.iter().flat_map(Entry::votes).map(|vote| vote.by.clone());
    let names: BTreeSet<String> = voters.collect();
    if names.len() > 1 { names.into_iter().collect() } else { Vec::new() }
}

/// How often two members of a jury gave the same verdict.
pub(super) fn members(run: &Run) -> Option<Picture> {
    const MEMBERS: usize = 8;
    let names = member_names(run);
    if !(2..=MEMBERS).contains(&names.len()) {
        return None;
    }
    let verdicts: Vec<_> = run.entries.iter().map(member_words).collect();
    let cell = |one: &String, other: &String| {
        let both = || {
            verdicts
                .iter()
                .filter_map(|all| Some((all.get(one.as_str())?, all.get(other.as_str())?)))
        };
        let (all, same) = (both().count(), both().filter(|(one, other)| one == other).count());
        let text = if all == 0 { "–".into() } else { percent(ratio(same, all)) };
        let words = format!("{one} and {other}: {} of {all} records differ", all - same);
        let filter = format!("members:{one}\u{1f}{other}");
        let filter = if same < all { filter } else { String::new() };
        Cell { shade: ratio(same, all), text, link: (filter, words) }
    };
    let cells: Vec<Vec<Cell>> =
        names.iter().map(|one| names.iter().map(|other| cell(one, other)).collect()).collect();
    let note = format!(
        "share of equal verdicts in {} records; a cell leads to those that differ",
        run.len()
    );
    picture("Members against each other", note, square(("", &names), ("", &names), &cells))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::AnyLine;

    #[test]
    fn a_member_that_flips_with_the_order_has_a_tie() {
        let vote = |by: &str, order: &str, side: &str| {
            format!(
                r#"{{"by": "{by}", "draw": 0, "order": "{order}", "calls": [], "kind": "preference",
                    "verdict": "{side}", "preference": "{side}"}}"#
            )
        };
        let votes = [
            vote("a", "given", "first"),
            vote("a", "swapped", "second"),
            vote("b", "given", "first"),
            vote("b", "swapped", "first"),
        ];
        let line = format!(
            r#"{{"id": "r", "kind": "preference", "verdict": "first", "preference": "first", "votes": [{}]}}"#,
            votes.join(", ")
        );
        let entry = Entry::of(AnyLine::read(&line).unwrap()).unwrap();
        let words: Vec<(&str, String)> = member_words(&entry).into_iter().collect();
        assert_eq!(words, [("a", "tie".to_owned()), ("b", "first".to_owned())]);
        assert_eq!(in_both_orders(&entry).len(), 2);
    }
}
