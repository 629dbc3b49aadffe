//! Cascades of the program: thresholds from labels, and a cheap prompt before the judge's own.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::support::{Place, Ran, Reply, Seen, Server};
use serde_json::{Value, json};

/// How good the small judge is.
#[derive(Clone, Copy)]
enum Small {
    /// Right and sure about easy records; about hard ones it is wrong in two of three draws.
    Knows,
    /// Right and sure about every record.
    Perfect,
    /// Sure of every record, and right about every other one.
    Coin,
}

/// The label of a record by its number.
fn gold(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "good" } else { "bad" }
}

/// A model that answers two prompts, of which the small one is as good as this. The large one is always right.
async fn server(small: Small) -> Server {
    let drawn: Mutex<BTreeMap<String, usize>> = Mutex::default();
    Server::start(move |seen: &Seen| {
        let text = seen.body["messages"].to_string();
        let name = text.split("<<").nth(1).unwrap().split(">>").next().unwrap().to_owned();
        let number: usize = name.split(' ').nth(1).unwrap().parse().unwrap();
        let is_right = match small {
            _ if text.contains("Large.") => true,
            Small::Perfect => true,
            Small::Coin => number % 4 < 2,
            Small::Knows if name.starts_with("easy") => true,
            Small::Knows => {
                let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
                let draw = drawn.entry(name).or_default();
                *draw += 1;
                draw.is_multiple_of(3)
            }
        };
        let word = if is_right { gold(number) } else { gold(number + 1) };
        Reply::says(&format!("Because.\nVerdict: {word}"))
    })
    .await
}

/// Records with these numbers, half of them hard; with their labels if wanted.
fn records(numbers: Range<usize>, labelled: bool) -> String {
    let record = |number: usize| {
        let name = if number % 4 < 2 { "hard" } else { "easy" };
        let mut record = json!({"id": format!("r{number}"), "question": format!("<<{name} {number}>>"), "answer": "It."});
        if labelled {
            record["gold"] = gold(number).into();
        }
        format!("{record}\n")
    };
    numbers.map(record).collect()
}

const FRONT: &str = "---\nkind: label\nverdict: {pattern: 'Verdict: *', values: {good: good, bad: bad}}\n---\nuser:\n";

/// A folder with records, two prompts, and a cascade of them on one model.
fn place(name: &str, server: &Server) -> Place {
    let place = Place::new(name);
    for size in ["Small", "Large"] {
        let prompt = format!("{FRONT}{size}. {{{{ question }}}} {{{{ answer }}}}\n");
        place.file(&format!("{}.jinja", size.to_lowercase()), prompt);
    }
    let model = format!("[model.both]\nname = \"openai/both\"\nbase_url = \"{}\"\n", server.url);
    let judges = "[defaults]\nmodel = \"both\"\ndraws = 3\n\
        [judge.small]\nprompt = \"small.jinja\"\n[judge.large]\nprompt = \"large.jinja\"\n\
        [judge.saving]\ncascade = [\"small\", \"large\"]\n";
    place.file("c.toml", format!("{judges}{model}"));
    place.file("sample.jsonl", records(0..80, false));
    place.file("labels.jsonl", records(0..80, true));
    place.file("rest.jsonl", records(80..100, true));
    place
}

async fn run(place: &Place, args: &[&str]) -> Ran {
    Ran::ended(place.start(&[args, &["-c", "c.toml"]].concat())).await
}

/// Judges the sample with both judges alone, and fits thresholds on its labels, which are in another file.
async fn fit(place: &Place) -> (Ran, Value) {
    for judge in ["small", "large"] {
        let output = format!("{judge}.jsonl");
        let _ =
            run(place, &["judge", "sample.jsonl", "--judge", judge, "-o", &output]).await.passed();
    }
    let args = ["calibrate", "small.jsonl", "large.jsonl", "--agree", "0.9", "--label", "gold"];
    let files = ["--labels", "labels.jsonl", "-o", "thresholds.json"];
    let fitted = place.run(&[&args[..], &files].concat()).passed();
    (fitted, serde_json::from_str(&place.read("thresholds.json")).unwrap())
}

const CASCADE: [&str; 8] = [
    "judge",
    "rest.jsonl",
    "--judge",
    "saving",
    "--thresholds",
    "thresholds.json",
    "--label",
    "gold",
];

