//! `tribunal judge --dry-run`

use std::io::{self, IsTerminal};

use super::{complain, fields::Noticed, input::Records, note, prompts, talk::emit_coloured};
use tribunal::{
    completion::UsageTotal, error::Result, judge::Judge, judging::AskId, request::Request,
};

/// What a run would ask.
#[derive(Default)]
struct Plan {
    records: usize,
    failed: usize,
    calls: usize,
    /// Tokens of the prompts, as far as the model can count them.
    tokens: u64,
    characters: u64,
    uncounted: bool,
    /// Whether later requests hold answers that are not known yet.
    grows: bool,
    /// Most tokens that could be written; `None` where a request has no limit.
    written: Option<u64>,
}

/// Characters of a token, where nobody counts them.
const PER_TOKEN: u64 = 4;

/// Counts what every record would take, and prints the first request.
pub(super) async fn run(
    judge: &Judge,
    records: Records,
    noticed: Option<&mut Noticed>,
) -> Result<()> {
    let mut noticed = noticed;
    let mut plan = Plan { written: Some(0), ..Plan::default() };
    for record in records {
        plan.records += 1;
        let item = match record.item {
            Ok(item) => item,
            Err(error) => {
                plan.failed += 1;
                complain(&error);
                continue;
            }
        };
        if let (Some(noticed), Ok(seen)) = (&mut noticed, judge.seen(&item)) {
            noticed.look(&seen, &record.place);
        }
        match judge.rehearse(&item).await {
            Ok(requests) => {
                if plan.calls == 0 {
                    show(requests.first().map(|(_, request)| request))?;
                }
                plan.grows |= requests.iter().any(|(_, request)| request.messages.len() > 3);
                requests.iter().for_each(|(id, request)| plan.add(judge, id, request));
            }
            Err(error) => {
                plan.failed += 1;
                complain(&error.within(&record.place));
            }
        }
    }
    note(&plan.said(judge));
    Ok(())
}

fn show(first: Option<&Request>) -> Result<()> {
    let Some(request) = first else { return Ok(()) };
    note("the first request:");
    emit_coloured(&mut io::stdout(), &prompts::shown(request, io::stdout().is_terminal()))
}

impl Plan {
    fn add(&mut self, judge: &Judge, id: &AskId, request: &Request) {
        self.calls += 1;
        self.characters += request
            .messages
            .iter()
            .map(|message| message.text().chars().count() as u64)
            .sum::<u64>();
        match judge.backend_of(id).and_then(|model| model.prompt_tokens(request)) {
            Some(tokens) => self.tokens += tokens as u64,
            None => self.uncounted = true,
        }
        self.grows |= request.open
            && request.messages.last().is_some_and(|message| !message.parts.is_empty());
        let most = request.sampling.max_tokens.map(u64::from);
        self.written = self.written.zip(most).map(|(sum, most)| sum + most);
    }

    fn said(&self, judge: &Judge) -> String {
        let Self { records, failed, calls, .. } = self;
        let model = judge.name();
        let able = records - failed;
        let broken =
            if *failed > 0 { format!(", {failed} cannot be judged") } else { String::new() };
        let lines = [
            format!("{able} of {records} records{broken}"),
            format!("calls of {model}: {calls}"),
            format!("prompt tokens: {}", self.prompts()),
            match self.written {
                Some(most) => format!("tokens written: {most} at most"),
                None => "tokens written: no limit is set (--max-tokens sets one)".into(),
            },
            format!("cost: {}", self.cost(judge)),
            "nothing was asked".into(),
        ];
        lines.join("\n")
    }

    fn prompts(&self) -> String {
        let more = if self.grows {
            ", and more where a later request holds an earlier answer"
        } else {
            ""
        };
        if self.uncounted {
            let about = self.characters / PER_TOKEN;
            return format!(
                "about {about} ({} characters; only the server can count them){more}",
                self.characters
            );
        }
        format!("{}{more}", self.tokens)
    }

    fn cost(&self, judge: &Judge) -> String {
        let Some(price) = judge.price() else {
            if !self.uncounted {
                return "no price is set, and the model runs in this process".into();
            }
            return "unknown: no prices are set ([model.NAME] price in tribunal.toml)".into();
        };
        let prompt = if self.uncounted { self.characters / PER_TOKEN } else { self.tokens };
        let least = price.at_least(UsageTotal::new(prompt, 0));
        match self.written {
            Some(completion) => {
                let most = price.at_least(UsageTotal::new(prompt, completion));
                format!(
                    "about {least:.4} for the prompts, {most:.4} at most with all that may be written"
                )
            }
            None => format!("about {least:.4} for the prompts; what is written has no limit"),
        }
    }
}
