//! Small random worlds of one event: who has to do with it, what it names, what was laid down about sight of it.
//!
//! Facts alone: nothing here decides anything. Dates stand before, on and after the moment of asking, so that each edge of a span occurs.

use std::collections::HashSet;

use counterfoil::domain::event::{
    Action, BizTransaction, CBV_MDA, Content, Event, EventType, Location, Name, Node, Quantity, SourceDest, Term,
};
use counterfoil::domain::grant::{
    Cap, CapHeld, Conditions, Emergency, EmergencyHeld, Grant, Grantee, Held, Origin, Places, Reshare, Scope, Signers, Uses,
};
use counterfoil::domain::gs1::{Epc, EpcClass, EpcKey, Gln, Gtin};
use counterfoil::domain::ids::{CapId, EmergencyId, GrantId, PartyId};
use counterfoil::domain::lens::{Class, Contents, Relations, Shown, Sight, Viewer, When, Who};
use counterfoil::domain::party::licence::{Licence, Required};
use counterfoil::domain::party::{Party, Role};
use counterfoil::domain::policy::{Facts, Policy};
use counterfoil::domain::time::Micros;

use crate::worlds::dice::Dice;

pub const PARTIES: [&str; 4] = ["maker", "packer", "buyer", "rival"];
pub const NOW: Micros = Micros(100);
/// When the event happened.
const EVENT_TIME: i64 = 50;
const GTINS: [&str; 2] = ["09521001001014", "09521008001017"];
const LOTS: [&str; 2] = ["L0", "L1"];
/// Sites: one in Germany, one in France, one that the hub does not know.
const SITES: [(&str, Option<&str>); 3] = [
    ("9521001000017", Some("DE")),
    ("9521002000016", Some("FR")),
    ("9521003000015", None),
];
const STEPS: [&str; 2] = ["shipping", "receiving"];
const ROLES: [Role; 2] = [Role::Wholesaler, Role::Logistics];

/// One thing that the event names.
#[derive(Debug, Clone)]
pub struct Thing {
    pub named: Named,
    /// Product, an index of [`GTINS`]; none of a logistic unit.
    pub product: Option<usize>,
    /// Lot as the hub knows it.
    pub lot: Option<&'static str>,
    /// Whose own it is.
    pub owners: Vec<&'static str>,
    /// The principal of the asserter whose it is, if it is one's.
    pub principal: Option<&'static str>,
}

/// How the event names it.
#[derive(Debug, Clone)]
pub enum Named {
    Child(Epc),
    Parent(Epc),
    Class(EpcClass),
}

impl Thing {
    pub fn epc(&self) -> Option<&Epc> {
        match &self.named {
            Named::Child(epc) | Named::Parent(epc) => Some(epc),
            Named::Class(_) => None,
        }
    }

    pub fn text(&self) -> &str {
        match &self.named {
            Named::Child(epc) | Named::Parent(epc) => epc.canonical(),
            Named::Class(class) => class.canonical(),
        }
    }

    pub fn gtin(&self) -> Option<&'static str> {
        self.product.map(|at| GTINS[at])
    }

    fn is_anothers(&self, party: &str) -> bool {
        self.principal.is_some_and(|principal| principal != party)
    }
}

#[derive(Debug, Clone)]
pub struct World {
    pub parties: Vec<Party>,
    /// What each of [`PARTIES`] has to do with the event.
    pub relations: [Relations; 4],
    pub event: Event,
    pub things: Vec<Thing>,
    /// Of read point and business location.
    pub sites: Vec<(&'static str, Option<&'static str>)>,
    pub policy: Policy,
    /// Things that the question names in full.
    pub proved: HashSet<EpcKey>,
    /// How often each of [`PARTIES`] read by which grants today.
    pub uses: [Uses; 4],
}

pub fn id(party: &str) -> PartyId {
    party.parse().expect("a party id")
}

fn gtin(at: usize) -> Gtin {
    GTINS[at].parse().expect("a GTIN")
}

/// What chance alone would bring too seldom: caps of a grant that holds, a grantor that takes part in the handover besides, and events that
/// name nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Any,
    Capped,
    TakesPart,
    Nothing,
}

