//! `tribunal report`: pages, tables and events from lines of results, of which no text is ever more than text.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::{Value, json};

/// Lines of scores: the first agrees with its label, the second does not, the third cannot be read, the last failed.
pub(crate) fn scores() -> String {
    let line = |n: usize, more: Value| {
        let mut line = json!({
            "v": 1, "id": format!("r{n}"), "index": n, "model": "m", "key": format!("k{n}"), "latency_ms": 100 * n,
            "prompt": {"name": "score", "hash": "h", "reading": "r"},
            "item": {"id": format!("r{n}"), "question": format!("How many is {n}?"), "answer": "some", "label": n + 1,
                "category": if n.is_multiple_of(2) { "even" } else { "odd" }},
        });
        more.as_object().unwrap().iter().for_each(|(key, value)| line[key] = value.clone());
        line.to_string() + "\n"
    };
    let score = |score: f64| {
        json!({"kind": "score", "verdict": score.to_string(), "score": score, "normalized": (score - 1.0) / 4.0,
            "pass": score >= 3.0, "critique": format!("It is fine.\nScore: {score}"), "span": [19, 20],
            "expected_score": score - 0.2, "mass": 0.99})
    };
    [
        line(0, score(1.0)),
        line(1, score(5.0)),
        line(
            2,
            json!({"unreadable": {"reason": "missing", "detail": "no `Score: *`"}, "pass": false}),
        ),
        line(3, json!({"error": {"kind": "overloaded", "message": "no server", "hints": []}})),
    ]
    .concat()
}

pub(crate) fn report(place: &Place, args: &[&str]) -> String {
    let ran = place.run(&[&["report"], args].concat());
    ran.assert_passed();
    ran.out
}

/// The JSON of a block of the page.
pub(crate) fn block(page: &str, id: &str) -> Vec<Value> {
    if id == "details" {
        let parts = (0..).map_while(|n| found(page, &format!("details-{n}")));
        return parts.flatten().chain(found(page, "shared").unwrap()).collect();
    }
    found(page, id).unwrap()
}

