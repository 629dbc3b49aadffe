//! Prompts: files that are programs.
//!
//! A prompt is YAML front matter and a Jinja body. Lines such as `user:` begin turns; inside an
//! `assistant:` turn the body may write with `gen` and pick with `choose`. [`Prompt`] is the file,
//! [`Program`] is the file at work on one item.

mod catalogue;
mod front;
mod program;
mod run;
mod taint;

pub use {
    catalogue::{built_in, default_for},
    front::{Each, Field, FrontMatter, Need, Order},
    program::{Next, Plan, Program},
};

use std::{collections::BTreeMap, io, sync::LazyLock};

use minijinja::{
    AutoEscape, Environment, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde,
};

use crate::{
    error::{Error, ErrorKind, Result},
    item::{Item, split_steps},
    parse::{Judges, Reader, Reading, Spot},
    request::{Capabilities, Completion, Hasher, Logprobs, Sampling},
    scale::Scale,
};

/// A prompt file, checked and ready to run.
#[derive(Clone, Debug)]
pub struct Prompt {
    name: String,
    source: String,
    body: String,
    lines_before: usize,
    front: FrontMatter,
    fields: Vec<Field>,
    environment: Environment<'static>,
    reader: Option<Reader>,
    /// What the body asks for on a sample record, in order.
    outline: Vec<Ask>,
}

/// One `gen` or `choose` of a prompt, as a sample record shows it.
#[derive(Clone, Debug, PartialEq)]
struct Ask {
    spot: Spot,
    chooses: bool,
    /// Which turn of the conversation it stands in.
    turn: usize,
    /// For a `choose`: its labels and the words before it.
    labels: Vec<String>,
    literal: String,
}

impl Ask {
    /// What a request asks for; its place is known when it is answered.
    fn of(request: &crate::request::Request) -> Self {
        let labels = match &request.ask {
            crate::request::Ask::Choose { labels } => labels.clone(),
            crate::request::Ask::Generate { .. } => Vec::new(),
        };
        Self {
            spot: Spot { name: String::new(), at: None },
            chooses: !labels.is_empty(),
            turn: request.messages.len() - usize::from(request.open),
            literal: literal(request),
            labels,
        }
    }
}

const BODY: &str = "body";

/// Enough for a long prompt with loops; a bomb runs dry in milliseconds.
const FUEL: u64 = 1_000_000;

/// The largest rendered prompt, in bytes.
const LARGEST: usize = 4 << 20;

const DEEPEST: usize = 64;

impl Prompt {
    /// Reads a prompt from its text; `name` is its file or its name in the catalogue.
    ///
    /// # Errors
    /// Names the file, the line and the fields in scope when the front matter or the body is wrong, or
    /// when a run on a sample record shows a mistake that would cost calls.
    pub fn parse(name: &str, source: &str) -> Result<Self> {
        Self::read(name, source).map_err(|error| {
            if error.message().starts_with(name) { error } else { error.within(name) }
        })
    }

