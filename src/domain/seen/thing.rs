//! One thing, by the words about it and about what it was in while it was in it.

use std::collections::BTreeMap;

use crate::domain::containment::Forest;
use crate::domain::event::{Action, EpcRole, Event, EventType, Location};
use crate::domain::gs1::{Epc, EpcKey, Gln};
use crate::domain::ids::PartyId;
use crate::domain::lens::{Shown, Where, Who};
use crate::domain::party::Registry;
use crate::domain::party::licence::licensed;
use crate::domain::provenance::{Hop, Provenance, country, main_role};
use crate::domain::shipment::{Sides, Taker};
use crate::domain::time::Micros;

use super::shipment::place;
use super::{Word, Words, pack};

/// A party and since when, where it is known.
pub type Since = Option<(PartyId, Micros)>;

/// What is told of a thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its identifier.
    pub epc: Epc,
    /// When the last of the words happened.
    pub last_at: Micros,
    /// Its last disposition, and whether it was said of something that the thing was in.
    pub disposition: Option<(String, bool)>,
    /// Its persistent dispositions, by name.
    pub lasting: Vec<String>,
    /// Who took it last, or made it, and when.
    pub custodian: Since,
    /// Who bought it last, and when.
    pub owner: Since,
    /// When it was commissioned.
    pub commissioned_at: Option<Micros>,
    /// What it is in.
    pub parent: Option<Epc>,
    /// Its product and its way; without what was declared about it.
    pub provenance: Provenance,
    /// What is declared about it may be told: its state is.
    pub shows_state: bool,
}

/// What the words say of a thing; `None` where no granted one names it.
#[must_use]
pub fn thing(words: &Words, key: EpcKey, registry: &Registry) -> Option<Told> {
    if !words.grants(key) {
        return None;
    }
    let epc = words.epc(key)?.clone();
    let mut way = Way {
        registry,
        forest: Forest::default(),
        path: Vec::new(),
        told: Told {
            provenance: Provenance {
                unbroken: false,
                gtin: epc.gtin(),
                lot: None,
                expiry: None,
                disposition: None,
                manufacturer: None,
                hops: Vec::new(),
                previous_owner: None,
                recalls: Vec::new(),
            },
            epc,
            last_at: Micros::MIN,
            disposition: None,
            lasting: Vec::new(),
            custodian: None,
            owner: None,
            commissioned_at: None,
            parent: None,
            shows_state: false,
        },
        lasting: BTreeMap::new(),
        open: None,
        is_gapless: true,
    };
    for word in &words.0 {
        way.hear(word, key);
        pack(&mut way.forest, word);
    }
    let Way {
        forest,
        mut told,
        lasting,
        open,
        is_gapless,
        ..
    } = way;
    told.parent = forest.place(key).and_then(|place| words.epc(place.parent)).cloned();
    told.lasting = lasting
        .into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(term, _)| term)
        .collect();
    told.provenance.disposition = told.disposition.as_ref().map(|(term, _)| term.clone());
    told.provenance.unbroken = told.commissioned_at.is_some() && is_gapless && open.is_none_or(|open| open.is_last(&told));
    Some(told)
}

struct Way<'a> {
    registry: &'a Registry,
    forest: Forest,
    /// The thing and what it is in, innermost first.
    path: Vec<EpcKey>,
    told: Told,
    lasting: BTreeMap<String, bool>,
    /// The handover that no receipt was seen of yet.
    open: Option<Open>,
    /// Each handover began where the last one ended, and with a receipt of it.
    is_gapless: bool,
}

/// A handover on its way, with what is so again if it is taken back.
struct Open {
    hop: usize,
    before: (Since, Since),
}

impl Open {
    fn is_last(&self, told: &Told) -> bool {
        self.hop + 1 == told.provenance.hops.len()
    }
}

