//! The page about the built-in prompts is what the program prints.

use std::process::Command;

use tribunal::prompt;

#[test]
fn the_catalogue_page_is_what_the_program_prints() {
    let printed = Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(["prompts", "list", "--markdown"])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    let page = std::fs::read_to_string("docs/catalogue.md").unwrap_or_default();
    assert!(
        page == printed,
        "write it anew: cargo run -- prompts list --markdown > docs/catalogue.md"
    );
}

#[test]
fn every_prompt_names_its_source_or_is_ours_and_says_when_to_use_it() {
    for prompt in prompt::built_in().unwrap() {
        let (name, front) = (prompt.name(), prompt.front());
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() >= 5);
        assert!(says(&front.about.use_for), "{name} says what it is for");
        assert!(says(&front.about.not_for), "{name} says what it is not for");
        let summary = front.summary.as_deref().unwrap_or_default();
        assert!((10..=90).contains(&summary.chars().count()), "{name}: {summary}");
    }
}
