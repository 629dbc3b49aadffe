//! The page: a template that escapes what it prints, one style sheet, one script, and a policy that lets nothing else
//! run or load.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    Report, data,
    entry::{Entry, Flag},
    figures::{self, Figure, Part, milliseconds},
    look::first_to_see,
    pictures::{self, Picture},
    run::Run,
    trust,
};
use crate::{
    error::{Error, ErrorKind, Result},
    report::escaped,
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
    repeat: Option<String>,
    records: usize,
    coverage: Vec<Part>,
    outcome: Vec<Figure>,
    trust: Vec<Figure>,
    first: Vec<Look>,
    pictures: Vec<PictureView>,
    summary: String,
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
    expected: String,
    label: String,
    flags: String,
    group: String,
    time: String,
    cost: String,
}

/// The page of a report.
///
/// # Errors
/// The template cannot be rendered.
pub(super) fn html(report: &Report) -> Result<String> {
    let mut environment = Environment::new();
    environment.add_filter("address", |text: String| address(&text));
    // The name decides that everything is escaped.
    let rendered = environment.add_template("page.html", TEMPLATE).and_then(|()| {
        let runs: Vec<RunView> = report.runs.iter().map(view).collect();
        let all = || report.runs.iter().flat_map(|run| &run.entries);
        let comparison = report
            .comparison
            .as_ref()
            .map(|comparison| comparison.to_string().lines().map(escaped).collect::<Vec<_>>());
        environment.get_template("page.html")?.render(context! {
            title => title(report),
            policy => policy(),
            style => Value::from_safe_string(STYLE.into()),
            script => Value::from_safe_string(SCRIPT.into()),
            index => Value::from_safe_string(data::index(report)),
            details => Value::from_safe_string(data::details(report)),
            runs => Serde(&runs),
            comparison => comparison,
            together => Serde(&pictures::compute(&report.runs).map(of_picture)),
            command => report.options.command.as_str(),
            with_items => report.options.with_items,
            records => report.len(),
            rows => Serde(&all().take(PLAIN).map(row).collect::<Vec<_>>()),
            columns => columns(report),
            version => env!("CARGO_PKG_VERSION"),
        })
    });
    rendered.map_err(|cause| {
        Error::new(ErrorKind::Io, format!("the report cannot be laid out: {cause}"))
    })
}

/// The name of the report: those of its files.
fn title(report: &Report) -> String {
    let names: Vec<String> = report.runs.iter().map(|run| escaped(&run.name)).collect();
    names.join(" and ")
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
        Look { slug: address(&entry.slug), id: escaped(&entry.result.id), why: escaped(&why) }
    };
    RunView {
        name: escaped(&run.name),
        facts: facts(run),
        repeat: repeat(run),
        records: run.len(),
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
    let passed = run
        .summary
        .passed
        .filter(|_| run.manifest.as_ref().is_some_and(|run| run["pass"].is_string()));
    if let Some(passed) = passed {
        add("passed", format!("{passed} of {} records", run.len()));
    }
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
    let all: [(&str, bool); 6] = [
        ("expected", has(|entry| entry.result.expected_score.is_some())),
        ("label", has(|entry| entry.label.is_some())),
        ("group", has(|entry| entry.group.is_some())),
        ("time", has(|entry| entry.result.latency_ms.is_some())),
        ("cost", has(|entry| entry.result.cost.is_some())),
        ("flags", has(|entry| !entry.flags().is_empty())),
    ];
    all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

fn row(entry: &Entry) -> Row {
    let result = &entry.result;
    let flags: Vec<&str> = entry.flags().into_iter().map(Flag::name).collect();
    Row {
        id: escaped(&result.id),
        verdict: escaped(&data::shown(entry)),
        expected: result.expected_score.map(|score| format!("{score:.2}")).unwrap_or_default(),
        label: entry.label.as_ref().map(|label| escaped(&label.text)).unwrap_or_default(),
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
