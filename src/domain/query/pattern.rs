//! What `MATCH_…` compares with: one thing, or all that a pattern of the EPC Tag Data Standard covers
//! (EPCIS 2.0 clause 8.2.7.1.1).
//!
//! Spellings do not count: a pattern written as a URN covers what was captured as Digital Link.

use crate::domain::gs1::{Epc, EpcClass, Gs1Error, Scheme};

/// One EPC, or a pattern of them.
#[derive(Debug, Clone, PartialEq)]
pub enum EpcPattern {
    /// This one.
    One(Epc),
    /// All of one class: `urn:epc:idpat:sgtin:4012345.098765.*`, or the Digital Link of the class.
    Class(EpcClass),
    /// Wider: `urn:epc:idpat:sgtin:4012345.*.*`.
    Wide(Wide),
}

/// A class, or a pattern of classes.
#[derive(Debug, Clone, PartialEq)]
pub enum ClassPattern {
    /// This one.
    One(EpcClass),
    /// All that a pattern covers.
    Wide(Wide),
}

/// Scheme and fields of a pattern; `None` is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wide {
    scheme: Box<str>,
    fields: Vec<Option<Box<str>>>,
}

impl Wide {
    /// From `urn:epc:idpat:` with a `*`; nothing for any other text.
    fn parse(text: &str) -> Option<Self> {
        let heads = ["urn:epc:idpat:", "urn:epc:classpat:"];
        let rest = heads.iter().find_map(|head| text.strip_prefix(head))?;
        let (scheme, fields) = rest.split_once(':')?;
        let field = |field: &str| (field != "*").then(|| field.into());
        let fields: Vec<Option<Box<str>>> = fields.split('.').map(field).collect();
        // Once a field is open, so are those behind it (TDS 1.13 clause 8).
        let first = fields.iter().position(Option::is_none)?;
        let whole = fields.iter().skip(first).all(Option::is_none) && fields.iter().flatten().all(|field| !field.is_empty());
        (whole && !scheme.is_empty()).then(|| Self {
            scheme: scheme.into(),
            fields,
        })
    }

    /// `urn` writes the identifier with a company prefix of the length it is given.
    fn covers(&self, urn: impl Fn(Option<usize>) -> Option<String>) -> bool {
        let prefix = self.fields.first().and_then(Option::as_deref);
        let Some(urn) = urn(prefix.map(str::len)) else { return false };
        let Some(rest) = ["urn:epc:id:", "urn:epc:idpat:", "urn:epc:class:"]
            .iter()
            .find_map(|head| urn.strip_prefix(head))
        else {
            return false;
        };
        let Some((scheme, fields)) = rest.split_once(':') else {
            return false;
        };
        let mut parts = fields.splitn(self.fields.len(), '.');
        scheme == &*self.scheme
            && self.fields.iter().all(|wanted| {
                parts
                    .next()
                    .is_some_and(|part| wanted.as_deref().is_none_or(|wanted| wanted == part))
            })
    }
}

impl std::str::FromStr for EpcPattern {
    type Err = Gs1Error;

    fn from_str(text: &str) -> Result<Self, Gs1Error> {
        let text = text.trim();
        let refused = match text.parse::<Epc>() {
            Ok(epc) => return Ok(Self::One(epc)),
            Err(error) => error,
        };
        if let Some(class) = text
            .parse::<EpcClass>()
            .ok()
            .filter(|class| class.gtin().is_some() && class.lot().is_none())
        {
            return Ok(Self::Class(class));
        }
        Wide::parse(text).map(Self::Wide).ok_or(refused)
    }
}

impl EpcPattern {
    /// Whether it covers this one.
    #[must_use]
    pub fn covers(&self, epc: &Epc) -> bool {
        match self {
            Self::One(one) => one == epc,
            Self::Class(class) => epc.scheme() == Scheme::Sgtin && epc.gtin() == class.gtin(),
            Self::Wide(wide) => wide.covers(|len| epc.to_urn(|_| Some(len.unwrap_or(7)))),
        }
    }
}