/// How a word concerns a thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Concern {
    /// It names the thing.
    Named,
    /// It is said of something that the thing is in.
    Inherited,
    /// It says what becomes of the thing, which is not what it says of the rest.
    UsedUp,
}

impl Way<'_> {
    fn hear(&mut self, word: &Word, key: EpcKey) {
        self.path.clear();
        self.path.push(key);
        let mut here = key;
        while let Some(place) = self.forest.place(here) {
            here = place.parent;
            self.path.push(here);
        }
        let Some(concern) = self.concern(word, key) else { return };
        let (event, told) = (&word.event, &mut self.told);
        told.last_at = told.last_at.max(event.event_time);
        if concern != Concern::Inherited && word.sight.product == Shown::Full {
            let owner = told.epc.gtin().and_then(|gtin| self.registry.owner_of_gtin(gtin));
            told.provenance.manufacturer = owner.cloned();
        }
        told.shows_state |= word.sight.state == Shown::Full;
        if concern == Concern::UsedUp {
            return;
        }
        self.condition(word, concern);
        if concern == Concern::Named && word.made().any(|epc| epc.key() == key) {
            self.make(word);
        }
        match event.step() {
            "shipping" if word.is("shipping") => self.ship(word),
            "receiving" if word.is("receiving") => self.receive(word),
            "void_shipping" if word.is("void_shipping") => self.take_back(),
            _ => {}
        }
    }

    fn concern(&self, word: &Word, key: EpcKey) -> Option<Concern> {
        let mut inherited = false;
        for (role, epc) in word.event.roles() {
            let named = epc.key();
            if named == key {
                let used_up = role == EpcRole::Input;
                return Some(if used_up { Concern::UsedUp } else { Concern::Named });
            }
            inherited |= self.path.contains(&named);
        }
        (inherited && passes_down(&word.event)).then_some(Concern::Inherited)
    }

    fn condition(&mut self, word: &Word, concern: Concern) {
        let inferred = concern == Concern::Inherited;
        let of_the_container = |term: &str| matches!(term, "container_open" | "container_closed");
        let term = word.event.disposition.as_ref().map(|term| term.as_str());
        if let Some(term) = term.filter(|term| !(inferred && of_the_container(term))) {
            self.told.disposition = Some((term.to_owned(), inferred));
        }
        if let Some(lasting) = &word.event.persistent_disposition {
            for (terms, holds) in [(&lasting.unset, false), (&lasting.set, true)] {
                self.lasting
                    .extend(terms.iter().map(|term| (term.as_str().to_owned(), holds)));
            }
        }
    }

    fn make(&mut self, word: &Word) {
        let (event, told) = (&word.event, &mut self.told);
        let provenance = &mut told.provenance;
        let text = |text: Option<&str>| text.map(str::to_owned);
        provenance.lot = provenance.lot.take().or_else(|| text(event.lot()));
        provenance.expiry = provenance.expiry.take().or_else(|| text(event.expiry()));
        if told.commissioned_at.is_some() {
            return;
        }
        told.commissioned_at = Some(event.event_time);
        told.custodian = word.teller.clone().map(|maker| (maker, event.event_time));
        let site = site(&event.biz_location).or_else(|| site(&event.read_point));
        let hop = hop(self.registry, word, word.teller.clone(), site);
        self.told.provenance.hops.push(hop);
    }

    fn ship(&mut self, word: &Word) {
        let (event, sides) = (&word.event, Sides::of(&word.event, self.registry));
        let taker = match &sides.receiver {
            Taker::Unnamed if word.sight.after >= Who::Counterparty => return,
            Taker::Unnamed | Taker::Outside => None,
            Taker::Party(party) => Some(party.clone()),
        };
        let before = (self.told.custodian.clone(), self.told.owner.clone());
        let sender = sides.sender.as_ref().or(word.teller.as_ref());
        let holder = before.0.as_ref().map(|(holder, _)| holder);
        self.is_gapless &= sender.is_some() && sender == holder && self.open.is_none();
        self.told.custodian = taker.clone().map(|taker| (taker, event.event_time));
        self.deal(word, sides);
        let hop = hop(self.registry, word, taker, place(&event.destinations));
        self.open = Some(Open {
            hop: self.told.provenance.hops.len(),
            before,
        });
        self.told.provenance.hops.push(hop);
    }

    /// Whose it is by a handover. Where the sides are not told, it is not known any more.
    fn deal(&mut self, word: &Word, sides: Sides) {
        if !word.tells_deals() {
            self.told.owner = None;
        } else if let Some(buyer) = sides.buyer {
            self.told.owner = Some((buyer, word.event.event_time));
        } else if !sides.sellers.is_empty() {
            self.told.owner = None;
        }
    }

    fn receive(&mut self, word: &Word) {
        let (event, sides) = (&word.event, Sides::of(&word.event, self.registry));
        let taker = sides.receiver.party().or(word.teller.as_ref()).cloned();
        let site = place(&event.destinations).or_else(|| site(&event.biz_location));
        let mut come = hop(self.registry, word, taker.clone(), site);
        let hops = &mut self.told.provenance.hops;
        let sent = self.open.take().and_then(|open| hops.get_mut(open.hop));
        match sent.filter(|sent| sent.party.is_none() || taker.is_none() || sent.party == taker) {
            Some(sent) => {
                if come.party.is_none() {
                    come = Hop {
                        at: come.at,
                        month: come.month,
                        ..sent.clone()
                    };
                }
                come.site = come.site.or(sent.site);
                come.country = come.country.or_else(|| sent.country.clone());
                *sent = come;
            }
            None => {
                self.is_gapless = false;
                hops.push(come);
                self.deal(word, sides);
            }
        }
        if let Some(taker) = taker {
            self.told.custodian = Some((taker, event.event_time));
        }
    }

    fn take_back(&mut self) {
        let Some(open) = self.open.take().filter(|open| open.is_last(&self.told)) else {
            return;
        };
        self.told.provenance.hops.truncate(open.hop);
        (self.told.custodian, self.told.owner) = open.before;
    }
}

