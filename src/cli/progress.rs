//! The progress of a run: a bar on a terminal, a line every 30 seconds elsewhere.
//!
//! The speed is that of records which this run judged: those kept from an earlier run end at once, and would make
//! the time left look too short. Counting happens where records end; a thread of its own draws the bar or prints the line, so that a slow
//! terminal slows nothing down.
//!
//! ```text
//! 149 of 378 records, 19.5/s, 11 s left
//! 149 of 378 records, 19.5/s, 410 tokens/s, 11 s left
//! 2500 records, 64.0/s; 3 unreadable, 1 failed
//! ```

use std::{
    fmt::{self, Write},
    io::IsTerminal,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::note;
use tribunal::{
    models::Models,
    run::Finished,
    units::counted,
    verdict::{Judgment, Unreadable},
};

/// Time between two lines of a log: short enough for systems that stop silent processes, and 120 lines an hour.
const EVERY: Duration = Duration::from_secs(30);

/// Whether a judgment has no verdict although its judge did not abstain.
fn is_unreadable(judgment: &Judgment) -> bool {
    judgment.unreadable().is_some_and(|why| !Unreadable::is_abstention(why))
}

/// The tokens that all models in this process have read and written.
type Tokens = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The counts of a run so far.
#[derive(Clone, Copy, Debug)]
struct Pace {
    total: Option<u64>,
    done: u64,
    /// Records kept from an earlier run, which do not count for the speed of this one.
    kept: u64,
    unreadable: u64,
    failed: u64,
    /// Tokens of models in this process; 0 if there is none.
    tokens: u64,
}

impl Pace {
    /// Records per second, once one has ended.
    fn rate(&self, time: Duration) -> Option<f64> {
        let fresh = self.done - self.kept;
        (fresh > 0 && !time.is_zero()).then(|| real(fresh) / time.as_secs_f64())
    }

    /// The time left for the remaining records at this speed.
    fn left(&self, time: Duration) -> Option<Duration> {
        let rest = self.total?.saturating_sub(self.done);
        Duration::try_from_secs_f64(real(rest) / self.rate(time)?).ok()
    }

    /// Speed and time left, each after `between`; empty until there is a speed.
    fn speed(&self, time: Duration, between: &str) -> String {
        let rate = self.rate(time).map(|rate| format!("{between}{rate:.1}/s"));
        let tokens = (self.tokens > 0 && !time.is_zero())
            .then(|| format!("{between}{:.0} tokens/s", real(self.tokens) / time.as_secs_f64()));
        let left = self.left(time).map(|left| format!("{between}{} left", rough(left)));
        [rate, tokens, left].into_iter().flatten().collect()
    }

    /// How many records failed or are unreadable; empty where none is.
    fn trouble(&self) -> String {
        let Self { unreadable, failed, .. } = self;
        if unreadable + failed == 0 {
            return String::new();
        }
        format!("{unreadable} unreadable, {failed} failed")
    }

    /// The line of a log.
    fn line(&self, time: Duration) -> String {
        let mut line = match self.total {
            Some(total) => format!("{} of {total} records", self.done),
            None => counted(self.done, "record"),
        };
        line.push_str(&self.speed(time, ", "));
        let trouble = self.trouble();
        if trouble.is_empty() { line } else { line + "; " + &trouble }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^52 records")]
fn real(count: u64) -> f64 {
    count as f64
}

/// A time in its two largest units, such as `1 h 5 min`.
fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// The counts, shared between the run and the bar or log that shows them.
#[derive(Clone)]
struct Shared {
    pace: Arc<Mutex<Pace>>,
    started: Instant,
    tokens: Tokens,
}

impl Shared {
    /// Changes the counts, and returns them.
    fn change(&self, change: impl FnOnce(&mut Pace)) -> Pace {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut pace);
        *pace
    }

    /// The counts, and the time since the run began.
    fn now(&self) -> (Pace, Duration) {
        let tokens = (self.tokens)();
        (self.change(|pace| pace.tokens = tokens), self.started.elapsed())
    }
}

/// Shows the progress of a run until it is finished or dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    shared: Shared,
    /// The log ends with its sender.
    log: Option<mpsc::Sender<()>>,
}

impl Progress {
    /// Starts to show the progress of a run of so many records, where the number is known, and the speed of the models
    /// in this process among these.
    pub(super) fn new(records: Option<u64>, quiet: bool, models: Models) -> Self {
        let pace = Pace { total: records, done: 0, kept: 0, unreadable: 0, failed: 0, tokens: 0 };
        let tokens = move || models.engines().iter().map(|(_, figures)| figures.tokens()).sum();
        let shared = Shared {
            pace: Arc::new(Mutex::new(pace)),
            started: Instant::now(),
            tokens: Arc::new(tokens),
        };
        let terminal = std::io::stderr().is_terminal();
        let log = (!quiet && !terminal).then(|| log(shared.clone(), EVERY, |line| note(&line)));
        let bar = if quiet || !terminal { ProgressBar::hidden() } else { bar(records, &shared) };
        Self { bar, shared, log }
    }

    /// The number of records of the run, where it is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.shared.now().0.total
    }

    /// Counts a judged record.
    pub(super) fn count(&self, finished: &Finished) {
        self.add(finished.kept, |pace| match &finished.outcome {
            Ok(judgment) if is_unreadable(judgment) => pace.unreadable += 1,
            Ok(_) => (),
            Err(_) => pace.failed += 1,
        });
    }

    /// Counts a record that is done, in this run or kept from an earlier one.
    pub(super) fn step(&self, kept: bool) {
        self.add(kept, |_| ());
    }

    /// Counts one record; `change` counts what went wrong with it.
    fn add(&self, kept: bool, change: impl FnOnce(&mut Pace)) {
        let pace = self.shared.change(|pace| {
            pace.done += 1;
            pace.kept += u64::from(kept);
            change(pace);
        });
        self.bar.set_message(pace.trouble());
        self.bar.inc(1);
    }

    /// Prints something while the bar is hidden.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Removes the bar, or ends the log.
    pub(super) fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.log = None;
    }
}

