//! The rows of judges that were trained for their format.

use serde_json::{Value, json};
use tribunal::verdict::Reason;

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    [prometheus(), first_generation(), selene(), pairs(), thinkers(), others()]
        .into_iter()
        .flatten()
        .collect()
}

/// A question with one answer, and these fields beside them.
fn single(more: Value) -> Value {
    let record = json!({"question": "What is 17 + 25?", "answer": "It is forty-two."});
    joined(record, more)
}

/// A question with two answers, and these fields beside them.
fn pair(more: Value) -> Value {
    let record = json!({"question": "What is 17 + 25?", "response_a": "It is 42.", "response_b": "About fifty."});
    joined(record, more)
}

/// A record with the fields of another one.
fn joined(mut record: Value, more: Value) -> Value {
    let Value::Object(more) = more else { return record };
    for (name, value) in more {
        record[name] = value;
    }
    record
}

/// A rubric as the data sets of Prometheus hold it.
fn rubric() -> Value {
    json!({
        "criteria": "Is the sum right?",
        "score1_description": "It is far off.",
        "score2_description": "It is off.",
        "score3_description": "It is nearly right.",
        "score4_description": "It is right, and unclear.",
        "score5_description": "It is right and clear.",
    })
}

fn prometheus() -> Vec<Row> {
    vec![
        Row::new("prometheus-absolute", single(json!({"rubric": rubric()})))
            .said(["The response gives the right sum in words. [RESULT] 4"])
            .gives("4")
            .unreadable("The response gives the right sum in words.", Reason::Missing),
        Row::new(
            "prometheus-absolute-reference",
            single(json!({"rubric": rubric(), "reference": "42"})),
        )
        .said(["The response agrees with the reference. [RESULT] 5"])
        .gives("5")
        .unreadable("The response agrees with the reference. [RESULT] 6", Reason::OffScale),
        Row::new("prometheus-relative", pair(json!({"rubric": rubric()})))
            .said(["Response A adds up, Response B guesses. [RESULT] A"])
            .swapped(["Response B adds up, Response A guesses. [RESULT] B"])
            .gives("first is better")
            .unreadable("Both are fine. [RESULT] A or B", Reason::Ambiguous),
        Row::new(
            "prometheus-relative-reference",
            pair(json!({"rubric": "Is the sum right?", "reference": "42"})),
        )
        .said(["Only the first agrees with the reference. [RESULT] Response A"])
        .swapped(["Only the second agrees with the reference. [RESULT] Response B"])
        .gives("first is better")
        .unreadable("Only one agrees with the reference.", Reason::Missing),
    ]
}

fn first_generation() -> Vec<Row> {
    vec![
        Row::new("auto-j-single", single(json!({})))
            .said(["The response is right, and could show its steps.\n\nRating: [[7]]"])
            .gives("7")
            .unreadable("The response is right.\n\nRating: [[11]]", Reason::OffScale),
        Row::new("auto-j-pair", pair(json!({})))
            .said(["1. The first is exact.\n2. So, the final decision is Response 1."])
            .swapped(["1. The second is exact.\n2. So, the final decision is Response 2."])
            .gives("first is better")
            .unreadable("So, the final decision is open.", Reason::OffScale),
        Row::new("judge-lm", pair(json!({})))
            .said(["9 3\nAssistant 1 is exact."])
            .swapped(["3 9\nAssistant 2 is exact."])
            .gives("first is better")
            .unreadable("Assistant 1 gets 9 and Assistant 2 gets 3.", Reason::Missing),
        Row::new("judge-lm-reference", pair(json!({"reference": "42"})))
            .said(["8 8\nBoth agree with the reference."])
            .gives("tie")
            .unreadable("8\nBoth agree with the reference.", Reason::Missing),
        Row::new(
            "panda-lm",
            json!({
                "instruction": "Add the numbers.", "input": "17 and 25",
                "response1": "It is 42.", "response2": "About fifty.",
            }),
        )
        .said(["1\n\n### Reason: It is exact.\n\n### Reference: 42\n"])
        .swapped(["2\n\n### Reason: It is exact.\n\n### Reference: 42\n"])
        .gives("first is better")
        .unreadable("### Reason: It is exact.", Reason::Missing),
        Row::new(
            "themis",
            json!({
                "task": "a summary", "aspect": "Coherence: the parts of the summary fit together.",
                "source_des": "Article", "source": "Rain fell for days. The river rose.",
                "target_des": "Summary", "answer": "The river rose after days of rain.",
            }),
        )
        .said(["The summary keeps cause and effect in order.\nRating: 5"])
        .gives("5")
        .unreadable(
            "The summary keeps cause and effect in order.\nRating: high",
            Reason::Ambiguous,
        ),
    ]
}

