//! Prompts: files that are programs.
//!
//! A prompt is YAML front matter and a Jinja body. Lines such as `user:` begin turns; inside an
//! `assistant:` turn the body may write with `gen` and pick with `choose`. [`Prompt`] is the file,
//! [`Program`] is the file at work on one item.

mod bind;
mod catalogue;
mod check;
mod engine;
mod front;
pub(crate) mod limits;
mod probabilities;
mod program;
mod functions;
mod sample;
mod save;
mod taint;
mod view;
mod yaml;

pub use {
    catalogue::{PolicyTask, Supplied, built_in, default_for, named, names, own_for, writer_for},
    front::{Each, Field, FrontMatter, Need, Order},
    probabilities::EvaluatedMenu,
    program::{Program, ProgramContext, ProgramStep},
    view::RecordView,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use minijinja::{Environment, Value, value::Serde};

use self::{
    bind::value_of,
    engine::{LARGEST, Page, environment, scale_value},
    sample::OutlineAsk,
};
use crate::{
    aggregate::Aggregate,
    error::{Error, ErrorKind, Result, unknown},
    hint::Hint,
    item::Item,
    parse::{self, Kind, Reader, VerdictSpec},
    pass::VerdictProfile,
    request::{Hasher, Sampling},
    scale::Scale,
    text::JudgedTexts,
};

/// A prompt file, checked and ready to run.
#[derive(Clone, Debug)]
pub struct Prompt {
    name: String,
    source: String,
    body: String,
    /// The body as it is rendered, with what grows charged.
    metered: String,
    lines_before: usize,
    front: FrontMatter,
    fields: Vec<Field>,
    environment: Environment<'static>,
    /// Every name that the body uses.
    variables: BTreeSet<String>,
    reader: Reader,
    /// Reads one conversation of an `each`.
    element_reader: Reader,
    /// What the body asks for on a sample record, in order.
    outline: Vec<OutlineAsk>,
}

const BODY: &str = "body";

impl Prompt {
    /// Reads a prompt from its text; `name` is its file or its name in the catalogue.
    ///
    /// # Errors
    /// Names the file, the line and the fields in scope when the front matter or the body is wrong, or
    /// when a run on a sample record shows a mistake that would cost calls.
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
        let reader = Reader::new(&front.verdict_spec()).map_err(in_file)?;
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
        };
        prompt.set_body(body)?;
        prompt.fields = prompt.declared().map_err(in_file)?;
        prompt.outline = prompt.sketch()?;
        if prompt.outline.is_empty() {
            let whole = with_ending(body);
            // A role line that is added in front is no line of the file.
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

    fn set_body(&mut self, body: &str) -> Result<()> {
        static FORBIDDEN: LazyLock<regex::Regex> = LazyLock::new(|| {
            #[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
            regex::Regex::new(r"\{%[-+]?\s*(autoescape|include|import|from|extends)\b").unwrap()
        });
        if let Some(found) = FORBIDDEN.captures(body).and_then(|found| found.get(1)) {
            let line = self.lines_before + body[..found.start()].matches('\n').count() + 1;
            return Err(Error::new(
                ErrorKind::Prompt,
                format!("{}:{line}: `{}` is not for prompts", self.name, found.as_str()),
            )
            .hint("a prompt is one file, and nothing in it is escaped"));
        }
        body.clone_into(&mut self.body);
        self.metered = limits::metered(body).map_err(|exceeded| {
            let place = format!("{}:{}", self.name, exceeded.line + self.lines_before);
            Error::new(ErrorKind::Prompt, exceeded.message).within(place)
        })?;
        let added = self.environment.add_template_owned(BODY, self.metered.clone());
        added.map_err(|cause| self.template_error(&cause))?;
        let template = self.environment.get_template(BODY);
        let names = template.map(|template| template.undeclared_variables(false));
        self.variables = names.map_err(|cause| self.template_error(&cause))?.into_iter().collect();
        Ok(())
    }

    /// The file or the name in the catalogue.
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

    /// The fields that the body may name.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How the verdict is read.
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

    /// How one conversation is read: about one element of an `each`, or about the whole record.
    pub fn element_verdict_spec(&self) -> VerdictSpec {
        let spec = self.verdict_spec();
        let kind = match self.front.each {
            None => spec.kind,
            Some(Each::Steps) => Kind::Label,
            Some(Each::Answers | Each::Criteria) => Kind::Score,
        };
        VerdictSpec { kind, ..spec }
    }

    fn set_readers(&mut self) -> Result<()> {
        self.reader = Reader::new(&self.verdict_spec())?;
        self.element_reader = Reader::new(&self.element_verdict_spec())?;
        Ok(())
    }

    /// What the verdicts have that a pass rule may look at.
    pub fn verdict_profile(&self) -> VerdictProfile<'_> {
        let spec = self.verdict_spec();
        VerdictProfile {
            kind: self.front.verdict_kind(),
            scale: self.front.scale.as_ref(),
            positive: spec.positive().map(ToOwned::to_owned),
            labels: spec.labels,
            picks: self.has_probabilities(),
            criteria: None,
        }
    }

    /// Whether answers are shown side by side, so that their order may matter.
    pub fn compares(&self) -> bool {
        let kinds = [Kind::Preference, Kind::Ranking, Kind::Scores];
        let alone = self.front.each == Some(Each::Answers) && !self.prints("answers");
        kinds.contains(&self.front.verdict_kind()) && !alone
    }

    /// Refuses settings that no verdict of this prompt could use.
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
            return wrong("`order` is for prompts that compare answers, and this one does not")
                .map_err(|error| error.hint("leave `order` out"));
        }
        let labels_steps = self.front.each == Some(Each::Steps) || self.front.picks();
        if self.front.verdict_kind() == Kind::Steps && labels_steps && !spec.distinguishes_errors()
        {
            let error = Error::new(ErrorKind::Prompt, "no label says that a step is right");
            let names: Vec<&str> = names().collect();
            return Err(
                error.hint(format!("name it: `positive: {}`", names.join("` or `positive: ")))
            );
        }
        if self.front.aggregate == Some(Aggregate::Expected) {
            self.check_expected(ErrorKind::Prompt)?;
        }
        self.check_verdict_from()?;
        let rule = self.front.pass.as_ref();
        rule.map_or(Ok(()), |rule| {
            rule.fitted(&self.verdict_profile(), ErrorKind::Prompt).map(drop)
        })
    }

    /// Whether an expected value can be had: of what a `choose` picks, and of values that can be evaluated.
    pub(crate) fn check_expected(&self, kind: ErrorKind) -> Result<()> {
        let why = match self.evaluated() {
            _ if self.front.picks() => return Ok(()),
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        let message =
            format!("`expected` weighs by probabilities, which this verdict does not have: {why}");
        Err(Error::new(kind, message).hint("take another one: mean, median or majority"))
    }

    /// Settings given on top of the file's own.
    pub fn set_sampling(&mut self, over: &Sampling) {
        let own = &mut self.front.sampling;
        own.temperature = over.temperature.or(own.temperature);
        own.top_p = over.top_p.or(own.top_p);
        own.top_k = over.top_k.or(own.top_k);
        own.min_p = over.min_p.or(own.min_p);
        own.max_tokens = over.max_tokens.or(own.max_tokens);
        own.seed = over.seed.or(own.seed);
        own.repeat_penalty = over.repeat_penalty.or(own.repeat_penalty);
        own.presence_penalty = over.presence_penalty.or(own.presence_penalty);
        own.frequency_penalty = over.frequency_penalty.or(own.frequency_penalty);
        own.thinking_tokens = over.thinking_tokens.or(own.thinking_tokens);
        own.stop.extend(over.stop.iter().cloned());
    }

    /// Another scale: printed into the prompt and checked in what is read. Numbers are for scores, names
    /// for labels and for scores by level.
    ///
    /// # Errors
    /// The prompt's verdict has no such scale, or nothing is on it.
    pub fn set_scale(&mut self, scale: Scale) -> Result<()> {
        let fits = match self.front.kind {
            Kind::Score | Kind::Scores | Kind::Criteria => scale.ends().is_some(),
            Kind::Label => matches!(scale, Scale::Labels { .. }),
            _ => false,
        };
        if !fits {
            let kind = self.front.kind.name();
            let error = self.error(format!("it judges {kind}, which has no scale `{scale}`"));
            let hint = Hint::default().setting("scale", "1-5").text(" is for scores, ");
            return Err(error.hint(hint.setting("labels", "good,bad").text(" for labels")));
        }
        scale.check()?;
        if !self.prints("scale") {
            let message = "it does not say its scale, so another one would never reach the model";
            return Err(self
                .error(message.into())
                .hint("print it where the verdict is asked for: {{ scale }}"));
        }
        self.environment.add_global("scale", scale_value(&scale));
        self.front.scale = Some(scale);
        let labels = self.front.verdict_spec().labels;
        // The old labels are gone, and with them the one that was positive.
        let kept = |own: &String| labels.is_empty() || labels.contains(own);
        self.front.positive = self.front.positive.take().filter(kept);
        self.set_readers()
    }

    /// Names all that changes what this prompt asks: body, fields, scale, sampling, chat, each.
    ///
    /// Comments, summary, reading rules and thresholds are absent: they ask nothing again.
    pub fn hash(&self) -> String {
        let FrontMatter { scale, sampling, chat, each, until, .. } = &self.front;
        let mut hasher = Hasher::new("tribunal-prompt-v2");
        hasher.part(self.body.as_bytes());
        hasher.count(self.fields.len());
        for Field { name, need } in &self.fields {
            hasher.part(name.as_bytes());
            hasher.json(need);
        }
        hasher.json(&(scale, sampling, chat, each, until));
        hasher.hex::<8>()
    }

    /// Whether the judge's own marker is printed, so that the verdict cannot be forged.
    pub fn marks(&self) -> bool {
        self.prints("mark")
    }

    /// Whether the body names this variable.
    fn prints(&self, name: &str) -> bool {
        self.variables.contains(name)
    }

    /// Whether the prompt has a field of this name.
    pub fn reads(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// Four hex digits that occur in no field of the item; the same on every machine.
    pub fn mark(&self, item: &Item, secret: Option<&str>) -> Option<String> {
        const TRIES: usize = 64;
        if !self.marks() {
            return None;
        }
        let content = self.content(item);
        let shown: Vec<String> = content.iter().map(|(_, value)| value.to_string()).collect();
        // In every form in which a judge may repeat it, so that a disguised mark is found too.
        let text = JudgedTexts::new(&shown).forms().concat().to_lowercase();
        let mark = |counter: u32| {
            let mut hasher = Hasher::new("mark-v1");
            content.iter().for_each(|(_, value)| hasher.json(value));
            hasher.part(secret.unwrap_or_default().as_bytes());
            hasher.part(&counter.to_le_bytes());
            // A text of 65,539 digits can hold every mark of four, so they grow when all are taken.
            let bytes = 2 + counter as usize / TRIES;
            Some(const_hex::encode(hasher.finish().get(..bytes)?))
        };
        (0..).map_while(mark).find(|mark| !text.contains(mark))
    }

    /// Puts the prompt to work on an item; `element` is the step, answer or criterion of an `each`,
    /// `mark` the [marker](Self::mark) of the item in its own order.
    ///
    /// # Errors
    /// The item lacks a required field: the error names what it has.
    pub fn program(
        self: &Arc<Self>,
        item: &Item,
        element: Option<usize>,
        context: ProgramContext,
        mark: Option<String>,
    ) -> Result<Program> {
        let mut fields = BTreeMap::new();
        for Field { name, need } in &self.fields {
            let value = match (self.bound(item, name), need) {
                (Some(value), _) => value_of(item, name, &value),
                (None, Need::Default(value)) => Value::from(Serde(value)),
                (None, Need::Optional) => Value::from(()),
                (None, Need::Required) => return Err(item.lacks(name).within(&self.name)),
            };
            fields.insert(name.clone(), value);
        }
        self.add_element(&mut fields, item, element);
        Ok(Program::new(self.clone(), fields, element.is_some(), context, mark, self.shape(item)))
    }

    /// Whether the item has every field that this prompt requires.
    pub fn fits(&self, item: &Item) -> bool {
        let required = self.fields.iter().filter(|field| field.need == Need::Required);
        required.into_iter().all(|field| self.bound(item, &field.name).is_some())
    }

    /// The error of an item that lacks a field which this prompt requires.
    fn misfit(&self, item: &Item) -> Error {
        let required = self.fields.iter().filter(|field| field.need == Need::Required);
        let lacking = required.into_iter().find(|field| self.bound(item, &field.name).is_none());
        item.lacks(lacking.map_or("answer", |field| &field.name)).within(&self.name)
    }

    /// Renders the body: the marked text so far, and what stopped it.
    fn render(
        &self,
        context: BTreeMap<String, Value>,
    ) -> Result<(String, Option<minijinja::Error>)> {
        let body =
            self.environment.get_template(BODY).map_err(|cause| self.template_error(&cause))?;
        let mut page = Page(Vec::new());
        let failure = body.render_captured_to(Value::from(context), &mut page).err();
        if page.0.len() >= LARGEST {
            return Err(self.error(format!("the prompt is larger than {} MiB", LARGEST >> 20)));
        }
        // A write that hit the limit may have cut a character; everything else is UTF-8.
        let text = String::from_utf8(page.0)
            .unwrap_or_else(|cut| String::from_utf8_lossy(cut.as_bytes()).into_owned());
        Ok((text, failure))
    }

    fn error(&self, message: String) -> Error {
        Error::new(ErrorKind::Prompt, message).within(&self.name)
    }

    /// An error of the template engine: file, line, and what may be named there.
    fn template_error(&self, cause: &minijinja::Error) -> Error {
        let own =
            std::error::Error::source(cause).and_then(|source| source.downcast_ref::<Error>());
        if let Some(own) = own {
            return own.clone().within(&self.name);
        }
        let place = match cause.line() {
            Some(line) => format!("{}:{}", self.name, line + self.lines_before),
            None => self.name.clone(),
        };
        if let Some(unknown) = engine::unknown_name(cause) {
            return unknown.within(place);
        }
        let detail = cause.detail().map_or_else(|| cause.kind().to_string(), ToOwned::to_owned);
        let expression =
            cause.range().and_then(|range| self.metered.get(range)).map(limits::as_written);
        let expression = expression.as_deref().map(str::trim);
        let error = |message: String| Error::new(ErrorKind::Prompt, message).within(&place);
        match (cause.kind(), expression) {
            (minijinja::ErrorKind::OutOfFuel, _) => error("the template runs too long".into()),
            (minijinja::ErrorKind::UndefinedError, Some(name)) => {
                self.in_scope(name, error(format!("`{name}` has no value")))
            }
            (minijinja::ErrorKind::UndefinedError, None) => {
                self.in_scope("", error(format!("a name has no value: {detail}")))
            }
            (minijinja::ErrorKind::SyntaxError, _) | (_, None) => error(detail),
            (_, Some(call)) if detail == NOT_A_FUNCTION => engine::uncallable(call).within(&place),
            (_, Some(expression)) => error(format!("`{expression}`: {detail}")),
        }
    }

    /// The same error with the near field, or with all of them.
    fn in_scope(&self, name: &str, error: Error) -> Error {
        let names = || self.fields.iter().map(|field| field.name.as_str());
        match crate::error::near(name, names()) {
            Some(near) if near != name => error.hint(format!("did you mean `{near}`?")),
            _ if self.fields.is_empty() => error,
            _ => error.hint(format!("fields in scope: {}", names().collect::<Vec<_>>().join(", "))),
        }
    }
}

/// What the template engine says of a call of something that is no function.
const NOT_A_FUNCTION: &str = "object is not callable";

/// The same error, where a text of the file that it names has several lines.
fn on_one_line(error: Error) -> Error {
    if !error.to_string().contains('\n') {
        return error;
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let one = Error::new(error.kind(), words(&error.to_string()));
    error.hints().iter().fold(one, |one, hint| one.hint(hint.clone()))
}

/// A body without `gen` ends in one.
fn with_ending(body: &str) -> String {
    let body = body.trim_end_matches(['\n', '\r']);
    let roles = taint::conversation(body);
    let has_roles = !roles.stray.is_empty()
        || roles.messages.len() > 1
        || body.trim_start().starts_with("user:");
    let opened = roles.messages.last().is_some_and(|m| m.role == crate::request::Role::Assistant);
    match (opened, has_roles) {
        (true, _) => format!("{body}\n{{{{ gen(\"critique\") }}}}"),
        (false, true) => format!("{body}\nassistant:\n{{{{ gen(\"critique\") }}}}"),
        (false, false) => format!("user:\n{body}\nassistant:\n{{{{ gen(\"critique\") }}}}"),
    }
}

#[cfg(test)]
mod tests;
