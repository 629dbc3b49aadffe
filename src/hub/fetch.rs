//! Files of the Hub over the network: the token goes to the Hub, and to no host that it redirects to.
//!
//! The Hub keeps large files on other hosts, whose addresses are signed. The client of the library would send the token
//! there too, so that redirects are followed here.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    thread,
    time::Duration,
};

use hf_hub::api::sync::ApiError;
use secrecy::{ExposeSecret, SecretString};
use ureq::{
    Agent, Body,
    http::{Response, Uri},
};

use super::name::is_part;

/// How many redirects are followed: one in practice.
const MOST_REDIRECTS: usize = 5;

/// How often a download that broke off is continued.
const RETRIES: u32 = 5;

/// How often another program's lock is tried, a second each.
const TRIES: usize = 5;

/// What the Hub says about a file.
pub(super) struct About {
    /// The name of its content: the SHA-256 of large files.
    pub(super) etag: String,
    /// Its length in bytes.
    pub(super) size: u64,
}

/// Reads files of one Hub.
pub(super) struct Fetcher {
    agent: Agent,
    endpoint: Uri,
    token: Option<SecretString>,
}

/// A response after all redirects, with what the responses on the way said.
struct Found {
    etag: Option<String>,
    response: Response<Body>,
}

impl Fetcher {
    /// A client of the Hub at this address, with the token that it gets.
    pub(super) fn new(endpoint: &str, token: Option<String>) -> Self {
        let config = Agent::config_builder().max_redirects(0).http_status_as_error(false);
        Self {
            agent: config.build().into(),
            endpoint: endpoint.parse().unwrap_or_default(),
            token: token.map(SecretString::from),
        }
    }

    /// What the Hub says about the file at this address.
    ///
    /// # Errors
    /// It cannot be reached, refuses, or says too little.
    pub(super) fn about(&self, url: &str) -> Result<About, ApiError> {
        let Found { etag, response } = self.get(url, "bytes=0-0")?;
        // It becomes a part of paths.
        let etag = etag.filter(|etag| is_part(etag));
        let range = header(&response, "content-range");
        let size = range.as_deref().and_then(|range| range.rsplit('/').next()?.parse().ok());
        Ok(About {
            etag: etag.ok_or(ApiError::MissingHeader("etag"))?,
            size: size.ok_or(ApiError::MissingHeader("content-range"))?,
        })
    }

    /// Appends the rest of a file to its part; `arrived` is told of every piece, and of what is there at the beginning
    /// of each try.
    ///
    /// # Errors
    /// It cannot be reached, refuses, or breaks off again and again.
    pub(super) fn download(
        &self,
        url: &str,
        part: &Path,
        size: u64,
        mut arrived: impl FnMut(u64),
    ) -> Result<(), ApiError> {
        let mut file = OpenOptions::new().create(true).append(true).open(part)?;
        for retry in 0.. {
            let broken = match self.append(url, &mut file, &mut arrived) {
                Ok(length) if length == size => return Ok(()),
                Ok(_) => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
                Err(error) => error,
            };
            if retry == RETRIES {
                return Err(ApiError::TooManyRetries(Box::new(broken)));
            }
            thread::sleep(Duration::from_millis(300 << retry));
        }
        Ok(())
    }