impl World {
    /// The world of these dice.
    pub fn new(dice: &mut Dice) -> Self {
        let case = dice.one(&[
            Case::Any,
            Case::Any,
            Case::Any,
            Case::Any,
            Case::TakesPart,
            Case::Capped,
            Case::Capped,
            Case::Nothing,
        ]);
        let things = if case == Case::Nothing { Vec::new() } else { things(dice) };
        let sites: Vec<_> = (0..dice.below(3)).map(|_| dice.one(&SITES)).collect();
        let event = event(dice, &things, &sites);
        let number = |dice: &mut Dice, most: usize| 0..dice.below(most + 1);
        let mut grants: Vec<Held> = number(dice, 9).map(|_| grant(dice)).collect();
        let mut relations = std::array::from_fn(|at| relations(dice, at < 2));
        match case {
            Case::Any => {}
            Case::Capped => {
                relations[0] = Relations::ASSERTER;
                grants.push(plain(grant(dice)));
            }
            Case::TakesPart => {
                let side = dice.one(&[Relations::SELLER, Relations::BUYER, Relations::SENDER, Relations::RECEIVER]);
                relations[0] = Relations::BRAND_OWNER.with(side);
                grants.push(plain(grant(dice)));
            }
            Case::Nothing => {
                relations[0] = dice.one(&[Relations::ASSERTER, Relations::BRAND_OWNER_AFTER, Relations::LATER_OWNER]);
                grants.push(plain(grant(dice)));
            }
        }
        let caps = number(dice, 3).map(|_| cap(dice)).collect();
        let emergencies = number(dice, 2).map(|_| emergency(dice)).collect();
        let named = things.iter().filter_map(|thing| thing.epc().map(Epc::key));
        let proved = if dice.one_in(2) {
            named.filter(|_| dice.one_in(2)).collect()
        } else {
            HashSet::new()
        };
        let uses = std::array::from_fn(|_| grants.iter().map(|held| (held.grant.id, dice.one(&[0, 2, 3, 4]))).collect());
        Self {
            uses,
            parties: PARTIES.iter().map(|name| party(name, dice)).collect(),
            relations,
            event,
            things,
            sites,
            policy: Policy {
                version: 1,
                grants,
                caps,
                emergencies,
            },
            proved,
        }
    }

    fn thing(&self, epc: &Epc) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.epc() == Some(epc))
    }

    fn class(&self, class: &EpcClass) -> Option<&Thing> {
        self.things
            .iter()
            .find(|thing| matches!(&thing.named, Named::Class(one) if one == class))
    }
}

struct Eyes<'a>(&'a World, &'a PartyId);

impl Viewer for Eyes<'_> {
    fn owns(&self, epc: &Epc) -> bool {
        self.0.thing(epc).is_some_and(|thing| thing.owners.contains(&self.1.as_str()))
    }
    fn owns_class(&self, class: &EpcClass) -> bool {
        self.0
            .class(class)
            .is_some_and(|thing| thing.owners.contains(&self.1.as_str()))
    }
    fn is_anothers(&self, epc: &Epc) -> bool {
        self.0.thing(epc).is_some_and(|thing| thing.is_anothers(self.1.as_str()))
    }
    fn is_anothers_class(&self, class: &EpcClass) -> bool {
        self.0.class(class).is_some_and(|thing| thing.is_anothers(self.1.as_str()))
    }
    // Places, parties and documents that the event names are nobody's of these: each level of them has one form then.
    fn is_self(&self, _: &Epc) -> bool {
        false
    }
    fn is_principal(&self, _: &Epc) -> bool {
        false
    }
    fn is_anothers_document(&self, _: &str) -> bool {
        false
    }
}

impl Places for World {
    fn country_of(&self, site: Gln) -> Option<&str> {
        SITES
            .iter()
            .find(|(gln, _)| *gln == site.as_str())
            .and_then(|(_, country)| *country)
    }
    fn lot_of(&self, epc: &Epc) -> Option<&str> {
        self.thing(epc).and_then(|thing| thing.lot)
    }
}

