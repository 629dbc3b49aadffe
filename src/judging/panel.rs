//! A judge as data: its members, and whether their verdicts can be combined.

use std::sync::Arc;

use super::{Member, Thresholds};
use crate::{
    aggregate::Aggregate,
    error::{Error, ErrorKind, Result},
    item::Item,
    parse::Kind,
    pass::{Pass, VerdictProfile},
    request::Capabilities,
    verdict::Calibration,
};

/// A judge as pure data: its members, and how their votes are combined.
///
/// ```
/// use std::sync::Arc;
/// use tribunal::{Item, judge, judging::{Facts, Member, Panel}, request::Capabilities};
///
/// let member = Member::new("strict", judge::load("pair")?)?.drawing(2);
/// let panel = Arc::new(Panel::single(member));
/// let item = Item::new().question("Which is prime?").answers(["51", "53"]);
/// let asks = panel.judging(&item, &Facts::all(Capabilities::TEXT))?.start();
/// assert_eq!(asks.len(), 4); // two draws, each in both orders
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Panel {
    /// The members, at least one, and after them their replacements.
    pub(crate) members: Vec<Arc<Member>>,
    /// How many members are always asked; those after them are replacements.
    pub(crate) seats: usize,
    /// The weights of members by their names: those of the others are 1.
    pub(crate) weights: Vec<(Arc<str>, f64)>,
    /// How the verdicts of the members are combined; `None` for the default of the kind of verdict.
    pub(crate) aggregate: Option<Aggregate>,
    /// How many members must give a verdict for the judgment to have one.
    pub(crate) quorum: usize,
    /// For a cascade, whose members are asked one after another: when each of them decides.
    pub(crate) thresholds: Option<Thresholds>,
    /// The pass rule, if there is one.
    pub(crate) pass: Option<Pass>,
    /// What maps the probability of the positive label of the combined verdict, if there is one.
    pub(crate) calibration: Option<Arc<Calibration>>,
}

/// The capabilities of the models of a judge, by the name of the member.
///
/// They must be known before the first request, because they decide which requests are made.
///
/// ```
/// use tribunal::{judging::Facts, request::Capabilities};
///
/// let facts = Facts::all(Capabilities::TEXT).with("local", Capabilities::ALL);
/// assert_eq!(facts.of("local"), Capabilities::ALL);
/// assert_eq!(facts.of("any other"), Capabilities::TEXT);
/// ```
#[derive(Clone, Debug)]
pub struct Facts {
    /// The capabilities of members that are not in the list.
    others: Capabilities,
    /// Capabilities by the name of the member; the last entry of a name is used.
    by_name: Vec<(Arc<str>, Capabilities)>,
}

impl Facts {
    /// Every model has these capabilities.
    pub fn all(capabilities: Capabilities) -> Self {
        Self { others: capabilities, by_name: Vec::new() }
    }

    /// The model of each member has its own capabilities.
    pub(crate) fn each(known: impl Iterator<Item = (Arc<str>, Capabilities)>) -> Self {
        Self { others: Capabilities::TEXT, by_name: known.collect() }
    }

    /// The same, but the model of this member has these capabilities.
    #[must_use]
    pub fn with(mut self, member: impl Into<Arc<str>>, capabilities: Capabilities) -> Self {
        self.by_name.push((member.into(), capabilities));
        self
    }

    /// The capabilities of a member's model.
    pub fn of(&self, member: &str) -> Capabilities {
        let named = self.by_name.iter().rev().find(|(name, _)| &**name == member);
        named.map_or(self.others, |(_, capabilities)| *capabilities)
    }
}

impl Panel {
    /// A judge of one member, with the pass rule of its prompt.
    pub fn single(member: Member) -> Self {
        let pass = member.prompt.front().pass.clone();
        Self {
            members: vec![Arc::new(member)],
            seats: 1,
            weights: Vec::new(),
            aggregate: None,
            quorum: 1,
            thresholds: None,
            pass,
            calibration: None,
        }
    }

    /// A judge with several members. More than half of them must give a verdict.
    ///
    /// # Errors
    /// There is no member, two have the same name, or their verdicts differ in kind, scale or labels.
    pub fn of(members: Vec<Member>) -> Result<Self> {
        Self::with_replacements(members, Vec::new())
    }

    /// The same with members that are asked only if one of the others has no verdict: in this order, each for one
    /// member that failed or could not be read. A member that abstained is not replaced.
    ///
    /// # Errors
    /// Those of [`of`](Self::of), for members and replacements together.
    pub fn with_replacements(members: Vec<Member>, replacements: Vec<Member>) -> Result<Self> {
        let seats = members.len();
        let members = if seats == 0 { members } else { [members, replacements].concat() };
        let config = |message: String| Error::new(ErrorKind::Config, message);
        let Some((first, rest)) = members.split_first() else {
            return Err(config("a judge needs at least one member".into()));
        };
        for (n, member) in members.iter().enumerate() {
            if members[..n].iter().any(|other| other.name == member.name) {
                return Err(config(format!("two members are called `{}`", member.name))
                    .hint("votes carry the names of their members: give each its own"));
            }
        }
        rest.iter().try_for_each(|member| check_alike(first, member))?;
        let quorum = seats / 2 + 1;
        let members = members.into_iter().map(Arc::new).collect();
        Ok(Self {
            members,
            seats,
            weights: Vec::new(),
            aggregate: None,
            quorum,
            thresholds: None,
            pass: None,
            calibration: None,
        })
    }

