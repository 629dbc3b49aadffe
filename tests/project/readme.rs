//! What the README and the pages of `docs/` show is what happens: their console blocks are run and compared,
//! their workflow is run, and their links lead somewhere.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::Place;
use regex::Regex;

/// The README and every page of `docs/`, by the path in the repository.
fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = walkdir::WalkDir::new(root.join("docs")).sort_by_file_name();
    let docs = docs.into_iter().map(|entry| entry.unwrap().into_path());
    let pages = docs.filter(|path| path.extension().is_some_and(|end| end == "md"));
    std::iter::once(root.join("README.md"))
        .chain(pages)
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The blocks of one language on a page, in the order in which they stand.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let rests = page.split(&opening).skip(1);
    rests.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
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
    let cached = Regex::new(r"prompt tokens \(\d+ cached\)").unwrap();
    let line = cached
        .replace(&time.replace(line.trim_end(), "T s"), "prompt tokens (N cached)")
        .into_owned();
    // How much a model evaluates depends on which record comes first.
    let engine = Regex::new(r": \d+ prompt tokens evaluated.*").unwrap();
    engine.replace(&line, ": E").into_owned()
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
    let pages = pages();
    let blocks = pages.iter().flat_map(|(page, text)| {
        blocks(text, "console").into_iter().map(move |block| (page.as_str(), block))
    });
    let blocks: Vec<(&str, String)> = blocks.collect();
    assert!(blocks.len() >= 10, "{} blocks were found", blocks.len());
    let different = on_every_core(&blocks, |count, (page, block)| differences(page, count, block));
    assert!(different.is_empty(), "{}", different.concat().join("\n\n"));
}

/// What the function returns for each element, on as many threads as there are cores; empty results are left out.
fn on_every_core<T: Sync>(
    elements: &[T],
    look: impl Fn(usize, &T) -> Vec<String> + Sync,
) -> Vec<Vec<String>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let n = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(element) = elements.get(n)
                {
                    let result = look(n, element);
                    found.lock().unwrap().insert(n, result);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    found.into_values().filter(|result| !result.is_empty()).collect()
}

/// Runs the commands of a block in a folder of their own that has the examples; what each prints where the
/// page shows something else.
fn differences(page: &str, count: usize, block: &str) -> Vec<String> {
    let place = Place::new(&format!("readme-{count}"));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::os::unix::fs::symlink(examples, place.folder.path("examples")).unwrap();
    let steps = steps(block);
    let script: String =
        steps.iter().map(|step| format!("{{ {}\n}} 2>&1\necho {MARK}\n", step.command)).collect();
    let output = String::from_utf8(bash(&place, &script).stdout).unwrap();
    let mark = format!("{MARK}\n");
    let runs = steps.iter().zip(output.split(&mark));
    let different = runs.filter_map(|(step, printed)| {
        let lines = printed.lines().filter(|line| !is_progress(line));
        let printed: Vec<String> = lines.map(steady).collect();
        let shown: Vec<String> = step.shown.iter().map(|line| steady(line)).collect();
        let is_shown = is_shown(&shown, &printed);
        (!is_shown).then(|| format!("{page}: $ {} prints\n{}", step.command, printed.join("\n")))
    });
    different.collect()
}

/// Whether lines are shown as they were printed; a line that begins with `…` stands for any number of them.
fn is_shown(shown: &[String], printed: &[String]) -> bool {
    let Some(cut) = shown.iter().position(|line| line.starts_with('…')) else {
        return shown == printed;
    };
    printed.len() >= shown.len() - 1
        && printed.starts_with(&shown[..cut])
        && printed.ends_with(&shown[cut + 1..])
}

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    let pages = pages();
    let links = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (page, text) in &pages {
        let folder = root.join(page).parent().unwrap().to_owned();
        for link in links.captures_iter(text).map(|found| found[1].to_owned()) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let path = if file.is_empty() { root.join(page) } else { folder.join(file) };
            let is_there = path.exists()
                && (heading.is_empty() || headings(&path).iter().any(|one| one == heading));
            if !is_there {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

/// The headings of a page as links name them.
fn headings(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let name = |line: &str| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(name).collect()
}

#[test]
fn every_command_has_a_page() {
    let place = Place::new("readme-commands");
    let help = String::from_utf8(bash(&place, "tribunal --help").stdout).unwrap();
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.map(|line| line.split_whitespace().next().unwrap()).collect();
    assert!(names.contains(&"judge") && names.contains(&"man"), "{names:?}");
    let titles: Vec<String> = pages().into_iter().map(|(_, text)| text).collect();
    for name in names.into_iter().filter(|name| *name != "help") {
        let title = format!("tribunal {name}");
        let has_page = |text: &String| {
            text.lines().next().is_some_and(|line| {
                line.trim_start_matches("# ").split(", ").any(|one| one == title)
            })
        };
        assert!(titles.iter().any(has_page), "no page is called `# {title}`");
    }
}

/// The long options of a command, as its long help lists them.
fn options(place: &Place, command: &str) -> Vec<String> {
    let help = place.run(&["help", command]).passed().out;
    let option = Regex::new(r"(?m)^ +(?:-\w, )?(--[a-z-]+)").unwrap();
    option.captures_iter(&help).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_option_of_a_run_is_explained_on_a_page() {
    let place = Place::new("readme-options");
    let pages: String = pages().into_iter().map(|(_, text)| text).collect();
    let words = Regex::new(r"--[a-z-]+").unwrap();
    let explained: BTreeSet<&str> = words.find_iter(&pages).map(|word| word.as_str()).collect();
    for command in ["judge", "revise"] {
        let options = options(&place, command);
        assert!(options.len() > 40, "{command}: {options:?}");
        let missing = options.into_iter().filter(|one| !explained.contains(&**one));
        let missing: Vec<String> = missing.filter(|one| one != "--help").collect();
        assert_eq!(missing, Vec::<String>::new(), "tribunal {command}");
    }
}

#[test]
fn the_workflow_for_continuous_integration_fails_where_the_gate_does() {
    let workflows = pages().into_iter().flat_map(|(_, text)| blocks(&text, "yaml"));
    let workflow = workflows.into_iter().find(|block| block.contains("runs-on")).unwrap();
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
