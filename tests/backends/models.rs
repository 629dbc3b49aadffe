//! The registry: models by name, each opened once, with the settings of its scheme.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use futures_util::future::join_all;
use tribunal::{
    environment::Environment,
    error::ErrorKind,
    models::{AnswersFrom, Context, ModelSettings, ModelSpec, Models, schemes},
};

#[cfg(all(feature = "llama", feature = "tiny"))]
fn with(settings: ModelSettings) -> ModelSpec {
    ModelSpec::new("tiny").settings(settings)
}

#[tokio::test]
async fn a_name_that_fits_no_scheme_is_refused_with_all_that_would() {
    let models = Models::default();
    let error = models.open("opnai/gpt-5-mini").await.unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("unknown model `opnai/gpt-5-mini`"), "{text}");
    assert!(text.contains("did you mean `openai`?"), "{text}");
    for scheme in schemes() {
        assert!(text.contains(scheme.example) || text.contains(scheme.name), "{text}");
    }
    assert_eq!(models.loads(), 0);
}

#[tokio::test]
async fn a_setting_of_another_scheme_is_refused_with_those_that_there_are() {
    let models = Models::default();
    let context = ModelSettings { context: Some(Context::Full), ..ModelSettings::default() };
    let threads = ModelSettings { threads: Some(2), ..ModelSettings::default() };
    for (name, settings, setting) in [
        ("check:exact", &context, "context"),
        ("script:Score: 4", &context, "context"),
        ("openai/gpt-5-mini", &threads, "threads"),
    ] {
        let spec = ModelSpec::new(name).settings(settings.clone());
        let error = models.open(spec).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&format!("has no setting `{setting}`")), "{error}");
        assert!(error.hints()[0].to_string().contains("concurrency"), "{error:?}");
    }
    let error = models.open(ModelSpec::new("tiny").base_url("http://h/v1")).await.unwrap_err();
    assert!(error.to_string().contains("has no setting `base_url`"), "{error}");
    assert!(error.hints()[0].to_string().contains("threads"), "{error:?}");
}

#[test]
fn every_scheme_has_an_example_that_means_it() {
    for scheme in schemes() {
        let base_url = (scheme.name == "server").then_some("http://127.0.0.1:1/v1");
        let spec = ModelSpec::new(scheme.example);
        let spec = base_url.map_or(spec.clone(), |url| spec.base_url(url));
        assert_eq!(spec.scheme().unwrap().name, scheme.name);
        assert!(scheme.has("concurrency") && scheme.has("price"), "{scheme:?}");
        assert_eq!(
            scheme.has("base_url"),
            scheme.answers_from == AnswersFrom::Server,
            "{scheme:?}"
        );
    }
}

#[tokio::test]
async fn a_failure_to_open_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("answers.jsonl");
    let spec = ModelSpec::new(format!("replay:{}", file.display()));
    let models = Models::new(Environment::process());
    assert!(models.open(spec.clone()).await.is_err());
    let recording = Models::default().recorded(file.clone());
    let script = recording.open("script:Score: 4").await.unwrap();
    let request = tribunal::Request::generate(Vec::new());
    script.complete(&request).await.unwrap();
    assert!(models.open(spec).await.is_ok());
    assert_eq!(models.loads(), 1);
}

#[tokio::test]
async fn models_of_one_specification_are_opened_once_however_many_ask_at_once() {
    let models = Models::default();
    let open = (0..50).map(|n| models.open(if n % 2 == 0 { "script:a" } else { "script:b" }));
    let opened: Vec<_> = join_all(open).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(models.loads(), 2);
    assert!(std::sync::Arc::ptr_eq(&opened[0], &opened[2]));
    assert!(!std::sync::Arc::ptr_eq(&opened[0], &opened[1]));
}

