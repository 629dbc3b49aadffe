//! Protocols of which several files or forms exist, each read in the same way.

use serde_json::{Value, json};

use super::{
    Case, Corpus,
    Reads::{BuiltIn, Own},
    cases::{case, labelled, raw, sampled, side},
    official,
};

pub(super) const EVERY: fn(&Value) -> bool = |_| true;

/// The line that LLMBar asks for after the reasons.
pub(super) const THEREFORE: &str = r"Therefore, Output \([ab]\) is better\.\s*\z";

/// The answer that LLMBar asks for without reasons.
pub(super) const ALONE: &str = r"\A\s*Output \([ab]\)";

/// Answers of judges of LLMBar.
pub(super) const fn llmbar(
    file: &'static str,
    protocol: &'static str,
    name: &'static str,
    takes: fn(&Value) -> bool,
    form: &'static str,
) -> Corpus {
    Corpus {
        file,
        protocol,
        reads: BuiltIn(name),
        takes,
        cases: |record| {
            labelled(record, side(&record["reader_verdict"]), official::llmbar(record, raw(record)))
        },
        form,
    }
}

/// Two scores on the first line; 39 and 156 of the labels were written by hand for texts that have none there.
pub(super) const fn vicuna(file: &'static str, protocol: &'static str) -> Corpus {
    Corpus {
        file,
        protocol,
        reads: BuiltIn("vicuna-pair"),
        takes: EVERY,
        cases: |record| labelled(record, side(&record["verdict"]), official::vicuna(raw(record))),
        form: r"^\s*\d+(\.\d+)?[ ,]+\d+(\.\d+)?\s*(\n|$)",
    }
}

pub(super) const fn three_classes(file: &'static str, protocol: &'static str) -> Corpus {
    Corpus {
        file,
        protocol,
        reads: BuiltIn("qlora-three-class"),
        takes: EVERY,
        cases: |record| {
            labelled(record, side(&record["reader_verdict"]), official::three_classes(raw(record)))
        },
        form: r"(?m)^\s*[123]\s*\z",
    }
}

/// What a careful reader takes where the official rule of JudgeBench finds two labels and so none.
pub(super) const TWO_LABELS: [(&str, &str); 11] = [
    ("663eb019-69ba-570f-bf87-f210f58e8cec:1", "A"),
    ("3ca791e5-75b4-5172-bc59-14c5b21c60a1:1", "B"),
    ("a74d50f7-9e44-5428-969c-89c74c5bd0ea:0", ""),
    ("bbdcd0e8-c9f8-5d3d-bf42-7bd74bd75273:0", "B"),
    ("90a99d74-d437-519b-87e4-877b1991f143:0", "tie"),
    ("6bc9bd9d-322e-5e9d-9ef4-c949d73eeb75:0", "A"),
    ("e507c24c-268f-57b3-ae82-115141c2cb01:0", "A"),
    ("b29e3027-00b8-5e06-8b51-aeed1a2e4bdb:0", "tie"),
    ("4e42fb58-f8e7-5d33-9585-73aa84d37ba2:0", "A"),
    ("9fb1c9fc-ef64-5ceb-97b4-cf17019f0455:0", "tie"),
    ("5ab8d9e6-93cc-585e-b094-abbe3a82ff0f:0", "A"),
];

pub(super) const fn judge_bench(file: &'static str, protocol: &'static str) -> Corpus {
    Corpus {
        file,
        protocol,
        reads: BuiltIn("judge-bench"),
        takes: EVERY,
        cases: |record| {
            let id = record["id"].as_str().unwrap();
            let own = TWO_LABELS.iter().find(|(end, _)| id.ends_with(end));
            let careful =
                own.map_or_else(|| side(&record["verdict"]), |(_, word)| side(&json!(word)));
            labelled(record, careful, official::arena_hard(raw(record)))
        },
        form: r"(?i)final verdict[^\n]*\[\[[AB<>=]+\]\][ .*]*\s*\z",
    }
}

/// Samples of a score on a scale of three, four or more forms of the prompt.
pub(super) const fn topical(
    protocol: &'static str,
    takes: fn(&Value) -> bool,
    form: &'static str,
) -> Corpus {
    Corpus {
        file: "topical_chat_geval",
        protocol,
        reads: Own(
            "kind: score\nscale: {min: 0, max: 3}\nverdict:\n  - \"Rating: *\"\n  - {regex: '(?m)^[-0-9. ]*(?:Score|Naturalness|Coherence|Engagingness|Groundedness)(?: \\([^)]*\\))?: *(?<verdict>[0-9][^\\n]*)$'}\n  - {regex: '\\A\\s*(?<verdict>[0-9]+(?:\\.[0-9]+)?)(?:[.:,]? [^\\n]*|\\.)?\\s*\\z'}",
        ),
        takes,
        cases: |record| {
            let samples = record["raw_samples"].as_array().unwrap();
            let verdicts = record["verdicts"].as_array().unwrap();
            let one = |(text, verdict): (&Value, &Value)| {
                let text = text.as_str().unwrap_or_default().to_owned();
                Case {
                    careful: sampled(&text, verdict),
                    official: official::g_eval(&text),
                    text,
                    ..case(record)
                }
            };
            samples.iter().zip(verdicts).map(one).collect()
        },
        form,
    }
}