fn selene() -> Vec<Row> {
    let yes_or_no = json!({
        "criteria": "Is the sum right?", "yes_description": "It is.", "no_description": "It is not.",
    });
    vec![
        Row::new("selene-score", single(json!({"rubric": rubric(), "reference": "42"})))
            .said(["**Reasoning:** The sum is right.\n\n**Result:** 5"])
            .gives("5")
            .unreadable("**Reasoning:** The sum is right.", Reason::Missing),
        Row::new("selene-classify", single(json!({"rubric": yes_or_no})))
            .said(["**Reasoning:** The sum is right.\n\n**Result:** Yes"])
            .gives("yes")
            .unreadable("**Reasoning:** The sum is right.\n\n**Result:** Maybe", Reason::OffScale),
        Row::new("selene-pair", pair(json!({})))
            .said(["**Reasoning:** Response A is exact.\n\n**Result:** A"])
            .swapped(["**Reasoning:** Response B is exact.\n\n**Result:** B"])
            .gives("first is better")
            .unreadable("**Reasoning:** Both.\n\n**Result:** A and B", Reason::Ambiguous),
    ]
}

fn pairs() -> Vec<Row> {
    vec![
        Row::new("skywork-critic", pair(json!({})))
            .said(["[[A]]"])
            .swapped(["[[B]]"])
            .gives("first is better")
            .unreadable("Assistant A", Reason::Missing),
        Row::new("self-taught-evaluator", pair(json!({})))
            .said(["Assistant A is exact, assistant B guesses.\n[[A]]"])
            .swapped(["Assistant B is exact, assistant A guesses.\n[[B]]"])
            .gives("first is better")
            .unreadable("Both are equal. [[C]]", Reason::OffScale),
        Row::new("compass-judger", pair(json!({})))
            .said(["```json\n{\"Choice\": \"Model A\"}\n```"])
            .swapped(["{\n  \"Choice\": \"Model B\"\n}"])
            .gives("first is better")
            .unreadable("{\"Choice\": \"Model A or Model B\"}", Reason::Ambiguous),
        Row::new("gram", pair(json!({})))
            .said(["A"])
            .swapped(["B"])
            .gives("first is better")
            .unreadable("Both", Reason::OffScale),
        Row::new("con-j", pair(json!({})))
            .said(["{\"原因\": \"回答1准确。\",\n \"更好的回答\": 1}"])
            .swapped(["{\"原因\": \"回答2准确。\",\n \"更好的回答\": 2}"])
            .gives("first is better")
            .unreadable("{\"原因\": \"两个回答一样好。\"}", Reason::Ambiguous),
        Row::new("qlora-three-class", pair(json!({})))
            .said(["Assistant 1 is exact.\n\n1"])
            .swapped(["Assistant 2 is exact.\n\n2"])
            .gives("first is better")
            .unreadable("The best answer is that of Assistant 1.", Reason::Missing),
    ]
}

