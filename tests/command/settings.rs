//! Files and variables of settings that are not what they should be: what is wrong is said in plain words,
//! and what is not used is named.

#![cfg(all(feature = "cli", feature = "openai"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::process::Stdio;

use crate::support::{Place, Ran};

const RECORDS: &str = "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"x\"}\n";
const JUDGE: [&str; 6] = ["judge", "r.jsonl", "-p", "score", "-m", "script:Score: 7"];

fn place(name: &str) -> Place {
    let place = Place::new(&format!("settings-{name}"));
    place.file("r.jsonl", RECORDS);
    place
}

fn run_with(place: &Place, environment: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = place.command(args);
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    Ran::of(command.output().unwrap())
}

#[test]
fn a_malformed_line_of_an_env_file_is_named_and_never_shown() {
    let place = place("env");
    for line in [
        "X=it's fine",
        "X=hello world",
        "TRIBUNAL_PASS=score >= 7",
        "sk-secret-of-line",
        "X=\"open",
        "X='open",
    ] {
        place.file(".env", format!("\u{feff}A=1\n{line}\nOPENAI_API_KEY=sk-secret-1\nexport VLLM_API_KEY='sk-secret-2'\n"));
        let ran = run_with(&place, &[], &JUDGE);
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        assert!(ran.err.contains(".env:2: ignored"), "{line}: {}", ran.err);
        for shown in ["sk-secret", "it's fine", "hello", "score >="] {
            assert!(!ran.err.contains(shown), "{line}: {}", ran.err);
        }
        let config = run_with(&place, &[], &["config"]);
        assert!(config.out.contains("OPENAI_API_KEY = ***"), "{line}: {}", config.out);
        assert!(config.out.contains("VLLM_API_KEY = ***"), "{line}: {}", config.out);
    }
    let many: String = (0..40).map(|n| format!("line {n} of something\n")).collect();
    place.file(".env", many);
    let ran = run_with(&place, &[], &JUDGE);
    assert!(ran.err.contains("ignored 35 more lines"), "{}", ran.err);
}

#[test]
fn an_env_file_that_cannot_be_read_stops_nothing_unless_it_is_named() {
    let place = place("env-unreadable");
    place.file(".env", [0xff, 0xfe, b'A', 0, b'=', 0]);
    let ran = run_with(&place, &[], &JUDGE);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("warning: ") && ran.err.contains(".env"), "{}", ran.err);
    let named = run_with(&place, &[("TRIBUNAL_ENV_FILE", "absent.env")], &JUDGE);
    assert_eq!(named.code, 2, "{}", named.err);
    assert!(named.err.contains("absent.env"), "{}", named.err);
}

#[test]
fn an_env_file_gives_this_program_its_own_variables_only() {
    let place = place("env-names");
    place.file(
        ".env",
        "TRIBUNAL_PASS='score >= 8'\nCOLUMNS=20\nRUST_LOG=trace\nRUST_BACKTRACE=1\nXDG_CACHE_HOME=cache\n",
    );
    let ran = run_with(&place, &[], &JUDGE);
    assert_eq!(ran.lines()[0]["pass"], false, "{}", ran.err);
    assert!(!ran.err.contains("TRACE") && !ran.err.contains("DEBUG"), "{}", ran.err);
    assert!(!place.folder.path("cache").exists());
}

#[test]
fn misspelt_variables_are_named_with_the_near_one() {
    let place = place("variables");
    for (typed, meant) in [
        ("TRIBUNAL_MODELL", "TRIBUNAL_MODEL"),
        ("TRIBUNAL_PAS", "TRIBUNAL_PASS"),
        ("TRIBUNAL_FAILUNDER", "TRIBUNAL_FAIL_UNDER"),
        ("tribunal_model", "TRIBUNAL_MODEL"),
        ("TRIBUNAL_CACHEDIR", "TRIBUNAL_CACHE_DIR"),
    ] {
        let ran = run_with(&place, &[(typed, "1")], &JUDGE);
        let words = format!("{typed} is not a setting and has no effect; did you mean {meant}?");
        assert!(ran.code == 0 && ran.err.contains(&words), "{words}: {}", ran.err);
        place
            .file(".env", format!("{}=1\n", typed.to_uppercase().replace("TRIBUNAL_MODEL\n", "X")));
        if typed != "tribunal_model" {
            assert!(run_with(&place, &[], &JUDGE).err.contains(&words));
        }
        std::fs::remove_file(place.folder.path(".env")).unwrap();
    }
    let ran = run_with(&place, &[("TRIBUNAL_XYZ", "sk-secret")], &JUDGE);
    assert!(ran.err.contains("TRIBUNAL_XYZ is not a setting") && !ran.err.contains("sk-secret"));
    for known in ["TRIBUNAL_SECRET", "TRIBUNAL_CONFIG_DIR", "TRIBUNAL_CACHE_DIR"] {
        let ran = run_with(&place, &[(known, "somewhere")], &JUDGE);
        assert!(!ran.err.contains("not a setting"), "{known}: {}", ran.err);
    }
}

#[test]
fn a_variable_that_is_nearly_that_of_a_provider_is_named() {
    let place = place("provider");
    for (typed, meant) in [
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("OPEN_AI_API_KEY", "OPENAI_API_KEY"),
        ("openai_api_key", "OPENAI_API_KEY"),
        ("OPENAI_BASEURL", "OPENAI_BASE_URL"),
        ("OPENROUTER_APIKEY", "OPENROUTER_API_KEY"),
    ] {
        let ran = run_with(&place, &[(typed, "sk-secret")], &JUDGE);
        let words = format!("{typed} has no effect; did you mean {meant}?");
        assert!(ran.err.contains(&words) && !ran.err.contains("sk-secret"), "{words}: {}", ran.err);
        let both = run_with(&place, &[(typed, "sk-secret"), (meant, "sk-other")], &JUDGE);
        assert!(!both.err.contains("has no effect"), "{}", both.err);
    }
}

