//! Serial numbers that are given out in a world: who asks for how many of which product, and who is told of it.
//!
//! Packer and depot never ask for numbers of the same product, for the next number of a pool tells how many were given out before it. So what
//! one of them gets is hidden from the other; holder and brand owner know of it, nobody else does.

use serde_json::{Value, json};

use crate::worlds::cast::{Cast, MAKER, OTHER_STORE, PACKER, PRODUCTS, RIVAL, Who};
use crate::worlds::dice::Dice;

/// A request for numbers.
#[derive(Debug, Clone)]
pub struct Order {
    pub turn: usize,
    pub by: Who,
    /// Told to both hubs.
    pub shared: bool,
    pub gtin: String,
    pub input: Value,
    /// Whether the numbers are acknowledged when they were fetched.
    pub acknowledged: bool,
}

pub fn order(cast: Cast, asker: Who, number: usize, dice: &mut Dice) -> Order {
    let (by, brand) = (dice.one(&[PACKER, PACKER, OTHER_STORE]), dice.one(&[MAKER, RIVAL]));
    let product = if by == PACKER {
        dice.below(PRODUCTS - 1)
    } else {
        PRODUCTS - 1
    };
    let gtin = cast.gtin(brand, product);
    let mut input = json!({"gtin": gtin, "quantity": 3 + dice.below(30), "idempotencyKey": format!("order {number}")});
    if dice.one_in(2) {
        input["lot"] = json!(format!("L{}", dice.below(4)));
    }
    Order {
        turn: dice.below(super::TURNS),
        by,
        shared: asker == by || asker == brand,
        gtin,
        input,
        acknowledged: dice.one_in(2),
    }
}
