//! `SimpleMasterDataQuery` (EPCIS 1.2 clause 8.2.7.2): the caller's own places and products, as the contracts name them, and what its own
//! documents say of anything: in their headers, or as an `EPCISMasterDataDocument`. Of several documents the newest counts.
//!
//! What other parties call their places is not told (see [`super::Known`]).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::gs1::{Epc, Gln};
use crate::domain::party::{Actor, Party};
use crate::epcis::query::Wrong;
use crate::epcis::statement::canonical_id;
use crate::service::error::{Code, ServiceError};
use crate::service::{Hub, query};
use crate::storage::document::{self, MasterElement};

const LOCATION: &str = "urn:epcglobal:epcis:vtype:BusinessLocation";
const READ_POINT: &str = "urn:epcglobal:epcis:vtype:ReadPoint";
const CLASS: &str = "urn:epcglobal:epcis:vtype:EPCClass";
const ATTRIBUTE: &str = "urn:epcglobal:cbv:mda#";

/// An element of a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Of which vocabulary.
    pub vocabulary: String,
    /// Its id.
    pub id: String,
    /// Name and value.
    pub attributes: Vec<(String, String)>,
    /// Ids of what is below it.
    pub children: Vec<String>,
}

/// What is asked.
#[derive(Debug, Default)]
struct Wanted {
    vocabularies: Option<Vec<String>>,
    attributes: Option<bool>,
    children: Option<bool>,
    attribute_names: Option<Vec<String>>,
    names: Option<Vec<String>>,
    below: Option<Vec<String>>,
    has: Vec<Vec<String>>,
    equals: Vec<(String, Vec<String>)>,
    most: Option<usize>,
}

/// The elements that answer, in the order of their vocabularies and ids.
///
/// # Errors
/// A parameter that cannot be taken; more elements than `maxElementCount`, or than the hub looks through.
pub async fn vocabulary(hub: &Hub, actor: &Actor, parameters: &[(String, Vec<String>)]) -> Result<Vec<Element>, ServiceError> {
    let wanted = Wanted::read(parameters).map_err(|(parameter, detail)| {
        let parameter = parameter.chars().filter(|c| !c.is_control()).take(120).collect();
        query::wrong(&Wrong { parameter, detail })
    })?;
    let captured = captured(hub, actor, &wanted).await?;
    let registry = hub.registry();
    let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
    let agreed = registry.party(&actor.party).map(|party| elements(party, &prefix_len));
    let mut found = joined(agreed.unwrap_or_default(), captured, &prefix_len);
    let within = wanted.below.as_ref().map(|above| within(&found, above));
    let names = wanted.names.as_ref().map(|names| canonical(names));
    found.retain(|element| wanted.covers(element, (names.as_ref(), within.as_ref())));
    if let Some(most) = wanted.most.filter(|most| found.len() > *most) {
        let detail = format!("more than {most} elements answer, and `maxElementCount` allows no more");
        return Err(ServiceError::refused(Code::QueryTooLarge, detail));
    }
    for element in &mut found {
        if wanted.attributes != Some(true) {
            element.attributes.clear();
        } else if let Some(names) = &wanted.attribute_names {
            element.attributes.retain(|(name, _)| names.contains(name));
        }
        if wanted.children != Some(true) {
            element.children.clear();
        }
    }
    Ok(found)
}

/// What the caller's own documents name.
async fn captured(hub: &Hub, actor: &Actor, wanted: &Wanted) -> Result<Vec<MasterElement>, ServiceError> {
    let names: Option<Vec<String>> = wanted.names.as_ref().map(|names| canonical(names).into_iter().collect());
    let asked = document::Asked {
        vocabularies: wanted.vocabularies.as_deref(),
        // What is below a place is found from the places around it.
        ids: names.as_deref().filter(|_| wanted.below.is_none()),
    };
    let most = hub.limits().query_rows;
    let found = document::own_elements(hub.db(), &actor.party, asked, most).await?;
    found.ok_or_else(|| {
        let detail =
            format!("more than {most} entries of your documents are to be looked through: ask for one vocabulary, or by name");
        ServiceError::refused(Code::QueryTooComplex, detail)
    })
}

/// Elements of the contracts and of documents. Where both have one, what is agreed goes before what was sent.
fn joined(agreed: Vec<Element>, captured: Vec<MasterElement>, prefix_len: &dyn Fn(&str) -> Option<usize>) -> Vec<Element> {
    let key = |element: &Element| (element.vocabulary.clone(), canonical_id(&element.id));
    let mut all: BTreeMap<(String, String), Element> = agreed.into_iter().map(|element| (key(&element), element)).collect();
    let spelt = |id: &str| {
        let urn = id.parse::<Epc>().ok().and_then(|epc| epc.to_urn(prefix_len));
        urn.unwrap_or_else(|| id.to_owned())
    };
    for told in captured {
        let known = all
            .entry((told.vocabulary.clone(), told.id.clone()))
            .or_insert_with(|| Element {
                vocabulary: told.vocabulary,
                id: spelt(&told.id),
                attributes: Vec::new(),
                children: Vec::new(),
            });
        let agreed: BTreeSet<String> = known.attributes.iter().map(|(name, _)| name.clone()).collect();
        known
            .attributes
            .extend(told.attributes.into_iter().filter(|(name, _)| !agreed.contains(name)));
        let below = told.children.iter().map(|child| spelt(child));
        let below: Vec<String> = below.filter(|child| !known.children.contains(child)).collect();
        known.children.extend(below);
    }
    all.into_values().collect()
}

