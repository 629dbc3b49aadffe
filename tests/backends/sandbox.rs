//! Code in the sandbox: what it can do, and every way out of it that is known.
//!
//! Each attempt prints `escaped` if it succeeds. It is made in the sandbox as this machine has it, and in each of the
//! smaller ones that older kernels and containers leave.

#![cfg(all(feature = "cli", feature = "code", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::{
    fs,
    io::ErrorKind as IoKind,
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    time::Duration,
};

use tribunal::{
    ErrorKind,
    backend::{
        Backend,
        sandbox::{BlockEnd, Sandbox, SandboxLimits, SandboxOptions},
    },
    request::{Ask, Request},
};

use crate::support::Folder;

/// Python of the system, which every user can read, or any other.
fn python() -> Option<PathBuf> {
    let system = Path::new("/usr/bin/python3");
    if system.exists() {
        return Some(system.to_owned());
    }
    let runs = std::process::Command::new("python3").arg("--version").output();
    let found = runs.is_ok_and(|ran| ran.status.success()).then(|| PathBuf::from("python3"));
    if found.is_none() {
        eprintln!("left out: needs python3");
    }
    found
}

/// A sandbox without these means of the kernel.
async fn opened(
    python: &Path,
    without: &[&str],
    limits: SandboxLimits,
) -> tribunal::Result<Sandbox> {
    let options = SandboxOptions {
        runner: Some(env!("CARGO_BIN_EXE_tribunal").into()),
        python: Some(python.to_owned()),
        limits,
        without: without.iter().map(|name| (*name).to_owned()).collect(),
    };
    Sandbox::open(options).await
}

/// The sandbox of this machine; `None` where there is no Python.
async fn sandbox() -> Option<Sandbox> {
    Some(opened(&python()?, &[], SandboxLimits::default()).await.unwrap())
}

/// Every sandbox that this machine can have, with a short time for each block.
async fn sandboxes() -> Vec<Sandbox> {
    let Some(python) = python() else { return Vec::new() };
    let mut all = Vec::new();
    for without in [&[][..], &["landlock"], &["namespaces"]] {
        let limits = SandboxLimits { time: Duration::from_secs(1), ..SandboxLimits::default() };
        match opened(&python, without, limits).await {
            Ok(sandbox) => all.push(sandbox),
            Err(error) => eprintln!("left out: without {without:?}: {error}"),
        }
    }
    assert!(!all.is_empty());
    all
}

fn blocks(blocks: &[&str]) -> Vec<String> {
    blocks.iter().map(|block| (*block).to_owned()).collect()
}

async fn printed(sandbox: &Sandbox, code: &str) -> String {
    sandbox.run(&blocks(&[code])).await.unwrap().text
}

#[tokio::test]
async fn blocks_share_their_names_and_the_last_one_prints() {
    let Some(sandbox) = sandbox().await else { return };
    let run = async |code: &[&str]| sandbox.run(&blocks(code)).await.unwrap().text;
    assert_eq!(
        run(&["x = 20\nprint('no')", "def f(y):\n    return x + y", "print(f(22))"]).await,
        "42"
    );
    assert_eq!(run(&["1 / 0", "print('on')"]).await, "on");
    assert_eq!(run(&["x = 1\nx = y", "print(x)"]).await, "1");
    assert_eq!(run(&["import fractions\nprint(fractions.Fraction(1, 3) + 1)"]).await, "4/3");
    assert_eq!(run(&["if __name__ == '__main__':\n    print('main')"]).await, "main");
    let sets = "print({str(n) for n in range(9)})";
    assert_eq!(run(&[sets]).await, run(&[sets]).await, "the order of a set does not change");
}

#[tokio::test]
async fn failures_are_words_for_the_judge() {
    let Some(sandbox) = sandbox().await else { return };
    for (code, text, end) in [
        (
            "print(1)\n1 / 0",
            "Code execute Error: ZeroDivisionError: division by zero",
            BlockEnd::Raised,
        ),
        (
            "print(",
            "Code execute Error: SyntaxError: '(' was never closed (<code>, line 1)",
            BlockEnd::Raised,
        ),
        ("print('a'); exit()", "a", BlockEnd::Done),
        (
            "import os\nos._exit(3)",
            "Code execute Error: the interpreter ended with code 3",
            BlockEnd::Lost,
        ),
        ("", "", BlockEnd::Done),
    ] {
        let printed = sandbox.run(&blocks(&[code])).await.unwrap();
        assert_eq!((printed.text.as_str(), printed.end), (text, end), "{code}");
    }
    let long = sandbox.run(&blocks(&["print('x' * 20000)"])).await.unwrap().text;
    assert!(long.ends_with("x\n[left out: 3617 more characters]"), "{}", &long[16_300..]);
}

