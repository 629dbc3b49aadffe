//! Keys are sent to where they belong, and left nowhere: not in what is printed, logged at any level, cached, recorded or
//! written, whatever a server or a program repeats of them.

#![cfg(all(unix, feature = "cli", feature = "openai", feature = "store"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use std::{fs, path::Path, process::Stdio};

use crate::support::{Place, Ran, Reply, Seen, Server, records};
use serde_json::json;

/// Secrets, none of which has eight characters in a row in common with anything else.
const KEY: &str = "sk-Zq7X/v9Kp+2Wm4Tn8Rb6Yc3Hd5Jg";
const PASSWORD: &str = "pw.Lx4Fs8Qn2Vt6Bk9Mz3";
const QUERY: &str = "q_Wd5Rj9Hc2Np7Ty4Gv8";
const AGENT: &str = "ag-Kf3Us6Xb9Lq2Zm5Pw8";
const PROXY: &str = "px-Nh8Gt4Vc7Yr2Jd6Sk9";
const ALL: [&str; 5] = [KEY, PASSWORD, QUERY, AGENT, PROXY];

/// The most bytes of a secret in a row that anything may contain.
const MOST: usize = 7;

/// Base64 of these bytes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        (0..=three.len())
            .map(move |n| char::from(LETTERS[usize::try_from(bits >> (18 - 6 * n) & 63).unwrap()]))
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// The forms in which a server may repeat a secret.
fn forms(secret: &str) -> [String; 6] {
    let masked = format!("{}********{}", &secret[..12], &secret[secret.len() - 8..]);
    let percent = secret.replace('/', "%2F").replace('+', "%2b");
    let json: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let html = secret.replace('/', "&#x2F;").replace('+', "&#43;");
    let basic = format!("Basic {}", base64(format!("user:{secret}").as_bytes()));
    [secret.to_owned(), masked, percent, json, html, basic]
}

/// All secrets in all forms, as a text that is no JSON, or within a string of JSON.
fn echo() -> String {
    ALL.iter().flat_map(|secret| forms(secret)).collect::<Vec<_>>().join(" , ")
}

/// A place whose program has every secret in its environment.
struct Keeper {
    place: Place,
}

impl Keeper {
    fn new(name: &str) -> Self {
        let place = Place::new(&format!("secrets-{name}"));
        place.file("r.jsonl", records(2));
        Self { place }
    }

    /// Runs the program at TRACE, with the server at an address that holds a password and a key.
    async fn run(&self, url: &str, args: &[&str]) -> Ran {
        let mut command = self.place.command(args);
        let url = url.replacen("http://", &format!("http://user:{PASSWORD}@"), 1);
        command
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full")
            .env("OPENAI_BASE_URL", format!("{url}?api-key={QUERY}&api-version=2024-02-01"))
            .env("OPENAI_API_KEY", KEY)
            .env("AGENT_KEY", AGENT)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TMPDIR", self.place.folder.path("tmp"))
            .stdin(Stdio::null());
        fs::create_dir_all(self.place.folder.path("tmp")).unwrap();
        let ran =
            Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap());
        let case = args.join(" ");
        check(ran.out.as_bytes(), &format!("the output of `{case}`"));
        check(ran.err.as_bytes(), &format!("the messages of `{case}`"));
        ran
    }

    /// Judges with everything that writes a file, and checks all that is left.
    async fn judge(&self, url: &str, more: &[&str]) -> Ran {
        let args = [
            "judge",
            "r.jsonl",
            "-p",
            "score",
            "-m",
            "openai/m",
            "-o",
            "out.jsonl",
            "--summary",
            "s.json",
            "--junit",
            "j.xml",
            "--record",
            "rec.jsonl",
            "--fresh",
        ];
        let ran = self.run(url, &[&args[..], more].concat()).await;
        self.check_files();
        ran
    }

    /// Looks for secrets in every file, and in the answers that the cache packs.
    fn check_files(&self) {
        check_folder(&self.place.folder.path(""));
        let packed = self.place.run(&["cache", "export"]);
        check(packed.out.as_bytes(), "the cache");
    }
}

/// Looks for secrets in the bytes and in what JSON escapes in them.
#[track_caller]
fn check(bytes: &[u8], what: &str) {
    for secret in ALL {
        let mut pieces: Vec<Vec<u8>> =
            secret.as_bytes().windows(MOST + 1).map(<[u8]>::to_vec).collect();
        pieces.extend(forms(secret)[2..4].iter().map(|form| form.clone().into_bytes()));
        for before in ["", "x", "xx"] {
            let form = base64(format!("{before}{secret}").as_bytes());
            pieces.push(form.as_bytes()[4..form.len() - 4].to_vec());
        }
        for piece in pieces {
            let at = bytes.windows(piece.len()).position(|window| window == piece);
            if let Some(at) = at {
                let around = &bytes[at.saturating_sub(200)..bytes.len().min(at + 200)];
                let (piece, around) =
                    (String::from_utf8_lossy(&piece), String::from_utf8_lossy(around));
                panic!("{what} contains {piece} of {secret}: {around}");
            }
        }
    }
}

