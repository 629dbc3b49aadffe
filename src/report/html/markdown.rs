//! The first screen as Markdown, for a pull request.

use super::{
    Report,
    figure::Figure,
    figures,
    gates::{GateView, gates},
    look::first_to_see,
    page::{facts, repeat},
    run::Run,
    together, trust,
};
use crate::report::escaped;

/// The first screen of every run, and the comparison of two.
pub(super) fn text(report: &Report) -> String {
    let mut all: Vec<String> = report.runs.iter().map(of_run).collect();
    for compared in together::views(report) {
        let table = table("Comparison", &compared.figures);
        all.push(format!("## {}\n\n{table}", cell(&compared.title)));
    }
    all.join("\n")
}

fn of_run(run: &Run) -> String {
    let mut text = format!("## {}\n\n", cell(&run.name));
    let facts: Vec<String> =
        facts(run).into_iter().map(|(name, value)| format!("{name}: {}", cell(&value))).collect();
    if !facts.is_empty() {
        text.push_str(&format!("{}\n\n", facts.join(" · ")));
    }
    let parts = figures::coverage(run);
    let parts: Vec<String> =
        parts.iter().map(|part| format!("{} {} ({})", part.count, part.name, part.share)).collect();
    text.push_str(&format!("{} records: {}\n\n", run.all(), parts.join(", ")));
    text.push_str(&of_gates(run));
    text.push_str(&table("Result", &figures::outcome(run)));
    text.push_str(&table("Trust", &trust::trust(run)));
    let first = first_to_see(run);
    if !first.is_empty() {
        text.push_str("| look here first | why |\n|---|---|\n");
        for (at, why) in first {
            text.push_str(&format!("| {} | {} |\n", cell(&run.entries[at].result.id), cell(&why)));
        }
        text.push('\n');
    }
    if let Some(command) = repeat(run) {
        text.push_str(&format!("Repeat: `{}`\n", command.replace('`', "'")));
    }
    text
}

/// The rules of a run with what came out; empty without any.
fn of_gates(run: &Run) -> String {
    let Some(gates) = gates(run) else { return String::new() };
    let outcome = format!("**Gate {}**\n\n", cell(&gates.outcome));
    if gates.rules.is_empty() {
        return outcome;
    }
    let row = |gate: &GateView| {
        let outcome = if gate.is_kept { "kept" } else { "not kept" };
        let (value, interval) = (&gate.value, &gate.interval);
        format!("| {} | {value} | {interval} | {} | {outcome} |\n", cell(&gate.rule), gate.n)
    };
    let rows: String = gates.rules.iter().map(row).collect();
    format!("{outcome}| rule | value | 95 % interval | n | |\n|---|---:|---:|---:|---|\n{rows}\n")
}

/// Figures as a table; empty without any.
fn table(title: &str, figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let row = |figure: &Figure| {
        let Figure { name, value, interval, n, note, .. } = figure;
        format!("| {} | {value} | {interval} | {n} | {} |\n", cell(name), cell(note))
    };
    let rows: String = figures.iter().map(row).collect();
    format!("| {title} | value | 95 % interval | n | |\n|---|---:|---:|---:|---|\n{rows}\n")
}

/// What keeps a sign and the word after it apart and is not seen. An entity would not do: people and issues are looked
/// for after entities were read.
const APART: char = '\u{200B}';

/// A text as a cell: on one line, with nothing that Markdown or HTML would read as its own, and without addresses and
/// names that a page would link, or people whom it would notify.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for c in escaped(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' => safe.extend(['@', APART]),
            '#' => safe.extend(['\\', '#', APART]),
            c if "\\`*_[]|!~".contains(c) => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    let lower = safe.to_ascii_lowercase();
    let breaks = lower.match_indices("://").chain(lower.match_indices("www."));
    let mut places: Vec<usize> =
        breaks.map(|(at, found)| at + if found == "www." { 3 } else { 1 }).collect();
    places.sort_unstable();
    places.into_iter().rev().for_each(|at| safe.insert(at, APART));
    safe
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_text_and_stays_one_cell() {
        assert_eq!(cell("a | b\n[x](javascript:1)"), "a \\| b⏎\\[x\\](javascript:1)");
        assert_eq!(cell("<img src=x> @team #1"), "&lt;img src=x&gt; @\u{200b}team \\#\u{200b}1");
        assert_eq!(cell("![x](http://a.example)"), "\\!\\[x\\](http:\u{200b}//a.example)");
        assert_eq!(cell("WWW.a.example"), "WWW\u{200b}.a.example");
    }
}
