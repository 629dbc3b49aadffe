//! Labels on servers that have routes of their own for them: exact probabilities, and the next best way where a route is
//! missing.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use serde_json::json;
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    completion::Distribution,
    error::ErrorKind,
    request::{Ability, Ask, Message, Normalize, Origin, Request, Role},
};

use crate::support::{
    Reply, Server, listen, logged,
    openai::settings,
    toy::{Software, Toy, Without, log, tokens},
};

fn model(toy: &Toy, software: Software) -> OpenAi {
    let preset = match software {
        Software::Vllm => "vllm",
        Software::Sglang => "sglang",
        Software::LlamaCpp => "llamacpp",
    };
    OpenAi::new(settings(&toy.url, Some(preset))).unwrap()
}

/// A question of the user, and what the model's turn begins with.
fn choice(begun: &str, labels: &[&str]) -> Request {
    let mut messages = vec![Message::new(Role::User, "Is 12 + 30 = 42?", Origin::Data)];
    if !begun.is_empty() {
        messages.push(Message::new(Role::Assistant, begun, Origin::Prompt));
    }
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let mut request = Request::generate(messages).ask(Ask::Choose { labels });
    request.open = !begun.is_empty();
    request
}

/// Labels of one token, of several, that join the text before them, in a new turn, and of which one begins another.
fn questions() -> Vec<Request> {
    vec![
        choice("Answer:", &[" Yes", " No"]),
        choice("Answer:", &[" [[A]]", " [[B]]", " [[tie]]", " x"]),
        choice("Answer: ", &["Yes", "No", "Neither"]),
        choice("", &["Yes", "No", "maybe"]),
        choice("Score: ", &["1", "2", "10", "12"]),
    ]
}

/// The probabilities that the toy gives to the labels of a request, computed without a tree.
fn expected(request: &Request, begin: &str) -> Vec<f64> {
    let Ask::Choose { labels } = &request.ask else { panic!("{:?}", request.ask) };
    let mut text = format!("{begin}<|user|>{}<|end|><|assistant|>", request.messages[0].text());
    if request.open {
        text += &request.messages[1].text();
    }
    let plain = tokens(&text);
    let whole = |label: &String| {
        if request.open {
            tokens(&format!("{text}{label}"))
        } else {
            [plain.clone(), tokens(label)].concat()
        }
    };
    let whole: Vec<Vec<i64>> = labels.iter().map(whole).collect();
    let same = |ids: &Vec<i64>| plain.iter().zip(ids).take_while(|(a, b)| a == b).count();
    let start = whole.iter().map(same).min().unwrap();
    let p =
        |ids: &Vec<i64>| (start..ids.len()).map(|at| log(&ids[..at], ids[at])).sum::<f64>().exp();
    let all: Vec<f64> = whole.iter().map(p).collect();
    // What goes on into a longer label is not the shorter one.
    let longer = |n: usize| {
        let begins = |(other, ids): &(usize, &Vec<i64>)| *other != n && ids.starts_with(&whole[n]);
        whole.iter().enumerate().filter(begins).map(|(other, _)| all[other]).sum::<f64>()
    };
    (0..all.len()).map(|n| all[n] - longer(n)).collect()
}

fn assert_exact(request: &Request, seen: &Distribution, begin: &str) {
    for ((label, p), expected) in seen.labels.iter().zip(expected(request, begin)) {
        assert!((p - expected).abs() < 1e-9, "{label:?}: {p} {expected} in {seen:?}");
    }
    assert!((seen.mass() + seen.missing - 1.0).abs() < 1e-9);
}

async fn weighed(model: &OpenAi, request: &Request) -> (Distribution, u32) {
    let answer = model.complete(request).await.unwrap();
    assert_eq!(Some(answer.text.as_str()), answer.distribution.as_ref().unwrap().likeliest());
    (answer.distribution.unwrap(), answer.attempts)
}

