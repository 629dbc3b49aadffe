//! The process group of a program that was started, which ends with its owner.

use tokio::process::Child;

/// Kills the process group of a program when it is dropped. The group lives as long as one of its processes does.
#[cfg(unix)]
pub(super) struct Group(Option<nix::unistd::Pid>);

#[cfg(unix)]
impl Group {
    /// The group of a child that was started as the first of its own group.
    pub(super) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(nix::unistd::Pid::from_raw))
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails where all have ended already.
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// On other systems the child alone is killed.
#[cfg(not(unix))]
pub(super) struct Group;

#[cfg(not(unix))]
impl Group {
    pub(super) const fn of(_: &Child) -> Self {
        Self
    }
}
