//! What benchmarks there are: `tribunal bench list` and `tribunal bench show`.

use std::io;

use super::super::{Exit, emit, emit_figures, width};
use tribunal::{
    bench::{self, Benchmark},
    error::Result,
};

/// Prints all benchmarks.
pub(super) fn list(json: bool, markdown: bool) -> Result<Exit> {
    if markdown {
        let all: Vec<String> = bench::all().iter().map(|one| one.markdown()).collect();
        emit(&mut io::stdout(), all.join("\n").trim_end())?;
        return Ok(Exit::Done);
    }
    if json {
        let all: Vec<_> = bench::all().iter().map(|one| one.to_json()).collect();
        emit(&mut io::stdout(), &format!("{:#}", serde_json::Value::from(all)))?;
        return Ok(Exit::Done);
    }
    let width = bench::all().iter().map(|one| one.name.len()).max().unwrap_or(0);
    for one in bench::all() {
        let unverified = if one.is_verified { "" } else { " (schema unverified)" };
        let line = format!("{}{unverified}", one.summary);
        let name = format!("{:width$}  ", one.name);
        emit(&mut io::stdout(), &width::listed(&name, &line, width::of_stdout()))?;
    }
    Ok(Exit::Done)
}

/// Prints everything about a benchmark.
pub(super) fn show(benchmark: &Benchmark, json: bool) -> Result<Exit> {
    let text = if json { format!("{:#}", benchmark.to_json()) } else { benchmark.page() };
    emit_figures(&text, json)?;
    Ok(Exit::Done)
}