    fn read(name: &str, source: &str) -> Result<Self> {
        if source.chars().any(crate::item::is_noncharacter) {
            return Err(Error::new(
                ErrorKind::Prompt,
                "the prompt holds Unicode noncharacters (U+FDD0…)",
            )
            .hint("they mark who wrote what inside a prompt: take them out"));
        }
        let (yaml, body, lines_before) = front::cut(source)?;
        let front = front::read(yaml)?;
        let mut prompt = Self {
            name: name.to_owned(),
            source: source.to_owned(),
            body: String::new(),
            lines_before,
            fields: Vec::new(),
            environment: environment(&front),
            reader: reader(&front)?,
            front,
            outline: Vec::new(),
        };
        prompt.set_body(body)?;
        prompt.fields = prompt.declared()?;
        prompt.outline = prompt.sketch()?;
        if prompt.outline.is_empty() {
            prompt.set_body(&with_ending(body))?;
            prompt.outline = prompt.sketch()?;
        }
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
        let added = self.environment.add_template_owned(BODY, body.to_owned());
        added.map_err(|cause| self.template_error(&cause))
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
    pub fn reading(&self) -> Reading {
        self.front.reading()
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
        own.stop.extend(over.stop.iter().cloned());
    }

    /// Another scale: printed into the prompt and checked in what is read.
    ///
    /// # Errors
    /// The prompt judges no score, or nothing is on the scale.
    pub fn set_scale(&mut self, scale: Scale) -> Result<()> {
        if self.front.judges != Judges::Score {
            let judges = self.front.judges.name();
            return Err(self.error(format!("it judges {judges}, which has no scale of numbers")));
        }
        scale.check()?;
        self.environment.add_global("scale", scale_value(&scale));
        self.front.scale = Some(scale);
        self.reader = reader(&self.front)?;
        Ok(())
    }

    /// Names all that changes what this prompt asks: body, fields, scale, sampling, chat, each.
    ///
    /// Comments, summary, reading rules and thresholds are absent: they ask nothing again.
    pub fn hash(&self) -> String {
        let mut hasher = Hasher::new("tribunal-prompt-v1");
        hasher.part(self.body.as_bytes());
        for field in &self.fields {
            hasher.part(field.name.as_bytes());
            hasher.part(format!("{:?}", field.need).as_bytes());
        }
        hasher.json(&self.front.scale);
        hasher.json(&self.front.sampling);
        hasher.json(&self.front.chat);
        hasher.part(format!("{:?} {:?}", self.front.each, self.front.until).as_bytes());
        hex(&hasher.finish()[..8])
    }

    /// The words before the first `choose` of this name, and its labels, as a sample record shows them.
    pub fn choice(&self, name: &str) -> Option<(&str, &[String])> {
        let ask = self.outline.iter().find(|ask| ask.chooses && ask.spot.name == name)?;
        Some((&ask.literal, &ask.labels))
    }

    /// Whether the judge's own marker is printed, so that the verdict cannot be forged.
    pub fn marks(&self) -> bool {
        self.environment
            .get_template(BODY)
            .is_ok_and(|body| body.undeclared_variables(false).contains("mark"))
    }

    /// The values of the declared fields, in the item's own order: what a marker and a line's key are
    /// made of.
    pub fn content(&self, item: &Item) -> Vec<(String, serde_json::Value)> {
        let value =
            |name: &str| item.field(name).map(|value| (name.to_owned(), value.into_owned()));
        self.fields.iter().filter_map(|field| value(&field.name)).collect()
    }

    /// Four hex digits that occur in no field of the item; the same on every machine.
    pub fn mark(&self, item: &Item, secret: Option<&str>) -> Option<String> {
        const TRIES: usize = 64;
        if !self.marks() {
            return None;
        }
        let content = self.content(item);
        let text: String =
            content.iter().map(|(_, value)| value.to_string().to_lowercase()).collect();
        let mark = |counter: u32| {
            let mut hasher = Hasher::new("mark-v1");
            content.iter().for_each(|(_, value)| hasher.json(value));
            hasher.part(secret.unwrap_or_default().as_bytes());
            hasher.part(&counter.to_le_bytes());
            // A text of 65,539 digits can hold every mark of four, so they grow when all are taken.
            let bytes = 2 + counter as usize / TRIES;
            Some(hex(hasher.finish().get(..bytes)?))
        };
        (0..).map_while(mark).find(|mark| !text.contains(mark))
    }

    /// Puts the prompt to work on an item; `element` is the step, answer or criterion of an `each`,
    /// `mark` the [marker](Self::mark) of the item in its own order.
    ///
    /// # Errors
    /// The item lacks a required field: the error names what it has.
    pub fn program(
        &self,
        item: &Item,
        element: Option<usize>,
        plan: Plan,
        mark: Option<String>,
    ) -> Result<Program<'_>> {
        let mut fields = BTreeMap::new();
        for Field { name, need } in &self.fields {
            let value = match (bound(item, name), need) {
                (Some(value), _) => value,
                (None, Need::Default(value)) => Value::from(Serde(value)),
                (None, Need::Optional) => Value::from(()),
                (None, Need::Required) => return Err(item.lacks(name).within(&self.name)),
            };
            fields.insert(name.clone(), value);
        }
        self.add_element(&mut fields, item, element);
        Ok(Program::new(self, fields, plan, mark))
    }

    /// Whether the item has every field that this prompt requires.
    pub fn fits(&self, item: &Item) -> bool {
        let required = self.fields.iter().filter(|field| field.need == Need::Required);
        required.into_iter().all(|field| bound(item, &field.name).is_some())
    }

    /// How many conversations an item takes; 1 without `each`.
    pub fn elements(&self, item: &Item) -> usize {
        match self.front.each {
            None => 1,
            Some(Each::Steps) => item.steps().len(),
            Some(Each::Answers) => item.candidates().len(),
            Some(Each::Criteria) => criteria(item).len(),
        }
    }

    fn add_element(
        &self,
        fields: &mut BTreeMap<String, Value>,
        item: &Item,
        element: Option<usize>,
    ) {
        let (Some(each), Some(index)) = (self.front.each, element) else { return };
        match each {
            Each::Steps => {
                let steps = item.steps();
                let (before, from) = steps.split_at(index.min(steps.len()));
                fields.insert("previous".into(), before.join("\n").into());
                fields.insert("step".into(), from.first().cloned().unwrap_or_default().into());
            }
            Each::Answers => {
                let answer = item.candidates().get(index).map(crate::item::text_of);
                fields.insert("answer".into(), answer.unwrap_or_default().into());
            }
            Each::Criteria => {
                let criterion = criteria(item).into_iter().nth(index).map(|(_, text)| text);
                fields.insert("criterion".into(), criterion.unwrap_or_default().into());
            }
        }
        fields.insert("index".into(), index.into());
    }

