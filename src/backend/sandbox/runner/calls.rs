//! System calls: those that Python needs are allowed, and all others fail.
//!
//! There is no call that starts a process, opens a socket, traces or signals another process, mounts, or loads code into
//! the kernel. Threads of the same process are allowed.

use std::{collections::BTreeMap, process};

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::{super::spec::Walls, Refusal};

/// Calls that are allowed with any arguments, on all processors.
const ALLOWED: &[i64] = &[
    // Reading and writing what is open.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // Files: which ones is decided elsewhere.
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_ftruncate,
    libc::SYS_truncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_symlinkat,
    libc::SYS_umask,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Threads, and signals to itself.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getcpu,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Time.
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_setitimer,
    libc::SYS_getitimer,
    // What it knows about itself.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getgroups,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    // Pairs of sockets that are connected to each other alone, as event loops use them.
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    // The start and the end. Only the interpreter and the loader of programs can be started.
    libc::SYS_execve,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Calls that old processors have besides.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_symlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_alarm,
    libc::SYS_pause,
    libc::SYS_time,
    libc::SYS_getpgrp,
    libc::SYS_getrlimit,
    libc::SYS_arch_prctl,
];

#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[i64] = &[libc::SYS_renameat, libc::SYS_getrlimit];

#[cfg(target_arch = "riscv64")]
const ALLOWED_HERE: &[i64] = &[libc::SYS_getrlimit];

/// Changes of modes and times, which Landlock does not control: only a file system of its own keeps them from files
/// outside.
#[cfg(target_arch = "x86_64")]
const MODES_AND_TIMES: &[i64] = &[
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_utimensat,
];

#[cfg(not(target_arch = "x86_64"))]
const MODES_AND_TIMES: &[i64] = &[libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_utimensat];

/// Calls that fail as if the kernel did not know them, so that libraries use the older ones, whose arguments can be
/// checked.
const MISSING: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_openat2,
    libc::SYS_epoll_pwait2,
    libc::SYS_futex_waitv,
    libc::SYS_set_mempolicy,
    libc::SYS_mbind,
    libc::SYS_get_mempolicy,
];

/// Questions to a terminal, and flags of files, which control no device: `TCGETS`, `TIOCGWINSZ`, `FIONREAD`, `FIONBIO`,
/// `FIOCLEX` and `FIONCLEX`. The numbers are the same on these processors; their types differ between C libraries.
const REQUESTS: [u64; 6] = [0x5401, 0x5413, 0x541B, 0x5421, 0x5451, 0x5450];

/// The filters, ready to be set in this order.
pub(super) fn filters(walls: Walls) -> Result<[BpfProgram; 2], Refusal> {
    let any = |call: &i64| (*call, Vec::new());
    let missing =
        filter(MISSING.iter().map(any).collect(), SeccompAction::Allow, denied(libc::ENOSYS))?;
    // Of two filters the stricter answer counts, so that the second must not refuse what the first calls missing.
    let own_files = if walls.namespaces { MODES_AND_TIMES } else { &[] };
    let allowed = ALLOWED.iter().chain(ALLOWED_HERE).chain(own_files).chain(MISSING).map(any);
    let mut allowed: BTreeMap<i64, Vec<SeccompRule>> = allowed.collect();
    allowed.extend(checked()?);
    let allowed = filter(allowed, denied(libc::EPERM), SeccompAction::Allow)?;
    Ok([missing, allowed])
}

/// Calls that are allowed with some arguments only.
fn checked() -> Result<BTreeMap<i64, Vec<SeccompRule>>, Refusal> {
    let own = u64::from(process::id());
    // A thread, and no process; in no new namespace.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let spaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let spaces = spaces.iter().fold(thread, |all, flag| all | u64::from(flag.unsigned_abs()));
    let stream = u64::from(libc::SOCK_STREAM.unsigned_abs());
    let local = u64::from(libc::AF_UNIX.unsigned_abs());
    let request = |request| rule(&[(1, SeccompCmpOp::Eq, request)]);
    Ok(BTreeMap::from([
        (libc::SYS_clone, vec![rule(&[(0, SeccompCmpOp::MaskedEq(spaces), thread)])?]),
        (libc::SYS_ioctl, REQUESTS.into_iter().map(request).collect::<Result<_, _>>()?),
        // Its own limits may be read.
        (libc::SYS_prlimit64, vec![rule(&[(2, SeccompCmpOp::Eq, 0)])?]),
        (
            libc::SYS_socketpair,
            vec![rule(&[(0, SeccompCmpOp::Eq, local), (1, SeccompCmpOp::MaskedEq(0xf), stream)])?],
        ),
        (libc::SYS_tgkill, vec![rule(&[(0, SeccompCmpOp::Eq, own)])?]),
    ]))
}

/// A rule for arguments, by their number.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, Refusal> {
    let condition = |(argument, is, value): &(u8, SeccompCmpOp, u64)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Qword, is.clone(), *value)
    };
    let conditions: Result<Vec<_>, _> = conditions.iter().map(condition).collect();
    conditions.and_then(SeccompRule::new).map_err(unbuilt)
}

fn filter(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, Refusal> {
    let arch = std::env::consts::ARCH.try_into().map_err(unbuilt)?;
    SeccompFilter::new(rules, otherwise, matching, arch)
        .and_then(TryInto::try_into)
        .map_err(unbuilt)
}

fn denied(error: i32) -> SeccompAction {
    SeccompAction::Errno(error.unsigned_abs())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` wants")]
fn unbuilt(cause: seccompiler::BackendError) -> Refusal {
    format!("cannot describe system calls: {cause}")
}

/// Sets the filters; from now on all other calls fail.
///
/// # Errors
/// The kernel has no seccomp.
pub(super) fn set(filters: &[BpfProgram]) -> Result<(), Refusal> {
    filters.iter().try_for_each(|filter| {
        seccompiler::apply_filter(filter).map_err(|cause| format!("seccomp: {cause}"))
    })
}
