//! `tribunal report` on runs with their manifests: gates, what was never tried, the requests, and several files.

#![cfg(feature = "cli")]

use crate::{
    report::{block, report, scores},
    support::{Place, records},
};
use serde_json::{Value, json};

/// A run of `judge` over four records, of which the results of the last one are lost.
fn stopped(place: &Place, gates: &[&str]) -> i32 {
    place.file("in.jsonl", records(4));
    let args = ["judge", "in.jsonl", "-p", "score", "-m", "script:Score: 7", "-o", "v.jsonl"];
    let ran = place.run(&[&args[..], &["--pass", "score >= 5"], gates].concat());
    let whole = place.read("v.jsonl");
    let kept: Vec<&str> = whole.lines().take(3).collect();
    place.file("v.jsonl", kept.join("\n") + "\n");
    ran.code
}

#[test]
fn the_head_holds_every_rule_with_its_value_interval_and_outcome() {
    let place = Place::new("report-gates");
    place.file("in.jsonl", records(4));
    let args = ["judge", "in.jsonl", "-p", "score", "-m", "script:Score: 7", "-o", "v.jsonl"];
    let gates = ["--pass", "score >= 5", "--fail-under", "0.9", "--fail-under", "mean>=8@lower"];
    let more = ["--max-unreadable", "0.1"];
    let ran = place.run(&[&args[..], &gates, &more].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    let manifest: Value = serde_json::from_str(&place.read("v.jsonl.run.json")).unwrap();
    let kept = manifest["outcome"]["gates"].as_array().unwrap();
    let rules: Vec<(&str, bool)> =
        kept.iter().map(|gate| (gate["rule"].as_str().unwrap(), gate["why"].is_null())).collect();
    assert_eq!(
        rules,
        [("pass_rate>=0.9", true), ("mean>=8@lower", false), ("unreadable_rate<=0.1", true)]
    );
    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    for shown in [
        "**Gate failed: 1 of 3 rules not kept**",
        "| pass\\_rate&gt;=0.9 | 1.000 | 0.510 to 1.000 | 4 | kept |",
        "| mean&gt;=8&#64;lower | 7.000 | 4.061 to 8.470 | 4 | not kept |",
    ] {
        assert!(markdown.contains(shown), "{shown}\n{markdown}");
    }
    report(&place, &["v.jsonl"]);
    let page = place.read("report.html");
    assert!(
        page.contains("Gate failed: 1 of 3 rules not kept") && page.contains("<b>not kept</b>")
    );
    // A run without an end decides nothing.
    let begun = json!({"judge": manifest["judge"], "version": "1", "prompt": manifest["prompt"]});
    place.file("v.jsonl.run.json", begun.to_string());
    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    assert!(markdown.contains("**Gate not decided: the run did not end**"), "{markdown}");
}

#[test]
fn records_of_the_input_without_a_line_were_never_tried_and_count() {
    let place = Place::new("report-untried");
    assert_eq!(stopped(&place, &[]), 0);
    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    for shown in [
        "4 records: 3 judged (75.0 %), 1 never tried (25.0 %)",
        "| pass rate | 75.0 % | 30.1 to 95.4 % | 4 |",
    ] {
        assert!(markdown.contains(shown), "{shown}\n{markdown}");
    }
    report(&place, &["v.jsonl"]);
    let page = place.read("report.html");
    assert!(
        page.contains("never tried <b>1</b> (25.0 %)") || page.contains("never tried</"),
        "{page}"
    );
}

#[test]
fn the_results_of_every_command_tell_how_they_are_made_again() {
    let place = Place::new("report-repeat");
    place.file(
        "in.jsonl",
        "{\"id\": \"a\", \"question\": \"12 + 30\", \"answers\": [\"41\", \"42\"]}\n",
    );
    let args = ["rank", "in.jsonl", "-p", "score", "-m", "script:Score: 7", "-o", "r.jsonl", "-q"];
    place.run(&args).assert_passed();
    let markdown = report(&place, &["r.jsonl", "--format", "markdown"]);
    let repeat = "Repeat: `tribunal rank in.jsonl -p score -m 'script:Score: 7' -o r.jsonl -q`";
    assert!(markdown.contains(repeat), "{markdown}");
    let manifest: Value = serde_json::from_str(&place.read("r.jsonl.run.json")).unwrap();
    assert_eq!(manifest["records"], 1);
    assert_eq!(manifest["outcome"], json!({"end": "whole", "not_tried": 0}));
    // The file is no input of a later run over the folder.
    let again = place.run(&["judge", ".", "-p", "score", "-m", "script:Score: 7"]);
    assert!(!again.out.contains("tribunal"), "{}", again.out);
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(feature = "openai")]
async fn requests_are_rebuilt_as_they_were_sent() {
    use crate::support::{Reply, Server};

    let server = Server::start(|seen| {
        let turns = seen.body["messages"].as_array().unwrap();
        let is_second = turns.iter().any(|turn| turn["role"] == "assistant");
        Reply::says(&if is_second {
            "Output (a) is better.".to_owned()
        } else {
            format!("1. Is it kind ({})?", seen.index)
        })
    })
    .await;
    let place = Place::new("report-requests");
    let record = |n: usize| json!({"id": n, "instruction": format!("Be kind {n}.\n</script>"), "a": "No.", "b": "Yes?"});
    place.file("in.jsonl", format!("{}\n{}\n", record(1), record(2)));
    let args = ["judge", "in.jsonl", "-p", "llmbar-metrics", "-m", "openai/x", "--base-url"];
    let more = ["--map", "question=instruction", "-o", "v.jsonl", "-q"];
    let fields = ["--map", "response_a=a", "--map", "response_b=b"];
    let ran = place.run(&[&args[..], &[&server.url], &more, &fields].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    report(&place, &["v.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    let details = block(&page, "details");
    let (shared, details) = details.split_last().unwrap();
    let mut rebuilt: Vec<Value> = Vec::new();
    for one in details {
        for sent in one["sent"].as_array().unwrap() {
            let message = |message: &Value| {
                let lines = message[1].as_array().unwrap().iter();
                let lines: Vec<&str> = lines
                    .map(|place| {
                        shared[usize::try_from(place.as_u64().unwrap()).unwrap()].as_str().unwrap()
                    })
                    .collect();
                json!({"role": message[0], "content": lines.join("\n")})
            };
            rebuilt.push(sent[1].as_array().unwrap().iter().map(message).collect());
        }
    }
    let mut sent: Vec<Value> =
        server.seen().iter().map(|seen| seen.body["messages"].clone()).collect();
    sent.retain(|messages| messages.as_array().unwrap().len() > 2);
    assert_eq!(sent.len(), 4, "two records in two orders");
    for one in sent {
        let position = rebuilt.iter().position(|other| *other == one);
        rebuilt.remove(position.unwrap_or_else(|| panic!("{one:#}\nis not in\n{rebuilt:#?}")));
    }
    assert!(rebuilt.is_empty());
    assert_eq!(page.matches("</script>").count(), 3, "texts of requests stay texts");
    // The replies are there as they came.
    assert_eq!(details[0]["raw"].as_array().unwrap().len(), 4, "{:#}", details[0]["raw"]);
    // Without the manifest nothing is made up.
    std::fs::remove_file(place.folder.path("v.jsonl.run.json")).unwrap();
    report(&place, &["v.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    assert!(block(&page, "details")[0].get("sent").is_none());
    let index = &block(&page, "index")[0];
    let note = index["notes"][0].as_str().unwrap();
    assert!(note.contains("v.jsonl.run.json` is not there"), "{note}");
}

#[test]
fn another_prompt_than_that_of_the_results_rebuilds_nothing() {
    let place = Place::new("report-other-prompt");
    stopped(&place, &[]);
    let manifest = place.read("v.jsonl.run.json");
    let mut other: Value = serde_json::from_str(&manifest).unwrap();
    let source = other["prompt"]["source"].as_str().unwrap().replace("critic", "poet") + "\nMore.";
    other["prompt"]["source"] = source.into();
    place.file("v.jsonl.run.json", other.to_string());
    report(&place, &["v.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    assert!(block(&page, "details")[0].get("sent").is_none());
    let note = block(&page, "details")[0]["unsent"].as_str().unwrap().to_owned();
    assert_eq!(note, "not kept, and not rebuilt: the manifest is of another prompt.");
}

#[test]
fn a_secret_of_the_run_is_not_guessed() {
    let place = Place::new("report-secret");
    place.file("in.jsonl", records(1));
    let args = ["judge", "in.jsonl", "-p", "correct", "-m", "script:Fine.", "-o", "v.jsonl", "-q"];
    let ran = place.command(&args).env("TRIBUNAL_SECRET", "hidden").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let line: Value = serde_json::from_str(place.read("v.jsonl").lines().next().unwrap()).unwrap();
    assert!(line["mark"].is_string(), "{line}");
    report(&place, &["v.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    assert!(block(&page, "details")[0].get("sent").is_none());
    let note = block(&page, "index")[0]["notes"][0].as_str().unwrap().to_owned();
    assert!(note.contains("TRIBUNAL_SECRET"), "{note}");
    let args = ["report", "v.jsonl", "-o", "r.html"];
    assert!(place.command(&args).env("TRIBUNAL_SECRET", "hidden").status().unwrap().success());
    assert!(block(&place.read("r.html"), "details")[0]["sent"].is_array());
}

#[test]
fn files_with_the_same_records_stand_side_by_side_with_a_test() {
    let place = Place::new("report-side");
    place.file("a.jsonl", scores());
    let other = scores()
        .replace("\"score\":5.0", "\"score\":3.0")
        .replace("\"verdict\":\"5\"", "\"verdict\":\"3\"");
    place.file("b.jsonl", &other);
    place.file("c.jsonl", other.replace("\"id\":\"r0\"", "\"id\":\"other\""));
    report(&place, &["a.jsonl", "b.jsonl", "c.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    let index = &block(&page, "index")[0];
    let flags: Vec<&str> =
        index["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
    let bit = 1_u64 << flags.iter().position(|flag| *flag == "differs").unwrap();
    let row = |at: usize| &index["rows"][at];
    let differs = |at: usize| row(at)[9].as_u64().unwrap() & bit != 0;
    assert_eq!((differs(0), differs(1), differs(2)), (false, true, false));
    assert_eq!((&row(0)[18], &row(1)[18]), (&json!([4]), &json!([5, 9])));
    assert!(page.contains("b.jsonl compared with a.jsonl"));
    let markdown = report(&place, &["a.jsonl", "b.jsonl", "--format", "markdown"]);
    for shown in [
        "| records with the same verdict in both files | 50.0 % |",
        "difference of the pass rates, in points | +0.0 |",
        "no difference is shown",
    ] {
        assert!(markdown.contains(shown), "{shown}\n{markdown}");
    }
    assert!(!markdown.contains("better"), "{markdown}");
}

#[test]
fn a_mean_is_corrected_by_the_labels_of_some_records() {
    let place = Place::new("report-corrected");
    let line = |n: usize| {
        let right = !n.is_multiple_of(3);
        let (verdict, label) = (if n.is_multiple_of(5) { !right } else { right }, right);
        let word = |is: bool| if is { "correct" } else { "incorrect" };
        let mut item = json!({"id": n, "question": "q", "answer": "a"});
        if n < 60 {
            item["label"] = word(label).into();
        }
        json!({"v": 1, "id": n.to_string(), "kind": "label", "label": word(verdict), "verdict": word(verdict),
            "key": n.to_string(), "item": item})
        .to_string()
            + "\n"
    };
    place.file("v.jsonl", (0..200).map(line).collect::<String>());
    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    let row = markdown.lines().find(|line| line.contains("corrected by labels")).unwrap();
    assert!(row.contains("by 60 labels") && row.contains("by the judge alone"), "{row}");
    let estimate = place.run(&["estimate", "v.jsonl", "--method", "prediction-powered", "--json"]);
    let estimate: Value = serde_json::from_str(&estimate.out).unwrap();
    let value = estimate["estimates"][0]["value"].as_f64().unwrap();
    assert!(row.contains(&format!("| {value:.3} |")), "{value}: {row}");
}
