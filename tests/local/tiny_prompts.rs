//! The prompts of the shipped model are its training format, to the byte.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::{Value, json};
use tribunal::{
    Item, judge,
    prompt::{ProgramContext, ProgramStep},
    request::{Capabilities, Role},
};

const PROMPTS: [(&str, &str); 7] = [
    ("step", "tiny-steps"),
    ("score", "tiny-score"),
    ("verify", "tiny-correct"),
    ("pair", "tiny-pair"),
    ("solve", "tiny-solve"),
    ("revise", "tiny-revise"),
    ("patch", "tiny-patch"),
];

/// The record whose prompt a training text is.
fn record(user: &str) -> Item {
    let (_, rest) = user.split_once("\nProblem: ").unwrap();
    let (problem, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let item = Item::new().set("problem", problem);
    if let Some((first, second)) = rest.split_once("\nSolution B\n") {
        let first = first.strip_prefix("Solution A\n").unwrap();
        return item.answers([paragraphs(first).join("\n"), paragraphs(second).join("\n")]);
    }
    let (solution, critique) = rest.split_once("\nCritique\n").unwrap_or((rest, ""));
    let steps = paragraphs(solution.strip_prefix("Solution\n").unwrap_or_default());
    item.set("steps", steps).set("critique", critique)
}

fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn rendered_texts_equal_the_training_format() {
    let cases = std::fs::read_to_string("tests/data/tiny-cases.jsonl").unwrap();
    let capabilities = Capabilities::ALL.schema(false);
    let mut compared = 0;
    for case in cases.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let mode = case["meta"]["sub"].as_str().or(case["mode"].as_str()).unwrap();
        let user = case["messages"][0]["content"].as_str().unwrap();
        let Some((_, name)) = PROMPTS.iter().find(|(known, _)| *known == mode) else {
            assert_eq!(mode, "chat", "a kind of case without a prompt");
            continue;
        };
        let prompt = judge::load(name).unwrap();
        let plan = ProgramContext::new(capabilities);
        let item = record(user);
        let mut program = prompt.program(&item, None, plan, None).unwrap();
        let ProgramStep::Ask(request) = program.next(None).unwrap() else {
            panic!("{name} asks nothing")
        };
        assert_eq!(request.messages.len(), 1);
        assert_eq!(request.messages[0].role, Role::User);
        assert_eq!(request.messages[0].text(), user, "{}", case["id"]);
        compared += 1;
    }
    assert!(compared >= 300, "only {compared} cases were compared");
}

#[test]
fn records_of_people_become_the_same_prompts() {
    let item =
        Item::from(json!({"question": "12 + 30 - 5", "response": "12 + 30 = 42\n42 - 5 = 37\n"}));
    let prompt = judge::load("tiny-score").unwrap();
    let capabilities = Capabilities::ALL.schema(false);
    let mut program = prompt.program(&item, None, ProgramContext::new(capabilities), None).unwrap();
    let ProgramStep::Ask(request) = program.next(None).unwrap() else { panic!("nothing is asked") };
    let expected = "Review the solution, then score it from 1 to 5.\nProblem: 12 + 30 - 5\nSolution\nParagraph 0: 12 + 30 = 42\nParagraph 1: 42 - 5 = 37";
    assert_eq!(request.messages[0].text(), expected);
}