#[track_caller]
fn check_folder(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What the user wrote may hold what the user wrote into it.
        if path.file_name().is_some_and(|name| name == "tribunal.toml" || name == ".env") {
            continue;
        }
        check(path.display().to_string().as_bytes(), "a path");
        if path.is_dir() {
            check_folder(&path);
        } else {
            check(&fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

#[tokio::test]
async fn no_answer_of_a_server_brings_a_key_into_anything_that_is_left() {
    type Fault = (&'static str, fn(&Seen) -> Reply);
    let faults: [Fault; 12] = [
        ("wrong", |_| Reply::error(401, &json!({"error": {"message": echo(), "code": echo()}}))),
        ("refused", |_| {
            Reply::error(400, &json!({"error": {"message": echo(), "param": "temperature"}}))
        }),
        ("parameter", |seen| match seen.body.get("temperature") {
            Some(_) => Reply::error(
                400,
                &json!({"error": {"message": format!("unsupported temperature: {}", echo()), "param": "temperature"}}),
            ),
            None => Reply::says("Score: 7"),
        }),
        ("absent", |_| Reply::Text(404, vec![], format!("<html>{}</html>", echo()).into_bytes())),
        ("limited", |seen| match seen.index {
            0..2 => Reply::Text(
                429,
                vec![("retry-after", "0".into()), ("x-key", KEY.into())],
                echo().into_bytes(),
            ),
            _ => Reply::says(&format!("{} Score: 7", forms(KEY)[0])),
        }),
        ("broken", |_| Reply::error(500, &json!({"detail": [{"msg": echo(), KEY: echo()}]}))),
        ("moved", |seen| {
            let host = seen.headers["host"].to_str().unwrap();
            Reply::Text(
                307,
                vec![("location", format!("http://{host}/v1/{KEY}?api-key={QUERY}"))],
                vec![],
            )
        }),
        ("garbled", |_| Reply::Text(200, vec![], echo().into_bytes())),
        ("echoes", |seen| {
            let headers: Vec<String> = seen
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            Reply::says(&format!(
                "{}\n{PASSWORD} {QUERY} {}\nScore: 7",
                headers.join("\n"),
                forms(KEY)[5]
            ))
        }),
        ("finish", |_| {
            let mut reply = crate::support::chat_reply("Score: 7");
            reply["choices"][0]["finish_reason"] = KEY.into();
            reply["choices"][0]["message"]["reasoning_content"] = echo_whole().into();
            reply[KEY] = KEY.into();
            Reply::Json(reply)
        }),
        ("cut", |_| {
            Reply::Cut(
                "{\"choices\": [{\"message\": {\"content\": \"sk-Zq7X/v9Kp+2Wm4Tn8Rb6Yc3Hd5Jg",
            )
        }),
        ("hangs", |_| Reply::Hang),
    ];
    for (name, fault) in faults {
        let keeper = Keeper::new(name);
        let server = Server::start(fault).await;
        let more: &[&str] = match name {
            "hangs" => &["--timeout", "200ms", "--max-requests", "2"],
            "cut" => &["--stream", "--max-requests", "4"],
            _ => &["--max-requests", "6"],
        };
        let ran = keeper.judge(&server.url, more).await;
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        let sent = server.seen();
        assert!(!sent.is_empty(), "{name}: {}", ran.err);
        assert_eq!(sent[0].headers["authorization"], format!("Bearer {KEY}"), "{name}");
    }
}

/// The secrets as they are, which is how an answer may repeat them.
fn echo_whole() -> String {
    format!("{KEY} {PASSWORD} {QUERY} {}", forms(KEY)[3])
}

#[tokio::test]
async fn keys_of_all_providers_and_from_all_places_are_sent_and_not_left() {
    let keeper = Keeper::new("providers");
    let server = Server::start(|seen| {
        let all: Vec<String> = seen
            .headers
            .values()
            .map(|value| value.to_str().unwrap_or_default().to_owned())
            .collect();
        Reply::says(&format!("{}\nScore: 7", all.join("\n")))
    })
    .await;
    for (model, variable, header) in [
        ("azure/m", "AZURE_OPENAI_API_KEY", "api-key"),
        ("gemini/m", "GOOGLE_API_KEY", "authorization"),
        ("anthropic/m", "ANTHROPIC_API_KEY", "authorization"),
        ("litellm/m", "LITELLM_PROXY_API_KEY", "authorization"),
        ("mine", "AGENT_KEY", "authorization"),
    ] {
        keeper.place.file(".env", format!("{variable}={AGENT}\n"));
        let file = format!(
            "[judge.j]\nmodel = \"{model}\"\nprompt = \"score\"\n\n[model.\"{model}\"]\n\
             base_url = \"http://user:{PASSWORD}@{}?api-key={QUERY}\"\nkey_variable = \"{variable}\"\n\
             extra = {{ api_token = \"{PROXY}\", metadata = {{ password = \"{PROXY}\" }} }}\n",
            server.url.trim_start_matches("http://"),
        );
        keeper.place.file("tribunal.toml", file);
        let before = server.requests();
        let args = [
            "judge",
            "r.jsonl",
            "--judge",
            "j",
            "-c",
            "tribunal.toml",
            "-o",
            "out.jsonl",
            "--fresh",
        ];
        let ran = keeper.run(&server.url, &[&args[..], &["--record", "rec.jsonl"]].concat()).await;
        assert_eq!(ran.code, 0, "{model}: {}", ran.err);
        let sent = &server.seen()[before];
        assert!(
            sent.headers[header].to_str().unwrap().ends_with(AGENT),
            "{model}: {:?}",
            sent.headers
        );
        for args in [
            &["judge", "r.jsonl", "--judge", "j"][..],
            &["judge", "r.jsonl", "--judge", "j", "-c", "tribunal.toml", "--dry-run"],
            &["config", "show", "-c", "tribunal.toml"],
            &["config", "show"],
            &["trust"],
            &["trust", "--list"],
            &["models", "list"],
            &["cache", "stats"],
            &["reparse", "out.jsonl", "-p", "score"],
            &["batch", "write", "r.jsonl", "--judge", "j", "-c", "tribunal.toml"],
        ] {
            if args[0] != "batch" {
                let _ = keeper.run(&server.url, args).await;
            }
        }
        keeper.check_files();
    }
}

#[tokio::test]
async fn a_program_that_prints_its_environment_brings_no_key_into_anything_that_is_left() {
    let keeper = Keeper::new("program");
    for (name, script) in [
        ("prints", "cat > /dev/null; env; env | base64 -w 0; echo; echo Score: 7"),
        ("fails", "cat > /dev/null; env >&2; env | base64 -w 0 >&2; exit 1"),
        ("refuses", "cat > /dev/null; env | cut -c 1-24 >&2; exit 77"),
    ] {
        keeper.place.file(&format!("{name}.sh"), script);
        let model = format!("command:sh {name}.sh");
        let judge = [
            "judge",
            "r.jsonl",
            "-p",
            "score",
            "-m",
            &model,
            "--pass-env",
            "AGENT_KEY",
            "-o",
            "out.jsonl",
        ];
        let ran = keeper
            .run(
                "http://127.0.0.1:9/v1",
                &[&judge[..], &["--record", "rec.jsonl", "--fresh"]].concat(),
            )
            .await;
        assert_eq!(ran.code == 0, name == "prints", "{}", ran.err);
        keeper.check_files();
    }
}

#[tokio::test]
async fn what_cannot_be_reached_or_parsed_is_reported_without_its_secrets() {
    let keeper = Keeper::new("unreachable");
    let _ = keeper.judge("http://127.0.0.1:9/v1", &["--max-requests", "1"]).await;
    let _ = keeper.judge("http://127.0.0.1:99999/v1", &["--max-requests", "1"]).await;
    let _ = keeper.judge("http://nowhere.invalid/v1", &["--max-requests", "1"]).await;
    for name in [KEY, PASSWORD] {
        let proxied = |key: String, more: &[&str]| {
            let args = ["judge", "r.jsonl", "-p", "score", "-m", "openai/m"];
            let mut command = keeper.place.command(&[&args, more].concat());
            command.env("RUST_LOG", "trace").env("OPENAI_API_KEY", key).stdin(Stdio::null());
            command.env("HTTPS_PROXY", format!("http://user:{PROXY}@127.0.0.1:9"));
            let ran = Ran::of(command.output().unwrap());
            check(ran.err.as_bytes(), "the messages");
            ran
        };
        let ran = proxied(format!("{name}\u{1}{KEY}"), &[]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        let _ = proxied(name.to_owned(), &["--max-requests", "1"]);
    }
}
