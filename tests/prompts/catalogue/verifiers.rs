//! The rows of verifiers, which give P(correct), and of judges of steps.

use serde_json::{Value, json};
use tribunal::verdict::Reason;

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    [verifiers(), critics(), trained_on_steps(), error_finders(), thinkers()]
        .into_iter()
        .flatten()
        .collect()
}

/// A question with one answer.
fn single() -> Value {
    json!({"question": "What is 17 + 25?", "answer": "17 + 25 = 42. The answer is 42."})
}

/// A problem with a solution of two steps.
fn solution() -> Value {
    json!({"problem": "What is 17 + 25 - 2?", "steps": ["17 + 25 = 42.", "42 - 2 = 41."]})
}

/// The same with further fields.
fn solution_with(more: Value) -> Value {
    let mut record = solution();
    let Value::Object(more) = more else { return record };
    for (name, value) in more {
        record[name] = value;
    }
    record
}

fn verifiers() -> Vec<Row> {
    const GOOD: [&str; 2] = ["17 + 25 is 42, so every step holds.\n\nVerification: ", "Yes"];
    vec![
        Row::new("gen-rm", single())
            .said(["Yes"])
            .gives("correct (p 0.90)")
            .unreadable("Perhaps", Reason::OffScale),
        Row::new("gen-rm-cot", single())
            .said(GOOD)
            .gives("correct (p 0.90)")
            .unreadable("I could not decide.", Reason::Ambiguous),
        Row::new("sc-gen-rm", single())
            .said(GOOD)
            .gives("correct (p 0.90)")
            .unreadable("I could not decide.", Reason::Ambiguous),
        Row::new("sc-gen-rm-tuned", single())
            .said(["The sum is wrong.", "No"])
            .gives("incorrect (p 0.10)")
            .unreadable("I could not decide.", Reason::Ambiguous),
        Row::new("cloud", single())
            .said(["It is right, and shows the sum.", "Reward: 3.25"])
            .gives("3.25")
            .unreadable("It is right.", Reason::Missing),
        Row::new("cloud-choose", single())
            .said(["It is right, and shows the sum.\nScore: 9"])
            .gives("9")
            .unreadable("It is right, and shows the sum.\nScore: 11", Reason::OffScale),
    ]
}

fn critics() -> Vec<Row> {
    vec![
        Row::new("process-bench", solution())
            .said(["Paragraph 0 is right. In paragraph 1, 42 - 2 is 40.\n\n\\boxed{1}"])
            .gives("first error at 1")
            .unreadable("There is no paragraph like \\boxed{2}", Reason::OffScale),
        Row::new("prm-bench", solution())
            .said(["{\"validity\": [1.0, -0.5], \"redundancy\": [-1.0, -1.0]}"])
            .gives("first error at 1")
            .unreadable("{\"validity\": [1.0], \"redundancy\": [-1.0]}", Reason::OffScale),
        Row::new("prm-bench-redundancy", solution())
            .said(["{\"validity\": [1.0, -0.5], \"redundancy\": [0.5, -1.0]}"])
            .gives("first error at 0")
            .unreadable("{\"validity\": [1.0, 1.0]}", Reason::Ambiguous),
        Row::new("mr-gsm8k", solution())
            .said(["Step-by-step Evaluation: 42 - 2 is 40.\nFinal Judgement: wrong\nFirst Error Step: 2\nError Analysis: The difference is off by one."])
            .gives("first error at 1")
            .unreadable("Final Judgement: wrong\nFirst Error Step: 3", Reason::OffScale),
        Row::new("mr-gsm8k-solution", solution())
            .said(["Step-by-step Evaluation: fine.\nFinal Judgement: **correct**\nFirst Error Step: N/A\nError Analysis: N/A"])
            .gives("correct")
            .unreadable("Final Judgement: unclear", Reason::OffScale),
        Row::new(
            "mr-gsm8k-reason",
            solution_with(json!({
                "first_error_step": 2, "reason": "42 - 2 is 40.",
                "explanation": "The second step subtracts 1 instead of 2.",
            })),
        )
        .said(["1. Step-by-Step Reasoning: …\n2. Student Error Reason Analysis: …\n3. Final Decision: Correct"])
        .gives("correct")
        .unreadable("3. Final Decision: [Correct or Wrong]", Reason::Ambiguous),
        Row::new("reason-eval", solution())
            .said(["Step-by-step Evaluation: …\nFinal Judgement: correct\nFirst Error Step: N/A"])
            .gives("no error")
            .unreadable("Final Judgement: wrong", Reason::Ambiguous),
        Row::new("reason-eval-redundancy", solution())
            .said(["Step-by-step Evaluation: …\nFinal Judgment: Present\nNeutral Steps Identified: Step 1"])
            .gives("first error at 0")
            .unreadable("Final Judgment: Present", Reason::Missing),
        Row::new("reason-eval-classes", solution())
            .said(["It is right, and leads on.", "positive"])
            .gives("no error")
            .unreadable("Hard to say.", Reason::Ambiguous),
    ]
}

