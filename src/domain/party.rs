//! Parties, their sites, prefixes and products, and the registry that holds all of them in memory.
//!
//! The registry is immutable: applying partner configuration makes a new one and swaps it whole, so
//! that one request is judged by one state of the contracts from beginning to end.

pub mod licence;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::agreement::{Agreement, Power};
use super::gs1::{CompanyPrefix, Gln, Gtin};
use super::ids::{AgreementId, PartyId};
use super::profile::Profile;
use super::serial::numbered::{Numbered, SsccSeries};
use super::serial::rule::SsccNumbers;
use super::serial::upstream::Supply;
use super::time::Micros;
use super::webhook::Webhook;
use licence::Licence;

pub use super::serial::rule::SerialRule;

/// What a party is on the hub. It may be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Marketing authorisation holder.
    Manufacturer,
    /// Contract manufacturing / packaging organisation.
    Cmo,
    /// Third-party logistics: has, does not own.
    Logistics,
    /// Buys and sells.
    Wholesaler,
    /// Pharmacy, hospital.
    Dispenser,
    /// Authority.
    Regulator,
    /// Runs the hub; has no right to read partner data.
    Operator,
}

impl Role {
    /// All; those that play a part with goods first.
    pub const ALL: [Self; 7] = [
        Self::Manufacturer,
        Self::Cmo,
        Self::Logistics,
        Self::Wholesaler,
        Self::Dispenser,
        Self::Regulator,
        Self::Operator,
    ];

    /// As it is stored and written in partner files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manufacturer => "manufacturer",
            Self::Cmo => "cmo",
            Self::Logistics => "logistics",
            Self::Wholesaler => "wholesaler",
            Self::Dispenser => "dispenser",
            Self::Regulator => "regulator",
            Self::Operator => "operator",
        }
    }
}

/// A legal entity on the hub.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// Its id: file name in `partner-config`, part of its certificates' URI.
    pub id: PartyId,
    /// Registered name.
    pub legal_name: String,
    /// What it is.
    pub roles: Vec<Role>,
    /// GLN of the legal entity.
    pub gln: Gln,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Places.
    pub sites: Vec<Site>,
    /// GS1 company prefixes licensed to it.
    pub prefixes: Vec<CompanyPrefix>,
    /// Products it is the brand owner of.
    pub products: Vec<Product>,
    /// SSCCs that the hub gives out for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sscc: Vec<SsccNumbers>,
    /// CAs (PEM) that may vouch for this party's systems besides the hub's own.
    #[serde(default)]
    pub issuers: Vec<String>,
    /// How its documents are judged.
    #[serde(default, skip_serializing_if = "is_default")]
    pub capture: Profile,
    /// What authorities have allowed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licences: Vec<Licence>,
    /// Where events may be sent to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
    /// False once it is suspended: it may do nothing, what it did stays.
    pub active: bool,
}

fn is_default(profile: &Profile) -> bool {
    *profile == Profile::default()
}

/// A place of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// GLN.
    pub gln: Gln,
    /// For people.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A trade item of a brand owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// GTIN-14, or an NTIN, which has the same form.
    pub gtin: Gtin,
    /// An NTIN: it lies under the prefix of a national numbering agency, not under one of the party's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ntin: bool,
    /// For people.
    pub name: String,
    /// Alphabet and length of its serial numbers, and their market rule.
    #[serde(default)]
    pub serials: SerialRule,
    /// How its stock is kept, if its numbers are not computed.
    #[serde(default)]
    pub supply: Supply,
}

/// Whoever makes a call, as established by the transport from a certificate (or token) and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The party.
    pub party: PartyId,
    /// Its system, for the audit log.
    pub system: String,
}

/// What acting on a product rests on.
#[derive(Debug, Clone, PartialEq)]
pub enum Mandate {
    /// The actor owns the product.
    Own,
    /// An agreement of the owner gives the power.
    Under(Arc<Agreement>),
}

/// Who asks for serial numbers of what, and how.
#[derive(Debug, Clone, Copy)]
pub struct NumbersAsked<'a> {
    /// Who asks.
    pub party: &'a PartyId,
    /// For what.
    pub numbered: Numbered,
    /// Under this agreement and no other.
    pub agreement: Option<&'a AgreementId>,
    /// For this site of the asking party.
    pub site: Option<Gln>,
    /// When.
    pub at: Micros,
}

