//! The names under which data sets hold what prompts read, and a guess at what unknown names mean.
//!
//! There is no standard: a question is `question`, `problem`, `prompt` or `instruction`; an answer is
//! `response`, `output` or `completion`; two answers are `response_a`/`response_b` or `chosen`/`rejected`.
//! The tables below list synonyms exactly; a prompt's field is read from any of them. [`looks_like`] guesses
//! from the words of other names (`user_message`, `gold`). It only words warnings and hints, and never decides
//! what a judge is shown.

/// Groups of synonyms; the first name of each is the one that prompts and documents use.
pub(super) const SYNONYMS: [&[&str]; 8] = [
    QUESTION,
    ANSWER,
    REFERENCE,
    &["criteria", "criterion", "rubrics"],
    CONTEXT,
    MESSAGES,
    ANSWERS,
    TESTS,
];

/// Names of what was asked.
const QUESTION: &[&str] =
    &["question", "problem", "prompt", "instruction", "input", "query", "user_input"];

/// Names of the one answer that is judged.
pub(super) const ANSWER: &[&str] = &[
    "answer",
    "response",
    "output",
    "completion",
    "solution",
    "submission",
    "generation",
    "actual_output",
    "model_output",
];

/// Names of an answer that is known to be right.
const REFERENCE: &[&str] = &[
    "reference",
    "reference_answer",
    "expected",
    "expected_output",
    "expected_answer",
    "ground_truth",
    "ground_truths",
    "references",
    "gold_answer",
    "target",
];

/// Names of the material that an answer should rest on, as in retrieval-augmented generation.
const CONTEXT: &[&str] = &[
    "context",
    "contexts",
    "passage",
    "document",
    "source",
    "retrieved_contexts",
    "retrieval_context",
];

/// Names of the tests of a program.
const TESTS: &[&str] = &["tests", "test_list", "test", "test_cases", "public_test_cases"];

/// Names of a list of answers.
pub(super) const ANSWERS: &[&str] =
    &["answers", "responses", "outputs", "completions", "candidates", "options"];

/// Names of a conversation: messages of a chat, or the trajectory of an agent.
pub(super) const MESSAGES: &[&str] = &["messages", "conversation", "conversations", "trajectory"];

/// Names of two answers in two fields, the first and the second.
pub(super) const PAIRS: [(&str, &str); 20] = [
    ("response_a", "response_b"),
    ("answer_a", "answer_b"),
    ("response_A", "response_B"),
    ("answer_A", "answer_B"),
    ("output_a", "output_b"),
    ("output_1", "output_2"),
    ("answer_1", "answer_2"),
    ("response_1", "response_2"),
    ("completion_1", "completion_2"),
    ("response_0", "response_1"),
    ("answer_0", "answer_1"),
    ("output_0", "output_1"),
    ("response1", "response2"),
    ("answer1", "answer2"),
    ("output1", "output2"),
    ("completion_a", "completion_b"),
    ("conversation_a", "conversation_b"),
    ("chosen", "rejected"),
    ("chosen", "reject"),
    ("preferred", "dispreferred"),
];

/// The parts of names that distinguish the two answers, as in `model_a` and `model_b`.
const SIDES: [(&str, &str); 4] = [("a", "b"), ("A", "B"), ("1", "2"), ("0", "1")];

/// Names of preference data, in which the first of the two answers is known to be the better one.
const WINNERS: [(&str, &str); 3] =
    [("chosen", "rejected"), ("chosen", "reject"), ("preferred", "dispreferred")];

/// An instruction, and the name under which its material stands (Taori et al. 2023, Alpaca).
pub(super) const INSTRUCTION: (&str, &str) = ("instruction", "input");

/// Names of lists with one entry for each answer: they are reordered with the answers.
pub(super) const COMPANIONS: [&str; 3] = ["models", "steps", "images"];

/// Names of the model that wrote an answer, or of the models that wrote several.
pub(super) const AUTHORS: [&str; 19] = [
    "model",
    "models",
    "model_name",
    "model_id",
    "author",
    "generator",
    "policy",
    "policy_model",
    "answer_model",
    "response_model",
    "source_model",
    "generation_model",
    "model_a",
    "model_b",
    "model_1",
    "model_2",
    "chosen_model",
    "rejected_model",
    "solution_model",
];

/// Names of an identifier that no other record of a data set has.
pub(super) const OWN_IDS: [&str; 3] = ["id", "uid", "sample_id"];

/// Names of an identifier that several records may share, such as that of their question. It identifies a
/// record only where there is no other.
pub(super) const SHARED_IDS: [&str; 3] = ["pair_id", "question_id", "qid"];