/// The lines of JSON of one element; `None` without it.
fn found(page: &str, id: &str) -> Option<Vec<Value>> {
    let start = page.find(&format!("id=\"{id}\">"))?;
    let text = &page[start..page[start..].find("</script>").unwrap() + start];
    let lines = text[text.find('>').unwrap() + 1..].lines();
    Some(lines.map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_page_needs_no_other_file_and_lets_nothing_but_its_own_script_run() {
    let place = Place::new("report-page");
    place.file("v.jsonl", scores());
    report(&place, &["v.jsonl"]);
    let page = place.read("report.html");
    assert!(page.starts_with("<!doctype html>"));
    let policy = &page[page.find("Content-Security-Policy").unwrap()..][..400];
    assert!(
        policy.contains("default-src &#x27;none&#x27;") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(policy.matches("sha256-").count(), 2, "{policy}");
    for outside in ["src=", "http://", "@import", "url(", "style=\""] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(outside), "{outside}");
    }
    // What was judged, by whom; what came out; what to look at.
    for shown in [
        "mean score (1 to 5)",
        "3.000",
        "unreadable: missing",
        "Look here first",
        "verdict 5, label 2",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    // Nothing but a table for readers without scripts.
    assert_eq!(page.matches("<tr><th scope=\"row\"><bdi>r").count(), 4);
    // A report of ours is replaced, any other file is not.
    report(&place, &["v.jsonl"]);
    place.file("report.html", "<p>mine</p>");
    let refused = place.run(&["report", "v.jsonl"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("not a report of Tribunal"), "{}", refused.err);
}

#[test]
fn texts_of_records_stay_texts_wherever_they_stand() {
    let place = Place::new("report-hostile");
    let hostile = "</script></title><script>document.hacked=1</script><img src=x onerror=hack()>\u{2028}\u{202e}\u{1b}]0;x\u{7}";
    let line = |n: usize| {
        json!({
            "v": 1, "id": format!("{hostile}{n}"), "index": n, "model": hostile, "kind": "label", "verdict": hostile,
            "label": hostile, "critique": hostile, "prompt": {"name": hostile, "hash": "h", "reading": ""},
            "distribution": {hostile: 0.5, "missing": 0.5}, "mass": 0.5, "consistent": false, "key": hostile,
            "item": {"question": hostile, "answers": [hostile, hostile], hostile: hostile, "label": hostile,
                "category": format!("{hostile}{n}")},
        })
    };
    place.file("v.jsonl", format!("{}\n{}\n", line(0), line(1)));
    report(&place, &["v.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    assert_eq!(page.matches("<script").count(), 4);
    assert_eq!(page.matches("</script>").count(), 4);
    for forbidden in ["<img", "\u{202e}", "\u{1b}", "\u{2028}"] {
        let outside: String = page.split("<script type=\"application/json\"").take(1).collect();
        assert!(!outside.contains(forbidden), "{forbidden:?}");
    }
    // The data is whole.
    let details = block(&page, "details");
    assert_eq!(details[0]["question"], hostile);
    assert_eq!(block(&page, "index")[0]["rows"][0][1], format!("{hostile}0"));

    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    assert!(!markdown.contains('<') && !markdown.contains('\u{1b}'), "{markdown}");
    let csv = report(&place, &["v.jsonl", "--format", "csv"]);
    assert_eq!(csv.lines().next().unwrap().split(',').next(), Some("question"));
}

/// Every format keeps texts that mean something to its readers as texts.
#[test]
fn texts_of_records_mean_nothing_in_any_other_format() {
    let place = Place::new("report-hostile-formats");
    let hostile = [
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "]]></failure><testcase name=\"forged\"/>\u{1}\u{8}\u{fffe}",
        "\u{202e}| forged | row |\n| --- |\u{1b}[2J`code` **bold** @team",
        "\u{2028}{\"forged\": 1}\n{\"eventName\": \"forged\"}",
    ];
    let line = |(n, text): (usize, &&str)| {
        let line = json!({
            "v": 1, "id": text, "index": n, "model": "m", "kind": "label", "verdict": text, "label": text,
            "pass": false, "critique": text, "prompt": {"name": hostile[0], "hash": "h", "reading": ""}, "key": n.to_string(),
            "item": {"question": text, "answer": text, "label": "other"},
        });
        line.to_string() + "\n"
    };
    place.file("v.jsonl", hostile.iter().enumerate().map(line).collect::<String>());

    let csv = report(&place, &["v.jsonl", "--format", "csv"]);
    assert!(csv.contains("'=HYPERLINK") && !csv.contains(",=") && !csv.contains("\"="), "{csv}");

    let junit = report(&place, &["v.jsonl", "--format", "junit"]);
    assert_eq!(junit.matches("<testcase").count(), 4, "{junit}");
    assert!(!junit.contains("]]>") && !junit.contains("name=\"forged\""), "{junit}");
    let is_allowed = |c: char| c >= ' ' || "\n\t\r".contains(c);
    assert!(junit.chars().all(|c| is_allowed(c) && c != '\u{fffe}'), "{junit:?}");

    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    assert!(!markdown.lines().any(|line| line.starts_with("| forged")), "{markdown}");
    for forbidden in ["\u{202e}", "\u{1b}", " @team", "**bold**", "<testcase"] {
        assert!(!markdown.contains(forbidden), "{forbidden:?}: {markdown}");
    }

    let events = report(&place, &["v.jsonl", "--format", "otel"]);
    assert_eq!(events.lines().count(), 4);
    for event in events.lines() {
        let event: Value = serde_json::from_str(event).unwrap();
        let record = &event["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(record["eventName"], "gen_ai.evaluation.result");
    }
}

#[test]
fn without_items_a_report_holds_no_text_of_a_record() {
    let place = Place::new("report-no-items");
    place.file("v.jsonl", scores());
    report(&place, &["v.jsonl", "-o", "r.html", "--no-items"]);
    let page = place.read("r.html");
    assert!(!page.contains("How many is") && !page.contains("It is fine."));
    assert!(page.contains("mean score"));
}

#[test]
fn the_lines_of_every_command_make_a_page() {
    let place = Place::new("report-kinds");
    let lines = [
        (
            "revise",
            json!({"id": "a", "index": 0, "outcome": "passed", "passed": true, "final": "12 + 30 = 42", "best_round": 1,
            "score_first": 2, "score_best": 9, "key": "k", "item": {"question": "12 + 30"}, "rounds": [
                {"round": 0, "draft": "12 + 30 = 41", "kind": "score", "verdict": "2", "score": 2, "accepted": true, "critique": "no"},
                {"round": 1, "draft": "12 + 30 = 42", "kind": "score", "verdict": "9", "score": 9, "pass": true, "accepted": true}]}),
        ),
        (
            "rank",
            json!({"id": "a", "index": 0, "rule": "best", "chosen": 1, "right": true, "ranking": [[1], [0]],
            "rewards": [0.1, 0.9], "candidates": [{"index": 0, "text": "41", "value": 0.1, "right": false},
                {"index": 1, "text": "42", "value": 0.9, "right": true}], "key": "k", "item": {"question": "12 + 30"}}),
        ),
        (
            "search",
            json!({"id": "a", "index": 0, "kind": "text", "verdict": "42", "text": "42", "method": "beam",
            "value": 0.9, "right": true, "key": "k", "item": {"question": "12 + 30", "reference": "42"},
            "paths": [{"node": 1, "text": "42", "value": 0.9, "times": 2, "right": true}]}),
        ),
        (
            "label",
            json!({"id": "a", "index": 0, "kind": "steps", "verdict": "first error at 1", "first_error": 1, "key": "k",
            "steps": [{"index": 0, "label": "correct", "value": 0.75}, {"index": 1, "label": "incorrect", "value": 0}],
            "method": "every-step", "rollouts": [{"steps": 1, "correct": 3, "incorrect": 1}],
            "item": {"problem": "12 + 30", "steps": ["one", "two"]}}),
        ),
    ];
    for (command, line) in lines {
        place.file("v.jsonl", format!("{line}\n"));
        report(&place, &["v.jsonl", "-o", "r.html"]);
        let details = &block(&place.read("r.html"), "details")[0];
        let own = match command {
            "revise" => {
                details["rounds"][1]["diff"] == json!([[0, "12 + 30 = "], [-1, "41"], [1, "42"]])
            }
            "rank" => details["candidates"][1]["chosen"] == json!(true),
            "search" => details["paths"][0]["chosen"] == json!(true),
            _ => {
                details["steps"][1]
                    == json!({"text": "two", "label": "incorrect", "p": 0.0, "wrong": true, "known": 0})
            }
        };
        assert!(own, "{command}: {details:#}");
    }
}

#[test]
fn two_files_are_compared_and_their_records_keep_addresses_of_their_own() {
    let place = Place::new("report-two");
    place.file("a.jsonl", scores());
    place.file(
        "b.jsonl",
        scores()
            .replace("\"score\":5.0", "\"score\":3.0")
            .replace("\"verdict\":\"5\"", "\"verdict\":\"3\""),
    );
    report(&place, &["a.jsonl", "b.jsonl", "-o", "r.html"]);
    let page = place.read("r.html");
    assert!(page.contains("b.jsonl compared with a.jsonl") && page.contains("50.0 %"), "compared");
    let index = &block(&page, "index")[0];
    assert_eq!((&index["rows"][4][0], &index["rows"][4][2]), (&json!("r0~2"), &json!(1)));
}

#[test]
fn the_same_lines_are_a_table_test_cases_markdown_and_events() {
    let place = Place::new("report-formats");
    place.file("v.jsonl", scores());
    let csv = report(&place, &["v.jsonl", "--format", "csv"]);
    let rows: Vec<&str> = csv.lines().filter(|line| line.starts_with('r')).collect();
    assert!(csv.starts_with("id,question,") && rows.len() == 4, "{csv}");
    let junit = report(&place, &["v.jsonl", "--format", "junit"]);
    assert!(
        junit.contains("tests=\"4\"")
            && junit.contains("errors=\"2\"")
            && junit.contains("failures=\"1\""),
        "{junit}"
    );
    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    assert!(
        markdown.contains("| mean score (1 to 5) | 3.000 |")
            && markdown.contains("| r1 | verdict 5, label 2 |"),
        "{markdown}"
    );
    report(&place, &["v.jsonl", "-o", "events.jsonl"]);
    let events = place.read("events.jsonl");
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 4);
    let event = &events[1]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(event["eventName"], "gen_ai.evaluation.result");
    let attribute = |event: &Value, key: &str| {
        let all = event["attributes"].as_array().unwrap().iter();
        all.clone().find(|one| one["key"] == key).map(|one| one["value"].clone())
    };
    assert_eq!(attribute(event, "gen_ai.evaluation.name"), Some(json!({"stringValue": "score"})));
    assert_eq!(
        attribute(event, "gen_ai.evaluation.score.value"),
        Some(json!({"doubleValue": 5.0}))
    );
    assert_eq!(
        attribute(event, "gen_ai.evaluation.score.label"),
        Some(json!({"stringValue": "pass"}))
    );
    let failed = &events[3]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(attribute(failed, "error.type"), Some(json!({"stringValue": "overloaded"})));
}

#[test]
fn a_line_that_is_no_result_costs_itself_and_a_run_can_be_repeated() {
    let place = Place::new("report-run");
    place.file("in.jsonl", "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"a b\"}\n");
    let args = [
        "judge",
        "in.jsonl",
        "-p",
        "score",
        "-m",
        "script:Score: 7",
        "-o",
        "v.jsonl",
        "--pass",
        "score >= 5",
    ];
    place.run(&args).assert_passed();
    let markdown = report(&place, &["v.jsonl", "--format", "markdown"]);
    let repeat = "Repeat: `tribunal judge in.jsonl -p score -m 'script:Score: 7' -o v.jsonl --pass 'score >= 5'`";
    assert!(markdown.contains(repeat), "{markdown}");
    assert!(markdown.contains("pass rule: score &gt;= 5"), "{markdown}");
    let broken = format!("{}no JSON\n", place.read("v.jsonl"));
    place.file("v.jsonl", broken);
    let ran = place.run(&["report", "v.jsonl"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("v.jsonl:2") && ran.err.contains("on 1 record"), "{}", ran.err);
    let empty = place.file("empty.jsonl", "");
    assert_eq!(place.run(&["report", &empty, "-o", "e.html"]).code, 2);
    let other = place.run(&["report", "v.jsonl", "-o", "v.pdf"]);
    assert!(other.err.contains("does not tell the format"), "{}", other.err);
}

#[test]
fn groups_without_a_verdict_have_no_point_in_a_chart() {
    let place = Place::new("report-groups");
    let line = |n: usize, group: &str, verdict: Value| {
        let mut line = json!({
            "v": 1, "id": format!("r{n}"), "index": n, "model": "m", "key": format!("k{n}"),
            "prompt": {"name": "score", "hash": "h", "reading": "r"}, "item": {"id": n, "category": group},
        });
        verdict.as_object().unwrap().iter().for_each(|(key, value)| line[key] = value.clone());
        line.to_string() + "\n"
    };
    let unread = json!({"unreadable": {"reason": "missing", "detail": "no score"}});
    let score = json!({"kind": "score", "verdict": "4", "score": 4.0});
    let all = |first: &Value| {
        let groups = [("a", first), ("b", &score), ("c", &unread)];
        let lines = groups.iter().enumerate();
        lines.map(|(n, (group, verdict))| line(n, group, (*verdict).clone())).collect::<String>()
    };
    place.file("some.jsonl", all(&score));
    report(&place, &["some.jsonl", "-o", "some.html"]);
    let page = place.read("some.html");
    assert!(page.contains("2 records in 2 groups") && !page.contains("c: 0.000"), "{page}");
    place.file("none.jsonl", line(0, "a", unread.clone()) + &line(1, "b", unread));
    report(&place, &["none.jsonl", "-o", "none.html"]);
    assert!(!place.read("none.html").contains("By group"));
}

#[test]
fn names_of_files_stay_texts_where_several_stand_beside_each_other() {
    let place = Place::new("report-hostile-names");
    let names = ["a<img src=x onerror=hack()>.jsonl", "b\u{202e}\u{1b}[2J|`x`.jsonl"];
    for name in names {
        place.file(name, scores());
    }
    report(&place, &[names[0], names[1], "-o", "r.html"]);
    let page = place.read("r.html");
    assert!(page.contains("a&lt;img src=x onerror=hack()&gt;.jsonl"), "{page}");
    let outside: String = page.split("<script type=\"application/json\"").take(1).collect();
    for forbidden in ["<img", "\u{202e}", "\u{1b}"] {
        assert!(!outside.contains(forbidden), "{forbidden:?}");
    }
    // One row for each figure, with a cell for each file.
    let row = "<tr><th scope=\"row\">mean score (1 to 5)</th><td class=\"number\"><b>3.000</b>";
    let start = page.find(row).unwrap();
    let row = &page[start..start + page[start..].find("</tr>").unwrap()];
    assert_eq!(row.matches("<b>3.000</b>").count(), 2, "{row}");
    let markdown = report(&place, &[names[0], names[1], "--format", "markdown"]);
    assert!(!markdown.contains('<') && !markdown.contains('\u{202e}'), "{markdown}");
}