impl std::str::FromStr for ClassPattern {
    type Err = Gs1Error;

    fn from_str(text: &str) -> Result<Self, Gs1Error> {
        let text = text.trim();
        match text.parse::<EpcClass>() {
            // `urn:epc:idpat:sgtin:4012345.*.*` is a class of its own as well: its pattern covers it.
            Ok(class) if class.gtin().is_some() => Ok(Self::One(class)),
            Ok(class) => Ok(Wide::parse(text).map_or(Self::One(class), Self::Wide)),
            Err(refused) => Wide::parse(text).map(Self::Wide).ok_or(refused),
        }
    }
}

impl ClassPattern {
    /// Whether it covers this class.
    #[must_use]
    pub fn covers(&self, class: &EpcClass) -> bool {
        match self {
            Self::One(one) => one == class,
            Self::Wide(wide) => wide.covers(|len| class.to_urn(|_| Some(len.unwrap_or(7)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, epc: &str, expect: bool) {
        let read: EpcPattern = pattern.parse().unwrap();
        assert_eq!(read.covers(&epc.parse().unwrap()), expect, "{pattern} {epc}");
    }

    #[test]
    fn patterns_cover_things_in_any_spelling() {
        let unit = "https://id.gs1.org/01/04012345987652/21/A1";
        check("urn:epc:id:sgtin:4012345.098765.A1", unit, true);
        check("urn:epc:id:sgtin:4012345.098765.A2", unit, false);
        check("urn:epc:idpat:sgtin:4012345.098765.*", unit, true);
        check("https://id.gs1.org/01/04012345987652", unit, true);
        check("urn:epc:idpat:sgtin:4012345.098766.*", unit, false);
        check("urn:epc:idpat:sgtin:4012345.*.*", unit, true);
        check("urn:epc:idpat:sgtin:4012346.*.*", unit, false);
        check("urn:epc:idpat:sgtin:*.*.*", unit, true);
        check("urn:epc:idpat:sscc:4012345.*", unit, false);
        check("urn:epc:idpat:sgtin:4012345.*.*", "urn:epc:id:sgtin:4012345.098765.A.B", true);
        check(
            "urn:epc:idpat:sscc:4012345.*",
            "https://id.gs1.org/00/340123453111111115",
            true,
        );
        check("urn:epc:idpat:grai:4012345.11111.*", "urn:epc:id:grai:4012345.11111.7", true);
        check("urn:epc:idpat:grai:4012345.11112.*", "urn:epc:id:grai:4012345.11111.7", false);
    }

    #[test]
    fn patterns_cover_classes() {
        let check = |pattern: &str, class: &str, expect: bool| {
            let read: ClassPattern = pattern.parse().unwrap();
            assert_eq!(read.covers(&class.parse().unwrap()), expect, "{pattern} {class}");
        };
        let lot = "https://id.gs1.org/01/04012345123456/10/998877";
        check("urn:epc:class:lgtin:4012345.012345.998877", lot, true);
        check("urn:epc:class:lgtin:4012345.012345.998878", lot, false);
        check("urn:epc:idpat:lgtin:4012345.012345.*", lot, true);
        check("urn:epc:idpat:lgtin:4012345.*.*", lot, true);
        check("urn:epc:idpat:sgtin:4012345.*.*", lot, false);
        check(
            "urn:epc:idpat:sgtin:4012345.*.*",
            "urn:epc:idpat:sgtin:4012345.012345.*",
            true,
        );
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "x y",
            "urn:epc:idpat:sgtin:*.5.*",
            "urn:epc:idpat:sgtin:4012345.*.5",
            "urn:epc:id:sgtin:1.2",
        ] {
            assert!(text.parse::<EpcPattern>().is_err(), "{text}");
        }
    }
}
