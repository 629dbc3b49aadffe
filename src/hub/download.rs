//! Downloads from the Hugging Face Hub into its cache, which all programs of this machine share.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use hf_hub::{
    Cache, Repo, RepoType,
    api::sync::{Api, ApiBuilder, ApiError},
};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::{
    DataFiles, PREFIX, choice, data,
    fetch::{About, Fetcher, locked, point},
    name::{HubName, RepoKind, is_part},
};
use crate::{
    environment::Environment,
    error::{Error, ErrorKind, Result},
};

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Download {
    /// The file in its repository.
    pub file: String,
    /// The bytes that are there.
    pub bytes: u64,
    /// The bytes of the whole file.
    pub total: u64,
}

/// What is called while a file is downloaded: at its beginning, after every piece of it, and at its end.
pub type OnDownload = Arc<dyn Fn(&Download) + Send + Sync>;

/// The address of the Hub where `HF_ENDPOINT` names no other.
const ENDPOINT: &str = "https://huggingface.co";

/// A repository on the Hub, and the cache of its files.
pub(super) struct Hub {
    name: String,
    kind: RepoKind,
    repo: Repo,
    cache: Cache,
    /// Lists the files.
    api: Api,
    /// Downloads them.
    fetcher: Fetcher,
    /// Whether the network may be used.
    is_online: bool,
}

impl Hub {
    /// A repository, with the variables of the Hub: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`,
    /// `HF_HUB_CACHE`, `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// The client cannot be built.
    pub(super) fn of(
        name: &HubName<'_>,
        kind: RepoKind,
        environment: &Environment,
        is_online: bool,
    ) -> Result<Self> {
        let variable = |name: &str| environment.variable(name).filter(|value| !value.is_empty());
        let revision = name.revision.unwrap_or("main").to_owned();
        let repo = Repo::with_revision(name.repo.to_owned(), kind.into(), revision);
        let folder = variable("HF_HUB_CACHE").map(PathBuf::from);
        let folder = folder.or_else(|| Some(Path::new(&variable("HF_HOME")?).join("hub")));
        let cache = folder.map_or_else(Cache::default, Cache::new);
        let token = variable("HF_TOKEN").or_else(|| cache.token());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let fetcher = Fetcher::new(&endpoint, token.clone());
        let builder = ApiBuilder::from_cache(cache.clone()).with_progress(false);
        let builder = builder.with_token(token).with_endpoint(endpoint);
        let is_off = variable("HF_HUB_OFFLINE").is_some_and(|value| value != "0");
        let name = name.repo.to_owned();
        let api = builder.build().map_err(|error| failed(&name, &error))?;
        Ok(Self { name, kind, repo, cache, api, fetcher, is_online: is_online && !is_off })
    }

    /// The first file of the model, downloaded if it is not in the cache; its other parts lie beside it.
    ///
    /// A file that is named and in the cache needs no network. If the Hub cannot be reached, the files in the cache
    /// are chosen from.
    ///
    /// # Errors
    /// The repository or the file is not there or may not be read, a file arrived damaged, or there is no network and
    /// nothing in the cache.
    pub(super) fn model(
        &self,
        wanted: Option<&str>,
        shown: Option<&OnDownload>,
    ) -> Result<PathBuf> {
        let here = self.here();
        if let Some(wanted) = wanted
            && let Ok(parts) = choice::chosen(&self.name, &here, Some(wanted))
        {
            return self.local(&parts);
        }
        if !self.is_online {
            return self.cached(&here, wanted);
        }
        let Some(Listed { commit, files }) = self.listed(!here.is_empty())? else {
            return self.cached(&here, wanted);
        };
        let parts = choice::chosen(&self.name, &files, wanted)?;
        for part in &parts {
            if self.cache.repo(self.repo.clone()).get(part).is_none() {
                self.download(&commit, part, shown)?;
            }
        }
        self.local(&parts)
    }

    /// The wanted files of a data set, downloaded if they are not in the cache.
    ///
    /// A file of a commit that is in the cache needs no network. If the Hub cannot be reached, the files that were
    /// downloaded last are chosen from.
    ///
    /// # Errors
    /// The repository or a file is not there or may not be read, a file arrived damaged, or there is no network and
    /// nothing in the cache.
    pub(super) fn data(
        &self,
        wanted: Option<&str>,
        shown: Option<&OnDownload>,
    ) -> Result<DataFiles> {
        let here = self.here();
        let is_there = |wanted: &str| here.iter().any(|file| file == wanted);
        if is_commit(self.repo.revision()) && wanted.is_some_and(is_there) {
            return self.stored(&here, wanted);
        }
        if !self.is_online {
            return self.stored(&here, wanted);
        }
        let Some(Listed { commit, files }) = self.listed(!here.is_empty())? else {
            return self.stored(&here, wanted);
        };
        let chosen = data::chosen(&self.name, &files, wanted)?;
        data::check_readable(&self.name, &chosen, cfg!(feature = "parquet"))?;
        let own = self.cache.repo(self.repo.clone());
        for file in &chosen {
            if !own.pointer_path(&commit).join(file).exists() {
                self.download(&commit, file, shown)?;
            }
        }
        // The revision may have moved to a commit whose files are here already.
        own.create_ref(&commit).map_err(|error| unwritable(self.cache.path(), error))?;
        self.data_at(&commit, &chosen, wanted)
    }