/// The group of synonyms that a name belongs to; empty for other names.
pub(super) fn group_of(name: &str) -> &'static [&'static str] {
    SYNONYMS.into_iter().find(|names| names.contains(&name)).unwrap_or_default()
}

/// Whether a field of this name holds one answer: the only one, or one of two.
pub(crate) fn is_answer(name: &str) -> bool {
    ANSWER.contains(&name) || side_of(name).is_some()
}

/// The 0-based answer of two that a name refers to: 0 for `response_a`, 1 for `rejected`.
pub(super) fn side_of(name: &str) -> Option<usize> {
    let side = |(a, b): &(&str, &str)| {
        if *a == name { Some(0) } else { (*b == name).then_some(1) }
    };
    PAIRS.iter().find_map(side)
}

/// The pairs of names that mark which of two answers is better, the better one first.
pub(super) fn winners() -> impl Iterator<Item = (&'static str, &'static str)> {
    WINNERS.into_iter()
}

/// The names that the same field of the other answer may have: `model_b` for `model_a`, `rejected_model` for
/// `chosen_model`. The likeliest comes first.
pub(super) fn partners(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let other = |part: &str| {
        SIDES.iter().find_map(|(a, b)| match part {
            _ if part == *a => Some(*b),
            _ if part == *b => Some(*a),
            _ => None,
        })
    };
    // The last part that distinguishes two sides: `model_answer_a` is about `a`, not about `answer`.
    let swapped = (1..parts.len()).rev().filter_map(|at| {
        let mut parts = parts.clone();
        parts[at] = other(parts[at])?;
        Some(parts.join("_"))
    });
    let words = WINNERS.iter().flat_map(|(a, b)| {
        // `reject` is a part of `rejected`: the longer one is meant where it is there.
        let whole = |word: &str| parts.contains(&word);
        let forth = whole(a).then(|| replaced(&parts, a, b));
        forth.into_iter().chain(whole(b).then(|| replaced(&parts, b, a)))
    });
    let known = PAIRS.iter().filter_map(|(a, b)| match name {
        _ if name == *a => Some((*b).to_owned()),
        _ if name == *b => Some((*a).to_owned()),
        _ => None,
    });
    known.chain(swapped).chain(words).collect()
}

/// A name with one of its parts replaced.
fn replaced(parts: &[&str], from: &str, to: &str) -> String {
    parts.iter().map(|part| if *part == from { to } else { part }).collect::<Vec<_>>().join("_")
}

/// The purpose of a field, as far as its name shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldPurpose {
    /// The question, task or prompt that was answered.
    Question,
    /// The answer that is judged.
    Answer,
    /// An answer that is known to be right.
    Reference,
    /// Material that the answer should rest on.
    Context,
}

impl FieldPurpose {
    /// The field name that prompts use for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Reference => "reference",
            Self::Context => "context",
        }
    }

    /// The word with its article, for messages: `a question`.
    pub(crate) fn with_article(self) -> &'static str {
        match self {
            Self::Question => "a question",
            Self::Answer => "an answer",
            Self::Reference => "a reference",
            Self::Context => "a context",
        }
    }
}

/// Words in names, by purpose. The first row that shares a word with a name decides: `reference_answer` is a
/// reference.
const WORDS: [(FieldPurpose, &[&str]); 4] = [
    (
        FieldPurpose::Reference,
        &[
            "reference",
            "references",
            "gold",
            "golden",
            "truth",
            "truths",
            "expected",
            "target",
            "ideal",
            "correct",
        ],
    ),
    (
        FieldPurpose::Context,
        &[
            "context",
            "contexts",
            "passage",
            "passages",
            "document",
            "documents",
            "retrieved",
            "retrieval",
            "evidence",
            "article",
            "background",
        ],
    ),
    (
        FieldPurpose::Question,
        &[
            "question",
            "user",
            "prompt",
            "query",
            "instruction",
            "instructions",
            "input",
            "task",
            "problem",
            "request",
            "message",
            "dialogue",
            "history",
        ],
    ),
    (
        FieldPurpose::Answer,
        &[
            "answer",
            "answers",
            "reply",
            "response",
            "output",
            "completion",
            "generation",
            "generated",
            "prediction",
            "predicted",
            "solution",
            "submission",
            "assistant",
            "bot",
        ],
    ),
];

/// Words in names of facts about a text, such as a score or an identifier. A name that ends in one of them
/// holds no text to be judged.
const ABOUT: [&str; 33] = [
    "id",
    "ids",
    "uid",
    "score",
    "scores",
    "rating",
    "ratings",
    "label",
    "labels",
    "model",
    "models",
    "name",
    "names",
    "time",
    "times",
    "tokens",
    "length",
    "len",
    "count",
    "type",
    "category",
    "date",
    "index",
    "lang",
    "language",
    "url",
    "cost",
    "latency",
    "annotator",
    "verdict",
    "is",
    "num",
    "tag",
];

