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
        "| mean&gt;=8@\u{200b}lower | 7.000 | 4.061 to 8.470 | 4 | not kept |",
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
    assert_eq!(page.matches("</script>").count(), 4, "texts of requests stay texts");
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

#[test]
fn only_an_earlier_report_is_replaced() {
    let place = Place::new("report-replaced");
    place.file("v.jsonl", scores());
    for name in ["r.html", "r.md", "r.xml", "r.jsonl"] {
        report(&place, &["v.jsonl", "-o", name]);
        report(&place, &["v.jsonl", "-o", name]);
    }
    // Anything else stays, results and tables too, which may be the only ones.
    report(&place, &["v.jsonl", "-o", "table.csv"]);
    place.file("mine.html", "<!doctype html>\n<title>mine</title>\n");
    place.file("notes.md", "# Notes\n");
    place.file("other.jsonl", scores());
    place.file("report.html", "mine");
    let refused: [&[&str]; 5] = [
        &["-o", "mine.html"],
        &["-o", "notes.md"],
        &["-o", "other.jsonl"],
        &["-o", "table.csv"],
        &[],
    ];
    for args in refused {
        let kept = args.last().map(|name| place.read(name));
        let ran = place.run(&[&["report", "v.jsonl"], args].concat());
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains("exists already"), "{}", ran.err);
        assert_eq!(kept, args.last().map(|name| place.read(name)));
    }
    assert_eq!(place.read("report.html"), "mine");
    // An empty file holds nothing that could be lost.
    place.file("empty.html", "");
    report(&place, &["v.jsonl", "-o", "empty.html"]);
}

#[test]
fn a_field_that_no_record_has_is_an_error_with_the_fields_that_there_are() {
    let place = Place::new("report-fields");
    place.file("v.jsonl", scores());
    for flag in ["--label", "--group"] {
        let ran = place.run(&["report", "v.jsonl", flag, "nowhere"]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        let message = format!("{flag}: no record has the field `nowhere`");
        assert!(ran.err.contains(&message) && ran.err.contains("`answer`"), "{}", ran.err);
    }
    // One record with the field is enough.
    let some = "{\"v\":1,\"id\":\"x\",\"index\":9,\"kind\":\"score\",\"verdict\":\"3\",\"score\":3.0,\
                \"key\":\"kx\",\"item\":{\"id\":\"x\",\"rare\":\"4\"}}\n";
    place.file("w.jsonl", scores() + some);
    report(&place, &["w.jsonl", "--label", "rare", "-o", "w.html"]);
    // Results without their records have no fields.
    place.file("in.jsonl", records(1));
    let args = ["judge", "in.jsonl", "-p", "score", "-m", "script:Score: 7", "--no-item", "-q"];
    place.run(&[&args[..], &["-o", "n.jsonl"]].concat()).assert_passed();
    let ran = place.run(&["report", "n.jsonl", "--label", "answer"]);
    assert!(ran.code == 2 && ran.err.contains("hold no records"), "{}", ran.err);
}

/// Texts that mean something to readers of one format or another.
const HOSTILE: [&str; 8] = [
    "=1+1",
    "</script><script>alert(1)</script>",
    "a]]>b",
    "x|y\nz",
    "\u{1b}[31mred",
    "\u{202e}evil\0",
    "`code` ![x](http://e.x/i.png) <img src=x>",
    "@user #12",
];

#[test]
fn texts_of_records_break_no_format() {
    let place = Place::new("report-hostile");
    let line = |(n, text): (usize, &&str)| {
        let line = json!({
            "v": 1, "id": text, "index": n, "kind": "label", "verdict": text, "label": text, "pass": false,
            "critique": format!("{text}\nVerdict: {text}"), "model": "m", "key": format!("k{n}"),
            "prompt": {"name": "p", "hash": "h", "reading": "r"},
            "item": {"id": text, "question": text, "category": text},
        });
        format!("{line}\n")
    };
    let failed = json!({"v": 1, "id": "f|]]>", "index": 9, "model": "m", "key": "kf",
        "prompt": {"name": "p", "hash": "h", "reading": "r"},
        "error": {"kind": "overloaded", "message": "no ]]> | <b> \u{1b}[2J\n=1+1"}});
    let lines: String = HOSTILE.iter().enumerate().map(line).collect();
    place.file("v|`.jsonl", format!("{lines}{failed}\n"));
    for name in ["r.html", "r.md", "r.csv", "r.xml", "r.jsonl"] {
        report(&place, &["v|`.jsonl", "-o", name]);
    }
    let markdown = place.read("r.md");
    for line in markdown.lines().filter(|line| line.starts_with('|')) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!([3, 6].contains(&cells), "{line}");
    }
    let is_control = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(
        !markdown.contains(is_control) && !markdown.contains("<img") && !markdown.contains("@user")
    );
    // No cell of a table begins as a formula does.
    let mut table = csv::Reader::from_path(place.folder.path("r.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), HOSTILE.len() + 1);
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '@'])), "{rows:?}");
    // XML of JUnit has every text, and no character that XML forbids.
    let junit = place.read("r.xml");
    assert!(!junit.contains(is_control) && !junit.contains("]]>") && !junit.contains("<script"));
    assert_eq!(junit.matches("<testcase ").count(), HOSTILE.len() + 1);
    // Every event is a line of JSON with the text as it is.
    let events = place.read("r.jsonl");
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        events[5].to_string().contains("\\u0000") || events[5].to_string().contains('\u{202e}')
    );
    assert_eq!(place.read("r.html").matches("</script>").count(), 4);
}
