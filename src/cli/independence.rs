//! Warnings about judges that are not independent: of the policy, or of the models that wrote the answers.

use super::note;
use tribunal::{
    Item,
    judge::Judge,
    report::{Dependence, Independence, escaped},
};

/// The warning about a policy that is its own judge, or of the judge's family; `None` if nothing tells that. `help` says
/// what makes them independent.
pub(super) fn of_policy(judge: &Judge, policy: &Judge, help: &str) -> Option<String> {
    const WHY: &str = "and models prefer what they wrote themselves";
    Some(match Dependence::between(judge, policy)? {
        Dependence::SameModel(name) => {
            let name = escaped(&name);
            format!("warning: the policy is its own judge (`{name}`), {WHY}; {help}")
        }
        Dependence::SameFamily(families) => {
            let (one, other) = (escaped(policy.backend().name()), escaped(judge.name()));
            let families = families.join(", ");
            format!(
                "warning: the policy `{one}` and the judge `{other}` are of one family ({families}), {WHY}; {help}"
            )
        }
    })
}

/// Prints the warning about a policy, where `--policy` makes it independent.
pub(super) fn warn_of_policy(judge: &Judge, policy: &Judge) {
    if let Some(warning) = of_policy(judge, policy, "--policy names another model") {
        note(&warning);
    }
}

/// Prints a warning if a model of the judge's own family wrote the first answer; the summary of `judge` counts such
/// records.
pub(super) fn warn_of_authors(judge: &Judge, item: &Item) {
    let shared = Independence::of(judge).shared(item);
    if shared.is_empty() {
        return;
    }
    let (families, authors) = (Vec::from_iter(shared).join(", "), item.authors().join("`, `"));
    note(&format!(
        "warning: the judge `{}` is of the family of models that wrote the answers ({families}: `{}`), and judges prefer answers of their own family; a judge of another family is independent",
        escaped(judge.name()),
        escaped(&authors)
    ));
}
