//! Where settings come from: flags over the environment over tribunal.toml over defaults.

#![cfg(all(feature = "cli", feature = "openai"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{fs, process::Stdio};

use crate::support::{Place, Ran, Reply, Server, records};
use serde_json::{Value, json};
use tribunal::{
    config::{Config, SettingOrigin, SettingsLayer},
    environment::Environment,
    models::{ModelSpec, Models},
};

const FILE: &str = r#"
[defaults]
judge = "strict"
model = "script:Score: 7"

[judge.strict]
prompt = "score"
pass = "score >= 8"
fail_under = 0.5

[judge.mild]
prompt = "mine.jinja"
pass = "score >= 6"
set = { rubric = "@rubric.txt" }

[model.paid]
name = "judge-1"
key_variable = "MY_KEY"
price = { prompt = 1000.0, completion = 2000.0 }
"#;

const MINE: &str = "---\nkind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'\n---\nuser:\n{{ rubric }} {{ answer }} {{ scale }}\n";

const RECORDS: &str = "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"x\"}\n";

fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.file("tribunal.toml", FILE);
    place.file("mine.jinja", MINE);
    place.file("rubric.txt", "Kind.");
    place.file("below/r.jsonl", RECORDS);
    place
}

/// Runs the program in the folder below the configuration.
fn below(place: &Place, environment: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = place.command(args);
    command.envs(environment.iter().copied()).current_dir(place.folder.path("below"));
    Ran::of(command.stdin(Stdio::null()).output().unwrap())
}

#[test]
fn the_file_is_found_upwards_and_names_files_beside_itself() {
    let place = place("config-up");
    let strict = below(&place, &[], &["judge", "r.jsonl"]);
    assert_eq!(strict.code, 1, "{}", strict.err);
    assert_eq!(
        (&strict.lines()[0]["score"], &strict.lines()[0]["pass"]),
        (&json!(7), &json!(false))
    );
    let mild = below(&place, &[], &["judge", "r.jsonl", "--judge", "mild"]);
    assert_eq!((mild.code, &mild.lines()[0]["pass"]), (0, &json!(true)), "{}", mild.err);
    assert_eq!(mild.lines()[0]["prompt"]["name"], "../mine.jinja");
    let elsewhere =
        place.run(&["judge", "below/r.jsonl", "-c", "tribunal.toml", "--judge", "mild"]);
    assert_eq!(elsewhere.code, 0, "{}", elsewhere.err);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let place = place("config-order");
    let environment = [("TRIBUNAL_PASS", "score >= 7"), ("TRIBUNAL_DRAWS", "2")];
    let ran = below(&place, &environment, &["judge", "r.jsonl"]);
    assert_eq!(ran.lines()[0]["pass"], true);
    let ran = below(&place, &environment, &["judge", "r.jsonl", "--pass", "score >= 9"]);
    assert_eq!(ran.lines()[0]["pass"], false);
    let config = below(&place, &environment, &["config", "--pass", "score >= 9"]);
    let row = |key: &str| {
        config.out.lines().find(|row| row.starts_with(key)).unwrap_or_default().to_owned()
    };
    assert!(row("pass").ends_with("# --pass"), "{}", config.out);
    assert!(row("draws").ends_with("# TRIBUNAL_DRAWS in the environment"), "{}", config.out);
    assert!(row("prompt").ends_with("# ../tribunal.toml:7 [judge.strict]"), "{}", config.out);
    assert!(row("model").ends_with("# ../tribunal.toml:4 [defaults]"), "{}", config.out);
}

#[test]
fn a_dot_env_file_gives_what_the_environment_does_not() {
    let place = place("config-env");
    place.file(
        ".env",
        "TRIBUNAL_PASS='score >= 7'\nMY_KEY=sk-very-secret\nOPENAI_API_KEY=sk-other\n",
    );
    let ran = below(&place, &[], &["judge", "r.jsonl"]);
    assert_eq!(ran.lines()[0]["pass"], true, "{}", ran.err);
    let ran = below(&place, &[("TRIBUNAL_PASS", "score >= 9")], &["judge", "r.jsonl"]);
    assert_eq!(ran.lines()[0]["pass"], false);
    let ran = below(&place, &[("TRIBUNAL_ENV_FILE", "")], &["judge", "r.jsonl"]);
    assert_eq!(ran.lines()[0]["pass"], false);
    let config = below(&place, &[("OPENAI_API_KEY", "sk-mine")], &["config", "-m", "paid"]);
    assert!(!config.out.contains("sk-") && !config.err.contains("sk-"), "{}", config.out);
    assert!(config.out.contains("MY_KEY = ***"), "{}", config.out);
    let row = config.out.lines().find(|row| row.starts_with("OPENAI_API_KEY")).unwrap();
    assert!(row.ends_with("in the environment"), "{row}");
    assert!(config.out.contains("/.env"), "{}", config.out);

    place.file(".env", "no line of variables\n");
    assert_eq!(below(&place, &[], &["judge", "r.jsonl"]).code, 1, "a malformed line is ignored");
}

