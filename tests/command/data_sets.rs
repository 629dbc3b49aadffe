//! Records of data sets of the Hub.

#![cfg(all(unix, feature = "cli", feature = "hub"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{
    Place, Ran,
    hub::{COMMIT, Hub, HubReader},
};
use serde_json::{Value, json};

/// A later commit of the data set.
const NEXT: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// Pairs in the shape of RewardBench.
fn pairs(subset: &str) -> Vec<u8> {
    let pair = |n: u32| json!({"id": format!("{subset}{n}"), "prompt": format!("{n} + 1?"), "chosen": "right", "rejected": "wrong", "subset": subset});
    (0..2).map(|n| format!("{}\n", pair(n))).collect::<String>().into_bytes()
}

/// The judge of all tests here: always the first answer.
const SCRIPT: [&str; 4] = ["-m", "script:[[A]]", "-p", "reward-bench-pair"];

fn bench<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["bench", "rewardbench", data, "--json"][..], &SCRIPT, more].concat()
}

fn figures(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap()
}

#[tokio::test]
async fn a_benchmark_is_read_from_the_hub_once_and_says_which_commit() {
    let (filtered, raw) = (pairs("hep-go"), pairs("math-prm"));
    let files = [
        ("README.md", &b"# Pairs"[..]),
        ("data/filtered-00000-of-00002.jsonl", &filtered),
        ("data/filtered-00001-of-00002.jsonl", &raw),
        ("data/raw-00000-of-00001.jsonl", &raw),
    ];
    let reader = HubReader::of("data-sets-once", &files, None).await;
    let ran = reader.run(&[], &bench("hf:judges/tiny:filtered", &[])).await.passed();
    let pinned = format!("hf:judges/tiny@{COMMIT}:filtered");
    assert!(ran.err.contains(&format!("reading {pinned}")), "{}", ran.err);
    assert!(ran.err.contains("downloading data/filtered-00000-of-00002.jsonl"), "{}", ran.err);
    let first = figures(&ran);
    assert_eq!((&first["records"], &first["data"]), (&json!(4), &json!([pinned])));
    reader.hub.asked();

    // What is here is not downloaded again; the Hub is asked for the commit alone.
    let again = reader.run(&[], &bench("hf:judges/tiny:filtered", &["-q"])).await.passed();
    assert_eq!((figures(&again), again.err.as_str()), (first.clone(), ""));
    assert_eq!(reader.hub.asked(), ["list"]);

    // Without a Hub, what was read last is read.
    let offline = [("HF_HUB_OFFLINE", "1")];
    let offline = reader.run(&offline, &bench("hf:judges/tiny:filtered", &[])).await.passed();
    assert_eq!(figures(&offline), first);
    let gone = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    let gone = reader.run(&gone, &bench("hf:judges/tiny:filtered", &[])).await.passed();
    assert_eq!(figures(&gone), first);
    assert!(gone.err.contains("a file that was downloaded earlier is used"), "{}", gone.err);
}

#[tokio::test]
async fn a_branch_moves_and_a_commit_does_not() {
    let (old, new) = (pairs("hep-go"), pairs("hep-rust"));
    let reader = HubReader::of("data-sets-moves", &[("test.jsonl", &old)], None).await;
    reader.run(&[], &bench("hf:judges/tiny", &[])).await.assert_passed();
    reader.hub.publish(NEXT, &[("test.jsonl", &new), ("copy.csv", &old)]);
    let moved = reader.run(&[], &bench("hf:judges/tiny:test", &[])).await.passed();
    let figures = figures(&moved);
    assert_eq!(figures["data"], json!([format!("hf:judges/tiny@{NEXT}:test")]));
    assert!(moved.out.contains("hep-rust") && !moved.out.contains("hep-go"), "{}", moved.out);
    reader.hub.asked();

    // The name that was printed first still gives the same records, and needs no request.
    let named = format!("hf:judges/tiny@{COMMIT}:test.jsonl");
    let pinned = reader.run(&[], &bench(&named, &[])).await.passed();
    assert!(pinned.out.contains("hep-go") && !pinned.out.contains("hep-rust"), "{}", pinned.out);
    assert_eq!(reader.hub.asked(), [""; 0]);
    // The same content under another name is not sent twice.
    let copy = ["judge", "hf:judges/tiny:copy.csv", "--input-format", "jsonl"];
    let ran = reader.run(&[], &[&copy[..], &SCRIPT].concat()).await.passed();
    assert_eq!(ran.lines().len(), 2);
    assert_eq!(reader.hub.asked(), ["list", "copy.csv bytes=0-0"]);
}

#[tokio::test]
async fn every_command_that_reads_records_reads_data_sets_among_files() {
    let remote = pairs("hep-go");
    let reader = HubReader::of("data-sets-commands", &[("pairs/test.json", &remote)], None).await;
    reader.place.file("local.jsonl", pairs("hep-rust"));
    let names = ["local.jsonl", "hf:judges/tiny"];
    let judge = [&["judge"][..], &names, &SCRIPT, &["-o", "out.jsonl"]].concat();
    let ran = reader.run(&[], &judge).await.passed();
    assert_eq!(reader.place.read("out.jsonl").lines().count(), 4, "{}", ran.err);
    let manifest: Value = serde_json::from_str(&reader.place.read("out.jsonl.run.json")).unwrap();
    let pinned = format!("hf:judges/tiny@{COMMIT}:pairs/test.json");
    assert_eq!(manifest["files"], json!(["local.jsonl", pinned]));
    let rank = [&["rank"][..], &names, &SCRIPT, &["--dry-run"]].concat();
    let ran = reader.run(&[], &rank).await.passed();
    assert!(ran.out.contains("4 records") || ran.err.contains("4 records"), "{ran:?}");
}

