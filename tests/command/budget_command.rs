//! Budgets on the command line: a run stops where its budget ends, and the same command continues with a larger one.

#![cfg(all(feature = "cli", feature = "openai", feature = "store"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran, Reply, Server};

/// Twenty questions, and a server that answers all of them.
async fn twenty(name: &str) -> (Place, Server) {
    let place = Place::new(&format!("budget-{name}"));
    let record = |n: u32| format!("{{\"id\": {n}, \"question\": \"q{n}\", \"answer\": \"a\"}}\n");
    place.file("r.jsonl", (0..20).map(record).collect::<String>());
    (place, Server::start(|_| Reply::says("Fine.\nScore: 7")).await)
}

async fn run(place: &Place, server: &Server, args: &[&str]) -> Ran {
    let base = ["judge", "r.jsonl", "-p", "score", "-m", "openai/m", "--base-url", &server.url];
    Ran::ended(place.start(&[&base, args].concat())).await
}

#[tokio::test]
async fn a_run_ends_at_its_budget_and_a_larger_one_continues_it() {
    let (place, server) = twenty("requests").await;
    let ran = run(&place, &server, &["-o", "v.jsonl", "--max-requests", "7"]).await;
    assert_eq!((ran.code, server.requests()), (3, 7), "{}", ran.err);
    assert!(ran.err.contains("budget of 7 requests"), "{}", ran.err);
    assert!(ran.err.contains("--max-requests 14"), "{}", ran.err);
    // Every answer that was paid for is a whole line.
    let lines = place.read("v.jsonl");
    assert_eq!(lines.lines().count(), 7, "{lines}");
    assert!(lines.lines().all(|line| line.contains("\"score\":7") && line.ends_with('}')));
    let rest = run(&place, &server, &["-o", "v.jsonl", "--max-requests", "20"]).await.passed();
    assert_eq!(
        (server.requests(), place.read("v.jsonl").lines().count()),
        (20, 20),
        "{}",
        rest.err
    );
}

#[tokio::test]
async fn tokens_and_time_are_budgets_too() {
    for (limit, value) in [("--max-total-tokens", "55"), ("--deadline", "1ms")] {
        let (place, server) = twenty("limits").await;
        let ran = run(&place, &server, &["-j", "1", limit, value]).await;
        assert_eq!(ran.code, 3, "{limit}: {}", ran.err);
        assert!(ran.err.contains(&format!("{limit} ")) && server.requests() < 20, "{}", ran.err);
        assert_eq!(ran.lines().len(), server.requests(), "{limit}");
    }
}

#[tokio::test]
async fn a_budget_of_money_is_refused_where_the_price_is_not_known() {
    let (place, server) = twenty("money").await;
    let unknown = run(&place, &server, &["--max-cost", "1"]).await;
    assert_eq!((unknown.code, server.requests()), (2, 0), "{}", unknown.err);
    assert!(unknown.err.contains("--max-cost needs the price of `openai/m`"), "{}", unknown.err);
    assert!(unknown.err.contains("`price = { prompt = 0.25"), "{}", unknown.err);
}

#[tokio::test]
async fn a_budget_of_money_counts_by_the_price_of_the_file() {
    let (place, server) = twenty("price").await;
    place.file("c.toml", format!(
        "[defaults]\nmodel = \"m\"\n[model.m]\nname = \"openai/m\"\nbase_url = \"{}\"\nprice = {{ prompt = 0.0, completion = 1000000.0 }}\n",
        server.url
    ));
    // Three tokens of an answer cost 3: five answers fit.
    let args = [
        "judge",
        "r.jsonl",
        "-p",
        "score",
        "-c",
        "c.toml",
        "-j",
        "1",
        "--max-tokens",
        "3",
        "--max-cost",
        "15",
    ];
    let ran = Ran::ended(place.start(&args)).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("--max-cost 30"), "{}", ran.err);
    assert!(server.requests() == 5, "{}", ran.err);
}

/// A table in which the model `openai/m` costs 1 for each token of an answer.
const PRICES: &str =
    "# mine\nprovider,model,prompt,cached,completion\nopenai,m,0,,1000000\nserver,m,0,,2000000\n";

