//! What happens in a world: goods that go from party to party, claims of who has nothing to do with them, and what of all that is told to
//! which of the two hubs.
//!
//! Which records a party may not see is said here by a rule of its own, which is simpler than the product's: whoever made a record, in whose
//! name, whose brand or who is named as a side of a handover is concerned. A record that concerns the asker is told to both hubs. What does not
//! is told to one alone if the goods are strange to the asker, or were given away by it before; otherwise it is told to both and may differ in
//! what is of another data class than the asker has: the hour and the place of the making, siblings, prices, order numbers, the name of a store
//! two steps back.
//!
//! To relations come grants ([`consent`]), totals by grants ([`tally`]) and serial numbers ([`stock`]).

mod consent;
mod stock;
mod tally;

use serde_json::{Value, json};

use super::cast::{BUYER, Cast, MAKER, OTHER_STORE, PACKER, PRODUCTS, RIVAL, SECOND, STORE, STRANGER, THIRD, Who};
use super::dice::Dice;
use crate::story::{self, Handover};
use consent::Reach;
pub use consent::{Rule, What};
pub use stock::Order;

/// Turns in which documents are sent.
pub const TURNS: usize = 6;
/// When the questions are asked.
pub const ASKED: &str = "2026-03-02T14:00:00Z";
/// A moment after all was told and before it is asked for.
const OVER: &str = "2026-03-02T13:00:00Z";

/// One event, as somebody tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub by: Who,
    pub event: Value,
}

/// One event in each of the two hubs; in one of them it may not be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub turn: usize,
    pub less: Option<Told>,
    pub more: Option<Told>,
}

impl Step {
    fn both(turn: usize, told: Told) -> Self {
        Self {
            turn,
            less: Some(told.clone()),
            more: Some(told),
        }
    }

    fn extra(turn: usize, told: Told) -> Self {
        Self {
            turn,
            less: None,
            more: Some(told),
        }
    }
}

/// One world, and what can be asked about in it.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub steps: Vec<Step>,
    pub rules: Vec<Rule>,
    pub orders: Vec<Order>,
    /// Its goods and some that are none.
    pub things: Vec<String>,
    /// Those that the asker does not see in events that it sees.
    pub hidden: Vec<String>,
    /// Product and lot of those of its goods that are granted to the asker.
    pub granted: Option<(String, String)>,
    pub lot: String,
}

/// The way of some goods.
#[derive(Debug, Clone)]
struct Flow {
    number: usize,
    brand: Who,
    product: usize,
    lot: String,
    day: usize,
    with_case: bool,
    with_store: bool,
    /// How many of its acts take place.
    length: usize,
    /// Whose receipt is never told.
    silent: Option<Who>,
    /// The packer's documents come last.
    late: bool,
    /// Whether a receipt is declared to be wrong and told again.
    corrected: bool,
    /// Goods of another manufacturer are made in the same event.
    mixed: bool,
    /// And they are put on the same pallet, before the others.
    loaded: bool,
    /// The asker's goods are taken off that pallet at the store, which sends the rest of it elsewhere.
    parted: bool,
}

/// What can differ between the hubs.
#[derive(Debug, Clone)]
struct Tweak {
    hours_earlier: usize,
    second_site: bool,
    siblings: Vec<String>,
    price: usize,
    /// Who does not see the number of the order that differs: it stands in what this party did not tell.
    order_hidden_from: Option<Who>,
    store: Who,
    /// Goods of another manufacturer in the same events.
    beside: Vec<String>,
}

const AS_IT_IS: Tweak = Tweak {
    hours_earlier: 0,
    second_site: false,
    siblings: Vec::new(),
    price: 10,
    order_hidden_from: None,
    store: STORE,
    beside: Vec::new(),
};

/// What somebody does with the goods, and whom it concerns beside the brand owner.
struct Act {
    by: Who,
    concerned: Vec<Who>,
    event: Value,
}

