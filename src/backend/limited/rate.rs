//! Requests and tokens a minute, as buckets that fill evenly.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that gains so much a minute, and holds what it gains in a short time.
#[derive(Debug)]
pub(super) struct Rate {
    per_minute: f64,
    /// The most that it holds: what may be sent at once after a rest.
    capacity: f64,
    level: f64,
    filled: Instant,
}

impl Rate {
    /// A full bucket that holds the gain of this time, and 1 at least.
    pub(super) fn new(per_minute: f64, holds: Duration) -> Self {
        let capacity = (per_minute / 60.0 * holds.as_secs_f64()).max(1.0);
        Self { per_minute, capacity, level: capacity, filled: Instant::now() }
    }

    /// Takes so much, or says how long to wait for it. What is more than the bucket holds is taken from a
    /// full one, which is then in debt.
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

    /// Takes more, or gives back, once it is known what something took.
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
        // Thirty at once are taken from a full bucket of ten, and the next one waits for the debt.
        assert_eq!(rate.take(30.0), Ok(()));
        assert_eq!(rate.take(1.0), Err(Duration::from_secs(21)));
        rate.correct(-5.0);
        assert_eq!(rate.take(1.0), Err(Duration::from_secs(16)));
    }
}
