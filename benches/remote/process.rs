//! Processes that are measured, and the server in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use tribunal::{Error, ErrorKind, Result};

use crate::faulty::Faults;

/// What a process used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// User and system time.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// The most memory that it held at once, in MB.
    pub(crate) peak: f64,
}

/// Runs a process to its end.
///
/// # Errors
/// It cannot be started, or it fails.
pub(crate) fn measured(command: &mut Command) -> Result<Used> {
    let (before, started) = (children()?, Instant::now());
    let mut child = command.stdin(Stdio::null()).spawn().map_err(Error::other)?;
    let mut peak = 0.0;
    let status = loop {
        if let Some(found) = peak_of(child.id()) {
            peak = found;
        }
        if let Some(status) = child.try_wait().map_err(Error::other)? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = started.elapsed();
    if !status.success() {
        return Err(Error::new(ErrorKind::Model, format!("{command:?} ended with {status}")));
    }
    Ok(Used { cpu: children()?.saturating_sub(before), wall, peak })
}

/// The CPU time of all processes that were waited for.
fn children() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(Error::other)?;
    let time = |value: TimeVal| {
        Duration::from_micros(
            (value.tv_sec() * 1_000_000 + value.tv_usec()).try_into().unwrap_or(0),
        )
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// The most memory that a process held so far, in MB; `None` after its end.
fn peak_of(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    /// Where it is, up to and including `/v1`.
    pub(crate) url: String,
}

impl Server {
    /// Starts a server that takes `latency` for each answer.
    ///
    /// # Errors
    /// The process cannot be started.
    pub(crate) fn start(latency: Duration) -> Result<Self> {
        let program = std::env::current_exe().map_err(Error::other)?;
        let mut command = Command::new(program);
        command.args(["serve", &latency.as_millis().to_string()]).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(Error::other)?;
        let mut url = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut url).map_err(Error::other)?;
        }
        Ok(Self { child, url: url.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process of the server: prints its address, and answers until it is killed.
///
/// # Errors
/// There is no free port.
pub(crate) async fn serve(latency: &str) -> Result<()> {
    let latency = Duration::from_millis(latency.parse().map_err(Error::other)?);
    let server = crate::start(Faults::default(), latency).await?;
    println!("{}", server.url());
    std::io::stdout().flush().map_err(Error::other)?;
    std::future::pending().await
}
