//! What parties of a world lay down about sight: grants, caps and emergencies, and which of them reach the asker.
//!
//! Who is concerned by an event is said by relations alone (see [`super`]). A grant of the asker's adds to that: of the goods that it is for,
//! which have a lot of their own, all is told to both hubs up to the last event that its grantor made or is the brand owner of, and only what
//! is of a data class that it does not give may differ. A grant that gives nothing adds nothing: the same goods stay hidden as if it were not
//! there. What others lay down for others is told to one hub alone.

use serde_json::{Value, json};

use super::{Flow, Tweak};
use crate::grant::{FOLLOW, levels};
use crate::worlds::cast::{BUYER, Cast, MAKER, OTHER_STORE, PACKER, RIVAL, SECOND, STORE, STRANGER, THIRD, Who};
use crate::worlds::dice::Dice;

/// Something laid down, and when.
#[derive(Debug, Clone)]
pub struct Rule {
    pub turn: usize,
    /// In which turn it is revoked, lifted or ended.
    pub ends: Option<usize>,
    pub by: Who,
    /// Told to both hubs.
    pub shared: bool,
    pub what: What,
}

/// What is laid down, as the input of its mutation.
#[derive(Debug, Clone)]
pub enum What {
    /// Signed by these.
    Grant(Vec<Who>, Value),
    Cap(Value),
    Emergency(Value),
}

/// A grant by which the asker sees goods.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    pub grantor: Who,
    open: Open,
}

/// What may differ in what is seen, for it is of a class that is not given.
#[derive(Debug, Clone, Copy)]
struct Open {
    hours: bool,
    site: bool,
    orders: bool,
    price: bool,
}

type Levels = &'static [(&'static str, &'static str)];

/// No place beyond the country, no time beyond the month, no documents.
const COARSE: Levels = &[
    ("EXISTENCE", "full"),
    ("PRODUCT", "full"),
    ("STATE", "full"),
    ("WHEN", "month"),
    ("WHERE", "country"),
    ("CONTAINMENT", "as asserted"),
];
/// When, and of what; neither where nor by whom.
const BARE: Levels = &[("EXISTENCE", "full"), ("WHEN", "exact"), ("CONTAINMENT", "as asserted")];
/// Counts, and shows no event.
pub const IN_TOTALS: Levels = &[
    ("EXISTENCE", "full"),
    ("PRODUCT", "full"),
    ("STATE", "full"),
    ("WHEN", "month"),
    ("WHERE", "country"),
];

/// The first as often as the others together: it opens most.
const GIVEN: [(Levels, Open); 4] = [
    (&FOLLOW, open(false, false, false)),
    (&FOLLOW, open(false, false, false)),
    (COARSE, open(true, true, true)),
    (BARE, open(false, true, true)),
];

const fn open(hours: bool, site: bool, orders: bool) -> Open {
    Open {
        hours,
        site,
        orders,
        // No grant here gives raw payload.
        price: true,
    }
}

impl Reach {
    /// Takes back what differs in what the grant gives.
    pub fn limit(self, asker: Who, tweak: &mut Tweak) {
        if !self.open.hours {
            tweak.hours_earlier = 0;
        }
        if !self.open.site {
            tweak.second_site = false;
        }
        if !self.open.orders {
            tweak.order_hidden_from = None;
            // Whoever told of a handover may show all that are named in it, and their documents.
            tweak.beside.clear();
        }
        if self.open.price && asker == STRANGER {
            tweak.price = 20;
        }
        // They are in the scope of the grant, and the store is named by it.
        tweak.siblings.clear();
        tweak.store = STORE;
    }
}

