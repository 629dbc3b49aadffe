//! A program as the judge: what it is given, what becomes of what it does, and that nothing of it stays behind.

#![cfg(all(unix, feature = "command"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::stat::Mode,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tribunal::{
    Completion, Item, Judge, Request,
    backend::{Backend, Command},
    environment::Environment,
    error::{Error, ErrorKind},
    models::{ModelSettings, ModelSpec, Models},
    request::{Ask, Message, Origin, Part, Role, Sampling},
};

fn command(line: &str) -> Command {
    Command::new(line, &Environment::process()).unwrap()
}

/// A program that the shell runs: `text`, with the path of a file as `$1`.
fn script(text: &str, file: &Path) -> Command {
    command(&format!("sh -c '{text}' sh '{}'", file.display()))
}

fn request(text: &str) -> Request {
    Request::generate(vec![Message::new(Role::User, text, Origin::Prompt)])
}

async fn answer(command: &Command) -> Completion {
    command.complete(&request("x")).await.unwrap()
}

async fn failure(command: &Command) -> Error {
    command.complete(&request("x")).await.unwrap_err()
}

/// A pipe with a name, in a folder of its own.
fn pipe() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
    (folder, path)
}

/// A process of the program's own that opens the pipe for writing, and lives for an hour.
const CHILD: &str = "(echo begun; exec sleep 3600) > \"$1\" & wait";

#[tokio::test]
async fn a_program_reads_the_request_as_json_and_its_output_is_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("judge.py");
    fs::write(&file, "import sys\nprint(sys.stdin.read())\nprint('  ')").unwrap();
    let mut asked = request("Judge ");
    let parts = &mut asked.messages[0].parts;
    parts.extend(["4", " and ", "4"].map(|text| {
        let origin = if text == "4" { Origin::Data } else { Origin::Prompt };
        Part::text(text, origin)
    }));
    let asked = asked.sampling(Sampling::default().temperature(0.0).max_tokens(9)).draw(2);
    let program = command(&format!("python3 {}", file.display()));
    let completion = program.complete(&asked).await.unwrap();
    let seen: Value = serde_json::from_str(&completion.text).unwrap();
    let part = |origin: &str, text: &str| json!({"origin": origin, "text": text});
    let parts =
        [part("prompt", "Judge "), part("data", "4"), part("prompt", " and "), part("data", "4")];
    assert_eq!(
        seen,
        json!({
            "v": 1,
            "ask": "generate",
            "messages": [{"role": "user", "content": "Judge 4 and 4", "parts": parts}],
            "record": ["4"],
            "sampling": {"temperature": 0.0, "max_tokens": 9},
            "draw": 2,
            "reask": 0,
        })
    );
    assert!(completion.text.ends_with('}'), "blanks at the end are cut");
    assert_eq!(completion.usage.prompt, None, "what a program does not report is unknown");
}

#[tokio::test]
async fn a_program_judges_behind_a_prompt_like_any_model() {
    let program = command("sh -c 'echo Short and right.; echo Score: 8'");
    let judge = Judge::builder().backend(program).prompt("score").build().await.unwrap();
    let judgment = judge.judge(&Item::new().question("2 + 2").answer("4")).await.unwrap();
    assert_eq!(judgment.score(), Some(8.0));
    assert!(judgment.critique().starts_with("Short and right."));
    let program = command("sh -c 'echo I would rather not say.'");
    let judge = Judge::builder().backend(program).prompt("score").build().await.unwrap();
    let judgment = judge.judge(&Item::new().question("2 + 2").answer("4")).await.unwrap();
    assert!(judgment.score().is_none() && judgment.unreadable().is_some());
}

