//! How fast bytes may go by, all workers together (`--bwlimit`). Pure: moments are given.

use std::num::NonZeroU64;
use std::time::Duration;

/// Time that was not used and still counts: short, so that a rest is not followed by a flood.
const MOST_CREDIT: Duration = Duration::from_millis(100);

/// A bucket of time that fills by itself and that bytes are paid from.
///
/// In any stretch of time no more bytes are let go than the rate gives, and one tenth of a second's
/// worth of them.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: NonZeroU64,
    /// Until when all that was let go has been paid for.
    paid_until: Duration,
}

impl Pace {
    /// So many bytes a second.
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second, paid_until: Duration::ZERO }
    }

    /// When the next `bytes` may go, asked for at `now`; both moments since one that does not change.
    pub fn admit(&mut self, bytes: u64, now: Duration) -> Duration {
        let cost = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        let cost = Duration::from_nanos(u64::try_from(cost).unwrap_or(u64::MAX));
        let start = self.paid_until.max(now.saturating_sub(MOST_CREDIT));
        self.paid_until = start.saturating_add(cost);
        self.paid_until
    }

    /// How many bytes are best moved at once: some eight times a second, in whole pages, no more than
    /// `most`.
    pub fn step(&self, most: usize) -> usize {
        let step = self.bytes_per_second.get() / 8 / PAGE_BYTES * PAGE_BYTES;
        usize::try_from(step.max(PAGE_BYTES)).map_or(most, |step| step.min(most))
    }
}

/// What steps are a multiple of.
const PAGE_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use super::Pace;

    fn pace(rate: u64) -> Pace {
        Pace::new(NonZeroU64::new(rate).unwrap())
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn bytes_go_one_after_the_other_whoever_asks() {
        let mut pace = pace(1000);
        let start = ms(5000);
        assert_eq!(pace.admit(500, start), ms(5400), "a tenth of a second was saved");
        assert_eq!(pace.admit(500, start), ms(5900));
        assert_eq!(pace.admit(250, ms(5300)), ms(6150));
    }

    #[test]
    fn a_rest_saves_no_more_than_a_tenth_of_a_second() {
        let mut pace = pace(1000);
        assert_eq!(pace.admit(100, ms(1000)), ms(1000));
        assert_eq!(pace.admit(300, ms(60_000)), ms(60_200));
    }

    #[test]
    fn no_stretch_of_time_has_more_than_its_rate_and_the_credit() {
        let mut pace = pace(10_000);
        let mut gone = Vec::new();
        // Asked for in bursts and rests: when each hundred bytes went.
        for burst in 0..50 {
            for _ in 0..burst % 7 {
                gone.push(pace.admit(100, ms(burst * 37)));
            }
        }
        for (first, from) in gone.iter().enumerate() {
            for (last, to) in gone.iter().enumerate().skip(first) {
                let bytes = (last - first) as u128 * 100;
                assert!(bytes * 1000 <= (to.saturating_sub(*from) + ms(100)).as_millis() * 10_000);
            }
        }
    }

    #[test]
    fn nothing_overflows() {
        let mut pace = pace(1);
        pace.admit(u64::MAX, ms(0));
        assert_eq!(pace.admit(u64::MAX, ms(0)), Duration::from_nanos(u64::MAX) * 2);
    }

    #[test]
    fn steps_are_whole_pages() {
        for (rate, step) in [(1, 4096), (100_000, 12_288), (1 << 20, 131_072), (1 << 40, 262_144)] {
            assert_eq!(pace(rate).step(262_144), step, "{rate}");
        }
    }
}