#[tokio::test]
async fn a_sandbox_answers_requests_to_run_code_and_no_others() {
    let Some(sandbox) = sandbox().await else { return };
    let request = Request::generate(Vec::new());
    let run = request.clone().ask(Ask::Run { blocks: blocks(&["print(6 * 7)"]) });
    let answer = sandbox.complete(&run).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.attempts), ("42", 0));
    assert!(sandbox.capabilities().await.run.is_yes());
    assert_eq!(sandbox.complete(&request).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn without_python_and_without_means_to_confine_nothing_is_run() {
    let limits = SandboxLimits::default;
    let error = opened(Path::new("/nowhere/python3"), &[], limits()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(format!("{error:?}").contains("install Python 3"), "{error:?}");
    let Some(python) = python() else { return };
    let error = opened(&python, &["namespaces", "landlock"], limits()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(format!("{error:?}").contains("allow user namespaces"), "{error:?}");
    let runner = Some("/nowhere/tribunal".into());
    let options = SandboxOptions { runner, python: Some(python), ..SandboxOptions::default() };
    assert_eq!(Sandbox::open(options).await.unwrap_err().kind(), ErrorKind::Config);
}

/// What attempts aim at: things of this process that code must not reach.
struct Targets {
    folder: Folder,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    /// A file that is open in this process, and would be passed on.
    leaked: std::os::fd::OwnedFd,
}

/// What stands in the file.
const SECRET: &str = "the-secret-of-this-test";

/// A path as a text of Python.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

impl Targets {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let file = folder.path("secret");
        fs::write(&file, SECRET).unwrap();
        // Even a file that everybody may write is out of reach.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        fs::set_permissions(&file, open).unwrap();
        let whole = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(folder.path(""), whole).unwrap();
        let unix = UnixListener::bind(folder.path("socket")).unwrap();
        unix.set_nonblocking(true).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        tcp.set_nonblocking(true).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_nonblocking(true).unwrap();
        // A copy made this way is passed on to programs.
        let leaked = nix::unistd::dup(fs::File::open(&file).unwrap()).unwrap();
        Self { folder, tcp, udp, unix, leaked }
    }

    /// The code of an attempt with the names of its targets.
    fn aimed(&self, code: &str) -> String {
        code.replace("SAYS", &format!("{SAYS:?}"))
            .replace("FILE", &quoted(&self.folder.path("secret")))
            .replace("SOCKET", &quoted(&self.folder.path("socket")))
            .replace("FOLDER", &quoted(&self.folder.path("")))
            .replace("TCP", &self.tcp.local_addr().unwrap().port().to_string())
            .replace("UDP", &self.udp.local_addr().unwrap().port().to_string())
            .replace("PID", &std::process::id().to_string())
    }

    /// Nothing has reached them.
    fn assert_untouched(&self, name: &str) {
        assert_eq!(fs::read_to_string(self.folder.path("secret")).unwrap(), SECRET, "{name}");
        let files = fs::read_dir(self.folder.path("")).unwrap().count();
        assert_eq!(files, 2, "{name}: there are more files");
        let nothing =
            |error: std::io::Error| assert_eq!(error.kind(), IoKind::WouldBlock, "{name}");
        nothing(self.tcp.accept().map(drop).unwrap_err());
        nothing(self.unix.accept().map(drop).unwrap_err());
        nothing(self.udp.recv(&mut [0; 8]).map(drop).unwrap_err());
    }
}

/// What a shell would say, in the form of a report.
const SAYS: &str = r#"echo '{"text": "escaped"}'"#;

/// Ways out: each prints `escaped` if it leads somewhere.
const ATTEMPTS: &[(&str, &str)] = &[
    ("reading a file", "print('escaped', open(FILE).read())"),
    (
        "reading by a link",
        "import os\nos.symlink(FILE, 'link')\nprint('escaped', open('link').read())",
    ),
    ("reading users", "print('escaped', open('/etc/passwd').read())"),
    ("reading passwords", "print('escaped', open('/etc/shadow').read())"),
    (
        "listing homes",
        "import os\nfor folder in ['/root', '/home', '/work', '/proc', '/sys', FOLDER]:\n    try:\n        os.listdir(folder)\n        print('escaped', folder)\n    except OSError:\n        pass\nif os.path.expanduser('~') != '/tmp':\n    print('escaped to', os.path.expanduser('~'))",
    ),
    (
        "the folder of the parent",
        "import os\nfor path in [f'/proc/{pid}/{what}' for pid in ['self', PID, os.getppid(), 1] for what in ['cwd/Cargo.toml', 'environ', 'mem', 'maps', 'root/etc/passwd', 'fd/0', 'fd/1', 'cmdline'] if pid != 'self' or what[:2] != 'fd']:\n    try:\n        print('escaped', open(path, 'rb').read(8))\n    except OSError:\n        pass",
    ),
    ("writing a file", "open(FILE, 'w').write('changed')\nprint('escaped')"),
    ("appending to a file", "open(FILE, 'a').write('changed')\nprint('escaped')"),
    ("cutting a file off", "import os\nos.truncate(FILE, 0)\nprint('escaped')"),
    ("removing a file", "import os\nos.unlink(FILE)\nprint('escaped')"),
    ("renaming a file", "import os\nos.rename(FILE, FILE + '2')\nprint('escaped')"),
    ("a new file elsewhere", "open(FILE + '2', 'w').write('new')\nprint('escaped')"),
    ("a new link elsewhere", "import os\nos.symlink('/', FILE + '2')\nprint('escaped')"),
    ("a hard link", "import os\nos.link(FILE, 'link')\nprint('escaped', open('link').read())"),
    ("changing a mode", "import os\nos.chmod(FILE, 0o600)\nprint('escaped')"),
    ("changing a time", "import os\nos.utime(FILE, (0, 0))\nprint('escaped')"),
    (
        "changing a mode of what may be read",
        "import glob, os\nfor path in [os.__file__] + glob.glob('/usr/lib/python3*/*.py')[:5]:\n    fd = os.open(path, os.O_RDONLY)\n    for change in [lambda: os.fchmod(fd, 0o777), lambda: os.utime(fd, (0, 0))]:\n        try:\n            change()\n            print('escaped')\n        except OSError:\n            pass",
    ),
    ("writing the library", "import os\nopen(os.__file__, 'a').write('\\n')\nprint('escaped')"),
    (
        "writing beside the library",
        "import os\nfor folder in ['/', '/usr', '/usr/lib', '/lib', '/dev', '/var', os.path.dirname(os.__file__)]:\n    try:\n        open(folder + '/escaped', 'w')\n        print('escaped', folder)\n    except OSError:\n        pass",
    ),
    ("a device", "open('/dev/vda', 'rb')\nprint('escaped')"),
    (
        "a new device",
        "import os, stat\nos.mknod('disk', stat.S_IFBLK | 0o666, os.makedev(254, 0))\nprint('escaped')",
    ),
    ("the terminal", "open('/dev/tty')\nprint('escaped')"),
    (
        "typing into a terminal",
        "import fcntl\nfor fd in range(3):\n    try:\n        fcntl.ioctl(fd, 0x5412, b'x')\n        print('escaped')\n    except OSError as error:\n        assert error.errno == 1, error",
    ),
    (
        "a connection",
        "import socket\nsocket.create_connection(('127.0.0.1', TCP)).send(b'x')\nprint('escaped')",
    ),
    (
        "a datagram",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', UDP))\nprint('escaped')",
    ),
    (
        "a local socket",
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(SOCKET)\nprint('escaped')",
    ),
    (
        "an abstract socket",
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0tribunal')\nprint('escaped')",
    ),
    (
        "a pair of datagram sockets",
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendto(b'x', SOCKET)\nprint('escaped')",
    ),
    (
        "a listener",
        "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\nprint('escaped')",
    ),
    ("names of hosts", "import socket\nprint('escaped', socket.gethostbyname('example.com'))"),
    (
        "a fork bomb",
        "import os\nfor _ in range(1000):\n    try:\n        if os.fork() == 0:\n            while True:\n                pass\n        print('escaped')\n    except OSError:\n        pass",
    ),
    (
        "a shell",
        "import subprocess\nprint('escaped', subprocess.run(['/bin/sh', '-c', 'id'], capture_output=True).stdout)",
    ),
    (
        "a system call of the shell",
        "import os\nprint('escaped' if os.system('true') == 0 else 'no')",
    ),
    (
        "another process",
        "import multiprocessing\np = multiprocessing.Process(target=print)\np.start()\nprint('escaped')",
    ),
    ("another program", "import os\nos.dup2(3, 1)\nos.execv('/bin/sh', ['sh', '-c', SAYS])"),
    (
        "another program by the loader",
        "import glob, os\nos.dup2(3, 1)\nfor loader in glob.glob('/lib64/ld-linux*') + glob.glob('/lib/ld-*'):\n    os.execv(loader, [loader, '/bin/sh', '-c', SAYS])",
    ),
    (
        "a program of its own",
        "import os\nopen('own', 'w').write('#!/bin/sh\\n' + SAYS)\nos.chmod('own', 0o755)\nos.dup2(3, 1)\nos.execv('./own', ['own'])",
    ),
    (
        "a signal to the parent",
        "import os\nfor pid in [os.getppid(), PID]:\n    try:\n        os.kill(pid, 9)\n        print('escaped')\n    except OSError:\n        pass",
    ),
    (
        "a signal to all",
        "import os\nfor pid in [-1, 0, 1]:\n    try:\n        os.kill(pid, 0)\n        print('escaped')\n    except OSError:\n        pass",
    ),
    (
        "raw system calls",
        "import ctypes, platform\nlibc = ctypes.CDLL(None, use_errno=True)\nif platform.machine() == 'x86_64':\n    calls = {41: 'socket', 42: 'connect', 49: 'bind', 56: 'clone', 57: 'fork', 58: 'vfork', 435: 'clone3', 62: 'kill', 200: 'tkill', 101: 'ptrace', 310: 'process_vm_readv', 311: 'process_vm_writev', 165: 'mount', 166: 'umount2', 155: 'pivot_root', 161: 'chroot', 272: 'unshare', 308: 'setns', 425: 'io_uring_setup', 321: 'bpf', 250: 'keyctl', 248: 'add_key', 323: 'userfaultfd', 298: 'perf_event_open', 304: 'open_by_handle_at', 319: 'memfd_create', 29: 'shmget', 64: 'semget', 68: 'msgget', 240: 'mq_open', 317: 'seccomp', 157: 'prctl', 105: 'setuid', 106: 'setgid', 116: 'setgroups', 117: 'setresuid', 160: 'setrlimit', 109: 'setpgid', 112: 'setsid', 170: 'sethostname', 169: 'reboot', 246: 'kexec_load', 175: 'init_module', 313: 'finit_module', 434: 'pidfd_open', 424: 'pidfd_send_signal', 438: 'pidfd_getfd', 446: 'landlock_restrict_self', 135: 'personality', 172: 'iopl', 173: 'ioperm', 153: 'vhangup', 428: 'open_tree', 430: 'fsopen', 442: 'mount_setattr', 356: 'x32', 0x40000000 + 41: 'x32 socket'}\n    for number, name in calls.items():\n        if libc.syscall(number, 0, 0, 0, 0, 0) >= 0:\n            print('escaped by', name)",
    ),
    (
        "tracing the parent",
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nfor pid in [os.getppid(), PID]:\n    if libc.ptrace(16, pid, 0, 0) == 0:\n        print('escaped')",
    ),
    ("more rights", "import os\nos.setuid(0)\nprint('escaped')"),
    (
        "new namespaces",
        "import ctypes\nlibc = ctypes.CDLL(None)\nif libc.unshare(0x10000000) == 0 or libc.unshare(0x20000) == 0:\n    print('escaped')",
    ),
    (
        "a mount",
        "import ctypes\nlibc = ctypes.CDLL(None)\nif libc.mount(b'proc', b'/tmp', b'proc', 0, None) == 0 or libc.mount(None, b'/', None, 32, None) == 0:\n    print('escaped')",
    ),
    (
        "larger limits",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\nprint('escaped')",
    ),
    (
        "variables",
        "import os\nfor name, value in os.environ.items():\n    if 'CARGO' in name or 'TRIBUNAL' in name or name == 'USER':\n        print('escaped', name, value)",
    ),
    (
        "open files",
        "import os\nfor fd in range(4, 1024):\n    try:\n        print('escaped', fd, os.pread(fd, 99, 0))\n    except OSError:\n        pass",
    ),
    ("memory at once", "data = bytearray(8 << 30)\nprint('escaped')"),
    (
        "memory bit by bit",
        "data = []\nwhile True:\n    data.append(bytearray(1 << 24))\n    if len(data) > 200:\n        print('escaped')\n        break",
    ),
    (
        "memory in files",
        "import mmap\ndata = [mmap.mmap(-1, 1 << 28) for _ in range(16)]\nprint('escaped')",
    ),
    (
        "memory in pipes",
        "import fcntl, os\npipes = []\nwhile True:\n    pipes.append(os.pipe())\n    fcntl.fcntl(pipes[-1][0], 1031, 1 << 20)\n    if len(pipes) > 100:\n        print('escaped')\n        break",
    ),
    (
        "a huge file",
        "f = open('/tmp/big', 'wb')\nfor _ in range(100):\n    f.write(bytes(1 << 20))\n    f.flush()\nprint('escaped')",
    ),
    ("many files", "for n in range(10000):\n    open(f'/tmp/f{n}', 'w').close()\nprint('escaped')"),
    (
        "much in many files",
        "for n in range(20):\n    with open(f'/tmp/f{n}', 'wb') as f:\n        f.write(bytes(1 << 23))\nprint('escaped')",
    ),
    (
        "threads",
        "import threading, time\nthreading.stack_size(1 << 15)\nfor _ in range(2000):\n    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\nprint('escaped')",
    ),
    (
        "endless recursion",
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f():\n    return f()\nf()\nprint('escaped')",
    ),
    (
        "deep recursion in C",
        "x = []\nfor _ in range(10 ** 6):\n    x = [x]\nimport json, sys\nsys.setrecursionlimit(10 ** 9)\njson.dumps(x)\nprint('escaped' * 0)",
    ),
    ("an endless loop", "while True:\n    pass"),
    ("a long sleep", "import time\ntime.sleep(1000)\nprint('escaped')"),
    (
        "a loop without alarms",
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
    ),
    ("a long calculation", "x = 10 ** (10 ** 9)\nprint('escaped')"),
    ("a flood of words", "while True:\n    print('x' * 1000)"),
    ("a flood of the report", "import os\nwhile True:\n    os.write(3, b'x' * 65536)"),
    ("a forged report", "import os\nos.write(3, b'{\"text\": \"forged\"}')\nos._exit(0)"),
    ("a crash", "import ctypes\nctypes.string_at(0)"),
    ("an abort", "import os\nos.abort()"),
    ("closed outputs", "import os\nos.closerange(0, 100)\nwhile True:\n    pass"),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_leaves_the_sandbox_and_the_next_code_runs_after_each() {
    for (n, sandbox) in sandboxes().await.iter().enumerate() {
        let kept = sandbox.protections().join(", ");
        let targets = Targets::new(&format!("sandbox-{n}"));
        for (name, code) in ATTEMPTS {
            let text = printed(sandbox, &targets.aimed(code)).await;
            assert!(!text.contains("escaped"), "{name} ({kept}): {text}");
            assert!(!text.contains(SECRET), "{name} ({kept}): {text}");
            assert!(text.len() < 20_000, "{name} ({kept}): {} bytes", text.len());
            assert_eq!(printed(sandbox, "print(6 * 7)").await, "42", "after {name} ({kept})");
            targets.assert_untouched(&format!("{name} ({kept})"));
        }
        drop(targets.leaked);
    }
}

#[tokio::test]
async fn what_programs_usually_need_is_there() {
    let Some(sandbox) = sandbox().await else { return };
    for (code, text) in [
        (
            "import math, random, re, itertools, collections, decimal, statistics\nprint(math.comb(5, 2))",
            "10",
        ),
        (
            "import threading\nt = threading.Thread(target=lambda: print('t'))\nt.start()\nt.join()",
            "t",
        ),
        (
            "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 7\nprint(asyncio.run(f()))",
            "7",
        ),
        (
            "with open('/tmp/a.txt', 'w') as f:\n    f.write('kept')\nprint(open('/tmp/a.txt').read())",
            "kept",
        ),
        ("import tempfile\nwith tempfile.TemporaryFile() as f:\n    print(f.write(b'x'))", "1"),
        ("import os\nprint(os.getcwd(), len(os.urandom(4)), os.cpu_count() >= 1)", "/tmp 4 True"),
        (
            "import datetime, time\ntime.sleep(0.01)\nprint(datetime.date(2024, 2, 29).isoweekday())",
            "4",
        ),
        ("import ctypes\nprint(ctypes.CDLL(None).abs(-3))", "3"),
        (
            "import sqlite3\nprint(sqlite3.connect(':memory:').execute('select 1 + 1').fetchone()[0])",
            "2",
        ),
    ] {
        assert_eq!(printed(&sandbox, code).await, text, "{code}");
    }
}
