//! Published loops, with their differences in this program.

use super::AcceptRule;

/// A published loop, expressed in the settings of this one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Where it was published, and what differs here.
    pub source: &'static str,
    /// The most revisions.
    pub rounds: u32,
    /// The rule by which drafts are accepted.
    pub accept: AcceptRule,
    /// Rounds without a better draft that end it.
    pub patience: Option<u32>,
    /// The number of critiques that the policy sees.
    pub memory: usize,
    /// The prompt of the critic, if critiques are not the judge's own.
    pub critic: Option<&'static str>,
    /// What kind of model the judge must be, if the method requires one.
    pub model: Option<&'static str>,
}

/// All presets. Each returns the best accepted draft, whatever the paper returned.
pub const PRESETS: [Preset; 6] = [
    Preset {
        name: "self-refine",
        source: "Madaan et al. 2023, Self-Refine: feedback of the same model, every draft accepted, all feedback kept; there the last draft is returned, and the loop ends at words such as `it is correct`",
        rounds: 4,
        accept: AcceptRule::Always,
        patience: None,
        memory: 5,
        critic: Some("feedback"),
        model: None,
    },
    Preset {
        name: "reflexion",
        source: "Shinn et al. 2023, Reflexion: a reflection on every failure; the policy sees the last three; in the paper the last draft is returned",
        rounds: 4,
        accept: AcceptRule::Always,
        patience: None,
        memory: 3,
        critic: Some("reflection"),
        model: None,
    },
    Preset {
        name: "constitutional",
        source: "Bai et al. 2022, Constitutional AI: critique and revision in pairs, one principle each; there up to 16 pairs of random principles and no judge",
        rounds: 16,
        accept: AcceptRule::Always,
        patience: None,
        memory: 1,
        critic: Some("constitution"),
        model: None,
    },
    Preset {
        name: "refine-n-judge",
        source: "Refine-n-Judge 2025: a draft is accepted if the judge prefers it, and the first rejection ends the loop; here in both orders",
        rounds: 16,
        accept: AcceptRule::Preferred,
        patience: Some(1),
        memory: 1,
        critic: Some("feedback"),
        model: None,
    },
    Preset {
        name: "jetts",
        source: "Zhou et al. 2025, JETTS: nine refinements, then the best of all versions; there by a tournament of pairs, here by the judge's own verdicts",
        rounds: 9,
        accept: AcceptRule::Always,
        patience: None,
        memory: 1,
        critic: None,
        model: None,
    },
    Preset {
        name: "critic",
        source: "Gou et al. 2023, CRITIC: an external tool decides and describes what is wrong; here a check without a model, such as -m check:number",
        rounds: 4,
        accept: AcceptRule::Better { margin: 0.0 },
        patience: Some(3),
        memory: 1,
        critic: None,
        model: Some("check:"),
    },
];

impl Preset {
    /// The preset with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}
