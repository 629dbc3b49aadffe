//! The program as people run it, in a sealed environment: a temporary folder as working directory and home, no
//! variable of the caller, a terminal of [`COLUMNS`] columns, and output whose times, addresses and paths can be
//! replaced by names, for snapshots.

use std::{
    fs,
    io::Write,
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;

use super::Folder;

/// The width of help and tables.
pub const COLUMNS: &str = "100";

/// A temporary folder, and the program run in it without anything of the caller's environment.
pub struct Place {
    /// The working directory.
    pub folder: Folder,
}

/// What a run of the program printed, and how it ended.
#[derive(Debug)]
#[must_use = "compare what was printed, or the exit code"]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// A process that has ended.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// A process, when it has ended.
    pub async fn ended(child: Child) -> Self {
        let wait = tokio::task::spawn_blocking(|| child.wait_with_output());
        Self::of(wait.await.unwrap().unwrap())
    }

    /// A process that Ctrl-C stops, when it has ended.
    #[cfg(unix)]
    pub async fn interrupted(child: Child) -> Self {
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        Self::ended(child).await
    }

    /// Checks that the run ended with 0.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert_eq!(self.code, 0, "{}", self.err);
    }

    /// The run, which must have ended with 0.
    #[track_caller]
    pub fn passed(self) -> Self {
        self.assert_passed();
        self
    }

    /// The lines of results, which come as records end, in the order of the records.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<Value> = lines.collect();
        lines.sort_by_key(|line| line["index"].as_u64());
        lines
    }
}

/// So many records, as lines: `r0` with the question `q0.`, `r1` with `q1.`, and so on.
pub fn records(count: usize) -> String {
    let record = |n| format!("{{\"id\": \"r{n}\", \"question\": \"q{n}.\", \"answer\": \"a\"}}\n");
    (0..count).map(record).collect()
}

impl Place {
    /// A new folder.
    pub fn new(name: &str) -> Self {
        Self { folder: Folder::new(name) }
    }

    /// Writes a file, in folders that are made, and gives its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path(name)).unwrap()
    }

    /// The program with these arguments, ready to start.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.folder.path("home"))
            .env("COLUMNS", COLUMNS)
            .current_dir(self.folder.path(""));
        command
    }

    /// Runs the program without any input, and gives everything that a person sees of it, for a snapshot.
    pub fn shown(&self, args: &[&str]) -> String {
        self.show(&self.run(args))
    }

    /// Everything that a person sees of a run: the exit code and both outputs. What differs from run to run is
    /// replaced by a name: the folder, addresses, times, rates and digests.
    pub fn show(&self, ran: &Ran) -> String {
        let Ran { code, out, err } = ran;
        let parts = [format!("exit code {code}"), section("stdout", out), section("stderr", err)];
        let shown: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.filtered(&shown.join("\n"))
    }

    /// The exit code and the messages of a run, without its results.
    pub fn messages(&self, ran: &Ran) -> String {
        let Ran { code, err, .. } = ran;
        self.filtered(&format!("exit code {code}\n{}", section("stderr", err)))
    }

    /// The text without what differs from run to run.
    pub fn filtered(&self, text: &str) -> String {
        let folder = self.folder.path("").display().to_string();
        let folder = folder.trim_end_matches('/');
        let text = text.replace(folder, "[FOLDER]");
        let filters = FILTERS.iter();
        filters.fold(text, |text, (regex, name)| regex.replace_all(&text, *name).into_owned())
    }

    /// Starts the program without any input, with a key for servers on this machine.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.env("OPENAI_API_KEY", "k");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs the program without any input.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs the program with this input.
    pub fn pipe(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }
}

/// What differs from run to run, and the name that stands for it in snapshots.
static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let filters = [
        (r"127\.0\.0\.1:\d+", "[ADDRESS]"),
        (r"\b\d+\.\d+/s\b", "[RATE]"),
        (r#"("latency_ms":)\d+"#, "$1[TIME]"),
        (r"\b\d+(\.\d+)? (ms|s|min)\b( \d+ s\b)?", "[TIME]"),
        // How much of a prompt is computed anew depends on what was asked before.
        (r"prompt tokens \(\d+ cached\)", "prompt tokens ([N] cached)"),
        (r": \d+ prompt tokens evaluated.*", ": [ENGINE]"),
        (r#""cached":\d+"#, "\"cached\":[N]"),
        (r#""[0-9a-f]{8,64}""#, "\"[DIGEST]\""),
        (r"\b[0-9a-f]{32,64}\b", "[DIGEST]"),
        // The last digits of a probability depend on the processor.
        (r"\b\d\.\d{6,}(e-?\d+)?\b", "[NUMBER]"),
        (r"\btribunal \d+\.\d+\.\d+\b", "tribunal [VERSION]"),
    ];
    filters.into_iter().map(|(regex, name)| (Regex::new(regex).unwrap(), name)).collect()
});

/// One output below its name; nothing where nothing was printed.
fn section(name: &str, text: &str) -> String {
    match text.trim_end() {
        "" => String::new(),
        text => format!("----- {name}\n{text}"),
    }
}
