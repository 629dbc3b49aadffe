//! The order of the modules in `lib.rs` is the architecture, and this test reads the code to prove it.
//!
//! - A module names only those above it, and modules of one folder form no cycles.
//! - Down to `judging`, everything is a pure function of its arguments.
//! - The program uses the library as any other program would.
//! - The page for readers lists the modules in their order.
//!
//! The code is parsed, so that groups, renames and macros are seen. `planted` puts each kind of
//! violation into a small crate and sees it reported.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "../support/source.rs"]
pub(crate) mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use source::{Crate, Files, Segments, code_lines, files_below, is_test};
use syn::{
    spanned::Spanned,
    visit::{self, Visit},
};

/// Down to this one, modules are pure.
const LAST_PURE: &str = "judging";

/// Paths by which waiting, clocks, disks, networks and the environment come in.
const IMPURE: [&str; 24] = [
    "async_openai",
    "dirs",
    "dotenvy",
    "futures",
    "futures_util",
    "hyper_util",
    "llama_cpp_2",
    "nix",
    "reqwest",
    "rusqlite",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tempfile",
    "tokio",
    "walkdir",
];

/// Lines of code in a file, its comments and tests not counted.
pub(crate) const FILE_LINES: usize = 500;

/// Lines of a function, from its signature to its last brace.
pub(crate) const FUNCTION_LINES: usize = 80;

fn library() -> Crate {
    Crate::of(&sources(), "lib.rs")
}

fn program() -> Crate {
    Crate::of(&sources(), "main.rs")
}

fn sources() -> Files {
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// Modules that name one below them, or a module that is not declared.
pub(crate) fn order_violations(code: &Crate) -> Vec<String> {
    let place = |name: &str| code.order.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for (path, module) in code.modules.iter().filter(|(path, _)| path.len() > 1) {
        for named in code.named_by(path).iter().filter(|named| named.path[0] == "crate") {
            let Some(top) = top_module(code, &named.path) else { continue };
            if place(&top) > place(&path[1]) {
                wrong.push(format!("{}:{} names {top}", module.file, named.line));
            }
        }
    }
    wrong
}

/// The module of the root that a path leads through: the one it names, or the one that declares what
/// the root re-exports.
fn top_module(code: &Crate, path: &[String]) -> Option<String> {
    let first = path.get(1)?;
    if code.order.contains(first) {
        return Some(first.clone());
    }
    code.owner(&path[..2]).get(1).cloned()
}

/// Modules of one folder that name each other in a circle, as `a ↔ b`.
///
/// What the folder's own `mod.rs` declares is for all of them, and what it imports belongs to the
/// module that declares it.
pub(crate) fn cycles(code: &Crate) -> BTreeSet<String> {
    let mut edges: BTreeMap<Segments, BTreeSet<Segments>> = BTreeMap::new();
    for path in code.modules.keys() {
        for named in code.named_by(path).iter().filter(|named| named.path[0] == "crate") {
            let owner = code.owner(&named.path);
            let common = path.iter().zip(&owner).take_while(|(a, b)| a == b).count();
            if common > 1 && common < path.len() && common < owner.len() {
                let sibling = owner[..=common].to_vec();
                edges.entry(path[..=common].to_vec()).or_default().insert(sibling);
            }
        }
    }
    let reached = |from: &Segments| {
        let mut found = BTreeSet::new();
        let mut next: Vec<&Segments> = edges.get(from).into_iter().flatten().collect();
        while let Some(module) = next.pop() {
            if found.insert(module) {
                next.extend(edges.get(module).into_iter().flatten());
            }
        }
        found
    };
    let mut circles = BTreeSet::new();
    for module in edges.keys().filter(|module| reached(module).contains(module)) {
        let circle = reached(module).into_iter().filter(|other| reached(other).contains(module));
        circles.insert(circle.map(|path| path[1..].join("::")).collect::<Vec<_>>().join(" ↔ "));
    }
    circles
}

/// What the modules down to `last` name or do although they are to be pure.
pub(crate) fn impurities(code: &Crate, last: &str) -> Vec<String> {
    let end = code.order.iter().position(|module| module == last).unwrap();
    let mut wrong = Vec::new();
    for (path, module) in code.modules.iter().filter(|(path, _)| path.len() > 1) {
        if code.order[..=end].iter().all(|pure| *pure != path[1]) {
            continue;
        }
        for named in code.named_by(path) {
            if let Some(impure) = IMPURE.iter().find(|impure| leads_through(&named.path, impure)) {
                wrong.push(format!("{}:{} names {impure}", module.file, named.line));
            }
        }
        let mut waiting = Waiting::default();
        code.visit(path, &mut waiting);
        wrong.extend(waiting.lines.iter().map(|line| format!("{}:{line} waits", module.file)));
    }
    wrong
}

/// Whether a path begins with all segments of another one.
fn leads_through(path: &[String], start: &str) -> bool {
    let mut path = path.iter();
    start.split("::").all(|segment| path.next().is_some_and(|one| one == segment))
}

/// The lines on which code is async or waits.
#[derive(Default)]
struct Waiting {
    lines: BTreeSet<usize>,
}

impl<'ast> Visit<'ast> for Waiting {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(source::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.lines.extend(signature.asyncness.map(|word| word.span.start().line));
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.lines.insert(block.span().start().line);
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.lines.extend(closure.asyncness.map(|word| word.span.start().line));
        visit::visit_expr_closure(self, closure);
    }

    fn visit_expr_await(&mut self, wait: &'ast syn::ExprAwait) {
        self.lines.insert(wait.await_token.span.start().line);
        visit::visit_expr_await(self, wait);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        let words = idents(&invoked.tokens);
        let line = invoked.span().start().line;
        self.lines
            .extend(words.iter().any(|word| word == "await" || word == "async").then_some(line));
    }
}

fn idents(tokens: &proc_macro2::TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens.clone() {
        match token {
            proc_macro2::TokenTree::Ident(ident) => found.push(ident.to_string()),
            proc_macro2::TokenTree::Group(group) => found.extend(idents(&group.stream())),
            _ => (),
        }
    }
    found
}

/// What the program names of its own crate beside its modules, and code that it includes from other files.
pub(crate) fn program_violations(code: &Crate) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, module) in &code.modules {
        for named in code.named_by(path) {
            let line = format!("{}:{}", module.file, named.line);
            match named.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["crate", top, ..] if top != "cli" => {
                    wrong.push(format!("{line} names crate::{top}"));
                }
                ["include"] => wrong.push(format!("{line} includes code")),
                _ => (),
            }
        }
    }
    wrong.extend(code.order.iter().filter(|name| *name != "cli").map(|name| format!("mod {name}")));
    wrong
}