/// Asks all questions, and checks that every probability is exact. Returns what was logged.
async fn all_exact(toy: &Toy, software: Software) -> String {
    listen();
    let model = model(toy, software);
    let begin = if software == Software::LlamaCpp { "<|begin|>" } else { "" };
    for request in questions() {
        let (seen, _) = weighed(&model, &request).await;
        assert_exact(&request, &seen, begin);
    }
    logged()
}

#[tokio::test]
async fn vllm_weighs_all_labels_of_a_question_in_one_request() {
    let toy = Toy::start(Software::Vllm, &[]).await;
    let said = all_exact(&toy, Software::Vllm).await;
    assert_eq!(toy.count("/v1/completions"), questions().len());
    assert_eq!((toy.count("/v1/chat/completions"), said.contains("instead")), (0, false), "{said}");
    let (_, attempts) = weighed(&model(&toy, Software::Vllm), &questions()[1]).await;
    assert_eq!(attempts, 1, "tokens are not requests to the model");
    let body = &toy.seen("/v1/completions")[0];
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&1.0.into(), &1.into()));
}

#[tokio::test]
async fn a_label_that_an_older_vllm_does_not_report_is_weighed_as_a_prompt() {
    let toy = Toy::start(Software::Vllm, &[Without::ChosenTokens]).await;
    let said = all_exact(&toy, Software::Vllm).await;
    assert!(toy.count("/v1/completions") > questions().len());
    assert!(!said.contains("instead"), "{said}");
}

#[tokio::test]
async fn a_gateway_to_vllm_weighs_labels_by_prompts_and_says_so_once() {
    let toy = Toy::start(Software::Vllm, &[Without::Native]).await;
    let said = all_exact(&toy, Software::Vllm).await;
    assert_eq!(said.matches("`prompt_logprobs` is used instead").count(), 1, "{said}");
    assert_eq!(toy.count("/tokenize"), 1, "a missing route is asked for once");
    let labels: usize = questions().iter().map(labels).sum();
    assert_eq!(toy.count("/v1/chat/completions"), labels + questions().len());
}

fn labels(request: &Request) -> usize {
    let Ask::Choose { labels } = &request.ask else { return 0 };
    labels.len()
}

#[tokio::test]
async fn a_gateway_that_refuses_prompt_logprobs_leaves_the_likeliest_first_tokens() {
    let without = [Without::Native, Without::PromptLogprobs];
    let toy = Toy::start(Software::Vllm, &without).await;
    listen();
    let model = model(&toy, Software::Vllm);
    let able = model.capabilities().await.score_verdict;
    let request = choice("Answer:", &[" Yes", " No"]);
    for _ in 0..2 {
        let answer = model.complete(&request).await.unwrap();
        let seen = answer.distribution.unwrap();
        for ((label, p), expected) in seen.labels.iter().zip(expected(&request, "")) {
            assert!(
                *p == 0.0 || (p - expected).abs() < 1e-9,
                "{label}: {p}, or not among the likeliest"
            );
        }
    }
    let said = logged();
    assert_eq!(said.matches("`prompt_logprobs` is used instead").count(), 1, "{said}");
    assert_eq!(said.matches("likeliest first tokens").count(), 1, "{said}");
    assert_eq!((able, model.capabilities().await.score_verdict), (Ability::Yes, Ability::No));
}

#[tokio::test]
async fn sglang_weighs_all_labels_of_a_question_in_one_request() {
    let toy = Toy::start(Software::Sglang, &[]).await;
    let said = all_exact(&toy, Software::Sglang).await;
    assert_eq!(toy.count("/generate"), questions().len());
    assert_eq!((toy.count("/v1/chat/completions"), said.contains("instead")), (0, false), "{said}");
}

#[tokio::test]
async fn an_sglang_that_tokenizes_texts_only_reports_tokens_with_its_answers() {
    let toy = Toy::start(Software::Sglang, &[Without::TokenizedTurns]).await;
    let said = all_exact(&toy, Software::Sglang).await;
    assert_eq!(said.matches("is used instead").count(), 1, "{said}");
    assert_eq!(toy.count("/generate"), questions().len());
}

