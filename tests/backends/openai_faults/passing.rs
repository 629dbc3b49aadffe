//! Faults that pass: the same request may succeed later.

use serde_json::json;
use tribunal::error::ErrorKind::{Overloaded, RateLimited, TimedOut};

use super::{Class::Passes, Fault, error, headed, row, said, text, waits};
use crate::support::Reply;

/// What passes: statuses, in whatever words.
pub(super) fn busy() -> Vec<Fault> {
    vec![
        row("408", text(408, "<html>"), (TimedOut, 408, Passes), "408 Request Timeout: <html>"),
        row("409, a lock", text(409, "x"), (Overloaded, 409, Passes), "409 Conflict"),
        row("424, a part that failed", text(424, ""), (Overloaded, 424, Passes), "424"),
        row("425", text(425, ""), (Overloaded, 425, Passes), "425"),
        row("429, html", text(429, "<html>"), (RateLimited, 429, Passes), "<html>"),
        row("429, empty", text(429, ""), (RateLimited, 429, Passes), "429 Too Many Requests"),
        row("429, text", text(429, "slow"), (RateLimited, 429, Passes), "slow"),
        row("429, a number as code", error(429, "code", 429), (RateLimited, 429, Passes), "m"),
        row(
            "429, FastAPI",
            Reply::error(429, &json!({"detail": "calm"})),
            (RateLimited, 429, Passes),
            "calm",
        ),
        row(
            "429, words of a quota for a limit of rates",
            Reply::error(
                429,
                &json!([{"error": {
                    "code": 429,
                    "status": "RESOURCE_EXHAUSTED",
                    "message": "You exceeded your current quota, please check your plan and billing details.",
                }}]),
            ),
            (RateLimited, 429, Passes),
            "exceeded your current quota",
        ),
        row("499, a proxy that gave up", text(499, ""), (Overloaded, 499, Passes), "499"),
        row("500", text(500, "\u{1b}[2Jboo"), (Overloaded, 500, Passes), r"\u{1b}[2Jboo"),
        row("502, html", text(502, "<html>bad"), (Overloaded, 502, Passes), "<html>bad"),
        row(
            "503, a model that loads",
            Reply::error(
                503,
                &json!({"error": {
                    "code": 503, "message": "Loading model", "type": "unavailable_error",
                }}),
            ),
            (Overloaded, 503, Passes),
            "Loading model",
        ),
        row("504", text(504, ""), (TimedOut, 504, Passes), "504 Gateway Timeout"),
        row("520", text(520, ""), (Overloaded, 520, Passes), "520"),
        row("522", text(522, ""), (TimedOut, 522, Passes), "522"),
        row("524", text(524, ""), (TimedOut, 524, Passes), "524"),
        row("529", error(529, "type", "overloaded_error"), (Overloaded, 529, Passes), "529"),
    ]
}

/// What passes after a time that the server names.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn limited() -> Vec<Fault> {
    const NOON: (&str, &str) = ("date", "Wed, 21 Oct 2015 12:00:00 GMT");
    vec![
        waits("Retry-After in seconds", headed(429, &[("retry-after", "3")], ""), 3.0),
        waits("a fraction", headed(429, &[("retry-after", "0.5")], ""), 0.5),
        waits("now", headed(429, &[("retry-after", "0")], ""), 0.0),
        waits("a day", headed(429, &[("retry-after", "86400")], "tomorrow"), 86_400.0),
        waits(
            "milliseconds",
            headed(429, &[("retry-after-ms", "250"), ("retry-after", "9")], ""),
            0.25,
        ),
        waits(
            "a date",
            headed(429, &[("retry-after", "Wed, 21 Oct 2015 12:00:40 GMT"), NOON], ""),
            40.0,
        ),
        waits(
            "OpenAI's limits, of which one is used up",
            headed(
                429,
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m30s"),
                    ("x-ratelimit-remaining-tokens", "9000"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                "",
            ),
            90.0,
        ),
        waits(
            "Anthropic's",
            headed(
                429,
                &[
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    ("anthropic-ratelimit-tokens-reset", "2015-10-21T12:00:07Z"),
                    NOON,
                ],
                "",
            ),
            7.0,
        ),
        waits(
            "the standard's",
            headed(429, &[("ratelimit", "limit=9, remaining=0, reset=30")], ""),
            30.0,
        ),
        waits(
            "words before the limits of headers",
            headed(
                429,
                &[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")],
                r#"{"error":{"message":"Please try again in 350ms."}}"#,
            ),
            0.35,
        ),
        waits(
            "OpenAI's words",
            said(429, "Rate limit reached for m. Please try again in 22s. See"),
            22.0,
        ),
        waits("Groq's words", said(429, "Please try again in 1m2.5s. Need more tokens?"), 62.5),
        waits("Azure's words", said(429, "Please retry after 26 seconds."), 26.0),
        waits(
            "Gemini's field",
            Reply::error(
                429,
                &json!([{"error": {
                    "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota",
                    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "22s"}],
                }}]),
            ),
            22.0,
        ),
        waits(
            "another's field",
            Reply::error(429, &json!({"message": "x", "retry_after": 0.3})),
            0.3,
        ),
        waits(
            "a moment in OpenRouter's metadata, long past",
            Reply::error(
                429,
                &json!({"error": {
                    "message": "free-models-per-min", "code": 429,
                    "metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1445428802000"}},
                }}),
            ),
            0.0,
        ),
        Fault {
            retry_after: Some(5.0),
            ..row(
                "503 with a wait",
                headed(503, &[("retry-after", "5")], ""),
                (Overloaded, 503, Passes),
                "503",
            )
        },
    ]
}