/// A world for one asker, with numbers of its own.
pub fn world(cast: Cast, asker: Who, number: usize, dice: &mut Dice) -> World {
    let lot = format!("L{}", dice.below(4));
    let mut world = World {
        lot: lot.clone(),
        ..World::default()
    };
    let flows = 1 + usize::from(dice.one_in(3));
    let mut by_brand = false;
    for index in 0..flows {
        let mut flow = flow(cast, (asker, index == 0), number * 4 + index, dice);
        // Of one lot as often as not: what is hidden looks like what is seen.
        if dice.one_in(2) {
            flow.lot.clone_from(&lot);
        }
        let mut seen = Seen::default();
        if index == 0 && dice.one_in(4) {
            let (rules, reach) = consent::about(cast, asker, &mut flow, dice);
            world.rules.extend(rules);
            seen.reach = reach;
            world.granted = reach.map(|_| (cast.gtin(flow.brand, flow.product), flow.lot.clone()));
            by_brand = reach.is_some_and(|reach| reach.grantor == flow.brand);
        }
        seen.last = flow.last_seen(cast, asker, seen.reach);
        if dice.one_in(24) {
            seen.recalled = true;
            flow.lot = format!("G{}", flow.number);
            world.rules.push(consent::recall(cast, &flow, seen.last.is_some(), dice));
        }
        world.things.extend(flow.things(cast));
        world.hidden.extend(flow.beside(cast, 2));
        world.steps.extend(steps(cast, asker, (&flow, seen), dice));
    }
    claims(cast, asker, (number, by_brand), dice, &mut world);
    if dice.one_in(4) {
        world.rules.extend(consent::of_others(cast, asker, dice));
    }
    if number == 0 {
        world.rules.extend(tally::grants(cast, asker));
    }
    world.steps.extend(tally::steps(cast, asker, number, dice));
    if dice.one_in(4) {
        world.orders.push(stock::order(cast, asker, number, dice));
    }
    world.things.push(cast.sscc(PACKER, 800_000 + number));
    world
        .things
        .push(story::sgtin(&cast.gtin(MAKER, 0), &format!("NONE{number}")));
    world
}

fn flow(cast: Cast, (asker, concerned): (Who, bool), number: usize, dice: &mut Dice) -> Flow {
    let brand = match (asker, concerned) {
        (MAKER, true) => MAKER,
        (MAKER, false) => RIVAL,
        _ => dice.one(&[MAKER, RIVAL]),
    };
    let with_store = asker == STORE && concerned || !dice.one_in(3);
    let mut flow = Flow {
        number,
        brand,
        product: dice.below(PRODUCTS),
        lot: format!("L{}", dice.below(4)),
        day: 1 + dice.below(20),
        with_case: dice.one_in(3),
        with_store,
        length: 0,
        silent: dice.one(&[None, None, None, Some(STORE), Some(BUYER), Some(SECOND)]),
        late: dice.one_in(5),
        corrected: dice.one_in(8),
        mixed: false,
        loaded: false,
        parted: false,
    };
    // Findings about what is hidden would take ids of the same moment away, which are made of random bits and order lists.
    flow.mixed = (asker, concerned) == (MAKER, true) && !flow.corrected && !flow.late && flow.silent.is_none() && dice.one_in(2);
    flow.loaded = flow.mixed && !dice.one_in(4);
    flow.parted = flow.loaded && flow.with_store && dice.one_in(2);
    let all = flow.acts(cast, &AS_IT_IS).len();
    let (least, most) = match (asker, concerned) {
        (BUYER, true) => (all - 5, all),
        (SECOND, true) => (all - 2, all),
        (_, true) => (all - 6, all),
        (_, false) => (3, all),
    };
    flow.length = least + dice.below(most - least + 1);
    // A second flow that the asker shall have nothing to do with ends before it, unless it is one of those that always have.
    if !concerned {
        let acts = flow.acts(cast, &AS_IT_IS);
        let first = acts.iter().position(|act| act.concerned.contains(&asker));
        if let Some(first) = first.filter(|first| *first > 2) {
            flow.length = flow.length.min(first);
        }
    }
    flow
}

