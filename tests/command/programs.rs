//! `-m command:PROGRAM`: a program of the user's as the judge, and no program of anybody else's.

#![cfg(all(unix, feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::Value;

use crate::support::{Place, records};

/// Writes one more line into `ran` for each request, and a verdict.
const JUDGE: &str = "echo x >> ran\necho Short.\necho 'Score: 8'\n";

/// A folder with three records and a script.
fn place(name: &str) -> Place {
    let place = Place::new(&format!("programs-{name}"));
    place.file("r.jsonl", records(3));
    place.file("judge.sh", JUDGE);
    place
}

/// How many times the script ran.
fn runs(place: &Place) -> usize {
    let path = place.folder.path("ran");
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// The first line of a critique.
fn critique(line: &Value) -> &str {
    line["critique"].as_str().unwrap().lines().next().unwrap()
}

const MODEL: &str = "command:/bin/sh judge.sh";

#[test]
fn a_script_judges_records_and_its_answers_are_cached_until_it_changes() {
    let place = place("judges");
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", MODEL, "-j", "2"];
    for _ in 0..2 {
        let ran = place.run(&judge).passed();
        let lines = ran.lines();
        assert_eq!(lines.len(), 3, "{}", ran.err);
        assert!(
            lines
                .iter()
                .all(|line| line["score"].as_f64() == Some(8.0) && critique(line) == "Short.")
        );
        assert_eq!(lines[0]["model"], MODEL);
        assert!(lines[0]["cost"].is_null(), "what an agent costs is not known");
        assert_eq!(runs(&place), 3);
    }
    place.file("judge.sh", format!("{JUDGE}# changed\n"));
    assert_eq!(place.run(&judge).passed().lines().len(), 3);
    assert_eq!(runs(&place), 6);
}

#[test]
fn a_dry_run_runs_nothing_and_a_limit_on_cost_needs_a_price() {
    let place = place("dry");
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", MODEL];
    place.run(&[&judge[..], &["--dry-run"]].concat()).assert_passed();
    let limited = place.run(&[&judge[..], &["--max-cost", "1"]].concat());
    assert_eq!((limited.code, runs(&place)), (2, 0), "{}", limited.err);
    assert!(limited.err.contains("--max-cost needs the price"), "{}", limited.err);
}

#[test]
fn a_program_that_fails_costs_its_record_and_its_words_cannot_move_the_cursor() {
    let place = place("fails");
    place.file(
        "bad.sh",
        "printf '\\033]0;title\\007no verdict'\nprintf '\\033[2Jgone' >&2\nexit 4\n",
    );
    let ran = place.run(&["judge", "r.jsonl", "-p", "score", "-m", "command:/bin/sh bad.sh"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("exit code 4") && ran.err.contains("gone"), "{}", ran.err);
    assert!(!ran.err.contains('\u{1b}') && !ran.out.contains('\u{1b}'), "{}", ran.err);
    place.file("odd.sh", "printf '\\033]0;title\\007no verdict'\n");
    let odd = ["judge", "r.jsonl", "-p", "score", "-m", "command:/bin/sh odd.sh", "--reask", "0"];
    let ran = place.run(&odd);
    assert!(!ran.err.contains('\u{1b}') && !ran.out.contains('\u{1b}'), "{}", ran.err);
    assert_eq!(ran.lines()[0]["unreadable"]["reason"], "missing", "{}", ran.out);
}

#[test]
fn the_users_keys_reach_a_program_only_by_name() {
    let place = place("keys");
    place.file("keys.sh", "echo \"$AGENT_KEY|$OPENAI_API_KEY\"\necho 'Score: 8'\n");
    let judge = |more: &[&str]| {
        let mut args = vec!["judge", "r.jsonl", "-p", "score", "-m", "command:/bin/sh keys.sh"];
        args.extend(more);
        let mut command = place.command(&args);
        command.env("AGENT_KEY", "agent-0123").env("OPENAI_API_KEY", "sk-0123456789");
        crate::support::Ran::of(command.output().unwrap())
    };
    assert_eq!(critique(&judge(&[]).lines()[0]), "|");
    let passed = judge(&["--pass-env", "AGENT_KEY", "--cache", "off"]);
    // It is there, and hidden in what the program repeats of it.
    assert_eq!(critique(&passed.lines()[0]), "***|", "{}", passed.err);
    assert!(judge(&["--pass-env", "ABSENT"]).err.contains("ABSENT is not set"));
}

#[test]
fn a_program_of_a_found_file_needs_the_users_word() {
    let place = place("trust");
    let judge = ["judge", "r.jsonl", "-p", "score", "--cache", "off"];
    let by_name = [&judge[..], &["-m", "own"]].concat();
    let revise = ["revise", "r.jsonl", "-m", "script:Score: 7", "--policy", "own"];
    let asked = |args: &[&str]| {
        let ran = place.run(args);
        assert_eq!((ran.code, runs(&place)), (2, 0), "{}", ran.err);
        for word in ["runs the program", "judge.sh", "tribunal trust", "tribunal.toml"] {
            assert!(ran.err.contains(word), "{word}: {}", ran.err);
        }
    };
    for file in [
        format!("[model.own]\nname = '{MODEL}'\n"),
        format!("[defaults]\nmodel = '{MODEL}'\n[model.own]\nname = '{MODEL}'\n"),
    ] {
        place.file("tribunal.toml", &file);
        asked(&by_name);
        asked(&[&by_name[..], &["--dry-run"]].concat());
        asked(&revise);
    }
    asked(&judge);
    place.run(&[&judge[..], &["-c", "tribunal.toml"]].concat()).assert_passed();
    assert_eq!(runs(&place), 3);
    place.run(&["trust"]).assert_passed();
    place.run(&judge).assert_passed();
    assert_eq!(runs(&place), 6);
    place.file("tribunal.toml", format!("[defaults]\nmodel = '{MODEL} --more'\n"));
    let other = place.run(&judge);
    assert_eq!((other.code, runs(&place)), (2, 6), "{}", other.err);
    place.file("tribunal.toml", format!("[model.'{MODEL}']\npass_env = ['AWS_KEY']\n"));
    let passes = place.run(&[&judge[..], &["-m", MODEL]].concat());
    assert_eq!((passes.code, runs(&place)), (2, 6), "{}", passes.err);
    assert!(passes.err.contains("gives the values of AWS_KEY"), "{}", passes.err);
}

#[test]
fn a_program_of_a_found_env_file_needs_the_users_word() {
    let place = place("env");
    place.file(".env", format!("TRIBUNAL_MODEL='{MODEL}'\n"));
    let judge = ["judge", "r.jsonl", "-p", "score", "--cache", "off"];
    let ran = place.run(&judge);
    assert_eq!((ran.code, runs(&place)), (2, 0), "{}", ran.err);
    assert!(ran.err.contains("TRIBUNAL_MODEL runs the program"), "{}", ran.err);
    place.run(&[&judge[..], &["-m", MODEL]].concat()).assert_passed();
}

#[test]
fn files_of_a_program_stand_beside_the_file_that_names_them() {
    let place = place("beside");
    place.file("tribunal.toml", format!("[model.own]\nname = '{MODEL}'\n"));
    place.file("inner/r.jsonl", records(1));
    let mut command =
        place.command(&["judge", "r.jsonl", "-p", "score", "-m", "own", "-c", "../tribunal.toml"]);
    let ran =
        crate::support::Ran::of(command.current_dir(place.folder.path("inner")).output().unwrap());
    assert_eq!((ran.code, ran.lines().len()), (0, 1), "{}", ran.err);
}
