//! A search at work: it asks the models what the method wants, and keeps the tree.

use std::time::Instant;

use futures_util::future::try_join_all;

use super::{
    Choice, FinishedPath, SearchLimit, SearchMethod, Searched, Searcher,
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
    calls: DrawCalls,
    policy: Spent,
    judge: Spent,
    check: Spent,
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

/// A node that is to be judged, with the steps that the policy wrote after it for that.
struct Ahead {
    at: usize,
    text: String,
    /// Whether the solution ends with them.
    is_end: bool,
}

/// What was found out about a node.
struct Judged {
    at: usize,
    value: Option<f64>,
    likelihood: Option<f64>,
    policy: Spent,
    judge: Spent,
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
        let of_steps = |steps: &str| item.revised(steps);
        let judgment = rehearsed(&searcher.judge, &of_steps("a step")).await?;
        let two = of_steps(&["a step", "a step"].join(&searcher.between()));
        let more = rehearsed(&searcher.judge, &two).await?.saturating_sub(judgment);
        if algorithm.needs_likelihood() {
            check_likelihood(&searcher.policy, step).await?;
        }
        let ahead = if algorithm.judges_steps() { searcher.options.lookahead.into() } else { 0 };
        // The last step that the depth allows is a rest, and is not followed by others.
        let step = (step * (1 + ahead)).max(rest) + u64::from(algorithm.needs_likelihood());
        Ok(Self {
            searcher,
            item,
            algorithm,
            greedy: searcher.policy.greedy(),
            tree: Tree::new(searcher.between()),
            calls: DrawCalls { step, rest, judgment, more, ahead },
            policy: Spent::default(),
            judge: Spent::default(),
            check: Spent::default(),
            unusable: 0,
            unreadable: 0,
            limit: None,
            started: Instant::now(),
        })
    }

    /// The number of calls for draws and judgments.
    pub(super) fn draw_calls(&self) -> DrawCalls {
        self.calls
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
        let mut ahead = Vec::new();
        for (one, spent) in try_join_all(nodes.into_iter().map(|at| self.ahead(at))).await? {
            self.policy += spent;
            ahead.push(one);
        }
        let ahead = self.affordable(ahead).await?;
        for judged in try_join_all(ahead.iter().map(|one| self.value(one))).await? {
            let Judged { at, value, likelihood, policy, judge } = judged;
            self.policy += policy;
            self.judge += judge;
            self.unreadable += u32::from(value.is_none());
            let node = self.tree.node(at);
            (node.value, node.likelihood, node.is_judged) = (value, likelihood, true);
        }
        Ok(())
    }

    /// The nodes whose judgments the calls that are left allow. What was written may have more steps than were planned,
    /// and a judge may be asked about each of them.
    async fn affordable(&mut self, nodes: Vec<Ahead>) -> Result<Vec<Ahead>> {
        let Some(most) = self.searcher.options.limits.calls else { return Ok(nodes) };
        let mut left = u64::from(most.saturating_sub(self.used().calls));
        let mut kept = Vec::new();
        for one in nodes {
            let judgment = rehearsed(&self.searcher.judge, &self.shown(&one)).await?;
            let calls = judgment + u64::from(self.algorithm.needs_likelihood());
            if calls > left {
                self.limit = self.limit.or(Some(SearchLimit::Calls));
                continue;
            }
            left -= calls;
            kept.push(one);
        }
        Ok(kept)
    }

    /// The record with the solution up to a node, as the judge sees it.
    fn shown(&self, ahead: &Ahead) -> Item {
        let shown = self.item.revised(&self.tree.text_with(ahead.at, &ahead.text));
        if ahead.is_end { shown } else { shown.filled("unfinished", true) }
    }

    /// The value of a node, its likelihood, and what they cost.
    async fn value(&self, ahead: &Ahead) -> Result<Judged> {
        let at = ahead.at;
        let (likelihood, policy) = if self.algorithm.needs_likelihood() {
            self.likelihood(at).await?
        } else {
            (None, Spent::default())
        };
        let judge = &self.searcher.judge;
        let judgment = judge.judge(&self.shown(ahead)).await?;
        let measure = self.searcher.options.measure;
        let value = measure.of(&judgment).map(|value| normalized(judge, measure, value, &judgment));
        Ok(Judged { at, value, likelihood, policy, judge: spent(&judgment, judge) })
    }

    /// The steps that the policy writes greedily after a node, and their cost.
    async fn ahead(&self, at: usize) -> Result<(Ahead, Spent)> {
        let mut ahead = Ahead { at, text: String::new(), is_end: self.tree[at].is_end };
        let mut spent = Spent::default();
        for _ in 0..self.calls.ahead {
            if ahead.is_end {
                break;
            }
            let after = self.tree.text_with(at, &ahead.text);
            let written = write(&self.greedy, self.item, &after).await?;
            spent += written.spent;
            match written.texts.into_iter().next() {
                None => break,
                Some((Text::End, _)) => ahead.is_end = true,
                Some((Text::Some(step), _)) => {
                    ahead.is_end = self.is_end(&step);
                    if !ahead.text.is_empty() {
                        ahead.text += &self.searcher.between();
                    }
                    ahead.text += step.trim();
                }
            }
        }
        Ok((ahead, spent))
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
    async fn end(mut self) -> Result<Searched> {
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
            let (right, spent) = self.is_right(&path.text).await?;
            path.right = right;
            self.check += spent;
        }
        let choice = self.searcher.options.choice;
        let choice = choice.unwrap_or_else(|| self.searcher.options.method.usual_choice());
        let choice = chosen(choice, &self.tree, &paths);
        let verdict = match choice {
            Some(place) => Ok(Verdict::Text(paths[place].text.clone())),
            None => Err(self.nothing(&paths)),
        };
        let judgment = self.judgment(verdict);
        let Self { tree, policy, judge, check, unusable, unreadable, limit, .. } = self;
        Ok(Searched {
            judgment,
            tree,
            paths,
            choice,
            policy,
            judge,
            check,
            unusable,
            unreadable,
            limit,
        })
    }

    /// Whether a solution ends right, and what finding out cost; `None` if that cannot be told.
    async fn is_right(&self, solution: &str) -> Result<(Option<bool>, Spent)> {
        let asked = self.searcher.check.as_ref();
        let Some(check) = asked.filter(|_| self.item.text("reference").is_some()) else {
            return Ok((None, Spent::default()));
        };
        match check.judge(&self.item.revised(solution)).await {
            Ok(judgment) => {
                let passes = judgment.verdict.is_ok().then_some(judgment.pass).flatten();
                Ok((passes, spent(&judgment, check)))
            }
            Err(error) if error.is_interrupted() || error.is_fatal() => Err(error),
            // The solution was found all the same.
            Err(_) => Ok((None, Spent::default())),
        }
    }

    /// Why there is no answer.
    fn nothing(&self, paths: &[FinishedPath]) -> Unreadable {
        let detail = match (paths.is_empty(), self.limit) {
            (false, Some(limit)) if paths.iter().any(|path| !self.tree[path.node].is_judged) => {
                format!("no solution that ended was judged within the limit on {}", limit.name())
            }
            (false, _) => "no solution that ended has a value".to_owned(),
            (true, Some(limit)) => {
                format!("no solution ended within the limit on {}", limit.name())
            }
            (true, None) if self.searcher.options.method == SearchMethod::BestFirst => {
                format!("no solution ended in {} rounds", self.searcher.options.rounds)
            }
            (true, None) => "the policy ended no solution".to_owned(),
        };
        Unreadable::new(Reason::Missing, detail)
    }

    fn judgment(&self, verdict: Result<Verdict, Unreadable>) -> Judgment {
        let mut spent = self.policy;
        spent += self.judge;
        spent += self.check;
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
