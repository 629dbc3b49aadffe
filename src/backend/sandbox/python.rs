//! The interpreter on this machine, and the files that it needs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SandboxOptions;
use crate::error::{Error, ErrorKind, Result};

/// An interpreter of Python, and what it reads.
#[derive(Clone, Debug)]
pub(super) struct Python {
    /// The version, such as `3.11.7`.
    pub(super) version: String,
    /// The program, without links.
    pub(super) program: PathBuf,
    /// The folders of modules.
    pub(super) modules: Vec<PathBuf>,
    /// All files and folders that it needs.
    pub(super) readable: Vec<PathBuf>,
    /// The interpreter, and the loader of programs.
    pub(super) runnable: Vec<PathBuf>,
}

/// What the interpreter says about itself.
#[derive(Deserialize)]
struct Facts {
    version: String,
    program: PathBuf,
    prefixes: Vec<PathBuf>,
    path: Vec<PathBuf>,
}

/// Prints the [`Facts`].
const PROBE: &str = "\
import json, os, sys
real = os.path.realpath
print(json.dumps({
    'version': '.'.join(map(str, sys.version_info[:3])),
    'program': real(sys.executable),
    'prefixes': [real(p) for p in (sys.base_prefix, sys.base_exec_prefix, sys.prefix)],
    'path': [real(p) for p in sys.path if p and os.path.exists(p)],
}))";

/// The oldest version that the driver of the sandbox runs on.
const OLDEST: (u32, u32) = (3, 8);

/// Libraries of the system, and where the loader finds them.
const LIBRARIES: [&str; 8] = [
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/share/zoneinfo",
];

/// Loaders of programs.
const LOADERS: [&str; 6] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
    "/lib/ld-musl-riscv64.so.1",
];

/// Where systems keep everything that programs read, each package in a folder of its own.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];

impl Python {
    /// The interpreter that the options name, or `python3` of `PATH`.
    ///
    /// # Errors
    /// There is none, it is too old, or it does not run.
    pub(super) async fn find(options: &SandboxOptions) -> Result<Self> {
        let name = options.python.as_deref().unwrap_or(Path::new("python3"));
        let mut command = tokio::process::Command::new(name);
        // Neither the folder nor the variables decide what is imported.
        command.args(["-I", "-c", PROBE]).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let said = command.output().await.map_err(|cause| absent(name).because(cause))?;
        let facts = serde_json::from_slice(&said.stdout).map_err(|cause| {
            let last = String::from_utf8_lossy(&said.stderr);
            let last = last.lines().next_back().unwrap_or_default().to_owned();
            let error = absent(name);
            if last.is_empty() { error.because(cause) } else { error.because(last) }
        })?;
        Self::new(facts, name)
    }

    /// The interpreter with all that it needs.
    ///
    /// # Errors
    /// It is too old.
    fn new(facts: Facts, name: &Path) -> Result<Self> {
        let Facts { version, program, prefixes, path } = facts;
        let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if found < OLDEST {
            let (major, minor) = OLDEST;
            let message = format!("`{}` is Python {version}, which is too old", name.display());
            return Err(hinted(Error::new(
                ErrorKind::Config,
                format!("{message}: code needs Python {major}.{minor} or newer"),
            )));
        }
        let libraries =
            prefixes.iter().flat_map(|prefix| ["lib", "lib64"].map(|lib| prefix.join(lib)));
        let mut readable: Vec<PathBuf> = LIBRARIES.iter().map(PathBuf::from).collect();
        readable
            .extend(STORES.iter().map(PathBuf::from).filter(|store| program.starts_with(store)));
        readable.extend(libraries);
        readable.push(program.clone());
        let loaders = LOADERS.iter().filter_map(|path| Path::new(path).canonicalize().ok());
        let stores =
            readable.iter().filter(|path| STORES.iter().any(|store| path == &Path::new(store)));
        let runnable = loaders.chain(stores.cloned()).chain([program.clone()]).collect();
        // A folder of modules that is elsewhere, such as that of a project, stays hidden.
        let modules =
            path.into_iter().filter(|path| readable.iter().any(|own| path.starts_with(own)));
        Ok(Self { version, modules: modules.collect(), program, readable, runnable })
    }
}

/// The error of a machine without this interpreter.
fn absent(name: &Path) -> Error {
    let message = format!("code cannot be run: `{}` is no Python that runs", name.display());
    hinted(Error::new(ErrorKind::Config, message))
}

fn hinted(error: Error) -> Error {
    error.hint(
        crate::Hint::from("install Python 3, or name the program with ")
            .setting("python", "/usr/bin/python3"),
    )
}