/// What of a flow the asker may see.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// The last act that it is concerned by, itself or as the grantee of who is.
    last: Option<usize>,
    reach: Option<Reach>,
    recalled: bool,
}

impl Flow {
    fn last_seen(&self, cast: Cast, asker: Who, reach: Option<Reach>) -> Option<usize> {
        let of_grantor = |act: &Act| reach.is_some_and(|reach| reach.grantor == act.by || reach.grantor == self.brand);
        let acts = self.acts(cast, &AS_IT_IS);
        acts.iter()
            .take(self.length)
            .rposition(|act| self.brand == asker || act.concerned.contains(&asker) || of_grantor(act))
    }

    fn units(&self, cast: Cast) -> Vec<String> {
        let gtin = cast.gtin(self.brand, self.product);
        (0..2)
            .map(|index| story::sgtin(&gtin, &format!("U{}{index}", self.number)))
            .collect()
    }

    fn case(&self, cast: Cast) -> String {
        story::sgtin(&cast.case_gtin(self.brand, self.product), &format!("C{}", self.number))
    }

    fn pallet(&self, cast: Cast) -> String {
        cast.sscc(PACKER, self.number)
    }

    fn beside(&self, cast: Cast, many: usize) -> Vec<String> {
        let gtin = cast.gtin(RIVAL, 0);
        let goods = (0..many).map(|index| story::sgtin(&gtin, &format!("B{}{index}", self.number)));
        goods.filter(|_| self.mixed).collect()
    }

    fn things(&self, cast: Cast) -> Vec<String> {
        let mut things = self.units(cast);
        things.extend(self.with_case.then(|| self.case(cast)));
        things.push(self.pallet(cast));
        things
    }

    fn at(&self, hour: usize) -> String {
        format!("2026-02-{:02}T{:02}:00:00Z", self.day + hour / 24, hour % 24)
    }

    fn handover(&self, cast: Cast, owner: (Who, Who), possessor: (Who, Who), epcs: &[String]) -> Handover {
        Handover {
            epcs: epcs.to_vec(),
            owner: (cast.gln(owner.0), cast.gln(owner.1)),
            possessor: (cast.gln(possessor.0), cast.gln(possessor.1)),
            place: (cast.site(possessor.0, false), cast.site(possessor.1, false)),
        }
    }

    /// All that is done with the goods, in order of time.
    fn acts(&self, cast: Cast, tweak: &Tweak) -> Vec<Act> {
        let mut acts = self.made(cast, tweak);
        let pallet = [self.pallet(cast)];
        let (mut holder, mut hour) = (PACKER, 10);
        if self.with_store {
            let moved = self.handover(cast, (self.brand, self.brand), (PACKER, tweak.store), &pallet);
            self.hand_over(&mut acts, (PACKER, tweak.store, &[]), hour, &moved);
            acts.push(act(
                tweak.store,
                story::object(
                    &self.at(hour + 4),
                    &cast.site(tweak.store, false),
                    "OBSERVE",
                    "storing",
                    "in_progress",
                    &pallet,
                ),
            ));
            (holder, hour) = (tweak.store, 16);
        }
        let inside = if self.with_case {
            vec![self.case(cast)]
        } else {
            self.units(cast)
        };
        if self.parted {
            let site = cast.site(tweak.store, false);
            acts.push(act(
                tweak.store,
                story::unpack(&self.at(hour - 1), &site, &pallet[0], &inside),
            ));
        }
        let goods = if self.parted { &inside[..] } else { &pallet[..] };
        let sold = self.handover(cast, (self.brand, BUYER), (holder, BUYER), goods);
        self.hand_over(&mut acts, (holder, BUYER, &[]), hour, &sold);
        let listed = if self.number.is_multiple_of(2) { &inside[..] } else { &[] };
        if !self.parted {
            acts.push(act(
                BUYER,
                story::unpack(&self.at(hour + 6), &cast.site(BUYER, false), &pallet[0], listed),
            ));
        }
        let resold = self.handover(cast, (BUYER, SECOND), (BUYER, SECOND), &inside[..1]);
        self.hand_over(&mut acts, (BUYER, SECOND, &[]), hour + 8, &resold);
        let last = self.handover(cast, (SECOND, THIRD), (SECOND, THIRD), &inside[..1]);
        self.hand_over(&mut acts, (SECOND, THIRD, &[]), hour + 14, &last);
        acts.push(act(
            THIRD,
            story::object(
                &self.at(hour + 20),
                &cast.site(THIRD, false),
                "DELETE",
                "destroying",
                "destroyed",
                &inside[..1],
            ),
        ));
        for (index, act) in acts.iter_mut().enumerate() {
            // A store sees what travels with the goods; others who are sides of a sale see its order.
            let hidden = |who: Who| act.by != who && (who == STORE || !act.concerned.contains(&who));
            let order = 1 + usize::from(tweak.order_hidden_from.is_some_and(hidden));
            let event = &mut act.event;
            event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-8000-{:06}{index:06}", self.number));
            event["ex:price"] = json!(tweak.price.to_string());
            if event["bizStep"] == "shipping" || event["bizStep"] == "receiving" {
                event["bizTransactionList"] = json!([
                    {"type": "po", "bizTransaction": format!("urn:epcglobal:cbv:bt:{}:PO{}-{}", cast.gln(self.brand), self.number, order)},
                    {"type": "desadv", "bizTransaction": format!("urn:epcglobal:cbv:bt:{}:D{}", cast.gln(PACKER), self.number)},
                ]);
                if self.loaded && !tweak.beside.is_empty() {
                    self.name_other(cast, event);
                }
            }
        }
        acts
    }

