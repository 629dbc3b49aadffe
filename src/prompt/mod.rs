//! Prompts: files that are programs.
//!
//! A prompt file is YAML front matter and a Jinja body. Lines such as `user:` begin turns; inside an `assistant:`
//! turn the body lets the model write (`gen`) and choose (`choose`). [`Prompt`] is the file, checked and ready to run;
//! [`Program`] is a run of it on one item.
//!
//! ```text
//! ---
//! kind: score
//! scale: {min: 1, max: 10}
//! verdict: "Score: *"
//! ---
//! user:
//! Rate this answer {{ scale }}. End with a line "Score: <number>".
//!
//! {{ answer | fenced }}
//! assistant:
//! {{ gen("critique") }}
//! ```
//!
//! Loading a file runs it once on a sample record with made-up replies, so that mistakes are found before anything is
//! paid for. Every printed value is marked with its origin (`taint`), so that nothing in a record can begin a turn.
//!
//! | module | what it does |
//! |---|---|
//! | `front`, `yaml`, `about` | the front matter |
//! | `body`, `mark` | the body, and the digits that a record cannot hold |
//! | `engine`, `limits`, `functions`, `rendering`, `printable`, `taint` | the template engine: what a body may do, and who wrote what |
//! | `bind`, `view` | which values of an item the body sees, and which fields are left out |
//! | `program`, `state`, `render` | running a body: render, ask for what is missing, render again |
//! | `sample`, `check`, `probabilities` | what is known of a prompt without a record |
//! | `catalogue`, `defaults` | the built-in prompts, and which of them is used where none is named |
//! | `save` | writing a prompt with changed settings |
//! | `beginning` | what no cache of beginnings can reuse |
//! | `start` | a commented file for each kind of verdict, to begin with |
//! | `import` | prompt files made from the graders of other tools |

mod about;
mod bind;
mod body;
mod catalogue;
mod check;
mod beginning;
mod cut;
mod defaults;
mod engine;
mod front;
mod functions;
mod import;
pub(crate) mod limits;
mod mark;
mod printable;
mod probabilities;
mod program;
mod render;
mod rendering;
mod sample;
mod save;
mod settings;
mod start;
mod state;
mod taint;
mod view;
mod yaml;

pub use {
    about::{About, CheckedOn, OfficialFailure},
    catalogue::{built_in, named, names},
    defaults::Supplied,
    front::{Each, Field, FrontMatter, Need, Order},
    import::{Import, ImportOptions, Imported, Source, import},
    start::start_of,
};
#[doc(hidden)]
pub use {
    cut::is_shortened,
    defaults::{PolicyTask, default_for, own_for, writer_for},
    probabilities::EvaluatedMenu,
    program::{Program, ProgramContext, ProgramStep},
    view::RecordView,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minijinja::{Environment, Value, value::Serde};

use self::{
    bind::value_of, body::with_ending, engine::environment, program::SplitText, sample::OutlineAsk,
};
use crate::{
    aggregate::Aggregate,
    error::{Error, ErrorKind, Result, unknown},
    item::{CRITERIA, Item, Splitting},
    parse::{self, Kind, Reader, VerdictSpec},
    pass::VerdictProfile,
    request::Hasher,
    scale::{Assessment, Scale},
};

/// A prompt file, checked and ready to run.
///
/// ```
/// use tribunal::Prompt;
///
/// let file = "---\nkind: score\nscale: 1-5\nverdict: 'Score: *'\n---\n\
///     user:\nRate this answer {{ scale }}: {{ answer }}\nEnd with a line \"Score: <number>\".\n";
/// let prompt = Prompt::parse("mine.jinja", file)?;
/// assert_eq!(prompt.fields()[0].name, "answer");
/// assert!(prompt.warnings().is_empty());
///
/// let error = Prompt::parse("mine.jinja", &file.replace("kind:", "knid:")).unwrap_err();
/// assert!(error.to_string().starts_with("mine.jinja:2: unknown key `knid`"));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The file, or the name in the catalogue.
    name: String,
    /// The whole file.
    source: String,
    /// What follows the front matter, with a `gen` at its end if it asks for nothing.
    body: String,
    /// The body as it is rendered: values that grow are charged to the limits.
    metered: String,
    /// The number of lines of the file before the body.
    lines_before: usize,
    /// The settings of the file.
    front: FrontMatter,
    /// The fields that the prompt reads.
    fields: Vec<Field>,
    /// The template engine with the body in it.
    environment: Environment<'static>,
    /// Every name that the body uses.
    variables: BTreeSet<String>,
    /// Reads the verdict of a conversation about the whole record.
    reader: Arc<Reader>,
    /// Reads the verdict of a conversation about one element of an `each`.
    element_reader: Arc<Reader>,
    /// Every `gen` and `choose` that the body asks for on a sample record, in order.
    outline: Vec<OutlineAsk>,
    /// Whether the body calls no model and a last `gen` was added to it: its reply ends every conversation.
    ends_with_reply: bool,
}

