//! What a party may assert: the right to say an event at all, before asking whether it fits the state.
//!
//! Judged by the contracts as they were valid at the time of the event, and as they are when it is told. What a delegate does in another's
//! name is to tell it: a mandate that ended lets nobody tell anything any more, or whoever held it could go on for ever by giving its acts
//! an early time. Between the two moments one agreement may have followed another. What comes late of the time of a mandate needs one
//! that holds, if only for the telling; what was told before stays.
//!
//! Pure: registry and event in, findings out. A document with one finding of these is refused whole, so that nobody can put words about
//! others' goods into the hub.

use std::collections::{BTreeSet, HashMap};

use super::agreement::{Agreement, Power};
use super::event::{Action, Event, EventType, Location, SourceDest};
use super::finding::{Finding, FindingCode};
use super::gs1::{Epc, Gln, Gtin, Scheme};
use super::ids::PartyId;
use super::party::{Mandate, Registry};
use super::time::Micros;

/// What an assertion rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// In whose name the event is asserted, if not in the asserter's own.
    pub principal: Option<PartyId>,
    /// Why it may not be asserted; each refuses.
    pub findings: Vec<Finding>,
}

/// Whether a party may send in the name of the holder of a GLN: itself, or a principal of an agreement that holds.
#[must_use]
pub fn may_send_as(registry: &Registry, party: &PartyId, gln: Gln, at: Micros) -> bool {
    registry.party_of_gln(gln).is_some_and(|holder| {
        holder == party
            || registry
                .principals_of(party, at)
                .any(|agreement| agreement.principal == *holder)
    })
}

/// Judges one event that `party` tells now. `pointer` is where it stands in its document.
#[must_use]
pub fn judge(registry: &Registry, (party, now): (&PartyId, Micros), event: &Event, pointer: &str) -> Judgement {
    let mut judge = Judge {
        registry,
        party,
        at: event.event_time,
        // Clocks of lines may be ahead of ours, over the beginning of a mandate too.
        told: event.event_time.max(now),
        pointer,
        judgement: Judgement::default(),
        reliances: Vec::new(),
        products: HashMap::new(),
        ended: None,
    };
    // The giving or taking side names the principal best; then the products; a place is the weakest hint.
    judge.sides(event);
    judge.identities(event);
    judge.place(event.read_point.as_ref(), "readPoint");
    judge.place(event.biz_location.as_ref(), "bizLocation");
    judge.no_place(event);
    judge.judgement
}

/// All in whose name the giving or taking side of an event is told: goods of several principals may travel on one pallet.
#[must_use]
pub fn acted_for(registry: &Registry, party: &PartyId, event: &Event) -> Vec<PartyId> {
    let side = match event.step() {
        "shipping" | "void_shipping" => &event.sources,
        "receiving" => &event.destinations,
        // Other steps move nothing.
        _ => return Vec::new(),
    };
    let holders = side.iter().filter_map(|end| registry.party_of_gln(end.id.gln()?));
    let acts = |holder: &&PartyId| {
        let mut agreements = registry.principals_of(party, event.event_time);
        *holder != party && agreements.any(|agreement| agreement.principal == **holder)
    };
    holders.filter(acts).cloned().collect()
}

struct Judge<'a> {
    registry: &'a Registry,
    party: &'a PartyId,
    at: Micros,
    told: Micros,
    pointer: &'a str,
    judgement: Judgement,
    /// What the event claims by agreements: for each claim those that allow it.
    reliances: Vec<Vec<&'a Agreement>>,
    /// Products met, and whether the party may make them.
    products: HashMap<Gtin, bool>,
    /// An agreement that would have allowed what was asked for last, and has ended since.
    ended: Option<&'a Agreement>,
}

impl<'a> Judge<'a> {
    fn place(&mut self, place: Option<&Location>, field: &str) {
        // A place without GLN claims nobody's site.
        let Some((place, gln)) = place.and_then(|place| Some((place, place.id.gln()?))) else {
            return;
        };
        let holder = self.registry.party_of_gln(gln).cloned();
        match holder {
            // Where it acts for others at a place of its own, they may have said at which.
            Some(holder) if holder == *self.party => self.own_place(&place.id, gln, field),
            Some(holder) if self.delegated(&holder, |_| true) => {}
            Some(_) | None => self.refuse(
                FindingCode::LocationNotYours,
                field,
                &place.id,
                "is no site of yours or of a principal of yours",
            ),
        }
    }

