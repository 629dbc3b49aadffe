//! Limits per minute, as token buckets that fill at an even pace.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that fills by a fixed amount per minute, up to the amount of a short time.
#[derive(Debug)]
pub(super) struct Rate {
    /// The amount that is added per minute.
    per_minute: f64,
    /// The most that it holds, which is what may be sent at once after a pause.
    capacity: f64,
    /// The current amount; negative while the bucket is in debt.
    level: f64,
    /// When the amount was last updated.
    filled: Instant,
}

impl Rate {
    /// A full bucket with the capacity of this time, and at least 1.
    pub(super) fn new(per_minute: f64, holds: Duration) -> Self {
        let capacity = (per_minute / 60.0 * holds.as_secs_f64()).max(1.0);
        Self { per_minute, capacity, level: capacity, filled: Instant::now() }
    }

    /// Removes this amount, or returns how long to wait for it.
    ///
    /// An amount above the capacity is removed from a full bucket, which is then in debt.
    ///
    /// # Errors
    /// The time after which the bucket holds enough.
    pub(super) fn take(&mut self, amount: f64) -> Result<(), Duration> {
        let now = Instant::now();
        let gained = (now - self.filled).as_secs_f64() * self.per_minute / 60.0;
        self.filled = now;
        self.level = (self.level + gained).min(self.capacity);
        let missing = amount.min(self.capacity) - self.level;
        if missing <= 0.0 {
            self.level -= amount;
            return Ok(());
        }
        let wait = Duration::try_from_secs_f64(missing * 60.0 / self.per_minute);
        Err(wait.unwrap_or(Duration::MAX).max(Duration::from_millis(1)))
    }

    /// Removes a further amount, or adds it back if `more` is negative, once the real amount is known.
    pub(super) fn correct(&mut self, more: f64) {
        self.level = (self.level - more).min(self.capacity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_fills_evenly_and_lends_what_it_cannot_hold() {
        let mut rate = Rate::new(60.0, Duration::from_secs(10));
        assert_eq!(rate.take(10.0), Ok(()));
        assert_eq!(rate.take(1.0), Err(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(rate.take(1.0), Ok(()));
        tokio::time::advance(Duration::from_secs(60)).await;
        // Thirty are removed from a full bucket of ten, and the next request waits until the debt is paid.
        assert_eq!(rate.take(30.0), Ok(()));
        assert_eq!(rate.take(1.0), Err(Duration::from_secs(21)));
        rate.correct(-5.0);
        assert_eq!(rate.take(1.0), Err(Duration::from_secs(16)));
    }
}