#[tokio::test]
async fn a_gateway_to_sglang_weighs_labels_by_scores() {
    let toy = Toy::start(Software::Sglang, &[Without::Native]).await;
    let said = all_exact(&toy, Software::Sglang).await;
    assert!(said.contains("`/v1/score` is used instead"), "{said}");
    assert_eq!(toy.count("/v1/score"), questions().len());
}

#[tokio::test]
async fn scores_with_a_token_between_items_are_not_used() {
    let toy = Toy::start(Software::Sglang, &[Without::Native, Without::PlainScores]).await;
    listen();
    let model = model(&toy, Software::Sglang);
    let seen = weighed_if_any(&model, &choice("Answer:", &[" Yes", " No"])).await;
    assert!(seen.is_none_or(|seen| seen.mass() < 1.0));
    assert!(logged().contains("a token of its own"), "{}", logged());
    assert_eq!(toy.count("/v1/score"), 1);
}

async fn weighed_if_any(model: &OpenAi, request: &Request) -> Option<Distribution> {
    model.complete(request).await.unwrap().distribution
}

#[tokio::test]
async fn llamacpp_forces_each_token_that_it_does_not_report() {
    let toy = Toy::start(Software::LlamaCpp, &[]).await;
    let said = all_exact(&toy, Software::LlamaCpp).await;
    assert_eq!(
        (toy.count("/v1/chat/completions"), said.contains("likeliest")),
        (0, false),
        "{said}"
    );
    let forced = toy.seen("/completion").iter().filter(|body| body["n_probs"] == 1).count();
    assert!(forced > 0 && forced < toy.count("/completion"));
}

#[tokio::test]
async fn probabilities_after_sampling_are_not_used() {
    let toy = Toy::start(Software::LlamaCpp, &[Without::PlainProbabilities]).await;
    listen();
    let model = model(&toy, Software::LlamaCpp);
    for _ in 0..2 {
        model.complete(&choice("Answer:", &[" Yes", " No"])).await.unwrap();
    }
    assert_eq!(logged().matches("likeliest first tokens").count(), 1, "{}", logged());
    assert_eq!((toy.count("/completion"), toy.count("/v1/chat/completions")), (1, 2));
}

#[tokio::test]
async fn a_server_that_is_busy_for_a_moment_keeps_its_best_way() {
    for (software, way) in [
        (Software::Vllm, "/v1/completions"),
        (Software::Sglang, "/generate"),
        (Software::LlamaCpp, "/completion"),
    ] {
        let toy = Toy::start(software, &[Without::Patience]).await;
        let model = model(&toy, software);
        let request = choice("Answer:", &[" Yes", " No"]);
        let mut failures = 0;
        while let Err(error) = model.complete(&request).await {
            assert!(error.is_transient() && error.kind() == ErrorKind::Overloaded, "{error}");
            failures += 1;
        }
        assert!(failures > 0 && toy.count(way) > 0);
        assert_eq!(toy.count("/v1/chat/completions"), 0);
    }
}

#[tokio::test]
async fn labels_with_a_blank_at_the_end_are_not_sent_through_a_template_that_trims() {
    let toy = Toy::start(Software::Vllm, &[]).await;
    listen();
    let model = model(&toy, Software::Vllm);
    model.complete(&choice("Answer:", &[" Yes\n", " No\n"])).await.unwrap();
    assert_eq!((toy.count("/v1/completions"), toy.count("/v1/chat/completions")), (0, 1));
    // Other questions are weighed as before.
    let request = choice("Answer:", &[" Yes", " No"]);
    assert_exact(&request, &weighed(&model, &request).await.0, "");
    assert!(!logged().contains("instead"), "{}", logged());
}