    /// Whoever may act at some sites only says at which it does.
    fn no_place(&mut self, event: &Event) {
        let places = [&event.read_point, &event.biz_location];
        if places.into_iter().flatten().any(|place| place.id.gln().is_some()) {
            return;
        }
        let bound = |allowing: &&Vec<&Agreement>| allowing.iter().all(|agreement| !agreement.sites.is_empty());
        let Some(agreement) = self.reliances.iter().find(bound).and_then(|allowing| allowing.first()) else {
            return;
        };
        let detail = format!(
            "the event names no site, and your agreement with {} lets you act at some sites only: name one of them as `readPoint`",
            agreement.principal
        );
        let pointer = format!("{}/readPoint", self.pointer);
        self.judgement
            .findings
            .push(Finding::new(FindingCode::LocationNotYours, pointer, detail));
    }

    fn own_place(&mut self, place: &Epc, gln: Gln, field: &str) {
        let covered = |allowing: &Vec<&Agreement>| allowing.iter().any(|agreement| agreement.covers_site(gln));
        let Some(uncovered) = self.reliances.iter().find(|allowing| !covered(allowing)) else {
            return;
        };
        let principal = uncovered.first().map_or("", |agreement| agreement.principal.as_str());
        let why = format!("is no site at which your agreement with {principal} lets you act");
        self.refuse(FindingCode::LocationNotYours, field, place, &why);
    }

    fn sides(&mut self, event: &Event) {
        match event.step() {
            "shipping" | "void_shipping" => self.side(event, (&event.sources, "sourceList"), Power::Ship),
            "receiving" => self.side(event, (&event.destinations, "destinationList"), Power::Receive),
            // Other steps move nothing: their lists are read by nobody's custody.
            _ => {}
        }
    }

    fn side(&mut self, event: &Event, (side, field): (&[SourceDest], &str), power: Power) {
        let mut principals = BTreeSet::new();
        for (index, end) in side.iter().enumerate() {
            let holder = end.id.gln().and_then(|gln| self.registry.party_of_gln(gln)).cloned();
            match holder {
                Some(holder) if self.acts_for(&holder, |agreement| agreement.powers.contains(&power)) => {
                    principals.extend((holder != *self.party).then_some(holder));
                }
                Some(_) | None => {
                    let place = format!("{field}/{index}");
                    self.refuse(
                        FindingCode::PartyNotYours,
                        &place,
                        &end.id,
                        "is neither you nor a principal that lets you do this",
                    );
                }
            }
        }
        self.products_of(&principals, event, power);
    }

    /// In a principal's name are handed over only those of its products that the mandate names. What is inside of what the event lists is
    /// no matter of this: it is not known here.
    fn products_of(&mut self, principals: &BTreeSet<PartyId>, event: &Event, power: Power) {
        let epcs = event.epcs.iter().map(|epc| (epc.gtin(), epc.as_captured(), "epcList"));
        let classes = event
            .quantities
            .iter()
            .map(|quantity| (quantity.class.gtin(), quantity.class.as_captured(), "quantityList"));
        let (registry, mut allowed) = (self.registry, HashMap::new());
        for (index, (gtin, shown, field)) in epcs.enumerate().chain(classes.enumerate()) {
            let Some(gtin) = gtin else { continue };
            let owner = registry.owner_of_gtin(gtin).filter(|owner| principals.contains(*owner));
            let Some(owner) = owner else { continue };
            let allowed = *allowed
                .entry(gtin)
                .or_insert_with(|| self.delegated(owner, |agreement| agreement.names(power, gtin)));
            if !allowed {
                let why = format!("is of a product that your agreement with {owner} does not let you hand over in its name");
                self.refuse_as(FindingCode::EpcNotYours, &format!("{field}/{index}"), shown, &why);
            }
        }
    }

    fn identities(&mut self, event: &Event) {
        let list = |field: &'static str, epcs: &'_ [Epc]| -> Vec<(String, Epc)> {
            epcs.iter()
                .enumerate()
                .map(|(index, epc)| (format!("{field}/{index}"), epc.clone()))
                .collect()
        };
        let claimed = match (event.kind, event.action) {
            (EventType::Object, Some(Action::Add)) => list("epcList", &event.epcs),
            (EventType::Object, Some(Action::Delete)) if event.step() == "decommissioning" => list("epcList", &event.epcs),
            (EventType::Aggregation, Some(Action::Add)) => {
                event.parent.iter().map(|epc| ("parentID".to_owned(), epc.clone())).collect()
            }
            (EventType::Transformation, _) => list("outputEPCList", &event.output_epcs),
            (EventType::Object | EventType::Aggregation | EventType::Transaction | EventType::Association, _) => Vec::new(),
        };
        for (field, epc) in claimed {
            self.identity(&field, &epc);
        }
    }

