//! What is in a container, by the packings that somebody sees.

use std::collections::HashMap;

use crate::domain::containment::Forest;
use crate::domain::event::EventType;
use crate::domain::gs1::{Epc, EpcKey, Gtin};

use super::{Words, pack};

/// One thing inside.
#[derive(Debug, Clone, PartialEq)]
pub struct Inside {
    /// Its key.
    pub key: EpcKey,
    /// Its identifier.
    pub epc: Epc,
    /// GTIN-14, if it is of a product.
    pub gtin: Option<Gtin>,
    /// Lot.
    pub lot: Option<String>,
    /// Expiry, as sent.
    pub expiry: Option<String>,
    /// What it is directly in.
    pub parent: EpcKey,
    /// 1 for what is directly in the container.
    pub depth: i64,
}

/// Contents after the last word, outermost first, then by key.
#[must_use]
pub fn contents(words: &Words, container: EpcKey) -> Vec<Inside> {
    let (mut forest, mut made, mut names) = (Forest::default(), HashMap::new(), HashMap::new());
    for word in &words.0 {
        pack(&mut forest, word);
        if word.event.kind == EventType::Aggregation {
            names.extend(word.event.epcs.iter().map(|epc| (epc.key(), epc)));
        }
        let said = (word.event.lot(), word.event.expiry());
        for epc in word.made().filter(|_| said != (None, None)) {
            let (lot, expiry) = made.entry(epc.key()).or_insert((None, None));
            (*lot, *expiry) = (lot.or(said.0), expiry.or(said.1));
        }
    }
    let (mut rows, mut next, mut depth) = (Vec::new(), vec![container], 0);
    while !next.is_empty() {
        depth += 1;
        let mut deeper = Vec::new();
        for parent in next {
            for key in forest.contents(parent) {
                let Some(epc) = names.get(&key) else { continue };
                let (lot, expiry) = made.get(&key).copied().unwrap_or_default();
                deeper.push(key);
                rows.push(Inside {
                    key,
                    epc: (*epc).clone(),
                    gtin: epc.gtin(),
                    lot: lot.map(str::to_owned),
                    expiry: expiry.map(str::to_owned),
                    parent,
                    depth,
                });
            }
        }
        next = deeper;
    }
    rows.sort_by_key(|row| (row.depth, row.key));
    rows
}