/// A grant to one party, valid all year, with more or other members.
pub fn grant(cast: Cast, to: Who, given: Levels, more: &Value) -> Value {
    let mut input = json!({
        "granteeGln": cast.gln(to), "levels": levels(given), "purpose": "following a batch",
        "validFrom": "2026-01-01T00:00:00Z", "validUntil": "2027-01-01T00:00:00Z",
    });
    let members = input.as_object_mut().expect("an object");
    for (name, value) in more.as_object().expect("an object") {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    input
}

fn scope(cast: Cast, flow: &Flow) -> Value {
    let gtins = [cast.gtin(flow.brand, flow.product), cast.case_gtin(flow.brand, flow.product)];
    json!({"gtins": gtins, "lots": [flow.lot]})
}

fn merged(mut scope: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("an object") {
        scope[name] = value.clone();
    }
    scope
}

/// What is laid down about the goods of a flow that the asker may come to see by it.
pub fn about(cast: Cast, asker: Who, flow: &mut Flow, dice: &mut Dice) -> (Vec<Rule>, Option<Reach>) {
    // The lot is of these goods alone: no other record comes into the scope.
    flow.lot = format!("G{}", flow.number);
    let scope = scope(cast, flow);
    let grantors: Vec<Who> = [flow.brand, PACKER, STORE, BUYER, SECOND]
        .into_iter()
        .filter(|who| *who != asker && (*who != STORE || flow.with_store))
        .collect();
    let grantor = dice.one(&grantors);
    let turn = dice.below(super::TURNS);
    let mut rule = Rule {
        turn,
        ends: None,
        by: grantor,
        shared: true,
        what: What::Cap(Value::Null),
    };
    if dice.one_in(2) {
        let (given, mut open) = dice.one(&GIVEN);
        let mut more = json!({"scope": scope});
        let mut rules = Vec::new();
        match dice.below(4) {
            0 => more["bothSign"] = json!(true),
            // Of who gave it away by a cap of its own no place is told.
            1 => {
                let input = json!({"granteeGlns": [cast.gln(asker)], "levels": levels(&[("WHERE", "-")]), "scope": scope});
                rules.push(Rule {
                    what: What::Cap(input),
                    turn: dice.below(super::TURNS),
                    ..rule.clone()
                });
                open.site |= grantor == PACKER;
            }
            _ => (),
        }
        let signers = if more["bothSign"] == true {
            vec![grantor, asker]
        } else {
            vec![grantor]
        };
        rule.what = What::Grant(signers, grant(cast, asker, given, &more));
        rules.push(rule);
        return (rules, Some(Reach { grantor, open }));
    }
    (gives_nothing(cast, asker, rule, &scope, dice), None)
}

/// A grant to the asker that gives nothing for one reason or another.
fn gives_nothing(cast: Cast, asker: Who, mut rule: Rule, scope: &Value, dice: &mut Dice) -> Vec<Rule> {
    let (given, _) = dice.one(&GIVEN);
    let mut signers = vec![rule.by];
    let mut rules = Vec::new();
    let scoped = |more: Value| json!({"scope": merged(scope.clone(), &more)});
    let more = match dice.below(12) {
        0 => {
            signers.clear();
            scoped(json!({}))
        }
        1 => merged(scoped(json!({})), &json!({"bothSign": true})),
        2..=4 => {
            rule.turn = dice.below(super::TURNS - 1);
            rule.ends = Some(super::TURNS - 1);
            scoped(json!({}))
        }
        5 => merged(scoped(json!({})), &json!({"validFrom": "2026-04-01T00:00:00Z"})),
        6 => merged(scoped(json!({})), &json!({"validUntil": super::OVER})),
        7 => merged(scoped(json!({})), &json!({"requiredRole": "REGULATOR"})),
        8 => scoped(json!({"sites": [cast.site(STRANGER, true)]})),
        9 => scoped(json!({"eventFrom": "2026-03-01T00:00:00Z"})),
        _ => {
            // Class by class: what a grant adds to events that are seen without it is there whether it shows events or not.
            let none: Vec<_> = given.iter().map(|(class, _)| (*class, "-")).collect();
            let none = if asker == STRANGER { &none[..1] } else { &none[..] };
            let input = json!({"levels": levels(none), "scope": scope});
            rules.push(Rule {
                what: What::Cap(input),
                ..rule.clone()
            });
            scoped(json!({}))
        }
    };
    rule.what = What::Grant(signers, grant(cast, asker, given, &more));
    rules.push(rule);
    rules
}

/// What others lay down for others, of all that they have: nothing for the asker to know.
pub fn of_others(cast: Cast, asker: Who, dice: &mut Dice) -> Vec<Rule> {
    let all = [MAKER, RIVAL, PACKER, STORE, OTHER_STORE, BUYER, SECOND, THIRD, STRANGER];
    let others: Vec<Who> = all.into_iter().filter(|who| *who != asker).collect();
    let mut rules = Vec::new();
    for _ in 0..1 + dice.below(2) {
        let (by, to) = (dice.one(&others), dice.one(&others));
        // Those who act for a maker ask in its name, too, and with what they were given themselves.
        if by == to || asker == MAKER && (to == PACKER || to == STORE) {
            continue;
        }
        let mut rule = Rule {
            turn: dice.below(super::TURNS),
            ends: None,
            by,
            shared: false,
            what: What::Cap(json!({"granteeGlns": [cast.gln(to)], "levels": levels(&[("WHERE", "country")]), "scope": {}})),
        };
        if !dice.one_in(4) {
            let (given, _) = dice.one(&GIVEN);
            let more = match dice.below(4) {
                0 => json!({"bothSign": true}),
                1 => json!({"scope": {"gtins": [cast.gtin(MAKER, 0)]}}),
                2 => json!({"granteeGln": null, "granteeRole": "REGULATOR"}),
                _ => json!({}),
            };
            rule.what = What::Grant(vec![by], grant(cast, to, given, &more));
        }
        if dice.one_in(3) && rule.turn + 1 < super::TURNS {
            rule.ends = Some(super::TURNS - 1);
        }
        rules.push(rule);
    }
    rules
}

/// A recall of the goods of a flow by their brand owner.
pub fn recall(cast: Cast, flow: &Flow, shared: bool, dice: &mut Dice) -> Rule {
    let turn = dice.below(super::TURNS - 1);
    let input = json!({
        "gtin": cast.gtin(flow.brand, flow.product), "lots": [flow.lot], "reason": "particles", "until": "2026-03-20T00:00:00Z",
    });
    Rule {
        turn,
        ends: dice.one_in(2).then_some(super::TURNS - 1),
        by: flow.brand,
        shared,
        what: What::Emergency(input),
    }
}
