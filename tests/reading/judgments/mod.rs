//! The readers of built-in prompts on real judgments: what they read, beside a careful reader and the official rule.
//!
//! `corpora` says for each file of judgments how it is read and what its labels mean; `official` has the rules of the
//! benchmarks, with their known mistakes. The figures are those of `docs/readers.md`, and a test keeps the page true.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and tell what it measured"
)]

mod awkward;
mod cases;
mod corpora;
mod families;
mod official;

use std::{collections::BTreeMap, fmt::Write as _, fs, sync::Arc};

use crate::support::collected::records;
use serde_json::{Value, json};
use tribunal::{
    Item, Judge, Prompt, Verdict,
    backend::Script,
    completion::{Completion, Finish},
    judge,
    parse::{ItemShape, Parser, Reader, Transcript},
};

use self::corpora::CORPORA;

/// Judgments of one protocol, and how they are read.
struct Corpus {
    /// The file, without its ending.
    file: &'static str,
    /// The protocol, as the table names it.
    protocol: &'static str,
    /// The prompt that reads it.
    reads: Reads,
    /// Whether a record of the file belongs here.
    takes: fn(&Value) -> bool,
    /// The judgments of a record.
    cases: fn(&Value) -> Vec<Case>,
    /// Matches texts that are well formed: they end, or begin, as the protocol asks.
    form: &'static str,
}