    fn identity(&mut self, field: &str, epc: &Epc) {
        match epc.scheme() {
            Scheme::Sgtin => {
                let allowed = match epc.gtin() {
                    Some(gtin) => match self.products.get(&gtin) {
                        Some(allowed) => *allowed,
                        None => self.product(gtin),
                    },
                    None => false,
                };
                if !allowed {
                    self.refuse(
                        FindingCode::EpcNotYours,
                        field,
                        epc,
                        "is no product of yours, and no agreement lets you assert this for it",
                    );
                }
            }
            Scheme::Sscc => {
                let holder = epc
                    .sscc()
                    .and_then(|sscc| Some(self.registry.holder_of_prefix(sscc.as_str().get(1..)?)?.0.clone()));
                match holder {
                    Some(holder) if self.acts_for(&holder, |agreement| agreement.powers.contains(&Power::Commission)) => {}
                    Some(_) | None => self.refuse(
                        FindingCode::EpcNotYours,
                        field,
                        epc,
                        "has a company prefix that is not yours or your principal's",
                    ),
                }
            }
            // Returnable assets and private identifiers: nothing is claimed by using them.
            Scheme::Sgln | Scheme::Pgln | Scheme::OtherGs1 | Scheme::Uri => {}
        }
    }

    /// Whether the party may make things of a product.
    fn product(&mut self, gtin: Gtin) -> bool {
        let at = self.at;
        let allowed = match self.registry.mandate(self.party, Power::Commission, gtin, at) {
            Some(Mandate::Own) => true,
            Some(Mandate::Under(agreement)) => {
                self.acts_for(&agreement.principal, |agreement| agreement.names(Power::Commission, gtin))
            }
            None => false,
        };
        self.products.insert(gtin, allowed);
        allowed
    }

    /// Whether the party is the holder, or its delegate under an agreement that fits; notes on what that rests.
    fn acts_for(&mut self, holder: &PartyId, fits: impl Fn(&Agreement) -> bool) -> bool {
        holder == self.party || self.delegated(holder, &fits) && self.note(holder, fits)
    }

    fn delegated(&mut self, holder: &PartyId, fits: impl Fn(&Agreement) -> bool) -> bool {
        let then = self.agreements(holder, &fits).max_by_key(|agreement| agreement.valid_until);
        let mut now = self.registry.principals_of(self.party, self.told);
        let still = now.any(|agreement| agreement.principal == *holder && fits(agreement));
        if then.is_some() && still {
            self.judgement.principal.get_or_insert_with(|| holder.clone());
        } else {
            self.ended = then;
        }
        then.is_some() && still
    }

    fn note(&mut self, holder: &PartyId, fits: impl Fn(&Agreement) -> bool) -> bool {
        let allowing: Vec<&Agreement> = self.agreements(holder, fits).collect();
        if !self.reliances.contains(&allowing) {
            self.reliances.push(allowing);
        }
        true
    }

    fn agreements(&self, holder: &PartyId, fits: impl Fn(&Agreement) -> bool) -> impl Iterator<Item = &'a Agreement> {
        let (registry, party) = (self.registry, self.party);
        let all = registry.principals_of(party, self.at).map(AsRef::as_ref);
        all.filter(move |agreement| agreement.principal == *holder && fits(agreement))
    }

    fn refuse(&mut self, code: FindingCode, field: &str, epc: &Epc, why: &str) {
        self.refuse_as(code, field, epc.as_captured(), why);
    }

    fn refuse_as(&mut self, code: FindingCode, field: &str, shown: &str, why: &str) {
        let shown: String = shown.chars().take(80).collect();
        let pointer = format!("{}/{field}", self.pointer);
        let ended = self.ended.take().map_or(String::new(), |agreement| {
            let (principal, until) = (&agreement.principal, agreement.valid_until.rfc3339());
            format!("; your agreement with {principal} held when this happened and ended at {until}: only while one holds can it be told")
        });
        self.judgement
            .findings
            .push(Finding::new(code, pointer, format!("`{shown}` {why}{ended}")).about(shown));
    }
}
