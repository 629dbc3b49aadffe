//! What each file of judgments holds: how it is read, and what its labels say.

use serde_json::{Value, json};
use tribunal::completion::Finish;

use super::{
    Case, Corpus,
    Reads::{BuiltIn, Own},
    official,
};

/// A case of a record with its id and its text.
fn case(record: &Value) -> Case {
    let finish = match record["finish"].as_str() {
        None | Some("" | "stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some(_) => Finish::Filtered,
    };
    Case {
        id: record["id"].as_str().unwrap().to_owned(),
        text: record["raw"].as_str().unwrap_or_default().to_owned(),
        finish,
        item: json!({}),
        ..Case::default()
    }
}

/// A case with what the careful reader and the official rule take.
fn labelled(record: &Value, careful: Value, official: Value) -> Vec<Case> {
    vec![Case { careful, official, ..case(record) }]
}

fn raw(record: &Value) -> &str {
    record["raw"].as_str().unwrap_or_default()
}

/// `A`, `B` and `tie` as a preference; null for none.
pub(super) fn side(word: &Value) -> Value {
    match word.as_str() {
        Some("A") => official::side("first"),
        Some("B") => official::side("second"),
        Some("tie") => official::side("tie"),
        _ => Value::Null,
    }
}

/// A number, or a text that is one, as a score; null for none.
pub(super) fn score(number: &Value) -> Value {
    let number = number.as_f64().or_else(|| number.as_str()?.trim().parse().ok());
    number.map_or(Value::Null, |number| json!({ "score": number }))
}

/// A word as a label, in lower case without emphasis and full stop; null for none.
fn label(word: &Value) -> Value {
    let word = word.as_str().unwrap_or_default().to_lowercase();
    match word.trim_matches(['*', '.', ' ', '`']) {
        "correct" | "yes" => json!({ "label": "correct" }),
        "wrong" | "incorrect" | "no" => json!({ "label": "incorrect" }),
        "present" => json!({ "label": "present" }),
        "absent" => json!({ "label": "absent" }),
        "" => Value::Null,
        other => json!({ "label": other }),
    }
}

/// Places from 1 for each answer, as groups of equally good answers.
pub(super) fn groups(places: &Value) -> Value {
    let places: Vec<i64> = places.as_array().unwrap().iter().filter_map(Value::as_i64).collect();
    if places.contains(&-1) {
        return Value::Null;
    }
    let mut all = places.clone();
    all.sort_unstable();
    all.dedup();
    let of = |place: &i64| (0..places.len()).filter(|&at| places[at] == *place).collect::<Vec<_>>();
    json!({ "ranking": all.iter().map(of).collect::<Vec<_>>() })
}

/// Whether a record has one of these kinds of prompt.
macro_rules! prompted {
    ($($kind:literal),+) => { |record| matches!(record["prompt_kind"].as_str(), Some($($kind)|+)) };
}

const EVERY: fn(&Value) -> bool = |_| true;

/// The line that LLMBar asks for after the reasons.
const THEREFORE: &str = r"Therefore, Output \([ab]\) is better\.\s*\z";

/// The answer that LLMBar asks for without reasons.
const ALONE: &str = r"\A\s*Output \([ab]\)";

/// Answers of judges of LLMBar.
const fn llmbar(
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
const fn vicuna(file: &'static str, protocol: &'static str) -> Corpus {
    Corpus {
        file,
        protocol,
        reads: BuiltIn("vicuna-pair"),
        takes: EVERY,
        cases: |record| labelled(record, side(&record["verdict"]), official::vicuna(raw(record))),
        form: r"^\s*\d+(\.\d+)?[ ,]+\d+(\.\d+)?\s*(\n|$)",
    }
}

const fn three_classes(file: &'static str, protocol: &'static str) -> Corpus {
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
const TWO_LABELS: [(&str, &str); 11] = [
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

const fn judge_bench(file: &'static str, protocol: &'static str) -> Corpus {
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
const fn topical(protocol: &'static str, takes: fn(&Value) -> bool, form: &'static str) -> Corpus {
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

/// What a careful reader takes from a sample: the number after the last `Score:` or name of the dimension, or a number
/// that is the whole text. Upstream took the first digits, also of `2.5` and of what the judge repeated.
fn sampled(text: &str, upstream: &Value) -> Value {
    let named = text
        .trim()
        .lines()
        .last()
        .and_then(|line| line.rsplit_once(": "))
        .map(|(_, number)| number);
    let plain = |text: &str| text.trim().trim_end_matches("/3").parse::<f64>().ok();
    let number = named.and_then(plain).or_else(|| plain(text));
    number.map_or_else(|| score(upstream), |number| score(&json!(number)))
}

/// Judgments of the correctness of a solution, of which the label and the first wrong step are read apart.
const LABELS: &str = "kind: label\nverdict: {regex: '(?i)final judge?ment:[ *_\\n]*(?<verdict>[^\\n]*)', values: {correct: correct, wrong: incorrect, incorrect: incorrect, Present: present, Absent: absent}}";

const FIRST_ERROR: &str = "kind: steps\nverdict: \"First Error Step: *\"";

fn first_error(record: &Value, recorded: &Value) -> Vec<Case> {
    let digits: String =
        recorded.as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let careful = digits.parse::<i64>().map_or(Value::Null, |at| json!({ "first_error": at }));
    labelled(record, careful.clone(), careful)
}

fn judged_label(record: &Value) -> Vec<Case> {
    let word = &record["recorded"]["correctness"];
    let exact = matches!(
        word.as_str(),
        Some(
            "Correct"
                | "correct"
                | "Wrong"
                | "wrong"
                | "Incorrect"
                | "incorrect"
                | "Present"
                | "Absent"
        )
    );
    labelled(record, label(word), if exact { label(word) } else { Value::Null })
}

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
        reads: Own(
            "kind: label\nverdict:\n  - {pattern: \"Is the answer correct (Yes/No)? *\", values: {\"Yes\": correct, \"No\": incorrect}}\n  - {pattern: \"Is the answer correct? (Yes/No)? *\", values: {\"Yes\": correct, \"No\": incorrect}}\n  - {pattern: \"Is the answer correct? (Yes/No): *\", values: {\"Yes\": correct, \"No\": incorrect}}\n  - {pattern: \"Is the answer correct? (Yes/No) *\", values: {\"Yes\": correct, \"No\": incorrect}}\n  - {pattern: \"Is the answer correct? *\", values: {\"Yes\": correct, \"No\": incorrect}}",
        ),
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
        reads: Own(LABELS),
        takes: EVERY,
        cases: judged_label,
        // Some texts repeat the form that was asked for, with its brackets.
        form: r"(?s)\A(?:[^\[]|\[[^I])*Final Judge?ment: \w+\s*\n(?:[^\[]|\[[^I])*\z",
    },
    Corpus {
        file: "mr_gsm8k_judgments",
        protocol: "MR-GSM8K, first wrong step",
        reads: Own(FIRST_ERROR),
        takes: EVERY,
        cases: |record| first_error(record, &record["recorded"]["first_error_step"]),
        form: r"(?s)\A(?:[^\[]|\[[^I])*First Error Step: (Step )?\d+\s*\n(?:[^\[]|\[[^I])*\z",
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
        reads: Own(FIRST_ERROR),
        takes: |record| record["kind"] == "step",
        cases: |record| first_error(record, &record["recorded"]["first_error_step"]),
        form: r"First Error Step: (Step )?\d+\.?\s*(\n|\z)",
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
