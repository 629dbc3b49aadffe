//! A search at work: it asks the models what the method wants, and keeps the tree.

use std::time::Instant;

use futures_util::future::try_join_all;

use super::{
    Choice, FinishedPath, SearchLimit, Searched, Searcher,
    algorithm::{Algorithm, Ask, Found},
    limits::{DrawCalls, Used},
    tree::Tree,
};
use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    request,
    scale::Scale,
    strategy::{Measure, Spent, answers::canonical},
    verdict::{Judgment, Outcome, Reason, Unreadable, Verdict},
};

/// The search for one record.
pub(super) struct Drive<'s> {
    searcher: &'s Searcher,
    item: &'s Item,
    algorithm: Box<dyn Algorithm>,
    /// The policy that looks ahead.
    greedy: Judge,
    tree: Tree,
    /// The calls of a step, of a rest, and of a judgment.
    calls: [u64; 3],
    policy: Spent,
    judge: Spent,
    unusable: u32,
    unreadable: u32,
    limit: Option<SearchLimit>,
    started: Instant,
}

/// Texts that the policy wrote for one ask.
struct Written {
    /// One for each draw that can be used, with the tokens of the draw.
    texts: Vec<(Text, u64)>,
    unusable: u32,
    spent: Spent,
}

/// One draw of the policy.
enum Text {
    /// Something was written.
    Some(String),
    /// The model ended its turn at once: the solution has ended.
    End,
}

impl<'s> Drive<'s> {
    /// Begins a search, without asking anything.
    ///
    /// # Errors
    /// The record lacks a field, or the method needs what the policy's model does not report.
    pub(super) async fn begin(searcher: &'s Searcher, item: &'s Item) -> Result<Self> {
        let options = searcher.options();
        let algorithm = options.method.algorithm(options.sizes(), searcher.chance(item));
        let prefix = item.clone().filled("prefix", "");
        let step = rehearsed(&searcher.policy.drawing(0, 1), &prefix).await?;
        let rest = rehearsed(&searcher.finisher.drawing(0, 1), &prefix).await?;
        let judgment = rehearsed(&searcher.judge, &item.revised("a step")).await?;
        if algorithm.needs_likelihood() {
            check_likelihood(&searcher.policy, step).await?;
        }
        Ok(Self {
            searcher,
            item,
            algorithm,
            greedy: searcher.policy.greedy(),
            tree: Tree::new(searcher.between()),
            calls: [step, rest, judgment],
            policy: Spent::default(),
            judge: Spent::default(),
            unusable: 0,
            unreadable: 0,
            limit: None,
            started: Instant::now(),
        })
    }

    /// The number of calls for a draw, with its judgment.
    pub(super) fn draw_calls(&self) -> DrawCalls {
        let [step, rest, judgment] = self.calls;
        let lookahead = u64::from(self.searcher.options.lookahead);
        let likelihood = u64::from(self.algorithm.needs_likelihood());
        // The last step that the depth allows is a rest, and is not followed by others.
        let step = (step * (1 + lookahead)).max(rest) + likelihood;
        DrawCalls { step: step + judgment, rest: rest + judgment }
    }

    /// Searches to the end.
    ///
    /// # Errors
    /// A model gave no answer.
    pub(super) async fn run(mut self) -> Result<Searched> {
        let mut found = Vec::new();
        loop {
            let mut asks = self.algorithm.next(&self.tree, &found);
            let calls = self.draw_calls();
            let cut = self.searcher.options.limits.cut(&mut asks, &self.tree, self.used(), calls);
            self.limit = self.limit.or(cut);
            if asks.iter().all(|ask| ask.draws() == 0) {
                return self.end().await;
            }
            found = self.serve(&asks).await?;
        }
    }

    fn used(&self) -> Used {
        let calls = self.policy.calls.saturating_add(self.judge.calls);
        Used { calls, tokens: self.policy.tokens() + self.judge.tokens() }
    }

    /// Lets everything be written and judged.
    async fn serve(&mut self, asks: &[Ask]) -> Result<Vec<Found>> {
        let numbered: Vec<(Ask, u32)> = asks.iter().map(|ask| self.numbered(*ask)).collect();
        let all = try_join_all(numbered.iter().map(|(ask, first)| self.write(*ask, *first)));
        let written = all.await?;
        let mut new = Vec::new();
        let mut found = Vec::new();
        for ((ask, _), written) in numbered.into_iter().zip(written) {
            self.unusable += written.unusable;
            self.policy += written.spent;
            found.push(self.add(ask, written.texts, &mut new));
        }
        self.judge_all(new).await?;
        Ok(found)
    }

