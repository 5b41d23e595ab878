//! Parties: whole for those under contract with the caller, by name in what they have to do with.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain::gs1::Gln;
use crate::domain::ids::PartyId;
use crate::domain::party::{self, Registry};
use crate::service::{Hub, ServiceError};

use super::refusal::{Answer, bad_input, refuse};

/// What a party is on the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Role {
    /// Marketing authorisation holder.
    Manufacturer,
    /// Contract manufacturing or packaging organisation.
    Cmo,
    /// Third-party logistics provider: has goods, does not own them.
    Logistics,
    /// Buys and sells.
    Wholesaler,
    /// Pharmacy or hospital.
    Dispenser,
    /// Authority.
    Regulator,
    /// Runs the hub.
    Operator,
}

impl From<party::Role> for Role {
    fn from(role: party::Role) -> Self {
        match role {
            party::Role::Manufacturer => Self::Manufacturer,
            party::Role::Cmo => Self::Cmo,
            party::Role::Logistics => Self::Logistics,
            party::Role::Wholesaler => Self::Wholesaler,
            party::Role::Dispenser => Self::Dispenser,
            party::Role::Regulator => Self::Regulator,
            party::Role::Operator => Self::Operator,
        }
    }
}

/// A party named in something that the caller may see.
#[derive(Debug, Clone, SimpleObject)]
pub struct PartyName {
    /// GLN of the legal entity.
    gln: String,
    /// Registered name.
    legal_name: String,
    /// What it is.
    roles: Vec<Role>,
}

impl PartyName {
    /// From the registry; a party that is no longer in it has no name.
    #[must_use]
    pub fn of(registry: &Registry, id: &PartyId) -> Option<Self> {
        let party = registry.party(id)?;
        Some(Self {
            gln: party.gln.to_string(),
            legal_name: party.legal_name.clone(),
            roles: party.roles.iter().map(|role| Role::from(*role)).collect(),
        })
    }
}

/// A GLN as it is given in a query.
pub(in crate::transport::graphql) fn gln(text: &str) -> Answer<Gln> {
    text.parse()
        .map_err(|_| bad_input("a GLN has 13 digits with a right check digit"))
}

/// The party of the GLN of a legal entity. Who is on the hub is no secret among its parties: nobody could be granted anything otherwise.
/// Whose site a GLN is they do not learn: it is unknown here, as one that nobody has.
pub(in crate::transport::graphql) fn named(hub: &Hub, gln: &str) -> Answer<PartyId> {
    let gln = self::gln(gln)?;
    let registry = hub.registry();
    let party = registry.party_of_gln(gln).and_then(|id| registry.party(id));
    let entity = party.filter(|party| party.gln == gln).map(|party| party.id.clone());
    entity.ok_or_else(|| refuse(ServiceError::not_found()))
}

/// A place of a party.
#[derive(Debug, Clone, SimpleObject)]
pub struct Site {
    /// ISO 3166-1 alpha-2 country.
    country: String,
    /// GLN.
    gln: String,
    /// Name, for people.
    name: String,
}

/// The caller itself, or a party that it has an agreement with.
#[derive(Debug, Clone)]
pub struct Party(pub std::sync::Arc<party::Party>);

impl Party {
    /// Prefix of its global id.
    pub const PREFIX: &'static str = "pty_";

    /// The party of an id, if it is the caller or under contract with it.
    #[must_use]
    pub fn visible(registry: &Registry, caller: &PartyId, id: &PartyId) -> Option<Self> {
        let with = |agreement: &crate::domain::agreement::Agreement| agreement.principal == *id || agreement.delegate == *id;
        let under_contract = registry.agreements_of(caller).any(|agreement| with(agreement));
        registry
            .party(id)
            .filter(|_| id == caller || under_contract)
            .map(|party| Self(std::sync::Arc::clone(party)))
    }
}

/// The caller itself, or a party that it has an agreement with.
#[Object]
impl Party {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(format!("{}{}", Self::PREFIX, self.0.id))
    }

    /// ISO 3166-1 alpha-2 country of the legal entity.
    async fn country(&self) -> &str {
        &self.0.country
    }

    /// GLN of the legal entity.
    async fn gln(&self) -> &str {
        self.0.gln.as_str()
    }

    /// Registered name.
    async fn legal_name(&self) -> &str {
        &self.0.legal_name
    }

    /// What it is.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.iter().map(|role| Role::from(*role)).collect()
    }

    /// Its places.
    async fn sites(&self) -> Vec<Site> {
        let site = |site: &party::Site| Site {
            country: site.country.clone(),
            gln: site.gln.to_string(),
            name: site.name.clone(),
        };
        self.0.sites.iter().map(site).collect()
    }

    /// Name in partner configuration and in the URIs of its certificates.
    async fn slug(&self) -> &str {
        self.0.id.as_str()
    }
}