#[test]
fn the_only_judge_of_a_file_is_used_and_several_are_named() {
    let place = place("only");
    place.file(
        "tribunal.toml",
        "[judge.strict]\nprompt = 'score'\nmodel = 'script:Score: 7'\npass = 'score >= 8'\n",
    );
    let ran = run_with(&place, &[], &["judge", "r.jsonl"]);
    assert_eq!((ran.code, &ran.lines()[0]["pass"]), (0, &false.into()), "{}", ran.err);
    assert!(ran.err.contains("no judge named: using `strict`, the only one"), "{}", ran.err);
    let quiet = run_with(&place, &[], &["judge", "r.jsonl", "-q"]);
    assert_eq!(quiet.err, "");
    place.file(
        "tribunal.toml",
        "[judge.strict]\npass = 'score >= 8'\n[judge.mild]\npass = 'score >= 2'\n",
    );
    let ran = run_with(&place, &[], &JUDGE);
    assert!(ran.lines()[0]["pass"].is_null(), "{}", ran.err);
    assert!(ran.err.contains("choose one with --judge (`strict`, `mild`)"), "{}", ran.err);
}

#[test]
fn a_misspelt_model_of_the_file_is_named_with_the_near_one() {
    let place = place("model");
    place.file("tribunal.toml", "[model.fast]\nname = 'script:Score: 7'\n");
    let ran = run_with(&place, &[], &["judge", "r.jsonl", "-p", "score", "-m", "fsat"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("did you mean `fast`, a model in tribunal.toml?"), "{}", ran.err);
}

#[test]
fn a_share_is_a_number_or_a_percentage() {
    let place = place("share");
    for (share, code) in [("0.9", 1), ("'90%'", 1), ("'90 %'", 1), ("1", 1), ("0", 0), ("'0%'", 0)]
    {
        place.file(
            "tribunal.toml",
            format!("[defaults]\npass = 'score >= 8'\nfail_under = {share}\n"),
        );
        let ran = run_with(&place, &[], &JUDGE);
        assert_eq!(ran.code, code, "{share}: {}", ran.err);
    }
    std::fs::remove_file(place.folder.path("tribunal.toml")).unwrap();
    let flag = |share| {
        run_with(
            &place,
            &[],
            &[&JUDGE[..], &["--pass", "score >= 8", "--fail-under", share]].concat(),
        )
    };
    assert_eq!((flag("90%").code, flag("0.9").code), (1, 1));
    for wrong in ["90", "-1", "101%", "most", "%", "nan"] {
        let ran = flag(wrong);
        assert_eq!(ran.code, 2, "{wrong}");
        assert!(ran.err.contains("0.9 or 90%") || wrong == "-1", "{wrong}: {}", ran.err);
    }
}

#[test]
fn mistakes_of_a_file_are_told_in_one_line_with_their_place() {
    let place = place("mistakes");
    for (text, words) in [
        ("[judge.x]\n\nfail_under = 'most'\n", "tribunal.toml:3: `fail_under` must be a share"),
        ("[judge.x]\ndraws = 'three'\n", "tribunal.toml:2: `draws` must be a whole number"),
        ("[judge.x]\nprompt = \"a\nb\"\n", "tribunal.toml:2: a text is not closed"),
        ("[model.x]\nkey = 'sk-secret'\n", "keys of APIs stay out of this file"),
        ("[model.x]\nname = 'a'\n[model.x]\n", "is set twice"),
    ] {
        place.file("tribunal.toml", text);
        let ran = run_with(&place, &[], &JUDGE);
        assert_eq!(ran.code, 2, "{text}");
        assert!(ran.err.contains(words) && !ran.err.contains("sk-secret"), "{text}: {}", ran.err);
        assert!(
            ran.err.lines().all(|line| line.starts_with("error: ") || line.starts_with("hint: ")),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains('⏎'), "{}", ran.err);
    }
}

#[test]
fn a_file_that_is_named_and_cannot_be_read_is_said_truly() {
    let place = place("absent");
    place.file("folder/x", "");
    for (name, words) in [
        ("absent.toml", "absent.toml"),
        ("folder", "it is a folder"),
        ("/dev/zero", "not a regular file"),
    ] {
        let ran = run_with(&place, &[], &[&JUDGE[..], &["-c", name]].concat());
        assert_eq!(ran.code, 2, "{name}");
        assert!(ran.err.contains(words), "{name}: {}", ran.err);
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let place = place("secrets");
    place.file(
        "tribunal.toml",
        "[model.m]\nname = 'm'\nbase_url = 'http://user:hunter22@127.0.0.1:9/v1?api_key=hunter22'\nextra = { headers = { Authorization = 'Bearer hunter22' }, api_token = 'hunter22' }\n",
    );
    let ran = run_with(&place, &[("OPENAI_API_KEY", "hunter22")], &["config", "-m", "m"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("hunter22") && !ran.err.contains("hunter22"), "{}", ran.out);
    assert!(ran.out.contains("127.0.0.1:9/v1"), "{}", ran.out);
    let args = ["judge", "r.jsonl", "-p", "score", "-m", "m", "--dry-run", "-o", "o.jsonl"];
    let ran = run_with(&place, &[("OPENAI_API_KEY", "hunter22"), ("RUST_LOG", "trace")], &args);
    assert!(!ran.out.contains("hunter22") && !ran.err.contains("hunter22"), "{}", ran.err);
}
