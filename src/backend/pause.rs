//! The only place where layers wait for a time.

use std::time::Duration;

/// Waits for this time.
#[expect(
    clippy::disallowed_methods,
    reason = "layers wait here and nowhere else, so that tests can pause time"
)]
pub(super) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
