//! The bytes of a source: decompressed, checked to be text, and split into lines that know their
//! position.
//!
//! Memory is bounded: a record has at most [`LONGEST`] bytes. A longer line is an error, and it is
//! skipped without being stored.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::{format::BOM, source::Source};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
};

/// The longest record that is accepted, in bytes (64 MiB).
pub(super) const LONGEST: usize = 64 << 20;

/// The size of the buffer between a file and its reader, in bytes.
const BUFFER: usize = 64 << 10;

/// The decompressed bytes of a source, read when they are needed.
pub(super) type Bytes = Box<dyn BufRead + Send>;

/// Opens a source. Data compressed with gzip or zstd is recognized by its first bytes and decompressed.
///
/// # Errors
/// The file cannot be opened or read, is a device that may never end, or is damaged at its beginning.
pub(super) fn open(source: &Source) -> Result<Bytes> {
    let failed = |cause: io::Error| {
        Error::new(ErrorKind::Io, format!("cannot read `{source}`")).because(cause)
    };
    let mut bytes: Bytes = match source {
        Source::Stdin => Box::new(BufReader::with_capacity(BUFFER, io::stdin())),
        Source::File(path) => {
            let file = File::open(path).map_err(failed)?;
            check_ends(&file).map_err(failed)?;
            Box::new(BufReader::with_capacity(BUFFER, file))
        }
    };
    let start = bytes.fill_buf().map_err(failed)?;
    if start.starts_with(b"\x1F\x8B") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(bytes))));
    }
    if start.starts_with(b"\x28\xB5\x2F\xFD") {
        let unpacked =
            StreamingDecoder::new(bytes).map_err(|cause| failed(io::Error::other(cause)))?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER, unpacked)));
    }
    Ok(bytes)
}

/// Rejects a device, which may never end. A terminal is accepted.
fn check_ends(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::{io::IsTerminal, os::unix::fs::FileTypeExt};
        let kind = file.metadata()?.file_type();
        if kind.is_block_device() || (kind.is_char_device() && !file.is_terminal()) {
            return Err(io::Error::other("it is a device, not a file"));
        }
    }
    let _ = file;
    Ok(())
}

/// Rejects a source that is not text, by its first bytes.
///
/// # Errors
/// The bytes are UTF-16, or contain a zero byte, which text does not.
pub(super) fn check_text(bytes: &mut Bytes) -> Result<()> {
    let start = bytes.fill_buf().map_err(broken)?;
    if start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF") {
        return Err(wrong("it is UTF-16, not UTF-8").hint("convert it: iconv -f UTF-16 -t UTF-8"));
    }
    if let Some(at) = start.iter().position(|&byte| byte == 0) {
        return Err(wrong(format!("it is not text: byte {at} is zero")).hint(
            Hint::from("name text files only, or the format: ").setting("input_format", "parquet"),
        ));
    }
    Ok(())
}

/// One line without its line break, or the position of a line that is too long.
#[derive(Clone, Debug)]
pub(super) struct RawLine {
    /// The bytes before the line break; empty if the line is too long.
    pub(super) bytes: Vec<u8>,
    /// The number of the line, counted from 1.
    pub(super) number: usize,
    /// The position of its first byte in the decompressed source.
    pub(super) offset: u64,
    /// Whether the line was short enough to be stored.
    whole: bool,
}