impl Prompt {
    /// Reads a prompt from its text. `name` is its file or its name in the catalogue; errors begin with it.
    ///
    /// # Errors
    /// The front matter or the body is wrong, or a run on a sample record shows a mistake that would make verdicts
    /// unreadable ([`ErrorKind::Prompt`]). The error names the line and, for an unknown name, the fields in scope.
    pub fn parse(name: &str, source: &str) -> Result<Self> {
        Self::read(name, source).map_err(on_one_line)
    }

    /// The same; every error names the file already, most of them with a line.
    fn read(name: &str, source: &str) -> Result<Self> {
        let in_file = |error: Error| error.within(name);
        if source.chars().any(crate::item::is_noncharacter) {
            let message = "the prompt holds Unicode noncharacters (U+FDD0…)";
            let error = Error::new(ErrorKind::Prompt, message).within(name);
            return Err(error.hint("they mark who wrote what inside a prompt: remove them"));
        }
        let (yaml, body, lines_before) = front::cut(source).map_err(in_file)?;
        let front = front::read(name, yaml)?;
        let reader = Arc::new(Reader::new(&front.verdict_spec()).map_err(in_file)?);
        let mut prompt = Self {
            name: name.to_owned(),
            source: source.to_owned(),
            body: String::new(),
            metered: String::new(),
            lines_before,
            fields: Vec::new(),
            environment: environment(&front),
            variables: BTreeSet::new(),
            element_reader: reader.clone(),
            reader,
            front,
            outline: Vec::new(),
            ends_with_reply: false,
        };
        prompt.set_body(body)?;
        prompt.fields = prompt.declared().map_err(in_file)?;
        prompt.outline = prompt.sketch()?;
        if prompt.asks_no_model() {
            const CALLS: [&str; 8] =
                ["gen", "choose", "probe", "run", "compare", "read", "reward", "logprobs"];
            prompt.ends_with_reply = !CALLS.iter().any(|name| prompt.variables.contains(*name));
            let whole = with_ending(body, &prompt.front.roles);
            // A role line that is added in front is not a line of the file.
            let added = whole.starts_with("user:\n") && !body.starts_with("user:");
            prompt.lines_before -= usize::from(added);
            prompt.set_body(&whole)?;
            prompt.outline = prompt.sketch()?;
        }
        prompt.set_readers().map_err(in_file)?;
        prompt.check_rules()?;
        prompt.check().map_err(in_file)?;
        Ok(prompt)
    }

    /// The file, or the name in the catalogue.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file as it was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The settings of the file.
    pub fn front(&self) -> &FrontMatter {
        &self.front
    }

    /// The fields that the prompt reads, in the order of the file.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The kind of verdict about a record, and all that is needed to read it. Labels are those of the rules and the
    /// scale, or those that a `choose` of the body offers.
    pub fn verdict_spec(&self) -> VerdictSpec {
        let mut spec = self.front.verdict_spec();
        for rule in &spec.rules {
            let parse::Place::Choose(name) = &rule.place else { continue };
            let offered = self.choice(name).filter(|_| spec.labels.is_empty());
            if let Some((_, labels)) = offered {
                spec.labels = labels.iter().map(|label| label.trim().to_owned()).collect();
                break;
            }
        }
        spec
    }

    /// The same for one conversation: about one element of an `each`, or about the whole record.
    pub fn element_verdict_spec(&self) -> VerdictSpec {
        let spec = self.verdict_spec();
        let kind = match self.front.each {
            None => spec.kind,
            Some(_) if self.front.reduces_scores() => Kind::Score,
            Some(Each::Steps) => Kind::Label,
            Some(Each::Criteria) if self.front.per_call.is_some() => Kind::Criteria,
            Some(Each::Criteria) if self.assesses() => return assessed(spec),
            Some(Each::Answers | Each::Criteria | Each::Contexts) => Kind::Score,
        };
        VerdictSpec { kind, ..spec }
    }

