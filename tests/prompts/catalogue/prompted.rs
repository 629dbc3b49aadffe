//! The rows of published protocols for judges that were not trained for them.

use serde_json::{Value, json};
use tribunal::verdict::Reason;

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    [mt_bench(), arena(), scores(), reward_bench(), llmbar(), lists(), summaries(), free_text()]
        .into_iter()
        .flatten()
        .collect()
}

/// A question with one answer.
fn single() -> Value {
    json!({"question": "What is 17 + 25?", "answer": "It is forty-two."})
}

/// A question with two answers.
fn pair() -> Value {
    json!({"question": "What is 17 + 25?", "response_a": "It is 42.", "response_b": "About fifty."})
}

/// A record with one more field.
fn with(mut record: Value, name: &str, value: impl Into<Value>) -> Value {
    record[name] = value.into();
    record
}

/// A conversation of two questions; the last answer is given.
fn conversation(last: &str) -> Value {
    json!([
        {"role": "user", "content": "Name a prime number."},
        {"role": "assistant", "content": "Seven."},
        {"role": "user", "content": "And the next one?"},
        {"role": "assistant", "content": last}
    ])
}

fn mt_bench() -> Vec<Row> {
    let conversations =
        json!({"conversation_a": conversation("Eleven."), "conversation_b": conversation("Nine.")});
    vec![
        Row::new("mt-bench-single", single())
            .said(["Correct and short, in plain words. Rating: [[8.5]]"])
            .gives("8.5")
            .unreadable("Correct and short. Rating: [[7/5]]", Reason::Ambiguous),
        Row::new("mt-bench-single-reference", with(single(), "reference", "42"))
            .said(["It agrees with the reference. Rating: [[10]]"])
            .gives("10")
            .unreadable("It agrees with the reference.", Reason::Missing),
        Row::new("mt-bench-pair", pair())
            .said(["Assistant A is right, assistant B guesses.\n\n[[A]]"])
            .swapped(["Assistant B is right, assistant A guesses.\n\n[[B]]"])
            .gives("first is better")
            .unreadable("Both [[A]] and B are fine: [[A or B]]", Reason::Ambiguous),
        Row::new("mt-bench-pair-reference", with(pair(), "reference", "42"))
            .said(["Only assistant A agrees with the reference. [[A]]"])
            .swapped(["Only assistant B agrees with the reference. [[B]]"])
            .gives("first is better")
            .unreadable("I cannot assist with that request.", Reason::Refused),
        Row::new("mt-bench-single-multi-turn", json!({"messages": conversation("Eleven.")}))
            .said(["The follow-up is answered correctly. Rating: [[9]]"])
            .gives("9")
            .unreadable("Rating: [[11]]", Reason::OffScale),
        Row::new("mt-bench-pair-multi-turn", conversations)
            .said(["Eleven is prime, nine is not. [[A]]"])
            .swapped(["Eleven is prime, nine is not. [[B]]"])
            .gives("first is better")
            .unreadable("", Reason::Empty),
    ]
}

fn arena() -> Vec<Row> {
    vec![
        Row::new("arena-hard", pair())
            .said(["My own answer: 42. Assistant A agrees.\nMy final verdict is: [[A>>B]]"])
            .swapped(["My own answer: 42. Assistant B agrees.", "[[B>A]]"])
            .gives("first is better")
            .unreadable("Let me think about it a little longer.", Reason::Missing),
        Row::new("judge-bench", pair())
            .said(["My own answer: 42.\nMy final verdict is a tie: [[A=B]]"])
            .gives("tie")
            .unreadable("My final verdict: [[A>B>A]]", Reason::Ambiguous),
        Row::new("alpaca-eval", pair())
            .said(["M"])
            .gives("second is better")
            .unreadable("", Reason::Empty),
    ]
}

fn scores() -> Vec<Row> {
    vec![
        Row::new("fair-eval", pair())
            .said(["Evaluation evidence: one is right.\nScore of the Assistant 1: 9\nScore of the Assistant 2: 2"])
            .swapped(["Evaluation evidence: one is right.\nScore of the Assistant 1: 3\nScore of the Assistant 2: 8"])
            .gives("8.5, 2.5")
            .unreadable("Evaluation evidence: both are fine.\nScore of the Assistant 1: 9", Reason::Ambiguous),
        Row::new("vicuna-pair", pair())
            .said(["9 4\nAssistant 1 is right."])
            .swapped(["4 9\nAssistant 2 is right."])
            .gives("first is better")
            .unreadable("Assistant 1: 9, Assistant 2: 4", Reason::Missing),
        Row::new("chat-eval", with(pair(), "history", "Critic: Assistant 2 only guesses."))
            .said(["Evaluation evidence: I agree.\nThe score of Assistant 1: 9\nThe score of Assistant 2: 3.5"])
            .gives("9, 3.5")
            .unreadable("I agree with the critic.", Reason::Missing),
        Row::new("spct", json!({"question": "Name a prime.", "answers": ["2", "9", "11"]}))
            .said(["Specific Criteria: correctness (100 %)\nAnalysis: nine is not prime.\nScores: \\boxed{9, 2, 9}"])
            .gives("72, 16, 72")
            .unreadable("Scores: \\boxed{9, 2}", Reason::OffScale),
    ]
}

