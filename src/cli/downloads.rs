//! Downloads of models and data sets, as a person sees them: a bar on a terminal, a line at the beginning and every 30 seconds
//! elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::note;
use tribunal::{
    hub::{Download, OnDownload},
    report::escaped,
};

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(30);

/// Shows downloads on standard error; nothing if `quiet`.
pub(super) fn shown(quiet: bool) -> OnDownload {
    if quiet {
        return Arc::new(|_| ());
    }
    if std::io::stderr().is_terminal() {
        return on_terminal();
    }
    let last: Mutex<Option<(String, Instant)>> = Mutex::default();
    Arc::new(move |download| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due =
            last.as_ref().is_none_or(|(file, at)| *file != download.file || at.elapsed() >= EVERY);
        if is_due {
            note(&line(download));
            *last = Some((download.file.clone(), Instant::now()));
        }
    })
}

/// Shows a bar for each file.
fn on_terminal() -> OnDownload {
    let current: Mutex<Option<(String, ProgressBar)>> = Mutex::default();
    Arc::new(move |download| {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, bar) = match current.take() {
            Some((file, bar)) if file == download.file => current.insert((file, bar)),
            _ => current.insert((download.file.clone(), bar(download))),
        };
        bar.set_position(download.bytes);
        if download.bytes >= download.total {
            bar.finish_and_clear();
        }
    })
}

/// The bar of a file.
fn bar(download: &Download) -> ProgressBar {
    const STYLE: &str = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let bar = ProgressBar::new(download.total);
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
        bar.set_style(style);
    }
    bar.set_message(escaped(&download.file));
    bar
}

/// How far a download is, in a line.
fn line(download: &Download) -> String {
    let Download { file, bytes, total, .. } = download;
    let file = escaped(file);
    if *bytes == 0 {
        return format!("downloading {file}, {}", HumanBytes(*total));
    }
    format!("downloading {file}: {} of {}", HumanBytes(*bytes), HumanBytes(*total))
}
