//! Judges and policies without their models, as a manifest describes them, and the requests with which they begin.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use tribunal::{
    backend::Script,
    config::{Resolved, Settings},
    error::{Error, Result},
    item::{FieldMap, Item},
    judge::{Judge, JudgeBuilder},
    judging::{AskId, Facts},
    line::PromptLine,
    prompt::Prompt,
    report::{SentRequest, SentRequests},
    request::Request,
};

use super::{super::manifest, no};

/// The most requests that are shown of one record.
const MOST: usize = 100;

/// A member of a judge, a policy or another writer, without its model.
pub(super) struct Member {
    /// The name of a member of a jury; `None` for a judge of one member.
    pub(super) name: Option<String>,
    /// The name of its model.
    pub(super) model: String,
    pub(super) judge: Judge,
    pub(super) facts: Facts,
    /// Whether it is asked about every record: no later judge of a cascade, and no replacement.
    pub(super) is_certain: bool,
}

/// The settings that a manifest holds.
///
/// # Errors
/// This version cannot read them, or prompts may run code.
pub(super) fn settings(value: &Value) -> Result<Settings> {
    let settings: Settings = serde_json::from_value(value.clone())
        .map_err(|_| no("the manifest has no settings that this version reads"))?;
    if settings.allow_code {
        return Err(no("the prompt runs code"));
    }
    Ok(settings)
}

/// The prompt that a manifest holds.
///
/// # Errors
/// It holds none, or one that this version cannot read.
fn prompt(value: &Value) -> Result<Arc<Prompt>> {
    let text = |key: &str| value[key].as_str().ok_or_else(|| no("the manifest has no prompt"));
    Ok(Arc::new(Prompt::parse(text("name")?, text("source")?)?))
}

/// The members of the judge of a manifest.
///
/// # Errors
/// The manifest lacks a part, or the judge runs code.
pub(super) async fn members(manifest: &Value) -> Result<Vec<Member>> {
    let own = settings(&manifest["judge"]["settings"])?;
    let Some(members) = manifest.get("members").and_then(Value::as_array) else {
        return Ok(vec![Member::of_judge(manifest, own).await?]);
    };
    let first = if own.cascade.is_empty() { own.members.len() } else { 1 };
    let mut all = Vec::new();
    for (place, part) in members.iter().enumerate() {
        let member = Member::of_judge(part, settings(&part["settings"])?).await?;
        let name = part["name"].as_str().map(ToOwned::to_owned);
        all.push(Member { name, is_certain: place < first, ..member });
    }
    Ok(all)
}

impl Member {
    /// A judge: its settings, and its prompt and model from the manifest.
    ///
    /// # Errors
    /// The prompt cannot be read, or its marks were made with another secret.
    pub(super) async fn of_judge(part: &Value, settings: Settings) -> Result<Self> {
        let prompt = prompt(&part["prompt"])?;
        let secret = manifest::secret();
        let known = part["prompt"].get("empty_mark").and_then(Value::as_str);
        let own = prompt.mark(&Item::new(), secret.as_deref());
        if known.is_some() && known != own.as_deref() {
            return Err(no("the run had another TRIBUNAL_SECRET, from which its marks are made"));
        }
        let builder = Resolved::stored(settings, prompt).builder()?;
        let builder = match secret {
            Some(secret) => builder.secret(secret),
            None => builder,
        };
        Self::built(part, builder).await
    }

    /// A policy with the settings of a judge.
    ///
    /// # Errors
    /// The prompt cannot be read.
    pub(super) async fn of_policy(part: &Value, settings: Settings) -> Result<Self> {
        let builder = Resolved::stored(settings, prompt(&part["prompt"])?).builder()?;
        Self::built(part, builder).await
    }

    /// A policy, a critic or another writer: its prompt with these fields.
    ///
    /// # Errors
    /// The manifest is one of an earlier version, without its prompt.
    pub(super) async fn of_writer(part: &Value, fields: FieldMap) -> Result<Self> {
        let builder = Judge::builder().with_prompt(prompt(&part["prompt"])?).fields(fields);
        Self::built(part, builder).await
    }

    async fn built(part: &Value, builder: JudgeBuilder) -> Result<Self> {
        let judge = builder.backend(Script::always("")).build().await?;
        let facts = judge.facts().await;
        let model = part["model"]["name"].as_str().unwrap_or_default().to_owned();
        Ok(Self { name: None, model, judge, facts, is_certain: true })
    }

    /// Its name on the page.
    pub(super) fn shown(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.model)
    }
}

/// The members of a judge, which see an item together.
pub(super) struct Members {
    pub(super) all: Vec<Member>,
    /// Whether all of them rename fields alike, once for all of them.
    is_alike: bool,
}

impl Members {
    /// The judge of a manifest.
    ///
    /// # Errors
    /// The manifest lacks a part, or the judge runs code.
    pub(super) async fn new(manifest: &Value) -> Result<Self> {
        if manifest["prompt"]["source"].is_null() && manifest["members"].is_null() {
            return Err(without_prompts());
        }
        let all = members(manifest).await?;
        let is_alike = all.windows(2).all(|two| match two {
            [one, other] => one.judge.field_map() == other.judge.field_map(),
            _ => true,
        });
        Ok(Self { all, is_alike })
    }

    /// The item as the judge sees it.
    ///
    /// # Errors
    /// The record lacks a field that is to be renamed.
    pub(super) fn seen(&self, item: &Item) -> Result<Item> {
        match self.all.first().filter(|_| self.is_alike) {
            Some(first) => first.judge.seen(item),
            None => Ok(item.clone()),
        }
    }
}