/// A bar with the speed and the time left, or a spinner where the total is not known.
fn bar(records: Option<u64>, shared: &Shared) -> ProgressBar {
    let bar = records.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = match records {
        Some(_) => "{bar:30} {pos}/{len}{speed}  {msg}",
        None => "{spinner} {pos} records{speed}  {msg}",
    };
    let shared = shared.clone();
    let speed = move |_: &ProgressState, out: &mut dyn Write| {
        let (pace, time) = shared.now();
        // Writing to the bar's own buffer cannot fail.
        let _: fmt::Result = out.write_str(&pace.speed(time, "  "));
    };
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.with_key("speed", speed));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Prints a line every so often, until the sender is dropped.
fn log(shared: Shared, every: Duration, say: impl Fn(String) + Send + 'static) -> mpsc::Sender<()> {
    let (sender, ended) = mpsc::channel();
    let lines = move || {
        while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            let (pace, time) = shared.now();
            say(pace.line(time));
        }
    };
    // If no thread can be started, only the log is missing.
    drop(thread::Builder::new().name("progress".into()).spawn(lines));
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace =
        Pace { total: Some(378), done: 149, kept: 71, unreadable: 0, failed: 0, tokens: 0 };
    const TIME: Duration = Duration::from_secs(4);

    #[test]
    fn the_speed_is_that_of_what_was_judged_now() {
        assert_eq!(PACE.line(TIME), "149 of 378 records, 19.5/s, 11 s left");
        let unknown = Pace { total: None, unreadable: 2, failed: 1, ..PACE };
        assert_eq!(unknown.line(TIME), "149 records, 19.5/s; 2 unreadable, 1 failed");
    }

    #[test]
    fn models_in_this_process_show_their_tokens_per_second() {
        let local = Pace { tokens: 1_640, ..PACE };
        assert_eq!(local.line(TIME), "149 of 378 records, 19.5/s, 410 tokens/s, 11 s left");
    }

    #[test]
    fn before_the_first_record_there_is_no_speed_and_no_time_left() {
        let kept = Pace { done: 71, ..PACE };
        assert_eq!(kept.line(TIME), "71 of 378 records");
        assert_eq!(Pace { done: 0, kept: 0, ..PACE }.speed(TIME, "  "), "");
        assert_eq!(PACE.speed(Duration::ZERO, "  "), "");
    }

    #[test]
    fn times_are_shown_in_their_two_largest_units() {
        let shown = [0, 59, 61, 3_599, 3_600, 90_061].map(|n| rough(Duration::from_secs(n)));
        assert_eq!(shown, ["0 s", "59 s", "1 min 1 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]);
    }

    #[test]
    fn without_a_terminal_a_line_comes_again_and_again_until_the_run_ends() {
        let pace = Arc::new(Mutex::new(PACE));
        let shared = Shared { pace, started: Instant::now(), tokens: Arc::new(|| 0) };
        let (lines, said) = mpsc::channel();
        let log = log(shared, Duration::from_millis(1), move |line| drop(lines.send(line)));
        for _ in 0..3 {
            assert!(said.recv().unwrap().starts_with("149 of 378 records"));
        }
        drop(log);
        assert!(said.iter().count() < usize::MAX, "the log has ended: its sender is gone");
    }
}
