//! The program as people run it: in a folder of its own, without anything of the caller's environment.

use std::{
    fs,
    io::Write,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

use super::Folder;

/// A folder, and the program run in it without anything of the caller's environment.
pub struct Place {
    /// Where it runs.
    pub folder: Folder,
}

/// What a run of the program came to.
#[derive(Debug)]
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

    /// The lines of results, which come as records end, in the order of the records.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<Value> = lines.collect();
        lines.sort_by_key(|line| line["index"].as_u64());
        lines
    }
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
            .current_dir(self.folder.path(""));
        command
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
