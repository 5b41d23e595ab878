//! Totals of events.

use async_graphql::{Enum, InputObject, SimpleObject};

use crate::domain::gs1::Gtin;
use crate::domain::time::Month;
use crate::domain::total::Total;
use crate::service::total::Wanted;

use super::refusal::{Answer, bad_input};
use super::scalar::Long;

/// Over which events a total is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TotalBasis {
    /// Events that the caller sees; of those that it sees in part, what is of its own products.
    Seen,
    /// Events that it does not see, of several parties together.
    Others,
}

/// Which totals.
#[derive(Debug, Default, InputObject)]
pub struct EventTotalFilter {
    /// Business steps by their CBV names, such as `shipping`; one of them.
    biz_steps: Option<Vec<String>>,
    /// First calendar month in UTC, as `2026-11`; two before the last if not given.
    from_month: Option<String>,
    /// Products; one of them. Things of no product are left out then.
    gtins: Option<Vec<String>>,
    /// Last calendar month; the present one if not given. At most 12 months.
    to_month: Option<String>,
}

impl EventTotalFilter {
    /// What the service is asked.
    pub fn wanted(self) -> Answer<Wanted> {
        let month = |name: &str, text: Option<String>| -> Answer<Option<Month>> {
            let read = text.map(|text| text.parse::<Month>()).transpose();
            read.map_err(|error| bad_input(format!("`{name}`: {error}")))
        };
        let gtin = |text: &String| -> Answer<Gtin> { text.parse().map_err(|error| bad_input(format!("`gtins`: {error}"))) };
        Ok(Wanted {
            from: month("fromMonth", self.from_month)?,
            to: month("toMonth", self.to_month)?,
            gtins: self.gtins.unwrap_or_default().iter().map(gtin).collect::<Answer<_>>()?,
            steps: self.biz_steps.unwrap_or_default(),
        })
    }
}

/// How many things events of one month, country, business step and product name. A container that something is put into or taken out of is
/// not counted; a logistic unit is one thing, whatever it contains.
#[derive(Debug, Clone, SimpleObject)]
pub struct EventTotal {
    /// Over which events.
    basis: TotalBasis,
    /// Business step, by its CBV name where it has one.
    biz_step: Option<String>,
    /// ISO 3166-1 alpha-2. Null: a place that the caller may not know, or that is no site of the party's; of others' events also the
    /// countries together of which none can be told alone.
    country: Option<String>,
    /// GTIN-14; null for things of no product.
    gtin: Option<String>,
    /// Calendar month in UTC, as `2026-11`.
    month: String,
    /// To which multiple the units are rounded; null where they are exact.
    rounded_to: Option<Long>,
    /// How many things.
    units: Long,
}

impl From<Total> for EventTotal {
    fn from(total: Total) -> Self {
        let Total { cell, units, rounded_to } = total;
        Self {
            basis: if rounded_to.is_some() {
                TotalBasis::Others
            } else {
                TotalBasis::Seen
            },
            biz_step: Some(cell.step).filter(|step| !step.is_empty()),
            country: cell.country,
            gtin: cell.gtin.map(|gtin| gtin.to_string()),
            month: cell.month.to_string(),
            rounded_to: rounded_to.map(Long),
            units: Long(units),
        }
    }
}