/// Every party, site, prefix, product and agreement at one version of the configuration.
#[derive(Debug, Default)]
pub struct Registry {
    version: i64,
    parties: HashMap<PartyId, Arc<Party>>,
    party_of_gln: HashMap<Gln, PartyId>,
    sites: HashMap<Gln, (PartyId, Site)>,
    owner_of_gtin: HashMap<Gtin, PartyId>,
    owner_of_series: HashMap<SsccSeries, PartyId>,
    prefixes: HashMap<CompanyPrefix, PartyId>,
    agreements: HashMap<AgreementId, Arc<Agreement>>,
}

impl Registry {
    /// Builds the look-ups. Uniqueness is the business of whoever checked the configuration.
    #[must_use]
    pub fn new(version: i64, parties: Vec<Party>, agreements: Vec<Agreement>) -> Self {
        let mut registry = Self {
            version,
            ..Self::default()
        };
        for party in parties {
            let id = &party.id;
            registry.party_of_gln.insert(party.gln, id.clone());
            for site in &party.sites {
                registry.party_of_gln.insert(site.gln, id.clone());
                registry.sites.insert(site.gln, (id.clone(), site.clone()));
            }
            for product in &party.products {
                registry.owner_of_gtin.insert(product.gtin, id.clone());
            }
            for numbers in &party.sscc {
                registry.owner_of_series.insert(numbers.series, id.clone());
            }
            for prefix in &party.prefixes {
                registry.prefixes.insert(prefix.clone(), id.clone());
            }
            registry.parties.insert(id.clone(), Arc::new(party));
        }
        for agreement in agreements {
            registry.agreements.insert(agreement.id.clone(), Arc::new(agreement));
        }
        registry
    }

    /// Counts up with each applied change.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// A party by id.
    #[must_use]
    pub fn party(&self, id: &PartyId) -> Option<&Arc<Party>> {
        self.parties.get(id)
    }

    /// All parties, in no order.
    pub fn parties(&self) -> impl Iterator<Item = &Arc<Party>> {
        self.parties.values()
    }

    /// Who runs the hub; of several the first by id, so that every process answers alike.
    #[must_use]
    pub fn operator(&self) -> Option<&PartyId> {
        let operators = self.parties().filter(|party| party.roles.contains(&Role::Operator));
        operators.map(|party| &party.id).min()
    }

    /// Whose GLN this is: of the legal entity or of a site.
    #[must_use]
    pub fn party_of_gln(&self, gln: Gln) -> Option<&PartyId> {
        self.party_of_gln.get(&gln)
    }

    /// A site and whose it is.
    #[must_use]
    pub fn site(&self, gln: Gln) -> Option<(&PartyId, &Site)> {
        self.sites.get(&gln).map(|(party, site)| (party, site))
    }

    /// The brand owner of a product.
    #[must_use]
    pub fn owner_of_gtin(&self, gtin: Gtin) -> Option<&PartyId> {
        self.owner_of_gtin.get(&gtin)
    }

    /// A product and its owner.
    #[must_use]
    pub fn product(&self, gtin: Gtin) -> Option<(&Arc<Party>, &Product)> {
        let owner = self.parties.get(self.owner_of_gtin.get(&gtin)?)?;
        let product = owner.products.iter().find(|product| product.gtin == gtin)?;
        Some((owner, product))
    }

    /// Whose serial numbers of something these are, and how they look; none if the hub gives out none.
    #[must_use]
    pub fn numbering(&self, numbered: Numbered) -> Option<(&Arc<Party>, SerialRule)> {
        match numbered {
            Numbered::Trade(gtin) => {
                let (owner, product) = self.product(gtin)?;
                Some((owner, product.serials.clone()))
            }
            Numbered::Logistic(series) => {
                let owner = self.parties.get(self.owner_of(numbered)?)?;
                let numbers = owner.sscc.iter().find(|numbers| numbers.series == series)?;
                Some((owner, SerialRule::of_series(numbers)))
            }
        }
    }

