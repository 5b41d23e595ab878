//! Grants: what a party lets others see beyond what they have to do with.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Object, SimpleObject};

use crate::domain::grant::{self, Grantee, Held, Origin, Signers};
use crate::domain::lens::{Class, Sight};
use crate::domain::party::{Registry, Role as DomainRole};
use crate::domain::time::Micros;
use crate::service::grant::SeenGrant;

use super::party::{PartyName, Role};
use super::refusal::{Answer, bad_input};
use super::scalar::DateTime;

/// A class of data; each has levels of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Class")]
pub enum DataClass {
    /// C0: that it exists.
    Existence,
    /// C1: product, lot, expiry.
    Product,
    /// C2: active, shipped, supplied, recalled, suspect.
    State,
    /// C3: time.
    When,
    /// C4: place.
    Where,
    /// C5: who had or owned it before.
    Before,
    /// C6: who had or owned it after.
    After,
    /// C7: what it contains, what it is in, what else was there.
    Containment,
    /// C8: business documents and quantities.
    Documents,
    /// C9: price, contract, customer.
    Commercial,
    /// C10: temperature and other sensor data.
    Condition,
    /// C11: investigations and cases.
    Investigations,
    /// C12: the document and extensions as sent.
    Raw,
}

/// The level of one class of data.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessLevel {
    /// The class.
    class: DataClass,
    /// Name of the level: `exact`, `site`, `full`, ...
    level: String,
}

impl AccessLevel {
    /// Those of a sight that show something.
    #[must_use]
    pub fn of(sight: &Sight) -> Vec<Self> {
        let shown = Class::ALL.into_iter().filter(|class| sight.rank(*class) > 0);
        shown
            .map(|class| Self {
                class: class.into(),
                level: sight.level(class).to_owned(),
            })
            .collect()
    }
}

/// The level of one class of data.
#[derive(Debug, Clone, InputObject)]
pub struct AccessLevelInput {
    /// The class.
    pub class: DataClass,
    /// Name of the level: `exact`, `site`, `full`, ...
    pub level: String,
}

/// These levels on top of others.
pub fn levels(mut sight: Sight, levels: &[AccessLevelInput]) -> Answer<Sight> {
    for one in levels {
        sight
            .set(one.class.into(), &one.level)
            .map_err(|error| bad_input(error.to_string()))?;
    }
    Ok(sight)
}

/// Which events, and which things of them. What is empty or null does not limit.
#[derive(Debug, Clone, Default, InputObject)]
pub struct AccessScopeInput {
    /// Business steps, by their bare names.
    biz_steps: Option<Vec<String>>,
    /// ISO 3166-1 alpha-2 countries of the sites.
    countries: Option<Vec<String>>,
    /// First event time.
    event_from: Option<DateTime>,
    /// First event time no longer.
    event_until: Option<DateTime>,
    /// Products. A logistic unit is of no product.
    gtins: Option<Vec<String>>,
    /// Lots.
    lots: Option<Vec<String>>,
    /// GLNs of sites of the read point or business location.
    sites: Option<Vec<String>>,
}

impl AccessScopeInput {
    /// As the engine has it.
    pub fn scope(self) -> Answer<grant::Scope> {
        let gtin = |text: String| text.parse().map_err(|_| bad_input("`gtins` has an entry that is no GTIN"));
        let gln = |text: String| text.parse().map_err(|_| bad_input("`sites` has an entry that is no GLN"));
        Ok(grant::Scope {
            gtins: self.gtins.unwrap_or_default().into_iter().map(gtin).collect::<Answer<_>>()?,
            lots: self.lots.unwrap_or_default(),
            sites: self.sites.unwrap_or_default().into_iter().map(gln).collect::<Answer<_>>()?,
            biz_steps: self.biz_steps.unwrap_or_default(),
            countries: self.countries.unwrap_or_default(),
            event_from: self.event_from.map(|at| at.0),
            event_until: self.event_until.map(|at| at.0),
        })
    }
}

