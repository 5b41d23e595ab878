//! Identified things by name, and pages of them.

use async_graphql::SimpleObject;

use crate::domain::gs1::Epc;

/// An identified thing by its identifiers.
#[derive(Debug, Clone, SimpleObject)]
pub struct ThingName {
    /// Canonical GS1 Digital Link, or the URI where it is none of GS1's.
    epc: String,
    /// GTIN-14, if it is of a product.
    gtin: Option<String>,
    /// Serial number, if it is of a product.
    serial: Option<String>,
    /// SSCC, if it is a logistic unit.
    sscc: Option<String>,
}

impl From<&Epc> for ThingName {
    fn from(epc: &Epc) -> Self {
        Self {
            epc: epc.canonical().to_owned(),
            gtin: epc.gtin().map(|gtin| gtin.to_string()),
            serial: epc.serial().map(|serial| serial.into_owned()),
            sscc: epc.sscc().map(|sscc| sscc.to_string()),
        }
    }
}

/// Reads an EPC argument, in any spelling.
pub fn epc(text: &str) -> super::refusal::Answer<Epc> {
    text.parse()
        .map_err(|_| super::refusal::bad_input("`epc` is no EPC: send an EPC URN or a GS1 Digital Link"))
}