    /// The other owner of what is on the pallet, and its document.
    fn name_other(&self, cast: Cast, event: &mut Value) {
        let brand = format!("https://id.gs1.org/417/{}", cast.gln(self.brand));
        if event["sourceList"][0]["source"] != brand {
            return;
        }
        // Before the owner or after it: which is told first makes no difference.
        let first = self.number % 4 > 1;
        let add = |list: &mut Value, entry: Value| {
            let list = list.as_array_mut().expect("a list");
            list.insert(if first { 0 } else { list.len() }, entry);
        };
        let keeps = event["destinationList"][0]["destination"] == brand;
        let document = format!("urn:epcglobal:cbv:bt:{}:R{}", cast.gln(RIVAL), self.number);
        add(
            &mut event["bizTransactionList"],
            json!({"type": "inv", "bizTransaction": document}),
        );
        let rival = format!("https://id.gs1.org/417/{}", cast.gln(RIVAL));
        add(&mut event["sourceList"], json!({"type": "owning_party", "source": rival}));
        if keeps {
            add(
                &mut event["destinationList"],
                json!({"type": "owning_party", "destination": rival}),
            );
        }
    }

    /// What the store does with the other goods alone, on the same pallet and on one of its own: nobody is told of it whose they are not.
    fn beside_alone(&self, cast: Cast) -> Vec<Act> {
        let goods = self.beside(cast, 2);
        if !self.loaded || !self.with_store || goods.is_empty() {
            return Vec::new();
        }
        let (site, pallet, other) = (cast.site(STORE, false), self.pallet(cast), cast.sscc(STORE, self.number));
        let half = |hour: usize| self.at(hour).replace(":00:00Z", ":30:00Z");
        let mut told = vec![
            story::commission_sscc(&half(14), &site, &other),
            story::unpack(&half(14), &site, &pallet, &goods[..1]),
            story::pack(&self.at(15).replace(":00:00Z", ":10:00Z"), &site, &other, &goods[..1]),
        ];
        if self.parted {
            let rest = self.handover(cast, (RIVAL, RIVAL), (STORE, OTHER_STORE), &[pallet.clone(), other]);
            told.push(story::object(
                &half(15),
                &site,
                "OBSERVE",
                "storing",
                "in_progress",
                &[pallet],
            ));
            told.push(story::ship(&half(17), &rest));
        }
        for (index, event) in told.iter_mut().enumerate() {
            event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-a000-{:06}{index:06}", self.number));
        }
        told.into_iter().map(|event| act(STORE, event)).collect()
    }

