//! What the published schema of a document's version says of it: EPCIS 1.2 and 2.0 (XSD, with the Standard Business Document
//! Header), EPCIS 2.0.0 (JSON Schema).
//!
//! Tables made by hand from the standards, and small walkers over the tree of an event or header: the verdict is that of a
//! validating receiver, each deviation a finding of class `schema` with its place. What such a finding does is the profile's to
//! say. Rules that no schema holds stand in `check` and `build`; nothing is corrected or dropped here.
//!
//! One deviation of a container is told; behind it only what its children hold is looked at, for order means nothing any more.

pub(super) mod datatype;
pub(super) mod json;
pub(super) mod tables;
mod uri;
pub(super) mod xml;

use super::document::Syntax;
use super::reading::Reading;
use super::tree::View;

/// Holds an event against its schema.
pub(super) fn event(reading: &mut Reading<'_>, root: View<'_>, base: &str) {
    match reading.syntax {
        Syntax::Xml1 | Syntax::Xml2 => {
            match tables::event(reading.syntax, root.local()) {
                Some(declared) => xml::element(reading, root, base, declared),
                // The version has no such event: a wildcard took it, or its frame has said so.
                None => xml::lax(reading, root, base),
            }
        }
        Syntax::Json => json::event(reading, root, base),
    }
}
