//! The order of the modules in `lib.rs` is the architecture, and this test reads the code to prove it.
//!
//! A module names only those above it; modules of one folder form no cycles; down to `judging`
//! everything is a pure function of its arguments; the program uses the library as any other program
//! would; the page for readers names the modules in their order. The code is parsed, so that groups, renames and macros are seen. The second half plants each
//! kind of violation in a small crate and sees it reported.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

#[path = "../support/source.rs"]
mod source;

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

/// Circles that are still there. None may be added, and one that is gone must leave this list.
const KNOWN_CIRCLES: [&str; 3] = [
    "backend::llama::engine ↔ backend::llama::file",
    "cli::choose ↔ cli::input",
    "cli::env_file ↔ cli::trust",
];

/// Lines of code in a file, its comments and tests not counted.
const FILE_LINES: usize = 500;

/// Lines of a function, from its signature to its last brace.
const FUNCTION_LINES: usize = 80;

fn library() -> Crate {
    Crate::of(&sources(), "lib.rs")
}

fn program() -> Crate {
    Crate::of(&sources(), "main.rs")
}

fn sources() -> Files {
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// Modules that name one below them, or something that nobody declares.
fn order_violations(code: &Crate) -> Vec<String> {
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
fn cycles(code: &Crate) -> BTreeSet<String> {
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
fn impurities(code: &Crate, last: &str) -> Vec<String> {
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

/// What the program names of its own crate beside its modules, and code it takes from other files.
fn program_violations(code: &Crate) -> Vec<String> {
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
fn library_violations(code: &Crate) -> Vec<String> {
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
fn measures(files: &Files) -> Vec<String> {
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

const NOTHING: [&str; 0] = [];

#[test]
fn a_module_names_only_those_above_it() {
    assert_eq!(order_violations(&library()), NOTHING);
}

#[test]
fn modules_of_one_folder_form_no_cycles() {
    let mut found = cycles(&library());
    found.extend(cycles(&program()));
    assert_eq!(found.iter().collect::<Vec<_>>(), KNOWN_CIRCLES);
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

/// A small crate: `lib.rs` and the files below it.
fn planted(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
}

/// Three modules in their order, and a private one.
const ROOT: &str =
    "mod first; pub mod second; pub mod third; pub use third::{Deep, Other as Renamed};";

fn with_second(code: &str) -> Crate {
    let files = planted(&[
        ("lib.rs", ROOT),
        ("first.rs", "pub struct First;"),
        ("second/mod.rs", code),
        ("second/part.rs", "use crate::first::First;"),
        ("third.rs", "use crate::{first, second}; pub struct Deep; pub struct Other;"),
    ]);
    Crate::of(&files, "lib.rs")
}

#[test]
fn a_name_from_below_is_found_however_it_is_written() {
    let names = [
        "use crate::third::Deep;",
        "use crate::{first::First, third::{self, Deep as D}};",
        "use crate::{first, third as renamed};",
        "use super::third;",
        "use self::super::third::Deep;",
        "use crate::third::*;",
        "use crate::Deep;",
        "use crate::Renamed;",
        "fn f() -> crate::third::Deep { todo!() }",
        "fn f() { use crate::third; }",
        "fn f() { println!(\"{}\", crate::third::f(1)); }",
        "fn f() { vec![super::third::Deep]; }",
        "macro_rules! m { () => { $crate::third::Deep }; }",
        "struct S { #[serde(with = \"crate::third\")] field: u8 }",
        "#[derive(crate::third::Derive)] struct S;",
        "impl crate::third::Trait for S {}",
        "mod inner { use crate::third::Deep; }",
        "mod inner { fn f(deep: super::super::third::Deep) {} }",
        "use crate as root; fn f() { root::third::f() }",
    ];
    for code in names {
        let found = order_violations(&with_second(code));
        assert!(!found.is_empty(), "not seen: {code}");
        assert!(found[0].starts_with("second/mod.rs:1 names third"), "{code}: {found:?}");
    }
    let part = planted(&[
        ("lib.rs", ROOT),
        ("first.rs", ""),
        ("second.rs", "mod part;"),
        ("second/part.rs", "\nuse super::super::third::Deep;"),
        ("third.rs", "pub struct Deep;"),
    ]);
    assert_eq!(order_violations(&Crate::of(&part, "lib.rs")), ["second/part.rs:2 names third"]);
}

#[test]
fn names_from_above_words_and_tests_are_not_violations() {
    let code = r#"
        //! Unlike crate::third, this one stands above.
        mod part;
        use crate::first::{self, First};
        /// See [`crate::third::Deep`].
        fn third() { let third = "crate::third"; third.len(); }
        #[cfg(test)] use crate::third::Deep;
        #[cfg(all(test, unix))] mod early { use crate::third::Deep; }
        struct S { #[cfg(test)] deep: crate::third::Deep }
        impl S { #[cfg(test)] fn deep(&self) -> &crate::third::Deep { &self.deep } }
        #[cfg(test)] mod tests { use crate::third::Deep; }
        fn after_the_tests() { first::f(); part::f(); self::third(); }
    "#;
    assert_eq!(order_violations(&with_second(code)), NOTHING);
}

#[test]
fn code_after_the_first_test_item_is_read() {
    let code = "#[cfg(test)] fn helper() {}\nfn f() { crate::third::f() }";
    assert_eq!(order_violations(&with_second(code)), ["second/mod.rs:2 names third"]);
    let code = "#[cfg(not(test))] use crate::third::Deep;";
    assert_eq!(order_violations(&with_second(code)), ["second/mod.rs:1 names third"]);
}

#[test]
fn a_circle_of_modules_is_found_through_what_the_folder_imports() {
    let circle = |a: &str, b: &str, c: &str| {
        let files = planted(&[
            ("lib.rs", "mod folder;"),
            ("folder/mod.rs", "mod a; mod b; mod c; use b::B; pub struct Common;"),
            ("folder/a.rs", a),
            ("folder/b.rs", b),
            ("folder/c.rs", c),
        ]);
        cycles(&Crate::of(&files, "lib.rs")).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(circle("use super::b::B;", "use super::a::A;", ""), ["folder::a ↔ folder::b"]);
    assert_eq!(circle("use super::B;", "use crate::folder::a;", ""), ["folder::a ↔ folder::b"]);
    assert_eq!(
        circle("use super::b;", "use super::c;", "use super::a::A;"),
        ["folder::a ↔ folder::b ↔ folder::c"]
    );
    // What the folder declares itself is there for all, and a chain is no circle.
    assert_eq!(circle("use super::{B, Common};", "use super::{Common, c};", ""), NOTHING);
}

#[test]
fn impure_code_is_found_however_it_comes_in() {
    let impure = [
        ("use std::{collections::BTreeMap, time::Instant};", "names std::time::Instant"),
        ("use std::time; fn f() { time::SystemTime::now(); }", "names std::time::SystemTime"),
        ("use std::{fs as disk};", "names std::fs"),
        ("use std as s; fn f() { s::net::lookup() }", "names std::net"),
        ("fn f() { std::env::var(\"HOME\"); }", "names std::env"),
        ("fn f() { vec![std::process::id()]; }", "names std::process"),
        ("fn f(sender: tokio::sync::Sender) {}", "names tokio"),
        ("use futures_util::StreamExt as _;", "names futures_util"),
        ("use reqwest::Client;", "names reqwest"),
        ("use llama_cpp_2::model;", "names llama_cpp_2"),
        ("use std::thread::spawn;", "names std::thread"),
        ("async fn f() {}", "waits"),
        ("trait T { async fn f(); }", "waits"),
        ("fn f() { async move { 1 }; }", "waits"),
        ("fn f() { g(async |x| x); }", "waits"),
        ("fn f() { select! { a = b.await => () } }", "waits"),
    ];
    for (code, what) in impure {
        let found = impurities(&with_second(code), "second");
        assert_eq!(found, [format!("second/mod.rs:1 {what}")], "{code}");
    }
    let pure = "use std::time::Duration; #[cfg(test)] mod tests { use std::fs; } fn f(env: u8) {}";
    assert_eq!(impurities(&with_second(pure), "second"), NOTHING);
    assert_eq!(impurities(&with_second("use std::fs;"), "first"), NOTHING, "stands below");
}

#[test]
fn a_program_that_reaches_into_the_library_is_found() {
    let program = |root: &str, cli: &str| {
        let files = planted(&[("main.rs", root), ("cli.rs", cli), ("judge.rs", "")]);
        program_violations(&Crate::of(&files, "main.rs"))
    };
    let inside = "use tribunal::{Judge, judge::Member}; use crate::cli::f;";
    assert_eq!(program("mod cli;", inside), NOTHING);
    assert_eq!(program("mod cli;", "include!(\"judge.rs\");"), ["cli.rs:1 includes code"]);
    let reached = program("mod cli; mod judge;", "use crate::judge::Judge;");
    assert_eq!(reached, ["cli.rs:1 names crate::judge", "mod judge"]);
}

#[test]
fn long_files_long_functions_and_unsafe_code_are_found() {
    let long = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(FUNCTION_LINES - 1));
    assert_eq!(measures(&planted(&[("a.rs", &long)])), ["a.rs:1 f has 81 lines"]);
    let fits = format!("fn f() {{\n{}}}\n", "    g();\n".repeat(FUNCTION_LINES - 2));
    assert_eq!(measures(&planted(&[("a.rs", &fits)])), NOTHING);

    let lines = format!("{}\n", "const A: u8 = 1;\n".repeat(FILE_LINES));
    let tests =
        format!("// A comment.\n\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(90));
    assert_eq!(measures(&planted(&[("a.rs", &format!("{lines}{tests}"))])), NOTHING);
    let over = format!("{lines}const B: u8 = 2;\n{tests}");
    assert_eq!(measures(&planted(&[("a.rs", &over)])), ["a.rs has 501 lines of code"]);

    let unsafe_code = [
        "fn f() { unsafe { g() } }",
        "unsafe fn f() {}",
        "unsafe impl Send for S {}",
        "impl S { unsafe fn f(&self) {} }",
        "fn f() { m!(unsafe { g() }) }",
    ];
    for code in unsafe_code {
        assert_eq!(measures(&planted(&[("a.rs", code)])), ["a.rs:1 is unsafe"], "{code}");
    }
}
