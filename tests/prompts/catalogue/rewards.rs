//! The rows of process rewards and implicit rewards. What is said is a label after every step, or the log-probability of
//! every character, of the model and of its reference model.

use serde_json::json;
use tribunal::verdict::Reason;

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    let steps = json!({"problem": "What is 17 + 25?", "steps": ["17 + 20 = 37.", "37 + 5 = 42."]});
    let pair = json!({
        "question": "What is 17 + 25?",
        "response_a": "It is 42.",
        "response_b": "It is about fifty, I think.",
    });
    vec![
        Row::new("math-shepherd", steps.clone())
            .said(["+"])
            .gives("no error (score 0.90)")
            .unreadable("maybe", Reason::OffScale),
        Row::new("rlhflow-prm", steps.clone())
            .said(["-"])
            .gives("first error at 0 (score 0.10)")
            .unreadable("maybe", Reason::OffScale),
        Row::new("qwen-prm", steps.clone())
            .said(["correct"])
            .gives("no error (score 0.81)")
            .unreadable("maybe", Reason::Empty),
        Row::new("implicit-prm", steps)
            .said(["-1 -2"])
            .gives("no error (score 0.51)")
            .unreadable("", Reason::Missing),
        Row::new("implicit-preference", pair)
            .said(["-1 -2"])
            .gives("second is better")
            .unreadable("", Reason::Missing),
    ]
}
