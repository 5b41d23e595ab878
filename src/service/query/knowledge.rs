//! Master data, as far as a caller may know it: its own sites and products, what its own documents say, what the document of an
//! event says of what the event names, and what identifiers say by themselves.
//!
//! A location with an extension lies in the one without (GS1 General Specifications clause 3.4.2), whoever has it. What other
//! parties call their places elsewhere is not told, not even by an event that is found or not. Of the caller's own documents the
//! newest that speaks of an identifier counts; that of the event counts before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::gs1::{Epc, Gln, Scheme};
use crate::domain::ids::DocumentId;
use crate::domain::party::{Actor, Party};
use crate::domain::query::{Clause, Knowledge, Query};
use crate::epcis::statement::canonical_id;
use crate::service::master_data::{identifiers, of_product};
use crate::service::{Hub, ServiceError};
use crate::storage::document;
use crate::storage::view::event::EventRow;

/// How far up what lies below what is followed.
const LEVELS: usize = 16;

/// What one caller may know.
#[derive(Debug)]
pub struct Known {
    party: Option<Arc<Party>>,
    attributes: BTreeMap<Source, document::Attributes>,
    /// What lies right above.
    above: BTreeMap<Source, Vec<String>>,
}

/// Which document (none: the caller's own) says something of which identifier.
type Source = (Option<DocumentId>, String);

/// The same about the events of one document.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    known: &'a Known,
    document: DocumentId,
}

impl Known {
    /// What this caller may.
    #[must_use]
    pub fn to(hub: &Hub, actor: &Actor) -> Self {
        Self {
            party: hub.registry().party(&actor.party).cloned(),
            attributes: BTreeMap::new(),
            above: BTreeMap::new(),
        }
    }

    /// Whether a query asks for more than identifiers and the registry say.
    #[must_use]
    pub fn is_asked(query: &Query) -> bool {
        let asks = |clause: &Clause| matches!(clause, Clause::MasterData { .. } | Clause::Place { descendants: true, .. });
        query.clauses.iter().any(asks)
    }

    /// Reads what documents say of what these events name.
    pub(super) async fn learn(&mut self, hub: &Hub, actor: &Actor, rows: &[EventRow]) -> Result<(), ServiceError> {
        let named: BTreeSet<(DocumentId, String)> = rows
            .iter()
            .flat_map(|row| identifiers(&row.event).into_iter().map(|id| (row.document, id)))
            .collect();
        let ids: BTreeSet<String> = named.iter().map(|(_, id)| id.clone()).collect();
        let told = document::told(hub.db(), &named).await?;
        let told = told
            .into_iter()
            .map(|((document, id), (_, attributes))| ((Some(document), id), attributes));
        let own = document::own(hub.db(), &actor.party, &ids).await?;
        self.attributes = told
            .chain(own.into_iter().map(|(id, attributes)| ((None, id), attributes)))
            .collect();
        self.climb(hub, actor, named, ids).await
    }

    /// Upwards from what events name: by their documents, and by the caller's own.
    async fn climb(
        &mut self,
        hub: &Hub,
        actor: &Actor,
        mut told: BTreeSet<(DocumentId, String)>,
        mut own: BTreeSet<String>,
    ) -> Result<(), ServiceError> {
        self.above.clear();
        let (mut seen, mut own_seen) = (told.clone(), own.clone());
        for _ in 0..LEVELS {
            let (by_documents, by_own) = (
                document::above(hub.db(), &told).await?,
                document::own_above(hub.db(), &actor.party, &own).await?,
            );
            (told, own) = (BTreeSet::new(), BTreeSet::new());
            for (document, child, parent) in by_documents {
                if seen.insert((document, parent.clone())) {
                    told.insert((document, parent.clone()));
                }
                self.above.entry((Some(document), child)).or_default().push(parent);
            }
            for (child, parent) in by_own {
                if own_seen.insert(parent.clone()) {
                    own.insert(parent.clone());
                }
                self.above.entry((None, child)).or_default().push(parent);
            }
            if told.is_empty() && own.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The same about the events of a document.
    pub(super) fn about(&self, document: DocumentId) -> About<'_> {
        About { known: self, document }
    }

    fn own_site(&self, gln: Gln) -> bool {
        self.party
            .as_ref()
            .is_some_and(|party| party.sites.iter().any(|site| site.gln == gln))
    }

    /// By the identifiers alone, and the caller's own sites.
    fn lies_in(&self, place: &Epc, above: &Epc) -> bool {
        let (Some(inner), Some(outer)) = (place.gln(), above.gln()) else {
            return false;
        };
        let is_plain = above.scheme() == Scheme::Pgln || *above == Epc::from_gln(outer);
        let is_seat = self.party.as_ref().is_some_and(|party| party.gln == outer);
        is_plain && (inner == outer || (is_seat && self.own_site(inner)))
    }

    /// By the registry, of what is the caller's own.
    fn registered(&self, id: &str, name: &str) -> Option<String> {
        let party = self.party.as_ref()?;
        let of_place = id.parse::<Epc>().ok().and_then(|epc| epc.gln()).and_then(|gln| {
            if let Some(site) = party.sites.iter().find(|site| site.gln == gln) {
                return Some((&site.name, &site.country));
            }
            (party.gln == gln).then_some((&party.legal_name, &party.country))
        });
        let gtin = id.parse::<crate::domain::gs1::EpcClass>().ok().and_then(|class| class.gtin());
        let product = party.products.iter().find(|product| Some(product.gtin) == gtin);
        let found = match name {
            "name" => of_place.map(|(name, _)| name),
            "countryCode" => of_place.map(|(_, country)| country),
            "regulatedProductName" | "descriptionShort" => product.map(|product| &product.name),
            _ => None,
        };
        found.cloned()
    }
}

impl Knowledge for About<'_> {
    fn is_below(&self, place: &Epc, above: &Epc) -> bool {
        if self.known.lies_in(place, above) {
            return true;
        }
        // Upwards from the place, by the event's document and by the caller's own.
        let goal = above.canonical();
        let (mut next, mut seen) = (vec![place.canonical()], BTreeSet::new());
        while let Some(id) = next.pop() {
            if id == goal {
                return true;
            }
            if seen.insert(id) && seen.len() < 1_000 {
                for document in [Some(self.document), None] {
                    let parents = self.known.above.get(&(document, id.to_owned()));
                    next.extend(parents.into_iter().flatten().map(String::as_str));
                }
            }
        }
        false
    }

    fn attribute(&self, id: &str, attribute: &str) -> Vec<String> {
        let wanted = bare(attribute);
        let product = id.parse::<crate::domain::gs1::EpcClass>().ok().and_then(|class| class.gtin());
        let ids = [Some(canonical_id(id)), product.map(of_product)];
        let mut found: Vec<String> = Vec::new();
        for document in [Some(self.document), None] {
            for id in ids.iter().flatten() {
                let told = self.known.attributes.get(&(document, id.clone())).into_iter().flatten();
                found.extend(told.filter(|(name, _)| bare(name) == wanted).map(|(_, value)| value.clone()));
            }
            if !found.is_empty() {
                return found;
            }
        }
        self.known.registered(id, wanted).into_iter().collect()
    }
}

/// The last part of the names of the CBV vocabulary, whichever of its spellings; any other name as it stands.
fn bare(name: &str) -> &str {
    let prefixes = [
        "urn:epcglobal:cbv:mda#",
        "urn:epcglobal:cbv:mda:",
        "cbvmda:",
        "https://ref.gs1.org/cbv/mda/",
    ];
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}
