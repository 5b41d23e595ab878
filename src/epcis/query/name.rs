//! Names of extension fields in parameters: `prefix:name`, or the namespace in full (`urn:epcglobal:cbv:mda#lotNumber`).

use crate::domain::query::field::FieldName;
use crate::epcis::context::STANDARD;

/// What prefixes stand for: those of the standard context, and those that the caller declares.
#[derive(Debug, Clone, Default)]
pub struct Prefixes(Vec<(String, String)>);

impl Prefixes {
    /// From `GS1-Extensions`: `ex=https://example.com/,other=https://example.org/`.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub fn of_header(text: &str) -> Result<Self, String> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let read = pairs.map(|pair| {
            let (prefix, namespace) = pair.split_once('=')?;
            let (prefix, namespace) = (prefix.trim(), namespace.trim());
            (is_name(prefix) && namespace.contains(':')).then(|| (prefix.to_owned(), namespace.to_owned()))
        });
        let all: Option<Vec<_>> = read.take(100).collect();
        all.map(Self)
            .ok_or_else(|| "is a list of `prefix=namespace`, comma between".to_owned())
    }

    /// From the `@context` of a query document: a URL, an object, or a list of both. No URL is fetched.
    pub(super) fn declare_context(&mut self, context: &serde_json::Value) -> Result<(), String> {
        match context {
            serde_json::Value::String(_) => Ok(()),
            serde_json::Value::Array(items) => items.iter().try_for_each(|item| self.declare_context(item)),
            serde_json::Value::Object(members) => {
                for (prefix, namespace) in members {
                    let namespace = namespace.as_str().ok_or("declares a prefix that is no text")?;
                    self.0.push((prefix.clone(), namespace.to_owned()));
                }
                Ok(())
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                Err("is a URL, an object of prefixes, or a list of both".to_owned())
            }
        }
    }

    fn namespace(&self, prefix: &str) -> Option<&str> {
        let declared = self
            .0
            .iter()
            .rev()
            .map(|(known, namespace)| (known.as_str(), namespace.as_str()));
        declared
            .chain(STANDARD.iter().copied())
            .find(|(known, _)| *known == prefix)
            .map(|(_, namespace)| namespace)
    }

    /// The name of a field; nothing if the text is none.
    pub(super) fn field(&self, text: &str) -> Option<FieldName> {
        if let Some((namespace, local)) = text.rsplit_once('#') {
            return (is_name(local) && namespace.contains(':')).then(|| FieldName::qualified(namespace, local));
        }
        if text.contains("://") || text.starts_with("urn:") {
            let cut = text.rfind(['/', ':'])?;
            let (namespace, local) = (text.get(..cut)?, text.get(cut + 1..)?);
            return is_name(local).then(|| FieldName::qualified(namespace, local));
        }
        let (prefix, local) = text.split_once(':')?;
        if !is_name(prefix) || !is_name(local) {
            return None;
        }
        Some(match self.namespace(prefix) {
            Some(namespace) => FieldName::qualified(namespace, local),
            None => FieldName::Prefixed {
                prefix: prefix.into(),
                local: local.into(),
            },
        })
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Where the field of `field_attribute` ends. A field may have `_` in its namespace, an attribute in its name; and the attribute of
/// master data may be a URI (`bizLocation_urn:epcglobal:cbv:mda#site`). What could be either is an attribute of an extension field.
pub(super) fn split_attribute(text: &str) -> Option<(&str, &str)> {
    let of_extension = after_local_name(text);
    let (field, attribute) = of_extension.or_else(|| text.split_once('_').filter(|(field, _)| !field.contains(':')))?;
    (!attribute.is_empty()).then_some((field, attribute))
}

/// Cut behind the first name that is a part of no URI.
fn after_local_name(text: &str) -> Option<(&str, &str)> {
    let local = if let Some(hash) = text.find('#') {
        hash
    } else if text.contains("://") || text.starts_with("urn:") {
        text.rfind(['/', ':'])?
    } else {
        text.find(':').unwrap_or(0)
    };
    let cut = local + text.get(local..)?.find('_')?;
    Some((text.get(..cut)?, text.get(cut + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_one_name_in_all_spellings() {
        let mut prefixes = Prefixes::default();
        prefixes
            .declare_context(&serde_json::json!(["https://x.example/c.jsonld", { "ex": "https://ns.example/a#" }]))
            .unwrap();
        let check = |text: &str, expect: Option<FieldName>| assert_eq!(prefixes.field(text), expect, "{text}");
        let lot = FieldName::qualified("urn:epcglobal:cbv:mda", "lotNumber");
        check("cbvmda:lotNumber", Some(lot.clone()));
        check("urn:epcglobal:cbv:mda#lotNumber", Some(lot.clone()));
        check("urn:epcglobal:cbv:mda:lotNumber", Some(lot));
        let own = FieldName::qualified("https://ns.example/a", "b");
        check("ex:b", Some(own.clone()));
        check("https://ns.example/a#b", Some(own.clone()));
        check("https://ns.example/a/b", Some(own));
        let foreign = FieldName::Prefixed {
            prefix: "other".into(),
            local: "b".into(),
        };
        check("other:b", Some(foreign));
        for none in ["b", "", ":b", "ex:", "ex:b c", "1:b", "#b", "urn:"] {
            check(none, None);
        }
    }

    #[test]
    fn an_attribute_stands_behind_its_field() {
        let check = |text, expect| assert_eq!(split_attribute(text), expect, "{text}");
        check("bizLocation_name", Some(("bizLocation", "name")));
        check("ex:a_unit_of", Some(("ex:a", "unit_of")));
        check("http://x_y.example/n#a_unit", Some(("http://x_y.example/n#a", "unit")));
        check(
            "bizLocation_urn:epcglobal:cbv:mda#site",
            Some(("bizLocation", "urn:epcglobal:cbv:mda#site")),
        );
        check("epcClass_https://x_y.example/a", Some(("epcClass", "https://x_y.example/a")));
        check("readPoint_ex:a", Some(("readPoint", "ex:a")));
        check("readPoint_ex:a_unit", Some(("readPoint_ex:a", "unit")));
        check("http://x_y.example/n#a", None);
        check("ex:a_", None);
        check("ex:a", None);
    }

    #[test]
    fn the_header_declares_prefixes() {
        let read = Prefixes::of_header("ex=https://ns.example/a/, b=urn:x:y").unwrap();
        assert_eq!(read.field("b:c"), Some(FieldName::qualified("urn:x:y", "c")));
        assert!(Prefixes::of_header("ex").is_err());
    }
}