/// These and everything below them, in canonical form.
fn within(elements: &[Element], above: &[String]) -> BTreeSet<String> {
    let mut children = BTreeMap::<String, Vec<String>>::new();
    for element in elements.iter().filter(|element| !element.children.is_empty()) {
        let below = element.children.iter().map(|child| canonical_id(child));
        children.entry(canonical_id(&element.id)).or_default().extend(below);
    }
    let mut next: Vec<String> = canonical(above).into_iter().collect();
    let mut found = BTreeSet::new();
    while let Some(id) = next.pop() {
        if let Some(below) = children.get(&id).filter(|_| !found.contains(&id)) {
            next.extend(below.iter().cloned());
        }
        found.insert(id);
    }
    found
}

fn canonical(ids: &[String]) -> BTreeSet<String> {
    ids.iter().map(|id| canonical_id(id)).collect()
}

fn elements(party: &Party, prefix_len: &dyn Fn(&str) -> Option<usize>) -> Vec<Element> {
    let id = |gln: Gln| {
        let epc = Epc::from_gln(gln);
        epc.to_urn(prefix_len).unwrap_or_else(|| epc.canonical().to_owned())
    };
    let named = |name: &str, country: &str| {
        [("name", name), ("countryCode", country)].map(|(attribute, value)| (format!("{ATTRIBUTE}{attribute}"), value.to_owned()))
    };
    let mut sites: Vec<String> = party.sites.iter().map(|site| id(site.gln)).collect();
    sites.sort();
    let mut all = Vec::new();
    for vocabulary in [LOCATION, READ_POINT] {
        all.push(Element {
            vocabulary: vocabulary.to_owned(),
            id: id(party.gln),
            attributes: named(&party.legal_name, &party.country).into(),
            children: sites.clone(),
        });
        all.extend(party.sites.iter().map(|site| Element {
            vocabulary: vocabulary.to_owned(),
            id: id(site.gln),
            attributes: named(&site.name, &site.country).into(),
            children: Vec::new(),
        }));
    }
    all.extend(party.products.iter().map(|product| Element {
        vocabulary: CLASS.to_owned(),
        id: format!("https://id.gs1.org/01/{}", product.gtin),
        attributes: vec![(format!("{ATTRIBUTE}regulatedProductName"), product.name.clone())],
        children: Vec::new(),
    }));
    all
}

impl Wanted {
    fn read(parameters: &[(String, Vec<String>)]) -> Result<Self, (String, String)> {
        let mut wanted = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, values) in parameters {
            let refuse = |detail: &str| Err((name.clone(), detail.to_owned()));
            if seen.contains(&name.as_str()) {
                return refuse("stands twice");
            }
            seen.push(name);
            let single = || values.first().filter(|_| values.len() == 1).map(String::as_str);
            let truth = || match single() {
                Some("true" | "1") => Some(true),
                Some("false" | "0") => Some(false),
                Some(_) | None => None,
            };
            match name.as_str() {
                "vocabularyName" => wanted.vocabularies = Some(values.clone()),
                "includeAttributes" => wanted.attributes = truth(),
                "includeChildren" => wanted.children = truth(),
                "attributeNames" => wanted.attribute_names = Some(values.clone()),
                "EQ_name" => wanted.names = Some(values.clone()),
                "WD_name" => wanted.below = Some(values.clone()),
                "HASATTR" => wanted.has.push(values.clone()),
                "maxElementCount" => match single().and_then(|text| text.parse().ok()) {
                    Some(most) => wanted.most = Some(most),
                    None => return refuse("is one whole number"),
                },
                other => match other.strip_prefix("EQATTR_").filter(|attribute| !attribute.is_empty()) {
                    Some(attribute) => wanted.equals.push((attribute.to_owned(), values.clone())),
                    None => return refuse("is no parameter of SimpleMasterDataQuery"),
                },
            }
        }
        for (name, given) in [("includeAttributes", wanted.attributes), ("includeChildren", wanted.children)] {
            if given.is_none() {
                return Err((name.to_owned(), "must be there, and is `true` or `false`".to_owned()));
            }
        }
        if wanted.attribute_names.is_some() && wanted.attributes != Some(true) {
            return Err(("attributeNames".to_owned(), "needs `includeAttributes` to be true".to_owned()));
        }
        Ok(wanted)
    }

    /// `names` and `within`: what `EQ_name` and `WD_name` come to.
    fn covers(&self, element: &Element, (names, within): (Option<&BTreeSet<String>>, Option<&BTreeSet<String>>)) -> bool {
        let id = canonical_id(&element.id);
        let is_among = |ids: Option<&BTreeSet<String>>| ids.is_none_or(|ids| ids.contains(&id));
        let has = |name: &String, values: Option<&Vec<String>>| {
            let fits = |value: &String| values.is_none_or(|values| values.contains(value));
            element.attributes.iter().any(|(known, value)| known == name && fits(value))
        };
        self.vocabularies
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&element.vocabulary))
            && is_among(names)
            && is_among(within)
            && self.has.iter().all(|names| names.iter().any(|name| has(name, None)))
            && self.equals.iter().all(|(name, values)| has(name, Some(values)))
    }
}