    /// The members, in the order in which they were given, and after them their replacements.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The members that are asked only if another one has no verdict.
    pub fn replacements(&self) -> &[Arc<Member>] {
        &self.members[self.seats..]
    }

    /// Whether there is only one member.
    pub(crate) fn is_single(&self) -> bool {
        self.members.len() == 1
    }

    /// The first member. The kind and the scale of verdicts are the same for all members.
    pub(crate) fn first(&self) -> &Arc<Member> {
        // A panel is never empty.
        &self.members[0]
    }

    /// Whether a judgment may leave out some of its votes.
    pub(crate) fn is_adaptive(&self) -> bool {
        self.is_cascade() || self.members.iter().any(|member| member.is_adaptive())
    }

    /// How many numbers are added up to one score: the draws of each member under `sum`, times the members if these
    /// are added up too. The ends of the scale of a score are as many times those of the prompt.
    pub(crate) fn summed(&self) -> u32 {
        let members = u32::try_from(self.seats).unwrap_or(u32::MAX);
        let adds = self.aggregate == Some(Aggregate::Sum) && !self.is_single();
        self.first().summed().saturating_mul(if adds { members } else { 1 })
    }

    /// What the verdicts will be like: pass rules are checked against it.
    pub(crate) fn verdict_profile(&self) -> VerdictProfile<'_> {
        VerdictProfile { summed: self.summed(), ..self.first().prompt.verdict_profile() }
    }

    /// Whether all members rename and fill in fields in the same way.
    pub(crate) fn maps_alike(&self) -> bool {
        self.members.iter().all(|member| member.fields == self.first().fields)
    }

    /// The item as the members see it, with fields renamed and filled in.
    ///
    /// If the members differ in this, the item is unchanged, and [`seen_by`](Self::seen_by) does it for
    /// each member.
    ///
    /// # Errors
    /// The record lacks a field that is to be renamed.
    pub(crate) fn seen(&self, item: &Item) -> Result<Item> {
        if self.maps_alike() {
            return self.first().fields.apply(item);
        }
        self.members.iter().try_for_each(|member| member.fields.apply(item).map(drop))?;
        Ok(item.clone())
    }

    /// The item as one member sees it, given what [`seen`](Self::seen) returned.
    pub(crate) fn seen_by(&self, member: &Member, item: &Item) -> Result<Item> {
        let item = if self.maps_alike() { item.clone() } else { member.fields.apply(item)? };
        member.prompt.split(item)
    }
}

/// Checks that the verdicts of two members can be combined: equal kinds, scales, labels and positive
/// labels.
fn check_alike(one: &Member, other: &Member) -> Result<()> {
    let unlike = |what: &str, a: &str, b: &str| {
        let message = format!(
            "the members `{}` and `{}` cannot vote together: {what} {a} and {b}",
            one.name, other.name
        );
        Err(Error::new(ErrorKind::Config, message)
            .hint("all members of a judge must give verdicts of one kind on one scale"))
    };
    let (a, b) = (one.prompt.front(), other.prompt.front());
    let (kind, own) = (a.verdict_kind(), b.verdict_kind());
    if kind != own {
        return unlike("they judge", kind.name(), own.name());
    }
    if matches!(kind, Kind::Critique | Kind::Revision) {
        return unlike("they write texts, a", kind.name(), own.name());
    }
    if a.scale != b.scale {
        let shown = |scale: &Option<crate::scale::Scale>| {
            scale.as_ref().map_or_else(|| "none".into(), ToString::to_string)
        };
        return unlike("their scales are", &shown(&a.scale), &shown(&b.scale));
    }
    let draws = |member: &Member| format!("those of {} draws", member.summed());
    if one.summed() != other.summed() {
        return unlike("their scores are sums,", &draws(one), &draws(other));
    }
    let labels = |member: &Member| {
        let mut labels = member.prompt.verdict_spec().labels;
        labels.sort();
        labels
    };
    let (ours, theirs) = (labels(one), labels(other));
    if !ours.is_empty() && !theirs.is_empty() && ours != theirs {
        return unlike("their labels are", &ours.join(", "), &theirs.join(", "));
    }
    let positive = |member: &Member| {
        member.prompt.verdict_spec().positive().map_or_else(|| "none".into(), ToOwned::to_owned)
    };
    let (ours, theirs): (String, String) = (positive(one), positive(other));
    if kind == Kind::Label && ours != theirs {
        return unlike("their positive labels are", &ours, &theirs);
    }
    Ok(())
}