/// Where the library names itself by the name that other crates use, which would hide what it uses.
pub(crate) fn library_violations(code: &Crate) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, module) in &code.modules {
        let named = code.named_by(path);
        let outside =
            named.iter().filter(|named| named.path[0] == "tribunal" && named.path.len() > 1);
        wrong.extend(outside.map(|named| format!("{}:{} names tribunal", module.file, named.line)));
    }
    wrong
}

/// Files, functions and blocks that are too long or not allowed at all.
pub(crate) fn measures(files: &Files) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, text) in files {
        let lines = code_lines(text);
        if lines > FILE_LINES {
            wrong.push(format!("{file} has {lines} lines of code"));
        }
        let mut measured = Measured::default();
        measured.visit_file(&syn::parse_file(text).unwrap());
        wrong.extend(measured.wrong.iter().map(|what| format!("{file}:{what}")));
    }
    wrong
}

#[derive(Default)]
struct Measured {
    wrong: Vec<String>,
}

impl Measured {
    fn function(&mut self, signature: &syn::Signature, end: usize) {
        let start = signature.span().start().line;
        if end + 1 - start > FUNCTION_LINES {
            self.wrong.push(format!("{start} {} has {} lines", signature.ident, end + 1 - start));
        }
    }

    fn unsafety(&mut self, line: usize) {
        self.wrong.push(format!("{line} is unsafe"));
    }
}

impl<'ast> Visit<'ast> for Measured {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, function.span().end().line);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, function.span().end().line);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(word) = signature.unsafety {
            self.unsafety(word.span.start().line);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.unsafety(block.span().start().line);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(word) = item.unsafety {
            self.unsafety(word.span.start().line);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        if idents(&invoked.tokens).iter().any(|word| word == "unsafe") {
            self.unsafety(invoked.span().start().line);
        }
    }
}

pub(crate) const NOTHING: [&str; 0] = [];

#[test]
fn a_module_names_only_those_above_it() {
    assert_eq!(order_violations(&library()), NOTHING);
}

#[test]
fn modules_of_one_folder_form_no_cycles() {
    let mut found = cycles(&library());
    found.extend(cycles(&program()));
    assert_eq!(found.iter().collect::<Vec<_>>(), NOTHING);
}

#[test]
fn down_to_judging_everything_is_pure() {
    let library = library();
    assert_eq!(impurities(&library, LAST_PURE), NOTHING);
    assert!(library.order.iter().position(|module| module == LAST_PURE).unwrap() >= 12);
}

#[test]
fn the_program_is_a_user_of_the_library() {
    assert_eq!(program_violations(&program()), NOTHING);
    assert_eq!(library_violations(&library()), NOTHING);
}

#[test]
fn files_and_functions_are_short_and_nothing_is_unsafe() {
    assert_eq!(measures(&sources()), NOTHING);
}

#[test]
fn the_page_for_readers_lists_the_modules_in_their_order() {
    let page = include_str!("../../ARCHITECTURE.md");
    let table = page.split("| module |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), library().order);
}
