//! What the program costs beside a minimal client of async-openai: CPU for each judgment, time at many requests in
//! flight, and memory.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tribunal::{Error, Result};

use crate::process::{Server, Used, measured};

/// What a judge is told, about 150 tokens.
pub(crate) const RULES: &str = "You are a careful judge of answers to questions. Read the question and the answer below. An answer is good \
     if it names what was asked for, if each of its steps follows from the step before, if it invents nothing, \
     and if it says so where it does not know. An answer that is long is not better for that; an answer that is \
     sure of itself is not better for that either. Do not solve the question anew at length: name the first \
     fault that you find and say how grave it is. First write a critique of two or three sentences. Then write \
     one line that begins with `Score:` and holds a whole number from 1 to 9, where 9 is an answer that nobody \
     could mend.";

/// Folders and files of one run of the benchmark.
struct Place {
    folder: tempfile::TempDir,
    prompt: PathBuf,
}

impl Place {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::other)?;
        let prompt = folder.path().join("rate.jinja");
        let text = format!(
            "---\nkind: score\nscale: {{min: 1, max: 9}}\nverdict: 'Score: *'\n\
             sampling: {{temperature: 0, max_tokens: 512}}\n---\n\
             {RULES}\n\nQuestion: {{{{ question }}}}\n\nAnswer: {{{{ answer }}}}\n"
        );
        fs::write(&prompt, text).map_err(Error::other)?;
        Ok(Self { folder, prompt })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of this many records of about 250 tokens.
    fn records(&self, count: usize) -> Result<PathBuf> {
        let path = self.path(&format!("{count}.jsonl"));
        if path.exists() {
            return Ok(path);
        }
        let mut lines = String::new();
        for number in 0..count {
            let question = format!(
                "A shop sells {} pens a day, and each costs {} cents. How much does it earn in {} days, if it \
                 gives every tenth pen away for nothing and closes on the last day of each week?",
                number % 97 + 3,
                number % 89 + 10,
                number % 31 + 7
            );
            let steps = "First the pens of one day are counted, then those that are given away are taken off, \
                and what is left is multiplied by the price. The days on which the shop is closed are taken off \
                the days that were named, rounded down to whole weeks. "
                .repeat(3);
            let answer =
                format!("This is number {number}. {steps}The shop earns {} cents.", number * 13);
            let record = serde_json::json!({ "id": format!("r{number}"), "question": question, "answer": answer });
            let _ = writeln!(lines, "{record}");
        }
        fs::write(&path, lines).map_err(Error::other)?;
        Ok(path)
    }

    /// A run of the minimal client.
    fn minimal(&self, server: &Server, records: &Path, in_flight: usize) -> Result<Used> {
        let program = std::env::current_exe().map_err(Error::other)?;
        let mut command = Command::new(program);
        command.args(["minimal", &server.url]).arg(records).arg(self.path("minimal.jsonl"));
        measured(command.arg(in_flight.to_string()))
    }

    /// A run of the program, with an empty cache, without one, or with the cache of the run before.
    fn tribunal(
        &self,
        server: &Server,
        records: &Path,
        in_flight: usize,
        cache: &str,
    ) -> Result<Used> {
        let (folder, out) = (self.path("cache"), self.path("out.jsonl"));
        if cache != "warm" {
            let _ = fs::remove_dir_all(&folder);
        }
        let _ = fs::remove_file(&out);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
        command.arg("judge").arg(records).arg("-p").arg(&self.prompt);
        command.args(["-m", "m", "--base-url", &server.url, "-j", &in_flight.to_string(), "-q"]);
        command.args(["--cache", if cache == "off" { "off" } else { "on" }]).arg("-o").arg(&out);
        command.env("TRIBUNAL_CACHE_DIR", folder).current_dir(self.folder.path());
        let used = measured(&mut command)?;
        let (written, wanted) = (lines(&out)?, lines(records)?);
        if written != wanted {
            let message = format!("{written} results for {wanted} records");
            return Err(Error::new(tribunal::ErrorKind::Model, message));
        }
        Ok(used)
    }
}

