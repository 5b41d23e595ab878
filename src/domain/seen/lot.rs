//! What was made of a lot, by the commissionings that somebody sees.

use std::collections::{BTreeMap, HashSet};

use crate::domain::gs1::{EpcKey, Gtin};
use crate::domain::time::Micros;

use super::Words;

/// Things of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The product.
    pub gtin: Gtin,
    /// Expiry, as first sent.
    pub expiry: Option<String>,
    /// How many things, each once.
    pub things: u64,
    /// When the first was made.
    pub first_at: Micros,
    /// When the last was made.
    pub last_at: Micros,
}

/// What granted words say was made of a lot, product by product, in the order of their numbers.
#[must_use]
pub fn made(words: &Words, gtins: &[Gtin], lot: &str) -> Vec<Made> {
    let (mut made, mut counted) = (BTreeMap::<Gtin, Made>::new(), HashSet::<EpcKey>::new());
    let of_lot = words.0.iter().filter(|word| word.granted && word.event.lot() == Some(lot));
    for word in of_lot {
        let at = word.event.event_time;
        for epc in word.made() {
            let Some(gtin) = epc.gtin().filter(|gtin| gtins.contains(gtin)) else {
                continue;
            };
            if !counted.insert(epc.key()) {
                continue;
            }
            let made = made.entry(gtin).or_insert(Made {
                gtin,
                expiry: None,
                things: 0,
                first_at: at,
                last_at: at,
            });
            made.things += 1;
            made.last_at = at;
            if made.expiry.is_none() {
                made.expiry = word.event.expiry().map(str::to_owned);
            }
        }
    }
    made.into_values().collect()
}
