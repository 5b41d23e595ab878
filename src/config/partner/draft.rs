//! One party's file as far as it can be read, with the line of everything that others may refer to.
//!
//! A draft keeps what is good in a file that has problems, so that the checks between files do not
//! report what is only a consequence.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use toml::de::DeTable;

use crate::domain::agreement::{Agreement, Approval, Power, Quota};
use crate::domain::gs1::{CompanyPrefix, Gln, Gtin};
use crate::domain::ids::{AgreementId, PartyId};
use crate::domain::party::licence::Licence;
use crate::domain::party::{Party, Product, Role, Site, is_country};
use crate::domain::profile::Profile;
use crate::domain::serial::forecast::Replenish;
use crate::domain::time::Micros;
use crate::domain::webhook::Webhook;

use super::capture::capture;
use super::grant::{self, CapDraft, GrantDraft};
use super::product::{ProductDraft, SeriesDraft, product, sscc};
use super::reader::{Key, Located, Problems, Section, cut};
use super::supply;
use super::{PartnerFile, Subject, issuer, licence, webhook};

pub(super) const fn key(name: &'static str, example: &'static str) -> Key {
    Key { name, example }
}

const LEGAL_NAME: Key = key("legal_name", "\"Aurora Pharma AG\"");
const ROLES: Key = key("roles", "[\"manufacturer\"]");
const GLN: Key = key("gln", "\"9521001000017\"");
const COUNTRY: Key = key("country", "\"CH\"");
pub(super) const NAME: Key = key("name", "\"…\"");
pub(super) const GTIN: Key = key("gtin", "\"09521001001014\"");
const PREFIXES: Key = key("prefixes", "[\"9521001\"]");
const ID: Key = key("id", "\"aurora-packwell-2024\"");
const DELEGATE: Key = key("delegate", "\"packwell\"");
const AGREEMENT_PRODUCTS: Key = key("products", "[\"09521001001014\"]");
const AGREEMENT_SSCC: Key = key("sscc_prefixes", "[\"9521001\"]");
const AGREEMENT_SITES: Key = key("sites", "[\"9521002000115\"]");
const POWERS: Key = key("powers", "[\"request_serials\", \"commission\", \"ship\"]");
const VALID_FROM: Key = key("valid_from", "2024-01-01");
const VALID_UNTIL: Key = key("valid_until", "2034-01-01");

/// Ten years: longer than any packaging run waits.
const LONGEST_LEASE: u64 = 3_650;

pub(super) const KEY_FIX: &str = "correct the number; its last digit is a check digit (GS1 General Specifications 7.9)";
pub(super) const ROLE_FIX: &str = "use manufacturer, cmo, logistics, wholesaler, dispenser, regulator or operator";
const POWER_FIX: &str = "use request_serials, commission, ship, receive or see_stock";
pub(super) const COUNTRY_FIX: &str = "use the two capital letters of ISO 3166-1, such as `CH`";
pub(super) const SLUG_FIX: &str = "use 2 to 40 of a-z, 0-9 and inner hyphens";

/// One party's file, as far as it could be read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: PartyId,
    pub(super) file: PathBuf,
    pub(super) whole: Whole,
    pub(super) gln: Option<Located<Gln>>,
    pub(super) sites: Vec<SiteDraft>,
    pub(super) prefixes: Vec<Located<CompanyPrefix>>,
    pub(super) products: Vec<ProductDraft>,
    pub(super) series: Vec<SeriesDraft>,
    pub(super) agreements: Vec<AgreementDraft>,
    pub(super) grants: Vec<GrantDraft>,
    pub(super) caps: Vec<CapDraft>,
    legal_name: Option<String>,
    roles: Vec<Role>,
    country: Option<String>,
    issuers: Vec<String>,
    capture: Profile,
    licences: Vec<Licence>,
    webhooks: Vec<Webhook>,
    suspended: bool,
}

/// Which lists could be read to the end: what is not in the others may be missing only because it is wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whole {
    pub(super) prefixes: bool,
    pub(super) sites: bool,
    pub(super) products: bool,
    pub(super) series: bool,
}

/// A `[[sites]]` table.
#[derive(Debug)]
pub(super) struct SiteDraft {
    pub(super) gln: Option<Located<Gln>>,
    name: Option<String>,
    country: Option<String>,
}