/// The costs of all lines.
fn costs(ran: &Ran) -> Vec<f64> {
    ran.lines().iter().map(|line| line["cost"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn a_table_of_prices_counts_in_budgets_estimates_and_results() {
    let (place, server) = twenty("table").await;
    place.file("prices.csv", PRICES);
    let args = |more: &[&'static str]| {
        [&["--prices", "prices.csv", "--max-tokens", "3", "-j", "1"], more].concat()
    };
    let dry = run(&place, &server, &args(&["--dry-run"])).await.passed();
    assert!(dry.err.contains("at most 60.0000 with the longest answers"), "{}", dry.err);
    let ran = run(&place, &server, &args(&["--max-cost", "15"])).await;
    assert_eq!((ran.code, server.requests()), (3, 5), "{}", ran.err);
    assert_eq!(costs(&ran), [3.0; 5], "{}", ran.err);
}

#[tokio::test]
async fn a_file_names_a_table_beside_it_and_a_price_of_its_own_comes_first() {
    let (place, server) = twenty("table-file").await;
    place.file("project/prices.csv", PRICES);
    place.file("project/c.toml", "[defaults]\nprices = \"prices.csv\"\n[model.m]\nname = \"openai/m\"\nprice = { prompt = 0, completion = 4000000 }\n");
    for (model, cost) in [("openai/m", 3.0), ("m", 12.0)] {
        let base = [
            "judge",
            "r.jsonl",
            "-p",
            "score",
            "--limit",
            "1",
            "--cache",
            "off",
            "-c",
            "project/c.toml",
        ];
        let args = [&base[..], &["-m", model, "--base-url", &server.url]].concat();
        let ran = Ran::ended(place.start(&args)).await.passed();
        assert_eq!(costs(&ran), [cost], "{model}: {}", ran.err);
    }
}

#[tokio::test]
async fn a_model_of_any_server_is_listed_under_server() {
    let (place, server) = twenty("table-server").await;
    place.file("prices.csv", PRICES);
    let base = ["judge", "r.jsonl", "-p", "score", "--limit", "1", "--prices", "prices.csv"];
    let args = [&base[..], &["-m", "m", "--base-url", &server.url]].concat();
    let ran = Ran::ended(place.start(&args)).await.passed();
    assert_eq!(costs(&ran), [6.0], "{}", ran.err);
}

#[tokio::test]
async fn the_policy_of_a_loop_is_priced_by_the_table_too() {
    let (place, server) = twenty("table-policy").await;
    place.file("prices.csv", format!("{PRICES}openai,writer,0,,10000000\n"));
    let base = ["revise", "r.jsonl", "-p", "score", "--limit", "1", "--prices", "prices.csv"];
    let judge =
        ["-m", "openai/m", "--base-url", &server.url, "--pass", "score >= 8", "--rounds", "1"];
    let policy = ["--policy", "openai/writer", "--policy-base-url", &server.url];
    let args = [&base[..], &judge, &policy].concat();
    let ran = Ran::ended(place.start(&args)).await;
    // A draft of three tokens costs 30; judgments cost 3 each.
    assert!(costs(&ran)[0] > 30.0, "{}", ran.err);
}

#[tokio::test]
async fn a_broken_line_of_a_table_of_prices_is_named() {
    let (place, server) = twenty("table-broken").await;
    place.file("prices.csv", "provider,model,prompt,cached,completion\nopenai,m,cheap,,1\n");
    let ran = run(&place, &server, &["--prices", "prices.csv"]).await;
    assert_eq!((ran.code, server.requests()), (2, 0), "{}", ran.err);
    let shown = "prices.csv: line 2 is not a price: `openai,m,cheap,,1`";
    assert!(ran.err.contains(shown), "{}", ran.err);
    let absent = run(&place, &server, &["--prices", "absent.csv"]).await;
    assert!(absent.err.contains("cannot read `absent.csv`"), "{}", absent.err);
}

#[tokio::test]
async fn a_dry_run_says_what_the_budget_does_not_hold() {
    let (place, server) = twenty("dry").await;
    let args = ["--dry-run", "--max-requests", "7", "--max-total-tokens", "10"];
    let ran = run(&place, &server, &args).await.passed();
    assert!(ran.err.contains("over budget: 20 requests, and --max-requests is 7"), "{}", ran.err);
    assert!(ran.err.contains("and --max-total-tokens is 10"), "{}", ran.err);
    let fits = run(&place, &server, &["--dry-run", "--max-requests", "20"]).await.passed();
    assert!(!fits.err.contains("over budget") && server.requests() == 0, "{}", fits.err);
}
