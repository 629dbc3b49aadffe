//! Any text, read by rules of every kind: no panic, and never a score off the scale.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tribunal::{
    Verdict,
    parse::{Parser, Reader, Transcript, VerdictSpec, label_after},
};

fuzz_target!(|input: (&str, &str)| {
    let (text, data) = input;
    let rules = [
        json!("Score: *"),
        json!("Rating: [[*]]"),
        json!("\\boxed{*}"),
        json!("<answer>*</answer>"),
        json!({"json": "/score"}),
        json!({"mark": true}),
        json!({"numbers": 2, "line": "last"}),
        json!({"regex": "(?<verdict>[0-9]+)"}),
    ];
    for kind in ["score", "label", "steps", "preference", "ranking", "scores", "criteria"] {
        for rule in &rules {
            let scale = (kind == "score").then(|| json!({"min": 1, "max": 10}));
            let spec = VerdictSpec::from_json(kind, scale, rule.clone()).unwrap();
            let mut transcript = Transcript::of_text("critique", text);
            transcript.mark = Some("a3f9".into());
            transcript.data.push(data.into());
            if let Ok(Verdict::Score(score)) = Reader::new(&spec).unwrap().parse(&transcript).verdict {
                assert!((1.0..=10.0).contains(&score) && score.fract() == 0.0);
            }
        }
    }
    label_after(text, data, &[" Yes".into(), " No".into()], &[data.into()]);
});
