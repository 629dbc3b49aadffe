//! Broken input, kind by kind: each has an error of its own that says what is wrong and where, costs what
//! is broken and nothing else, and never ends in a panic.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{collections::BTreeSet, io::Write};

use crate::support::{Place, Ran};

/// A file of a kind, and what must come of it.
struct Case {
    name: &'static str,
    content: Vec<u8>,
    args: &'static [&'static str],
    /// What the error says; empty where nothing is wrong after all.
    says: &'static str,
    judged: usize,
    failed: usize,
}

fn case(
    name: &'static str,
    content: impl AsRef<[u8]>,
    says: &'static str,
    judged: usize,
    failed: usize,
) -> Case {
    Case { name, content: content.as_ref().to_vec(), args: &[], says, judged, failed }
}

fn with(args: &'static [&'static str], case: Case) -> Case {
    Case { args, ..case }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

const GOOD: &str = "{\"answer\": \"a\"}\n";

/// A line that is broken between two that are not.
fn between(line: &str) -> String {
    format!("{GOOD}{line}\n{GOOD}")
}

#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn lines() -> Vec<Case> {
    let long = |bytes: usize| between(&format!("{{\"answer\": \"{}\"}}", "x".repeat(bytes)));
    let mut latin = between("{\"answer\": \"caf_\"}").into_bytes();
    let accent = latin.iter().position(|&byte| byte == b'_').unwrap();
    latin[accent] = 0xE9;
    let deep = format!("{{\"answer\": {}{}}}", "[".repeat(400), "]".repeat(400));
    vec![
        case(
            "cut.jsonl",
            format!("{GOOD}{{\"answer\": \"b"),
            "cut.jsonl:2: the line breaks off at column 13",
            1,
            1,
        ),
        case(
            "words.jsonl",
            between("just words"),
            "words.jsonl:2: the line is not valid JSON at column 1",
            2,
            1,
        ),
        case("list.jsonl", between("[1]"), "and this line is a list", 2, 1),
        case("number.jsonl", between("7"), "and this line is a number", 2, 1),
        case("text.jsonl", between("\"a\""), "and this line is a text", 2, 1),
        case("null.jsonl", between("null"), "and this line is null", 2, 1),
        case("truth.jsonl", between("true"), "and this line is a boolean", 2, 1),
        case("latin.jsonl", latin, "latin.jsonl:2: it is not UTF-8 at byte 31 of the file", 2, 1),
        case("utf16.jsonl", utf16(GOOD), "utf16.jsonl: it is UTF-16, not UTF-8", 0, 1),
        case(
            "zeros.jsonl",
            b"{\"answer\0\": 1}",
            "zeros.jsonl: it is not text: byte 8 is zero",
            0,
            1,
        ),
        case("empty.jsonl", "", "empty.jsonl: it holds no records", 0, 1),
        case("blank.jsonl", "\n \r\n\n", "blank.jsonl: it holds no records", 0, 1),
        case("long.jsonl", long(65 << 20), "long.jsonl:2: the line is longer than 64 MiB", 2, 1),
        case("large.jsonl", long(50 << 20), "the prompt is larger than 4 MiB", 2, 1),
        case(
            "quotes.jsonl",
            between("{'answer': 'a'}"),
            "a name stands without double quotes",
            2,
            1,
        ),
        case(
            "comma.jsonl",
            between("{\"answer\": \"a\"},"),
            "is not valid JSON at column 16",
            2,
            1,
        ),
        case(
            "trailing.jsonl",
            between("{\"answer\": \"a\",}"),
            "a comma stands before the closing bracket",
            2,
            1,
        ),
        case(
            "nan.jsonl",
            between("{\"answer\": NaN}"),
            "nan.jsonl:2: the line is not valid JSON at column 12",
            2,
            1,
        ),
        case("huge.jsonl", between("{\"answer\": 1e999}"), "", 3, 0),
        case(
            "keys.jsonl",
            between("{\"answer\": \"a\", \"answer\": \"b\"}"),
            "keys.jsonl:2: the key `answer` occurs twice with different values",
            2,
            1,
        ),
        case(
            "columns.jsonl",
            "{\"question\": [\"q\", \"r\"], \"answer\": [\"a\", \"b\"]}\n",
            "columns.jsonl:1: it holds columns, and a record has one value in each field",
            0,
            1,
        ),
        case(
            "surrogate.jsonl",
            between(r#"{"answer": "\ud800 x"}"#),
            "surrogate.jsonl:2: the line is not valid JSON",
            2,
            1,
        ),
        case("escape.jsonl", between(r#"{"answer": "\x41"}"#), "a backslash begins nothing", 2, 1),
        case("tab.jsonl", between("{\"answer\": \"a\tb\"}"), "raw control character", 2, 1),
        case(
            "deep.jsonl",
            between(&deep),
            "deep.jsonl:2: the record is nested deeper than 100 levels",
            2,
            1,
        ),
        case(
            "bom.jsonl",
            between("\u{FEFF}{\"answer\": \"a\"}"),
            "bom.jsonl:2: the line is not valid JSON",
            2,
            1,
        ),
        case(
            "mac.jsonl",
            "{\"answer\": \"a\"}\r{\"answer\": \"b\"}\r",
            "mac.jsonl:1: the line is not valid JSON at column 17",
            0,
            1,
        ),
        case(
            "mixed.jsonl",
            "\u{FEFF}{\"answer\": \"a\"}\r\n{\"answer\": \"b\"}\n\r\n{\"answer\": \"c\"}",
            "",
            3,
            0,
        ),
        case(
            "ids.jsonl",
            "{\"id\": 1, \"answer\": \"a\"}\n{\"id\": 1, \"answer\": \"b\"}\n",
            "ids.jsonl:2: the id `1` is that of another record, number 0",
            1,
            1,
        ),
        case(
            "twins.jsonl",
            "{\"id\": 1, \"answer\": \"a\"}\n{\"id\": 1, \"answer\": \"a\"}\n",
            "",
            2,
            0,
        ),
    ]
}

fn fields() -> Vec<Case> {
    vec![
        case("typo.jsonl", between("{\"anwser\": \"a\"}"), "--map answer=anwser", 2, 1),
        case("other.jsonl", between("{\"x\": 1, \"y\": 2}"), "it has `x`, `y`", 2, 1),
        case("nothing.jsonl", between("{}"), "the record is empty", 2, 1),
        case("hollow.jsonl", between("{\"answer\": null}"), "field `answer` is empty", 2, 1),
        with(
            &["--map", "answer=out.text"],
            case("path.jsonl", "{\"out\": {\"txt\": 1}}\n", "did you mean `txt`?", 0, 1),
        ),
        with(
            &["--map", "answer=out.text"],
            case("flat.jsonl", "{\"out\": \"a\"}\n", "`out` is a text, and has no fields", 0, 1),
        ),
        with(
            &["--map", "answer=out.3"],
            case(
                "short.jsonl",
                "{\"out\": [1]}\n",
                "`out` has 1 entries, and `3` is not one of them",
                0,
                1,
            ),
        ),
        with(&["-p", "pair"], case("half.jsonl", "{\"chosen\": \"a\"}\n", "`answers`", 0, 1)),
    ]
}

fn lists() -> Vec<Case> {
    let list = |second: &str| format!("[{{\"answer\": \"a\"}},\n{second},\n{{\"answer\": \"c\"}}]");
    vec![
        case(
            "open.json",
            "[{\"answer\": \"a\"},\n{\"answer\": \"b\"}",
            "open.json:2: the list is not closed",
            2,
            1,
        ),
        case(
            "torn.json",
            "[{\"answer\": \"a\"},\n{\"answer\": \"b",
            "torn.json:2: the record is not closed",
            1,
            1,
        ),
        case(
            "bad.json",
            list("{\"answer\": }"),
            "bad.json:2: it is not valid JSON on line 2, column 12",
            2,
            1,
        ),
        case("numbers.json", list("3"), "and this is a number", 2, 1),
        case(
            "behind.json",
            "[{\"answer\": \"a\"}] {\"answer\": \"b\"}",
            "something comes after the list",
            1,
            1,
        ),
        case("none.json", "[]", "none.json: it holds no records", 0, 1),
        case("indented.json", "{\n  \"answer\": \"a\"\n}\n{\n  \"answer\": \"b\"\n}\n", "", 2, 0),
    ]
}

fn tables() -> Vec<Case> {
    let mut latin = b"id,answer\n1,caf_\n2,b\n".to_vec();
    latin[15] = 0xE9;
    vec![
        case(
            "cut.csv",
            "id,answer\n1,a\n2,\"cut\n3,c\n",
            "cut.csv:3: a quote of this row is never closed",
            2,
            1,
        ),
        case(
            "few.csv",
            "id,answer\n1\n2,b\n",
            "few.csv:2: the row has 1 cell, and the header names 2 columns",
            1,
            1,
        ),
        case("many.csv", "id,answer\n1,a,b\n2,b\n", "many.csv:2: the row has 3 cells", 1, 1),
        case(
            "twice.csv",
            "answer,answer\n1,2\n",
            "the header names the column `answer` twice",
            0,
            1,
        ),
        case("unnamed.csv", "answer,\n1,2\n", "", 1, 0),
        case("header.csv", "id,answer\n", "header.csv: it holds no records", 0, 1),
        case("empty.csv", "", "empty.csv: it holds no records", 0, 1),
        case("latin.csv", latin, "latin.csv:2: it is not UTF-8 at byte 15 of the file", 1, 1),
        case("columns.csv", "id,anser\n1,a\n", "--map answer=anser", 0, 1),
        with(
            &["--delimiter", ";"],
            case("wrong.csv", "id,answer\n1,a\n", "the header is one column, `id,answer`", 0, 1),
        ),
        case("mac.csv", "id,answer\r1,a\r2,b\r", "", 2, 0),
        case("mixed.csv", "\u{FEFF}id;answer\r\n1;\"a\nb\"\n\n2;b\r\n", "", 2, 0),
        case(
            "ids.csv",
            "id,answer\n1,a\n1,b\n",
            "ids.csv:3: the id `1` is that of another record",
            1,
            1,
        ),
    ]
}

fn files() -> Vec<Case> {
    let packed = gzip(GOOD.repeat(2).as_bytes());
    let cut = packed[..packed.len() - 10].to_vec();
    let mut damaged = gzip(GOOD.repeat(500).as_bytes());
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xFF);
    let torn = zstd(GOOD.repeat(2).as_bytes());
    vec![
        case("good.jsonl.gz", packed, "", 2, 0),
        case("plain.jsonl.gz", GOOD, "", 1, 0),
        case("cut.jsonl.gz", cut, "after line 1: cannot read on", 1, 1),
        case("torn.jsonl.zst", &torn[..torn.len() / 2], "torn.jsonl.zst", 0, 1),
        case("odd.jsonl.zst", b"\x28\xB5\x2F\xFDnonsense", "odd.jsonl.zst", 0, 1),
        case("damaged.jsonl.gz", damaged, "damaged.jsonl.gz", 0, 1),
        case("empty.md", "", "empty.md: the file is empty", 0, 1),
        case("spaces.txt", " \n\t\n", "spaces.txt: the file is empty", 0, 1),
        case("latin.md", b"caf\xE9", "latin.md: it is not UTF-8 at byte 3 of the file", 0, 1),
        case(
            "picture.png",
            b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR",
            "picture.png: it is not text: byte 8 is zero",
            0,
            1,
        ),
        case("fake.parquet", b"PAR1 and nothing else PAR1", "fake.parquet", 0, 1),
    ]
}

fn cases() -> Vec<Case> {
    [lines(), fields(), lists(), tables(), files()].into_iter().flatten().collect()
}

fn judge(place: &Place, files: &[&str], args: &[&str]) -> Ran {
    let prompt = if args.contains(&"-p") { &[][..] } else { &["-p", "score"] };
    let model = ["-m", "script:Score: 7", "-q", "--no-item"];
    place.run(&[&["judge"], files, args, prompt, &model].concat())
}

#[test]
fn every_kind_of_broken_input_has_its_own_error_and_costs_itself_only() {
    let place = Place::new("broken");
    let mut wrong = Vec::new();
    for Case { name, content, args, says, judged, failed } in cases() {
        let file = place.file(name, content);
        let ran = judge(&place, &[&file], args);
        let lines = ran.lines();
        let errors = lines.iter().filter(|line| line.get("error").is_some()).count();
        let scores = lines.iter().filter(|line| line["score"] == 7).count();
        let code = if failed > 0 { 3 } else { 0 };
        let told = if says.is_empty() { ran.err.is_empty() } else { ran.err.contains(says) };
        // What is cut off in the middle may or may not give up what stood before.
        let counts = if name.starts_with("damaged") {
            errors == 1
        } else {
            (scores, errors) == (judged, failed)
        };
        if !told || !counts || ran.code != code || ran.err.contains("panicked") {
            wrong.push(format!(
                "{name}: code {}, {scores} judged, {errors} failed: {}",
                ran.code, ran.err
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_kinds_and_no_two_say_the_same() {
    let cases = cases();
    let errors: Vec<&str> =
        cases.iter().map(|case| case.says).filter(|says| !says.is_empty()).collect();
    let distinct: BTreeSet<&&str> = errors.iter().collect();
    assert_eq!(distinct.len(), errors.len());
    assert!(errors.len() >= 47, "{}", errors.len());
}

#[test]
fn a_folder_of_broken_files_loses_none_of_its_good_records() {
    let place = Place::new("broken-folder");
    let small =
        || cases().into_iter().filter(|case| case.args.is_empty() && case.content.len() < 1 << 20);
    // Ids are those of one run, so that files with ids would meet each other's.
    let apart =
        |case: &Case| !["ids", "twins", "damaged"].iter().any(|name| case.name.starts_with(name));
    let mut good = 0;
    for (n, case) in small().filter(apart).filter(|case| !case.name.ends_with("csv")).enumerate() {
        place.file(&format!("all/{n:02}-{}", case.name), &case.content);
        good += case.judged;
    }
    let ran = judge(&place, &["all"], &[]);
    assert_eq!(ran.lines().iter().filter(|line| line["score"] == 7).count(), good);
    assert_eq!(ran.code, 3);
}

#[test]
fn names_that_stand_for_nothing_are_found_before_anything_is_asked() {
    let place = Place::new("broken-names");
    std::fs::create_dir(place.folder.path("hollow")).unwrap();
    place.file("answers.jsonl", GOOD);
    for (name, says) in [
        ("answer.jsonl", "did you mean `answers.jsonl`?"),
        ("hollow", "the folder `hollow` holds no files"),
        ("*.csv", "no file matches `*.csv`"),
        ("a[.md", "a[.md"),
    ] {
        let ran = judge(&place, &["answers.jsonl", name], &[]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}");
        assert!(ran.err.contains(says) && ran.err.contains("hint: "), "{name}: {}", ran.err);
    }
}

#[test]
fn what_comes_through_a_pipe_is_held_to_the_same() {
    let place = Place::new("broken-pipe");
    let pipe = |input: &str| {
        place.pipe(&["judge", "-", "-m", "script:Score: 7", "-p", "score", "-q"], input)
    };
    assert!(pipe("").err.contains("<stdin>: it holds no records"));
    assert!(pipe("PAR1x").err.contains("Parquet, which cannot be read from a pipe"));
    let ran = pipe(&between("broken"));
    assert_eq!((ran.lines().len(), ran.code), (3, 3));
    assert!(ran.err.contains("<stdin>:2: the line is not valid JSON"), "{}", ran.err);
}

#[test]
fn what_is_wrong_with_json_is_said_without_the_words_of_a_library() {
    let place = Place::new("broken-words");
    let good = "{\"id\": \"a\", \"kind\": \"score\", \"verdict\": \"7\", \"score\": 7}\n";
    place.file("good.jsonl", good);
    place.file("lines.jsonl", "{\"answer\": \"x\"\nnonsense\n{\"answer\": tru}\n{answer: 1}\n");
    place.file("list.json", "[{\"answer\": \"x\"}, {bad}]");
    place.file("votes.jsonl", good.replace("\"score\": 7", "\"score\": 7, \"votes\": [{}]"));
    let script = ["-m", "script:Score: 7", "-p", "score"];
    for args in [
        [&["judge", "lines.jsonl"], &script[..]].concat(),
        [&["judge", "list.json"], &script[..]].concat(),
        vec!["judge", "good.jsonl", "-m", "replay:lines.jsonl", "-p", "score"],
        vec!["diff", "good.jsonl", "lines.jsonl"],
        vec!["reparse", "lines.jsonl", "-p", "score"],
        vec!["reparse", "votes.jsonl", "-p", "score"],
        vec!["cache", "import", "lines.jsonl"],
    ] {
        let ran = place.run(&args);
        assert_ne!(ran.code, 0, "{args:?}: {}", ran.err);
        for words in ["expected", "EOF", "missing field", "invalid type", "at line", "must be a"] {
            assert!(!ran.err.contains(words), "{args:?}: {}", ran.err);
        }
    }
}