#[cfg(feature = "openai")]
#[cfg(feature = "openai")]
#[tokio::test]
async fn endpoints_share_the_requests_of_one_model_each_with_its_own_key() {
    use crate::support::{Reply, Server};
    use tribunal::models::EndpointSettings;

    let first = Server::start(|_| Reply::says("Score: 7")).await;
    let second = Server::start(|_| Reply::says("Score: 7")).await;
    let environment = Environment::of([("FIRST", "sk-first-key"), ("SECOND", "sk-second-key")]);
    let settings = ModelSettings {
        base_url: Some(first.url.clone()),
        key_variable: Some("FIRST".into()),
        endpoints: vec![EndpointSettings {
            base_url: Some(second.url.clone()),
            key_variable: Some("SECOND".into()),
            weight: Some(3),
        }],
        ..ModelSettings::default()
    };
    let models = Models::new(environment);
    let model = models.open(ModelSpec::new("mine").settings(settings)).await.unwrap();
    let request = tribunal::Request::generate(Vec::new());
    let asked = join_all((0..16).map(|_| model.complete(&request))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    let (of_first, of_second) = (first.seen(), second.seen());
    assert_eq!(of_first.len() + of_second.len(), 16);
    assert!(of_first.len() < of_second.len(), "{} of the first", of_first.len());
    for (seen, key) in [(of_first, "Bearer sk-first-key"), (of_second, "Bearer sk-second-key")] {
        assert!(seen.iter().all(|seen| seen.headers["authorization"] == key));
    }
}

#[cfg(all(feature = "llama", feature = "tiny"))]
mod in_process {
    use std::{fs, path::Path};

    use tribunal::{
        Backend, Judge, Request,
        request::{Message, Origin, Role, Sampling},
    };

    use super::*;

    fn asks(text: &str) -> Request {
        let sampling = Sampling::default().temperature(0.0).max_tokens(40);
        Request::generate(vec![Message::new(Role::User, text, Origin::Data)]).sampling(sampling)
    }

    const SUM: &str = "Review the solution, then score it from 1 to 5.\nProblem: 12 + 30\nSolution\nParagraph 0: 12 + 30 = 42";

    async fn text(model: &dyn Backend) -> String {
        model.complete(&asks(SUM)).await.unwrap().text
    }

    #[tokio::test]
    async fn judges_of_one_registry_share_the_weights() {
        let models = Models::default();
        for _ in 0..2 {
            let judge = Judge::builder().model("tiny").models(&models).prompt("tiny-score");
            judge.build().await.unwrap();
        }
        assert_eq!(models.loads(), 1);
        let threads = ModelSettings { threads: Some(2), ..ModelSettings::default() };
        let judge = Judge::builder().model(with(threads)).models(&models).prompt("tiny-score");
        judge.build().await.unwrap();
        assert_eq!(models.loads(), 2, "another setting is another model");
    }

    #[tokio::test]
    async fn threads_change_no_text() {
        let models = Models::default();
        let one = models.open("tiny").await.unwrap();
        let settings = ModelSettings { threads: Some(2), ..ModelSettings::default() };
        let two = models.open(with(settings)).await.unwrap();
        assert_eq!(one.identity(), two.identity());
        assert_eq!(text(&*one).await, text(&*two).await);
    }

    #[tokio::test]
    async fn the_context_is_as_long_as_it_is_set() {
        let models = Models::default();
        let open = async |context| {
            let settings = ModelSettings { context: Some(context), ..ModelSettings::default() };
            models.open(with(settings)).await.unwrap()
        };
        let long = asks(&format!("{SUM}\n{}", "1 + 1 = 2. ".repeat(60)));
        let short = open(Context::Tokens(256)).await;
        let error = short.complete(&long).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLong);
        assert!(error.to_string().contains("256"), "{error}");
        let full = open("full".parse().unwrap()).await;
        assert!(full.complete(&long).await.is_ok());
        assert_eq!(short.identity(), full.identity());
        assert_eq!(Context::from(0), Context::Full);
    }

    /// A LoRA adapter of rank 1 for one matrix of 128 × 128, as llama.cpp's converter writes it.
    fn adapter(path: &Path, architecture: &str, size: usize) {
        let mut file = b"GGUF".to_vec();
        let text = |file: &mut Vec<u8>, text: &str| {
            file.extend((text.len() as u64).to_le_bytes());
            file.extend(text.as_bytes());
        };
        file.extend(3_u32.to_le_bytes());
        file.extend(2_u64.to_le_bytes());
        file.extend(4_u64.to_le_bytes());
        for (key, value) in [
            ("general.architecture", architecture),
            ("general.type", "adapter"),
            ("adapter.type", "lora"),
        ] {
            text(&mut file, key);
            file.extend(8_u32.to_le_bytes());
            text(&mut file, value);
        }
        text(&mut file, "adapter.lora.alpha");
        file.extend(6_u32.to_le_bytes());
        file.extend(1_f32.to_le_bytes());
        let bytes = size * 4;
        for (name, shape, offset) in [("lora_a", [size, 1], 0), ("lora_b", [1, size], bytes)] {
            text(&mut file, &format!("blk.4.attn_output.weight.{name}"));
            file.extend(2_u32.to_le_bytes());
            for length in shape {
                file.extend((length as u64).to_le_bytes());
            }
            file.extend(0_u32.to_le_bytes());
            file.extend((offset as u64).to_le_bytes());
        }
        file.resize(file.len().next_multiple_of(32), 0);
        for n in 0..2 * size {
            let value = if n % 3 == 0 { 1.5_f32 } else { -0.75 };
            file.extend(value.to_le_bytes());
        }
        fs::write(path, file).unwrap();
    }

    fn lora(path: &Path, scale: &str) -> ModelSpec {
        let lora = Some(format!("{}{scale}", path.display()));
        with(ModelSettings { lora, ..ModelSettings::default() })
    }

    #[tokio::test]
    async fn a_lora_adapter_changes_texts_and_the_identity_and_at_scale_0_no_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("adapter.gguf");
        adapter(&file, "llama", 128);
        let models = Models::default();
        let plain = models.open("tiny").await.unwrap();
        let full = models.open(lora(&file, "")).await.unwrap();
        let none = models.open(lora(&file, ":0")).await.unwrap();
        let identities = [plain.identity(), full.identity(), none.identity()];
        assert!(full.identity().contains("|lora:") && none.identity().ends_with(":0"));
        assert!((0..3).all(|n| identities[n] != identities[(n + 1) % 3]), "{identities:?}");
        assert_eq!(text(&*plain).await, text(&*none).await);
        assert_ne!(text(&*plain).await, text(&*full).await);
    }

    #[tokio::test]
    async fn an_adapter_that_is_missing_or_of_another_model_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("text.gguf"), "not an adapter, and long enough to be looked at").unwrap();
        adapter(&path("other.gguf"), "qwen2", 128);
        adapter(&path("size.gguf"), "llama", 64);
        let models = Models::default();
        for name in ["missing.gguf", "text.gguf", "other.gguf", "size.gguf"] {
            let error = models.open(lora(&path(name), ":0.5")).await.unwrap_err();
            assert!(format!("{error:?}").contains(name), "{name}: {error:?}");
        }
        assert_eq!(models.loads(), 0);
    }
}