fn reward_bench() -> Vec<Row> {
    let four = json!({"question": "Name a prime.", "answers": ["Four", "Nine", "Eleven", "Six"]});
    vec![
        Row::new("reward-bench-pair", pair())
            .said(["Assistant B guesses. [[A]]"])
            .gives("first is better")
            .unreadable("A tie. [[C]]", Reason::OffScale),
        Row::new("reward-bench-ratings", pair())
            .said(["A short and clear answer.\n\n7"])
            .gives("7, 7")
            .unreadable("A short and clear answer, worth a 7 or an 8.", Reason::Missing),
        Row::new("reward-bench-2-ties", pair())
            .said(["Right.\n\nRating: 9"])
            .gives("9, 9")
            .unreadable("Right.\n\n12", Reason::OffScale),
        Row::new("reward-bench-2-four-way", four)
            .said(["Eleven is the only prime here. [[C]]"])
            .gives("2 > 0 = 1 = 3")
            .unreadable("None of them: [[E]]", Reason::OffScale),
    ]
}

fn llmbar() -> Vec<Row> {
    vec![
        Row::new("llmbar-vanilla", pair())
            .said(["Output (a)"])
            .swapped(["Output (b)"])
            .gives("first is better")
            .unreadable("Both outputs are good.", Reason::Missing),
        Row::new("llmbar-cot", pair())
            .said(["Output (b) guesses, and Output (a) is exact. Therefore, Output (a) is better."])
            .swapped(["Output (a) guesses. Therefore, Output (b) is better."])
            .gives("first is better")
            .unreadable("Output (a) is longer than Output (b).", Reason::Missing),
        Row::new("llmbar-metrics", pair())
            .said(["1. Is the sum right?\n2. Is it exact?", "Output (a)"])
            .swapped(["1. Is the sum right?\n2. Is it exact?", "Output (b)"])
            .gives("first is better")
            .unreadable("1. Is the sum right?", Reason::Missing),
    ]
}

fn lists() -> Vec<Row> {
    let points = json!(["Is the sum right?", "Is it in words?"]);
    vec![
        Row::new("wild-bench", with(single(), "checklist", points.clone()))
            .said(["{\"strengths\": \"right\", \"weaknesses\": \"none\", \"score\": \"9\"}"])
            .gives("9")
            .unreadable("{\"strengths\": \"right\", \"weaknesses\": \"none\"}", Reason::Ambiguous),
        Row::new("wild-bench-pair", with(pair(), "checklist", "- Is the sum right?"))
            .said(["{\"analysis of A\": \"right\", \"choice\": \"A++\"}"])
            .swapped(["{\"analysis of B\": \"right\", \"choice\": \"B+\"}"])
            .gives("first is better")
            .unreadable("{\"choice\": \"A++ or B++\"}", Reason::Ambiguous),
        Row::new("llmzoo-rank", json!({"question": "Name a prime.", "answers": ["2", "9", "11"]}))
            .said(["Only Assistant 2 is wrong.\nAssistant 1 = Assistant 3 > Assistant 2"])
            .gives("0 = 2 > 1")
            .unreadable("Assistant 1 =< Assistant 2", Reason::Missing),
        Row::new("checklist", single())
            .said([
                "1. Is the sum right?\n2. Is it in words?",
                "Both are met.\n{\"checklist\": {\"1\": \"YES\", \"2\": \"NO\"}}",
            ])
            .gives("1 1, 2 0")
            .unreadable("Every item is met.", Reason::Missing),
        Row::new("rubric-chain", pair())
            .said([
                "<type>Reasoning</type>\n<solution>42</solution>",
                "<eval>A is right.</eval>\n[[A]]",
            ])
            .swapped([
                "<type>Reasoning</type>\n<solution>42</solution>",
                "<eval>B is right.</eval>\n[[B]]",
            ])
            .gives("first is better")
            .unreadable("<type>Chat</type> I cannot say which one is better.", Reason::Missing),
    ]
}

fn summaries() -> Vec<Row> {
    let summary = || {
        json!({
            "document": "The bridge was closed on Monday. It will open again in May.",
            "answer": "The bridge is closed until May."
        })
    };
    vec![
        Row::new("g-eval", with(summary(), "dimension", "consistency"))
            .said(["5"])
            .gives("4.75")
            .unreadable("", Reason::Empty),
        Row::new("g-eval-fluency", summary())
            .said(["3"])
            .gives("2.85")
            .unreadable("", Reason::Empty),
        Row::new("summ-eval-rts", summary())
            .said(["It reproduces all facts. Final Score: 4/5"])
            .gives("4")
            .unreadable("It reproduces all facts of the article.", Reason::Missing),
    ]
}

fn free_text() -> Vec<Row> {
    vec![
        Row::new("self-refine-feedback", single())
            .said(["# It is forty-two.\nlooks good\nit is correct"])
            .gives("# It is forty-two.\nlooks good\nit is correct")
            .unreadable("I cannot give feedback on this.", Reason::Refused),
        Row::new("constitutional-critique", single())
            .said(["The response is harmless."])
            .gives("The response is harmless.")
            .unreadable("  ", Reason::Empty),
    ]
}