#[tokio::test]
async fn thresholds_that_were_fitted_on_labels_decide_who_judges_the_rest() {
    let server = server(Small::Knows).await;
    let place = place("cascade-fit", &server);
    let (report, thresholds) = fit(&place).await;
    assert!(
        report.out.contains("80 records with labels: agreement of at least 90.0 %"),
        "{}",
        report.out
    );
    assert!(
        report.out.contains("decides from a certainty of 1.000 on: 40 of 80 (50.0 %)"),
        "{}",
        report.out
    );
    let of = |judge: usize, key: &str| thresholds["judges"][judge][key].clone();
    assert_eq!([of(0, "threshold"), of(1, "threshold")], [json!(1.0), json!(1.0)]);
    assert_eq!(
        [of(0, "prompt")["name"].clone(), of(1, "prompt")["name"].clone()],
        ["small.jinja", "large.jinja"]
    );
    let asked = server.requests();
    let ran = run(&place, &[&CASCADE[..], &["-o", "out.jsonl"]].concat()).await.passed();
    // Three draws of the small prompt for all, and three of the large one for the hard half.
    assert_eq!(server.requests() - asked, 20 * 3 + 10 * 3);
    assert!(ran.err.contains("votes: 90 of 120 asked, 30 saved (25.0 %)"), "{}", ran.err);
    assert!(ran.err.contains("decided by large: 10, small: 10"), "{}", ran.err);
    assert!(ran.err.contains("20 of 20 agree with the records' own `gold`"), "{}", ran.err);
    // They are for these prompts, and for no others.
    place.file(
        "large.jinja",
        format!("{FRONT}Large, and other. {{{{ question }}}} {{{{ answer }}}}\n"),
    );
    let ran = run(&place, &CASCADE).await;
    assert!(
        ran.code == 2 && ran.err.contains("fitted for the prompt `large.jinja`"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn a_small_judge_that_tosses_a_coin_never_decides_and_a_perfect_one_always_does() {
    let coin = server(Small::Coin).await;
    let place_of_coin = place("cascade-coin", &coin);
    let (report, thresholds) = fit(&place_of_coin).await;
    assert!(
        report.out.contains("never decides; no threshold passed on the 80 records"),
        "{}",
        report.out
    );
    assert_eq!(thresholds["judges"][0]["threshold"], Value::Null);
    let ran = run(&place_of_coin, &CASCADE).await.passed();
    assert!(ran.err.contains("decided by large: 20"), "{}", ran.err);
    assert!(ran.err.contains("20 of 20 agree with the records' own `gold`"), "{}", ran.err);
    // Without thresholds its word is taken, since it is sure.
    let ran =
        run(&place_of_coin, &["judge", "rest.jsonl", "--judge", "saving", "--label", "gold"]).await;
    assert!(ran.err.contains("decided by small: 20"), "{}", ran.err);
    assert!(ran.err.contains("10 of 20 agree with the records' own `gold`"), "{}", ran.err);
    let perfect = server(Small::Perfect).await;
    let place_of_perfect = place("cascade-perfect", &perfect);
    let (report, _) = fit(&place_of_perfect).await;
    assert!(report.out.contains("on: 80 of 80 (100.0 %), agreement 100.0 %"), "{}", report.out);
    let ran = run(&place_of_perfect, &CASCADE).await.passed();
    assert!(ran.err.contains("votes: 60 of 120 asked, 60 saved (50.0 %)"), "{}", ran.err);
    assert!(ran.err.contains("20 of 20 agree with the records' own `gold`"), "{}", ran.err);
}

/// Label first: the judge's own prompt is asked only about records of which the cheap one is unsure.
#[tokio::test]
async fn a_cheap_prompt_goes_first_and_its_answers_are_not_paid_for_twice() {
    let server = server(Small::Knows).await;
    let place = place("label-first", &server);
    let judge =
        |prompt: &'static str| ["judge", "rest.jsonl", "-m", "both", "-p", prompt, "--draws", "3"];
    let _ = run(&place, &judge("small.jinja")).await.passed();
    let asked = server.requests();
    assert_eq!(asked, 60);
    let first = ["--first-prompt", "small.jinja", "--certainty", "0.9", "--label", "gold"];
    let ran = run(&place, &[&judge("large.jinja")[..], &first].concat()).await.passed();
    assert_eq!(
        server.requests() - asked,
        30,
        "only the large prompt, and only about the hard half"
    );
    assert!(ran.err.contains("votes: 90 of 120 asked, 30 saved (25.0 %)"), "{}", ran.err);
    assert!(ran.err.contains("decided by large: 10, small: 10"), "{}", ran.err);
    assert!(ran.err.contains("20 of 20 agree with the records' own `gold`"), "{}", ran.err);
    let by = ran.lines().into_iter().map(|line| line["stage"]["judge"].clone());
    assert_eq!(by.filter(|judge| judge == "small").count(), 10);
    // The same as a table of the file, and without a request.
    let config = place.read("c.toml")
        + "[judge.first]\nprompt = \"large.jinja\"\nfirst_prompt = \"small.jinja\"\ncertainty = [0.9]\n";
    place.file("c.toml", config);
    let (asked, table) = (server.requests(), ["judge", "rest.jsonl", "--judge", "first"]);
    let ran = run(&place, &table).await.passed();
    assert_eq!(server.requests(), asked);
    assert!(ran.err.contains("decided by large: 10, small: 10"), "{}", ran.err);
    // A certainty without a second prompt would be ignored, and so would that of a jury.
    let ran = run(&place, &[&judge("large.jinja")[..], &["--certainty", "0.9"]].concat()).await;
    assert!(ran.code == 2 && ran.err.contains("`certainty` is for a cascade"), "{}", ran.err);
    let config = place.read("c.toml") + "[judge.both]\nmembers = [\"small\", \"large\"]\n";
    place.file("c.toml", config);
    let jury = ["judge", "rest.jsonl", "--judge", "both", "--certainty", "0.9"];
    let ran = run(&place, &jury).await;
    assert!(ran.code == 2 && ran.err.contains("`certainty` is for a cascade"), "{}", ran.err);
}
