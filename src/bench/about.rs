//! A benchmark as data: what its records hold, how it is judged, what counts, and where that was read.

use serde_json::{Value, json};

use super::{
    case::{Case, Fields},
    convention::Convention,
    judged::Judged,
    row::Row,
};
use crate::{error::Result, prompt::Order};

/// A published benchmark of judges: its records, its protocol and its formulas.
///
/// ```
/// let judge_bench = tribunal::bench::named("judgebench")?;
/// assert_eq!((judge_bench.prompt, judge_bench.is_verified), ("judge-bench", true));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Benchmark {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its name in the literature.
    pub title: &'static str,
    /// What it measures, in a few words.
    pub summary: &'static str,
    /// The fields of a published record that are read.
    pub fields: &'static [Field],
    /// Whether the names of the fields are those of the authors' files, and not a guess: then `--map` is not needed.
    pub is_verified: bool,
    /// What is asked about a record, as published.
    pub protocol: &'static str,
    /// The prompt that is used if none is named.
    pub prompt: &'static str,
    /// The order of answers where no prompt and no order is named, if it is not that of the prompt.
    pub(super) order: Option<Order>,
    /// The prompt for records of which answers can only be rated, where others are compared.
    pub(super) rated_prompt: Option<&'static str>,
    /// How the official code counts a verdict that it cannot read.
    pub failure: &'static str,
    /// The formula of the first figure.
    pub metric: &'static str,
    /// The paper and the code in which all this was read.
    pub source: &'static str,
    /// The licence of the records.
    pub licence: &'static str,
    /// The figures that were reproduced from the recorded verdicts of real judges.
    pub reproduced: &'static str,
    /// The names of the field that identifies a record, if it is not `id`.
    pub(super) ids: &'static [&'static str],
    /// The field whose value is in the path of the authors' files, and how it is found there.
    pub(super) of_path: Option<OfPath>,
    /// Whether the answer that is better has a fixed place in every record, so that its place would give it away.
    pub(super) fixed_place: bool,
    /// Whether a strong verdict, such as `A>>B`, counts more than another one.
    pub(super) has_strength: bool,
    /// The number of resamples of the interval.
    pub(super) resamples: u32,
    /// The case of a record.
    pub(super) case: fn(&Fields<'_>) -> Result<Case>,
    /// The figures, the first of which is the headline. The names of the rows follow from the cases alone.
    pub(super) score: fn(&[&Judged], Convention) -> Vec<Row>,
    /// The headline alone, where the other figures take much longer: it is counted for every resample.
    pub(super) headline: Option<fn(&[&Judged], Convention) -> Row>,
}

/// A field, and how its value is found in the path of a file.
pub(super) type OfPath = (&'static str, fn(&str) -> Option<String>);

/// A field of a published record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, which `--map` can replace.
    pub name: &'static str,
    /// Whether a record without it is an error.
    pub is_required: bool,
    /// What it holds.
    pub holds: &'static str,
}

/// A field without which a record is an error.
pub(super) const fn needs(name: &'static str, holds: &'static str) -> Field {
    Field { name, is_required: true, holds }
}

/// A field that records may lack.
pub(super) const fn may(name: &'static str, holds: &'static str) -> Field {
    Field { name, is_required: false, holds }
}

/// What a table row of a benchmark leaves out.
pub(super) const PLAIN: Benchmark = Benchmark {
    name: "",
    title: "",
    summary: "",
    fields: &[],
    is_verified: true,
    protocol: "",
    prompt: "pair",
    order: None,
    rated_prompt: None,
    failure: "",
    metric: "",
    source: "",
    licence: "",
    reproduced: "none: no judge of it was recorded; tested on records made for it",
    ids: &[],
    of_path: None,
    fixed_place: false,
    has_strength: false,
    resamples: 1_000,
    case: |_| Ok(Case::default()),
    score: |_, _| Vec::new(),
    headline: None,
};

impl Benchmark {
    /// Everything about it as text, for people.
    pub fn page(&self) -> String {
        let schema = if self.is_verified {
            "as published"
        } else {
            "schema unverified: the authors' files were not seen; map your fields with --map"
        };
        let width = self.fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
        let fields = self.fields.iter().map(|field| {
            let optional = if field.is_required { "" } else { " (optional)" };
            format!("  {:width$}  {}{optional}\n", field.name, field.holds)
        });
        let Self { name, title, summary, .. } = self;
        let rows = self.rows().map(|(label, text)| format!("{label:<11} {text}\n"));
        let text = format!(
            "{name}: {title}\n{summary}\n\nRecords ({schema}):\n{}\n{}",
            fields.collect::<String>(),
            rows.concat()
        );
        text.trim_end().to_owned()
    }

    /// The same as a section of a page in Markdown.
    pub fn markdown(&self) -> String {
        let Self { name, title, summary, .. } = self;
        let schema =
            if self.is_verified { "as published" } else { "**schema unverified**, for `--map`" };
        let fields = self.fields.iter().map(|Field { name, is_required, holds }| {
            let optional = if *is_required { "" } else { ", optional" };
            format!("`{name}` ({holds}{optional})")
        });
        let fields = fields.collect::<Vec<_>>().join("; ");
        let rows = self.rows().map(|(label, text)| format!("- {}: {text}\n", label.to_lowercase()));
        format!(
            "## {name}\n\n{title}. {summary}\n\n- records ({schema}): {fields}\n{}",
            rows.concat()
        )
    }

    /// What is known about it besides its records, each with its label.
    fn rows(&self) -> [(&'static str, String); 7] {
        [
            ("Protocol", self.protocol.to_owned()),
            ("Prompt", self.prompts()),
            ("Failure", self.failure.to_owned()),
            ("Metric", self.metric.to_owned()),
            ("Source", self.source.to_owned()),
            ("Licence", self.licence.to_owned()),
            ("Reproduced", self.reproduced.to_owned()),
        ]
    }

    /// Its prompts, in words.
    fn prompts(&self) -> String {
        let order =
            self.order.map_or(String::new(), |order| format!(" with --order {}", order.name()));
        let prompt = format!("{}{order}, if none is named", self.prompt);
        match self.rated_prompt {
            Some(rated) => format!("{prompt}; {rated} for answers that are only rated"),
            None => prompt,
        }
    }

    /// The prompt for records of which answers can only be rated, where others are compared.
    pub fn rated_prompt(&self) -> Option<&'static str> {
        self.rated_prompt
    }

    /// The order of answers where no prompt and no order is named, if it is not that of the prompt.
    pub fn order(&self) -> Option<Order> {
        self.order
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let fields = self.fields.iter().map(|field| {
            json!({"name": field.name, "required": field.is_required, "holds": field.holds})
        });
        json!({
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "fields": fields.collect::<Vec<_>>(),
            "schema_verified": self.is_verified,
            "protocol": self.protocol,
            "prompt": self.prompt,
            "order": self.order.map(Order::name),
            "rated_prompt": self.rated_prompt,
            "failure": self.failure,
            "metric": self.metric,
            "source": self.source,
            "licence": self.licence,
            "reproduced": self.reproduced,
        })
    }

    /// Whether a judge that sees answers in the order of the record would always see the better one in the same place.
    pub fn shows_winner_first(&self) -> bool {
        self.fixed_place
    }
}
