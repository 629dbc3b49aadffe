//! The least that a client of async-openai does: read a record, fill in the question, ask, find the score, and
//! write a line.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Write as _},
};

use async_openai::{
    Client,
    config::OpenAIConfig,
    types::chat::{ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequestArgs},
};
use futures_util::{StreamExt as _, stream};
use regex::Regex;
use serde_json::{Value, json};
use tribunal::{Error, Result};

/// Judges all records of a JSONL file.
///
/// # Errors
/// Any that comes: it knows no retries besides those of async-openai.
pub(crate) async fn run(url: &str, records: &str, out: &str, in_flight: usize) -> Result<()> {
    let config = OpenAIConfig::new().with_api_base(url).with_api_key("none");
    let client = Client::with_config(config);
    let score = Regex::new(r"Score: (\d+)").map_err(Error::other)?;
    let mut out = BufWriter::new(File::create(out).map_err(Error::other)?);
    let lines = BufReader::new(File::open(records).map_err(Error::other)?).lines();
    let judged = stream::iter(lines).map(async |line| {
        let line = line.map_err(Error::other)?;
        let record: Value = serde_json::from_str(&line).map_err(Error::other)?;
        let critique = ask(&client, &record).await?;
        let score = score.captures(&critique).and_then(|found| found[1].parse::<u8>().ok());
        let result = json!({ "id": record["id"], "score": score, "critique": critique });
        Ok::<_, Error>(result.to_string())
    });
    let mut judged = std::pin::pin!(judged.buffer_unordered(in_flight));
    while let Some(line) = judged.next().await {
        writeln!(out, "{}", line?).map_err(Error::other)?;
    }
    out.flush().map_err(Error::other)
}

/// The critique of one record.
async fn ask(client: &Client<OpenAIConfig>, record: &Value) -> Result<String> {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let question = format!(
        "{}\n\nQuestion: {}\n\nAnswer: {}\n",
        crate::cost::RULES,
        text("question"),
        text("answer")
    );
    let message = ChatCompletionRequestUserMessageArgs::default()
        .content(question)
        .build()
        .map_err(Error::other)?;
    let request = CreateChatCompletionRequestArgs::default()
        .model("m")
        .temperature(0.0)
        .max_completion_tokens(512_u32)
        .messages([message.into()])
        .build()
        .map_err(Error::other)?;
    let answer = client.chat().create(request).await.map_err(Error::other)?;
    Ok(answer
        .choices
        .into_iter()
        .next()
        .and_then(|choice| choice.message.content)
        .unwrap_or_default())
}