fn thinkers() -> Vec<Row> {
    vec![
        Row::new("rm-r1", pair(json!({})))
            .said(["<type>Reasoning</type>\n\n<solution>42</solution>\n\n<eval><quote_A>It is 42.</quote_A> is right.</eval>\n\n<answer>[[A]]</answer>"])
            .swapped(["<type>Reasoning</type>\n\n<solution>42</solution>\n\n<eval><quote_B>It is 42.</quote_B> is right.</eval>\n\n<answer>[[B]]</answer>"])
            .gives("first is better")
            .unreadable("<type>Chat</type>\n\n<answer>[[A/B]]</answer>", Reason::Ambiguous),
        Row::new("rm-r1-distilled", pair(json!({})))
            .said(["Okay, 17 + 25 is 42. [[B]] would be wrong.\n</think>\n\n<answer>[[A]]</answer>"])
            .swapped(["Okay, 17 + 25 is 42.\n</think>\n\n<answer>[[B]]</answer>"])
            .gives("first is better")
            .unreadable("Okay, so [[A]] is right.\n</think>\n\nBoth are close.", Reason::Missing),
        Row::new("judge-lrm", pair(json!({})))
            .said([" 17 + 25 is 42, so the first is right.</think><answer>9</answer><answer>2</answer>"])
            .swapped([" 17 + 25 is 42, so the second is right.</think><answer>2</answer><answer>9</answer>"])
            .gives("first is better")
            .unreadable(" 17 + 25 is 42.</think><answer>9</answer>", Reason::Ambiguous),
        Row::new("nemotron-genrm", pair(json!({})))
            .said(["Response 1 is exact.\n```json\n{\"score_1\": 5, \"score_2\": 1, \"ranking\": 1}\n```"])
            .swapped(["{\"rubric_evaluations\": [], \"overall\": {\"score_1\": 1, \"score_2\": 5, \"ranking\": 6}}"])
            .gives("first is better")
            .unreadable("{\"score_1\": 5, \"score_2\": 1, \"ranking\": 7}", Reason::OffScale),
        Row::new("j1-single", single(json!({})))
            .said(["<think>The sum is right.</think>\n<score>7.5</score>"])
            .gives("7.5")
            .unreadable("<think>The sum is right.\n<score>7.5</score>", Reason::Empty),
        Row::new("j1-pair", pair(json!({})))
            .said(["<think>A is exact.</think>\n<score_A>9.5</score_A> <score_B>2</score_B>"])
            .swapped(["<think>B is exact.</think>\n<score_A>2</score_A> <score_B>9.5</score_B>"])
            .gives("first is better")
            .unreadable("<think>A is exact.</think>\n<score_A>9.5</score_A>", Reason::Ambiguous),
        Row::new("gram-r2", pair(json!({})))
            .said(["<think>\nFeedback:\nA is exact.\n\nComparision:\nA is better.\n\nConclusion:\nA\n</think>\n<answer>\nA\n</answer>"])
            .swapped(["<think>\nFeedback:\nB is exact.\n</think>\n<answer>\nB\n</answer>"])
            .gives("first is better")
            .unreadable("<think>\nFeedback:\nA is exact.\n</think>\n<answer>\n\n</answer>", Reason::Ambiguous),
    ]
}

fn others() -> Vec<Row> {
    let levels = json!({"1": "It is wrong.", "3": "It is nearly right.", "5": "It is right."});
    vec![
        Row::new(
            "flow-judge",
            single(json!({"criteria": "Is the sum right?", "rubric": levels, "context": "Sums of whole numbers."})),
        )
        .said(["<feedback>The sum is right.</feedback>\n<score>5</score>"])
        .gives("5")
        .unreadable("<feedback>The sum is right.</feedback>", Reason::Missing),
        Row::new("master-rm", single(json!({"reference": "42"})))
            .said(["YES"])
            .gives("correct (p 0.90)")
            .unreadable("Perhaps", Reason::OffScale),
    ]
}
