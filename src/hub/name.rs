//! Names of models and data sets on the Hugging Face Hub: `hf:OWNER/REPO[@REVISION][:FILE]`.

use super::PREFIX;
use crate::{
    error::{Error, ErrorKind, Result},
    files::is_word,
};

/// What a repository holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RepoKind {
    /// The files of a model.
    Model,
    /// The records of a data set.
    Data,
}

/// A repository, and which of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HubName<'n> {
    /// The owner and the repository: `OWNER/REPO`.
    pub(super) repo: &'n str,
    /// The branch, tag or commit.
    pub(super) revision: Option<&'n str>,
    /// The file; of models the quantization that its name contains, of data sets also a split, folder or pattern.
    pub(super) wanted: Option<&'n str>,
}

impl<'n> HubName<'n> {
    /// Reads a name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: it does not name a repository, or it contains what no name on the Hub may.
    pub(super) fn parse(name: &'n str, kind: RepoKind) -> Result<Self> {
        let rest = name.strip_prefix(PREFIX).unwrap_or(name);
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
        let is_data = kind == RepoKind::Data;
        let is_piece = |part: &str| if is_data { is_pattern(part) } else { is_part(part) };
        let is_file = wanted.is_none_or(|file| file.trim_end_matches('/').split('/').all(is_piece));
        if is_repo && is_revision && is_file {
            return Ok(Self { repo, revision, wanted });
        }
        let (what, hint) = if is_data {
            ("data set", "write hf:OWNER/REPO, or hf:OWNER/REPO:SPLIT for a split or a file of it")
        } else {
            (
                "model",
                "write hf:OWNER/REPO, hf:OWNER/REPO:FILE.gguf, or hf:OWNER/REPO:Q4_K_M for a quantization",
            )
        };
        let message = format!("`{name}` is not the name of a {what} on the Hub");
        Err(Error::new(ErrorKind::Config, message).hint(hint))
    }
}

/// Whether a text may be a part of a pattern of paths on the Hub.
fn is_pattern(text: &str) -> bool {
    is_part(&text.replace(['*', '?'], "x"))
}

/// Whether a text may be a part of a path on the Hub.
pub(super) fn is_part(text: &str) -> bool {
    is_word(text, &['+', ' ', '='])
}

/// The number of the first part that is not there, where names count them from `first`. Of each part its own number and
/// that of all parts, if its name has them.
pub(super) fn missing_part(parts: &[Option<(usize, usize)>], first: usize) -> Option<usize> {
    let (_, count) = (*parts.first()?)?;
    let is_there = |number: usize| parts.iter().flatten().any(|(own, _)| *own == number);
    // More parts than there should be belong to different wholes.
    (first..first + count.max(parts.len())).find(|number| !is_there(*number))
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
            assert_eq!(
                HubName::parse(name, RepoKind::Model).unwrap(),
                HubName { repo, revision, wanted }
            );
        }
    }

    #[test]
    fn of_a_data_set_also_a_pattern_or_a_folder_may_be_wanted() {
        for (name, wanted) in [
            ("hf:a/b:test", "test"),
            ("hf:a/b:data/*.parquet", "data/*.parquet"),
            ("hf:a/b@refs/convert/parquet:default/", "default/"),
        ] {
            assert_eq!(HubName::parse(name, RepoKind::Data).unwrap().wanted, Some(wanted));
        }
        assert!(HubName::parse("hf:a/b:*.gguf", RepoKind::Model).is_err());
        let error = HubName::parse("hf:a", RepoKind::Data).unwrap_err();
        assert!(error.to_string().contains("is not the name of a data set"), "{error}");
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
            for kind in [RepoKind::Model, RepoKind::Data] {
                let error = HubName::parse(name, kind).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config, "{name}");
            }
        }
    }

    #[test]
    fn parts_are_counted_from_their_first_number() {
        let parts = |numbers: &[usize], count| -> Vec<Option<(usize, usize)>> {
            numbers.iter().map(|number| Some((*number, count))).collect()
        };
        assert_eq!(missing_part(&parts(&[1, 2], 2), 1), None);
        assert_eq!(missing_part(&parts(&[0, 1], 2), 0), None);
        assert_eq!(missing_part(&parts(&[1], 2), 0), Some(0));
        assert_eq!(missing_part(&parts(&[1, 3], 3), 1), Some(2));
        assert_eq!(missing_part(&[], 1), None);
        assert_eq!(missing_part(&[None], 1), None);
        let mixed = [parts(&[1, 2], 2), vec![None]].concat();
        assert_eq!(missing_part(&mixed, 1), Some(3));
    }
}
