//! Models of the Hub and of a local Ollama.

#![cfg(all(unix, feature = "cli", feature = "hub", feature = "llama", feature = "tiny"))]

use std::{fs, path::PathBuf};

use crate::support::hub::{COMMIT, Hub, HubReader};
use serde_json::Value;

const TINY: &[u8] = include_bytes!("../../models/tiny.gguf");
const SUMS: &str = "\
{\"id\": \"right\", \"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 37\"]}
{\"id\": \"wrong\", \"problem\": \"12 + 30 - 5\", \"steps\": [\"12 + 30 = 42\", \"42 - 5 = 38\"]}
";

/// A place with records, whose program asks a Hub with these files.
async fn reader_of(name: &str, files: &[(&str, &[u8])], token: Option<&'static str>) -> HubReader {
    let reader = HubReader::of(&format!("downloads-{name}"), files, token).await;
    reader.place.file("sums.jsonl", SUMS);
    reader
}

/// The folder of the repository in the cache.
fn cache(reader: &HubReader, inner: &str) -> PathBuf {
    reader.place.folder.path("hub").join("hub/models--judges--tiny").join(inner)
}

#[tokio::test]
async fn a_model_of_the_hub_is_downloaded_once_and_judges() {
    let files =
        [("README.md", &b"# Judge"[..]), ("tiny-Q4_K_M.gguf", TINY), ("tiny-F16.gguf", b"x")];
    let reader = reader_of("once", &files, None).await;
    let judge =
        ["judge", "sums.jsonl", "-p", "tiny-score", "-m", "hf:judges/tiny", "-o", "v.jsonl"];
    let first = reader.run(&[], &judge).await.passed();
    assert!(first.err.contains("downloading tiny-Q4_K_M.gguf, 2.18 MiB"), "{}", first.err);
    let line: Value =
        serde_json::from_str(reader.place.read("v.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(line["model"], "hf:judges/tiny");
    assert!(line["score"].is_number(), "{line}");
    let snapshot = cache(&reader, "snapshots").join(COMMIT);
    assert_eq!(fs::read(snapshot.join("tiny-Q4_K_M.gguf")).unwrap(), TINY);
    reader.hub.asked();

    // The file is there: the Hub is asked for the names of files only.
    let again = reader.run(&[], &[&judge[..], &["--fresh"]].concat()).await.passed();
    assert!(!again.err.contains("downloading"), "{}", again.err);
    assert_eq!(reader.hub.asked(), ["list"]);
    // A file that is named needs no network at all, and is the same model in the cache of answers.
    let named = reader.run(&[], &["models", "pull", "hf:judges/tiny:Q4_K_M"]).await.passed();
    assert_eq!(named.out.trim(), snapshot.join("tiny-Q4_K_M.gguf").display().to_string());
    let info =
        reader.run(&[], &["models", "info", "hf:judges/tiny:tiny-Q4_K_M.gguf"]).await.passed();
    assert!(info.out.contains("architecture"), "{}", info.out);
    assert_eq!(reader.hub.asked(), [""; 0]);
    // Without a Hub, what is in the cache is used.
    let offline =
        reader.run(&[("HF_HUB_OFFLINE", "1")], &["models", "pull", "hf:judges/tiny"]).await;
    assert_eq!(offline.passed().out, named.out);
    let gone = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    let gone = reader.run(&gone, &["models", "pull", "hf:judges/tiny"]).await.passed();
    assert_eq!(gone.out, named.out);
    assert!(gone.err.contains("a file that was downloaded earlier is used"), "{}", gone.err);
}

#[tokio::test]
async fn a_download_that_was_interrupted_goes_on_and_a_damaged_one_is_removed() {
    let reader = reader_of("goes-on", &[("m.gguf", TINY)], None).await;
    let pull = ["models", "pull", "hf:judges/tiny", "-q"];
    reader.hub.damage(true);
    let damaged = reader.run(&[], &pull).await;
    assert_eq!((damaged.code, damaged.out.as_str()), (3, ""), "{}", damaged.err);
    assert!(damaged.err.contains("m.gguf arrived damaged, and was removed"), "{}", damaged.err);
    assert_eq!(
        fs::read_dir(cache(&reader, "blobs"))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().metadata().unwrap().len() > 0 })
            .count(),
        0
    );
    reader.hub.damage(false);
    reader.hub.asked();

    // The first half is there, as a killed download leaves it.
    let blob = reader.run(&[], &pull).await.passed().out;
    let blob = fs::canonicalize(blob.trim()).unwrap();
    fs::remove_dir_all(cache(&reader, "snapshots")).unwrap();
    fs::write(blob.with_extension("part"), &TINY[..TINY.len() / 2]).unwrap();
    fs::remove_file(&blob).unwrap();
    reader.hub.asked();
    reader.run(&[], &pull).await.assert_passed();
    let rest = format!("m.gguf bytes={}-", TINY.len() / 2);
    assert!(reader.hub.asked().contains(&rest), "only the rest is asked for");
    assert_eq!(fs::read(&blob).unwrap(), TINY);
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_not_to_the_host_of_its_files() {
    let files = [("m.gguf", TINY)];
    let reader = reader_of("redirect", &files, Some("hf_secret_token")).await;
    let host = Hub::start(&files, None).await;
    reader.hub.redirect_to(&host);
    let token = [("HF_TOKEN", "hf_secret_token"), ("RUST_LOG", "trace")];
    let ran = reader.run(&token, &["models", "pull", "hf:judges/tiny"]).await.passed();
    assert_eq!(fs::read(ran.out.trim()).unwrap(), TINY);
    assert!(!ran.err.contains("hf_secret_token"), "{}", ran.err);
    let keys = reader.hub.keys();
    assert!(keys.iter().all(|key| key == "Bearer hf_secret_token"), "{keys:?}");
    // It is asked how long the file is, and then for the file.
    assert_eq!(host.keys(), ["", ""]);
}

#[tokio::test]
async fn what_cannot_be_had_is_said_with_what_to_do() {
    let files = [("a-Q4_0.gguf", &b"x"[..]), ("a-Q8_0.gguf", b"y")];
    let reader = reader_of("errors", &files, Some("hf_secret_token")).await;
    let token = [("HF_TOKEN", "hf_secret_token")];
    for (environment, name, words) in [
        (&[][..], "hf:judges/tiny", "set HF_TOKEN"),
        (&token[..], "hf:judges/absent", "`judges/absent` was not found on the Hub"),
        (&token[..], "hf:judges/tiny:Q6_K", "name one after a colon: `a-Q4_0.gguf`, `a-Q8_0.gguf`"),
        (&token[..], "hf:judges", "write hf:OWNER/REPO"),
        (&token[..], "openai/gpt", "is not a model that can be downloaded"),
        (&[("HF_HUB_OFFLINE", "1")][..], "hf:judges/tiny", "is not downloaded yet"),
        (&[("HF_ENDPOINT", "http://127.0.0.1:9")][..], "hf:judges/tiny", "check the network"),
    ] {
        let logged = [environment, &[("RUST_LOG", "trace")]].concat();
        let ran = reader.run(&logged, &["models", "pull", name]).await;
        assert_ne!(ran.code, 0, "{name}: {}", ran.out);
        assert!(ran.err.contains(words), "{words} is not in: {}", ran.err);
        assert!(!ran.err.contains("hf_secret_token"), "{}", ran.err);
    }
    // A dry run downloads nothing.
    let dry = ["judge", "sums.jsonl", "-p", "tiny-score", "-m", "hf:judges/tiny", "--dry-run"];
    reader.hub.asked();
    let ran = reader.run(&token, &dry).await;
    assert!(ran.err.contains("is not downloaded yet"), "{}", ran.err);
    assert_eq!(reader.hub.asked(), [""; 0]);
}

#[tokio::test]
async fn a_found_file_may_download_nothing_without_the_users_word() {
    let reader = reader_of("trust", &[("m.gguf", TINY)], None).await;
    reader
        .place
        .file("tribunal.toml", "[judge.a]\nmodel = \"hf:judges/tiny\"\nprompt = \"tiny-score\"\n");
    let ran = reader.run(&[], &["judge", "sums.jsonl"]).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("downloads the model `hf:judges/tiny`"), "{}", ran.err);
    assert_eq!(reader.hub.asked(), [""; 0]);
    reader.run(&[], &["judge", "sums.jsonl", "-c", "tribunal.toml"]).await.assert_passed();
    assert!(!reader.hub.asked().is_empty());
}

#[tokio::test]
async fn a_model_that_ollama_holds_judges_in_this_process() {
    let reader = reader_of("ollama", &[], None).await;
    let manifest = r#"{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:0a"}]}"#;
    reader.place.file("ollama/manifests/registry.ollama.ai/library/tiny/latest", manifest);
    reader.place.file("ollama/blobs/sha256-0a", TINY);
    let folder = reader.place.folder.path("ollama").display().to_string();
    let environment = [("OLLAMA_MODELS", folder.as_str())];
    let judge = ["judge", "sums.jsonl", "-p", "tiny-score", "-m", "ollama:tiny"];
    let lines = reader.run(&environment, &judge).await.passed().lines();
    assert_eq!((lines.len(), &lines[0]["model"]), (2, &"ollama:tiny".into()));
    let missing = reader.run(&environment, &["judge", "sums.jsonl", "-m", "ollama:tiny:1b"]).await;
    assert!(missing.err.contains("did you mean `ollama:tiny:latest`?"), "{}", missing.err);
}