    /// Refuses a model that could not go through this prompt, by a run on a sample record.
    ///
    /// # Errors
    /// The model's API lacks something that the prompt needs: the error says what would do.
    pub fn check_fits(&self, plan: Plan) -> Result<()> {
        self.run_sample(plan).map(drop)
    }

    fn chooses_after(&self, spot: &Spot) -> bool {
        let Some(at) =
            self.outline.iter().position(|ask| ask.spot.name == spot.name && !ask.chooses)
        else {
            return false;
        };
        let turn = self.outline[at].turn;
        self.outline[at + 1..].iter().any(|ask| ask.chooses && ask.turn == turn)
    }

    /// The declared fields, or those that the body names.
    fn declared(&self) -> Result<Vec<Field>> {
        const OURS: [&str; 10] = [
            "gen",
            "choose",
            "read",
            "scale",
            "mark",
            "step",
            "index",
            "previous",
            "criterion",
            run::NAME,
        ];
        if let Some(fields) = &self.front.fields {
            let ours = |field: &&Field| OURS.contains(&field.name.as_str());
            if let Some(field) = fields.iter().find(ours) {
                return Err(Error::new(
                    ErrorKind::Prompt,
                    format!("`{}` is not for fields: it has a meaning of its own", field.name),
                ));
            }
            return Ok(fields.clone());
        }
        let body =
            self.environment.get_template(BODY).map_err(|cause| self.template_error(&cause))?;
        let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let mut names: Vec<String> = body.undeclared_variables(false).into_iter().collect();
        names.retain(|name| !OURS.contains(&name.as_str()) && !globals.contains(&name.as_str()));
        if self.front.each == Some(Each::Answers) {
            names.retain(|name| name != "answer");
        }
        names.sort();
        Ok(names.into_iter().map(|name| Field { name, need: Need::Required }).collect())
    }

    /// What the body asks for on a sample record.
    fn sketch(&self) -> Result<Vec<Ask>> {
        let capabilities =
            Capabilities { logprobs: Logprobs::Exact, prefill: true, schema: true, seed: true };
        self.run_sample(Plan { capabilities, draw: 0, reask: 0 })
    }

    /// Runs the body on a sample record and scripted answers, and refuses what would go wrong.
    fn run_sample(&self, plan: Plan) -> Result<Vec<Ask>> {
        let mut fields: BTreeMap<String, Value> =
            self.fields.iter().map(|field| (field.name.clone(), sample(&field.name))).collect();
        self.add_element(&mut fields, &sample_item(), Some(1));
        let mut program =
            Program::new(self, fields, plan, self.marks().then(|| SAMPLE_MARK.to_owned()));
        let mut asks: Vec<Ask> = Vec::new();
        let mut answer = None;
        while let Next::Ask(request) = program.next(answer.take())? {
            if asks.is_empty() && self.marks() {
                self.check_mark(&request)?;
            }
            let ask = Ask::of(&request);
            let text =
                ask.labels.first().cloned().unwrap_or_else(|| format!("sample {}", asks.len()));
            answer = Some(Completion::text(text));
            asks.push(ask);
        }
        for (ask, outcome) in asks.iter_mut().zip(program.results()) {
            ask.spot = outcome.spot.clone();
        }
        Ok(asks)
    }

    /// A marker before the last field would end the prefix that records share.
    fn check_mark(&self, request: &crate::request::Request) -> Result<()> {
        let spans: Vec<_> = request.messages.iter().flat_map(|message| &message.spans).collect();
        let marked = spans.iter().position(|span| span.text.contains(SAMPLE_MARK));
        let last_data = spans.iter().rposition(|span| span.origin == crate::request::Origin::Data);
        match (marked, last_data) {
            (Some(marked), Some(last)) if marked < last => Err(self
                .error("`{{ mark }}` stands before the last field".to_owned())
                .hint("ask for the verdict line at the end: what records share must come first")),
            _ => Ok(()),
        }
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
        Ok((String::from_utf8_lossy(&page.0).into_owned(), failure))
    }

    fn error(&self, message: String) -> Error {
        Error::new(ErrorKind::Prompt, message).within(&self.name)
    }

