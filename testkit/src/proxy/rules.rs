//! What a proxy does at the moment.

use std::num::NonZeroU64;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    /// By lane.
    pub(super) bytes: [AtomicU64; 2],
}

/// What holds for all connections. Connections are numbered as they come.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) lanes: [Lane; 2],
    pub(super) is_refusing: bool,
    /// Connections with lower numbers are reset.
    pub(super) reset_before: u64,
    /// Connections with lower numbers are silent for good.
    pub(super) silent_before: u64,
    /// These are silent for good too.
    pub(super) silent: Vec<u64>,
}

impl Rules {
    pub(super) fn is_silent(&self, connection: u64) -> bool {
        connection < self.silent_before || self.silent.contains(&connection)
    }

    pub(super) fn heal(&mut self) {
        self.lanes = Default::default();
        self.is_refusing = false;
    }
}

/// What happens to bytes in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) latency: Duration,
    pub(super) jitter_max: Duration,
    pub(super) seed: u64,
    pub(super) bytes_per_second: Option<NonZeroU64>,
    pub(super) is_black_hole: bool,
    /// How many bytes pass before a connection is cut.
    pub(super) cut_after: Option<u64>,
}

impl Lane {
    pub(super) const TO_SERVER: usize = 0;
    pub(super) const TO_CLIENT: usize = 1;

    /// How much later the piece with this number arrives than it was sent.
    pub(super) fn delay(&self, connection: u64, piece: u64) -> Duration {
        if self.jitter_max.is_zero() {
            return self.latency;
        }
        let mut chance = fastrand::Rng::with_seed(self.seed);
        for number in [connection, piece] {
            chance = fastrand::Rng::with_seed(chance.u64(..) ^ number);
        }
        self.latency + self.jitter_max.mul_f64(chance.f64())
    }

    /// How many of so many bytes go now, and how long the rest waits: at most
    /// a twentieth of a second's worth of a throttled lane.
    pub(super) fn slice(&self, len: usize) -> (usize, Duration) {
        let Some(rate) = self.bytes_per_second else {
            return (len, Duration::ZERO);
        };
        let most = usize::try_from(rate.get() / 20).unwrap_or(usize::MAX);
        let slice = len.min(most.max(1));
        (
            slice,
            Duration::from_secs_f64(slice as f64 / rate.get() as f64),
        )
    }

    /// Takes so many bytes, or fewer up to the cut, from those that pass
    /// before it. True if it is reached: it is over then.
    pub(super) fn pass(&mut self, len: usize) -> (usize, bool) {
        let Some(left) = self.cut_after else {
            return (len, false);
        };
        let passed = usize::try_from(left).unwrap_or(usize::MAX).min(len);
        let left = left - passed as u64;
        self.cut_after = (left > 0).then_some(left);
        (passed, left == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_follows_from_its_seed_and_stays_in_its_bounds() {
        let jitter_max = Duration::from_millis(10);
        let lane = |seed| Lane {
            latency: Duration::from_millis(5),
            jitter_max,
            seed,
            ..Lane::default()
        };
        let delays =
            |seed| -> Vec<_> { (0..50).map(|n| lane(seed).delay(n / 10, n % 10)).collect() };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
        let bounds = Duration::from_millis(5)..Duration::from_millis(15);
        assert!(delays(3).iter().all(|delay| bounds.contains(delay)));
    }

    #[test]
    fn a_throttled_lane_passes_its_rate_in_slices() {
        let mut lane = Lane::default();
        assert_eq!(lane.slice(1000), (1000, Duration::ZERO));
        lane.bytes_per_second = NonZeroU64::new(2000);
        assert_eq!(lane.slice(1000), (100, Duration::from_millis(50)));
        lane.bytes_per_second = NonZeroU64::new(2);
        assert_eq!(lane.slice(1000), (1, Duration::from_millis(500)));
    }

    #[test]
    fn a_cut_comes_once_after_exactly_its_bytes() {
        let mut lane = Lane {
            cut_after: Some(5),
            ..Lane::default()
        };
        assert_eq!(lane.pass(3), (3, false));
        assert_eq!(lane.pass(3), (2, true));
        assert_eq!(lane.pass(3), (3, false));
    }
}
