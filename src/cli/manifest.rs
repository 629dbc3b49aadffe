//! The manifest of a run, in a file next to its results: what ran, with which settings.
//!
//! Results alone do not record how they were made. The manifest holds everything that is needed to repeat the run, except
//! secrets: the effective settings, the source of every prompt, and the identity of every model, which for a local model
//! is the digest of its weights.
//!
//! ```text
//! verdicts.jsonl
//! verdicts.jsonl.run.json
//! ```

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    console, engines,
    gates::GateOutcome,
    secrets::{redacted, word},
};
use tribunal::{
    backend::Backend,
    config::Resolved,
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    judging::Member,
    models::Models,
    prompt::Prompt,
    records::{Ending, Source},
};

/// The path of the manifest: `results.jsonl.run.json` for `results.jsonl`; `None` for a device.
pub(super) fn beside(results: &Path) -> Option<PathBuf> {
    let mut name = results.file_name()?.to_os_string();
    name.push(".run.json");
    let is_file = results.metadata().map_or(true, |meta| meta.is_file());
    is_file.then(|| results.with_file_name(name))
}

/// The hash of the prompt of `--rated-prompt`, if a run of `bench` used one. `None` without a manifest beside the results.
pub(super) fn second_prompt(results: &Source) -> Option<String> {
    let Source::File(path) = results else { return None };
    let run: Value = serde_json::from_slice(&std::fs::read(beside(path)?).ok()?).ok()?;
    run["rated"]["prompt"]["hash"].as_str().map(ToOwned::to_owned)
}

/// The command line as it was typed, without secrets: the name of the program, and its words.
pub(super) fn command_line(args: impl Iterator<Item = String>) -> Vec<String> {
    let words = args.skip(1).map(|text| word(&console::without_secrets(&text)));
    std::iter::once("tribunal".to_owned()).chain(words).collect()
}

/// A manifest that was written before the first request.
pub(super) struct Manifest {
    path: PathBuf,
    run: Value,
}

impl Manifest {
    /// Writes it again at the end of the run, with how it ended, whether its gates are kept, and what the engines of
    /// models in this process did.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn finish(
        self,
        models: &Models,
        ending: &Ending,
        gates: &[GateOutcome],
    ) -> Result<()> {
        // A part of the records decides nothing.
        let gates = ending.end.is_whole().then_some(gates);
        let outcome = json!({
            "end": ending.end.name(), "not_tried": ending.not_tried(), "gates": gates,
        });
        self.finish_with(models, outcome)
    }

    /// The same with an outcome that is JSON already.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn finish_with(mut self, models: &Models, outcome: Value) -> Result<()> {
        engines::keys(models).into_iter().for_each(|(key, value)| self.run[key] = value);
        self.run["outcome"] = outcome;
        self.write()
    }

    fn write(&self) -> Result<()> {
        let Self { path, run } = self;
        std::fs::write(path, format!("{run:#}\n")).map_err(|cause| {
            Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
        })
    }
}

/// Writes the effective judge, prompt and model with their digests, settings, input files with the number of their
/// records where it is known, and version, without any API key.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(
    path: PathBuf,
    judge: &Judge,
    resolved: &Resolved,
    (files, records): (&[String], Option<u64>),
    of_the_loop: Option<Value>,
) -> Result<Manifest> {
    let mut run = begun();
    run["files"] = json!(files);
    run["records"] = json!(records);
    add(&mut run, of_judge(judge, resolved));
    if let Some(more) = of_the_loop {
        run["loop"] = more;
    }
    let manifest = Manifest { path, run };
    manifest.write()?;
    Ok(manifest)
}

/// Writes what repeats a run of another command: its command line, the number of its records where it is known, and what
/// its judges and policies are made of.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write_parts(path: PathBuf, records: Option<u64>, parts: Value) -> Result<Manifest> {
    let mut run = begun();
    run["records"] = json!(records);
    add(&mut run, parts);
    let manifest = Manifest { path, run };
    manifest.write()?;
    Ok(manifest)
}

/// The version and the command line.
fn begun() -> Value {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    json!({"version": env!("CARGO_PKG_VERSION"), "command": command_line(words)})
}

/// Adds the keys of an object.
fn add(run: &mut Value, parts: Value) {
    if let Value::Object(parts) = parts {
        parts.into_iter().for_each(|(key, value)| run[key] = value);
    }
}

/// A judge or jury: its settings, its prompt and its model, and those of its members.
pub(super) fn of_judge(judge: &Judge, resolved: &Resolved) -> Value {
    let model = model_of(resolved);
    let mut parts = json!({
        "judge": {"name": resolved.name, "identity": judge.identity(), "settings": resolved.settings},
        "prompt": {
            "name": judge.prompt().name(),
            "hash": judge.prompt_hash(),
            "reading": judge.reading(),
            "source": judge.prompt().source(),
            "empty_mark": empty_mark(judge.prompt()),
        },
        "model": {"name": judge.backend().name(), "identity": judge.backend().identity(), "settings": model},
        "pass": judge.pass().map(ToString::to_string),
    });
    if resolved.is_jury() {
        let members = resolved.members.iter().zip(judge.members());
        parts["members"] = members.map(|(settings, member)| of_member(settings, member)).collect();
    }
    parts
}

/// A policy, a critic or another judge without settings: its prompt and its model.
pub(super) fn of_writer(judge: &Judge) -> Value {
    let (prompt, backend) = (judge.prompt(), judge.backend());
    json!({
        "prompt": {"name": prompt.name(), "hash": judge.prompt_hash(), "source": prompt.source()},
        "model": {"name": backend.name(), "identity": backend.identity()},
    })
}

/// The secret from which judges derive their marks, if one is set.
pub(super) fn secret() -> Option<String> {
    std::env::var("TRIBUNAL_SECRET").ok()
}

/// The mark of an empty record, by which it can be told later whether the same secret is set. It says no more about the
/// secret than the mark of any record.
fn empty_mark(prompt: &Prompt) -> Option<String> {
    prompt.mark(&Item::new(), secret().as_deref())
}

/// The settings of a model, without what may be a secret.
fn model_of(resolved: &Resolved) -> Value {
    let mut model = json!(resolved.model);
    if let Some(table) = model.as_object_mut() {
        // Fields that are added to requests may hold secrets.
        table.remove("extra");
    }
    redacted("model", &model)
}

/// One member of a jury.
fn of_member(resolved: &Resolved, (member, backend): (&Member, &dyn Backend)) -> Value {
    let prompt = member.prompt();
    json!({
        "name": member.name(),
        "settings": resolved.settings,
        "prompt": {
            "name": prompt.name(),
            "hash": prompt.hash(),
            "source": prompt.source(),
            "empty_mark": empty_mark(prompt),
        },
        "model": {"name": backend.name(), "identity": backend.identity(), "settings": model_of(resolved)},
    })
}
