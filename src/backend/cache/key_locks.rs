//! One request per key across processes: a lock on one byte of a file next to the store.
//!
//! The lock belongs to an open file description (`F_OFD_SETLK`), so the kernel releases it when the process
//! ends for any reason. It separates processes only: within one process all keys share the descriptor, and
//! `flights` separates them. The offset of the byte is a hash of the key. Two of 2^63 keys may share a byte;
//! one of them then waits without need, and both answers stay correct.

use std::{fs::File, path::Path};

use crate::{error::Result, request::CacheKey};

/// A file whose bytes are locked.
#[derive(Debug)]
pub(super) struct KeyLocks {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux has locks of this kind")
    )]
    file: File,
}

impl KeyLocks {
    /// Opens or creates the file in the folder of the store.
    ///
    /// # Errors
    /// The file cannot be opened for writing.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("flights.lock");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        file.map(|file| Self { file }).map_err(|cause| super::unusable(&path, cause))
    }

    /// Locks the key for this process. Returns `false` if another process holds it, and never waits.
    ///
    /// # Errors
    /// The file system does not support such locks.
    #[cfg(target_os = "linux")]
    pub(super) fn try_take(&self, key: &CacheKey) -> std::io::Result<bool> {
        match self.set(key, nix::libc::F_WRLCK) {
            Ok(()) => Ok(true),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Ok(false),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Releases the key.
    #[cfg(target_os = "linux")]
    pub(super) fn release(&self, key: &CacheKey) {
        // If this fails, the lock ends with the process.
        let _ = self.set(key, nix::libc::F_UNLCK);
    }

    /// Sets or removes the lock on the byte of a key.
    #[cfg(target_os = "linux")]
    fn set(&self, key: &CacheKey, kind: i32) -> nix::Result<()> {
        let place = i64::from_le_bytes(*key.as_bytes().first_chunk().unwrap_or(&[0; 8])) & i64::MAX;
        let lock = nix::libc::flock {
            l_type: i16::try_from(kind).unwrap_or_default(),
            l_whence: i16::try_from(nix::libc::SEEK_SET).unwrap_or_default(),
            // The last byte of the longest possible file cannot be locked.
            l_start: place.min(i64::MAX - 1),
            l_len: 1,
            l_pid: 0,
        };
        nix::fcntl::fcntl(&self.file, nix::fcntl::FcntlArg::F_OFD_SETLK(&lock)).map(drop)
    }

    /// Other systems have no such locks: every process asks for itself.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "on Linux it fails")]
    pub(super) fn try_take(&self, _: &CacheKey) -> std::io::Result<bool> {
        Ok(true)
    }

    /// Other systems have no lock to release.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn release(&self, _: &CacheKey) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::request::Request;

    #[test]
    fn two_openings_of_the_file_keep_each_other_out() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) =
            (KeyLocks::open(folder.path()).unwrap(), KeyLocks::open(folder.path()).unwrap());
        let (key, free) =
            (Request::generate(Vec::new()).key("a"), Request::generate(Vec::new()).key("b"));
        assert!(one.try_take(&key).unwrap());
        assert!(!other.try_take(&key).unwrap());
        assert!(other.try_take(&free).unwrap());
        one.release(&key);
        assert!(other.try_take(&key).unwrap());
    }
}
