//! What the README shows is what happens: its console blocks are run, and its workflow too.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod support;

use std::{path::Path, process::Command};

use regex::Regex;
use support::Place;

/// The blocks of one language, in the order in which they stand.
fn blocks(language: &str) -> Vec<String> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let opening = format!("```{language}\n");
    readme
        .split(&opening)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Printed between two commands.
const MARK: &str = "@@next@@";

/// A command and what it prints.
struct Step {
    command: String,
    shown: Vec<String>,
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.into(), shown: Vec::new() }),
            (None, Some(step)) => step.shown.push(line.into()),
            (None, None) => (),
        }
    }
    steps
}

/// Times, and what depends on which requests met in one batch, are not the same twice.
fn steady(line: &str) -> String {
    let time = Regex::new(r"\d+\.\d s\b").unwrap();
    let reused = Regex::new(r"\(\d+ reused\)").unwrap();
    reused.replace(&time.replace(line.trim_end(), "T s"), "(N reused)").into_owned()
}

/// A slow machine reports how far a run is.
fn is_progress(line: &str) -> bool {
    Regex::new(r"^\d+ of \d+ records, [\d.]+/s").unwrap().is_match(line)
}

/// A bash in a folder that has the examples and the program.
fn bash(place: &Place, script: &str) -> std::process::Output {
    let program = Path::new(env!("CARGO_BIN_EXE_tribunal")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).env_clear().env("PATH", path).env("HOME", place.folder.path("home"));
    bash.current_dir(place.folder.path("")).output().unwrap()
}

#[test]
fn every_console_block_prints_what_it_says() {
    for (n, block) in blocks("console").iter().enumerate() {
        let place = Place::new(&format!("readme-{n}"));
        std::os::unix::fs::symlink(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"),
            place.folder.path("examples"),
        )
        .unwrap();
        let steps = steps(block);
        let script: String = steps
            .iter()
            .map(|step| format!("{{ {}\n}} 2>&1\necho {MARK}\n", step.command))
            .collect();
        let output = String::from_utf8(bash(&place, &script).stdout).unwrap();
        for (step, printed) in steps.iter().zip(output.split(&format!("{MARK}\n"))) {
            let lines = printed.lines().filter(|line| !is_progress(line));
            let printed: Vec<String> = lines.map(steady).collect();
            compare(&step.command, &step.shown, &printed);
        }
    }
}

/// A line that begins with `…` stands for any number of lines.
fn compare(command: &str, shown: &[String], printed: &[String]) {
    let mut rest = printed;
    for (n, line) in shown.iter().enumerate() {
        if line.starts_with('…') {
            let left = shown.len() - n - 1;
            rest = &rest[rest.len().saturating_sub(left)..];
            continue;
        }
        assert_eq!(rest.first(), Some(&steady(line)), "$ {command}\n{}", printed.join("\n"));
        rest = &rest[1..];
    }
    assert!(rest.is_empty(), "$ {command} also prints:\n{}", rest.join("\n"));
}

#[test]
fn the_workflow_for_continuous_integration_fails_where_the_gate_does() {
    let workflow = blocks("yaml").into_iter().find(|block| block.contains("runs-on")).unwrap();
    let workflow: serde_json::Value = serde_saphyr::from_str(&workflow).unwrap();
    let steps = workflow["jobs"]["judge"]["steps"].as_array().unwrap();
    let judge = steps.iter().find(|step| step["name"] == "Judge").unwrap();
    let place = Place::new("readme-workflow");
    assert!(bash(&place, "tribunal init .").status.success());
    // As the runner does it: stop at the first failure.
    let ran = bash(&place, &format!("set -eo pipefail\n{}", judge["run"].as_str().unwrap()));
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(
        String::from_utf8_lossy(&ran.stderr).contains("gate failed: 0.800 of all records passed")
    );
    assert!(place.read("judged.xml").contains("failures=\"2\""));
    assert!(place.read("judged.json").contains("\"pass_rate\": 0.8"));
}