    /// The files of a data set out of the cache alone.
    fn stored(&self, here: &[String], wanted: Option<&str>) -> Result<DataFiles> {
        let missing = || self.not_downloaded(wanted, "run it once while there is a network");
        let chosen = data::chosen(&self.name, here, wanted).map_err(|_| missing())?;
        let commit = self.commit();
        self.data_at(&commit, &chosen, wanted)
    }

    /// These files of a data set at a commit.
    fn data_at(&self, commit: &str, files: &[String], wanted: Option<&str>) -> Result<DataFiles> {
        let folder = self.cache.repo(self.repo.clone()).pointer_path(commit);
        let paths: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            let missing = format!("`{}` is not in the cache of the Hub", missing.display());
            return Err(Error::new(ErrorKind::Config, missing));
        }
        // What was chosen without a name can be named, so that the name stays clear.
        let wanted = wanted.map(ToOwned::to_owned).or_else(|| match files {
            [only] => Some(only.clone()),
            _ => None,
        });
        let wanted = wanted.map(|wanted| format!(":{wanted}")).unwrap_or_default();
        Ok(DataFiles { name: format!("{PREFIX}{}@{commit}{wanted}", self.name), files: paths })
    }

    /// What the Hub lists; `None` if nobody answers, and `has_others`: files in the cache.
    ///
    /// # Errors
    /// The repository is not there or may not be read, or nobody answers.
    fn listed(&self, has_others: bool) -> Result<Option<Listed>> {
        match self.api.repo(self.repo.clone()).info() {
            // It becomes a part of paths.
            Ok(info) if !is_part(&info.sha) => {
                let message = format!("the Hub names no commit of `{}`", self.name);
                Err(Error::new(ErrorKind::Unreachable, message))
            }
            Ok(info) => {
                let files = info.siblings.into_iter().map(|file| file.rfilename).collect();
                Ok(Some(Listed { commit: info.sha, files }))
            }
            Err(error) if is_unreachable(&error) && has_others => {
                let why = failed(&self.name, &error);
                tracing::warn!("{why}: a file that was downloaded earlier is used");
                Ok(None)
            }
            Err(error) => Err(failed(&self.name, &error)),
        }
    }

    /// The files of the repository that are in the cache.
    fn here(&self) -> Vec<String> {
        let Some(folder) = self.snapshot() else { return Vec::new() };
        let entries = WalkDir::new(&folder).into_iter().flatten();
        let files = entries.filter(|entry| !entry.file_type().is_dir());
        let names =
            files.filter_map(|file| Some(file.path().strip_prefix(&folder).ok()?.to_owned()));
        names.map(|name| name.to_string_lossy().replace('\\', "/")).collect()
    }

    /// The folder of the revision's files, if any was downloaded.
    fn snapshot(&self) -> Option<PathBuf> {
        let own = self.cache.repo(self.repo.clone());
        Some(own.pointer_path(&self.commit())).filter(|folder| folder.is_dir())
    }

    /// The commit that the revision was at when it was downloaded; the revision itself if it was not.
    fn commit(&self) -> String {
        let folder = self.cache.path().join(self.repo.folder_name());
        let commit = std::fs::read_to_string(folder.join("refs").join(self.repo.revision())).ok();
        let commit = commit.map(|commit| commit.trim().to_owned()).filter(|commit| is_part(commit));
        commit.unwrap_or_else(|| self.repo.revision().to_owned())
    }

    /// The path of the first part, which is in the cache.
    fn local(&self, parts: &[String]) -> Result<PathBuf> {
        let first = parts.first().and_then(|part| Some(self.snapshot()?.join(part)));
        first.filter(|path| path.exists()).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("`{}` is not in the cache of the Hub", self.name))
        })
    }

    /// The path of the model, out of the cache alone.
    fn cached(&self, here: &[String], wanted: Option<&str>) -> Result<PathBuf> {
        let chosen = choice::chosen(&self.name, here, wanted).and_then(|parts| self.local(&parts));
        chosen.map_err(|_| {
            let name = self.full_name(wanted);
            let hint = format!("run `tribunal models pull {name}` while there is a network");
            self.not_downloaded(wanted, &hint)
        })
    }

    /// The name as it was written, without its revision.
    fn full_name(&self, wanted: Option<&str>) -> String {
        let wanted = wanted.map(|wanted| format!(":{wanted}")).unwrap_or_default();
        format!("{PREFIX}{}{wanted}", self.name)
    }

    /// The error of what would have to be downloaded.
    fn not_downloaded(&self, wanted: Option<&str>, hint: &str) -> Error {
        let message = format!("`{}` is not downloaded yet", self.full_name(wanted));
        Error::new(ErrorKind::Config, message).hint(hint.to_owned())
    }

    /// Downloads a file of a commit; a part that an earlier download left is continued, and content that is there under
    /// another name is used. Large files are compared with the checksum that the Hub names.
    fn download(&self, commit: &str, file: &str, shown: Option<&OnDownload>) -> Result<()> {
        let fail = |error: ApiError| failed(&self.name, &error).within(file);
        let repo = Repo::with_revision(self.name.clone(), self.kind.into(), commit.to_owned());
        let url = self.api.repo(repo).url(file).replace(' ', "%20");
        let About { etag, size: total } = self.fetcher.about(&url).map_err(fail)?;
        let own = self.cache.repo(self.repo.clone());
        let blob = own.blob_path(&etag);
        let part = blob.with_extension("part");
        let unusable = |error| unwritable(&blob, error);
        if let Some(folder) = blob.parent() {
            std::fs::create_dir_all(folder).map_err(unusable)?;
        }
        let _lock = locked(&blob).map_err(fail)?;
        // A part that is as long as the file would be asked for a rest that is not there.
        if std::fs::metadata(&part).is_ok_and(|part| part.len() >= total) {
            std::fs::remove_file(&part).map_err(unusable)?;
        }
        let show = |bytes| {
            if let Some(shown) = shown {
                shown(&Download { file: file.to_owned(), bytes, total });
            }
        };
        let is_there = std::fs::metadata(&blob).is_ok_and(|blob| blob.len() == total);
        if !is_there {
            self.fetcher.download(&url, &part, total, show).map_err(fail)?;
            std::fs::rename(&part, &blob).map_err(unusable)?;
        }
        // Other files are named by a checksum that is not of their bytes alone.
        let is_checksum = etag.len() == 64;
        if is_checksum && !is_there && checksum(&blob, || show(total)).map_err(unusable)? != etag {
            std::fs::remove_file(&blob).map_err(unusable)?;
            let message = format!("`{}`: {file} arrived damaged, and was removed", self.name);
            return Err(Error::new(ErrorKind::Io, message).hint("run the command again"));
        }
        let pointer = own.pointer_path(commit).join(file);
        let done = point(&pointer, file, &blob, &etag).and_then(|()| own.create_ref(commit));
        done.map_err(|error| unwritable(&pointer, error))
    }
}

