//! Files that were found and not named may set how is judged, and nothing else without the user's word.

#![cfg(all(unix, feature = "cli", feature = "openai"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::process::Stdio;

use crate::support::{Place, Ran, Reply, Server};
use serde_json::Value;
use tribunal::config::Config;

const RECORDS: &str = "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"x\"}\n";

/// The keys of the user, which no file may send to another place.
const KEYS: [(&str, &str); 2] =
    [("OPENAI_API_KEY", "sk-the-users-own-key"), ("AWS_SECRET_ACCESS_KEY", "aws-the-users-secret")];

/// A place with one record, whose program runs with the user's keys.
fn place(name: &str) -> Place {
    let place = Place::new(&format!("trust-{name}"));
    place.file("r.jsonl", RECORDS);
    place
}

async fn run_with(place: &Place, environment: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = place.command(args);
    command.envs(KEYS).envs(environment.iter().copied()).stdin(Stdio::null());
    Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
}

async fn run(place: &Place, args: &[&str]) -> Ran {
    run_with(place, &[], args).await
}

async fn server() -> Server {
    Server::start(|_| Reply::says("Fine.\nScore: 7")).await
}

/// The same server under an address that is not loopback's.
fn foreign(server: &Server) -> String {
    server.url.replace("127.0.0.1", "0.0.0.0")
}

/// Whether the run stopped before anything was sent, and named all of these words.
#[track_caller]
fn stopped(ran: &Ran, server: &Server, words: &[&str]) {
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert_eq!((server.requests(), server.probes()), (0, 0), "{}", ran.err);
    assert_eq!(ran.out, "");
    for word in words.iter().chain(&["tribunal trust"]) {
        assert!(ran.err.contains(word), "{word} is not in: {}", ran.err);
    }
    for (_, key) in KEYS {
        assert!(!ran.err.contains(key), "{}", ran.err);
    }
}

#[tokio::test]
async fn an_address_of_a_found_file_needs_the_users_word() {
    let (place, server) = (place("address"), server().await);
    let url = foreign(&server);
    place.file("tribunal.toml", format!("[model.fast]\nname = 'openai/m'\nbase_url = '{url}'\n"));
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", "fast", "--cache", "off"];
    let asked = ["tribunal.toml:3", "[model.fast]", &url, "OPENAI_API_KEY", "-c tribunal.toml"];
    stopped(&run(&place, &judge).await, &server, &asked);
    let dry = run(&place, &[&judge[..], &["--dry-run"]].concat()).await;
    stopped(&dry, &server, &asked);
    stopped(&run(&place, &["revise", "r.jsonl", "-m", "fast"]).await, &server, &asked);
    let policy = ["revise", "r.jsonl", "-m", "script:Score: 7", "--policy", "fast"];
    stopped(&run(&place, &policy).await, &server, &asked);
    let last = ["revise", "r.jsonl", "-m", "script:Score: 7", "--final-judge", "fast"];
    stopped(&run(&place, &last).await, &server, &asked);

    let named = run(&place, &[&judge[..], &["-c", "tribunal.toml"]].concat()).await;
    assert_eq!((named.code, server.requests()), (0, 1), "{}", named.err);
    let by_variable = run_with(&place, &[("TRIBUNAL_CONFIG", "tribunal.toml")], &judge).await;
    assert_eq!((by_variable.code, server.requests()), (0, 2), "{}", by_variable.err);
    let by_flag = run(&place, &[&judge[..], &["--base-url", &url]].concat()).await;
    assert_eq!((by_flag.code, server.requests()), (0, 3), "{}", by_flag.err);
}

