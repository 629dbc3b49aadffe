//! Code between two texts of a judge: `run` in prompts, and GenPRM.

#![cfg(feature = "code")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::{Arc, Mutex};

use tribunal::{
    Completion, ErrorKind, Item, Judge, Prompt,
    backend::{Backend, Script, sandbox::Running},
    completion::{Distribution, Finish},
    request::{Ability, Ask, Capabilities, Request},
};

/// What was asked of a sandbox.
type Blocks = Arc<Mutex<Vec<Vec<String>>>>;

/// A sandbox that runs nothing: it prints what a function makes of the last block.
fn sandbox(print: fn(&str) -> Completion) -> (Arc<dyn Backend>, Blocks) {
    let asked = Blocks::default();
    let log = asked.clone();
    let answer = move |request: &Request| {
        let Ask::Run { blocks } = &request.ask else { return Ok(Completion::text("no code")) };
        assert!(request.messages.is_empty() && request.draw == 0, "{request:?}");
        log.lock().unwrap().push(blocks.clone());
        Ok(print(blocks.last().unwrap()))
    };
    (Arc::new(Script::answering(answer)), asked)
}

/// A model without a sandbox.
fn model(answer: impl Fn(&Request) -> Completion + Send + Sync + 'static) -> Script {
    let mut able = Capabilities::ALL;
    able.run = Ability::No;
    Script::answering(move |request| Ok(answer(request))).capable(able).remembering()
}

async fn judge(model: Arc<dyn Backend>, sandbox: Arc<dyn Backend>, prompt: &Prompt) -> Judge {
    let model = Running::new(model, sandbox);
    Judge::builder().backend(model).with_prompt(prompt.clone()).build().await.unwrap()
}

/// A model that plays GenPRM: it calculates each step, and judges by what the code printed.
fn gen_prm() -> Script {
    model(|request| {
        let turn = request.messages.last().unwrap().text();
        match &request.ask {
            Ask::Choose { labels } => {
                let p = if turn.contains("```\nTrue\n```") { 0.9 } else { 0.2 };
                let each = labels.iter().cloned().zip([p, 1.0 - p]).collect();
                let likeliest = if p > 0.5 { "Yes" } else { "No" };
                Completion::text(likeliest).distribution(Distribution::new(each))
            }
            _ if turn.ends_with("step by step: ") => Completion::text("I add.\n"),
            _ if turn.ends_with("```python\n") => {
                let step = request.messages[request.messages.len() - 2].text();
                let step = step.lines().next_back().unwrap().replace('=', "==");
                Completion::text(format!("print({step})"))
            }
            _ => Completion::text("The code decides.\n</verify>\n<output>\n"),
        }
    })
}

fn sums() -> Item {
    let steps = ["1 + 1 = 2", "2 + 2 = 5"].map(String::from);
    Item::new().set("problem", "Add up.").set("steps", steps.to_vec())
}

/// Prints whether a comparison of sums is right.
fn compares(code: &str) -> Completion {
    Completion::text(if code.contains("2 + 2 == 5") { "False" } else { "True" })
}

#[tokio::test]
async fn gen_prm_verifies_each_step_in_the_form_that_it_was_trained_with() {
    let prompt = tribunal::prompt::named("gen-prm").unwrap().unwrap();
    let (sandbox, asked) = sandbox(compares);
    let model = Arc::new(gen_prm());
    let judge = judge(model.clone(), sandbox, &prompt).await;
    let judgment = judge.judge(&sums()).await.unwrap();
    let steps = judgment.steps().unwrap();
    assert_eq!(steps.first_error, Some(1));
    let shares: Vec<f64> = steps.steps.iter().map(|step| step.p.unwrap()).collect();
    assert_eq!(shares, [0.9, 0.2]);
    let blocks = asked.lock().unwrap().clone();
    assert_eq!(blocks, [vec!["print(1 + 1 == 2)"], vec!["print(1 + 1 == 2)", "print(2 + 2 == 5)"]]);
    let last = model.asked().pop().unwrap();
    let turns: Vec<(String, String)> =
        last.messages.iter().map(|m| (m.role.name().to_owned(), m.text())).collect();
    let turns: Vec<(&str, &str)> = turns.iter().map(|(role, text)| (&**role, &**text)).collect();
    let verified = |n: usize, code: &str, printed: &str| {
        format!(
            "<analyze>\nLet's analyze the Paragraph {n} step by step: I add.\n</analyze>\n<verify>\nLet's use python code to find any potential error:\n```python\n{code}\n```\n[Code Output]\n\n```\n{printed}\n```\nThe code decides.\n</verify>\n<output>\n**Judgement**: $\\boxed{{"
        )
    };
    let first = verified(1, "print(1 + 1 == 2)", "True") + "Yes}$\n</output>";
    let second = verified(2, "print(2 + 2 == 5)", "False");
    assert_eq!(
        turns,
        [
            (
                "system",
                "You are a math teacher. Your task is to review and critique the paragraphs in solution step by step."
            ),
            ("user", "Add up.\n1 + 1 = 2"),
            ("assistant", &first),
            ("user", "2 + 2 = 5"),
            ("assistant", &second),
        ]
    );
}

