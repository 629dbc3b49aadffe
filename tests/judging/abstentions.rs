//! Judges that say that they cannot judge: neither a verdict nor a failure, and not a tie.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use crate::{
    aggregation::shares,
    judging::{answer, prompt},
};
use tribunal::{
    Completion, Item, Judge, Judgment, Prompt,
    backend::{Capabilities, Script},
    line::{ResultLine, VoteLine},
    parse::{Chosen, Parser, Reader, Reply, Slot, Transcript},
    report::{Labels, Summary},
    verdict::Reason,
};

const SCORE: &str =
    "kind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\nabstain: [N/A, cannot assess]";

fn abstaining() -> Prompt {
    prompt(SCORE, "{{ answer }}")
}

/// Labels that are picked: right, wrong, or not to be told.
fn triage() -> Prompt {
    let keys = "kind: label\nabstain: unknown\nverdict: {choose: v, values: {'A': right, 'B': wrong, 'C': unknown}}";
    prompt(keys, "user:\n{{ answer }}\nassistant:\n{{ choose('v', ['A', 'B', 'C']) }}")
}

fn reason(prompt: &Prompt, text: &str) -> Option<Reason> {
    let reader = Reader::new(&prompt.verdict_spec()).unwrap();
    let read = reader.parse(&Transcript::of_text("critique", text));
    read.verdict.err().map(|why| why.reason)
}

#[test]
fn the_words_of_abstention_are_no_verdict_and_nothing_else_is_one_of_them() {
    let prompt = abstaining();
    for text in [
        "Hm.\nScore: N/A",
        "Score: n/a.",
        "**Score:** cannot assess",
        "Score: Cannot assess: no sources.",
    ] {
        assert_eq!(reason(&prompt, text), Some(Reason::Abstained), "{text}");
    }
    assert_eq!(reason(&prompt, "Score: 7"), None);
    assert_eq!(reason(&prompt, "N/A at first.\nScore: 7"), None);
    assert_eq!(reason(&prompt, "Score: 12"), Some(Reason::OffScale));
    assert_eq!(reason(&prompt, "Score: perhaps"), Some(Reason::Ambiguous));
    assert_eq!(reason(&prompt, "This cannot be assessed."), Some(Reason::Missing));
    let plain = crate::judging::score("{{ answer }}");
    assert_ne!(reason(&plain, "Score: N/A"), Some(Reason::Abstained), "it was not offered");
}

#[test]
fn a_label_of_abstention_has_no_part_in_the_probabilities_of_the_others() {
    let prompt = triage();
    let reader = Reader::new(&prompt.verdict_spec()).unwrap();
    let picked = |label: &str, seen: &[(&str, f64)]| {
        let mut completion = Completion::text(label);
        completion.distribution = Some(shares(seen));
        let mut transcript = Transcript::of_text("critique", "");
        transcript.results = vec![Reply {
            slot: Slot { name: "v".into(), at: None },
            chosen: Some(Chosen::FromText(None)),
            may_be_cut: false,
            completion,
        }];
        reader.parse(&transcript)
    };
    let read = picked("A", &[("A", 0.45), ("B", 0.15), ("C", 0.4)]);
    let label = read.verdict.unwrap();
    assert_eq!(label.label(), Some("right"));
    assert!((label.confidence().unwrap() - 0.75).abs() < 1e-9);
    let read = picked("C", &[("A", 0.1), ("B", 0.2), ("C", 0.7)]);
    assert_eq!(read.verdict.unwrap_err().reason, Reason::Abstained);
}

