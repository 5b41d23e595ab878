//! Packs that several parties have in store, of whose number the asker may be told by their grants and by nothing else.
//!
//! Totals tell of others' events on purpose, so what is counted is not hidden from the asker: it is told to both hubs. What is held back must
//! change nothing: what a party has that gave no grant, and what was stored in a month that is not over.

use serde_json::json;

use super::consent::{IN_TOTALS, Rule, What, grant};
use super::{Step, Told};
use crate::story;
use crate::worlds::cast::{BUYER, Cast, MAKER, OTHER_STORE, PACKER, PRODUCTS, RIVAL, SECOND, STORE, THIRD, Who};
use crate::worlds::dice::Dice;

/// Packs of one event.
const PACKS: usize = 4;

/// Who lets the asker count, and who does not.
fn parties(asker: Who) -> ([Who; 3], Who) {
    let third = if asker == BUYER { SECOND } else { BUYER };
    ([THIRD, OTHER_STORE, third], if asker == PACKER { STORE } else { PACKER })
}

/// Of a product that goes nowhere, and is not the asker's.
fn product(cast: Cast, asker: Who) -> String {
    cast.gtin(if asker == MAKER { RIVAL } else { MAKER }, PRODUCTS)
}

/// The grants of all three, in the first world of a family.
pub fn grants(cast: Cast, asker: Who) -> Vec<Rule> {
    let scope = json!({"scope": {"gtins": [product(cast, asker)]}});
    let rule = |by: Who| Rule {
        turn: 0,
        ends: None,
        by,
        shared: true,
        what: What::Grant(vec![by], grant(cast, asker, IN_TOTALS, &scope)),
    };
    parties(asker).0.map(rule).to_vec()
}

/// What is in store with somebody in one world.
pub fn steps(cast: Cast, asker: Who, number: usize, dice: &mut Dice) -> Vec<Step> {
    let (giving, silent) = parties(asker);
    let stored = |by: Who, at: &str, kind: usize| {
        let gtin = product(cast, asker);
        let packs: Vec<String> = (0..PACKS)
            .map(|pack| story::sgtin(&gtin, &format!("T{number}{kind}{pack}")))
            .collect();
        let mut event = story::object(at, &cast.site(by, false), "OBSERVE", "storing", "in_progress", &packs);
        event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-b000-{number:06}{kind:06}"));
        Told { by, event }
    };
    let february = |dice: &mut Dice| format!("2026-02-{:02}T{:02}:20:00Z", 1 + dice.below(27), dice.below(24));
    let mut steps = Vec::new();
    if number.is_multiple_of(2) {
        let at = february(dice);
        steps.push(Step::both(dice.below(super::TURNS), stored(giving[number / 2 % 3], &at, 0)));
    }
    if dice.one_in(3) {
        let at = february(dice);
        steps.push(Step::extra(dice.below(super::TURNS), stored(silent, &at, 1)));
    }
    if dice.one_in(4) {
        steps.push(Step::extra(
            dice.below(super::TURNS),
            stored(dice.one(&giving), "2026-03-01T09:00:00Z", 2),
        ));
    }
    steps
}