    /// What lets a party ask for serial numbers, if anything does: the owner without an agreement, anybody else under one of the owner's;
    /// nothing if it or the owner is suspended. Of several agreements the first by id, so that every process answers alike.
    #[must_use]
    pub fn may_request(&self, asked: NumbersAsked<'_>) -> Option<Mandate> {
        let (owner, _) = self.numbering(asked.numbered)?;
        let site_is_its_own = asked.site.is_none_or(|site| self.party_of_gln(site) == Some(asked.party));
        if !site_is_its_own || !owner.active || !self.is_active(asked.party) {
            return None;
        }
        if owner.id == *asked.party {
            return asked.agreement.is_none().then_some(Mandate::Own);
        }
        self.agreements_of(asked.party)
            .filter(|agreement| agreement.delegate == *asked.party && agreement.principal == owner.id)
            .filter(|agreement| agreement.gives(Power::RequestSerials, asked.numbered, asked.at))
            .filter(|agreement| asked.site.is_none_or(|site| agreement.covers_site(site)))
            .filter(|agreement| asked.agreement.is_none_or(|id| *id == agreement.id))
            .min_by(|a, b| a.id.cmp(&b.id))
            .map(|agreement| Mandate::Under(Arc::clone(agreement)))
    }

    /// Who holds the longest registered prefix that these digits begin with.
    ///
    /// `digits` begin with the company prefix: a GTIN-14 without its indicator, an SSCC without its
    /// extension digit, a GLN.
    #[must_use]
    pub fn holder_of_prefix(&self, digits: &str) -> Option<(&PartyId, usize)> {
        (4..=12.min(digits.len())).rev().find_map(|len| {
            let prefix = CompanyPrefix::try_from(digits.get(..len)?.to_owned()).ok()?;
            self.prefixes.get(&prefix).map(|party| (party, len))
        })
    }

    /// An agreement by id.
    #[must_use]
    pub fn agreement(&self, id: &AgreementId) -> Option<&Arc<Agreement>> {
        self.agreements.get(id)
    }

    /// Agreements in which a party is principal or delegate.
    pub fn agreements_of<'a>(&'a self, party: &'a PartyId) -> impl Iterator<Item = &'a Arc<Agreement>> {
        self.agreements
            .values()
            .filter(move |agreement| agreement.principal == *party || agreement.delegate == *party)
    }

    /// Whose product it is, or whose series of SSCCs.
    #[must_use]
    pub fn owner_of(&self, numbered: Numbered) -> Option<&PartyId> {
        match numbered {
            Numbered::Trade(gtin) => self.owner_of_gtin(gtin),
            Numbered::Logistic(series) => self.owner_of_series.get(&series),
        }
    }

    /// What lets `party` use `power` on something at a moment, if anything does: nothing if it or the owner is suspended.
    /// Two agreements that both would are taken in the order of their ids, so that every process answers alike.
    #[must_use]
    pub fn mandate(&self, party: &PartyId, power: Power, numbered: impl Into<Numbered>, at: Micros) -> Option<Mandate> {
        let numbered = numbered.into();
        let owner = self.owner_of(numbered)?;
        if !self.is_active(party) || !self.is_active(owner) {
            return None;
        }
        if owner == party {
            return Some(Mandate::Own);
        }
        self.agreements_of(party)
            .filter(|agreement| agreement.delegate == *party && agreement.principal == *owner)
            .filter(|agreement| agreement.gives(power, numbered, at))
            .min_by(|a, b| a.id.cmp(&b.id))
            .map(|agreement| Mandate::Under(Arc::clone(agreement)))
    }

    /// Who may commission things of an owner for it, each from one moment up to another: of one product, or logistic units.
    #[must_use]
    pub fn commissioners(&self, owner: &PartyId, gtin: Option<Gtin>) -> Vec<(PartyId, Micros, Micros)> {
        self.agreements_of(owner)
            .filter(|agreement| agreement.principal == *owner && agreement.powers.contains(&Power::Commission))
            .filter(|agreement| gtin.is_none_or(|gtin| agreement.products.contains(&gtin)))
            .map(|agreement| (agreement.delegate.clone(), agreement.valid_from, agreement.valid_until))
            .collect()
    }

    /// Agreements under which a party acts for a principal at a moment: none if it is suspended, none of a suspended principal.
    pub fn principals_of<'a>(&'a self, party: &'a PartyId, at: Micros) -> impl Iterator<Item = &'a Arc<Agreement>> {
        let mine = self
            .agreements_of(party)
            .filter(move |agreement| agreement.delegate == *party && agreement.holds_at(at));
        mine.filter(move |agreement| self.is_active(party) && self.is_active(&agreement.principal))
    }