#[test]
fn a_mistake_in_the_file_names_the_line_and_the_near_word() {
    let place = place("config-wrong");
    place.file("tribunal.toml", "[judge.strict]\nprompt = 'score'\npas = 'score >= 7'\n");
    let ran = below(&place, &[], &["judge", "r.jsonl", "--judge", "strict"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("../tribunal.toml:3: unknown key `pas` in [judge.strict]"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("did you mean `pass`?"), "{}", ran.err);
    place.file("tribunal.toml", FILE);
    let ran = below(&place, &[], &["judge", "r.jsonl", "--judge", "strikt"]);
    assert!(ran.code == 2 && ran.err.contains("did you mean `strict`?"), "{}", ran.err);
    let none = Place::new("config-none");
    none.file("r.jsonl", RECORDS);
    let ran = none.run(&["judge", "r.jsonl", "--judge", "strict"]);
    assert!(ran.code == 2 && ran.err.contains("tribunal init"), "{}", ran.err);
}

#[test]
fn the_schema_is_that_of_the_files_that_are_read() {
    let schema: Value =
        serde_json::from_str(&place("config-schema").run(&["schema", "config"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let valid = |text: &str| validator.is_valid(&toml::from_str::<Value>(text).unwrap());
    assert!(valid(FILE));
    assert!(valid(include_str!("../../examples/start/tribunal.toml")));
    assert!(!valid("[judge.x]\ndraws = 'three'"));
    assert!(!valid("[judge.x]\nfail_under = 7"));
}

#[tokio::test]
async fn prices_of_a_model_are_in_lines_summaries_and_dry_runs() {
    let place = place("config-price");
    let server = Server::start(|_| Reply::says("Fine.\nScore: 7")).await;
    let file = ["-c", "../tribunal.toml", "--max-tokens", "10"];
    let args = [&["judge", "r.jsonl", "-m", "paid", "--base-url", &server.url], &file[..]].concat();
    let run = async |more: &[&str]| {
        let mut command = place.command(&[&args, more].concat());
        command
            .env("MY_KEY", "sk-mine")
            .current_dir(place.folder.path("below"))
            .stdin(Stdio::null());
        Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
    };
    let dry = run(&["--dry-run"]).await;
    assert_eq!((dry.code, server.seen().len()), (0, 0), "{}", dry.err);
    assert!(dry.out.contains("Answer\n```\nx\n```"), "{}", dry.out);
    assert!(
        dry.err.contains("requests to judge-1: 1") && dry.err.contains("answer tokens: at most 10"),
        "{}",
        dry.err
    );
    assert!(dry.err.contains("about ") && dry.err.contains("cost: about "), "{}", dry.err);

    let ran = run(&[]).await;
    let line = &ran.lines()[0];
    let tokens = |key: &str| line["usage"][key].as_f64().unwrap();
    let cost = (tokens("prompt") * 1000.0 + tokens("completion") * 2000.0) / 1e6;
    assert!((line["cost"].as_f64().unwrap() - cost).abs() < 1e-9, "{line}");
    assert!(ran.err.contains(&format!("cost {cost:.4}")), "{}", ran.err);
    assert_eq!(server.seen()[0].headers["authorization"], "Bearer sk-mine");

    let unknown =
        place.run(&["judge", "below/r.jsonl", "-m", "script:Score: 7", "-p", "score", "--dry-run"]);
    assert!(unknown.err.contains("cost: unknown"), "{}", unknown.err);
}

#[test]
fn a_sample_is_drawn_by_chance_that_repeats_itself() {
    let place = Place::new("config-sample");
    place.file("r.jsonl", records(200));
    let ids = |more: &[&str]| {
        let args = [
            "judge",
            "r.jsonl",
            "-m",
            "script:Score: 7",
            "-p",
            "score",
            "-q",
            "-j",
            "1",
            "--sample",
            "10",
        ];
        let ran = place.run(&[&args, more].concat());
        ran.lines().iter().map(|line| line["index"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let first = ids(&[]);
    assert_eq!((first.len(), ids(&[])), (10, first.clone()));
    assert!(first.is_sorted() && ids(&["--sample-seed", "1"]) != first);
    assert!(ids(&["--limit", "20"]).iter().all(|index| *index < 20));
}

#[test]
fn help_fits_a_screen_and_every_command_has_an_example_or_needs_none() {
    let place = Place::new("config-help");
    for name in ["judge", "revise"] {
        let mut command = place.command(&[name, "--help"]);
        let help = Ran::of(command.env("COLUMNS", "100").output().unwrap());
        assert!(help.out.lines().count() <= 52, "{} lines", help.out.lines().count());
        assert!(help.out.lines().all(|line| line.chars().count() <= 100));
        assert!(help.out.contains(&format!("Examples:\n  tribunal {name} ")), "{}", help.out);
    }
    let full = place.run(&["help", "judge"]);
    for option in ["--key-variable", "--aggregate", "TRIBUNAL_MAX_TOKENS", "Exit codes"] {
        assert!(full.out.contains(option), "{option}");
    }
}

#[test]
fn completions_and_the_man_page_are_written_from_the_help() {
    let place = Place::new("config-manual");
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).out.contains("fail-under"), "{shell}");
    }
    let page = place.run(&["man"]).out;
    assert!(
        page.contains(".TH tribunal") && page.contains("criterion") && page.contains(".SH"),
        "{}",
        &page[..400]
    );
}

// ── the edge ────────────────────────────────────────────────────────────────────────────────────

/// The keys of a table in the schema of the file.
fn keys(of: &str) -> Vec<String> {
    let schema = tribunal::config::schema();
    let table = schema.pointer(&format!("/$defs/{of}/properties")).unwrap();
    table.as_object().unwrap().keys().cloned().collect()
}

fn layer(key: &str, value: Value) -> SettingsLayer {
    let table = serde_json::Map::from_iter([(key.to_owned(), value)]);
    SettingsLayer::new(table, |key| SettingOrigin::Flag(key.to_owned()))
}

#[test]
fn a_definition_from_elsewhere_can_name_no_path_no_address_and_no_variable() {
    const SECRET: &str = "the canary sings";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let prompt = format!("---\nkind: label\nverdict: 'Verdict: *'\n---\n{SECRET} {{{{ answer }}}}");
    fs::write(path("secret.jinja"), prompt).unwrap();
    fs::write(path("secret.gguf"), SECRET).unwrap();
    let hostile = [
        path("secret.jinja"),
        format!("@{}", path("secret.jinja")),
        path("secret.gguf"),
        format!("{}:0.5", path("secret.gguf")),
        format!("replay:{}", path("secret.jinja")),
        "http://127.0.0.1:1/v1".to_owned(),
        "HOME".to_owned(),
    ];
    let closed = || Config::default().within(Environment::closed());
    let none = SettingsLayer::default;
    let mut refused = std::collections::BTreeSet::new();
    let tables = [("Settings", false), ("ModelSettings", true)];
    for (key, of_model) in tables
        .iter()
        .flat_map(|(table, of_model)| keys(table).into_iter().map(|key| (key, *of_model)))
    {
        for text in &hostile {
            let table = serde_json::json!({"base_url": text, "key_variable": "HOME"});
            for value in [
                text.clone().into(),
                serde_json::json!([text]),
                serde_json::json!({"x": text}),
                serde_json::json!([table]),
            ] {
                let one = layer(&key, value);
                let (judge, model) = if of_model { (none(), one) } else { (one, none()) };
                let foreign = Config::default().resolve_foreign(None, judge.clone(), model.clone());
                for resolved in [closed().resolve(None, judge, model), foreign] {
                    match resolved {
                        Ok(resolved) => {
                            assert!(resolved.files().is_empty(), "{key}: {:?}", resolved.files());
                            assert!(!format!("{resolved:?}").contains(SECRET), "{key}");
                        }
                        Err(error) => {
                            if error.to_string().contains("may not name") {
                                refused.insert(key.clone());
                            }
                            assert!(!format!("{error:?}").contains(SECRET), "{key}: {error:?}");
                        }
                    }
                }
            }
        }
    }
    for key in [
        "prompt",
        "model",
        "policy",
        "criteria",
        "criterion",
        "set",
        "name",
        "base_url",
        "key_variable",
        "lora",
        "endpoints",
    ] {
        assert!(refused.contains(key), "`{key}` can name something: {refused:?}");
    }
}

#[tokio::test]
async fn a_closed_registry_opens_what_needs_nothing_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.jsonl");
    fs::write(&file, "").unwrap();
    let models = Models::new(Environment::closed());
    assert!(models.open("check:exact").await.is_ok());
    assert!(models.open("script:Score: 4").await.is_ok());
    for spec in [
        ModelSpec::new(format!("replay:{}", file.display())),
        ModelSpec::new("weights.gguf"),
        ModelSpec::new("mine").base_url("http://127.0.0.1:1/v1"),
    ] {
        let error = models.open(spec.clone()).await.unwrap_err().to_string();
        assert!(error.contains("may not name"), "{spec:?}: {error}");
    }
    // The key of this process is out of reach too.
    let error = models.open("openai/gpt-5-mini").await.unwrap_err();
    assert!(error.to_string().contains("no key"), "{error:?}");
}