impl Facts for World {
    fn party(&self, id: &PartyId) -> Option<&Party> {
        self.parties.iter().find(|party| party.id == *id && party.active)
    }
    fn relations(&self, party: &PartyId) -> Relations {
        let at = PARTIES.iter().position(|one| *one == party.as_str());
        at.map(|at| self.relations[at]).unwrap_or_default()
    }
    fn eyes<'a>(&'a self, party: &'a PartyId) -> Box<dyn Viewer + 'a> {
        Box::new(Eyes(self, party))
    }
}

fn party(name: &str, dice: &mut Dice) -> Party {
    Party {
        id: id(name),
        legal_name: name.to_owned(),
        roles: ROLES.into_iter().filter(|_| dice.one_in(2)).collect(),
        gln: SITES[0].0.parse().expect("a GLN"),
        country: dice.one(&["CH", "DE"]).to_owned(),
        sites: Vec::new(),
        prefixes: Vec::new(),
        products: Vec::new(),
        sscc: Vec::new(),
        issuers: Vec::new(),
        capture: counterfoil::domain::profile::Profile::default(),
        licences: (0..dice.below(3)).map(|_| licence(dice)).collect(),
        webhooks: Vec::new(),
        active: !dice.one_in(12),
    }
}

/// Of the moment of the event, or of those just before or after it.
fn licence(dice: &mut Dice) -> Licence {
    Licence {
        role: dice.one(&ROLES),
        country: dice.one(&[None, Some("CH"), Some("DE")]).map(str::to_owned),
        authority: String::new(),
        number: String::new(),
        valid_from: Micros(EVENT_TIME + dice.one(&[-1, -1, 0, 0, 1])),
        valid_until: dice.one(&[None, None, Some(EVENT_TIME), Some(EVENT_TIME + 1)]).map(Micros),
    }
}

/// None, one or two of those that there are. Who gives has one of those that let it, nearly always, or one that tells it much and lets it
/// give nothing; the others often have none.
fn relations(dice: &mut Dice, gives: bool) -> Relations {
    let (count, among) = match gives {
        true if dice.one_in(8) => return Relations::LATER_OWNER,
        true => (
            dice.one(&[0, 1, 1, 1, 1, 2]),
            if dice.one_in(6) { Relations::ALL.len() } else { 3 },
        ),
        false => (dice.one(&[0, 0, 1, 2]), Relations::ALL.len()),
    };
    let found = (0..count).map(|_| Relations::ALL[dice.below(among)].0);
    found.fold(Relations::default(), Relations::with)
}

fn things(dice: &mut Dice) -> Vec<Thing> {
    // An event of sensors at a place names nothing.
    let (children, has_parent) = (if dice.one_in(8) { 0 } else { 1 + dice.below(3) }, dice.one_in(3));
    let mut things: Vec<Thing> = (0..children).map(|serial| child(dice, serial)).collect();
    if has_parent {
        let product = dice.one(&[None, Some(0), Some(1)]);
        let epc = match product {
            Some(at) => Epc::sgtin(gtin(at), "P1").expect("an SGTIN"),
            None => Epc::from_sscc("095210021234567894".parse().expect("an SSCC")),
        };
        let named = Named::Parent(epc);
        things.push(thing(dice, named, product));
    }
    let mut named = HashSet::new();
    things.retain(|thing| named.insert(thing.text().to_owned()));
    things
}

fn child(dice: &mut Dice, serial: usize) -> Thing {
    let product = dice.below(2);
    if !dice.one_in(5) {
        let epc = Epc::sgtin(gtin(product), &format!("S{serial}")).expect("an SGTIN");
        return thing(dice, Named::Child(epc), Some(product));
    }
    let lot = dice.one(&[None, Some(LOTS[0]), Some(LOTS[1])]);
    let class = match lot {
        Some(lot) => format!("https://id.gs1.org/01/{}/10/{lot}", GTINS[product]),
        None => format!("https://id.gs1.org/01/{}", GTINS[product]),
    };
    let class = thing(dice, Named::Class(class.parse().expect("a class")), Some(product));
    Thing { lot, ..class }
}

