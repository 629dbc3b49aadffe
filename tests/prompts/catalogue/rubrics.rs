//! The rows of prompts that judge by rubrics.

use serde_json::json;
use tribunal::verdict::Reason;

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    let record = |criteria| {
        json!({
            "question": "My head aches. What now?",
            "answer": "Rest, drink water, and see a doctor if it lasts.",
            "criteria": criteria
        })
    };
    let named =
        || json!({"advice": "Names something to do", "doctor": "Says when to see a doctor"});
    let points = json!([
        {"criterion": "Names something to do", "points": 5},
        {"criterion": "Says when to see a doctor", "points": 5}
    ]);
    vec![
        Row::new("rubric-items", record(named()))
            .said(["It says so.\nVerdict: met"])
            .gives("1 (2 met)")
            .unreadable("It says so.", Reason::Missing),
        Row::new("rubric-items-grouped", record(named()))
            .said(["{\"explanations\": {}, \"verdicts\": {\"advice\": \"met\", \"doctor\": \"unmet\"}}"])
            .gives("0.5 (1 met, 1 unmet)")
            .unreadable("Both are met.", Reason::Missing),
        Row::new("health-bench", record(points))
            .said(["```json\n{\"explanation\": \"It says so.\", \"criteria_met\": true}\n```"])
            .gives("1 (2 met)")
            .unreadable("It meets this item.", Reason::Missing),
    ]
}
