//! Names of models on the Hugging Face Hub: `hf:OWNER/REPO[@REVISION][:FILE]`.

use crate::{
    error::{Error, ErrorKind, Result},
    models::{HUB, word::is_word},
};

/// A repository, and which of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HubName<'n> {
    /// The owner and the repository: `OWNER/REPO`.
    pub(super) repo: &'n str,
    /// The branch, tag or commit.
    pub(super) revision: Option<&'n str>,
    /// The file, or the quantization that its name contains.
    pub(super) wanted: Option<&'n str>,
}

impl<'n> HubName<'n> {
    /// Reads a name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: it does not name a repository, or it contains what no name on the Hub may.
    pub(super) fn parse(name: &'n str) -> Result<Self> {
        let rest = name.strip_prefix(HUB).unwrap_or(name);
        let (repo, wanted) = match rest.split_once(':') {
            Some((repo, wanted)) => (repo, Some(wanted)),
            None => (rest, None),
        };
        let (repo, revision) = match repo.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (repo, None),
        };
        let is_repo = repo.split('/').count() == 2 && repo.split('/').all(is_part);
        let is_revision = revision.is_none_or(|revision| revision.split('/').all(is_part));
        let is_file = wanted.is_none_or(|file| file.split('/').all(is_part));
        if is_repo && is_revision && is_file {
            return Ok(Self { repo, revision, wanted });
        }
        let message = format!("`{name}` is not the name of a model on the Hub");
        Err(Error::new(ErrorKind::Config, message).hint(
            "write hf:OWNER/REPO, hf:OWNER/REPO:FILE.gguf, or hf:OWNER/REPO:Q4_K_M for a quantization",
        ))
    }
}

/// Whether a text may be a part of a path on the Hub.
pub(super) fn is_part(text: &str) -> bool {
    is_word(text, &['+', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_repository_and_perhaps_a_revision_and_a_file() {
        for (name, repo, revision, wanted) in [
            ("hf:a/b", "a/b", None, None),
            ("hf:a/b-GGUF:Q4_K_M", "a/b-GGUF", None, Some("Q4_K_M")),
            ("hf:a/b:sub/x-Q8_0.gguf", "a/b", None, Some("sub/x-Q8_0.gguf")),
            ("hf:a/b@v1.0:x.gguf", "a/b", Some("v1.0"), Some("x.gguf")),
        ] {
            assert_eq!(HubName::parse(name).unwrap(), HubName { repo, revision, wanted });
        }
    }

    #[test]
    fn a_name_that_could_leave_the_cache_is_refused() {
        for name in [
            "hf:",
            "hf:a",
            "hf:a/b/c",
            "hf:../b",
            "hf:a/..",
            "hf:a/b:../x.gguf",
            "hf:a/b:/etc/x",
            "hf:a/b@..:x",
        ] {
            let error = HubName::parse(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{name}");
        }
    }
}