impl RawLine {
    /// Whether the line contains only blanks.
    pub(super) fn is_blank(&self) -> bool {
        self.whole && self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Whether the line is longer than [`LONGEST`], so that its bytes were not stored.
    pub(super) fn is_cut(&self) -> bool {
        !self.whole
    }

    /// The rest of the line after its first `taken` bytes, with the same line number.
    pub(super) fn after(&self, taken: usize) -> Option<Self> {
        let bytes = self.bytes.get(taken..)?.to_vec();
        Some(Self { bytes, offset: self.offset + taken as u64, ..*self })
    }

    /// The line as text.
    ///
    /// # Errors
    /// It is too long, or is not UTF-8; the error names the byte of the file.
    pub(super) fn text(&self) -> Result<&str> {
        if !self.whole {
            return Err(wrong(format!("the line is longer than {} MiB", LONGEST >> 20)));
        }
        text(&self.bytes, self.offset)
    }
}

/// The lines of a source, one at a time, without the byte order mark before the first one.
pub(super) struct Lines {
    /// The rest of the source.
    bytes: Bytes,
    /// The number of the last line that was read.
    number: usize,
    /// The position of the next line in the decompressed source.
    offset: u64,
}

impl Lines {
    /// The lines of these bytes, from the first one.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, number: 0, offset: 0 }
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// The source cannot be read any further.
    pub(super) fn next(&mut self) -> Result<Option<RawLine>> {
        let mut bytes = Vec::new();
        let limit = LONGEST as u64;
        (&mut self.bytes)
            .take(limit)
            .read_until(b'\n', &mut bytes)
            .map_err(|cause| self.broken(cause))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let (number, offset) = (self.number + 1, self.offset);
        self.number = number;
        self.offset += bytes.len() as u64;
        let ended = bytes.ends_with(b"\n");
        let whole = ended || bytes.len() < LONGEST;
        if ended {
            bytes.pop();
        }
        if !whole {
            bytes = Vec::new();
            self.offset += self.skip_line()?;
        }
        if offset == 0 && bytes.starts_with(BOM) {
            bytes.drain(..BOM.len());
        }
        Ok(Some(RawLine { bytes, number, offset, whole }))
    }

    /// The number of the last line that was read; 0 before the first one.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Skips the rest of a line, and returns its number of bytes.
    fn skip_line(&mut self) -> Result<u64> {
        self.bytes
            .skip_until(b'\n')
            .map(|skipped| skipped as u64)
            .map_err(|cause| self.broken(cause))
    }

    /// The error of a source that cannot be read any further, with the last line that could.
    fn broken(&self, cause: io::Error) -> Error {
        broken(cause).within(format!("after line {}", self.number))
    }
}

/// Bytes as text; `offset` is their position in the source, for the error.
///
/// # Errors
/// They are not UTF-8. Invalid text is never repaired: the judge would see a text that was never written.
pub(super) fn text(bytes: &[u8], offset: u64) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|cause| {
        let at = offset + cause.valid_up_to() as u64;
        wrong(format!("it is not UTF-8 at byte {at} of the file"))
            .hint("convert it, for example: iconv -f WINDOWS-1252 -t UTF-8")
    })
}

/// The error of a source that cannot be read any further: a damaged archive, a lost network drive.
pub(super) fn broken(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot read on").because(cause)
}

/// The error of an invalid record. It costs only the record, and the run continues.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Record, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Lines {
        Lines::new(Box::new(io::Cursor::new(bytes.to_vec())))
    }

    #[test]
    fn lines_know_where_they_stand() {
        let mut lines = lines(b"\xEF\xBB\xBFone\ntwo\r\n\xFFthree");
        let first = lines.next().unwrap().unwrap();
        assert_eq!((first.text().unwrap(), first.number, first.offset), ("one", 1, 0));
        assert_eq!(lines.next().unwrap().unwrap().offset, 7);
        let last = lines.next().unwrap().unwrap();
        assert!(last.text().unwrap_err().to_string().contains("not UTF-8 at byte 12 of the file"));
        assert!(lines.next().unwrap().is_none());
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_whole() {
        let mut lines = lines(&[vec![b'x'; LONGEST + 5], b"\n{}\n".to_vec()].concat());
        assert!(lines.next().unwrap().unwrap().text().unwrap_err().to_string().contains("64 MiB"));
        let next = lines.next().unwrap().unwrap();
        assert_eq!((next.text().unwrap(), next.number, next.offset), ("{}", 2, LONGEST as u64 + 6));
    }

    #[test]
    fn text_is_told_from_what_is_none() {
        let check = |bytes: &[u8]| {
            let mut bytes: Bytes = Box::new(io::Cursor::new(bytes.to_vec()));
            check_text(&mut bytes).map_err(|error| error.to_string())
        };
        assert!(check(b"plain").is_ok() && check(b"").is_ok());
        assert!(check(b"\xFF\xFEa\0").unwrap_err().contains("UTF-16"));
        assert!(check(b"PK\x03\x04\0").unwrap_err().contains("byte 4 is zero"));
    }
}
