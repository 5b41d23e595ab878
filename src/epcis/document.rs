//! What the readers make of a document.
//!
//! It holds what was said, not what the hub thinks of it: no party is resolved here, no state is asked.

use crate::domain::event::{Event, Node};
use crate::domain::finding::Finding;
use crate::domain::gs1::{Epc, Gln};

/// Which wire format a document came in. Taken from namespace and media type, never from `schemaVersion`, which lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// XML of `urn:epcglobal:epcis:xsd:1` (EPCIS 1.0 to 1.2).
    Xml1,
    /// XML of `urn:epcglobal:epcis:xsd:2`.
    Xml2,
    /// JSON-LD of EPCIS 2.0.
    Json,
}

/// One document, read.
#[derive(Debug)]
pub struct Document {
    /// The format it came in.
    pub syntax: Syntax,
    /// `schemaVersion` as sent, `""` if none.
    pub schema_version: String,
    /// What stands above the events.
    pub header: Header,
    /// The events, in document order. Empty where they were handed out one by one ([`super::read_events`]).
    pub events: Vec<ParsedEvent>,
    /// What was noticed and does not refuse the document; of events that were left out also what refuses them.
    pub findings: Vec<Finding>,
    /// How many events were left out ([`super::ParseLimits::leaves_out`]).
    pub left_out: usize,
}

/// Above the events: the Standard Business Document Header, master data, transaction statements.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// SBDH `Sender`, or the pseudo-SBDH `sender` of JSON.
    pub sender: Option<Correspondent>,
    /// SBDH `Receiver`, or `receiver`.
    pub receiver: Option<Correspondent>,
    /// SBDH `InstanceIdentifier`, or `instanceIdentifier`.
    pub instance_id: Option<Box<str>>,
    /// The `Vocabulary` elements of `EPCISMasterData`, in the shape of the syntax they came in.
    pub master_data: Vec<Node>,
    /// Everything else of the header and the extensions of the document itself, whole: SBDH, `gs1ushc:dscsaTransactionStatement`, …
    pub extensions: Vec<Node>,
}

/// A sender or receiver as the header names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// SBDH `Identifier/@Authority`: `GS1`, `GLN`, `SGLN`, … as sent.
    pub authority: Option<Box<str>>,
    /// Thirteen digits, an SGLN or PGLN in any spelling, or anything else.
    pub identifier: Box<str>,
}

impl Correspondent {
    /// The GLN it carries, whatever the authority says.
    #[must_use]
    pub fn gln(&self) -> Option<Gln> {
        let text = self.identifier.trim();
        if text.contains(':') {
            text.parse::<Epc>().ok()?.gln()
        } else {
            text.parse().ok()
        }
    }
}

/// One event of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedEvent {
    /// The event.
    pub event: Event,
    /// Where it stood: JSON pointer or XPath.
    pub pointer: String,
    /// The format it came in.
    pub syntax: Syntax,
    /// Its zero-based position among the events of the document.
    pub position: usize,
    /// Its CBV 2.0 event hash (clause 8.9).
    pub hash: [u8; 32],
}