    /// The ask as it is served, and the number of its first draw. The last step that the depth allows is written to the
    /// end of the solution.
    fn numbered(&mut self, ask: Ask) -> (Ask, u32) {
        let is_last = self.tree[ask.after()].depth + 1 >= self.searcher.options.limits.depth;
        let Ask::Steps { after, draws } = ask else {
            let node = self.tree.node(ask.after());
            let first = node.completed;
            node.completed += ask.draws();
            return (ask, first);
        };
        let node = self.tree.node(after);
        node.drawn += draws;
        if is_last {
            let first = node.completed;
            node.completed += draws;
            return (Ask::Rest { after, draws }, first);
        }
        (ask, node.drawn - draws)
    }

    async fn write(&self, ask: Ask, first: u32) -> Result<Written> {
        if ask.draws() == 0 {
            return Ok(Written { texts: Vec::new(), unusable: 0, spent: Spent::default() });
        }
        let writer = match ask {
            Ask::Steps { .. } => &self.searcher.policy,
            Ask::Rest { .. } => &self.searcher.finisher,
        };
        write(&writer.drawing(first, ask.draws()), self.item, &self.tree.text(ask.after())).await
    }

    /// Adds texts to the tree, and returns what was found for the ask. `new` are the nodes to be judged.
    fn add(&mut self, ask: Ask, texts: Vec<(Text, u64)>, new: &mut Vec<usize>) -> Found {
        let after = ask.after();
        let judges_steps = self.algorithm.judges_steps();
        let mut found = Vec::new();
        for (text, tokens) in texts {
            let Some(at) = self.place(ask, text, tokens) else {
                self.unusable += 1;
                continue;
            };
            let is_open = at != after && !self.tree[at].is_end;
            if !self.tree[at].is_judged && (judges_steps || !is_open) && !new.contains(&at) {
                new.push(at);
            }
            found.push(at);
        }
        found
    }

    /// The node of one text; `None` if it cannot be used.
    fn place(&mut self, ask: Ask, text: Text, tokens: u64) -> Option<usize> {
        let after = ask.after();
        let Text::Some(text) = text else {
            // Nothing is no solution.
            let at = Some(after).filter(|at| *at != 0)?;
            self.tree.node(at).is_end = true;
            self.tree.node(at).tokens += tokens;
            return Some(at);
        };
        let (steps, ends) = match ask {
            Ask::Steps { .. } => (vec![text.trim().to_owned()], self.is_end(&text)),
            Ask::Rest { .. } => (self.tree.steps_of(&text, self.room(after)), true),
        };
        let first = self.tree.len();
        let mut at = after;
        for step in steps.iter().filter(|step| !step.is_empty()) {
            let is_full = self.searcher.options.limits.nodes.is_some_and(|most| first >= most);
            if is_full && self.tree.child(at, step).is_none() {
                self.limit = self.limit.or(Some(SearchLimit::Nodes));
                return None;
            }
            (at, _) = self.tree.add(at, step);
        }
        if at == after {
            return None;
        }
        self.tree.node(at).is_end |= ends;
        let paid = if first < self.tree.len() { first } else { at };
        self.tree.node(paid).tokens += tokens;
        Some(at)
    }

    /// How many nodes a rest may add after a node.
    fn room(&self, after: usize) -> usize {
        let limits = &self.searcher.options.limits;
        let deep = limits.depth.saturating_sub(self.tree[after].depth);
        let wide = limits.nodes.map(|most| most.saturating_sub(self.tree.len()));
        wide.map_or(deep, |wide| deep.min(wide)).max(1)
    }

    /// Whether a step announces the answer.
    fn is_end(&self, step: &str) -> bool {
        let step = step.to_lowercase();
        self.searcher.options.ends.iter().any(|end| step.contains(&end.to_lowercase()))
    }

    /// Gives values to nodes.
    async fn judge_all(&mut self, nodes: Vec<usize>) -> Result<()> {
        let judged = try_join_all(nodes.iter().map(|at| self.value(*at))).await?;
        for (at, (value, likelihood, policy, judge)) in nodes.into_iter().zip(judged) {
            self.policy += policy;
            self.judge += judge;
            self.unreadable += u32::from(value.is_none());
            let node = self.tree.node(at);
            (node.value, node.likelihood, node.is_judged) = (value, likelihood, true);
        }
        Ok(())
    }