fn lines(path: &Path) -> Result<usize> {
    let file = fs::File::open(path).map_err(Error::other)?;
    Ok(BufReader::new(file).lines().count())
}

/// Measures everything; the numbers are records of the runs of the first and of the last table.
pub(crate) fn run(numbers: &[usize]) -> Result<()> {
    let place = Place::new()?;
    cpu(&place, numbers.first().copied().unwrap_or(5000))?;
    wall(&place, 10_000)?;
    memory(&place, numbers.get(1).copied().unwrap_or(50_000))
}

/// CPU of one judgment, alternating between the clients; medians of the rounds.
fn cpu(place: &Place, count: usize) -> Result<()> {
    const ROUNDS: usize = 5;
    const IN_FLIGHT: usize = 64;
    let (server, records) = (Server::start(Duration::from_millis(20))?, place.records(count)?);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push([
            place.minimal(&server, &records, IN_FLIGHT)?,
            place.tribunal(&server, &records, IN_FLIGHT, "off")?,
            place.tribunal(&server, &records, IN_FLIGHT, "on")?,
            place.tribunal(&server, &records, IN_FLIGHT, "warm")?,
        ]);
    }
    println!("{count} records, {IN_FLIGHT} in flight, 20 ms each: medians of {ROUNDS} rounds");
    println!("{:<28} {:>10} {:>10} {:>8} {:>8}", "", "µs CPU", "µs wall", "MB", "ratio");
    let names = [
        "minimal async-openai",
        "tribunal, cache off",
        "tribunal, cache empty",
        "tribunal, cache full",
    ];
    for (index, name) in names.iter().enumerate() {
        let each = |value: fn(&Used) -> f64| {
            median(rounds.iter().map(|round| value(&round[index])).collect())
        };
        let ratio =
            rounds.iter().map(|round| round[index].cpu.as_secs_f64() / round[0].cpu.as_secs_f64());
        println!(
            "{name:<28} {:>10.1} {:>10.1} {:>8.1} {:>8.2}",
            each(|used| used.cpu.as_secs_f64()) * 1e6 / count as f64,
            each(|used| used.wall.as_secs_f64()) * 1e6 / count as f64,
            each(|used| used.peak),
            median(ratio.collect()),
        );
    }
    Ok(())
}

/// Time and memory at many requests in flight.
fn wall(place: &Place, count: usize) -> Result<()> {
    const LATENCY: Duration = Duration::from_millis(200);
    let (server, records) = (Server::start(LATENCY)?, place.records(count)?);
    println!("\n{count} records, {LATENCY:?} each: time beside the ideal");
    for in_flight in [64, 512] {
        let ideal = LATENCY.as_secs_f64() * count.div_ceil(in_flight) as f64;
        let figures = [
            ("minimal async-openai", place.minimal(&server, &records, in_flight)?),
            ("tribunal, cache off", place.tribunal(&server, &records, in_flight, "off")?),
            ("tribunal, cache empty", place.tribunal(&server, &records, in_flight, "on")?),
        ];
        for (name, used) in figures {
            println!(
                "{:<28} {:>4} in flight {:>8.2} × the ideal {:>8.1} MB",
                name,
                in_flight,
                used.wall.as_secs_f64() / ideal,
                used.peak
            );
        }
    }
    Ok(())
}

/// Memory of runs of different lengths.
fn memory(place: &Place, most: usize) -> Result<()> {
    let server = Server::start(Duration::from_millis(5))?;
    println!("\nMemory by the number of records, cache empty");
    for (count, in_flight) in [(most / 10, 64), (most, 64), (most / 10, 512), (most, 512)] {
        let used = place.tribunal(&server, &place.records(count)?, in_flight, "on")?;
        println!("{count:>8} records {in_flight:>4} in flight {:>8.1} MB", used.peak);
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
