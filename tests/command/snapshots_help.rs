//! The help of every command as it is printed, short (`--help`) and long (`tribunal help COMMAND`).
//!
//! A changed word changes a file in `tests/command/snapshots`. `INSTA_UPDATE=always cargo test --test command help` writes
//! them anew; read the difference before it is committed.

#![cfg(all(
    feature = "cli",
    feature = "hub",
    feature = "openai",
    feature = "llama",
    feature = "store"
))]

use crate::support::Place;
use insta::assert_snapshot;

/// All commands, by the words that name them.
const COMMANDS: [&str; 51] = [
    "",
    "judge",
    "revise",
    "label",
    "rank",
    "search",
    "bench",
    "bench list",
    "bench show",
    "batch",
    "batch write",
    "batch read",
    "init",
    "parse",
    "reparse",
    "diff",
    "agree",
    "annotate",
    "align",
    "calibrate",
    "estimate",
    "report",
    "prompts",
    "prompts list",
    "prompts show",
    "prompts check",
    "prompts render",
    "prompts new",
    "prompts import",
    "models",
    "models list",
    "models info",
    "models pull",
    "config",
    "schema",
    "schema result",
    "schema revision",
    "schema labels",
    "schema ranking",
    "schema search",
    "schema config",
    "trust",
    "sandbox",
    "cache",
    "cache stats",
    "cache prune",
    "cache clear",
    "cache path",
    "cache export",
    "cache import",
    "completions",
];

#[test]
fn every_command_has_short_and_long_help() {
    let place = Place::new("snapshots-help");
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().collect();
        let short = place.run(&[&words[..], &["--help"]].concat()).passed();
        let long = place.run(&[&["help"], &words[..]].concat()).passed();
        assert_eq!((short.err.as_str(), long.err.as_str()), ("", ""), "{command}");
        let name =
            if command.is_empty() { "tribunal".to_owned() } else { command.replace(' ', "_") };
        let both = if short.out == long.out {
            short.out
        } else {
            format!("{}\n===== tribunal help {command}\n{}", short.out, long.out)
        };
        assert_snapshot!(name, place.filtered(&both));
    }
}

#[test]
fn help_fits_its_width_and_every_option_says_something_short() {
    let place = Place::new("snapshots-help-width");
    for command in COMMANDS {
        let words: Vec<&str> = command.split_whitespace().collect();
        let help = place.run(&[&words[..], &["--help"]].concat()).passed().out;
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
        let options = help.lines().filter(|line| line.trim_start().starts_with('-'));
        for option in options {
            let text = option.trim_start().split_once("  ").map_or("", |(_, text)| text.trim());
            let text = text.split(" [default").next().unwrap();
            let count = text.split_whitespace().count();
            assert!((1..=10).contains(&count), "{command}: {count} words: {option}");
        }
    }
}
