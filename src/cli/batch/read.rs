//! `tribunal batch read`

use std::path::{Path, PathBuf};

use super::{
    super::{Exit, note, print_error},
    asked::{self, Asked},
};
use tribunal::{
    backend::{
        cache::{Cache, CacheStore},
        openai::{batch::BatchAnswer, chat_answer},
    },
    error::{Error, ErrorKind, Result},
    records::{self, Source},
};

/// Put the answers of a batch service into the cache.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files of answers; - reads standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print no messages.
    #[arg(short, long)]
    quiet: bool,
}

/// Runs `tribunal batch read`.
///
/// # Errors
/// The cache or a file cannot be opened. An answer that cannot be used is printed, and left out.
pub(super) async fn run(args: Args) -> Result<Exit> {
    super::super::trust::check_store()?;
    let folder = Cache::folder()?;
    let store = CacheStore::open(&folder)?;
    let asked = asked::all(&folder);
    let (mut stored, mut failed) = (0, 0);
    for file in &args.files {
        let source = source(file);
        for (number, line) in records::lines(&source)? {
            let line = line.map_err(|error| error.within(source.to_string()))?;
            match keep(&store, &asked, &line).await {
                Ok(()) => stored += 1,
                Err(error) => {
                    failed += 1;
                    print_error(&error.within(format!("{source}:{number}")));
                }
            }
        }
    }
    if !args.quiet {
        note(&match failed {
            0 => format!("{stored} answers are in the cache"),
            _ => format!(
                "{stored} answers are in the cache; {failed} cannot be used, and `tribunal batch write` asks for them again"
            ),
        });
    }
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

fn source(file: &Path) -> Source {
    match file.to_str() {
        Some("-") => Source::Stdin,
        _ => Source::File(file.to_owned()),
    }
}

/// Stores the answer of one line.
async fn keep(
    store: &CacheStore,
    asked: &std::collections::HashMap<String, Asked>,
    line: &str,
) -> Result<()> {
    let BatchAnswer { key, answer } = BatchAnswer::parse(line)?;
    let Some(asked) = asked.get(&key) else {
        let message = format!(
            "`{}` is not the key of a request that was written here",
            tribunal::report::escaped(&key)
        );
        return Err(Error::new(ErrorKind::Record, message).hint(
            "read answers with the same cache folder (TRIBUNAL_CACHE_DIR) that `batch write` used",
        ));
    };
    let completion = chat_answer(&answer?, &asked.request());
    if !CacheStore::accepts(&completion) {
        let message = format!(
            "the answer has no text that can be used (finish: {})",
            completion.finish.name()
        );
        return Err(Error::new(ErrorKind::Refused, message));
    }
    store.put(&key, &asked.model, &completion).await
}