/// What reads the judgments of a corpus.
#[derive(Clone, Copy)]
enum Reads {
    /// A built-in prompt.
    BuiltIn(&'static str),
    /// Front matter of this test, for protocols that are not in the catalogue.
    Own(&'static str),
}

/// One judgment.
#[derive(Default)]
struct Case {
    id: String,
    text: String,
    finish: Finish,
    /// What the judge was shown, as far as it is known.
    item: Value,
    /// What a careful reader takes, as output files write it; null if nothing.
    careful: Value,
    /// What the official rule takes.
    official: Value,
    /// Whether it is known that a part of the verdict is missing, whatever the form of the text.
    is_partial: bool,
}

impl Reads {
    /// The prompt.
    fn prompt(self) -> Arc<Prompt> {
        match self {
            Self::BuiltIn(name) => judge::load(name).unwrap(),
            Self::Own(front) => {
                let text = format!("---\n{front}\n---\nuser:\nJudge.\n");
                Arc::new(Prompt::parse("own", &text).unwrap())
            }
        }
    }

    /// As the table shows it.
    fn shown(self) -> String {
        match self {
            Self::BuiltIn(name) => format!("`{name}`"),
            Self::Own(_) => "a rule of this test".into(),
        }
    }
}

/// Reads judgments by the rules of one prompt.
struct Readers {
    judge: Judge,
    reader: Reader,
}

impl Readers {
    async fn of(reads: Reads) -> Self {
        let prompt = reads.prompt();
        let reader = Reader::new(&prompt.verdict_spec()).unwrap();
        let judge =
            Judge::builder().backend(Script::always("")).with_prompt(prompt).build().await.unwrap();
        Self { judge, reader }
    }

    /// The verdict as output files write it, or the reason why there is none.
    fn read(&self, case: &Case) -> Result<Value, &'static str> {
        let verdict = if case.finish == Finish::Stop {
            self.judge.parse_for(&Item::from(case.item.clone()), &case.text).unwrap().verdict
        } else {
            let mut transcript = Transcript::of_text("critique", "");
            transcript.results[0].completion =
                Completion::text(&case.text).finish(case.finish.clone());
            transcript.shape = ItemShape::default();
            self.reader.parse(&transcript).verdict
        };
        verdict.map(|verdict| written(&verdict)).map_err(|why| why.reason.name())
    }
}

/// A verdict as the labels here write it.
fn written(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Label(label) => json!({ "label": label.label }),
        Verdict::Steps(steps)
            if steps.steps.iter().any(|step| REDUNDANCY.contains(&&*step.label)) =>
        {
            let redundant = steps.steps.iter().filter(|step| step.label == REDUNDANCY[0]);
            json!({ "redundant": redundant.map(|step| step.index).collect::<Vec<_>>() })
        }
        Verdict::Steps(steps) => {
            json!({ "first_error": steps.first_error.map_or(-1, |at| i64::try_from(at).unwrap()) })
        }
        Verdict::Text(_) => json!("text"),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// The labels of steps by whether they help.
const REDUNDANCY: [&str; 2] = ["redundant", "necessary"];

/// Equal, where 7 and 7.0 are the same.
fn same(one: &Value, other: &Value) -> bool {
    match (one.get("score"), other.get("score")) {
        (Some(one), Some(other)) => (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() < 1e-9,
        _ => one == other,
    }
}

/// How the judgments of a corpus were read.
#[derive(Default)]
struct Tally {
    all: usize,
    readable: usize,
    agree: usize,
    official: usize,
    formed: usize,
    formed_agree: usize,
    /// Every difference from the careful reader by its class.
    classes: BTreeMap<&'static str, usize>,
    /// Values that the careful reader does not take, with their ids.
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: &Case, read: Result<Value, &'static str>, form: &regex::Regex) {
        self.all += 1;
        self.readable += usize::from(read.is_ok());
        self.official += usize::from(same(&case.official, &case.careful));
        let found = read.clone().unwrap_or_default();
        let agrees = same(&found, &case.careful);
        self.agree += usize::from(agrees);
        if !case.careful.is_null() && !case.is_partial && form.is_match(&case.text) {
            self.formed += 1;
            self.formed_agree += usize::from(agrees);
        }
        if agrees {
            return;
        }
        *self.classes.entry(class(case, &read)).or_default() += 1;
        if let Ok(found) = read {
            self.wrong.push(format!("{}: {found}, not {}", case.id, case.careful));
        }
    }

    /// The row of the table.
    fn row(&self, corpus: &Corpus) -> String {
        let percent = |part: usize, of: usize| match of {
            0 => "–".to_owned(),
            _ if part == of => "100 %".to_owned(),
            _ => format!("{:.2} %", 100.0 * real(part) / real(of)),
        };
        let classes: Vec<String> =
            self.classes.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let classes = if classes.is_empty() { "none".to_owned() } else { classes.join(", ") };
        format!(
            "| `{}` | {} | {} | {} | {} | {} of {} | {} | {} | {classes} |",
            corpus.file,
            corpus.protocol,
            corpus.reads.shown(),
            self.all,
            percent(self.readable, self.all),
            percent(self.formed_agree, self.formed),
            self.formed,
            percent(self.agree, self.all),
            percent(self.official, self.all),
        )
    }
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// The class of a difference from the careful reader.
fn class(case: &Case, read: &Result<Value, &'static str>) -> &'static str {
    match read {
        Ok(_) if case.careful.is_null() => "a value where there is none",
        Ok(_) => "another value",
        Err("off-scale") => "off the scale",
        Err("truncated") => "cut off",
        Err("refused") => "refusal",
        Err("ambiguous") => "unclear, or two verdicts",
        Err(_) if is_foreign(&case.text) => "in another language",
        Err(_) => "in prose, or in another place",
    }
}

/// Whether a text is not English: it has words, and none of the commonest.
fn is_foreign(text: &str) -> bool {
    let low = text.to_lowercase();
    let has = |word: &str| low.split(|c: char| !c.is_alphanumeric()).any(|found| found == word);
    text.len() > 80 && !["the", "is", "and"].iter().any(|word| has(word))
}

async fn tally(corpus: &Corpus, records: &[Value]) -> Tally {
    let readers = Readers::of(corpus.reads).await;
    let form = regex::Regex::new(corpus.form).unwrap();
    let mut tally = Tally::default();
    for record in records.iter().filter(|record| (corpus.takes)(record)) {
        for case in (corpus.cases)(record) {
            let read = readers.read(&case);
            tally.add(&case, read, &form);
        }
    }
    tally
}

/// Values that the careful reader of the labels does not take, although they are right or cannot be seen to be wrong.
/// Each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "lb:LLaMA2:Vanilla_1shot:LLMBar/Adversarial/GPTOut:33:0:0",
        "says `I must choose Output (b) as the better option.`",
    ),
    (
        "lb:LLaMA2:Vanilla_1shot:LLMBar/Adversarial/GPTOut:33:0:1",
        "says `I must choose Output (a) as the better option.`",
    ),
    (
        "lb:LLaMA2:Vanilla_1shot:LLMBar/Natural:57:0:0",
        "says `I would choose Output (b) as the better response.`",
    ),
    (
        "gr:cor:11706",
        "its last line of the verdict's form is about one step, and the text breaks off after it",
    ),
    ("gr:cor:1581", "says `Final Grade: … No`, and gives its reasons after that"),
    (
        "lb:ChatGPT:Swap_CoT:LLMBar/Adversarial/GPTInst:22:1:1",
        "reports the opinions of two others in the words of the verdict, and decides in other words",
    ),
    ("lb:PaLM2:CoT:LLMBar/Adversarial/GPTInst:85:0:0", "says `Therefore, Output (b) is better.`"),
    ("lb:PaLM2:CoT:LLMBar/Adversarial/Neighbor:40:0:1", "says `Therefore, Output (a) is better.`"),
    ("lb:PaLM2:CoT:LLMBar/Adversarial/Neighbor:128:0:0", "says `Therefore, Output (b) is better.`"),
    (
        "lb:LLaMA2:Vanilla_1shot:LLMBar/Adversarial/Neighbor:98:0:0",
        "opens with `Output (b)` alone, and explains it",
    ),
    (
        "lb:LLaMA2:Vanilla_2shot:LLMBar/Adversarial/Neighbor:98:0:0",
        "opens with `Output (b)` alone, and explains it",
    ),
    (
        "lb:LLaMA2:Vanilla_2shot:LLMBar/Natural:57:0:0",
        "opens with `Output (b)` alone, and explains it",
    ),
    ("lb:PaLM2:CoT:LLMBar/Natural:95:0:1", "says `Therefore, Output (b) is better.`"),
];

/// The page with the table.
fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/readers.md")).unwrap()
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
async fn built_in_readers_agree_with_a_careful_reader() {
    let mut table = String::new();
    let (mut wrong, mut weak) = (Vec::new(), Vec::new());
    let (mut all, mut formed, mut agree) = (0, 0, 0);
    for corpus in CORPORA {
        let tally = tally(corpus, &records(corpus.file)).await;
        assert!(tally.all > 0, "{} has no judgments of {}", corpus.file, corpus.protocol);
        writeln!(table, "{}", tally.row(corpus)).unwrap();
        all += tally.all;
        formed += tally.formed;
        agree += tally.formed_agree;
        if real(tally.formed_agree) < 0.995 * real(tally.formed) {
            weak.push(format!(
                "{} {}: {} of {}",
                corpus.file, corpus.protocol, tally.formed_agree, tally.formed
            ));
        }
        wrong.extend(tally.wrong.into_iter().map(|found| format!("{}: {found}", corpus.file)));
    }
    println!(
        "{table}\n{all} judgments, {formed} well formed, of which {agree} are read as the careful reader does"
    );
    wrong.retain(|found| !EXCEPTIONS.iter().any(|(id, _)| found.contains(&format!("{id}:"))));
    for found in &wrong {
        eprintln!("{found}");
    }
    assert!(wrong.is_empty(), "{} values that a careful reader does not take", wrong.len());
    assert!(weak.is_empty(), "below 99.5 %: {weak:?}");
    let stale: Vec<&str> = table.lines().filter(|row| !page().contains(row)).collect();
    assert!(stale.is_empty(), "docs/readers.md lacks these rows:\n{}", stale.join("\n"));
}

#[tokio::test]
async fn the_copied_judgments_are_read_as_a_careful_reader_reads_them() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in super::verdicts::files("tests/data/verdicts", "jsonl") {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let records: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let own: Vec<&Corpus> = CORPORA.iter().filter(|corpus| corpus.file == name).collect();
        assert!(!own.is_empty(), "{name} belongs to no corpus");
        for corpus in own {
            let tally = tally(corpus, &records).await;
            count += tally.all;
            if tally.formed_agree + tally.wrong.len() < tally.formed {
                wrong.push(format!("{name}: {:?}", tally.classes));
            }
            wrong.extend(tally.wrong);
        }
    }
    wrong.retain(|found| !EXCEPTIONS.iter().any(|(id, _)| found.contains(&format!("{id}:"))));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 50, "only {count} judgments");
}

#[tokio::test]
async fn a_text_alone_is_read_as_the_result_that_a_rule_names() {
    let case = Case { text: "Output (b)".into(), item: json!({}), ..Case::default() };
    let readers = Readers::of(Reads::BuiltIn("llmbar-metrics")).await;
    assert_eq!(readers.read(&case), Ok(json!({ "preference": "second" })));
}
