//! Master data, as far as a caller may know it: its own sites and products, and what identifiers say by themselves.
//!
//! A location with an extension lies in the one without (GS1 General Specifications clause 3.4.2), whoever has it. What other
//! parties call their places is not told, not even by an event that is found or not.

use std::sync::Arc;

use crate::domain::gs1::{Epc, Gln, Scheme};
use crate::domain::party::{Actor, Party};
use crate::domain::query::Knowledge;
use crate::service::Hub;

/// What one caller may know.
#[derive(Debug)]
pub struct Known(Option<Arc<Party>>);

impl Known {
    /// What this caller may.
    #[must_use]
    pub fn to(hub: &Hub, actor: &Actor) -> Self {
        Self(hub.registry().party(&actor.party).cloned())
    }

    fn own_site(&self, gln: Gln) -> bool {
        self.0
            .as_ref()
            .is_some_and(|party| party.sites.iter().any(|site| site.gln == gln))
    }
}

impl Knowledge for Known {
    fn is_below(&self, place: &Epc, above: &Epc) -> bool {
        let (Some(inner), Some(outer)) = (place.gln(), above.gln()) else {
            return false;
        };
        let is_plain = above.scheme() == Scheme::Pgln || *above == Epc::from_gln(outer);
        let is_seat = self.0.as_ref().is_some_and(|party| party.gln == outer);
        is_plain && (inner == outer || (is_seat && self.own_site(inner)))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Vec<String> {
        let Some(party) = &self.0 else { return Vec::new() };
        let name = attribute.rsplit(['#', ':', '/']).next().unwrap_or(attribute);
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
        found.into_iter().cloned().collect()
    }
}
