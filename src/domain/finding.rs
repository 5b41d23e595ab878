//! What the hub can notice about a document, an event or an EPC: the catalogue.
//!
//! A finding says what is wrong, where, and what to do. Whether it stops the document is its severity:
//! data that breaks the standard or that the sender has no right to assert is refused whole; data that
//! is wrong against what the hub knows is stored, with the finding beside it.

use serde::{Deserialize, Serialize};

use super::profile::Level;

mod rest;

pub use rest::Rest;

/// What a finding does to its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stored; worth a look.
    Warning,
    /// Stored; the goods or the data are wrong and someone must act.
    Error,
    /// Stored; goods are on their way to where they could do harm: stop them.
    Critical,
    /// Not stored: the whole document is refused.
    Refusal,
}

impl Severity {
    /// The severity of that text.
    #[must_use]
    pub fn from_word(text: &str) -> Option<Self> {
        [Self::Warning, Self::Error, Self::Critical, Self::Refusal]
            .into_iter()
            .find(|severity| severity.as_str() == text)
    }

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Refusal => "refusal",
        }
    }
}

/// What a finding is about, and with it what a profile may make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The document as a text: it cannot be read.
    Form,
    /// What the published schema of the document's version does not allow.
    Schema,
    /// Rules of EPCIS, CBV and identifiers that no schema holds.
    Rule,
    /// What the sender may say.
    Right,
    /// The state of the goods.
    State,
    /// No longer given.
    Past,
}

impl Class {
    /// What a severity of its codes can be, in words.
    #[must_use]
    pub const fn bounds(self) -> &'static str {
        match self {
            Self::Form => "what cannot be read is refused",
            Self::Right => "what a party may not say is refused",
            Self::Schema => "any severity",
            Self::Rule => "what leaves no event is refused; anything else is free",
            Self::State => "the state of the goods never refuses a document",
            Self::Past => "it is no longer given",
        }
    }
}

