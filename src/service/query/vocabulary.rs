//! `SimpleMasterDataQuery` (EPCIS 1.2 clause 8.2.7.2): the caller's own places and products, as the contracts name them.
//!
//! What other parties call their places is not told (see [`super::Known`]).

use crate::domain::gs1::{Epc, Gln};
use crate::domain::party::{Actor, Party};
use crate::epcis::query::Wrong;
use crate::service::error::{Code, ServiceError};
use crate::service::{Hub, query};

const LOCATION: &str = "urn:epcglobal:epcis:vtype:BusinessLocation";
const READ_POINT: &str = "urn:epcglobal:epcis:vtype:ReadPoint";
const CLASS: &str = "urn:epcglobal:epcis:vtype:EPCClass";
const ATTRIBUTE: &str = "urn:epcglobal:cbv:mda#";

/// An element of a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Of which vocabulary.
    pub vocabulary: &'static str,
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
/// A parameter that cannot be taken; more elements than `maxElementCount`.
pub fn vocabulary(hub: &Hub, actor: &Actor, parameters: &[(String, Vec<String>)]) -> Result<Vec<Element>, ServiceError> {
    let wanted = Wanted::read(parameters).map_err(|(parameter, detail)| {
        let parameter = parameter.chars().filter(|c| !c.is_control()).take(120).collect();
        query::wrong(&Wrong { parameter, detail })
    })?;
    let registry = hub.registry();
    let Some(party) = registry.party(&actor.party) else {
        return Ok(Vec::new());
    };
    let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
    let mut found = elements(party, &prefix_len);
    // The seat of a party has all its sites below it; nothing else has anything.
    let seats: Vec<(String, Vec<String>)> = found
        .iter()
        .filter(|element| !element.children.is_empty())
        .map(|seat| (seat.id.clone(), seat.children.clone()))
        .collect();
    found.retain(|element| wanted.covers(element, &seats));
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
            vocabulary,
            id: id(party.gln),
            attributes: named(&party.legal_name, &party.country).into(),
            children: sites.clone(),
        });
        all.extend(party.sites.iter().map(|site| Element {
            vocabulary,
            id: id(site.gln),
            attributes: named(&site.name, &site.country).into(),
            children: Vec::new(),
        }));
    }
    all.extend(party.products.iter().map(|product| Element {
        vocabulary: CLASS,
        id: format!("https://id.gs1.org/01/{}", product.gtin),
        attributes: vec![(format!("{ATTRIBUTE}regulatedProductName"), product.name.clone())],
        children: Vec::new(),
    }));
    all.sort_by(|one, other| (one.vocabulary, &one.id).cmp(&(other.vocabulary, &other.id)));
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

    fn covers(&self, element: &Element, seats: &[(String, Vec<String>)]) -> bool {
        let is_within = |above: &String| {
            let below = |(seat, children): &(String, Vec<String>)| same(seat, above) && children.contains(&element.id);
            same(above, &element.id) || seats.iter().any(below)
        };
        let is_named = |names: &Option<Vec<String>>| {
            names
                .as_ref()
                .is_none_or(|names| names.iter().any(|name| same(name, &element.id)))
        };
        let has = |name: &String, values: Option<&Vec<String>>| {
            let fits = |value: &String| values.is_none_or(|values| values.contains(value));
            element.attributes.iter().any(|(known, value)| known == name && fits(value))
        };
        self.vocabularies
            .as_ref()
            .is_none_or(|wanted| wanted.iter().any(|name| name == element.vocabulary))
            && is_named(&self.names)
            && self.below.as_ref().is_none_or(|above| above.iter().any(is_within))
            && self.has.iter().all(|names| names.iter().any(|name| has(name, None)))
            && self.equals.iter().all(|(name, values)| has(name, Some(values)))
    }
}

/// Whether two texts name one thing.
fn same(one: &str, other: &str) -> bool {
    one == other || matches!((one.parse::<Epc>(), other.parse::<Epc>()), (Ok(one), Ok(other)) if one.key() == other.key())
}