    /// Whether a party is known and not suspended.
    #[must_use]
    pub fn is_active(&self, party: &PartyId) -> bool {
        self.parties.get(party).is_some_and(|party| party.active)
    }
}

/// Whether a text has the form of a country code (ISO 3166-1 alpha-2); not whether there is such a country.
#[must_use]
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::agreement::Quota;
    use super::*;

    pub(super) fn party(id: &str, gln: &str, prefix: &str, gtin: Option<&str>, active: bool) -> Party {
        let product = |gtin: &str| Product {
            gtin: gtin.parse().unwrap(),
            ntin: false,
            name: String::new(),
            serials: SerialRule::default(),
            supply: Supply::default(),
        };
        Party {
            id: id.parse().unwrap(),
            legal_name: id.to_owned(),
            roles: Vec::new(),
            gln: gln.parse().unwrap(),
            country: "CH".to_owned(),
            sites: Vec::new(),
            prefixes: vec![CompanyPrefix::try_from(prefix.to_owned()).unwrap()],
            products: gtin.map(product).into_iter().collect(),
            sscc: Vec::new(),
            issuers: Vec::new(),
            capture: Profile::default(),
            licences: Vec::new(),
            webhooks: Vec::new(),
            active,
        }
    }

    #[test]
    fn a_role_has_one_word() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }

    fn registry(maker_active: bool, packer_active: bool) -> Registry {
        let maker = party("maker", "9521001000017", "9521001", Some("09521001001014"), maker_active);
        let packer = party("packer", "9521002000016", "9521002", None, packer_active);
        let agreement = |id: &str| Agreement {
            id: id.parse().unwrap(),
            principal: maker.id.clone(),
            delegate: packer.id.clone(),
            products: vec!["09521001001014".parse().unwrap()],
            sscc_prefixes: Vec::new(),
            approval: None,
            hold_returned: false,
            sites: Vec::new(),
            powers: vec![Power::Commission],
            quota: Quota::default(),
            replenish: None,
            valid_from: Micros(10),
            valid_until: Micros(20),
        };
        let agreements = vec![agreement("b2"), agreement("a1")];
        Registry::new(1, vec![maker.clone(), packer.clone()], agreements)
    }

    fn mandate(registry: &Registry, party: &str, power: Power, at: i64) -> Option<String> {
        let mandate = registry.mandate(
            &party.parse().unwrap(),
            power,
            "09521001001014".parse::<Gtin>().unwrap(),
            Micros(at),
        );
        mandate.map(|mandate| match mandate {
            Mandate::Own => "own".to_owned(),
            Mandate::Under(agreement) => agreement.id.to_string(),
        })
    }

    #[test]
    fn a_mandate_is_what_is_given_and_no_more() {
        let registry = registry(true, true);
        let check = |party, power, at, expect: Option<&str>| {
            assert_eq!(mandate(&registry, party, power, at).as_deref(), expect, "{party} {at}")
        };
        check("maker", Power::Ship, 0, Some("own"));
        check("packer", Power::Commission, 10, Some("a1"));
        check("packer", Power::Commission, 9, None);
        check("packer", Power::Commission, 20, None);
        check("packer", Power::Ship, 10, None);
        check("nobody", Power::Commission, 10, None);
    }

    #[test]
    fn who_is_suspended_gives_and_holds_nothing() {
        for (maker, packer) in [(false, true), (true, false)] {
            let registry = registry(maker, packer);
            assert_eq!(mandate(&registry, "packer", Power::Commission, 10), None);
            assert_eq!(registry.principals_of(&"packer".parse().unwrap(), Micros(10)).count(), 0);
        }
        assert_eq!(mandate(&registry(false, true), "maker", Power::Commission, 10), None);
    }

    #[test]
    fn the_holder_of_a_prefix_is_found_by_the_digits_it_begins() {
        let registry = registry(true, true);
        let holder = |digits: &str| registry.holder_of_prefix(digits).map(|(party, len)| (party.to_string(), len));
        assert_eq!(holder("9521002000016"), Some(("packer".to_owned(), 7)));
        assert_eq!(holder("9521009000019"), None);
        assert_eq!(holder("952"), None);
        assert_eq!(holder(""), None);
    }
}