/// Which events, and which things of them. What is empty or null does not limit.
#[derive(Debug, Clone, SimpleObject)]
pub struct AccessScope {
    /// Business steps, by their bare names.
    biz_steps: Vec<String>,
    /// ISO 3166-1 alpha-2 countries of the sites.
    countries: Vec<String>,
    /// First event time.
    event_from: Option<DateTime>,
    /// First event time no longer.
    event_until: Option<DateTime>,
    /// Products.
    gtins: Vec<String>,
    /// Lots.
    lots: Vec<String>,
    /// GLNs of sites of the read point or business location.
    sites: Vec<String>,
}

impl AccessScope {
    fn of(scope: &grant::Scope) -> Self {
        Self {
            biz_steps: scope.biz_steps.clone(),
            countries: scope.countries.clone(),
            event_from: scope.event_from.map(DateTime),
            event_until: scope.event_until.map(DateTime),
            gtins: scope.gtins.iter().map(ToString::to_string).collect(),
            lots: scope.lots.clone(),
            sites: scope.sites.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Where a grant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum GrantState {
    /// Not signed by all that must.
    Proposed,
    /// Signed; its first moment is still to come.
    Scheduled,
    /// In force.
    InForce,
    /// Its last moment has passed.
    Expired,
    /// Revoked, given back or superseded.
    Ended,
}

impl GrantState {
    fn of(held: &Held, now: Micros) -> Self {
        if held.ended_at.is_some() {
            Self::Ended
        } else if held.grant.valid_until <= now {
            Self::Expired
        } else if held.in_force_at.is_none() {
            Self::Proposed
        } else if held.grant.valid_from > now {
            Self::Scheduled
        } else {
            Self::InForce
        }
    }
}

/// How a grant came to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum GrantOrigin {
    /// Proposed and signed by the parties.
    Signed,
    /// Written in the partner file of its grantor, and signed like any other.
    PartnerConfig,
}

/// A signature under a grant. With the text of the grant anybody can verify it.
#[derive(Debug, Clone, SimpleObject)]
pub struct GrantSignature {
    /// JWS with detached payload (RFC 7515 appendix F); its header has the certificate of the signer.
    jws: String,
    /// Who signed.
    party: Option<PartyName>,
    /// When the hub took it.
    signed_at: DateTime,
    /// Which system of the party.
    system: String,
}

/// A grant: one version, which never changes.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The grant.
    pub seen: SeenGrant,
    /// Names its parties.
    pub registry: Arc<Registry>,
    /// When it is looked at.
    pub now: Micros,
}

/// A grant: one version, which never changes.
#[Object]
impl Grant {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.seen.held.grant.id.to_string())
    }

    /// When it ended before its time; null if it did not.
    async fn ended_at(&self) -> Option<DateTime> {
        self.seen.held.ended_at.map(DateTime)
    }

    /// Whether only things count whose full identifier a question names.
    async fn full_identifier(&self) -> bool {
        self.seen.held.grant.conditions.full_identifier
    }

    /// Who gets; null for a grant to a role.
    async fn grantee(&self) -> Option<PartyName> {
        match &self.seen.held.grant.grantee {
            Grantee::Party(party) => PartyName::of(&self.registry, party),
            Grantee::Role { .. } => None,
        }
    }

    /// Only parties of this country, of a grant to a role.
    async fn grantee_country(&self) -> Option<&str> {
        match &self.seen.held.grant.grantee {
            Grantee::Party(_) => None,
            Grantee::Role { country, .. } => country.as_deref(),
        }
    }

    /// All parties of this role get it; null for a grant to one party.
    async fn grantee_role(&self) -> Option<Role> {
        match &self.seen.held.grant.grantee {
            Grantee::Party(_) => None,
            Grantee::Role { role, .. } => Some(Role::from(*role)),
        }
    }

    /// Who gives.
    async fn grantor(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, &self.seen.held.grant.grantor)
    }

    /// When all had signed; null before.
    async fn in_force_at(&self) -> Option<DateTime> {
        self.seen.held.in_force_at.map(DateTime)
    }

    /// Only in figures of so many parties; null: of as many as the hub asks for. Such a grant shows no single event.
    async fn least_contributors(&self) -> Option<u32> {
        self.seen.held.grant.conditions.least_contributors
    }

    /// On what the parties rest it.
    async fn legal_basis(&self) -> Option<&str> {
        self.seen.held.grant.legal_basis.as_deref()
    }

    /// The levels it gives; nothing of a class that is not named.
    async fn levels(&self) -> Vec<AccessLevel> {
        AccessLevel::of(&self.seen.held.grant.levels)
    }

    /// Only events that happened while the grantee was licensed in this role.
    async fn licensed_as(&self) -> Option<Role> {
        let licence = self.seen.held.grant.conditions.licence.as_ref();
        licence.map(|licence| Role::from(licence.role))
    }

    /// Only by a licence of this country (ISO 3166-1 alpha-2); null: of any.
    async fn licensed_in(&self) -> Option<&str> {
        self.seen.held.grant.conditions.licence.as_ref()?.country.as_deref()
    }

    /// How it came to the hub.
    async fn origin(&self) -> GrantOrigin {
        match self.seen.held.origin {
            Origin::Signed => GrantOrigin::Signed,
            Origin::PartnerConfig => GrantOrigin::PartnerConfig,
        }
    }

    /// Since when events of before it are all covered; null while they are gone through, or if it is not in force.
    async fn past_covered_at(&self) -> Option<DateTime> {
        self.seen.fill.and_then(|fill| fill.done_at).map(DateTime)
    }

    /// What for.
    async fn purpose(&self) -> &str {
        &self.seen.held.grant.purpose
    }

    /// At most so many readings of each grantee in a UTC day; null: without end.
    async fn queries_per_day(&self) -> Option<u32> {
        self.seen.held.grant.conditions.queries_per_day
    }

    /// Only while the grantee holds this role.
    async fn required_role(&self) -> Option<Role> {
        self.seen.held.grant.conditions.role.map(Role::from)
    }

    /// Of what.
    async fn scope(&self) -> AccessScope {
        AccessScope::of(&self.seen.held.grant.scope)
    }

    /// Who has signed.
    async fn signatures(&self) -> Vec<GrantSignature> {
        let one = |signature: &crate::storage::grant::Signature| GrantSignature {
            jws: signature.jws.clone(),
            party: PartyName::of(&self.registry, &signature.party),
            signed_at: DateTime(signature.at),
            system: signature.system.clone(),
        };
        self.seen.signatures.iter().map(one).collect()
    }

    /// Whether grantor and grantee must sign, or the grantor alone.
    async fn signed_by_both(&self) -> bool {
        self.seen.held.grant.signers == Signers::Both
    }

    /// Where it stands now.
    async fn state(&self) -> GrantState {
        GrantState::of(&self.seen.held, self.now)
    }

    /// Global id of the version that ends when this one comes into force.
    async fn supersedes(&self) -> Option<ID> {
        self.seen.held.grant.supersedes.map(|id| ID(id.to_string()))
    }

    /// The grant in canonical JSON (RFC 8785): what is signed, byte for byte.
    async fn text(&self) -> &str {
        &self.seen.text
    }

    /// First moment.
    async fn valid_from(&self) -> DateTime {
        DateTime(self.seen.held.grant.valid_from)
    }

    /// First moment no longer.
    async fn valid_until(&self) -> DateTime {
        DateTime(self.seen.held.grant.valid_until)
    }

    /// 1 for the first.
    async fn version(&self) -> u32 {
        self.seen.held.grant.version
    }
}

/// A role as the engine has it.
#[must_use]
pub fn role(role: Role) -> DomainRole {
    match role {
        Role::Manufacturer => DomainRole::Manufacturer,
        Role::Cmo => DomainRole::Cmo,
        Role::Logistics => DomainRole::Logistics,
        Role::Wholesaler => DomainRole::Wholesaler,
        Role::Dispenser => DomainRole::Dispenser,
        Role::Regulator => DomainRole::Regulator,
        Role::Operator => DomainRole::Operator,
    }
}
