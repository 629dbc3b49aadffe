//! Who judges the cases of a benchmark: one judge, and where some cases are only rated, another one for those.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use super::super::{
    dry_run, manifest,
    opening::{Opening, Usual, without_models_by},
};
use tribunal::{
    backend::BudgetLimits,
    bench::{Benchmark, Case, Shape},
    config::Resolved,
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::{self, Judge},
    prompt::{Order, Prompt},
    run::{self, JudgeWork},
};

/// Which prompts judge a benchmark.
pub(super) struct Prompts<'a> {
    benchmark: &'static Benchmark,
    resolved: &'a Resolved,
    /// The prompt for cases that are only rated, if one is named.
    rated: Option<Arc<Prompt>>,
}

/// The judges of a benchmark.
pub(super) struct Judges {
    main: Judge,
    /// The judge of cases that are only rated, if it is another one, with its settings.
    rated: Option<(Judge, Resolved)>,
}

impl<'a> Prompts<'a> {
    /// The prompts that the settings name, and that of `--rated-prompt`.
    ///
    /// # Errors
    /// That prompt cannot be read or does not rate, or the benchmark has no use for it.
    pub(super) fn new(
        benchmark: &'static Benchmark,
        resolved: &'a Resolved,
        rated: Option<&str>,
    ) -> Result<Self> {
        let rated = rated.map(judge::load).transpose()?;
        match &rated {
            Some(_) if benchmark.rated_prompt().is_none() => Err(no_second_prompt(benchmark)),
            Some(prompt) if Shape::of(prompt.front()) != Shape::Alone => Err(does_not_rate(prompt)),
            _ => Ok(Self { benchmark, resolved, rated }),
        }
    }

    /// The judges of these cases, with their models.
    ///
    /// # Errors
    /// A model or a prompt cannot be used, the benchmark has no use for the kind of the judge, or it would always see the
    /// better answer in the same place.
    pub(super) async fn open(&self, cases: &[Case], opening: &Opening<'_>) -> Result<Judges> {
        let first = first_item(cases, false).or_else(|| first_item(cases, true));
        let main = Opening { first: first.as_ref(), ..opening.clone() };
        let main = main.judge_by(self.resolved, self.usual(cases)).await?;
        check_order(self.benchmark, &main)?;
        let Some(usual) = self.usual_rated(cases, &main)? else {
            return Ok(Judges { main, rated: None });
        };
        let first = first_item(cases, true);
        let rated = Opening { first: first.as_ref(), ..opening.clone() };
        let settings = self.settings_of_rated()?;
        let rated = rated.judge_by(&settings, usual).await?;
        Ok(Judges { main, rated: Some((rated, settings)) })
    }

    /// The judges without their models, to read texts.
    ///
    /// # Errors
    /// A prompt cannot be used, or the benchmark has no use for the kind of the judge.
    pub(super) async fn silent(&self, cases: &[Case]) -> Result<Judges> {
        let main = without_models_by(self.resolved, self.usual(cases).prompt).await?;
        let Some(usual) = self.usual_rated(cases, &main)? else {
            return Ok(Judges { main, rated: None });
        };
        let settings = self.settings_of_rated()?;
        let rated = without_models_by(&settings, usual.prompt).await?;
        Ok(Judges { main, rated: Some((rated, settings)) })
    }

    /// The prompt that is used if none is named.
    fn usual(&self, cases: &[Case]) -> Usual {
        let rated =
            self.benchmark.rated_prompt().filter(|_| cases.iter().all(|one| one.only_rated));
        Usual { prompt: rated.unwrap_or(self.benchmark.prompt), flag: "-p" }
    }

    /// The prompt for cases that are only rated; `None` if there is none, or the main judge rates them.
    ///
    /// # Errors
    /// They cannot be judged at all.
    fn usual_rated(&self, cases: &[Case], main: &Judge) -> Result<Option<Usual>> {
        let is_rating = Shape::of(main.prompt().front()) == Shape::Alone;
        let are_rated = cases.iter().any(|case| case.only_rated);
        match self.benchmark.rated_prompt() {
            _ if !are_rated || (is_rating && self.rated.is_none()) => Ok(None),
            Some(prompt) => Ok(Some(Usual { prompt, flag: "--rated-prompt" })),
            None => Err(only_rated(self.benchmark, main)),
        }
    }

    /// The settings of the judge of cases that are only rated.
    ///
    /// # Errors
    /// The judge is a cascade, whose certainties are about its own prompts.
    fn settings_of_rated(&self) -> Result<Resolved> {
        if !self.resolved.settings.cascade.is_empty() {
            return Err(not_by_cascade(self.benchmark));
        }
        Ok(self.resolved.with_prompt(self.rated.as_ref()))
    }
}

