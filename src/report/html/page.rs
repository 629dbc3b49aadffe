//! The page: a template that escapes what it prints, one style sheet, one script, and a policy that lets nothing else
//! run or load.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    Report,
    data::{self, Details},
    entry::{Entry, Flag},
    figure::{Figure, milliseconds},
    figures::{self, Part},
    gates::{GatesView, gates},
    look::first_to_see,
    picture::Picture,
    pictures,
    run::Run,
    together, trust,
};
use crate::{
    error::{Error, ErrorKind, Result},
    report::{escaped, terminal::cut_inside},
};

const TEMPLATE: &str = include_str!("page.jinja");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The most records of the table that is there without a script.
const PLAIN: usize = 200;

/// A run as the template prints it.
#[derive(Serialize)]
struct RunView {
    name: String,
    facts: Vec<(String, String)>,
    gates: Option<GatesView>,
    repeat: Option<String>,
    coverage: Vec<Part>,
    outcome: Vec<Figure>,
    trust: Vec<Figure>,
    first: Vec<Look>,
    pictures: Vec<PictureView>,
    summary: String,
}

impl RunView {
    /// The figures of both tables.
    fn figures(&self) -> Vec<&Figure> {
        self.outcome.iter().chain(&self.trust).collect()
    }
}

/// A record to look at first.
#[derive(Serialize)]
struct Look {
    /// Its address.
    slug: String,
    id: String,
    why: String,
}

#[derive(Serialize)]
struct PictureView {
    title: String,
    note: String,
    svg: Value,
}

/// A row of the table that is there without a script.
#[derive(Serialize)]
struct Row {
    id: String,
    verdict: String,
    /// The verdicts of the other files.
    others: String,
    expected: String,
    label: String,
    flags: String,
    group: String,
    time: String,
    cost: String,
}

/// The blocks of details, which are JSON that ends no block.
fn details(report: &Report) -> Value {
    let Details { parts, shared } = data::details(report);
    let parts: Vec<Value> = parts.into_iter().map(Value::from_safe_string).collect();
    context! { parts, shared => Value::from_safe_string(shared) }
}

/// The page of a report.
///
/// # Errors
/// The template cannot be rendered.
pub(super) fn html(report: &Report) -> Result<String> {
    let mut environment = Environment::new();
    environment.add_filter("address", |text: String| address(&text));
    environment.add_filter("unbroken", |text: String| text.replace(" %", "\u{a0}%"));
    // The name decides that everything is escaped.
    let rendered = environment.add_template("page.html", TEMPLATE).and_then(|()| {
        let runs: Vec<RunView> = report.runs.iter().map(view).collect();
        let beside = together::beside(runs.iter().map(|run| (run.name.as_str(), run.figures())));
        environment.get_template("page.html")?.render(context! {
            title => title(report),
            policy => policy(),
            style => Value::from_safe_string(STYLE.into()),
            script => Value::from_safe_string(SCRIPT.into()),
            index => Value::from_safe_string(data::index(report)),
            details => details(report),
            runs => Serde(&runs),
            beside => Serde(&beside),
            comparisons => Serde(&together::views(report)),
            together => Serde(&pictures::compute(&report.runs).map(of_picture)),
            command => escaped(&report.options.command),
            with_items => report.options.with_items,
            records => report.len(),
            rows => Serde(&rows(report)),
            columns => columns(report),
            others => if report.runs.len() == 2 { title_of(&report.runs[1]) } else { "other files".into() },
            version => env!("CARGO_PKG_VERSION"),
        })
    });
    rendered.map_err(|cause| {
        Error::new(ErrorKind::Io, format!("the report cannot be laid out: {cause}"))
    })
}

/// The name of the report: those of its files.
fn title(report: &Report) -> String {
    let names: Vec<String> = report.runs.iter().map(title_of).collect();
    match names.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        all => all.concat(),
    }
}

/// The name of a file.
fn title_of(run: &Run) -> String {
    escaped(&run.name)
}