fn trained_on_steps() -> Vec<Row> {
    vec![
        Row::new("r-prm", solution())
            .said([
                "**Calculation Analysis**: 42 - 2 is 40.\nConclusion: wrong.\nVerification: ",
                "No",
            ])
            .gives("first error at 0")
            .unreadable("I could not decide.", Reason::Ambiguous),
        Row::new("think-prm", solution())
            .said([" Step 1 is right: \\boxed{correct}", "no"])
            .gives("incorrect (p 0.10)")
            .unreadable("Wait, let me think.", Reason::Ambiguous),
        Row::new("think-prm-steps", solution())
            .said([" Step 1 adds up: \\boxed{correct}\nStep 2 should be 40: \\boxed{incorrect}\n"])
            .gives("first error at 1")
            .unreadable(" Step 1 adds up: \\boxed{correct}", Reason::OffScale),
        Row::new("step-wiser", solution())
            .said(["The chunk adds up. \\boxed{Positive}"])
            .gives("no error")
            .unreadable("The chunk adds up.", Reason::Missing),
    ]
}

fn error_finders() -> Vec<Row> {
    let long = "Then I looked at every paragraph once more, and found nothing else to say. ";
    let buried: &'static str =
        Box::leak(format!("The answer is \\boxed{{1}}. {}", long.repeat(5)).into_boxed_str());
    vec![
        Row::new("fapo", solution_with(json!({"reference": "40"})))
            .said(["42 - 2 is 40, and paragraph 1 says 41.\n\\boxed{1}"])
            .gives("first error at 1")
            .unreadable(buried, Reason::Missing),
    ]
}

fn thinkers() -> Vec<Row> {
    let three = json!({
        "question": "What is 17 + 25?",
        "answers": ["It is 42.", "About fifty.", "Forty-two."],
    });
    let pair = json!({
        "question": "What is 17 + 25?", "reference": "42",
        "response_a": "It is 42.", "response_b": "About fifty.",
    });
    vec![
        Row::new("j1-k-wise", three)
            .said(["<think>Two are right.</think>\n<score_assistant_1>9.5</score_assistant_1>\n<score_assistant_2>1</score_assistant_2>\n<score_assistant_3>9/10</score_assistant_3>"])
            .gives("9.5, 1, 9")
            .unreadable("<think>…</think>\n<score_assistant_1>9</score_assistant_1>", Reason::Ambiguous),
        Row::new("j1-single-verifiable", single())
            .said(["<think>The sum is right.</think>\n<score>1</score>"])
            .gives("1")
            .unreadable("<think>The sum is right.</think>\n<score>7</score>", Reason::OffScale),
        Row::new("j1-pair-verifiable", pair)
            .said(["<think>A is exact.</think>\n<score_A>1</score_A> <score_B>0</score_B>"])
            .swapped(["<think>B is exact.</think>\n<score_A>0</score_A> <score_B>1</score_B>"])
            .gives("first is better")
            .unreadable("<think>A is exact.</think>\n<score_A>1</score_A>", Reason::Ambiguous),
    ]
}