/// Whether what is said of a container goes for its contents, as far as an event shows: see [`crate::domain::ledger`].
fn passes_down(event: &Event) -> bool {
    match (event.kind, event.action) {
        (EventType::Object, Some(Action::Observe)) => !matches!(event.step(), "decommissioning" | "destroying"),
        (EventType::Aggregation, Some(Action::Observe)) | (EventType::Transaction | EventType::Association, _) => true,
        (EventType::Object | EventType::Aggregation, Some(Action::Add | Action::Delete) | None)
        | (EventType::Transformation, _) => false,
    }
}

fn site(place: &Option<Location>) -> Option<Gln> {
    place.as_ref().and_then(|place| place.id.gln())
}

/// That a party got the thing by an event, with no more than the event shows. That somebody kept silent follows from no event.
fn hop(registry: &Registry, word: &Word, party: Option<PartyId>, site: Option<Gln>) -> Hop {
    let at = word.event.event_time;
    let known = party.as_ref().and_then(|party| registry.party(party));
    let role = known.and_then(|party| main_role(party));
    let moment = (at, Micros(at.0.saturating_add(1)));
    let shows_country = matches!(word.sight.place, Where::Country | Where::Site | Where::ReadPoint);
    let of_site = site.and_then(|site| registry.site(site));
    let of_site = of_site.map(|(_, site)| site.country.clone());
    let of_party = || country(registry, party.as_ref()?, None);
    Hop {
        role,
        licence_valid: known.zip(role).and_then(|(party, role)| licensed(party, role, moment)),
        country: of_site.or_else(|| shows_country.then(of_party).flatten()),
        month: Some(at.month()),
        at: Some(at),
        site,
        silent: false,
        party,
    }
}