/// The content security policy: this style, this script, and nothing else.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn view(run: &Run) -> RunView {
    let look = |(at, why): (usize, String)| {
        let entry = &run.entries[at];
        let id = cut_inside(&escaped(&entry.result.id), 44);
        Look { slug: address(&entry.slug), id, why: escaped(&why) }
    };
    RunView {
        name: escaped(&run.name),
        facts: facts(run),
        gates: gates(run),
        repeat: repeat(run),
        coverage: figures::coverage(run),
        outcome: figures::outcome(run),
        trust: trust::trust(run),
        first: first_to_see(run).into_iter().map(look).collect(),
        pictures: pictures::all(run).into_iter().map(of_picture).collect(),
        summary: summary(run),
    }
}

fn of_picture(picture: Picture) -> PictureView {
    PictureView {
        title: picture.title,
        note: escaped(&picture.note),
        svg: Value::from_safe_string(picture.svg),
    }
}

/// What the command printed at the end of the run.
fn summary(run: &Run) -> String {
    let text = match (&run.revised, &run.ranked, &run.searched, &run.labelled) {
        (Some(revised), ..) => revised.to_string(),
        (_, Some(ranked), ..) => ranked.to_string(),
        (_, _, Some(searched), _) => searched.to_string(),
        (.., Some(labelled)) => labelled.to_string(),
        _ => run.summary.to_string(),
    };
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// Who judged, and when.
pub(super) fn facts(run: &Run) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            all.push((name.to_owned(), escaped(&value)));
        }
    };
    let first = run.entries.first().map(|entry| &entry.result);
    let manifest = |path: &str| {
        let value = run.manifest.as_ref()?.pointer(path)?;
        value.as_str().map(ToOwned::to_owned)
    };
    let known = |own: Option<String>, path: &str| {
        own.filter(|own| !own.is_empty()).or_else(|| manifest(path)).unwrap_or_default()
    };
    let members = first.and_then(|line| line.members.as_ref());
    if let Some(members) = members {
        let one = |one: &crate::line::MemberLine| {
            format!("{} ({}, {})", one.name, one.prompt.name, one.model)
        };
        add("members", members.iter().map(one).collect::<Vec<_>>().join("; "));
    } else {
        add("prompt", known(first.map(|line| line.prompt.name.clone()), "/prompt/name"));
        add("model", known(first.map(|line| line.model.clone()), "/model/name"));
    }
    add("pass rule", manifest("/pass").unwrap_or_default());
    let written = run.written.map(|at| humantime::format_rfc3339_seconds(at).to_string());
    add("written", written.unwrap_or_default().replace('T', " ").replace('Z', " UTC"));
    all
}

/// The command that repeats the run, as the manifest knows it.
pub(super) fn repeat(run: &Run) -> Option<String> {
    let words = run.manifest.as_ref()?.get("command")?.as_array()?;
    let words = words.iter().filter_map(serde_json::Value::as_str);
    let quoted: Vec<String> = words.map(quoted).collect();
    Some(escaped(&quoted.join(" ")))
}