/// What a field of this name seems to be for; `None` if its words give no sign of that, or name a fact about a
/// text (`prompt_tokens`, `question_id`).
pub(crate) fn looks_like(name: &str) -> Option<FieldPurpose> {
    let known = [
        (QUESTION, FieldPurpose::Question),
        (ANSWER, FieldPurpose::Answer),
        (REFERENCE, FieldPurpose::Reference),
        (CONTEXT, FieldPurpose::Context),
    ];
    if let Some((_, meaning)) = known.into_iter().find(|(names, _)| names.contains(&name)) {
        return Some(meaning);
    }
    if MESSAGES.contains(&name) {
        return Some(FieldPurpose::Question);
    }
    let words = words(name);
    let about = |word: Option<&String>| word.is_some_and(|word| ABOUT.contains(&word.as_str()));
    if about(words.last()) || words.first().is_some_and(|word| word == "is" || word == "num") {
        return None;
    }
    let holds = |(_, known): &&(FieldPurpose, &[&str])| {
        words.iter().any(|word| known.contains(&word.as_str()))
    };
    WORDS.iter().find(holds).map(|(meaning, _)| *meaning)
}

/// The words of a name in lower case: `userMessage`, `user-message` and `User message` all give `user` and
/// `message`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if begins {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether any prompt may read a field of this name, directly or as a synonym; other fields are extras of the
/// data.
pub fn is_known(name: &str) -> bool {
    let companion = ["steps", "rubric", "label"];
    SYNONYMS.iter().any(|names| names.contains(&name))
        || PAIRS.iter().any(|(a, b)| *a == name || *b == name)
        || OWN_IDS.contains(&name)
        || companion.contains(&name)
}

/// Whether a field of this name holds a list. A cell of a table under such a name is parsed as JSON.
pub(crate) fn is_list(name: &str) -> bool {
    [ANSWERS, MESSAGES].iter().any(|names| names.contains(&name)) || COMPANIONS.contains(&name)
}

/// Whether a field of this name shows all answers, or one of several: `answers`, `response_b`, `chosen`.
pub(crate) fn names_answers(name: &str) -> bool {
    ANSWERS.contains(&name) || side_of(name).is_some()
}

/// Whether a field of this name shows the one answer that is judged: `answer`, `response`, `output` …
pub(crate) fn names_answer(name: &str) -> bool {
    ANSWER.contains(&name)
}

/// Whether a field of this name identifies the record, or what it is about.
pub(crate) fn is_id(name: &str) -> bool {
    OWN_IDS.contains(&name) || SHARED_IDS.contains(&name)
}

/// Whether a field of this name is read whatever the prompt: it identifies the record, is the label that
/// verdicts are compared with, or is a list that goes with the answers.
#[cfg(feature = "cli")]
pub fn is_read_anyway(name: &str) -> bool {
    is_id(name) || name == "label" || COMPANIONS.contains(&name)
}

/// Whether two names are synonyms, so that a prompt reads only one of the two fields.
pub fn are_synonyms(one: &str, other: &str) -> bool {
    let answers = |name: &str| ANSWERS.contains(&name) || is_answer(name) || name == "steps";
    one == other || group_of(one).contains(&other) || (answers(one) && answers(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_its_field_is_for() {
        for (name, meaning) in [
            ("user_message", FieldPurpose::Question),
            ("userMessage", FieldPurpose::Question),
            ("Question text", FieldPurpose::Question),
            ("bot_reply", FieldPurpose::Answer),
            ("model_answer", FieldPurpose::Answer),
            ("generated_text", FieldPurpose::Answer),
            ("gold", FieldPurpose::Reference),
            ("correct_answer", FieldPurpose::Reference),
            ("retrieved_documents", FieldPurpose::Context),
        ] {
            assert_eq!(looks_like(name), Some(meaning), "{name}");
        }
        for name in
            ["annotator_score", "prompt_tokens", "question_id", "model_name", "split", "is_correct"]
        {
            assert_eq!(looks_like(name), None, "{name}");
        }
    }

    #[test]
    fn the_partner_of_a_name_differs_in_the_part_that_tells_sides_apart() {
        assert_eq!(partners("model_answer_a"), ["model_answer_b"]);
        assert_eq!(partners("response1"), ["response2"]);
        assert_eq!(partners("model_1"), ["model_2"]);
        assert!(partners("chosen_model").contains(&"rejected_model".to_owned()));
        assert!(partners("model_answer").is_empty());
    }
}
