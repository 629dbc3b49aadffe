//! Faults that stay: of one request, or of all.

use serde_json::json;
use tribunal::error::ErrorKind::{NotFound, Overloaded, Quota, Refused, TooLong, Unauthorized};

use super::{
    Class::{Record, Run},
    Fault, error, headed, row, said, text,
};
use crate::support::{Reply, openai::KEY};

/// What ends the run: no request can succeed.
pub(super) fn fatal() -> Vec<Fault> {
    let google = json!([{"error": {
        "code": 400, "status": "INVALID_ARGUMENT",
        "message": "API key not valid. Please pass a valid API key.",
    }}]);
    let moderated = json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}});
    vec![
        row("401", text(401, "no key"), (Unauthorized, 401, Run), "OPENAI_API_KEY"),
        row(
            "401 that repeats the key",
            text(401, &format!("Incorrect API key: {KEY}")),
            (Unauthorized, 401, Run),
            "***",
        ),
        row("403, html", text(403, "<html>"), (Unauthorized, 403, Run), "403 Forbidden"),
        row("407", text(407, ""), (Unauthorized, 407, Run), "HTTPS_PROXY"),
        row(
            "400 by code",
            error(400, "code", "invalid_api_key"),
            (Unauthorized, 400, Run),
            "OPENAI_API_KEY",
        ),
        row(
            "400 by words",
            Reply::error(400, &google),
            (Unauthorized, 400, Run),
            "API key not valid",
        ),
        row("402", text(402, "pay"), (Quota, 402, Run), "402 Payment Required: pay"),
        row("429 by type", error(429, "type", "insufficient_quota"), (Quota, 429, Run), "credit"),
        row("429 by code", error(429, "code", "insufficient_quota"), (Quota, 429, Run), "credit"),
        row(
            "429 by words",
            said(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
            ),
            (Quota, 429, Run),
            "credit",
        ),
        row(
            "400 by Anthropic's words",
            said(400, "Your credit balance is too low"),
            (Quota, 400, Run),
            "credit",
        ),
        row("404 of an API", error(404, "code", 404), (NotFound, 404, Run), "base_url"),
        row(
            "404, Ollama",
            Reply::error(404, &json!({"error": "model 'm' not found"})),
            (NotFound, 404, Run),
            "model 'm' not found",
        ),
        row(
            "400 for a model",
            said(400, "m is not a valid model ID"),
            (NotFound, 400, Run),
            "valid model",
        ),
        row("a redirect", text(302, ""), (NotFound, 302, Run), "redirects are not followed"),
        row("200 with a wrong key", error(200, "code", 401), (Unauthorized, 401, Run), "401"),
        row("200 without credit", Reply::error(200, &moderated), (Quota, 200, Run), "credit"),
    ]
}

/// What fails one request and no other.
pub(super) fn refused() -> Vec<Fault> {
    let with_text = |status, body| headed(status, &[("x-should-retry", "false")], body);
    vec![
        row("400", error(400, "code", 400), (Refused, 400, Record), "400 Bad Request: m"),
        row(
            "422",
            Reply::error(422, &json!({"detail": [{"msg": "field required"}]})),
            (Refused, 422, Record),
            "field required",
        ),
        row(
            "a filter",
            error(400, "code", "content_filter"),
            (Refused, 400, Record),
            "refuses to read",
        ),
        row("451", text(451, ""), (Refused, 451, Record), "refuses to read"),
        row(
            "403 of a moderator",
            Reply::error(
                403,
                &json!({"error": {"code": 403, "message": "flagged", "metadata": {"flagged_input": "x"}}}),
            ),
            (Refused, 403, Record),
            "flagged",
        ),
        row("501", text(501, ""), (Refused, 501, Record), "501"),
        row("505", text(505, ""), (Refused, 505, Record), "505"),
        row("503 that is final", with_text(503, "gone"), (Overloaded, 503, Record), "gone"),
        row(
            "too long by code",
            error(400, "code", "context_length_exceeded"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row(
            "llama.cpp's words",
            said(400, "the request exceeds the available context size"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row(
            "Anthropic's words",
            said(400, "prompt is too long: 210000 tokens > 200000"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row(
            "Groq's words",
            said(400, "Please reduce the length of the messages"),
            (TooLong, 400, Record),
            "shorten",
        ),
        row("413", text(413, ""), (TooLong, 413, Record), "shorten"),
        row(
            "429 that no wait mends",
            said(
                429,
                "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000.",
            ),
            (TooLong, 429, Record),
            "shorten",
        ),
        row(
            "200 that refuses",
            error(200, "type", "invalid_request_error"),
            (Refused, 200, Record),
            "400",
        ),
    ]
}
