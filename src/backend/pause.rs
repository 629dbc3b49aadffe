//! The one place below which layers wait.

use std::time::Duration;

/// Waits so long.
#[expect(
    clippy::disallowed_methods,
    reason = "layers wait here and nowhere else, so that tests can pause time"
)]
pub(super) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
