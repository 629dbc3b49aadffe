//! The order of the modules in `lib.rs` is the architecture: each names only those above it, and those
//! above `backend` touch nothing but their arguments.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Everything above this one is a pure function of its arguments.
const FIRST_IMPURE: &str = "files";

/// Words by which async code, clocks, disks, networks and the environment come in.
const IMPURE: [&str; 12] = [
    "async ",
    ".await",
    "tokio",
    "futures_util",
    "std::fs",
    "std::net",
    "std::env",
    "std::time",
    "std::process",
    "std::thread",
    "reqwest",
    "llama_cpp_2",
];

struct Module {
    name: String,
    files: Vec<(PathBuf, String)>,
}

/// The modules in the order of `lib.rs`.
fn modules() -> Vec<Module> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let declared =
        |line: &str| line.strip_prefix("pub mod ")?.strip_suffix(';').map(ToOwned::to_owned);
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let read = |name: String| {
        let mut files = Vec::new();
        collect(&src.join(format!("{name}.rs")), &mut files);
        collect(&src.join(&name), &mut files);
        assert!(!files.is_empty(), "{name} has no file");
        Module { name, files }
    };
    lib.lines().filter_map(declared).map(read).collect()
}

fn collect(path: &Path, files: &mut Vec<(PathBuf, String)>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| collect(&entry.unwrap().path(), files));
    } else if path.is_file() && path.extension().is_some_and(|kind| kind == "rs") {
        files.push((path.to_owned(), code(&fs::read_to_string(path).unwrap())));
    }
}

/// The text without comments and without its tests, which may use whatever they like.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap();
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a text names by `crate::…`, groups such as `crate::{a::b, c}` included.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in code.split("crate::").skip(1) {
        let Some(group) = path.strip_prefix('{') else {
            names.insert(word(path));
            continue;
        };
        let mut depth = 0_usize;
        let mut starts = true;
        for (at, c) in group.char_indices() {
            if starts && (c.is_alphanumeric() || c == '_') {
                names.insert(word(&group[at..]));
                starts = false;
            }
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                _ => (),
            }
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Which module a name at the crate's root belongs to: itself, or the one that re-exports it.
fn owner(name: &str, lib: &str, modules: &[Module]) -> Option<usize> {
    let place = |name: &str| modules.iter().position(|module| module.name == name);
    let exported = || {
        lib.lines().filter_map(|line| line.trim().split_once("::")).find_map(|(module, names)| {
            let listed = names.split(|c: char| !c.is_alphanumeric()).any(|one| one == name);
            listed.then(|| place(module)).flatten()
        })
    };
    place(name).or_else(exported)
}

#[test]
fn modules_name_only_those_above_them() {
    let modules = modules();
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut wrong = Vec::new();
    for (place, module) in modules.iter().enumerate() {
        for (file, code) in &module.files {
            for name in named(code) {
                if owner(&name, &lib, &modules).is_some_and(|owner| owner > place) {
                    wrong.push(format!("{} names {name}", file.display()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_stands_above_the_backends_is_pure() {
    let modules = modules();
    let pure = modules.iter().take_while(|module| module.name != FIRST_IMPURE);
    let mut count = 0;
    for module in pure {
        count += 1;
        for (file, code) in &module.files {
            let found: Vec<_> = IMPURE.iter().filter(|word| code.contains(**word)).collect();
            assert!(found.is_empty(), "{} mentions {found:?}", file.display());
        }
    }
    let names = "error, text, scale, completion, verdict, line, aggregate, item, request, parse, pass, prompt, judging";
    assert!(count >= names.split(", ").count(), "{names}");
}

#[test]
fn unsafe_code_is_forbidden_in_the_whole_crate() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}

#[test]
fn names_in_groups_are_found() {
    let found = named("use crate::{\n    a::{b, c},\n    d as e,\n};\nlet f = crate::g::h();");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "d", "g"]);
}