    /// Appends what is missing once, and returns the length of the file.
    fn append(
        &self,
        url: &str,
        file: &mut File,
        arrived: &mut impl FnMut(u64),
    ) -> Result<u64, ApiError> {
        let mut length = file.seek(SeekFrom::End(0))?;
        arrived(length);
        let found = self.get(url, &format!("bytes={length}-"))?;
        let mut body = found.response.into_body().into_reader();
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = body.read(&mut piece)?;
            if read == 0 {
                return Ok(length);
            }
            file.write_all(&piece[..read])?;
            length += read as u64;
            arrived(length);
        }
    }

    /// Sends a request, and follows redirects: with the token only to the Hub itself.
    fn get(&self, url: &str, range: &str) -> Result<Found, ApiError> {
        let failed = |error: ureq::Error| ApiError::from(Box::new(error));
        let mut url = url.parse::<Uri>().map_err(|_| failed(ureq::Error::BadUri(url.into())))?;
        let mut etag = None;
        for _ in 0..=MOST_REDIRECTS {
            let mut request = self.agent.get(&url).header("range", range);
            if let Some(token) = self.token.as_ref().filter(|_| self.is_own(&url)) {
                request =
                    request.header("authorization", format!("Bearer {}", token.expose_secret()));
            }
            let response = request.call().map_err(failed)?;
            let named = |name| header(&response, name);
            etag = etag.or_else(|| named("x-linked-etag")).or_else(|| named("etag"));
            let status = response.status();
            match named("location").filter(|_| status.is_redirection()) {
                Some(target) => {
                    let target = joined(&url, &target);
                    url = target.ok_or_else(|| failed(ureq::Error::RedirectFailed))?;
                }
                None if status.is_success() => return Ok(Found { etag, response }),
                None => return Err(failed(ureq::Error::StatusCode(status.as_u16()))),
            }
        }
        Err(failed(ureq::Error::TooManyRedirects))
    }

    /// Whether an address is at the Hub: the same scheme, host and port.
    fn is_own(&self, url: &Uri) -> bool {
        url.scheme() == self.endpoint.scheme() && url.authority() == self.endpoint.authority()
    }
}

/// A header as text, without quotation marks around it.
fn header(response: &Response<Body>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// The address that a redirect names, whole or as a path.
fn joined(url: &Uri, target: &str) -> Option<Uri> {
    let target = target.parse::<Uri>().ok()?;
    if target.scheme().is_some() {
        return Some(target);
    }
    let mut parts = url.clone().into_parts();
    parts.path_and_query = target.into_parts().path_and_query;
    Uri::from_parts(parts).ok()
}

/// The lock of a file that is downloaded, which all clients of the Hub respect; released when it is dropped.
///
/// # Errors
/// Another program holds it for five seconds.
pub(super) fn locked(blob: &Path) -> Result<File, ApiError> {
    let path = blob.with_extension("lock");
    let file = File::create(&path)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_secs(1)),
        }
    }
    Err(ApiError::LockAcquisition(path))
}

/// Makes a file of a snapshot point to its content, which is two folders above the snapshot.
pub(super) fn point(pointer: &Path, file: &str, blob: &Path, etag: &str) -> io::Result<()> {
    if pointer.exists() {
        return Ok(());
    }
    if let Some(folder) = pointer.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let target = format!("{}blobs/{etag}", "../".repeat(2 + file.matches('/').count()));
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, pointer);
    #[cfg(windows)]
    let made = std::os::windows::fs::symlink_file(target, pointer);
    // Not every system lets programs make links.
    made.or_else(|_| std::fs::rename(blob, pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_whole_addresses_or_paths_and_only_the_hub_is_the_hub() {
        let fetcher = Fetcher::new("https://hub.example", None);
        let at = "https://hub.example/a/b".parse::<Uri>().unwrap();
        for (target, whole, is_own) in [
            ("/c?d=e", "https://hub.example/c?d=e", true),
            ("https://cdn.example/f?s=1", "https://cdn.example/f?s=1", false),
            ("https://hub.example.evil.example/", "https://hub.example.evil.example/", false),
            ("http://hub.example/f", "http://hub.example/f", false),
            ("https://hub.example:444/f", "https://hub.example:444/f", false),
            ("https://hub.example@cdn.example/f", "https://hub.example@cdn.example/f", false),
        ] {
            let url = joined(&at, target).unwrap();
            assert_eq!((url.to_string().as_str(), fetcher.is_own(&url)), (whole, is_own));
        }
    }
}