#[tokio::test]
async fn a_server_without_a_name_is_asked_what_it_is_and_then_weighs_as_that_software_does() {
    let toy = Toy::start(Software::Vllm, &[]).await;
    let options = OpenAiOptions::new("m", Some(&toy.url), &|_| None).unwrap();
    let model = OpenAi::new(options).unwrap();
    let request = choice("Answer:", &[" [[A]]", " [[B]]"]);
    assert_exact(&request, &weighed(&model, &request).await.0, "");
    assert!(model.capabilities().await.score_verdict.is_yes());
}

#[cfg(all(feature = "cli", feature = "store"))]
#[tokio::test]
async fn the_results_of_a_run_say_how_exact_a_distribution_is() {
    use crate::support::{Place, Ran};
    let place = Place::new("labels");
    let records = place.file("r.jsonl", r#"{"problem": "12 + 30?", "solution": "42"}"#);
    let judged = async |without: &[Without]| {
        let toy = Toy::start(Software::Vllm, without).await;
        let args =
            ["judge", &records, "-p", "correct-direct", "-m", "vllm/m", "--base-url", &toy.url];
        let mut command = place.command(&args);
        let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let ran = Ran::of(ran);
        (ran.lines()[0]["votes"][0].clone(), ran.err)
    };
    let (exact, err) = judged(&[]).await;
    let seen = &exact["calls"][0]["distribution"];
    assert!(seen["labels"][0][1].as_f64().unwrap() > 0.0 && seen["top"].is_null(), "{exact} {err}");
    let (read, err) = judged(&[Without::Native, Without::PromptLogprobs]).await;
    assert_eq!(read["calls"][0]["distribution"]["top"], 20, "{read} {err}");
    assert!(err.contains("likeliest first tokens"), "{err}");
}

#[tokio::test]
async fn by_the_mean_the_length_of_a_label_does_not_count() {
    for software in [Software::Vllm, Software::Sglang, Software::LlamaCpp] {
        let toy = Toy::start(software, &[]).await;
        let mut request = choice("Answer:", &[" [[A]]", " Yes", " x"]);
        request.normalize = Normalize::Mean;
        let begin = if software == Software::LlamaCpp { "<|begin|>" } else { "" };
        let plain = expected(&request, begin);
        // ` [[A]]` has three tokens, ` x` two, and ` Yes` one; none begins another.
        let means: Vec<f64> =
            plain.iter().zip([3.0, 1.0, 2.0]).map(|(p, tokens)| p.powf(1.0 / tokens)).collect();
        let total: f64 = means.iter().sum();
        let (seen, _) = weighed(&model(&toy, software), &request).await;
        for ((label, share), mean) in seen.labels.iter().zip(&means) {
            assert!((share - mean / total).abs() < 1e-9, "{software:?} {label:?}: {share}");
        }
    }
}

#[tokio::test]
async fn where_only_first_tokens_are_reported_the_mean_is_known_of_labels_of_one_token() {
    let top = json!([
        { "token": " yes", "logprob": -1.0 }, { "token": " no", "logprob": -2.0 },
        { "token": " un", "logprob": -3.0 },
    ]);
    let server = Server::start(move |_| {
        let token = json!({ "token": " yes", "logprob": -1.0, "top_logprobs": top });
        Reply::Json(json!({ "choices": [{
            "message": { "role": "assistant", "content": " yes" }, "finish_reason": "length",
            "logprobs": { "content": [token] },
        }] }))
    })
    .await;
    let model = OpenAi::new(settings(&server.url, Some("openai"))).unwrap();
    let asked = |labels: &[&str]| {
        let mut request = choice("", labels);
        request.normalize = Normalize::Mean;
        request
    };
    let seen = model.complete(&asked(&["yes", "no"])).await.unwrap().distribution.unwrap();
    assert!((seen.of("yes").unwrap() - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-9, "{seen:?}");
    let error = model.complete(&asked(&["yes", "undecided"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(format!("{error} {:?}", error.hints()).contains("vLLM"), "{error:?}");
}