/// The manifest's part under this key; `None` where it says that there is none.
///
/// # Errors
/// The manifest is one of an earlier version, which does not tell.
pub(super) fn part<'m>(manifest: &'m Value, key: &str) -> Result<Option<&'m Value>> {
    let part = manifest.get(key).ok_or_else(without_prompts)?;
    Ok(Some(part).filter(|part| !part.is_null()))
}

/// The error of a manifest of an earlier version, which does not tell what was asked.
fn without_prompts() -> Error {
    no("the manifest was written by an earlier version, and has no prompts")
}

/// Checks that a line was made with the prompt of the manifest.
///
/// # Errors
/// It was not.
pub(super) fn check_prompt(line: &PromptLine, part: &Value) -> Result<()> {
    match part["prompt"]["hash"].as_str() {
        Some(hash) if hash == line.hash => Ok(()),
        _ => Err(no("the manifest is of another prompt")),
    }
}

/// Notes that requests of a check are left out, if a model checks.
pub(super) fn leave_check(asked: &mut Asked, check: Option<&Value>) {
    let model = check.and_then(|check| check["model"]["name"].as_str()).unwrap_or_default();
    if !model.is_empty() && !model.starts_with("check:") {
        asked.leave("What the check of the answers was asked is left out.");
    }
}

/// What was asked about one record, as far as it can be told.
#[derive(Default)]
pub(super) struct Asked {
    sent: Vec<SentRequest>,
    left: BTreeSet<String>,
}

impl Asked {
    /// Notes in one sentence what is not shown, and why.
    pub(super) fn leave(&mut self, why: impl Into<String>) {
        self.left.insert(why.into());
    }

    /// Adds the requests with which a judge begins about an item; `what` says what it is about.
    ///
    /// # Errors
    /// The item lacks a field.
    pub(super) async fn by_all(
        &mut self,
        members: &Members,
        what: &str,
        item: &Item,
    ) -> Result<()> {
        for member in &members.all {
            if member.is_certain {
                let all = if members.is_alike {
                    member.judge.rehearse_seen(item).await?
                } else {
                    member.judge.rehearse(item).await?
                };
                self.add(member, what, all);
            } else {
                self.leave_later();
            }
        }
        Ok(())
    }

    /// Notes that a judge which others may have made needless is left out.
    pub(super) fn leave_later(&mut self) {
        self.leave("Judges that are asked only where others do not decide are left out.");
    }

    /// The same of a policy, or of a judge that renames fields for itself.
    ///
    /// # Errors
    /// The item lacks a field.
    pub(super) async fn by(&mut self, member: &Member, what: &str, item: &Item) -> Result<()> {
        let all = member.judge.rehearse(item).await?;
        self.add(member, what, all);
        Ok(())
    }

    /// Adds requests of one judge or policy. Equal requests of several draws are one.
    fn add(&mut self, member: &Member, what: &str, all: Vec<(AskId, Request)>) {
        let has_orders = all.iter().any(|(id, _)| id.order > 0);
        let mut shown: Vec<(SentRequest, usize)> = Vec::new();
        for (id, request) in all {
            if let Some(why) = left_out(member, &id) {
                self.leave(why);
                continue;
            }
            let place = place(&id, has_orders);
            let name = format!("{}: {what}{place}", member.shown());
            let sent = SentRequest { name, messages: messages(&request) };
            match shown.iter_mut().find(|(known, _)| *known == sent) {
                Some((_, draws)) => *draws += 1,
                None => shown.push((sent, 1)),
            }
        }
        self.sent.extend(shown.into_iter().map(|(sent, draws)| drawn(sent, draws)));
    }

    /// The requests, with what is left out. Of very many the first ones are shown.
    pub(super) fn done(mut self) -> SentRequests {
        if self.sent.len() > MOST {
            let all = self.sent.len();
            self.leave(format!("The first {MOST} of {all} requests are shown."));
            self.sent.truncate(MOST);
        }
        let left: Vec<String> = self.left.into_iter().collect();
        SentRequests { shown: self.sent, note: left.join(" ") }
    }
}

/// Why a request is not shown; `None` if it certainly was sent as it is.
fn left_out(member: &Member, id: &AskId) -> Option<&'static str> {
    if id.step > 0 {
        return Some(
            "Later requests of a conversation are left out: they hold answers, which these results do not keep.",
        );
    }
    let is_certain = member.judge.is_certain(id);
    (!is_certain).then_some(
        "Further draws and orders are left out: whether they were asked for is not kept.",
    )
}

/// Which order and part of a record a request is about, in words after its name.
fn place(id: &AskId, has_orders: bool) -> String {
    let order = has_orders.then(|| format!(", order {}", id.order + 1));
    let part = id.element.map(|at| format!(", part {at}"));
    [order, part].into_iter().flatten().collect()
}

/// A request with the number of its draws in its name, if there are several.
fn drawn(sent: SentRequest, draws: usize) -> SentRequest {
    match draws {
        1 => sent,
        _ => SentRequest { name: format!("{} ({draws} draws)", sent.name), ..sent },
    }
}

/// The messages of a request, each with its role.
pub(super) fn messages(request: &Request) -> Vec<(String, String)> {
    let message =
        |message: &tribunal::request::Message| (message.role.name().to_owned(), message.text());
    request.messages.iter().map(message).collect()
}
