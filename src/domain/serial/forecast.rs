//! How long serial numbers last: the daily rate from past days, and what follows from it for the stock of a delegate.
//!
//! Pure arithmetic over counts; whose they are and where they are kept is not its business. It forecasts no seasons and no campaigns:
//! an agreement's minimum is for those.

/// How many whole days are looked at.
pub const WINDOW_DAYS: usize = 28;

/// After how many days a day weighs half as much.
const HALF_LIFE_DAYS: f64 = 7.0;

/// When numbers are asked for by themselves, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Replenish {
    /// Unused numbers below which the stock is low.
    pub minimum: u64,
    /// Unused numbers up to which the hub asks by itself; none: it only raises an alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<u64>,
    /// The stock is also low if it lasts for fewer days than this at the present rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_of_cover: Option<u16>,
}

/// Numbers used a day, on average over the last whole days; later days weigh more.
///
/// `used` is by whole day, oldest first, the last is yesterday; of more than [`WINDOW_DAYS`] the last count. Days before the first use
/// do not count: what was begun on Monday is not four weeks of nothing.
#[must_use]
pub fn rate_per_day(used: &[u64]) -> f64 {
    let window = &used[used.len().saturating_sub(WINDOW_DAYS)..];
    let begun = window.iter().position(|count| *count > 0).unwrap_or(window.len());
    let (mut sum, mut weights, mut weight) = (0.0, 0.0, 1.0);
    for count in window[begun..].iter().rev() {
        sum += weight * *count as f64;
        weights += weight;
        weight *= 0.5_f64.powf(1.0 / HALF_LIFE_DAYS);
    }
    if weights > 0.0 { sum / weights } else { 0.0 }
}

/// What a stock comes to at a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// Unused numbers.
    pub unused: u64,
    /// Numbers used a day.
    pub rate_per_day: f64,
    /// How many days the stock lasts; none if nothing is used.
    pub days_of_cover: Option<f64>,
    /// Below how many unused numbers the stock is low; zero if nobody said.
    pub low_below: u64,
}

impl Outlook {
    /// Of a stock under a rule; without one nothing is low.
    #[must_use]
    pub fn new(unused: u64, rate_per_day: f64, rule: Option<&Replenish>) -> Self {
        let days_of_cover = days_left(unused, rate_per_day);
        Self {
            unused,
            rate_per_day,
            days_of_cover,
            low_below: rule.map_or(0, |rule| low_below(rule, rate_per_day)),
        }
    }

    /// Whether somebody should act.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.unused < self.low_below
    }

    /// How many numbers fill the stock up, if it is low and the rule says to fill it.
    #[must_use]
    pub fn wanted(&self, rule: &Replenish) -> Option<u64> {
        let wanted = rule.maximum?.saturating_sub(self.unused);
        (self.is_low() && wanted > 0).then_some(wanted)
    }
}

/// How many days numbers last at a rate; none if none is used.
#[must_use]
pub fn days_left(left: u64, rate_per_day: f64) -> Option<f64> {
    (rate_per_day > 0.0).then(|| left as f64 / rate_per_day)
}

/// The larger of the two levels; no more than the maximum, or a fast line would ask without end.
fn low_below(rule: &Replenish, rate_per_day: f64) -> u64 {
    // A float that is too large for the type becomes its greatest value.
    let for_days = rule
        .days_of_cover
        .map_or(0, |days| (rate_per_day * f64::from(days)).ceil() as u64);
    rule.minimum.max(for_days).min(rule.maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_use_is_its_own_rate() {
        let check = |used: &[u64], expect: f64| {
            let rate = rate_per_day(used);
            assert!((rate - expect).abs() < 0.01, "{used:?}: {rate}");
        };
        check(&[], 0.0);
        check(&[0; 28], 0.0);
        check(&[1_000; 28], 1_000.0);
        check(&[1_000; 3], 1_000.0);
        // Begun three days ago.
        check(&[0, 0, 0, 0, 600, 600, 600], 600.0);
        // A weekend at rest is part of the rate.
        check(&[0, 0, 0], 0.0);
        // Of a longer past only the window counts.
        let mut long = vec![9_999_999; 100];
        long.extend([10; WINDOW_DAYS]);
        check(&long, 10.0);
    }

    #[test]
    fn what_was_used_lately_weighs_more() {
        let rising = rate_per_day(&[0, 100, 100, 100, 100, 100, 100, 100, 900]);
        let falling = rate_per_day(&[0, 900, 100, 100, 100, 100, 100, 100, 100]);
        assert!(rising > falling + 50.0, "{rising} {falling}");
        // Seven days later it weighs half.
        let (today, week_ago) = (
            rate_per_day(&[1, 0, 0, 0, 0, 0, 0, 1]),
            rate_per_day(&[2, 0, 0, 0, 0, 0, 0, 0]),
        );
        assert!(((today - week_ago) * 1e6).round() > 0.0);
    }

    #[test]
    fn a_stock_is_low_below_its_minimum_or_its_days() {
        let rule = |minimum, maximum, days_of_cover| Replenish {
            minimum,
            maximum,
            days_of_cover,
        };
        let check = |unused, rate, rule: Replenish, low: bool, wanted: Option<u64>| {
            let outlook = Outlook::new(unused, rate, Some(&rule));
            assert_eq!(
                (outlook.is_low(), outlook.wanted(&rule)),
                (low, wanted),
                "{outlook:?} {rule:?}"
            );
        };
        check(99, 0.0, rule(100, None, None), true, None);
        check(100, 0.0, rule(100, None, None), false, None);
        check(99, 0.0, rule(100, Some(1_000), None), true, Some(901));
        check(100, 0.0, rule(100, Some(1_000), None), false, None);
        // Ten days at 50 a day.
        check(499, 50.0, rule(100, Some(1_000), Some(10)), true, Some(501));
        check(500, 50.0, rule(100, Some(1_000), Some(10)), false, None);
        // A rate beyond the maximum fills up to the maximum and no further.
        check(1_000, 1e9, rule(100, Some(1_000), Some(10)), false, None);
        check(999, 1e30, rule(100, Some(1_000), Some(10)), true, Some(1));
        check(0, 0.0, rule(0, Some(1_000), Some(10)), false, None);
        assert!(!Outlook::new(0, 10.0, None).is_low());
    }

    #[test]
    fn cover_is_stock_over_rate() {
        assert_eq!(Outlook::new(70, 10.0, None).days_of_cover, Some(7.0));
        assert_eq!(Outlook::new(70, 0.0, None).days_of_cover, None);
    }
}