fn thing(dice: &mut Dice, named: Named, product: Option<usize>) -> Thing {
    Thing {
        named,
        product,
        lot: dice.one(&[None, Some(LOTS[0]), Some(LOTS[0]), Some(LOTS[1])]),
        owners: PARTIES.into_iter().filter(|_| dice.one_in(2)).collect(),
        principal: dice.one(&[None, Some(PARTIES[0]), Some(PARTIES[3])]),
    }
}

fn node(namespace: &str, local: &str) -> Node {
    Node {
        name: Name {
            namespace: namespace.into(),
            local: local.into(),
            prefix: "".into(),
        },
        attributes: Vec::new(),
        content: Content::Text("x".into()),
    }
}

/// An event with something of every class that an event can show.
fn event(dice: &mut Dice, things: &[Thing], sites: &[(&'static str, Option<&'static str>)]) -> Event {
    let kind = if dice.one_in(2) {
        EventType::Object
    } else {
        EventType::Aggregation
    };
    let mut event = Event::new(kind, Some(Action::Observe), Micros(EVENT_TIME), 0);
    for thing in things {
        match &thing.named {
            Named::Child(epc) => event.epcs.push(epc.clone()),
            Named::Parent(epc) => event.parent = Some(epc.clone()),
            Named::Class(class) => event.quantities.push(Quantity {
                class: class.clone(),
                quantity: None,
                uom: None,
            }),
        }
    }
    let place = |gln: &str| Location {
        id: format!("https://id.gs1.org/414/{gln}/254/7").parse().expect("a place"),
        extensions: vec![node("https://example.org/", "shelf")],
    };
    event.read_point = sites.first().map(|(gln, _)| place(gln));
    event.biz_location = sites.get(1).map(|(gln, _)| place(gln));
    event.biz_step = Some(Term(dice.one(&STEPS).into()));
    event.disposition = Some(Term("in_transit".into()));
    event.sensor_elements = vec![node("", "sensorElement")];
    event.ilmd = vec![node(CBV_MDA, "countryOfOrigin"), node("https://example.org/", "price")];
    event.extensions = vec![node("https://example.org/", "note")];
    event.biz_transactions = ["desadv", "po"]
        .map(|kind| BizTransaction {
            kind: Some(Term(kind.into())),
            id: kind.into(),
        })
        .into();
    let ends = || {
        ["possessing_party", "owning_party", "https://example.org/payer"].map(|kind| SourceDest {
            kind: Term(kind.into()),
            id: format!("https://id.gs1.org/417/{}", SITES[0].0).parse().expect("a party"),
        })
    };
    (event.sources, event.destinations) = (ends().into(), ends().into());
    event
}

fn sight(dice: &mut Dice) -> Sight {
    if dice.one_in(4) {
        return Sight::FULL;
    }
    let mut sight = Sight::default();
    for class in Class::ALL {
        let levels = class.levels();
        sight.set(class, dice.one(&levels)).expect("a level of the class");
    }
    if dice.one_in(3) {
        (sight.before, sight.after) = (Who::Role, Who::Role);
    }
    if !dice.one_in(3) {
        (sight.existence, sight.when) = (Shown::Full, When::Exact);
        sight.contents = sight.contents.max(Contents::Own);
    }
    sight
}

fn scope(dice: &mut Dice) -> Scope {
    let some = |dice: &mut Dice, of: &[&str]| {
        let taken = dice.one_in(5);
        let all = of.iter().filter(|_| taken && dice.one_in(2));
        all.map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    let gtins: Vec<usize> = dice.one(&[vec![], vec![], vec![0], vec![1], vec![0, 1]]);
    let dates = [None, None, None, None, None, None, Some(EVENT_TIME), Some(EVENT_TIME + 1)];
    Scope {
        gtins: gtins.into_iter().map(gtin).collect(),
        lots: some(dice, &LOTS),
        sites: some(dice, &SITES.map(|(gln, _)| gln))
            .iter()
            .map(|gln| gln.parse().expect("a GLN"))
            .collect(),
        biz_steps: some(dice, &STEPS),
        countries: some(dice, &["DE", "FR"]),
        event_from: dice.one(&dates).map(Micros),
        event_until: dice.one(&dates).map(Micros),
    }
}

/// A moment that has come nearly always, sometimes at this very moment, sometimes in the next.
fn begun(dice: &mut Dice) -> Micros {
    Micros(NOW.0 + dice.one(&[-90, -90, -90, -60, -60, -60, -1, -1, -1, 0, 0, 0, 0, 0, 0, 1]))
}

/// A moment that is to come, sometimes in the next, sometimes at this very one.
fn ends(dice: &mut Dice) -> Micros {
    Micros(NOW.0 + dice.one(&[90, 90, 90, 90, 90, 90, 90, 90, 1, 1, 1, 1, 1, 1, 0, -1]))
}

fn ended(dice: &mut Dice) -> Option<Micros> {
    let may_end = dice.one_in(4);
    may_end.then(|| Micros(NOW.0 + dice.one(&[90, 1, 1, 0, -1, -1])))
}

fn number(dice: &mut Dice) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(dice.next()))
}