    /// An error of the template engine: file, line, and what may be named there.
    fn template_error(&self, cause: &minijinja::Error) -> Error {
        let place = match cause.line() {
            Some(line) => format!("{}:{}", self.name, line + self.lines_before),
            None => self.name.clone(),
        };
        let detail = cause.detail().map_or_else(|| cause.kind().to_string(), ToOwned::to_owned);
        let message = match cause.kind() {
            minijinja::ErrorKind::OutOfFuel => "the template runs too long".to_owned(),
            minijinja::ErrorKind::UndefinedError => {
                match cause.range().and_then(|range| self.body.get(range)) {
                    Some(expression) => format!("`{}` has no value", expression.trim()),
                    None => format!("a name has no value: {detail}"),
                }
            }
            _ => detail,
        };
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let error = Error::new(ErrorKind::Prompt, message).within(place);
        match (names.is_empty(), cause.kind()) {
            (true, _) | (_, minijinja::ErrorKind::OutOfFuel) => error,
            _ => error.hint(format!("fields in scope: {}", names.join(", "))),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text before a request's end that no result wrote.
fn literal(request: &crate::request::Request) -> String {
    let Some(last) = request.messages.last().filter(|_| request.open) else { return String::new() };
    let result = last.spans.iter().rposition(|span| span.origin == crate::request::Origin::Model);
    last.spans[result.map_or(0, |at| at + 1)..].iter().map(|span| span.text.as_str()).collect()
}

/// A buffer that refuses to grow beyond the largest prompt.
struct Page(Vec<u8>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LARGEST.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(&bytes[..room]);
        if room < bytes.len() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(room) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reader(front: &FrontMatter) -> Result<Option<Reader>> {
    Reader::new(&front.reading()).map(Some)
}

/// A template engine that can do nothing but print, count and ask.
fn environment(front: &FrontMatter) -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST);
    environment.set_formatter(taint::write);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    for filter in ["safe", "escape", "e"] {
        environment.remove_filter(filter);
    }
    environment
        .add_filter("tojson", |value: Value| serde_json::to_string(&value).unwrap_or_default());
    environment.add_filter("fenced", |value: Value| taint::Fenced::value(value.to_string()));
    environment.add_filter("steps", |text: Value| split_steps(&text.to_string()));
    environment.add_function("gen", run::generate);
    environment.add_function("choose", run::choose);
    environment.add_function("read", run::read);
    if let Some(scale) = &front.scale {
        environment.add_global("scale", scale_value(scale));
    }
    environment
}

/// The scale as prompts print it, with its ends.
fn scale_value(scale: &Scale) -> Value {
    let ends =
        scale.ends().map(|(min, max)| vec![("min", min.to_string()), ("max", max.to_string())]);
    Value::from_object(taint::Trusted { text: scale.to_string(), parts: ends.unwrap_or_default() })
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

/// The value of a field as the template sees it.
fn bound(item: &Item, name: &str) -> Option<Value> {
    match name {
        "steps" => Some(item.steps())
            .filter(|steps| !steps.is_empty())
            .map(|value| Value::from(Serde(value))),
        "answers" => Some(item.candidates())
            .filter(|all| all.len() > 1)
            .map(|value| Value::from(Serde(value))),
        _ => item.field(name).map(|value| Value::from(Serde(value))),
    }
}

/// Named criteria: a mapping of names to texts, or a list of texts.
pub(crate) fn criteria(item: &Item) -> Vec<(String, String)> {
    use crate::item::text_of;
    match item.field("criteria").as_deref() {
        Some(serde_json::Value::Object(map)) => {
            map.iter().map(|(name, text)| (name.clone(), text_of(text))).collect()
        }
        Some(serde_json::Value::Array(list)) => {
            list.iter().map(|text| (text_of(text), text_of(text))).collect()
        }
        Some(one) => vec![(text_of(one), text_of(one))],
        None => Vec::new(),
    }
}

/// A marker that no record can hold, being no hex.
const SAMPLE_MARK: &str = "zq0mark0qz";

fn sample_item() -> Item {
    Item::new()
        .set("steps", vec!["sample step one".to_owned(), "sample step two".to_owned()])
        .answers(["sample one", "sample two"])
        .set("criteria", vec!["sample criterion".to_owned()])
}

/// A value that stands for any record's.
fn sample(name: &str) -> Value {
    match bound(&sample_item(), name) {
        Some(value) => value,
        None => Value::from_object(Sample),
    }
}

/// Answers to every attribute and index with itself.
#[derive(Debug)]
struct Sample;

impl minijinja::value::Object for Sample {
    fn get_value(self: &std::sync::Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_object(Self))
    }

    fn enumerate(self: &std::sync::Arc<Self>) -> minijinja::value::Enumerator {
        minijinja::value::Enumerator::Values(vec![Value::from("sample"), Value::from("sample")])
    }

    fn render(self: &std::sync::Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sample")
    }
}

#[cfg(test)]
mod tests;
