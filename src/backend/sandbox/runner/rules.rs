//! Landlock: which files may be read and run, and which may be written.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use super::{super::spec::Spec, Refusal, root};

/// Sets the rules. With a file system of its own, code may write in its folder; without one it may write nothing.
///
/// # Errors
/// The kernel does not know the rules that are needed.
pub(super) fn set(spec: &Spec) -> Result<(), Refusal> {
    let status = restricted(spec).map_err(|cause| format!("landlock: {cause}"))?;
    match status {
        RulesetStatus::NotEnforced => Err("landlock: the kernel does not enforce it".to_owned()),
        _ => Ok(()),
    }
}

fn restricted(spec: &Spec) -> Result<RulesetStatus, landlock::RulesetError> {
    // Alone, it must also keep files from being cut off, which it can from version 3 on (Linux 6.2).
    let needed = if spec.walls.namespaces { ABI::V1 } else { ABI::V3 };
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let own: BitFlags<AccessFs> = read
        | AccessFs::WriteFile
        | AccessFs::MakeDir
        | AccessFs::MakeReg
        | AccessFs::MakeSym
        | AccessFs::RemoveDir
        | AccessFs::RemoveFile
        | AccessFs::Truncate
        | AccessFs::Refer;
    let own = if spec.walls.namespaces { own } else { BitFlags::EMPTY };
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(needed))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V9))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(&spec.readable, read))?
        .add_rules(path_beneath_rules(&spec.runnable, read | AccessFs::Execute))?
        .add_rules(path_beneath_rules(["/dev/null"], device))?
        .add_rules(path_beneath_rules(["/dev/urandom"], AccessFs::ReadFile))?;
    if !own.is_empty() {
        rules = rules.add_rules(path_beneath_rules([root::FOLDER], own))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}