fn grant(dice: &mut Dice) -> Held {
    let grantee = match dice.below(4) {
        0 => Grantee::Role {
            role: dice.one(&ROLES),
            country: dice.one(&[None, Some("CH"), Some("DE")]).map(str::to_owned),
        },
        _ => Grantee::Party(id(dice.one(&[PARTIES[1], PARTIES[2], PARTIES[2], PARTIES[3], PARTIES[3]]))),
    };
    let grant = Grant {
        id: GrantId::new(number(dice)),
        name: None,
        version: 1,
        supersedes: None,
        grantor: id(dice.one(&[PARTIES[0], PARTIES[0], PARTIES[1], PARTIES[1], PARTIES[2], PARTIES[3]])),
        grantee,
        scope: scope(dice),
        levels: sight(dice),
        purpose: String::new(),
        legal_basis: None,
        valid_from: begun(dice),
        valid_until: ends(dice),
        conditions: Conditions {
            full_identifier: dice.one_in(6),
            role: dice.one(&[None, None, None, Some(ROLES[0])]),
            least_contributors: dice.one_in(10).then_some(5),
            queries_per_day: dice.one_in(4).then_some(3),
            licence: dice.one_in(6).then(|| Required {
                role: dice.one(&ROLES),
                country: dice.one(&[None, Some("CH"), Some("DE")]).map(str::to_owned),
            }),
        },
        signers: Signers::Grantor,
        reshare: Reshare::None,
    };
    Held {
        grant,
        origin: Origin::Signed,
        proposed_at: Micros(0),
        in_force_at: (!dice.one_in(10)).then(|| begun(dice)),
        ended_at: ended(dice),
    }
}

/// The same of everything, always, by the first party to the third.
fn plain(held: Held) -> Held {
    Held {
        grant: Grant {
            grantor: id(PARTIES[0]),
            grantee: Grantee::Party(id(PARTIES[2])),
            scope: Scope::default(),
            levels: Sight::FULL,
            valid_from: Micros(0),
            valid_until: Micros(NOW.0 + 1),
            conditions: Conditions::default(),
            ..held.grant
        },
        in_force_at: Some(NOW),
        ended_at: None,
        ..held
    }
}

fn cap(dice: &mut Dice) -> CapHeld {
    CapHeld {
        cap: Cap {
            id: CapId::new(number(dice)),
            name: None,
            owner: id(dice.one(&PARTIES)),
            grantees: dice
                .one(&[vec![], vec![], vec![PARTIES[2]], vec![PARTIES[0], PARTIES[3]]])
                .into_iter()
                .map(id)
                .collect(),
            scope: scope(dice),
            levels: sight(dice),
        },
        set_at: begun(dice),
        ended_at: ended(dice),
    }
}

fn emergency(dice: &mut Dice) -> EmergencyHeld {
    EmergencyHeld {
        emergency: Emergency {
            id: EmergencyId::new(number(dice)),
            owner: id(PARTIES[0]),
            gtin: gtin(dice.below(2)),
            lots: dice.one(&[vec![], vec![], vec![LOTS[0].to_owned()]]),
            reason: String::new(),
            from: begun(dice),
            until: ends(dice),
        },
        declared_at: begun(dice),
        ended_at: ended(dice),
    }
}