#[cfg(not(feature = "parquet"))]
#[tokio::test]
async fn parquet_is_not_downloaded_by_a_program_that_cannot_read_it() {
    let files = [("data/test-00000-of-00001.parquet", &b"PAR1"[..])];
    let reader = HubReader::of("data-sets-no-parquet", &files, None).await;
    let ran = reader.run(&[], &bench("hf:judges/tiny", &[])).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("is Parquet, and this program was built without it"), "{}", ran.err);
    assert!(ran.err.contains("cargo build --release --features parquet"), "{}", ran.err);
    assert_eq!(reader.hub.asked(), ["list"]);
}

#[tokio::test]
async fn several_files_of_a_data_set_are_read_together_by_a_pattern() {
    let (go, rust) = (pairs("hep-go"), pairs("hep-rust"));
    let files = [("go.jsonl", go.as_slice()), ("rust.jsonl", &rust), ("more/x.csv", b"a,b\n1,2\n")];
    let reader = HubReader::of("data-sets-pattern", &files, None).await;
    let unclear = reader.run(&[], &bench("hf:judges/tiny", &[])).await;
    assert_eq!(unclear.code, 2, "{}", unclear.err);
    let says =
        "name one after a colon: `go.jsonl`, `more/x.csv`, `rust.jsonl`; a pattern such as `'*'`";
    assert!(unclear.err.contains(says), "{}", unclear.err);
    let ran = reader.run(&[], &bench("hf:judges/tiny:*.jsonl", &[])).await.passed();
    let found = figures(&ran);
    assert_eq!(
        (&found["records"], &found["data"]),
        (&json!(4), &json!([format!("hf:judges/tiny@{COMMIT}:*.jsonl")]))
    );
    // Several names are several data sets, with one commit each.
    let two = ["hf:judges/tiny:go", "hf:judges/tiny:rust"];
    let ran = reader.run(&[], &[&bench(two[0], &[])[..], &two[1..]].concat()).await.passed();
    assert_eq!(figures(&ran)["records"], 4, "{}", ran.err);
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn columns_of_parquet_are_records() {
    let place = Place::new("data-sets-parquet-source");
    place.file("pairs.jsonl", pairs("hep-go"));
    let judge = [&["judge", "pairs.jsonl", "-o", "pairs.parquet", "-q"][..], &SCRIPT].concat();
    place.run(&judge).assert_passed();
    let table = std::fs::read(place.folder.path("pairs.parquet")).unwrap();
    let files = [("default/test/0000.parquet", table.as_slice()), ("load.py", b"x")];
    let reader = HubReader::of("data-sets-parquet", &files, None).await;
    let data = "hf:judges/tiny@refs/convert/parquet";
    let ran = reader.run(&[], &bench(data, &[])).await.passed();
    assert_eq!(figures(&ran)["records"], 2, "{}", ran.err);
    let pinned = format!("hf:judges/tiny@{COMMIT}:default/test/0000.parquet");
    assert_eq!(figures(&ran)["data"], json!([pinned]));
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_not_to_the_host_of_its_files() {
    let data = pairs("hep-go");
    let files = [("test.jsonl", data.as_slice())];
    let reader = HubReader::of("data-sets-redirect", &files, Some("hf_secret_token")).await;
    let host = Hub::start(&files, None).await;
    reader.hub.redirect_to(&host);
    let token = [("HF_TOKEN", "hf_secret_token"), ("RUST_LOG", "trace")];
    let ran = reader.run(&token, &bench("hf:judges/tiny", &[])).await.passed();
    assert!(!ran.err.contains("hf_secret_token"), "{}", ran.err);
    assert!(reader.hub.keys().iter().all(|key| key == "Bearer hf_secret_token"));
    assert_eq!(host.keys(), ["", ""]);
}

#[tokio::test]
async fn what_cannot_be_had_is_said_with_what_to_do() {
    let data = pairs("hep-go");
    let files = [("a.jsonl", data.as_slice()), ("b.jsonl", &data), ("dataset_infos.json", b"{}")];
    let reader = HubReader::of("data-sets-errors", &files, Some("hf_secret_token")).await;
    let token = [("HF_TOKEN", "hf_secret_token")];
    for (environment, name, words) in [
        (&[][..], "hf:judges/tiny", "set HF_TOKEN"),
        (&token[..], "hf:judges/absent", "`judges/absent` was not found on the Hub"),
        (&token[..], "hf:judges/tiny", "name one after a colon: `a.jsonl`, `b.jsonl`"),
        (&token[..], "hf:judges/tiny:test", "has no data file `test`"),
        (&token[..], "hf:judges", "write hf:OWNER/REPO"),
        (&token[..], "hf:judges/tiny:../x.jsonl", "is not the name of a data set"),
        (&[("HF_HUB_OFFLINE", "1")][..], "hf:judges/tiny:a", "is not downloaded yet"),
        (&[("HF_ENDPOINT", "http://127.0.0.1:9")][..], "hf:judges/tiny:a", "check the network"),
    ] {
        let ran = reader.run(environment, &bench(name, &[])).await;
        assert_ne!(ran.code, 0, "{name}: {}", ran.out);
        assert!(ran.err.contains(words), "{words} is not in: {}", ran.err);
        assert_eq!(ran.out, "");
    }
    // A file that arrives damaged is not read.
    reader.hub.damage(true);
    let damaged = reader.run(&token, &bench("hf:judges/tiny:a", &[])).await;
    assert!(damaged.err.contains("a.jsonl arrived damaged, and was removed"), "{}", damaged.err);
}