/// A word of a command as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Which columns of the table hold anything.
fn columns(report: &Report) -> Vec<&'static str> {
    let has = |is: fn(&Entry) -> bool| report.runs.iter().flat_map(|run| &run.entries).any(is);
    let all: [(&str, bool); 7] = [
        ("others", !report.comparisons.is_empty()),
        ("expected", has(|entry| entry.result.expected_score.is_some())),
        ("label", has(|entry| entry.label.is_some())),
        ("group", has(|entry| entry.group.is_some())),
        ("time", has(|entry| entry.result.latency_ms.is_some())),
        ("cost", has(|entry| entry.result.cost.is_some())),
        ("flags", has(|entry| !entry.flags().is_empty())),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

/// The first rows of the table; of files that are compared those of the first, beside which the others' verdicts are.
fn rows(report: &Report) -> Vec<Row> {
    let entries: Vec<&Entry> = report.runs.iter().flat_map(|run| &run.entries).collect();
    let shown = if report.comparisons.is_empty() { entries.len() } else { report.runs[0].len() };
    entries.iter().take(shown.min(PLAIN)).map(|entry| row(entry, &entries)).collect()
}

fn row(entry: &Entry, all: &[&Entry]) -> Row {
    let result = &entry.result;
    let flags: Vec<&str> = entry.flags().into_iter().map(Flag::name).collect();
    let others: Vec<String> =
        entry.peers.iter().map(|place| escaped(&data::shown(all[*place]))).collect();
    Row {
        id: escaped(&result.id),
        verdict: escaped(&data::shown(entry)),
        others: others.join(" · "),
        expected: result.expected_score.map(|score| format!("{score:.2}")).unwrap_or_default(),
        label: entry.label.as_ref().map(|label| escaped(&label.shown())).unwrap_or_default(),
        flags: flags.join(", "),
        group: entry.group.as_deref().map(escaped).unwrap_or_default(),
        time: result.latency_ms.map(milliseconds).unwrap_or_default(),
        cost: result.cost.map(|cost| format!("{cost:.4}")).unwrap_or_default(),
    }
}

/// The address of a record in the page.
fn address(slug: &str) -> String {
    crate::report::charts::encoded(slug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Colour = [f64; 3];

    /// The colours of the style by their names: the light theme, and the dark one.
    fn themes() -> [BTreeMap<&'static str, Colour>; 2] {
        let colour = |line: &'static str| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
            let digits: Vec<char> = value.chars().collect();
            let pairs: Vec<String> = match digits.len() {
                3 => digits.iter().map(|digit| format!("{digit}{digit}")).collect(),
                _ => digits.chunks(2).map(|pair| pair.iter().collect()).collect(),
            };
            let parts = pairs.iter().map(|pair| u8::from_str_radix(pair, 16).map(f64::from));
            let parts: Vec<f64> = parts.collect::<std::result::Result<_, _>>().ok()?;
            Some((name, [parts[0], parts[1], parts[2]]))
        };
        let mut roots = STYLE.split(":root {").skip(1);
        let mut theme = || -> BTreeMap<&'static str, Colour> {
            let root = roots.next().and_then(|text| text.split('}').next()).unwrap_or_default();
            root.split(';').filter_map(colour).collect()
        };
        let (light, dark) = (theme(), theme());
        let both = light.clone().into_iter().chain(dark).collect();
        [light, both]
    }

    /// The contrast of two colours by the Web Content Accessibility Guidelines 2.2: 1 to 21.
    fn contrast(one: Colour, other: Colour) -> f64 {
        let luminance = |colour: Colour| {
            let linear = colour.map(|part| match part / 255.0 {
                low if low <= 0.04045 => low / 12.92,
                part => ((part + 0.055) / 1.055).powf(2.4),
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        one.max(other) / one.min(other)
    }

    #[test]
    fn texts_and_marks_stand_out_in_both_themes() {
        assert!((contrast([0.0; 3], [255.0; 3]) - 21.0).abs() < 1e-9);
        for theme in themes() {
            assert!(theme.len() > 12, "{theme:?}");
            let of = |name: &str| theme[name];
            // AA: 4.5 for texts, 3 for marks.
            let texts = [
                ("ink", ["paper", "soft", "mark", "chosen", "added", "removed"].as_slice()),
                ("quiet", &["paper", "soft", "chosen"]),
                ("link", &["paper", "soft", "chosen"]),
            ];
            for (text, grounds) in texts {
                for ground in grounds {
                    let found = contrast(of(text), of(ground));
                    assert!(found >= 4.5, "{text} on {ground}: {found:.2}");
                }
            }
            for mark in ["good", "bad", "doubtful", "none", "blue"] {
                for ground in ["paper", "soft"] {
                    let found = contrast(of(mark), of(ground));
                    assert!(found >= 3.0, "{mark} on {ground}: {found:.2}");
                }
            }
            // The numbers in the darkest cell of a matrix.
            let cell: Vec<f64> = of("blue")
                .iter()
                .zip(of("paper"))
                .map(|(blue, paper)| 0.54 * blue + 0.46 * paper)
                .collect();
            assert!(contrast(of("ink"), [cell[0], cell[1], cell[2]]) >= 4.5);
        }
    }
}