/// An `[[agreements]]` table.
#[derive(Debug)]
pub(super) struct AgreementDraft {
    pub(super) id: Option<Located<AgreementId>>,
    pub(super) delegate: Option<Located<PartyId>>,
    pub(super) products: Vec<Located<Gtin>>,
    pub(super) sscc_prefixes: Vec<Located<CompanyPrefix>>,
    pub(super) sites: Vec<Located<Gln>>,
    powers: Vec<Power>,
    quota: Quota,
    replenish: Option<Replenish>,
    approval: Option<Approval>,
    hold_returned: bool,
    valid_from: Option<Located<Micros>>,
    valid_until: Option<Located<Micros>>,
}

/// A word of one of our enums, spelt as it is stored.
pub(super) struct Word<T>(pub(super) T);

impl<T: DeserializeOwned> std::str::FromStr for Word<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: StrDeserializer<'_, ValueError> = text.into_deserializer();
        T::deserialize(words)
            .map(Self)
            .map_err(|_| format!("`{}` is not known", cut(text)))
    }
}

/// ISO 3166-1 alpha-2 in form; the list itself changes more often than this code.
pub(super) struct Country(pub(super) String);

impl std::str::FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_country(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{}` is no country code", cut(text)))
        }
    }
}

/// A text for people: one line, not empty, not endless.
struct Label(String);

impl std::str::FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            return Err(format!(
                "`{}` is no text of 1 to 200 characters on one line",
                cut(&text.replace(char::is_control, " "))
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Draft {
    /// Of a file that is not TOML: all that is known is that the party has a file.
    pub(super) fn broken(id: PartyId, file: &Path) -> Self {
        Self {
            id,
            file: file.to_owned(),
            whole: Whole::default(),
            gln: None,
            sites: Vec::new(),
            prefixes: Vec::new(),
            products: Vec::new(),
            series: Vec::new(),
            agreements: Vec::new(),
            grants: Vec::new(),
            caps: Vec::new(),
            legal_name: None,
            roles: Vec::new(),
            country: None,
            issuers: Vec::new(),
            capture: Profile::default(),
            licences: Vec::new(),
            webhooks: Vec::new(),
            suspended: false,
        }
    }

    /// Reads what can be read and notes the rest as problems.
    pub(super) fn read<'t>(id: PartyId, file: &Path, table: &'t DeTable<'t>, problems: &'t Problems) -> Self {
        let mut root = Section::root(table, problems);
        let folder = file.parent().unwrap_or(Path::new(""));
        let (prefixes, prefixes_whole) = problems.watch(|| prefixes(&mut root));
        let (sites, sites_whole) = problems.watch(|| root.sections(&key("sites", "[[sites]]")).into_iter().map(site).collect());
        let (products, products_whole) = problems.watch(|| {
            root.sections(&key("products", "[[products]]"))
                .into_iter()
                .map(|section| product(folder, section))
                .collect()
        });
        let (series, series_whole) =
            problems.watch(|| root.sections(&key("sscc", "[[sscc]]")).into_iter().flat_map(sscc).collect());
        let roles = roles(&mut root);
        let draft = Self {
            whole: Whole {
                prefixes: prefixes_whole,
                sites: sites_whole,
                products: products_whole,
                series: series_whole,
            },
            legal_name: label(&mut root, &LEGAL_NAME),
            licences: licence::read(&mut root, &roles),
            roles,
            gln: root.parsed(&GLN, KEY_FIX),
            country: country(&mut root),
            suspended: root.flag(&key("suspended", "true")),
            prefixes,
            sites,
            products,
            series,
            agreements: root
                .sections(&key("agreements", "[[agreements]]"))
                .into_iter()
                .map(agreement)
                .collect(),
            grants: grant::grants(&id, &mut root),
            caps: grant::caps(&id, &mut root),
            issuers: root
                .sections(&key("issuers", "[[issuers]]"))
                .into_iter()
                .filter_map(|section| pem(folder, section))
                .collect(),
            capture: root
                .section(&key("capture", "{ profile = \"strict\" }"))
                .map_or_else(Profile::default, capture),
            webhooks: webhook::read(folder, &mut root),
            ..Self::broken(id, file)
        };
        root.finish();
        draft
    }

    /// GLNs of the legal entity and of its sites.
    pub(super) fn glns(&self) -> impl Iterator<Item = &Located<Gln>> {
        self.gln.iter().chain(self.sites.iter().filter_map(|site| site.gln.as_ref()))
    }

    /// The checked party; `None` only if a problem was noted.
    pub(super) fn finish(self) -> Option<PartnerFile> {
        let lines = self.lines();
        let sites = self.sites.into_iter().map(|site| {
            Some(Site {
                gln: site.gln?.value,
                name: site.name?,
                country: site.country.or_else(|| self.country.clone())?,
            })
        });
        let products = self.products.into_iter().map(|product| {
            Some(Product {
                gtin: product.gtin?.value,
                ntin: product.ntin.is_some(),
                name: product.name?,
                serials: product.serials,
                supply: product.supply,
            })
        });
        let party = Party {
            id: self.id.clone(),
            legal_name: self.legal_name?,
            roles: self.roles,
            gln: self.gln?.value,
            sites: sites.collect::<Option<_>>()?,
            country: self.country.clone()?,
            prefixes: self.prefixes.into_iter().map(|prefix| prefix.value).collect(),
            products: products.collect::<Option<_>>()?,
            sscc: self.series.into_iter().map(|series| series.numbers.value).collect(),
            issuers: self.issuers,
            capture: self.capture,
            licences: self.licences,
            webhooks: self.webhooks,
            active: !self.suspended,
        };
        let agreements = self.agreements.into_iter().map(|agreement| agreement.finish(&self.id));
        let grants = self.grants.into_iter().map(|grant| grant.written);
        let caps = self.caps.into_iter().map(|cap| cap.written);
        Some(PartnerFile {
            file: self.file,
            grants: grants.collect::<Option<_>>()?,
            caps: caps.collect::<Option<_>>()?,
            agreements: agreements.collect::<Option<_>>()?,
            party,
            lines,
        })
    }

    fn lines(&self) -> HashMap<Subject, usize> {
        let glns = self.glns().map(|gln| (Subject::Gln(gln.value), gln.line));
        let prefixes = self
            .prefixes
            .iter()
            .map(|prefix| (Subject::Prefix(prefix.value.clone()), prefix.line));
        let gtins = self.products.iter().filter_map(|product| product.gtin.as_ref());
        let ids = self.agreements.iter().filter_map(|agreement| agreement.id.as_ref());
        let grants = self.grants.iter().filter_map(|grant| grant.name.as_ref());
        std::iter::once((Subject::Party, 0))
            .chain(glns)
            .chain(prefixes)
            .chain(gtins.map(|gtin| (Subject::Product(gtin.value), gtin.line)))
            .chain(ids.map(|id| (Subject::Agreement(id.value.clone()), id.line)))
            .chain(grants.map(|name| (Subject::Grant(name.value.to_string()), name.line)))
            .collect()
    }
}

impl AgreementDraft {
    fn finish(self, principal: &PartyId) -> Option<Agreement> {
        Some(Agreement {
            id: self.id?.value,
            principal: principal.clone(),
            delegate: self.delegate?.value,
            products: self.products.into_iter().map(|gtin| gtin.value).collect(),
            sscc_prefixes: self.sscc_prefixes.into_iter().map(|prefix| prefix.value).collect(),
            sites: self.sites.into_iter().map(|gln| gln.value).collect(),
            powers: self.powers,
            quota: self.quota,
            replenish: self.replenish,
            approval: self.approval,
            hold_returned: self.hold_returned,
            valid_from: self.valid_from?.value,
            valid_until: self.valid_until?.value,
        })
    }
}

pub(super) fn label(section: &mut Section<'_>, key: &Key) -> Option<String> {
    let label: Option<Located<Label>> = section.parsed(key, "write the name in quotes on one line");
    label.map(|label| label.value.0)
}

fn country(section: &mut Section<'_>) -> Option<String> {
    let country: Option<Located<Country>> = section.parsed(&COUNTRY, COUNTRY_FIX);
    country.map(|country| country.value.0)
}

fn roles(root: &mut Section<'_>) -> Vec<Role> {
    let roles: Vec<Located<Word<Role>>> = root.list(&ROLES, true, ROLE_FIX);
    once(
        root,
        "roles",
        roles
            .into_iter()
            .map(|role| Located {
                value: role.value.0,
                line: role.line,
            })
            .collect(),
    )
}

fn prefixes(root: &mut Section<'_>) -> Vec<Located<CompanyPrefix>> {
    let fix = "write the digits of the GS1 company prefix as the GS1 member organisation licensed it";
    root.list(&PREFIXES, false, fix)
}

fn site(mut section: Section<'_>) -> SiteDraft {
    let gln = section.parsed(&GLN, KEY_FIX);
    let name = label(&mut section, &NAME);
    let country = country(&mut section);
    section.finish();
    SiteDraft { gln, name, country }
}

fn agreement(mut section: Section<'_>) -> AgreementDraft {
    let powers: Vec<Located<Word<Power>>> = section.list(&POWERS, true, POWER_FIX);
    let powers = once(
        &section,
        "powers",
        powers
            .into_iter()
            .map(|power| Located {
                value: power.value.0,
                line: power.line,
            })
            .collect(),
    );
    let draft = AgreementDraft {
        id: section.parsed(&ID, SLUG_FIX),
        delegate: section.parsed(&DELEGATE, SLUG_FIX),
        products: section.list(&AGREEMENT_PRODUCTS, true, KEY_FIX),
        sscc_prefixes: section.list(
            &AGREEMENT_SSCC,
            false,
            "write the digits of a company prefix that a `[[sscc]]` of this file has",
        ),
        sites: section.list(&AGREEMENT_SITES, false, KEY_FIX),
        powers,
        quota: section
            .section(&key("quota", "{ per_request = 50000, total = 5000000 }"))
            .map_or_else(Quota::default, quota),
        approval: section.section(&key("approval", "{ above = 100000 }")).and_then(approval),
        replenish: section
            .section(&key("replenish", "{ minimum = 10000, maximum = 100000 }"))
            .map(supply::replenish),
        hold_returned: section.flag(&key("hold_returned", "true")),
        valid_from: section.time(&VALID_FROM),
        valid_until: section.time(&VALID_UNTIL),
    };
    if let (Some(from), Some(until)) = (&draft.valid_from, &draft.valid_until)
        && until.value <= from.value
    {
        let cause = format!(
            "`valid_until` is {}, which is not after `valid_from` {}",
            until.value, from.value
        );
        section.problem(
            until.line,
            cause,
            "give a later `valid_until`: the first moment at which the agreement no longer holds",
        );
    }
    section.finish();
    draft
}

fn quota(mut section: Section<'_>) -> Quota {
    let mut limit = |name, example| {
        let limit = section.integer(&key(name, example), 1..i64::MAX as u64);
        limit.map(|limit| limit.value)
    };
    let quota = Quota {
        per_request: limit("per_request", "50000"),
        per_day: limit("per_day", "200000"),
        outstanding: limit("outstanding", "500000"),
        total: limit("total", "5000000"),
        lease_days: section
            .integer(&key("lease_days", "90"), 1..LONGEST_LEASE + 1)
            .map(|days| days.value),
    };
    section.finish();
    quota
}

fn approval(mut section: Section<'_>) -> Option<Approval> {
    let above = section.required_integer(&key("above", "100000"), 0..i64::MAX as u64);
    section.finish();
    above.map(|above| Approval { above: above.value })
}

fn pem(folder: &Path, mut section: Section<'_>) -> Option<String> {
    let name = section.text(&key("file", "\"ca/packwell-root.pem\""));
    let text = name.and_then(|name| match issuer::read(folder, &name.value) {
        Ok(text) => Some(text),
        Err((cause, fix)) => {
            section.problem(name.line, format!("issuer `{}`: {cause}", cut(&name.value)), fix);
            None
        }
    });
    section.finish();
    text
}

/// The values, each once; a second one is a problem.
pub(super) fn once<T: PartialEq>(section: &Section<'_>, name: &str, values: Vec<Located<T>>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(values.len());
    for Located { value, line } in values {
        if kept.contains(&value) {
            section.problem(line, format!("`{name}` names one thing twice"), "name it once");
        } else {
            kept.push(value);
        }
    }
    kept
}