    fn made(&self, cast: Cast, tweak: &Tweak) -> Vec<Act> {
        let (units, pallet) = (self.units(cast), self.pallet(cast));
        let site = cast.site(PACKER, tweak.second_site);
        let made: Vec<String> = units.iter().chain(&tweak.siblings).chain(&tweak.beside).cloned().collect();
        let mut acts = vec![
            act(
                PACKER,
                story::commission(&self.at(5 - tweak.hours_earlier), &site, &made, &self.lot),
            ),
            act(PACKER, story::commission_sscc(&self.at(6), &site, &pallet)),
        ];
        let mut inside = units.clone();
        if self.with_case {
            let case = self.case(cast);
            acts.push(act(
                PACKER,
                story::commission(&self.at(6), &site, std::slice::from_ref(&case), &self.lot),
            ));
            acts.push(act(PACKER, story::pack(&self.at(7), &site, &case, &units)));
            inside = vec![case];
        }
        let load: Vec<String> = if self.loaded { &tweak.beside[..] } else { &[] }
            .iter()
            .chain(&inside)
            .cloned()
            .collect();
        acts.push(act(PACKER, story::pack(&self.at(8), &site, &pallet, &load)));
        acts
    }

    fn hand_over(&self, acts: &mut Vec<Act>, (from, to, also): (Who, Who, &[Who]), hour: usize, handover: &Handover) {
        let concerned: Vec<Who> = [from, to].iter().chain(also).copied().collect();
        let mut tell = |by: Who, event: Value| {
            acts.push(Act {
                by,
                concerned: concerned.clone(),
                event,
            });
        };
        tell(from, story::ship(&self.at(hour), handover));
        let place = if to == OTHER_STORE { STORE } else { to };
        if self.silent != Some(place) {
            tell(to, story::receive(&self.at(hour + 3), handover));
        }
    }
}

fn act(by: Who, event: Value) -> Act {
    Act {
        by,
        concerned: vec![by],
        event,
    }
}

/// The acts of a flow, as the two hubs are told of them.
fn steps(cast: Cast, asker: Who, (flow, seen): (&Flow, Seen), dice: &mut Dice) -> Vec<Step> {
    let as_it_is = Tweak {
        beside: flow.beside(cast, 0),
        ..AS_IT_IS
    };
    let less: Vec<Act> = flow.acts(cast, &as_it_is).into_iter().take(flow.length).collect();
    let mut tweak = seen.last.map_or_else(|| AS_IT_IS.clone(), |_| tweak(cast, asker, flow, dice));
    if let Some(reach) = seen.reach {
        reach.limit(asker, &mut tweak);
    }
    if seen.recalled {
        // Where recalled goods were is told to whoever had to do with them.
        (tweak.second_site, tweak.store) = (false, STORE);
    }
    let more: Vec<Act> = flow.acts(cast, &tweak).into_iter().take(flow.length).collect();
    let mut steps = Vec::new();
    for (index, (less, more)) in less.into_iter().zip(more).enumerate() {
        let turn = turn_of(flow, less.by);
        let told = |act: Act| Told {
            by: act.by,
            event: act.event,
        };
        let wrong = flow.corrected && less.event["bizStep"] == "receiving" && less.by != asker;
        let step = if seen.last.is_some_and(|last| index <= last) {
            Step {
                turn,
                less: Some(told(less)),
                more: Some(told(more)),
            }
        } else {
            Step::extra(turn, told(more))
        };
        if wrong {
            steps.push(declared_wrong(&step));
        }
        steps.push(step);
    }
    // With the goods at the store, and after its own documents.
    let stored = more_at_store(&steps);
    let alone = flow.beside_alone(cast).into_iter().filter(|_| stored);
    steps.extend(alone.map(|act| {
        let told = Told {
            by: act.by,
            event: act.event,
        };
        Step::extra(turn_of(flow, STORE), told)
    }));
    steps
}

/// Whether the store took the goods over.
fn more_at_store(steps: &[Step]) -> bool {
    let told = steps.iter().filter_map(|step| step.more.as_ref());
    told.filter(|told| told.by == STORE).count() > 1
}

