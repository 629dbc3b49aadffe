//! Limits on resources, and rights that are given up.

use std::fs;

use caps::CapSet;
use nix::{
    sys::resource::{Resource, setrlimit},
    unistd::{Gid, Uid, close, geteuid, setgroups, setresgid, setresuid},
};

use super::{super::spec::SandboxLimits, Refusal, step};

/// The user and the group without rights, on every Linux.
const NOBODY: u32 = 65534;

/// The size of a stack: also that of a thread, so that few threads fit into memory.
const STACK: u64 = 16 << 20;

/// Closes all files but the three of every program: what a library opened may have been passed on.
pub(super) fn close_inherited() {
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return };
    let numbers =
        open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let numbers: Vec<i32> = numbers.filter(|number| *number > 2).collect();
    for number in numbers {
        // The one by which the list was read is closed already.
        let _ = close(number);
    }
}

/// Sets all limits but that on memory.
///
/// # Errors
/// One cannot be set.
pub(super) fn set(limits: &SandboxLimits, seconds: u32) -> Result<(), Refusal> {
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_CPU, u64::from(seconds)),
        (Resource::RLIMIT_FSIZE, limits.file),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_MSGQUEUE, 0),
        (Resource::RLIMIT_NOFILE, limits.open_files),
        (Resource::RLIMIT_STACK, STACK),
    ] {
        setrlimit(resource, most, most).map_err(step("cannot set a limit"))?;
    }
    Ok(())
}

/// Sets the limits on threads and memory: the last ones, since this process needs both.
///
/// # Errors
/// One cannot be set.
pub(super) fn set_memory(limits: &SandboxLimits) -> Result<(), Refusal> {
    setrlimit(Resource::RLIMIT_NPROC, limits.threads, limits.threads)
        .map_err(step("cannot set a limit"))?;
    setrlimit(Resource::RLIMIT_AS, limits.memory, limits.memory).map_err(step("cannot set a limit"))
}

/// Becomes an ordinary user, where this process is the administrator's.
///
/// # Errors
/// It may not.
pub(super) fn become_nobody() -> Result<(), Refusal> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let failed = step("cannot become an ordinary user");
    setgroups(&[]).map_err(&failed)?;
    setresgid(group, group, group).map_err(&failed)?;
    setresuid(user, user, user).map_err(&failed)
}

/// Gives up all rights of an administrator, now and after the interpreter has started.
///
/// # Errors
/// One of them stays.
pub(super) fn drop_capabilities() -> Result<(), Refusal> {
    let failed = |cause: caps::errors::CapsError| format!("cannot give up rights: {cause}");
    let may_drop = caps::has_cap(None, CapSet::Effective, caps::Capability::CAP_SETPCAP);
    if may_drop.map_err(failed)? {
        caps::clear(None, CapSet::Bounding).map_err(failed)?;
    }
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(failed)?;
    }
    Ok(())
}
