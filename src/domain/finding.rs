//! What the hub can notice about a document, an event or an EPC: the catalogue.
//!
//! A finding says what is wrong, where, and what to do. Whether it stops the document is its severity:
//! data that breaks the standard or that the sender has no right to assert is refused whole; data that
//! is wrong against what the hub knows is stored, with the finding beside it.

use serde::{Deserialize, Serialize};

/// What a finding does to its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stored; worth a look.
    Warning,
    /// Stored; the goods or the data are wrong and someone must act.
    Error,
    /// Not stored: the whole document is refused.
    Refusal,
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $severity:ident, $fix:literal;)*) => {
        /// Stable codes of findings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $($(#[$doc])* $variant,)*
        }

        impl FindingCode {
            /// All of them, for the committed catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it does to its document.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What the sender can do about it.
            #[must_use]
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)* }
            }
        }
    };
}

catalogue! {
    /// Not well-formed XML or JSON, or not UTF-8.
    Malformed = "MALFORMED_DOCUMENT", Refusal, "send a well-formed document in UTF-8";
    /// A document type declaration or an entity.
    DtdForbidden = "DTD_FORBIDDEN", Refusal, "send the document without DOCTYPE and without entity references";
    /// The same member twice in one JSON object.
    DuplicateKey = "DUPLICATE_KEY", Refusal, "send each member once";
    /// Nested deeper than the limit.
    TooDeep = "DOCUMENT_TOO_DEEP", Refusal, "nest less deeply";
    /// More events than the limit of one document.
    TooManyEvents = "TOO_MANY_EVENTS", Refusal, "split the document";
    /// One event or header larger than the limit.
    TooLarge = "EVENT_TOO_LARGE", Refusal, "split the event";
    /// The root is no EPCIS document of a known version.
    UnknownDocument = "UNKNOWN_DOCUMENT_TYPE", Refusal, "send an EPCISDocument or EPCISQueryDocument of EPCIS 1.x or 2.0";
    /// A mandatory field is not there.
    MissingField = "MISSING_FIELD", Refusal, "add the field";
    /// A field that this event type, action or version does not have.
    UnexpectedField = "UNEXPECTED_FIELD", Refusal, "remove the field, or put it into a namespace of your own";
    /// A value that is none of its type's.
    InvalidValue = "INVALID_VALUE", Refusal, "send a value of the type the standard gives";
    /// A time without zone, or no time at all.
    InvalidTime = "INVALID_TIME", Refusal, "send an xsd:dateTimeStamp with its zone, such as 2026-11-22T06:50:00+01:00";
    /// A prefix that nothing declares.
    UndeclaredPrefix = "UNDECLARED_PREFIX", Refusal, "declare the prefix in @context or with xmlns";
    /// An EPC or class that breaks the rules of its scheme.
    InvalidEpc = "INVALID_EPC_URI", Refusal, "correct the identifier (GS1 EPC Tag Data Standard, GS1 Digital Link)";
    /// A check digit is wrong.
    InvalidCheckDigit = "INVALID_CHECK_DIGIT", Refusal, "correct the check digit (GS1 General Specifications 7.9)";
    /// A combination of action, parent and children that the standard does not allow.
    InvalidAction = "INVALID_ACTION", Refusal, "see the table of action and parentID of EPCIS 2.0 clause 7.4";
    /// The sender of the header is not the party of the certificate.
    SenderMismatch = "SENDER_MISMATCH", Refusal, "send with the certificate of the party that the header names as sender";
    /// A location that is not the sender's or its principal's.
    LocationNotYours = "LOCATION_NOT_YOURS", Refusal, "assert read points and business locations of your own or your principal's sites";
    /// The giving side of a shipment or the taking side of a receipt is somebody else.
    PartyNotYours = "PARTY_NOT_YOURS", Refusal, "ship from, and receive for, yourself or a principal under an agreement";
    /// The sender may not assert this for the product or company prefix.
    EpcNotYours = "EPC_NOT_YOURS", Refusal, "assert commissioning, packing and decommissioning for your own products or under an agreement that gives the power";
    /// A document that contradicts one with the same event id.
    EventIdConflict = "EVENT_ID_CONFLICT", Error, "use a new eventID, or declare the earlier event in error";
    /// Deviates from the schema in a way that leaves no doubt about its meaning.
    LenientlyRead = "LENIENTLY_READ", Warning, "correct your interface; a strict receiver refuses this";
    /// A vocabulary value that CBV does not have.
    UnknownVocabulary = "UNKNOWN_VOCABULARY", Warning, "use a CBV 2.0 value or a URI of your own";
    /// The serial was never allocated to the sender.
    SerialNotAllocated = "SERIAL_NOT_ALLOCATED", Error, "commission only serial numbers that you were allocated for this product";
    /// The serial was the sender's, and is not to be used any more.
    SerialWithdrawn = "SERIAL_WITHDRAWN", Error, "take the pack out: its serial was reported as scrapped, sampled, returned, lost or destroyed; correct the report if that was wrong";
    /// Commissioned into a lot that was closed.
    LotClosed = "LOT_CLOSED", Error, "the lot's balance was signed: tell the brand owner, or correct the lot of the event";
    /// Commissioned a second time.
    AlreadyCommissioned = "SERIAL_ALREADY_COMMISSIONED", Error, "each serial is commissioned once; declare the wrong event in error";
    /// Used without having been commissioned.
    NotCommissioned = "MISSING_COMMISSIONING", Warning, "send the commissioning event; the finding clears by itself";
    /// Used at a time before it was commissioned.
    UsedBeforeCommissioning = "COMMISSION_AFTER_USE", Warning, "correct the event time";
    /// A child that is already in another parent.
    SecondParent = "MULTIPLE_PARENTS", Error, "unpack it from its parent first";
    /// A container inside itself.
    ContainmentCycle = "CONTAINMENT_CYCLE", Error, "correct the parent";
    /// Unpacked from a parent it is not in.
    NotInParent = "DEAGGREGATION_WITHOUT_PRIOR", Warning, "send the packing event; the finding clears by itself";
    /// Shipped although it is inside something.
    NotTopLevel = "SHIPPED_INSIDE_CONTAINER", Warning, "ship the outermost container";
    /// Handed over by someone who does not have it.
    NoCustody = "NO_CUSTODY", Error, "check the EPC; if an earlier handover was not reported, ask the sender for it";
    /// Received without having been shipped to the receiver.
    ReceivedWithoutShipment = "RECEIVED_WITHOUT_SHIPMENT", Warning, "ask the supplier for the shipping event; the finding clears by itself";
    /// Used after it was decommissioned, destroyed or dispensed.
    AfterEndOfLife = "DECOMMISSIONED_SERIAL_USED", Error, "check the EPC";
    /// Commissioning of an item without lot or expiry.
    MissingLotOrExpiry = "MISSING_EXPIRY", Warning, "send cbvmda:lotNumber and cbvmda:itemExpirationDate in ilmd";
    /// The event lies in the future.
    FutureEvent = "FUTURE_EVENT_TIME", Warning, "set the clock of the line";
    /// More findings of one code than are kept.
    Truncated = "FINDINGS_TRUNCATED", Warning, "correct those listed and send again";
}

/// One thing noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which of the catalogue.
    pub code: FindingCode,
    /// Zero-based position of the event in its document, if it is about one.
    pub event: Option<usize>,
    /// The EPC as the sender spelt it, if it is about one.
    pub epc: Option<String>,
    /// JSON pointer (`/epcisBody/eventList/0/epcList/3`), XPath, or `line:column`.
    pub pointer: String,
    /// What is wrong here; never more of the input than the offending token, cut to 80 characters.
    pub detail: String,
}

impl Finding {
    /// A finding about the document as a whole.
    pub fn new(code: FindingCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code,
            event: None,
            epc: None,
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }

    /// The same about one event.
    #[must_use]
    pub fn at_event(mut self, index: usize) -> Self {
        self.event = Some(index);
        self
    }

    /// The same about one EPC.
    #[must_use]
    pub fn about(mut self, epc: impl Into<String>) -> Self {
        self.epc = Some(epc.into());
        self
    }

    /// Whether it stops the document.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.code.severity() == Severity::Refusal
    }
}