#[tokio::test]
async fn trust_is_stored_for_what_was_asked_and_asked_again_for_anything_else() {
    let (place, server) = (place("stored"), server().await);
    let url = foreign(&server);
    let file = |more: &str| format!("[model.fast]\nname = 'openai/m'\nbase_url = '{url}'\n{more}");
    place.file("tribunal.toml", file(""));
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", "fast", "--cache", "off"];
    let trusted = run(&place, &["trust"]).await;
    assert_eq!(trusted.code, 0, "{}", trusted.err);
    assert!(trusted.err.contains(&url) && trusted.err.contains("trusted: "), "{}", trusted.err);
    assert_eq!(run(&place, &judge).await.code, 0);
    assert_eq!(server.requests(), 1);

    let edited = "\n[defaults]\ndraws = 1\npass = 'score >= 3'\n";
    place.file("tribunal.toml", format!("# moved down\n{}", file(edited)));
    assert_eq!(run(&place, &judge).await.code, 0, "another edit does not ask again");
    assert_eq!(server.requests(), 2);

    for other in [
        file("").replace(&url, &url.replace("/v1", "/v2")),
        file("").replace("openai/m", "openrouter/m"),
        file("key_variable = 'AWS_SECRET_ACCESS_KEY'\n"),
    ] {
        place.file("tribunal.toml", &other);
        assert_eq!(run(&place, &judge).await.code, 2, "{other}");
        assert_eq!(server.requests(), 2, "{other}");
    }
    place.file("tribunal.toml", file(""));
    let list = run(&place, &["trust", "--list"]).await;
    assert!(list.out.contains("tribunal.toml") && list.out.contains(&url), "{}", list.out);
    assert_eq!(run(&place, &["trust", "--remove"]).await.code, 0);
    assert_eq!(run(&place, &["trust", "--list"]).await.out, "");
    assert_eq!(run(&place, &judge).await.code, 2);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn another_key_than_the_presets_needs_the_users_word() {
    let (place, server) = (place("key"), server().await);
    let url = &server.url;
    place.file(
        "tribunal.toml",
        format!(
            "[model.fast]\nname = 'm'\nbase_url = '{url}'\nkey_variable = 'AWS_SECRET_ACCESS_KEY'\n"
        ),
    );
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", "fast", "--cache", "off"];
    let asked = ["tribunal.toml:4", "AWS_SECRET_ACCESS_KEY", "as the key"];
    stopped(&run(&place, &judge).await, &server, &asked);
    assert_eq!(run(&place, &["trust"]).await.code, 0);
    assert_eq!(run(&place, &judge).await.code, 0);
    assert_eq!(server.seen()[0].headers["authorization"], "Bearer aws-the-users-secret");
}

#[tokio::test]
async fn the_name_of_another_model_in_the_cache_needs_the_users_word() {
    let (place, server) = (place("identity"), server().await);
    let other = "openai|https://api.openai.com/v1|gpt-5";
    let file = |id: &str| {
        format!("[model.fast]\nname = 'm'\nbase_url = '{}'\nmodel_id = '{id}'\n", server.url)
    };
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", "fast"];
    place.file("tribunal.toml", file(other));
    stopped(&run(&place, &judge).await, &server, &["tribunal.toml:4", other]);
    place.file("tribunal.toml", file("my-model"));
    place.file(".env", format!("TRIBUNAL_MODEL_ID='{other}'\n"));
    stopped(&run(&place, &judge).await, &server, &[".env:1", other]);
    std::fs::remove_file(place.folder.path(".env")).unwrap();
    assert_eq!(run(&place, &judge).await.code, 0);
}

#[tokio::test]
async fn an_address_on_this_machine_and_the_usual_key_need_no_word() {
    let (place, server) = (place("loopback"), server().await);
    place.file(
        "tribunal.toml",
        format!(
            "[model.fast]\nname = 'm'\nbase_url = '{}'\nkey_variable = 'OPENAI_API_KEY'\n",
            server.url
        ),
    );
    let ran = run(&place, &["judge", "r.jsonl", "-p", "score", "-m", "fast"]).await;
    assert_eq!((ran.code, server.requests()), (0, 1), "{}", ran.err);
    let trust = run(&place, &["trust"]).await;
    assert!(trust.err.contains("nothing to trust"), "{}", trust.err);
}

#[tokio::test]
async fn a_file_outside_of_the_folder_needs_the_users_word() {
    let (place, server) = (place("path"), server().await);
    place.file("secret.txt", "the secret of the user");
    place.file("project/r.jsonl", RECORDS);
    place.file("project/rubric.txt", "Kind.");
    place.file("project/mine.jinja", "---\nkind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'\n---\nuser:\n{{ answer }} {{ scale }}\n");
    let link = place.folder.path("project/link.txt");
    std::os::unix::fs::symlink(place.folder.path("secret.txt"), link).unwrap();
    std::fs::copy(place.folder.path("project/mine.jinja"), place.folder.path("p.jinja")).unwrap();
    let outside = place.folder.path("secret.txt").display().to_string();
    let within = |name: &str| {
        let mut args = vec!["judge", "r.jsonl", "-m", "m", "--base-url", &server.url];
        args.extend(["--cache", "off", "--judge", name]);
        let mut command = place.command(&args);
        command.envs(KEYS).current_dir(place.folder.path("project")).stdin(Stdio::null());
        async move {
            Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
        }
    };
    for (setting, shown) in [
        (format!("criteria = '@{outside}'"), "criteria reads"),
        ("criteria = ['Kind.', '@../secret.txt']".into(), "criteria reads"),
        ("criteria = '@link.txt'".into(), "criteria reads"),
        ("criterion = {tone = '@../secret.txt'}".into(), "criterion.tone reads"),
        ("set = {rubric = '@../secret.txt'}".into(), "set.rubric reads"),
        ("prompt = '../p.jinja'".into(), "prompt reads"),
    ] {
        place.file("project/tribunal.toml", format!("[judge.x]\n{setting}\n"));
        stopped(&within("x").await, &server, &["tribunal.toml:2", "[judge.x]", shown]);
    }
    for model in ["replay:../r.jsonl", "../m.gguf", "/m.gguf"] {
        place.file("project/tribunal.toml", format!("[judge.x]\nmodel = '{model}'\n"));
        let mut command = place.command(&["judge", "r.jsonl"]);
        let ran = command.current_dir(place.folder.path("project")).output().unwrap();
        stopped(&Ran::of(ran), &server, &["[judge.x] model reads"]);
    }
    for setting in [
        "criteria = '@rubric.txt'",
        "prompt = 'mine.jinja'",
        "set = {rubric = '@../project/rubric.txt'}",
    ] {
        place.file("project/tribunal.toml", format!("[judge.x]\n{setting}\n"));
        let ran = within("x").await;
        assert_eq!(ran.code, 0, "{setting}: {}", ran.err);
    }
}

#[tokio::test]
async fn an_env_file_can_send_nothing_to_another_place() {
    let (place, server) = (place("env"), server().await);
    let url = foreign(&server);
    let proxy = url.trim_end_matches("/v1").to_owned();
    for (line, model, shown) in [
        (format!("OPENAI_BASE_URL={url}"), "openai/m", &*url),
        (format!("export OPENAI_API_BASE='{url}'"), "openai/m", &*url),
        (format!("VLLM_BASE_URL={url}"), "vllm/m", &*url),
        ("OLLAMA_HOST=evil.example:1".into(), "ollama/m", "http://evil.example:1/v1"),
        (format!("TRIBUNAL_BASE_URL={url}"), "m", &*url),
        (format!("HTTP_PROXY={proxy}"), "vllm/m", &*proxy),
        (format!("https_proxy={proxy}"), "openai/m", &*proxy),
        (format!("ALL_PROXY={proxy}"), "ollama/m", &*proxy),
        ("SSL_CERT_FILE=evil.pem".into(), "openai/m", "SSL_CERT_FILE"),
        ("TRIBUNAL_KEY_VARIABLE=AWS_SECRET_ACCESS_KEY".into(), "openai/m", "AWS_SECRET_ACCESS_KEY"),
        ("TRIBUNAL_CONFIG=evil.toml".into(), "openai/m", "evil.toml"),
        ("TRIBUNAL_CRITERIA=@../secret".into(), "script:Score: 7", "/secret`, outside"),
        ("TRIBUNAL_CACHE_DIR=../cache".into(), "script:Score: 7", "/cache`, outside"),
        ("TRIBUNAL_PRICES=../prices.csv".into(), "script:Score: 7", "/prices.csv`, outside"),
        ("TRIBUNAL_LORA=../a.gguf:0.5".into(), "script:Score: 7", "/a.gguf`, outside"),
    ] {
        place.file(".env", format!("{line}\n"));
        let name = line.trim_start_matches("export ").split('=').next().unwrap();
        let ran = run(&place, &["judge", "r.jsonl", "-p", "score", "-m", model]).await;
        stopped(&ran, &server, &[".env:1", name, shown]);
    }
    place.file(".env", "TRIBUNAL_CACHE_DIR=../cache\n");
    stopped(&run(&place, &["cache", "clear", "--yes"]).await, &server, &["TRIBUNAL_CACHE_DIR"]);
}

#[tokio::test]
async fn trust_in_a_path_holds_in_every_folder_below() {
    let (place, server) = (place("below"), server().await);
    place.file("outside.txt", "Kind.");
    place.file("project/tribunal.toml", "[judge.x]\ncriteria = '@../outside.txt'\n");
    place.file("project/below/r.jsonl", RECORDS);
    let within = |folder: &str, args: &[&str]| {
        let mut command = place.command(args);
        command.current_dir(place.folder.path(folder)).stdin(Stdio::null());
        async {
            Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
        }
    };
    let judge = ["judge", "r.jsonl", "-m", "m", "--base-url", &server.url];
    assert_eq!(within("project/below", &judge).await.code, 2);
    assert_eq!(within("project", &["trust"]).await.code, 0);
    let ran = within("project/below", &judge).await;
    assert_eq!((ran.code, server.requests()), (0, 1), "{}", ran.err);
}

#[tokio::test]
async fn an_env_file_that_is_trusted_or_named_by_the_user_counts() {
    let (place, server) = (place("env-trusted"), server().await);
    place.file(".env", format!("OPENAI_BASE_URL={}\n", foreign(&server)));
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", "openai/m", "--cache", "off"];
    let named = run_with(&place, &[("TRIBUNAL_ENV_FILE", ".env")], &judge).await;
    assert_eq!((named.code, server.requests()), (0, 1), "{}", named.err);
    assert_eq!(run(&place, &judge).await.code, 2);
    assert_eq!(run(&place, &["trust"]).await.code, 0);
    assert_eq!(run(&place, &judge).await.code, 0);
    assert_eq!(server.requests(), 2);
    place.file(".env", "OPENAI_BASE_URL=http://0.0.0.0:1/v1\n");
    assert_eq!(run(&place, &judge).await.code, 2, "another address asks again");
    let own = run_with(&place, &[("OPENAI_BASE_URL", &server.url)], &judge).await;
    assert_eq!((own.code, server.requests()), (0, 3), "{}", own.err);
}

#[tokio::test]
async fn what_would_not_be_used_stops_nothing() {
    let (place, server) = (place("unused"), server().await);
    place.file(".env", "HTTPS_PROXY=http://evil.example\nOPENAI_BASE_URL=http://evil.example/v1\n");
    place.file("tribunal.toml", "[model.evil]\nbase_url = 'http://evil.example/v1'\n");
    let ran = run(&place, &["judge", "r.jsonl", "-p", "score", "-m", "script:Score: 7"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    place.file(".env", "OPENAI_BASE_URL=http://evil.example/v1\n");
    let args = ["judge", "r.jsonl", "-p", "score", "-m", "openai/m", "--base-url", &server.url];
    let ran = run(&place, &args).await;
    assert_eq!((ran.code, server.requests()), (0, 1), "{}", ran.err);
}

#[tokio::test]
async fn no_file_can_say_what_is_trusted() {
    let (place, server) = (place("self"), server().await);
    let url = foreign(&server);
    place.file("tribunal.toml", format!("[model.fast]\nname = 'openai/m'\nbase_url = '{url}'\n"));
    let own = place.folder.path("own").display().to_string();
    let trusting = run_with(&place, &[("TRIBUNAL_CONFIG_DIR", &own)], &["trust"]).await;
    assert_eq!(trusting.code, 0, "{}", trusting.err);
    place.file(".env", "TRIBUNAL_CONFIG_DIR=own\nTRIBUNAL_ENV_FILE=other\nHOME=own\n");
    let judge = ["judge", "r.jsonl", "-p", "score", "-m", "fast"];
    stopped(&run(&place, &judge).await, &server, &[&url]);
    place.file("own/trusted.json", "not what was written");
    let ran = run_with(&place, &[("TRIBUNAL_CONFIG_DIR", &own)], &judge).await;
    stopped(&ran, &server, &[&url]);
}

#[tokio::test]
async fn a_variable_is_never_put_into_another() {
    let (place, server) = (place("substitution"), server().await);
    place.file(".env", "TRIBUNAL_CRITERIA=\"${AWS_SECRET_ACCESS_KEY} $AWS_SECRET_ACCESS_KEY\"\n");
    let args = ["judge", "r.jsonl", "-m", "m", "--base-url", &server.url];
    let ran = run(&place, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let body = server.seen()[0].body.to_string();
    assert!(body.contains("${AWS_SECRET_ACCESS_KEY}") && !body.contains("aws-the-users"), "{body}");
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let (place, server) = (place("dry"), server().await);
    for name in ["openai/m", "vllm/m", "m"] {
        for prompt in ["score", "correct-direct", "pair"] {
            let mut args = vec!["judge", "r.jsonl", "-p", prompt, "-m", name, "--dry-run"];
            args.extend(["--base-url", &server.url]);
            let ran = run(&place, &args).await;
            assert_eq!((server.requests(), server.probes()), (0, 0), "{name}: {}", ran.err);
        }
    }
    let ran = run(
        &place,
        &["judge", "r.jsonl", "-p", "score", "-m", "m", "--base-url", &server.url, "--dry-run"],
    )
    .await;
    assert!(ran.code == 0 && ran.err.contains("nothing was sent"), "{}", ran.err);
}

#[test]
fn what_init_wrote_runs_at_once() {
    let place = Place::new("trust-init");
    let init = place.run(&["init"]);
    assert!(init.code == 0 && init.err.contains("wrote tribunal.toml"), "{}", init.err);
    let ran = place.run(&["config"]);
    assert!(ran.code == 0 && !ran.err.contains("permission"), "{}", ran.err);
    // Its judge is the shipped model.
    if cfg!(all(feature = "llama", feature = "tiny")) {
        assert_eq!(place.run(&["judge", "records.jsonl", "--dry-run"]).code, 0);
    }
}

#[tokio::test]
async fn the_effective_settings_are_shown_with_what_needs_permission() {
    let place = place("config");
    let url = "http://evil.example/v1";
    place.file("tribunal.toml", format!("[model.fast]\nbase_url = '{url}'\n"));
    let ran = run(&place, &["config", "-m", "fast"]).await;
    assert!(ran.code == 0 && ran.out.contains(url), "{}", ran.out);
    assert!(
        ran.err.contains("needs your permission (`tribunal trust`): [model.fast]"),
        "{}",
        ran.err
    );
}

#[test]
fn the_library_refuses_a_file_that_it_found_until_it_is_trusted() {
    let place = Place::new("trust-library");
    let file = "[judge.x]\nmodel = 'fast'\ncriteria = '@/etc/hostname'\n[model.fast]\nname = 'openai/m'\nbase_url = 'http://evil.example/v1'\nkey_variable = 'AWS_SECRET_ACCESS_KEY'\n";
    let path = place.file("tribunal.toml", file);
    let found = Config::find(&place.folder.path("")).unwrap();
    let refusal = format!("{:?}", found.judge(Some("x")).unwrap_err());
    for word in ["/etc/hostname", "evil.example", "AWS_SECRET_ACCESS_KEY", "trusted()"] {
        assert!(refusal.contains(word), "{word}: {refusal}");
    }
    assert_eq!(found.permissions().unwrap().len(), 3);
    assert!(found.judge(None).is_err(), "the only judge is the default one");
    let judge = found.trusted().judge(Some("x")).unwrap();
    assert_eq!(judge.model.base_url.as_deref(), Some("http://evil.example/v1"));
    assert!(Config::read(path.as_ref()).unwrap().judge(Some("x")).is_ok());
}

#[test]
fn a_stored_trust_is_readable_and_holds_no_password() {
    let place = Place::new("trust-store");
    place.file(".env", "HTTPS_PROXY=http://user:hunter22@proxy.example:3128\n");
    place.file("tribunal.toml", "[model.a]\nbase_url = 'http://user:hunter22@h.example/v1'\n");
    let ran = place.run(&["trust"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let stored: Value =
        serde_json::from_str(&place.read("home/.config/tribunal/trusted.json")).unwrap();
    assert_eq!(stored.as_object().unwrap().len(), 2, "{stored}");
    for text in [&ran.err, &stored.to_string(), &place.run(&["trust", "--list"]).out] {
        assert!(text.contains("proxy.example:3128") && !text.contains("hunter22"), "{text}");
    }
}

#[tokio::test]
async fn more_endpoints_are_other_places_and_other_keys() {
    let (server, place) = (server().await, place("endpoints"));
    let url = foreign(&server);
    place.file(
        "tribunal.toml",
        format!(
            "[model.fast]\nname = 'openai/m'\nendpoints = [{{ base_url = '{url}' }}, {{ key_variable = 'AWS_SECRET_ACCESS_KEY' }}]\n"
        ),
    );
    let ran = run(&place, &["judge", "r.jsonl", "-m", "fast", "-p", "score"]).await;
    stopped(&ran, &server, &["0.0.0.0", "AWS_SECRET_ACCESS_KEY", "endpoints"]);
}