/// What the Hub lists about a revision.
struct Listed {
    /// The commit that it is at.
    commit: String,
    /// The names of all files.
    files: Vec<String>,
}

impl From<RepoKind> for RepoType {
    fn from(kind: RepoKind) -> Self {
        match kind {
            RepoKind::Model => Self::Model,
            RepoKind::Data => Self::Dataset,
        }
    }
}

/// Whether a revision is a commit, whose files never change.
fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The SHA-256 of a file, as hexadecimal digits; `step` is called after every piece of it.
fn checksum(path: &Path, step: impl Fn()) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(const_hex::encode(hasher.finalize())),
            read => hasher.update(&piece[..read]),
        }
        step();
    }
}

/// The status of a response, if there was one.
fn status(error: &ApiError) -> Option<u16> {
    let text = match error {
        ApiError::RequestError(error) => error.to_string(),
        ApiError::TooManyRetries(error) => return status(error),
        _ => return None,
    };
    text.strip_prefix("http status: ")?.trim().parse().ok()
}

/// Whether nobody answered, so that a file in the cache is as good as can be had.
fn is_unreachable(error: &ApiError) -> bool {
    match error {
        ApiError::RequestError(_) => status(error).is_none_or(|status| status >= 500),
        ApiError::TooManyRetries(error) => is_unreachable(error),
        ApiError::IoError(_) => true,
        _ => false,
    }
}

/// The error of a request to the Hub, with what to do.
fn failed(repo: &str, error: &ApiError) -> Error {
    let of = |kind, what: String| Error::new(kind, what);
    match (status(error), error) {
        (Some(401 | 404), _) => {
            of(ErrorKind::Config, format!("`{repo}` was not found on the Hub, or is not public"))
                .hint("check the name; for a private or gated repository set HF_TOKEN to a token of your account")
        }
        (Some(403), _) => of(ErrorKind::Unauthorized, format!("the Hub does not let you read `{repo}`"))
            .hint("accept the licence on the page of the repository, and set HF_TOKEN to a token of that account"),
        (Some(429), _) => of(ErrorKind::RateLimited, format!("the Hub limits requests to `{repo}`"))
            .hint("wait some minutes, or set HF_TOKEN to a token of your account"),
        (_, ApiError::LockAcquisition(_)) => {
            of(ErrorKind::Io, format!("another program downloads `{repo}`"))
                .hint("run the command again when it has finished")
        }
        _ => of(ErrorKind::Unreachable, format!("`{repo}` cannot be downloaded: {error}"))
            .hint("check the network; HF_ENDPOINT names another address of the Hub"),
    }
}

/// The error of a file in the cache.
fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot use `{}`", path.display())).because(error)
}