    /// The value of a node, its likelihood, and what policy and judge cost.
    async fn value(&self, at: usize) -> Result<(Option<f64>, Option<f64>, Spent, Spent)> {
        let (ahead, is_end, mut policy) = self.ahead(at).await?;
        let likelihood = if self.algorithm.needs_likelihood() {
            let (likelihood, spent) = self.likelihood(at).await?;
            policy += spent;
            likelihood
        } else {
            None
        };
        let mut judged = self.item.revised(&self.tree.text_with(at, &ahead));
        if !is_end {
            judged = judged.filled("unfinished", true);
        }
        let judge = &self.searcher.judge;
        let judgment = judge.judge(&judged).await?;
        let measure = self.searcher.options.measure;
        let value = measure.of(&judgment).map(|value| normalized(judge, measure, value, &judgment));
        Ok((value, likelihood, policy, spent(&judgment, judge)))
    }

    /// The steps that the policy writes greedily after a node, whether the solution ends with them, and their cost.
    async fn ahead(&self, at: usize) -> Result<(String, bool, Spent)> {
        let (mut text, mut spent) = (String::new(), Spent::default());
        let mut is_end = self.tree[at].is_end;
        for _ in 0..self.searcher.options.lookahead {
            if is_end {
                break;
            }
            let written = write(&self.greedy, self.item, &self.tree.text_with(at, &text)).await?;
            spent += written.spent;
            match written.texts.into_iter().next() {
                None => break,
                Some((Text::End, _)) => is_end = true,
                Some((Text::Some(step), _)) => {
                    is_end = self.is_end(&step);
                    if !text.is_empty() {
                        text += &self.searcher.between();
                    }
                    text += step.trim();
                }
            }
        }
        Ok((text, is_end, spent))
    }

    /// The mean probability of a token of a step, as GRACE has it: e to the mean of the logarithms.
    async fn likelihood(&self, at: usize) -> Result<(Option<f64>, Spent)> {
        let parent = self.tree[at].parent.unwrap_or_default();
        let item = self.item.clone().filled("prefix", self.tree.text(parent));
        let policy = &self.searcher.policy;
        let asks = policy.drawing(0, 1).rehearse(&item).await?;
        let Some((_, request)) = asks.into_iter().next() else {
            return Ok((None, Spent::default()));
        };
        let of = self.tree[at].step.clone();
        let request = request.ask(request::Ask::Logprobs { of, reference: false });
        let completion = policy.backend().complete(&request).await?;
        let usage = completion.usage.into();
        let cost = policy.price().map_or(0.0, |price| price.at_least(usage));
        let spent = if completion.cached {
            Spent { saved: usage, cached: 1, saved_cost: cost, ..Spent::default() }
        } else {
            Spent { usage, requests: completion.attempts, cost, ..Spent::default() }
        };
        #[expect(clippy::cast_precision_loss, reason = "no step has 2^52 tokens")]
        let count = completion.logprobs.len() as f64;
        let mean = completion.logprobs.iter().sum::<f64>() / count;
        Ok((Some(mean.exp()).filter(|mean| mean.is_finite()), Spent { calls: 1, ..spent }))
    }

    /// Chooses the answer.
    async fn end(self) -> Result<Searched> {
        // A state of a chain counts as often as the chain was there.
        let (ends, times) = if let Some(states) = self.algorithm.candidates() {
            let ends = super::algorithm::distinct(states.iter().copied());
            let count = |end: &usize| states.iter().filter(|at| *at == end).count();
            let times = ends.iter().map(|end| u32::try_from(count(end)).unwrap_or(u32::MAX));
            let times: Vec<u32> = times.collect();
            (ends, times)
        } else {
            let ends: Vec<usize> = self.tree.ends().collect();
            let times = ends.iter().map(|end| self.tree[*end].times).collect();
            (ends, times)
        };
        let path = |(node, times): (&usize, &u32)| {
            let text = self.tree.text(*node);
            let (value, answer) = (self.tree[*node].value, canonical(&text));
            FinishedPath { node: *node, text, value, answer, times: *times, right: None }
        };
        let mut paths: Vec<FinishedPath> = ends.iter().zip(&times).map(path).collect();
        for path in &mut paths {
            path.right = self.is_right(&path.text).await?;
        }
        let choice = self.searcher.options.choice;
        let choice = choice.unwrap_or_else(|| self.searcher.options.method.usual_choice());
        let choice = chosen(choice, &self.tree, &paths);
        let verdict = match choice {
            Some(place) => Ok(Verdict::Text(paths[place].text.clone())),
            None => Err(self.nothing(&paths)),
        };
        let judgment = self.judgment(verdict);
        let Self { tree, policy, judge, unusable, unreadable, limit, .. } = self;
        Ok(Searched { judgment, tree, paths, choice, policy, judge, unusable, unreadable, limit })
    }

