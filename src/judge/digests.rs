//! Hashes that identify a judge: in results, in keys, and to decide whether stored texts must be read again.

use super::Model;
use crate::{
    judging::{Close, Member, Panel, Spending},
    prompt::Order,
    request::Hasher,
};

/// Hashes of the unchanging properties of a judge, computed once.
#[derive(Clone, Debug, Default)]
pub(super) struct Digests {
    name: Option<String>,
    is_given: bool,
    pub(super) prompt: String,
    pub(super) reading: String,
    pub(super) identity: String,
}

impl Digests {
    /// The hashes for one or several members; the order of members only affects the name.
    pub(super) fn new(panel: &Panel, models: &[Model], name: Option<String>) -> Self {
        let is_given = name.is_some();
        let pass = panel.pass.as_ref();
        if let ([member], [model]) = (panel.members(), models) {
            let mut reading = member.reading_with(pass);
            calibrated(&mut reading, panel);
            return Self {
                name,
                is_given,
                prompt: member.prompt.hash(),
                reading: reading.hex::<4>(),
                identity: identity(member, model),
            };
        }
        let names = || {
            let members = panel.members().iter().take(panel.seats);
            members.map(|member| member.name()).collect::<Vec<_>>()
        };
        // In their order, for that decides which of them are asked.
        let spares: Vec<&str> = panel.replacements().iter().map(|member| member.name()).collect();
        let mut members: Vec<_> = panel.members().iter().zip(models).collect();
        members.sort_by_key(|(member, _)| member.name());
        let of_all = |purpose: &str, of: &dyn Fn(&Member, &Model) -> String| {
            let mut hasher = Hasher::new(purpose);
            hasher.count(members.len());
            for (member, model) in &members {
                hasher.part(member.name().as_bytes());
                hasher.part(of(member, model).as_bytes());
            }
            hasher
        };
        let mut all =
            of_all("panel-reading-v1", &|member, _| member.reading_with(None).hex::<16>());
        all.json(&(panel.aggregate, panel.quorum, pass.map(ToString::to_string)));
        if !panel.weights.is_empty() {
            let mut weights = panel.weights.clone();
            weights.sort_by(|(one, _), (other, _)| one.cmp(other));
            all.named(
                "weights",
                &weights.iter().map(|(name, w)| (&**name, *w)).collect::<Vec<_>>(),
            );
        }
        calibrated(&mut all, panel);
        let mut whole = of_all("panel-v1", &identity);
        if let Some(thresholds) = &panel.thresholds {
            let order: Vec<&str> = panel.members().iter().map(|member| member.name()).collect();
            whole.named("cascade", &order);
            let thresholds: Vec<String> = thresholds.0.iter().map(ToString::to_string).collect();
            whole.named("thresholds", &thresholds);
            all.named("thresholds", &thresholds);
        }
        if !spares.is_empty() {
            whole.named("replacements", &spares);
        }
        let identity_of_all = format!("panel-v1|{}", whole.hex::<16>());
        Self {
            name: Some(
                name.unwrap_or_else(|| names().join(if panel.is_cascade() { ">" } else { "+" })),
            ),
            is_given,
            prompt: of_all("panel-prompt-v1", &|member, _| member.prompt.hash()).hex::<8>(),
            reading: all.hex::<4>(),
            identity: identity_of_all,
        }
    }

    /// The name, if it differs from that of the only model.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The configured name, not a generated one.
    pub(super) fn given_name(&self) -> Option<String> {
        self.name.clone().filter(|_| self.is_given)
    }
}

/// Adds the calibration, if there is one: the hashes of judges without one stay as they are.
fn calibrated(reading: &mut Hasher, panel: &Panel) {
    if let Some(calibration) = &panel.calibration {
        reading.named("calibration", &**calibration);
    }
}

/// Everything that changes what one member asks.
fn identity(member: &Member, model: &Model) -> String {
    let Member { prompt, draws, order, .. } = member;
    let model = model.backend.identity();
    let own = format!("judge-v2|{model}|{}|{draws}|{}", prompt.hash(), order.name());
    let Spending { stop, close: Close { below, within } } = member.spending;
    let mut adaptive = Vec::new();
    if !stop.is_never() {
        adaptive.push(format!("stop {stop}"));
    }
    if *order == Order::BothIfClose {
        adaptive.push(format!("close {below} {within}"));
    }
    [vec![own], adaptive].concat().join("|")
}
