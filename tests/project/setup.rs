//! `scripts/setup.sh` on machines that lack something: each is a folder of programs, with stubs for those that install.

#![cfg(all(feature = "cli", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use crate::support::{Folder, Ran};

/// Programs of every Linux system that the script calls.
const SYSTEM: [&str; 14] = [
    "bash", "cat", "chmod", "cut", "env", "grep", "head", "id", "mkdir", "mktemp", "rm", "sh",
    "sort", "uname",
];

/// A cargo that is new enough.
const CARGO: &str = "echo 'cargo 1.95.0 (0 2026-01-01)'";

/// A machine with the tools of a system, everything to build with except Rust, and an empty home.
struct Machine {
    folder: Folder,
}

impl Machine {
    fn new(name: &str) -> Self {
        let machine = Self { folder: Folder::new(&format!("setup-{name}")) };
        for folder in ["bin", "home", "tmp"] {
            fs::create_dir(machine.folder.path(folder)).unwrap();
        }
        for name in SYSTEM {
            let places = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
            let found = places.into_iter().find(|path| path.exists()).unwrap();
            symlink(found, machine.folder.path("bin").join(name)).unwrap();
        }
        for name in ["c++", "cc", "cmake", "make", "jq"] {
            machine.program(name, "exit 1");
        }
        machine
    }

    /// Adds a program of this name.
    fn program(&self, name: &str, script: &str) {
        let path = self.folder.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Adds apt, which knows this version of the package `rustup` and writes down what it installs.
    fn apt(&self, rustup: &str) {
        self.program("apt-cache", &format!("echo 'rustup:'; echo '  Candidate: {rustup}'"));
        self.program("sudo", r#"exec "$@""#);
        self.program("apt-get", r#"echo "apt-get $*" >>"$HOME/installed""#);
    }

    fn run(&self) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup.sh");
        let mut bash = Command::new(self.folder.path("bin/bash"));
        bash.arg(script).env_clear().env("LIBCLANG_PATH", "/anywhere");
        bash.env("PATH", self.folder.path("bin")).env("HOME", self.folder.path("home"));
        Ran::of(bash.env("TMPDIR", self.folder.path("tmp")).output().unwrap())
    }

    /// What apt installed.
    fn installed(&self) -> String {
        fs::read_to_string(self.folder.path("home/installed")).unwrap_or_default()
    }
}

/// A curl that fetches a script which installs [`CARGO`] into the user's home.
fn curl() -> String {
    r##"while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
cat >"$out" <<'END'
mkdir -p "$HOME/.cargo/bin"
echo "#!/bin/sh
CARGO" >"$HOME/.cargo/bin/cargo"
chmod +x "$HOME/.cargo/bin/cargo"
END"##
        .replace("CARGO", CARGO)
}

#[test]
fn nothing_is_done_where_everything_is_there() {
    let machine = Machine::new("whole");
    machine.program("cargo", CARGO);
    let ran = machine.run().passed();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

#[test]
fn missing_tools_are_named_and_installed_with_apt() {
    let machine = Machine::new("tools");
    machine.program("cargo", CARGO);
    machine.apt("(none)");
    for name in ["c++", "jq"] {
        fs::remove_file(machine.folder.path("bin").join(name)).unwrap();
    }
    let ran = machine.run().passed();
    assert!(ran.out.contains("installing the packages g++ jq ccache"), "{}", ran.out);
    assert!(machine.installed().contains("g++ jq ccache"), "{}", machine.installed());
}

/// Debian 12 knows the name `rustup`, for other packages mention it, and has no such package.
#[test]
fn without_a_package_rust_comes_from_the_script_of_rustup() {
    let machine = Machine::new("script");
    machine.apt("(none)");
    machine.program("curl", &curl());
    let ran = machine.run().passed();
    assert!(ran.out.contains("with the script of https://rustup.rs"), "{}", ran.out);
    assert_eq!(machine.installed(), "");
    assert!(machine.folder.path("home/.cargo/bin/cargo").exists());
}

#[test]
fn with_a_package_rust_comes_from_apt() {
    let machine = Machine::new("package");
    machine.apt("1.27.1-4");
    let bin = machine.folder.path("bin").display().to_string();
    let apt = r#"echo "$*" >>"$HOME/installed"
printf '#!/bin/sh\nCARGO\n' >BIN/cargo
printf '#!/bin/sh\n' >BIN/rustup
chmod +x BIN/cargo BIN/rustup"#;
    machine.program("apt-get", &apt.replace("CARGO", "echo cargo 1.95.0").replace("BIN", &bin));
    let ran = machine.run().passed();
    assert!(ran.out.contains("installing Rust with rustup"), "{}", ran.out);
    assert!(machine.installed().contains("rustup"), "{}", machine.installed());
}

#[test]
fn without_the_network_it_stops_and_says_what_to_do() {
    let machine = Machine::new("offline");
    machine.apt("(none)");
    machine.program("curl", "echo 'curl: (6) Could not resolve host: sh.rustup.rs' >&2; exit 6");
    let ran = machine.run();
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("Rust could not be installed: install Rust 1.90 or newer"),
        "{}",
        ran.out
    );
    assert_eq!(fs::read_dir(machine.folder.path("tmp")).unwrap().count(), 0);
}

#[test]
fn an_old_rust_is_refused() {
    let machine = Machine::new("old");
    machine.program("cargo", "echo 'cargo 1.63.0 (0 2022-07-05)'");
    let ran = machine.run();
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.contains("Rust 1.63.0 is older than 1.90: run 'rustup update stable'"),
        "{}",
        ran.out
    );
}