    /// Prepares both readers; needed again when the scale changes.
    fn set_readers(&mut self) -> Result<()> {
        self.reader = Arc::new(Reader::new(&self.verdict_spec())?);
        self.element_reader = Arc::new(Reader::new(&self.element_verdict_spec())?);
        Ok(())
    }

    /// What the verdicts will be like: pass rules are checked against it.
    pub fn verdict_profile(&self) -> VerdictProfile<'_> {
        let spec = self.verdict_spec();
        VerdictProfile {
            kind: self.front.verdict_kind(),
            scale: self.front.scale.as_ref(),
            positive: spec.positive().map(ToOwned::to_owned),
            labels: spec.labels,
            picks: self.has_probabilities(),
            criteria: None,
            scored: match self.front.verdict_kind() {
                Kind::Steps => Some(self.front.reduce.is_some()),
                _ => self.assesses().then_some(true),
            },
            summed: if self.front.aggregate == Some(Aggregate::Sum) { self.front.draws } else { 1 },
        }
    }

    /// Whether several answers are shown in one conversation, so that their order may matter.
    pub fn compares(&self) -> bool {
        let kinds = [Kind::Preference, Kind::Ranking, Kind::Scores];
        let alone = self.front.each == Some(Each::Answers) && !self.prints("answers");
        kinds.contains(&self.front.verdict_kind()) && !alone
    }

    /// Refuses settings that the verdicts of this prompt could not use.
    fn check(&self) -> Result<()> {
        let spec = self.verdict_spec();
        let wrong = |message: &str| Err(Error::new(ErrorKind::Prompt, message));
        let names = || spec.labels.iter().map(String::as_str);
        match &spec.positive {
            Some(positive) if !spec.labels.is_empty() && !spec.labels.contains(positive) => {
                return Err(unknown(
                    ErrorKind::Prompt,
                    "label under `positive`",
                    positive,
                    names(),
                ));
            }
            _ => (),
        }
        if self.front.order.is_some() && !self.compares() {
            return wrong("`order` needs a prompt that compares answers, and this one does not")
                .map_err(|error| error.hint("leave `order` out"));
        }
        let labels_all = self.front.rules.iter().any(|rule| rule.labelling.is_some());
        let labels_steps = labels_all || self.front.each == Some(Each::Steps) || self.front.picks();
        if self.front.verdict_kind() == Kind::Steps && labels_steps && !spec.distinguishes_errors()
        {
            let error =
                Error::new(ErrorKind::Prompt, "no label is known to mean that a step is right");
            let names: Vec<&str> = names().collect();
            return Err(
                error.hint(format!("name it: `positive: {}`", names.join("` or `positive: ")))
            );
        }
        if self.front.aggregate == Some(Aggregate::Expected) {
            self.check_expected(ErrorKind::Prompt)?;
        }
        if self.front.aggregate == Some(Aggregate::Sum) {
            self.check_sum(ErrorKind::Prompt)?;
        }
        self.check_verdict_from()?;
        let rule = self.front.pass.as_ref();
        rule.map_or(Ok(()), |rule| {
            rule.fitted(&self.verdict_profile(), ErrorKind::Prompt).map(drop)
        })
    }

    /// Refuses `aggregate: expected` for verdicts without probabilities; the error has the kind `kind`.
    pub(crate) fn check_expected(&self, kind: ErrorKind) -> Result<()> {
        let why = match self.evaluated() {
            _ if self.front.picks() => return Ok(()),
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        let message =
            format!("`expected` needs probabilities, which this verdict does not have: {why}");
        Err(Error::new(kind, message).hint("use another one: mean, median or majority"))
    }

    /// Whether draws and members can be added up: verdicts are scores, of one answer or of several.
    pub(crate) fn has_scores(&self) -> bool {
        matches!(self.front.verdict_kind(), Kind::Score | Kind::Scores)
    }

    /// Refuses `aggregate: sum` for verdicts that are no scores; the error has the kind `kind`.
    pub(crate) fn check_sum(&self, kind: ErrorKind) -> Result<()> {
        if self.has_scores() {
            return Ok(());
        }
        let own = self.front.verdict_kind().name();
        Err(Error::new(
            kind,
            format!("`sum` adds scores up, and verdicts of kind `{own}` have none"),
        )
        .hint("use another one: mean or majority"))
    }

    /// A hash of everything that changes what this prompt asks: body, fields, scale, sampling, `chat`, `template`,
    /// `roles`, `each`, `per_call`, `until`, `split`; 16 hex digits.
    ///
    /// Comments, summary, reading rules and thresholds do not count: changing them asks no model again.
    pub fn hash(&self) -> String {
        let FrontMatter { scale, sampling, chat, roles, each, until, .. } = &self.front;
        let mut hasher = Hasher::new("tribunal-prompt-v2");
        hasher.part(self.body.as_bytes());
        hasher.count(self.fields.len());
        for Field { name, need } in &self.fields {
            hasher.part(name.as_bytes());
            hasher.json(need);
        }
        hasher.json(&(scale, sampling, chat, each, until));
        if !roles.is_empty() {
            hasher.named("roles", roles);
        }
        if !self.front.template.is_empty() {
            hasher.named("template", &self.front.template);
        }
        if let Some(per_call) = self.front.per_call {
            hasher.named("per_call", &per_call);
        }
        if let Some(split) = self.front.split {
            hasher.named("split", &split);
        }
        hasher.hex::<8>()
    }

    /// Whether the body uses this name.
    fn prints(&self, name: &str) -> bool {
        self.variables.contains(name)
    }

    /// Whether the prompt reads a field of this name.
    pub fn reads(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Starts a run of the prompt on an item.
    ///
    /// - `element`: the 0-based step, answer, criterion or passage of an `each`; `None` for the whole record.
    /// - `context`: what the model can be asked, and which vote the run is for.
    /// - `mark`: the [mark](Self::mark) of the item in the record's own order.
    ///
    /// # Errors
    /// The item lacks a required field ([`ErrorKind::Record`]): the error names the fields that it has.
    pub fn program(
        self: &Arc<Self>,
        item: &Item,
        element: Option<usize>,
        context: ProgramContext,
        mark: Option<String>,
    ) -> Result<Program> {
        let mut fields = BTreeMap::new();
        for Field { name, need } in &self.fields {
            let is_split = self.front.each == Some(Each::Criteria) && !self.prints(name);
            if is_split && name == CRITERIA {
                // Each conversation is about some of them, and a rubric may be long.
                continue;
            }
            let value = match (self.bound(item, name), need) {
                (Some(value), _) => value_of(item, name, &value),
                (None, Need::Default(value)) => Value::from(Serde(value)),
                (None, Need::Optional) => Value::from(()),
                (None, Need::Required) => return Err(item.lacks(name).within(&self.name)),
            };
            fields.insert(name.clone(), value);
        }
        self.add_element(&mut fields, item, element);
        let shape = self.shape_of(item, element);
        let program = Program::new(self.clone(), fields, element.is_some(), context, mark, shape);
        Ok(match self.front.split {
            Some(Splitting::Confidence(part)) if self.reads("steps") && !item.lists_steps() => {
                program.splitting(SplitText::of(item, part))
            }
            _ => program,
        })
    }

    /// Whether the item has every field that this prompt requires.
    pub fn fits(&self, item: &Item) -> bool {
        let required = self.fields.iter().filter(|field| field.need == Need::Required);
        required.into_iter().all(|field| self.bound(item, &field.name).is_some())
    }

    /// The error of an item that lacks a field that this prompt requires.
    fn misfit(&self, item: &Item) -> Error {
        let required = self.fields.iter().filter(|field| field.need == Need::Required);
        let lacking = required.into_iter().find(|field| self.bound(item, &field.name).is_none());
        item.lacks(lacking.map_or("answer", |field| &field.name)).within(&self.name)
    }
}

/// How the verdict on one criterion is read that is met or unmet: as a label, so that it has its probabilities.
fn assessed(spec: VerdictSpec) -> VerdictSpec {
    let words = spec.scale.as_ref().and_then(Scale::assessments).unwrap_or_default();
    let labels: Vec<String> = words.iter().map(|word| word.name().to_owned()).collect();
    VerdictSpec {
        kind: Kind::Label,
        scale: Some(Scale::labels(labels.iter())),
        positive: Some(Assessment::Met.name().to_owned()),
        labels,
        ..spec
    }
}

/// An error on one line, also where it repeats a text of the file that has several.
fn on_one_line(error: Error) -> Error {
    if !error.to_string().contains('\n') {
        return error;
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let one = Error::new(error.kind(), words(&error.to_string()));
    error.hints().iter().fold(one, |one, hint| one.hint(hint.clone()))
}