#[tokio::test]
async fn words_are_split_as_by_a_shell_and_nothing_is_expanded() {
    let words = r#"sh -c 'printf "%s|" "$@"' sh 'two words' one\ word $HOME * "$(id)" ; a'b'"#;
    assert_eq!(answer(&command(words)).await.text, "two words|one word|$HOME|*|$(id)|;|ab|");
    for (line, words) in [("", "names no program"), ("sh 'a", "quotation mark")] {
        let error = Command::new(line, &Environment::process()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn only_harmless_variables_and_named_ones_reach_the_program() {
    let path = std::env::var("PATH").unwrap();
    let environment = Environment::of([
        ("PATH", path.as_str()),
        ("AGENT_KEY", "sk-agent-0123"),
        ("OTHER_KEY", "sk-other-0123"),
        ("DATABASE_URL", "postgres://u:p@h/d"),
    ]);
    let line = "sh -c 'echo \"$AGENT_KEY|$OTHER_KEY|$DATABASE_URL|${PATH:+path}\"'";
    let bare = Command::new(line, &environment).unwrap();
    assert_eq!(answer(&bare).await.text, "|||path");
    let named = bare.passing(&environment, &["AGENT_KEY".into()]).unwrap();
    // It is there, and hidden in what the program repeats of it.
    assert_eq!(answer(&named).await.text, "***|||path");
    assert!(!format!("{named:?}").contains("sk-agent"), "{named:?}");
    let absent = named.passing(&environment, &["ABSENT_KEY".into()]).unwrap_err();
    assert!(absent.to_string().contains("ABSENT_KEY is not set"), "{absent}");
    let closed = Command::new(line, &Environment::closed()).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn the_exit_code_says_what_kind_of_failure_it_was() {
    for (text, kind, is_transient, is_fatal, words) in [
        ("exit 1", ErrorKind::Model, false, false, "exit code 1"),
        ("exit 75", ErrorKind::Overloaded, true, false, "exit code 75 (try again)"),
        ("exit 77", ErrorKind::Unauthorized, false, true, "not permitted"),
        ("exit 78", ErrorKind::Config, false, true, "wrong configuration"),
        ("kill -9 $$", ErrorKind::Model, false, false, "signal 9"),
    ] {
        let error = failure(&script(text, Path::new("x"))).await;
        assert_eq!(error.kind(), kind, "{text}");
        assert_eq!((error.is_transient(), error.is_fatal()), (is_transient, is_fatal), "{text}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_error_quotes_the_end_of_standard_error_without_control_characters_and_secrets() {
    let environment = Environment::of([
        ("PATH", std::env::var("PATH").unwrap()),
        ("AGENT_KEY", "sk-agent-0123".to_owned()),
    ]);
    let line =
        r#"sh -c 'seq 100 >&2; printf "\033[31mno\007 key $AGENT_KEY\n\n" >&2; echo 9; exit 3'"#;
    let program = Command::new(line, &environment).unwrap();
    let program = program.passing(&environment, &["AGENT_KEY".into()]).unwrap();
    let text = failure(&program).await.to_string();
    assert!(text.ends_with(r"97 / 98 / 99 / 100 / \u{1b}[31mno\u{7} key ***"), "{text}");
    assert!(!text.contains("96") && !text.contains(char::is_control), "{text}");
}

#[tokio::test]
async fn control_characters_in_an_answer_are_text() {
    let program = script(r#"printf "\033]0;x\007\r\377\nScore: 7\n\n""#, Path::new("x"));
    assert_eq!(answer(&program).await.text, "\u{1b}]0;x\u{7}\r\u{fffd}\nScore: 7");
}

#[tokio::test]
async fn a_program_that_writes_too_much_is_killed() {
    let program = script("yes", Path::new("x")).output_limit(1000);
    let error = failure(&program).await;
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Model, false));
    assert!(error.to_string().contains("more than 1000 bytes"), "{error}");
    let whole = script("printf %1000d 7", Path::new("x")).output_limit(1000);
    assert_eq!(answer(&whole).await.text.len(), 1000);
}

#[tokio::test]
async fn a_long_request_needs_no_reader_and_may_be_copied_whole() {
    let long = "x".repeat(3 << 20);
    let deaf = script("exec <&-; echo Score: 7", Path::new("x"));
    assert_eq!(deaf.complete(&request(&long)).await.unwrap().text, "Score: 7");
    let copied = command("cat").output_limit(usize::MAX).complete(&request(&long)).await.unwrap();
    assert!(copied.text.len() > long.len());
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_all_that_it_started() {
    let (_folder, path) = pipe();
    // Opened without a writer, so that the test ends also where the program is killed before it begins.
    let mut open = File::options();
    let mut read = open.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path).unwrap();
    let program = script(CHILD, &path).timeout(Duration::from_millis(500));
    let error = failure(&program).await;
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::TimedOut, true));
    assert!(error.to_string().contains("killed after 500ms"), "{error}");
    // The pipe ends when its last writer has.
    fcntl(&read, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    read.read_to_end(&mut Vec::new()).unwrap();
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_process() {
    let (_folder, path) = pipe();
    let program = script(CHILD, &path);
    let asked = tokio::spawn(async move { program.complete(&request("x")).await });
    let reader = tokio::task::spawn_blocking(move || {
        // It opens when the program's own child has opened it for writing.
        let mut read = File::open(path).unwrap();
        let mut begun = [0; 6];
        read.read_exact(&mut begun).unwrap();
        (read, begun)
    });
    let (mut read, begun) = reader.await.unwrap();
    assert_eq!(&begun, b"begun\n");
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    tokio::task::spawn_blocking(move || read.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let (_folder, path) = pipe();
    // The child holds standard output open too, and would hold up the answer.
    let text = "(echo begun > \"$1\"; exec sleep 3600) & read x < \"$1\"; echo Score: 7";
    assert_eq!(answer(&script(text, &path)).await.text, "Score: 7");
}

#[tokio::test]
async fn the_identity_changes_with_the_program_its_arguments_and_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("judge.py");
    let identity = |text: &str, more: &str| {
        fs::write(&file, text).unwrap();
        command(&format!("python3 {} {more}", file.display())).identity().to_owned()
    };
    let first = identity("print(1)", "");
    assert_eq!(identity("print(1)", ""), first);
    assert_ne!(identity("print(2)", ""), first);
    assert_ne!(identity("print(1)", "--strict"), first);
    assert!(first.starts_with("command|v1|/"), "{first}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let own = |text: &str| {
        fs::write(&file, text).unwrap();
        command(&file.display().to_string()).identity().to_owned()
    };
    assert_ne!(own("#!/bin/sh\necho 1"), own("#!/bin/sh\necho 2"));
}

#[test]
fn a_program_that_is_not_there_or_may_not_run_is_refused_before_the_first_record() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("judge.sh");
    fs::write(&file, "echo 7").unwrap();
    let refused = |line: &str| {
        let error = Command::new(line, &Environment::process()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        format!("{error:?}")
    };
    assert!(refused(&file.display().to_string()).contains("chmod +x"));
    assert!(refused("no-such-program-0 --x").contains("there is no program `no-such-program-0`"));
    assert!(refused("/absent/judge").contains("there is no program"));
}

#[tokio::test]
async fn only_a_text_can_be_asked_for() {
    let asked = request("x").ask(Ask::Choose { labels: vec!["Yes".into(), "No".into()] });
    let error = command("cat").complete(&asked).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn the_registry_tries_a_temporary_failure_again_and_refuses_settings_of_servers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tried");
    let text = "if test -e \"$1\"; then echo Score: 7; else touch \"$1\"; exit 75; fi";
    let name = format!("command:sh -c '{text}' sh '{}'", file.display());
    let models = Models::default();
    let model = models.open(name.as_str()).await.unwrap();
    let completion = model.complete(&request("x")).await.unwrap();
    assert_eq!((completion.text.as_str(), completion.attempts), ("Score: 7", 2));
    assert_eq!((model.name(), model.concurrency()), (name.as_str(), 4));
    let settings = ModelSettings { rpm: Some(60), concurrency: Some(2), ..Default::default() };
    let two = models.open(ModelSpec::new(name.as_str()).settings(settings)).await.unwrap();
    assert_eq!(two.concurrency(), 2);
    let error = models.open(ModelSpec::new(name).base_url("http://h/v1")).await.unwrap_err();
    assert!(error.to_string().contains("has no setting `base_url`"), "{error}");
}
