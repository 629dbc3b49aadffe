//! A file system of its own: the interpreter and its libraries, read-only, and one empty folder in memory.
//!
//! It has no `/proc`, no `/home`, no `/etc` but the list of libraries, and two devices: `/dev/null` and `/dev/urandom`.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::statvfs::{FsFlags, statvfs},
    unistd::{chdir, pivot_root, sethostname},
};

use super::{super::spec::Spec, Refusal, io_step, step};

/// The folder that code may write.
pub(super) const FOLDER: &str = "/tmp";

/// Where the old file system stands until it is given up.
const OLD: &str = "/old";

/// Devices that programs expect.
const DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];

/// Folders that every system has one of: the new file system is made on top.
const PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/mnt", "/run"];

/// How many files the folder may hold.
const FILES: u32 = 4096;

/// No argument of a mount.
const NONE: Option<&str> = None;

/// Makes the file system of this process.
///
/// # Errors
/// Something cannot be mounted.
pub(super) fn enter(spec: &Spec) -> Result<(), Refusal> {
    sethostname("sandbox").map_err(step("cannot set the host name"))?;
    let mounted = step("cannot mount");
    // What is mounted here is seen nowhere else.
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).map_err(&mounted)?;
    let place = PLACES.iter().find(|place| Path::new(place).is_dir());
    let place = place.ok_or("there is no folder /tmp")?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), *place, Some("tmpfs"), safe, Some("size=1m,mode=755"))
        .map_err(&mounted)?;
    let old = format!("{place}{OLD}");
    fs::create_dir(&old).map_err(io_step("cannot make a folder"))?;
    pivot_root(*place, old.as_str()).map_err(step("cannot change the root folder"))?;
    chdir("/").map_err(step("cannot enter the new root folder"))?;
    // Before what is shown: an interpreter may be below it.
    fs::create_dir_all(FOLDER).map_err(io_step("cannot make a folder"))?;
    let size = spec.limits.file.saturating_mul(4);
    let options = format!("size={size},nr_inodes={FILES},mode=1777");
    let closed = safe | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), FOLDER, Some("tmpfs"), closed, Some(options.as_str()))
        .map_err(&mounted)?;
    show_all(&spec.readable)?;
    for device in DEVICES {
        show(Path::new(device)).map_err(|refusal| format!("{device}: {refusal}"))?;
    }
    umount2(OLD, MntFlags::MNT_DETACH).map_err(step("cannot give up the old root folder"))?;
    fs::remove_dir(OLD).map_err(io_step("cannot remove a folder"))?;
    let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | safe;
    mount(NONE, "/", NONE, sealed, NONE).map_err(&mounted)
}

/// Shows files and folders of the old file system in the new one, to be read only.
fn show_all(paths: &[PathBuf]) -> Result<(), Refusal> {
    let mut paths: Vec<&PathBuf> = paths.iter().collect();
    paths.sort();
    let mut shown: Vec<&PathBuf> = Vec::new();
    for path in paths {
        if shown.iter().any(|folder| path.starts_with(folder)) || !show(path)? {
            continue;
        }
        seal(path)?;
        shown.push(path);
    }
    Ok(())
}

/// Shows a path of the old file system in the new one; whether it is mounted. Links stay links, and what is not there is
/// left out.
fn show(path: &Path) -> Result<bool, Refusal> {
    let old = Path::new(OLD).join(path.strip_prefix("/").unwrap_or(path));
    let Ok(about) = fs::symlink_metadata(&old) else { return Ok(false) };
    let parent = path.parent().unwrap_or(Path::new("/"));
    let made = fs::create_dir_all(parent).and_then(|()| match about.file_type() {
        kind if kind.is_symlink() => symlink(fs::read_link(&old)?, path),
        kind if kind.is_dir() => fs::create_dir_all(path),
        _ => fs::File::create(path).map(drop),
    });
    made.map_err(|cause| format!("cannot show `{}`: {cause}", path.display()))?;
    if about.is_symlink() {
        return Ok(false);
    }
    mount(Some(&old), path, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
        .map_err(|cause| format!("cannot show `{}`: {}", path.display(), cause.desc()))?;
    Ok(true)
}

/// Makes a mount read-only, with all that is mounted below it.
fn seal(path: &Path) -> Result<(), Refusal> {
    for one in below(path).map_err(io_step("cannot read the list of mounts"))? {
        let kept = statvfs(&one).map_or(FsFlags::empty(), |about| about.flags());
        let mut flags = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV;
        // A right that was given up in an outer namespace must stay given up.
        flags.set(MsFlags::MS_NOEXEC, kept.contains(FsFlags::ST_NOEXEC));
        mount(NONE, &one, NONE, flags, NONE)
            .map_err(|cause| format!("cannot protect `{}`: {}", one.display(), cause.desc()))?;
    }
    Ok(())
}

/// A mount, and those below it.
fn below(path: &Path) -> io::Result<Vec<PathBuf>> {
    let list = fs::read_to_string(format!("{OLD}/proc/self/mountinfo"))?;
    let points = list.lines().filter_map(|line| line.split(' ').nth(4));
    let points = points.map(|point| PathBuf::from(unescaped(point)));
    let mut all: Vec<PathBuf> = points.filter(|point| point.starts_with(path)).collect();
    all.sort();
    all.dedup();
    Ok(all)
}

/// A path of the list of mounts, in which blanks are written as `\040`.
fn unescaped(point: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(point.to_owned(), |point, (code, character)| point.replace(code, character))
}