    /// Whether a solution ends right; `None` if that cannot be told.
    async fn is_right(&self, solution: &str) -> Result<Option<bool>> {
        let Some(check) = &self.searcher.check else { return Ok(None) };
        if self.item.text("reference").is_none() {
            return Ok(None);
        }
        let judgment = check.judge(&self.item.revised(solution)).await?;
        Ok(judgment.verdict.is_ok().then_some(judgment.pass).flatten())
    }

    /// Why there is no answer.
    fn nothing(&self, paths: &[FinishedPath]) -> Unreadable {
        let detail = match (paths.is_empty(), self.limit) {
            (false, _) => "no solution that ended has a value".to_owned(),
            (true, Some(limit)) => {
                format!("no solution ended within the limit on {}", limit.name())
            }
            (true, None) => "the policy ended no solution".to_owned(),
        };
        Unreadable::new(Reason::Missing, detail)
    }

    fn judgment(&self, verdict: Result<Verdict, Unreadable>) -> Judgment {
        let mut spent = self.policy;
        spent += self.judge;
        let cost = |cost: f64| Some(cost).filter(|_| self.searcher.is_priced());
        Judgment {
            usage: spent.usage,
            saved: spent.saved,
            calls: spent.calls,
            cached: spent.cached,
            attempts: spent.requests,
            cost: cost(spent.cost),
            saved_cost: cost(spent.saved_cost),
            latency_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..Judgment::new(verdict)
        }
    }
}

/// The index of the chosen path. Each time that a path was drawn is a vote.
fn chosen(choice: Choice, tree: &Tree, paths: &[FinishedPath]) -> Option<usize> {
    let repeated = |(place, path): (usize, &FinishedPath)| {
        std::iter::repeat_n(place, path.times.max(1) as usize)
    };
    let places: Vec<usize> = paths.iter().enumerate().flat_map(repeated).collect();
    let ends: Vec<usize> = places.iter().map(|place| paths[*place].node).collect();
    let forms: Vec<_> = places.iter().map(|place| paths[*place].answer.clone()).collect();
    choice.choose(tree, &ends, &forms).map(|at| places[at])
}

/// The number of requests for one judgment of this item.
async fn rehearsed(judge: &Judge, item: &Item) -> Result<u64> {
    Ok(judge.rehearse(item).await?.len() as u64)
}

/// Checks that the likelihood of a step can be had.
async fn check_likelihood(policy: &Judge, calls: u64) -> Result<()> {
    let unsupported = |message: String| {
        let hint =
            "use the method `greedy`, or a model in this process with a prompt such as `step`";
        Err(Error::new(ErrorKind::Unsupported, message).hint(hint))
    };
    if policy.backend().capabilities().await.text_logprobs.is_no() {
        let name = policy.backend().name();
        return unsupported(format!(
            "the method `grace` needs the probabilities of steps, and `{name}` does not report them"
        ));
    }
    if calls != 1 {
        let name = policy.prompt().name();
        return unsupported(format!(
            "the method `grace` needs the probabilities of steps, and `{name}` writes a step in {calls} parts"
        ));
    }
    Ok(())
}

/// Lets a policy write on from a text.
async fn write(policy: &Judge, item: &Item, prefix: &str) -> Result<Written> {
    let judgment = policy.judge(&item.clone().filled("prefix", prefix)).await?;
    let mut written = Written { texts: Vec::new(), unusable: 0, spent: spent(&judgment, policy) };
    for vote in &judgment.votes {
        let tokens = vote.calls.iter().filter_map(|call| call.usage.completion).sum();
        match &vote.outcome {
            Outcome::Verdict(Verdict::Text(text)) => {
                written.texts.push((Text::Some(text.clone()), tokens));
            }
            Outcome::Unreadable(why) if why.reason == Reason::Empty => {
                written.texts.push((Text::End, tokens));
            }
            _ => written.unusable += 1,
        }
    }
    Ok(written)
}

/// The cost of a judgment. A check without a model costs nothing.
fn spent(judgment: &Judgment, judge: &Judge) -> Spent {
    let is_free = judgment.attempts == 0 && judgment.cached == 0;
    if is_free { Spent::default() } else { Spent::of(judgment, judge.price()) }
}

/// A score from 0 to 1 by its scale, so that temperatures and weights of methods have the same meaning on each; other
/// values stay as they are.
fn normalized(judge: &Judge, measure: Measure, value: f64, judgment: &Judgment) -> f64 {
    let Ok(Verdict::Score(score)) = judgment.verdict else { return value };
    let ends = judge.prompt().front().scale.as_ref().and_then(Scale::ends);
    match (judgment.normalized, ends) {
        _ if measure == Measure::Pass => value,
        (Some(normalized), _) if value.total_cmp(&score).is_eq() => normalized,
        (_, Some((low, high))) if high > low => (value - low) / (high - low),
        _ => value,
    }
}
