//! Sampling of answers by a Markov chain.

use super::{
    super::chance::Chance,
    algorithm::{Algorithm, Ask, Found},
    tree::Tree,
};

/// Metropolis–Hastings over whole solutions (Faria et al. 2024, QUEST; Faria and Smith 2025, QAlign;
/// deep-spin/quest-decoding), with steps in place of tokens.
///
/// From a solution of n steps, a proposal keeps k of them, each k from 0 to n − 1 being equally likely, and the policy
/// writes the rest. It is accepted with probability min(1, exp((v′ − v)/β + ln(n/n′))): n/n′ is the ratio of the chances
/// to cut at the same place on the way back and forth, and those of the policy's texts cancel out. The answer is the most
/// frequent one of the chain, after a burn-in.
pub(super) struct Mcmc {
    chains: Vec<Chain>,
    beta: f64,
    rounds: u32,
    burn_in: u32,
    chance: Chance,
}

#[derive(Debug, Default)]
struct Chain {
    /// The end of the current solution.
    state: Option<usize>,
    /// All states so far.
    states: Vec<usize>,
}

/// The largest logarithm of a ratio, as in quest-decoding.
const MOST: f64 = 20.0;

impl Mcmc {
    /// So many chains of so many proposals each.
    pub(super) fn new(chains: u32, rounds: u32, beta: f64, burn_in: u32, chance: Chance) -> Self {
        let chains = (0..chains).map(|_| Chain::default()).collect();
        Self { chains, beta, rounds, burn_in, chance }
    }

    /// Whether a chain moves from one end to another.
    fn accepts(&mut self, tree: &Tree, from: Option<usize>, to: usize) -> bool {
        let Some(new) = tree[to].value else { return from.is_none() };
        let Some((from, old)) = from.and_then(|from| Some((from, tree[from].value?))) else {
            return true;
        };
        let chance = self.chance.number();
        #[expect(clippy::cast_precision_loss, reason = "no solution has 2^52 steps")]
        let steps = |at: usize| tree[at].depth as f64;
        let log_ratio = (new - old) / self.beta + (steps(from) / steps(to)).ln();
        chance < log_ratio.clamp(-MOST, MOST).exp()
    }
}

impl Algorithm for Mcmc {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        for (place, found) in found.iter().enumerate() {
            let state = self.chains[place].state;
            let moved = found.first().copied().filter(|to| self.accepts(tree, state, *to));
            let chain = &mut self.chains[place];
            chain.state = moved.or(state);
            chain.states.extend(chain.state);
        }
        if !found.is_empty() {
            if self.rounds == 0 {
                return Vec::new();
            }
            self.rounds -= 1;
        }
        let states: Vec<_> = self.chains.iter().map(|chain| chain.state).collect();
        let cut = |state: Option<usize>| match state {
            None => 0,
            Some(end) => {
                let path = tree.path(end);
                let kept = self.chance.below(path.len());
                if kept == 0 { 0 } else { path[kept - 1] }
            }
        };
        states.into_iter().map(cut).map(|after| Ask::Rest { after, draws: 1 }).collect()
    }

    fn judges_steps(&self) -> bool {
        false
    }

    /// The states of all chains after the burn-in; of a chain that ended before, its last one.
    fn candidates(&self) -> Option<Vec<usize>> {
        let after = |chain: &Chain| {
            let skipped = (self.burn_in as usize).min(chain.states.len().saturating_sub(1));
            chain.states[skipped..].to_vec()
        };
        Some(self.chains.iter().flat_map(after).collect())
    }
}
