//! What each file of judgments holds: how it is read, and what its labels say.

use serde_json::{Value, json};

use super::{
    Case, Corpus,
    Reads::{BuiltIn, Own},
    cases::{
        case, first_error, graded_reason, groups, judged_label, label, labelled, raw,
        redundant_steps, score, side,
    },
    families::{ALONE, EVERY, THEREFORE, judge_bench, llmbar, three_classes, topical, vicuna},
    official,
};

/// Whether a record has one of these kinds of prompt.
macro_rules! prompted {
    ($($kind:literal),+) => { |record| matches!(record["prompt_kind"].as_str(), Some($($kind)|+)) };
}

/// Judgments of the correctness of a solution, of which the label and the first wrong step are read apart.
const LABELS: &str = "kind: label\nverdict: {regex: '(?i)final judge?ment:[ *_\\n]*(?<verdict>[^\\n]*)', values: {correct: correct, wrong: incorrect, incorrect: incorrect, Present: present, Absent: absent}}";

/// Every file of judgments, as it is read.
pub(super) const CORPORA: &[Corpus] = &[
    Corpus {
        file: "mt_bench_judgments_single",
        protocol: "MT-Bench, one answer",
        reads: BuiltIn("mt-bench-single"),
        takes: EVERY,
        cases: |record| {
            labelled(record, score(&record["verdict"]), official::mt_bench_single(raw(record)))
        },
        form: r"Rating: \[\[\d+(\.\d+)?\]\]",
    },
    Corpus {
        file: "mt_bench_judgments_pair",
        protocol: "MT-Bench, pairs",
        reads: BuiltIn("mt-bench-pair"),
        takes: EVERY,
        cases: |record| {
            labelled(record, side(&record["verdict"]), official::mt_bench_pair(raw(record)))
        },
        form: r"\[\[[ABC]\]\]",
    },
    llmbar("llmbar_judgments", "LLMBar, reasons first", "llmbar-cot", prompted!("CoT"), THEREFORE),
    llmbar(
        "llmbar_judgments",
        "LLMBar, verdict only",
        "llmbar-vanilla",
        prompted!("Vanilla_NoRules"),
        ALONE,
    ),
    llmbar(
        "llmbar_judgments",
        "LLMBar, metrics and reference",
        "llmbar-metrics",
        prompted!("Metrics_Reference"),
        ALONE,
    ),
    llmbar(
        "llmbar_hard",
        "LLMBar, reasons first or swapped: no winner, or both",
        "llmbar-cot",
        prompted!("CoT", "Swap_CoT", "Swap"),
        THEREFORE,
    ),
    llmbar(
        "llmbar_hard",
        "LLMBar, verdict only: no winner, or both",
        "llmbar-vanilla",
        prompted!("Vanilla", "Vanilla_NoRules", "Vanilla_1shot", "Vanilla_2shot"),
        ALONE,
    ),
    llmbar(
        "llmbar_hard",
        "LLMBar, metrics: no winner, or both",
        "llmbar-metrics",
        prompted!("Metrics", "Metrics_Reference", "Reference"),
        ALONE,
    ),
    Corpus {
        file: "llmbar_ratings",
        protocol: "LLMBar, a rating of each output",
        reads: Own(
            "kind: score\nscale: {min: 0, max: 10}\nverdict: {regex: '\\A\\s*(?<verdict>[0-9]+)\\s*\\z'}",
        ),
        takes: EVERY,
        cases: |record| {
            let one = |text: &Value| {
                let text = text.as_str().unwrap_or_default().to_owned();
                Case {
                    careful: score(&json!(text)),
                    official: official::ratings(&text),
                    text,
                    ..case(record)
                }
            };
            record["raw"].as_array().unwrap().iter().map(one).collect()
        },
        form: r"^\d+$",
    },
    vicuna("vicuna_blog_reviews", "Vicuna, two scores"),
    vicuna("qlora_relative_scores", "QLoRA, two scores"),
    three_classes("qlora_threeclass", "QLoRA, three classes"),
    three_classes("qlora_threeclass_unparsed", "QLoRA, three classes: those without the line"),
    Corpus {
        file: "pandalm_judgments",
        protocol: "JudgeLRM, two scores",
        reads: BuiltIn("judge-lrm"),
        takes: EVERY,
        cases: |record| {
            let one = |key: &str| {
                let text = record[key].as_str().unwrap_or_default().to_owned();
                let careful = official::judge_lrm(&text);
                Case {
                    careful: careful.clone(),
                    official: careful,
                    text,
                    item: json!({ "answers": ["x", "y"] }),
                    ..case(record)
                }
            };
            vec![one("judgelrm7b_raw"), one("judgelrm3b_raw")]
        },
        form: r"(<answer>\s*\d+\s*</answer>\s*){2}",
    },
    Corpus {
        file: "autoj_critiques",
        protocol: "Auto-J, one answer",
        reads: BuiltIn("auto-j-single"),
        takes: EVERY,
        // Where the official rule finds nothing, eight texts say `Rating: 7`, and one breaks off.
        cases: |record| {
            let plain = raw(record)
                .trim()
                .rsplit_once("Rating: ")
                .and_then(|(_, number)| number.parse::<f64>().ok());
            let careful = if record["verdict"].is_null() {
                score(&json!(plain))
            } else {
                score(&record["verdict"])
            };
            labelled(record, careful, official::auto_j(raw(record)))
        },
        form: r"(Rating|评分): ?\[\[\d+\]\]",
    },
    Corpus {
        file: "autoj_gpt4_meta",
        protocol: "Auto-J, GPT-4 on two critiques",
        reads: Own(
            "kind: preference\nverdict: {regex: '\\A\\s*(?<verdict>[ABC])(?:[:.\\s]|\\z)', values: {\"A\": first, \"B\": second, \"C\": tie}}",
        ),
        takes: EVERY,
        cases: |record| labelled(record, side(&record["verdict"]), side(&record["verdict"])),
        form: r"^[ABC]:",
    },
    Corpus {
        file: "scaleeval_judgments",
        protocol: "ScaleEval, 1, 2 or 0 at the end",
        reads: Own(
            "kind: preference\nverdict: {regex: '(?m)^\\s*[\"“]?(?<verdict>[120])[\"”]?\\.?\\s*\\z', values: {\"1\": first, \"2\": second, \"0\": tie}}",
        ),
        takes: EVERY,
        cases: |record| {
            let stored = record["recorded"]
                .as_str()
                .map_or_else(|| record["recorded"].to_string(), ToOwned::to_owned);
            let official = match stored.as_str() {
                "1" => official::side("first"),
                "2" => official::side("second"),
                "0" => official::side("tie"),
                _ => Value::Null,
            };
            labelled(record, side(&record["reader_verdict"]), official)
        },
        form: r"(?m)^\s*[120]\s*\z",
    },
    Corpus {
        file: "llmzoo_rankings",
        protocol: "LLMZoo, ranking",
        reads: BuiltIn("llmzoo-rank"),
        takes: EVERY,
        cases: |record| {
            let count = record["n_candidates"].as_u64().unwrap();
            let answers: Vec<String> = (0..count).map(|n| format!("answer number {n}")).collect();
            let official = groups(&record["official_rule"]);
            let careful = groups(&record["recorded"]);
            vec![Case {
                item: json!({ "question": "q", "answers": answers }),
                careful,
                official,
                // Fixed by hand upstream: the text has no chain of all answers.
                is_partial: record["human_fixed"] == true,
                ..case(record)
            }]
        },
        form: r"Assistant \d(\s*[>=]\s*Assistant \d)+\.?\s*\z",
    },
    Corpus {
        file: "rm_r1_outputs",
        protocol: "RM-R1, chain of rubrics",
        reads: BuiltIn("rm-r1"),
        takes: EVERY,
        cases: |record| labelled(record, side(&record["verdict"]), official::rm_r1(raw(record))),
        form: r"<answer>\[\[[AB]\]\]</answer>",
    },
    judge_bench("judgebench_outputs_o1-mini", "JudgeBench, five labels (o1-mini)"),
    judge_bench("judgebench_outputs_claude-3-haiku", "JudgeBench, five labels (claude-3-haiku)"),
    Corpus {
        file: "summeval_llm_judgments",
        protocol: "SummEval, reasons then score",
        reads: BuiltIn("summ-eval-rts"),
        takes: prompted!("rts"),
        cases: |record| {
            labelled(record, score(&record["reader_verdict"]), score(&record["verdict"]))
        },
        form: r"Score: [1-5](/5| out of 5)?\.?\s*\z",
    },
    Corpus {
        file: "summeval_llm_judgments",
        protocol: "SummEval, stars",
        reads: Own(
            "kind: score\nscale: {labels: {One: 1, Two: 2, Three: 3, Four: 4, Five: 5}}\nverdict: {regex: '(?i)\\A\\s*(?<verdict>[a-z]+|[0-9.]+) stars?\\b', values: {\"One\": \"1\", \"Two\": \"2\", \"Three\": \"3\", \"Four\": \"4\", \"Five\": \"5\", \"1\": \"1\", \"2\": \"2\", \"3\": \"3\", \"4\": \"4\", \"5\": \"5\"}}",
        ),
        takes: prompted!("stareval"),
        cases: |record| {
            labelled(record, score(&record["reader_verdict"]), score(&record["verdict"]))
        },
        form: r"^(One|Two|Three|Four|Five|[1-5]) stars?",
    },
    Corpus {
        file: "summeval_h2h",
        protocol: "SummEval, two summaries",
        reads: Own(
            "kind: preference\nverdict: {regex: '\\A\\s*(?<verdict>[ABC])(?:[:.\\s]|\\z)', values: {\"A\": first, \"B\": second, \"C\": tie}}",
        ),
        takes: EVERY,
        cases: |record| labelled(record, side(&record["verdict"]), side(&record["verdict"])),
        form: r"^[ABC]\b",
    },
    topical("Topical-Chat, G-Eval (20 samples)", prompted!("geval"), r"^\s*\d\s*$"),
    topical("Topical-Chat, score only (20 samples)", prompted!("llm_eval_no_cot"), r"^\s*\d\s*$"),
    topical(
        "Topical-Chat, analysis then rating (20 samples)",
        prompted!("analyze_rate"),
        r"Rating: \d\s*$",
    ),
    Corpus {
        file: "genrm_critiques",
        protocol: "GenRM, Yes or No",
        reads: BuiltIn("correct"),
        takes: EVERY,
        cases: |record| {
            let item = json!({ "question": record["question"], "answer": record["solution"] });
            vec![Case {
                item,
                careful: label(&record["reader_verdict"]),
                official: official::gen_rm(raw(record)),
                ..case(record)
            }]
        },
        form: r"Is the answer correct \(Yes/No\)\? \**(Yes|No)\**\s*\z",
    },
    Corpus {
        file: "genrm_critiques",
        protocol: "GenRM, in every wording of the question",
        reads: BuiltIn("sc-gen-rm"),
        takes: EVERY,
        cases: |record| {
            labelled(record, label(&record["reader_verdict"]), official::gen_rm(raw(record)))
        },
        form: r"Is the answer correct\??( \(Yes/No\))?[?:]? \**(Yes|No)\**\s*\z",
    },
    Corpus {
        file: "wildbench_json_judgments",
        protocol: "WildBench, JSON",
        reads: BuiltIn("wild-bench"),
        takes: EVERY,
        cases: |record| {
            let text = serde_json::to_string_pretty(&record["raw_json"]).unwrap();
            vec![Case {
                text,
                careful: score(&record["score"]),
                official: score(&record["raw_json"]["score"]),
                ..case(record)
            }]
        },
        form: r#""score""#,
    },
    Corpus {
        file: "alpacaeval_cot_json",
        protocol: "AlpacaEval, reasons and ranks as JSON",
        reads: Own(
            "kind: preference\nverdict: {json: /ordered_models/0/model, values: {output_1: first, output_2: second}}",
        ),
        takes: EVERY,
        cases: |record| {
            // The names of the models are the record's own: as the judge of this order would see them.
            let of = |name: &Value| {
                record["referenced_models"][name.as_str().unwrap_or_default()].clone()
            };
            let mut ranked = record["raw_json"].clone();
            for model in ranked["ordered_models"].as_array_mut().into_iter().flatten() {
                model["model"] = of(&model["model"]);
            }
            let text = serde_json::to_string_pretty(&ranked).unwrap();
            let careful = match record["top_ranked"].as_str() {
                Some("output_1") => official::side("first"),
                Some("output_2") => official::side("second"),
                _ => Value::Null,
            };
            vec![Case { text, careful: careful.clone(), official: careful, ..case(record) }]
        },
        form: r#""rank""#,
    },
    Corpus {
        file: "alpacaeval_logprobs",
        protocol: "AlpacaEval, one token",
        reads: BuiltIn("alpaca-eval"),
        takes: EVERY,
        cases: |record| {
            let text = record["text"].as_str().unwrap_or_default().to_owned();
            let named = |text: &str| match text {
                "m" => official::side("first"),
                "M" => official::side("second"),
                _ => Value::Null,
            };
            // The stored preference comes from the probabilities of both names, whatever the token is.
            let second = record["recorded_preference"]
                .as_f64()
                .map(|p| (p > 1.5) == (record["m_is_output_2"] == true));
            let official =
                second.map_or(Value::Null, |m| official::side(if m { "first" } else { "second" }));
            vec![Case { careful: named(&text), official, text, ..case(record) }]
        },
        form: "^[mM]$",
    },
    Corpus {
        file: "mr_gsm8k_judgments",
        protocol: "MR-GSM8K, correct or wrong",
        reads: BuiltIn("mr-gsm8k-solution"),
        takes: EVERY,
        cases: judged_label,
        // Some texts repeat the form that was asked for, with its brackets.
        form: r"(?s)\A(?:[^\[]|\[[^I])*Final Judge?ment: \w+\s*\n(?:[^\[]|\[[^I])*\z",
    },
    Corpus {
        file: "mr_gsm8k_judgments",
        protocol: "MR-GSM8K, first wrong step",
        reads: BuiltIn("mr-gsm8k"),
        takes: EVERY,
        cases: |record| first_error(record, &record["recorded"]["first_error_step"]),
        form: r"(?s)\A(?:[^\[]|\[[^I])*First Error Step: (Step )?\d+\s*\n(?:[^\[]|\[[^I])*\z",
    },
    Corpus {
        file: "mr_gsm8k_judgments",
        protocol: "MR-GSM8K, is the reason right",
        reads: BuiltIn("mr-gsm8k-reason"),
        takes: EVERY,
        cases: graded_reason,
        form: r"Final Decision:\**\s*(- )?(Correct|Wrong)\s*\z",
    },
    Corpus {
        file: "reasoneval_judgments",
        protocol: "ReasonEval, judgement",
        reads: Own(LABELS),
        takes: EVERY,
        cases: judged_label,
        form: r"Final Judge?ment: \w+\.?\s*(\n|\z)",
    },
    Corpus {
        file: "reasoneval_judgments",
        protocol: "ReasonEval, first wrong step",
        reads: BuiltIn("reason-eval"),
        takes: |record| record["kind"] == "step",
        cases: |record| first_error(record, &record["recorded"]["first_error_step"]),
        form: r"First Error Step: (Step )?\d+\.?\s*(\n|\z)",
    },
    Corpus {
        file: "reasoneval_judgments",
        protocol: "ReasonEval, steps that are redundant",
        reads: BuiltIn("reason-eval-redundancy"),
        takes: |record| record["kind"] == "step_set",
        cases: redundant_steps,
        form: r"Neutral Steps Identified: [^\n]*\d[^\n]*\s*\z",
    },
    Corpus {
        file: "mjbench_refusals_and_labels",
        protocol: "MJ-Bench, words of a scale, and refusals",
        reads: Own(
            "kind: score\nscale: {labels: {Extremely Poor: 1, Very Poor: 2, Poor: 3, Below Average: 4, Average: 5, Above Average: 6, Good: 7, Very Good: 8, Excellent: 9, Outstanding: 10}}\nverdict: {regex: '\\A\\s*(?<verdict>[A-Z][a-z]+(?: [A-Z][a-z]+)?)\\.?\\s*(?:```)?\\s*\\z'}",
        ),
        takes: EVERY,
        cases: |record| {
            let value = match record["verdict"].as_str() {
                Some("Extremely Poor") => json!(1),
                Some("Poor") => json!(3),
                Some("Average") => json!(5),
                Some("Good") => json!(7),
                Some("Outstanding") => json!(10),
                _ => Value::Null,
            };
            // The benchmark stores its default for a refusal.
            let official =
                score(if value.is_null() { &record["recorded_default"] } else { &value });
            labelled(record, score(&value), official)
        },
        form: r"^ (Extremely Poor|Poor|Average|Good|Outstanding)",
    },
    Corpus {
        file: "selfrefine_gsm",
        protocol: "Self-Refine, feedback (a text)",
        reads: BuiltIn("self-refine-feedback"),
        takes: EVERY,
        cases: |record| {
            let text = record["feedback_raw"].as_str().unwrap().to_owned();
            vec![Case { text, careful: json!("text"), official: json!("text"), ..case(record) }]
        },
        form: "",
    },
];
