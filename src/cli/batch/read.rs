//! `tribunal batch read`

use std::{collections::HashMap, path::PathBuf};

use super::{
    super::{Exit, cache::put_lines, note},
    asked::{self, Asked},
};
use tribunal::{
    backend::{
        cache::{Cache, CacheStore},
        openai::{batch::BatchAnswer, chat_answer},
    },
    error::{Error, ErrorKind, Result},
    units::counted,
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
        let put = async |line: String| keep(&store, &asked, &line).await;
        let (more_stored, more_failed) = put_lines(file, put).await?;
        (stored, failed) = (stored + more_stored, failed + more_failed);
    }
    if !args.quiet {
        let answers = counted(stored, "answer");
        note(&match failed {
            0 => format!("put {answers} into the cache"),
            _ => format!(
                "put {answers} into the cache; {failed} cannot be used, and `tribunal batch write` asks for them again"
            ),
        });
    }
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

/// Stores the answer of one line.
async fn keep(store: &CacheStore, asked: &HashMap<String, Asked>, line: &str) -> Result<()> {
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