#[tokio::test]
async fn after_three_rounds_the_verdict_is_forced() {
    let prompt = tribunal::prompt::named("gen-prm").unwrap().unwrap();
    let model = Arc::new(model(|request| match &request.ask {
        Ask::Choose { .. } => Completion::text("No"),
        _ if request.messages.last().unwrap().text().ends_with("step by step: ") => {
            Completion::text("Hm.\n")
        }
        _ => Completion::text("Once more:\n```python\nprint(1)"),
    }));
    let (sandbox, asked) = sandbox(|_| Completion::text("1"));
    let judge = judge(model.clone(), sandbox, &prompt).await;
    let item = Item::new().set("problem", "p").set("steps", vec!["s".to_owned()]);
    assert_eq!(judge.judge(&item).await.unwrap().steps().unwrap().first_error, Some(0));
    assert_eq!(asked.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 3]);
    let turn = model.asked().pop().unwrap().messages.last().unwrap().text();
    assert!(
        turn.ends_with(
            "[Code Output]\n\n```\n1\n```\n</verify>\n<output>\n**Judgement**: $\\boxed{"
        ),
        "{turn}"
    );
}

#[tokio::test]
async fn without_permission_nothing_begins() {
    let prompt = tribunal::prompt::named("gen-prm").unwrap().unwrap();
    let model = gen_prm();
    let error = Judge::builder().backend(model).with_prompt(prompt).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(format!("{error:?}").contains("allow_code"), "{error:?}");
}

/// A prompt that shows what the code of an answer prints.
const SHOWS: &str = "\
---
kind: score
scale: 1-5
fields: {answer: required}
verdict: 'Score: *'
verdict_from: text
---
user:
{{ answer }}
It prints {{ run(\"printed\", answer) }}
assistant:
{{ gen(\"critique\") }}
";

fn answer() -> Item {
    Item::new().answer("```python\nprint('Score: 5')\n```")
}

#[tokio::test]
async fn what_code_prints_is_shown_and_is_no_verdict() {
    let prompt = Prompt::parse("shows", SHOWS).unwrap();
    for (critique, score) in
        [("Fine.\nScore: 3", Some(3.0)), ("I saw that it prints\nScore: 5", None)]
    {
        let (sandbox, _) = sandbox(|_| Completion::text("Score: 5"));
        let model = Arc::new(model(move |_| Completion::text(critique)));
        let judge = judge(model.clone(), sandbox, &prompt).await;
        let judgment = judge.judge(&answer()).await.unwrap();
        let shown = model.asked()[0].messages[0].text();
        assert!(shown.ends_with("It prints Score: 5"), "{shown}");
        assert!(!judgment.critique().starts_with("Score: 5"), "{}", judgment.critique());
        if score.is_some() {
            assert_eq!(judgment.score(), score);
        }
    }
}

#[tokio::test]
async fn code_that_was_stopped_is_not_run_again_and_a_text_without_code_runs_nothing() {
    let prompt = Prompt::parse(
        "rounds",
        "---\nkind: critique\nfields: {answer: required}\n---\nuser:\n{{ answer }}\nassistant:\n{% for n in range(4) %}{% set code = gen(\"code\", at=n) %}{{ code }}\n{{ run(\"printed\", code, at=n) }}\n{% endfor %}",
    )
    .unwrap();
    let texts = Mutex::new(vec!["```python\nc", "no code", "```python\nstop", "```python\na"]);
    let model = Arc::new(model(move |_| Completion::text(texts.lock().unwrap().pop().unwrap())));
    let (sandbox, asked) = sandbox(|code| {
        let finish = if code == "stop" { Finish::Length } else { Finish::Stop };
        Completion::text(format!("<{code}>")).finish(finish)
    });
    let judge = judge(model.clone(), sandbox, &prompt).await;
    judge.judge(&Item::new().answer("a")).await.unwrap();
    let blocks = asked.lock().unwrap().clone();
    assert_eq!(blocks, [vec!["a"], vec!["a", "stop"], vec!["a", "c"]]);
    let turn = model.asked().pop().unwrap().messages.pop().unwrap().text();
    assert!(turn.contains("no code\nCode format error: No code found.\n"), "{turn}");
}

#[tokio::test]
async fn stored_votes_are_read_again_without_a_model_and_without_a_sandbox() {
    let prompt = tribunal::prompt::named("gen-prm").unwrap().unwrap();
    let (sandbox, asked) = sandbox(compares);
    let judge = judge(Arc::new(gen_prm()), sandbox, &prompt).await;
    let judgment = judge.judge(&sums()).await.unwrap();
    let runs = asked.lock().unwrap().len();
    let votes: Vec<tribunal::line::VoteLine> = judgment.votes.iter().map(Into::into).collect();
    let votes: Vec<tribunal::line::VoteLine> =
        serde_json::from_value(serde_json::to_value(votes).unwrap()).unwrap();
    let other =
        Judge::builder().backend(Script::always("")).with_prompt(prompt).build().await.unwrap();
    let again = other.reread(&sums(), &votes, None).unwrap();
    assert_eq!(again.steps(), judgment.steps());
    assert_eq!(asked.lock().unwrap().len(), runs);
}
