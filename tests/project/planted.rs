//! Small crates with one violation of the architecture each: the test of the real code would see it.

use crate::architecture::{
    FILE_LINES, FUNCTION_LINES, NOTHING, cycles, impurities, library_violations, measures,
    order_violations, program_violations,
    source::{Crate, Files},
};

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
    // All modules of a folder may use what it declares itself, and a chain is not a circle.
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
fn a_library_that_names_itself_as_other_crates_do_is_found() {
    let library = |second: &str| library_violations(&with_second(second));
    assert_eq!(library("use crate::first::First;"), NOTHING);
    assert_eq!(library("use tribunal::first::First;"), ["second/mod.rs:1 names tribunal"]);
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