impl Judges {
    /// The shape in which cases that can be compared are judged.
    pub(super) fn shape(&self) -> Shape {
        Shape::of(self.main.prompt().front())
    }

    /// The judge of a case.
    pub(super) fn of(&self, case: &Case) -> &Judge {
        let rated = self.rated.as_ref().filter(|_| case.only_rated);
        rated.map_or(&self.main, |(judge, _)| judge)
    }

    /// What is judged, in the order of the cases.
    pub(super) fn items(&self, cases: &[Case]) -> Vec<Item> {
        cases.iter().flat_map(|case| case.items(self.shape())).collect()
    }

    /// Prints what a run would send.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) async fn plan(&self, cases: &[Case], limits: &BudgetLimits) -> Result<()> {
        let records = |is_rated: Option<bool>| -> super::super::input::Records {
            let is_own = |case: &&Case| is_rated.is_none_or(|is| case.only_rated == is);
            let items = cases.iter().filter(is_own).flat_map(|case| case.items(self.shape()));
            Box::new(run::items(items.collect::<Vec<_>>()))
        };
        match &self.rated {
            None => dry_run::run(&self.main, records(None), limits, None).await,
            Some((rated, _)) => {
                let both = [(&self.main, records(Some(false))), (rated, records(Some(true)))];
                dry_run::run_both(both, limits).await
            }
        }
    }

    /// The judges as the manifest of the run keeps them: the second one as a manifest of its own, under `rated`.
    pub(super) fn manifest(&self, resolved: &Resolved) -> Value {
        let mut parts = manifest::of_judge(&self.main, resolved);
        if let Some((rated, settings)) = &self.rated {
            parts["rated"] = manifest::of_judge(rated, settings);
        }
        parts
    }

    /// The work of judging these cases.
    pub(super) fn work(self, cases: &[Case]) -> JudgeWork {
        let work = JudgeWork::new(self.main);
        match self.rated {
            Some((rated, _)) => work.with_other(rated, rated_ids(cases)),
            None => work,
        }
    }
}

/// The names of what is judged of the cases that are only rated.
pub(super) fn rated_ids(cases: &[Case]) -> HashSet<String> {
    let rated = cases.iter().filter(|case| case.only_rated);
    rated.flat_map(|case| case.items(Shape::Alone)).filter_map(|item| item.own_id()).collect()
}

/// The first item of the cases that are only rated, or of the others.
fn first_item(cases: &[Case], only_rated: bool) -> Option<Item> {
    let mut of = cases.iter().filter(|case| case.only_rated == only_rated);
    of.find_map(|case| case.items(Shape::Pairs).into_iter().next())
}

/// Refuses a judge that would always see the better answer in the same place.
fn check_order(benchmark: &Benchmark, judge: &Judge) -> Result<()> {
    let is_given = judge.prompt().compares() && judge.order() == Order::Given;
    if !(is_given && benchmark.shows_winner_first()) {
        return Ok(());
    }
    let message =
        format!("in the records of {} the better answer always comes first", benchmark.name);
    Err(Error::new(ErrorKind::Config, message)
        .hint("--order hash shows it in a random place, and --order both in both"))
}

/// The error of a judge that compares, where answers are only rated.
fn only_rated(benchmark: &Benchmark, judge: &Judge) -> Error {
    let (name, prompt) = (benchmark.name, judge.prompt().name());
    let message = format!("no record of {name} can be judged by the prompt `{prompt}`");
    Error::new(ErrorKind::Config, message).hint(format!(
        "its answers are only rated, each by itself: use a prompt that rates, such as `{}`",
        benchmark.prompt
    ))
}

/// The error of a second prompt where one judges everything.
fn no_second_prompt(benchmark: &Benchmark) -> Error {
    let message = format!("one prompt judges all records of {}", benchmark.name);
    Error::new(ErrorKind::Config, message).hint("name it with -p, and leave out --rated-prompt")
}

/// The error of a prompt that does not rate.
fn does_not_rate(prompt: &Prompt) -> Error {
    let message = format!("the prompt `{}` does not rate answers, each by itself", prompt.name());
    Error::new(ErrorKind::Config, message)
        .hint("--rated-prompt needs one that does, such as `reward-bench-2-ties`")
}

/// The error of a cascade where some cases need another prompt.
fn not_by_cascade(benchmark: &Benchmark) -> Error {
    let message =
        format!("a cascade cannot judge the records of {} that are only rated", benchmark.name);
    Error::new(ErrorKind::Config, message)
        .hint("name the other subsets with --subset, or choose a judge that is not a cascade")
}