/// The same event, told a turn later as having been wrong, and so on for whoever was told of it.
fn declared_wrong(step: &Step) -> Step {
    let declared = |told: &Told| {
        let mut told = told.clone();
        told.event["errorDeclaration"] = json!({"declarationTime": "2026-03-01T07:59:00Z", "reason": "did_not_occur"});
        told
    };
    Step {
        turn: TURNS - 1,
        less: step.less.as_ref().map(declared),
        more: step.more.as_ref().map(declared),
    }
}

fn turn_of(flow: &Flow, by: Who) -> usize {
    match by {
        PACKER if flow.late => 4,
        PACKER => 0,
        STORE | OTHER_STORE => 1,
        BUYER => 2,
        _ => 3,
    }
}

/// What may differ in what the asker may not see of a flow that concerns it.
fn tweak(cast: Cast, asker: Who, flow: &Flow, dice: &mut Dice) -> Tweak {
    let mut tweak = AS_IT_IS;
    if flow.brand == asker {
        tweak.beside = flow.beside(cast, 2);
        tweak.price = 20;
        return tweak;
    }
    if asker == PACKER {
        return tweak;
    }
    tweak.order_hidden_from = Some(asker);
    tweak.hours_earlier = dice.below(4);
    tweak.second_site = dice.one_in(2);
    if dice.one_in(2) {
        let gtin = cast.gtin(flow.brand, flow.product);
        tweak.siblings = vec![story::sgtin(&gtin, &format!("S{}", flow.number))];
    }
    if asker == SECOND {
        tweak.store = dice.one(&[STORE, OTHER_STORE]);
    }
    tweak
}

/// What somebody says of goods that are not its own: the stranger of others', and the stranger as the asker of whatever it likes.
fn claims(cast: Cast, asker: Who, (number, by_brand): (usize, bool), dice: &mut Dice, world: &mut World) {
    let count = if asker == STRANGER { 1 + dice.below(3) } else { dice.below(3) };
    let own = cast.sscc(STRANGER, number);
    for index in 0..count {
        let thing = dice.one(&world.things);
        // Of a brand owner's goods it is told whatever is said of them.
        if asker == MAKER || asker == RIVAL {
            break;
        }
        let at = format!("2026-02-{:02}T{:02}:30:00Z", 1 + dice.below(27), dice.below(24));
        let mut event = claim(cast, dice, (asker, &at, &own), thing);
        event["eventID"] = json!(format!("urn:uuid:00000000-0000-4000-9000-{number:06}{index:06}"));
        let told = Told { by: STRANGER, event };
        let turn = dice.below(TURNS);
        // What is said of a brand owner's goods is its own to show.
        world.steps.push(if asker == STRANGER || by_brand {
            Step::both(turn, told)
        } else {
            Step::extra(turn, told)
        });
    }
    if asker == STRANGER {
        world.things.push(own);
    }
}

fn claim(cast: Cast, dice: &mut Dice, (asker, at, own): (Who, &str, &str), thing: String) -> Value {
    let site = cast.site(STRANGER, false);
    let things = [thing];
    let handover = |from: Who, to: Who| Handover {
        epcs: things.to_vec(),
        owner: (cast.gln(from), cast.gln(to)),
        possessor: (cast.gln(from), cast.gln(to)),
        place: (cast.site(from, false), cast.site(to, false)),
    };
    match dice.below(7) {
        0 => story::object(at, &site, "OBSERVE", "inspecting", "in_progress", &things),
        1 => story::ship(at, &handover(STRANGER, THIRD)),
        // Who is named as a side is concerned.
        2 => story::receive(at, &handover(if asker == PACKER { BUYER } else { PACKER }, STRANGER)),
        3 => story::pack(at, &site, own, &things),
        4 => story::unpack(at, &site, &things[0], &[]),
        5 => story::object(at, &site, "DELETE", "destroying", "destroyed", &things),
        _ => story::commission_sscc(at, &site, own),
    }
}