macro_rules! catalogue {
    ($(#[doc = $cause:literal] $variant:ident = $number:literal, $code:literal, $class:ident, $severity:ident, $fix:literal;)*) => {
        /// Stable codes of findings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingCode {
            $(#[doc = $cause] $variant,)*
        }

        impl FindingCode {
            /// All of them, for the committed catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its number, which never changes: the hundreds are its class.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it is about.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// What it does to its document, where no profile says otherwise.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// What is wrong, in one sentence.
            #[must_use]
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause.trim_ascii(),)* }
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
    Malformed = 101, "MALFORMED_DOCUMENT", Form, Refusal, "send a well-formed document in UTF-8";
    /// A document type declaration or an entity.
    DtdForbidden = 102, "DTD_FORBIDDEN", Form, Refusal, "send the document without DOCTYPE and without entity references";
    /// The same member twice in one JSON object.
    DuplicateKey = 103, "DUPLICATE_KEY", Form, Refusal, "send each member once";
    /// Nested deeper than the limit.
    TooDeep = 104, "DOCUMENT_TOO_DEEP", Form, Refusal, "nest less deeply";
    /// More events than the limit of one document.
    TooManyEvents = 105, "TOO_MANY_EVENTS", Form, Refusal, "split the document";
    /// One event or header larger than the limit.
    TooLarge = 106, "EVENT_TOO_LARGE", Form, Refusal, "split the event";
    /// The root is no EPCIS document of a known version.
    UnknownDocument = 107, "UNKNOWN_DOCUMENT_TYPE", Form, Refusal, "send an EPCISDocument or EPCISQueryDocument of EPCIS 1.x or 2.0";
    /// A prefix that nothing declares.
    UndeclaredPrefix = 108, "UNDECLARED_PREFIX", Form, Refusal, "declare the prefix in @context or with xmlns";
    /// More findings of one code than are kept.
    Truncated = 109, "FINDINGS_TRUNCATED", Form, Warning, "correct those listed and send again";
    /// An element stands where the schema of its version does not have it: out of order, once too often, or not in its wrapper.
    SchemaOrder = 201, "SCHEMA_ORDER", Schema, Warning, "send the elements in the order and nesting of the schema";
    /// An element, attribute or member that the schema asks for is not there.
    SchemaMissing = 202, "SCHEMA_MISSING", Schema, Warning, "add the element, attribute or member";
    /// An attribute or member that the schema does not have.
    SchemaUnknown = 203, "SCHEMA_UNKNOWN", Schema, Warning, "remove it, or put it into a namespace of your own";
    /// A value that is none of its datatype: a date, a number, a URI, an enumeration, a pattern.
    SchemaValue = 204, "SCHEMA_VALUE", Schema, Warning, "send a value of the datatype that the schema gives";
    /// A list that the schema does not let be empty.
    SchemaEmptyList = 205, "SCHEMA_EMPTY_LIST", Schema, Warning, "leave the list out, or fill it";
    /// The same item twice in a list of distinct items.
    SchemaRepeated = 206, "SCHEMA_REPEATED", Schema, Warning, "name each item once";
    /// Another kind of content than the schema has here: text beside elements, a number in quotes, one value instead of a list.
    SchemaKind = 207, "SCHEMA_KIND", Schema, Warning, "send the kind of content that the schema gives";
    /// An element in a namespace where the schema has one without, or the other way round.
    SchemaNamespace = 208, "SCHEMA_NAMESPACE", Schema, Warning, "qualify the root and nothing below it";
    /// A mandatory field is not there.
    MissingField = 301, "MISSING_FIELD", Rule, Refusal, "add the field";
    /// A field that this event type, action or version does not have.
    UnexpectedField = 302, "UNEXPECTED_FIELD", Rule, Refusal, "remove the field, or put it into a namespace of your own";
    /// A value that is none of its type's.
    InvalidValue = 303, "INVALID_VALUE", Rule, Refusal, "send a value of the type the standard gives";
    /// A time without zone, or no time at all.
    InvalidTime = 304, "INVALID_TIME", Rule, Refusal, "send an xsd:dateTimeStamp with its zone, such as 2026-11-22T06:50:00+01:00";
    /// An EPC or class that breaks the rules of its scheme.
    InvalidEpc = 305, "INVALID_EPC_URI", Rule, Refusal, "correct the identifier (GS1 EPC Tag Data Standard, GS1 Digital Link)";
    /// A check digit is wrong.
    InvalidCheckDigit = 306, "INVALID_CHECK_DIGIT", Rule, Refusal, "correct the check digit (GS1 General Specifications 7.9)";
    /// A combination of action, parent and children that the standard does not allow.
    InvalidAction = 307, "INVALID_ACTION", Rule, Refusal, "see the table of action and parentID of EPCIS 2.0 clause 7.4";
    /// A vocabulary value that CBV does not have.
    UnknownVocabulary = 308, "UNKNOWN_VOCABULARY", Rule, Warning, "use a CBV 2.0 value or a URI of your own";
    /// A field is there and holds nothing: read as absent.
    EmptyValue = 309, "EMPTY_VALUE", Rule, Warning, "leave the field out, or fill it";
    /// A value is spelt in a way that leaves no doubt and is not the standard's: read as what is meant.
    ValueCorrected = 310, "VALUE_CORRECTED", Rule, Warning, "send the spelling of the standard";
    /// An identifier stands twice in one list: read as once.
    RepeatedEpc = 311, "REPEATED_EPC", Rule, Warning, "name each identifier once";
    /// A field that is no field of EPCIS and has no namespace: kept as an extension.
    NoNamespace = 312, "NO_NAMESPACE", Rule, Warning, "put it into a namespace of your own";
    /// A field of EPCIS is qualified with its namespace: read as without.
    QualifiedField = 313, "QUALIFIED_FIELD", Rule, Warning, "qualify the root and nothing below it";
    /// A reference that is no absolute URI: kept as it stands.
    NotAUri = 314, "NOT_A_URI", Rule, Warning, "send a URI, such as urn:epcglobal:cbv:bt:GLN:NUMBER";
    /// Something that has no place and no meaning here: left out.
    Ignored = 315, "IGNORED_CONTENT", Rule, Warning, "remove it, or put it into a namespace of your own";
    /// A prefix of a context that is not fetched: its names are kept under the address of the context.
    ForeignContext = 316, "FOREIGN_CONTEXT", Rule, Warning, "declare the prefix inline in @context";
    /// Sensor data that breaks a rule which no schema holds: kept as it stands.
    SensorData = 317, "SENSOR_DATA", Rule, Warning, "see EPCIS 2.0 clause 7.3.7";
    /// A structure of the document that is not the standard's and leaves no doubt: read as what is meant.
    StructureCorrected = 318, "STRUCTURE_CORRECTED", Rule, Warning, "send the structure of the schema";
    /// Commissioning of an item without lot or expiry.
    MissingLotOrExpiry = 319, "MISSING_EXPIRY", Rule, Warning, "send cbvmda:lotNumber and cbvmda:itemExpirationDate in ilmd";
    /// The event lies in the future.
    FutureEvent = 320, "FUTURE_EVENT_TIME", Rule, Warning, "set the clock of the line";
    /// An identifier or a word longer than is looked for.
    TooLong = 321, "VALUE_TOO_LONG", Rule, Refusal, "send identifiers, words of vocabularies, lots and dates of at most 512 bytes";
    /// The master data of a document give an attribute of an identifier two values.
    MasterDataConflict = 351, "MASTER_DATA_CONFLICT", Rule, Warning, "describe each identifier once, or the same way each time";
    /// A shipping event names a business location.
    BizLocationOnShipping = 361, "BIZ_LOCATION_ON_SHIPPING", Rule, Warning, "leave bizLocation out of shipping events";
    /// A shipping event does not say from whom or to whom the goods go.
    MissingSourceDestination = 362, "MISSING_SOURCE_DESTINATION", Rule, Warning, "name the parties and places of the guideline in sourceList and destinationList";
    /// A document that ships goods has no DSCSA transaction statement.
    MissingStatement = 363, "MISSING_DSCSA_STATEMENT", Rule, Warning, "send gs1ushc:dscsaTransactionStatement in the header";
    /// A DSCSA transaction statement does not affirm that the seller has complied.
    StatementNotAffirmed = 364, "STATEMENT_NOT_AFFIRMED", Rule, Error, "affirm the statement, or do not ship";
    /// The header names another version of the guideline than is agreed with its sender.
    GuidelineVersion = 365, "GUIDELINE_VERSION", Rule, Warning, "follow the version that is agreed, and name it in gs1ushc:guidelineVersion";
    /// Product codes of the master data are named as in another version of the guideline.
    NdcTypeMix = 366, "NDC_TYPE_MIX", Rule, Warning, "name National Drug Codes by US_FDA_NDC in R1.3 and by FDA_NDC_11 in R1.2";
    /// A business document is not named by the GLN of the party that issues such documents.
    BizTransactionOwner = 367, "BIZ_TRANSACTION_OWNER", Rule, Warning, "name orders by the GLN of the buyer, despatch advices and invoices by that of the seller";
    /// The name of a business document begins with no GLN.
    BizTransactionGln = 368, "BIZ_TRANSACTION_GLN", Rule, Warning, "send urn:epcglobal:cbv:bt:GLN:NUMBER with a right GLN of thirteen digits (CBV 2.0 clause 8.5)";
    /// The sender of the header is not the party of the certificate.
    SenderMismatch = 401, "SENDER_MISMATCH", Right, Refusal, "send with the certificate of the party that the header names as sender";
    /// A location that is not the sender's or its principal's.
    LocationNotYours = 402, "LOCATION_NOT_YOURS", Right, Refusal, "assert read points and business locations of your own or your principal's sites";
    /// The giving side of a shipment or the taking side of a receipt is somebody else.
    PartyNotYours = 403, "PARTY_NOT_YOURS", Right, Refusal, "ship from, and receive for, yourself or a principal under an agreement";
    /// The sender may not assert this for the product or company prefix.
    EpcNotYours = 404, "EPC_NOT_YOURS", Right, Refusal, "assert commissioning, packing and decommissioning for your own products or under an agreement that gives the power";
    /// A document that contradicts one with the same event id.
    EventIdConflict = 501, "EVENT_ID_CONFLICT", State, Error, "use a new eventID, or declare the earlier event in error";
    /// The serial was never allocated to the sender.
    SerialNotAllocated = 502, "SERIAL_NOT_ALLOCATED", State, Error, "commission only serial numbers that you were allocated for this product";
    /// The serial was the sender's, and is not to be used any more.
    SerialWithdrawn = 503, "SERIAL_WITHDRAWN", State, Error, "take the pack out: its serial was reported as scrapped, sampled, returned, lost or destroyed; correct the report if that was wrong";
    /// Commissioned into a lot that was closed.
    LotClosed = 504, "LOT_CLOSED", State, Error, "the lot's balance was signed: tell the brand owner, or correct the lot of the event";
    /// Commissioned a second time.
    AlreadyCommissioned = 505, "SERIAL_ALREADY_COMMISSIONED", State, Error, "each serial is commissioned once; declare the wrong event in error";
    /// Used without having been commissioned.
    NotCommissioned = 506, "MISSING_COMMISSIONING", State, Warning, "send the commissioning event; the finding clears by itself";
    /// Used at a time before it was commissioned.
    UsedBeforeCommissioning = 507, "COMMISSION_AFTER_USE", State, Warning, "correct the event time";
    /// A child that is already in another parent.
    SecondParent = 508, "MULTIPLE_PARENTS", State, Error, "unpack it from its parent first";
    /// A container inside itself.
    ContainmentCycle = 509, "CONTAINMENT_CYCLE", State, Error, "correct the parent";
    /// Unpacked from a parent it is not in.
    NotInParent = 510, "DEAGGREGATION_WITHOUT_PRIOR", State, Warning, "send the packing event; the finding clears by itself";
    /// Shipped although it is inside something.
    NotTopLevel = 511, "SHIPPED_INSIDE_CONTAINER", State, Warning, "ship the outermost container";
    /// Handed over by someone who does not have it.
    NoCustody = 512, "NO_CUSTODY", State, Error, "check the EPC; if an earlier handover was not reported, ask the sender for it";
    /// Received without having been shipped to the receiver.
    ReceivedWithoutShipment = 513, "RECEIVED_WITHOUT_SHIPMENT", State, Warning, "ask the supplier for the shipping event; the finding clears by itself";
    /// Used after it was decommissioned, destroyed or dispensed.
    AfterEndOfLife = 514, "DECOMMISSIONED_SERIAL_USED", State, Error, "check the EPC";
    /// Commissioned a second time, with another lot or another expiry; the first is kept.
    LotMismatch = 521, "LOT_MISMATCH", State, Error, "lot and expiry of a serial never change: declare the wrong event in error";
    /// Shipped, itself or inside something, after its expiry date.
    ExpiredShipped = 522, "EXPIRED_PRODUCT_SHIPPED", State, Critical, "stop the goods; goods that go back are shipped with disposition returned or expired";
    /// Shipped, itself or inside something, while it is recalled.
    RecalledShipped = 523, "RECALLED_PRODUCT_SHIPPED", State, Critical, "stop the goods; goods that go back are shipped with disposition returned or recalled";
    /// Shipped, itself or inside something, after it was decommissioned, destroyed or dispensed.
    EndedShipped = 524, "DECOMMISSIONED_SERIAL_SHIPPED", State, Critical, "stop the goods and check the EPC";
    /// Shipped, and not among what the receiver confirmed of the shipment.
    ShippedNotReceived = 525, "SHIPPED_NOT_RECEIVED", State, Error, "look for the goods; a receiving event that names them clears it, a void_shipping of what never left too";
    /// An error declaration names a corrective event that its sender has not sent.
    DanglingCorrection = 551, "DANGLING_CORRECTION", State, Warning, "send the corrective event; the finding clears by itself";
    /// Noticed by an earlier release, which had one code for all deviations without consequence. No longer given.
    LenientlyRead = 901, "LENIENTLY_READ", Past, Warning, "see the detail";
}

impl FindingCode {
    /// The code of that text.
    #[must_use]
    pub fn from_code(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text)
    }

    /// Whether it is about an identifier that can be kept as it stands, as no thing that any rule knows.
    #[must_use]
    pub const fn keeps_identifier(self) -> bool {
        matches!(self, Self::InvalidEpc | Self::InvalidCheckDigit)
    }

    /// Whether a profile may set it to that.
    #[must_use]
    pub fn allows(self, level: Level) -> bool {
        let unchanged = level == Level::As(self.severity());
        match self.class() {
            Class::Form | Class::Right | Class::Past => unchanged,
            Class::Schema => true,
            // Without these there is no event to store.
            Class::Rule => unchanged || self.severity() != Severity::Refusal || self.keeps_identifier(),
            Class::State => level != Level::As(Severity::Refusal),
        }
    }
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

    /// Whether it stops the document, where no profile says otherwise.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.code.severity() == Severity::Refusal
    }
}