#[tokio::test]
async fn an_abstention_is_asked_once_and_replaced_by_nobody() {
    let script = Arc::new(Script::always("I lack the sources.\nScore: N/A").remembering());
    let spare = Arc::new(Script::always("Score: 2").remembering());
    let of = async |backend: Arc<Script>| {
        Judge::builder().backend(backend).with_prompt(abstaining()).reasks(3).build().await.unwrap()
    };
    let (idle, spare_judge) = (of(script.clone()).await, of(spare.clone()).await);
    let able = of(Arc::new(Script::always("Score: 8"))).await;
    let jury = Judge::panel([("idle", idle.clone()), ("able", able.clone())]);
    let jury = jury.quorum(1).replacements([("spare", spare_judge)]).build().await.unwrap();
    let judgment = jury.judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), script.calls(), spare.calls()), (Some(8.0), 1, 0));
    let line = VoteLine::from(&judgment.votes[0]);
    assert_eq!(serde_json::to_value(&line).unwrap()["unreadable"]["reason"], "abstained");
    let lines: Vec<VoteLine> = judgment.votes.iter().map(VoteLine::from).collect();
    assert_eq!(jury.reread(&answer(), &lines, None).unwrap().votes, judgment.votes);

    // If all abstain, so does the jury; if the quorum is missing for another reason, that is the reason.
    let both = Judge::panel([("idle", idle.clone()), ("other", idle.clone())]);
    let judgment = both.build().await.unwrap().judge(&answer()).await.unwrap();
    assert_eq!(judgment.unreadable().unwrap().reason, Reason::Abstained);
    let pair = Judge::panel([("idle", idle), ("able", able)]).build().await.unwrap();
    let judgment = pair.judge(&answer()).await.unwrap();
    let why = judgment.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Quorum);
    assert!(why.detail.contains("`idle`: abstained: `N/A`"), "{why}");
}

#[tokio::test]
async fn a_summary_counts_abstentions_apart_from_what_could_not_be_read() {
    let judge = Judge::builder().backend(Script::always("")).with_prompt(abstaining());
    let judge = judge.build().await.unwrap();
    let mut summary = Summary::new(&judge, Labels::default());
    let mut count = |text: &str| summary.count("r", None, Ok(&judge.parse(text)));
    ["Score: 3", "Score: N/A", "Score: cannot assess", "Hm."].into_iter().for_each(&mut count);
    assert_eq!((summary.judged, summary.abstained, summary.unread()), (1, 2, 1));
    let text = summary.to_string();
    assert!(
        text.starts_with("1 of 4 records judged, 2 abstained, 1 unreadable (1 missing)"),
        "{text}"
    );
    assert!(text.contains("if the abstained and unreadable were worst or best"), "{text}");
    assert_eq!(summary.to_json()["abstained"], 2);
    assert!(
        (summary.unreadable_rate() - 0.5).abs() < 1e-9,
        "of one verdict and one unreadable answer"
    );
}

#[test]
fn a_line_of_an_abstention_is_read_back() {
    let line = r#"{"v": 1, "id": "a", "unreadable": {"reason": "abstained", "detail": "`N/A`"}}"#;
    let judgment = Judgment::try_from(ResultLine::read(line).unwrap()).unwrap();
    assert!(judgment.unreadable().unwrap().is_abstention());
}

#[test]
fn a_prompt_that_gives_no_verdict_cannot_abstain() {
    let source = "---\nkind: critique\nabstain: N/A\n---\n{{ answer }}";
    let error = Prompt::parse("mine", source).unwrap_err().to_string();
    assert!(error.contains("`abstain` needs a verdict, and `kind: critique` has none"), "{error}");
}

/// A model that weighs values after the text does not weigh those of abstention.
#[tokio::test]
async fn an_abstention_is_not_overruled_by_probabilities() {
    let script = Script::answering(|request| {
        Ok(match &request.ask {
            tribunal::request::Ask::Choose { labels } => Completion::text(labels[0].clone()),
            _ => Completion::text("Score: N/A"),
        })
    })
    .capable(Capabilities::ALL);
    let judge = Judge::builder().backend(script).with_prompt(abstaining()).build().await.unwrap();
    let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
    assert_eq!(judgment.unreadable().unwrap().reason, Reason::Abstained);
    assert_eq!(judgment.votes[0].calls.len(), 1);
}
