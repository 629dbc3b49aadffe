//! Converts the errors of other clients.

use crate::error::{Error, ErrorKind};

/// Converts an error of `reqwest`. Timeouts, broken connections and busy servers are transient, and the
/// status of the answer is kept. The URL is left out, because it may contain a secret.
impl From<reqwest::Error> for Error {
    fn from(cause: reqwest::Error) -> Self {
        let status = cause.status().map(|status| status.as_u16());
        let (kind, message) = match status {
            _ if cause.is_timeout() => (ErrorKind::TimedOut, "no answer came in time"),
            Some(status) => (of_status(status), "the server refused the request"),
            None if cause.is_builder() => (ErrorKind::Config, "the request cannot be built"),
            None if cause.is_decode() => (ErrorKind::Model, "the answer cannot be read"),
            None => (ErrorKind::Unreachable, "the connection failed"),
        };
        let error = Self::new(kind, message).because(cause.without_url());
        match status {
            Some(status) => error.with_status(status),
            None => error,
        }
    }
}

/// The kind of error for a status, if the body of the answer is not known.
fn of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Unauthorized,
        402 => ErrorKind::Quota,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::TimedOut,
        413 => ErrorKind::TooLong,
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Overloaded,
        _ => ErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_there_is_transient_and_its_address_is_not_told() {
        let asked = reqwest::get("http://127.0.0.1:1/v1?key=secret").await;
        let error = Error::from(asked.unwrap_err());
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unreachable, true));
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn a_busy_server_may_be_asked_again_and_a_refused_key_ends_the_run() {
        assert!([429, 500, 503, 504].into_iter().all(|status| of_status(status).is_transient()));
        assert!([401, 402, 403].into_iter().all(|status| of_status(status).is_fatal()));
    }
}
