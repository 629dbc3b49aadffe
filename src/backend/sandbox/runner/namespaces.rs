//! Namespaces of its own: for mounts, processes, the network, IPC, the host name, and where needed for users.

use std::fs;

use nix::{
    sched::{CloneFlags, unshare},
    sys::prctl,
    unistd::{getegid, geteuid},
};

use super::{Refusal, limits, step};

/// Enters new namespaces; whether one for users is among them, in which this process has all rights, and none outside.
///
/// # Errors
/// The kernel, or what this process runs in, does not allow it.
pub(super) fn enter() -> Result<bool, Refusal> {
    let own = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if geteuid().is_root() {
        if unshare(own).is_ok() {
            return Ok(false);
        }
        // An administrator without the right, as in most containers: as an ordinary user.
        limits::become_nobody()?;
        prctl::set_dumpable(true).map_err(step("cannot own its entry in /proc"))?;
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | own).map_err(step("namespaces are not allowed"))?;
    for (file, content) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), content)
            .map_err(|cause| format!("namespaces are not allowed: {file}: {cause}"))?;
    }
    Ok(true)
}
