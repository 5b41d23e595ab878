//! The one table of what can go wrong: it feeds problem+json (RFC 9457) and GraphQL `extensions.code`.

use crate::domain::finding::Severity;
use crate::storage::StorageError;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// Stable codes of refusals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All of them, for the committed table.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it goes with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// One line for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// Absent, or not for this caller: the two are never told apart.
    NotFound = "NOT_FOUND", 404, "no such thing, or none that you may see";
    /// The certificate names no active party.
    Unauthenticated = "UNAUTHENTICATED", 401, "the caller is not known";
    /// The caller asserts something that is not its own or its principal's.
    NotEntitled = "NOT_ENTITLED", 403, "this is not yours or your principal's to say or do";
    /// An argument or query parameter is wrong.
    BadInput = "BAD_INPUT", 400, "the request cannot be understood as it stands";
    /// A document is not well-formed or breaks a rule of its standard.
    InvalidDocument = "INVALID_DOCUMENT", 400, "the document breaks a rule of its standard";
    /// The media type is none that this resource takes.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "this media type is not taken here";
    /// None of the accepted media types can be produced.
    NotAcceptable = "NOT_ACCEPTABLE", 406, "none of the accepted media types is made here";
    /// The method is not allowed on this resource.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "this method is not allowed here";
    /// Larger than the announced limit.
    TooLarge = "TOO_LARGE", 413, "larger than the limit of this resource";
    /// A query that would cost too much.
    QueryTooComplex = "QUERY_TOO_COMPLEX", 400, "the query costs more than is allowed";
    /// A parameter of an EPCIS query is not known, or its value is none of its kind.
    QueryParameter = "QUERY_PARAMETER", 400, "a parameter of the query cannot be taken";
    /// More events than `maxEventCount`.
    QueryTooLarge = "QUERY_TOO_LARGE", 413, "the query has more events than it allows";
    /// An EPCIS query that would look at more events than one call may.
    QueryTooWide = "QUERY_TOO_WIDE", 413, "the query would look at too many events";
    /// A query of this name is there.
    NameTaken = "NAME_TAKEN", 409, "the name is taken";
    /// No query of this name, or none of the caller's.
    NoSuchName = "NO_SUCH_NAME", 404, "no query of this name, or none that you may see";
    /// No subscription of this id, or none of the caller's.
    NoSuchSubscription = "NO_SUCH_SUBSCRIPTION", 404, "no subscription of this id, or none that you may see";
    /// A subscription of this id is there.
    SubscriptionTaken = "SUBSCRIPTION_TAKEN", 409, "a subscription of this id is there";
    /// A subscription neither streams nor has a schedule, has both, or a schedule that cannot be kept.
    SubscriptionControls = "SUBSCRIPTION_CONTROLS", 400, "the subscription does not say when, or says it in a way that cannot be kept";
    /// A query that cannot be subscribed to.
    SubscribeNotPermitted = "SUBSCRIBE_NOT_PERMITTED", 400, "this query cannot be subscribed to";
    /// The destination of a subscription is none that the hub delivers to.
    InvalidDestination = "INVALID_DESTINATION", 400, "the hub does not deliver to this destination";
    /// A query that has subscriptions cannot be let go of.
    QueryInUse = "QUERY_IN_USE", 409, "the query has subscriptions";
    /// A query that asks for a field or argument there is not, or does not parse.
    InvalidQuery = "INVALID_QUERY", 400, "the query is not valid for this schema";
    /// The same idempotency key with other content.
    KeyReused = "IDEMPOTENCY_KEY_REUSED", 422, "this idempotency key was used with another request";
    /// A request that must be repeatable came without an idempotency key.
    KeyMissing = "IDEMPOTENCY_KEY_MISSING", 400, "this request needs an idempotency key";
    /// The first request with the same idempotency key is not answered yet.
    KeyInFlight = "IDEMPOTENCY_KEY_IN_FLIGHT", 409, "a request with this idempotency key is under way";
    /// No agreement covers the product, site, power and date.
    NoAgreement = "NO_AGREEMENT", 403, "no agreement covers this";
    /// The agreement's quota is used up or the request larger than it allows.
    QuotaExceeded = "QUOTA_EXCEEDED", 409, "more than the agreement allows";
    /// The agreement's numbers of one UTC day are used up.
    DailyLimit = "DAILY_LIMIT", 409, "more than the agreement allows in a day";
    /// Too many issued numbers were neither used nor returned.
    OutstandingLimit = "OUTSTANDING_LIMIT", 409, "too many issued serial numbers are still unaccounted for";
    /// The principal has not decided yet.
    AwaitingApproval = "AWAITING_APPROVAL", 409, "the principal must approve this request first";
    /// The principal said no.
    RequestRejected = "REQUEST_REJECTED", 409, "the principal did not approve this request";
    /// Closed by its holder or in the name of its principal.
    AllocationClosed = "ALLOCATION_CLOSED", 410, "this allocation is closed";
    /// The number space of the product is used up to its density limit.
    PoolExhausted = "POOL_EXHAUSTED", 409, "the serial numbers of this product are used up";
    /// Numbers for a lot that its owner, or the caller for its own part, has closed.
    LotClosed = "LOT_CLOSED", 409, "the lot is closed: no more serial numbers are given out for it";
    /// A list of serial numbers with rows that cannot be taken.
    SerialsRefused = "SERIALS_REFUSED", 422, "the list has serial numbers that cannot be taken";
    /// The serial numbers cannot be written in the form asked for.
    NotEncodable = "NOT_ENCODABLE", 422, "these serial numbers do not fit this form";
    /// The hub was started on data that may be older than what it has issued.
    FloorUnconfirmed = "FLOOR_UNCONFIRMED", 503, "no serial number is given out until the operator has confirmed which ones were";
    /// A grant that asks for several contributors and opens single events, or lets none be counted in totals.
    NotAnonymous = "GRANT_NOT_ANONYMOUS", 422, "a grant that opens single events cannot ask for several contributors";
    /// Same `eventID`, other content.
    Conflict = "CONFLICT", 409, "this contradicts what is already there";
    /// Too many requests, or the hub is shutting down or cannot reach its database; nothing was done or the outcome is unknown: ask again with the same key.
    Unavailable = "UNAVAILABLE", 503, "not now: ask again with the same request id";
    /// A fault of the hub's own.
    Internal = "INTERNAL", 500, "the hub failed; the operator has been told";
}

/// One place in the input where it is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Violation {
    /// Stable code of the findings catalogue.
    pub code: String,
    /// JSON pointer, XPath, or `line:column`.
    pub pointer: String,
    /// What is wrong and what to do.
    pub detail: String,
    /// Zero-based position of the event in its document, if it is about one.
    #[serde(rename = "eventIndex", default, skip_serializing_if = "Option::is_none")]
    pub event: Option<usize>,
    /// The EPC as the sender spelt it, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epc: Option<String>,
    /// What it does to its document, of findings of the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// What a use case answers when it does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Foreseen: the caller can do something about it.
    #[error("{detail}")]
    Refused {
        /// Which of the table.
        code: Code,
        /// What is wrong, where, and what to do: for the partner's engineer.
        detail: String,
        /// The places, if there are several; capped by whoever makes them.
        violations: Vec<Violation>,
    },
    /// The database.
    #[error("storage failed")]
    Storage(#[from] StorageError),
    /// Anything else of the hub's own: its text goes to the log, not to the caller.
    #[error("internal: {0}")]
    Internal(String),
}

impl ServiceError {
    /// A refusal in one place.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused {
            code,
            detail: detail.into(),
            violations: Vec::new(),
        }
    }

    /// The one answer for what is absent and for what is not the caller's to see.
    #[must_use]
    pub fn not_found() -> Self {
        Self::refused(Code::NotFound, Code::NotFound.title())
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Storage(StorageError::Unavailable { .. }) => Code::Unavailable,
            Self::Storage(StorageError::Conflict(_)) => Code::Conflict,
            Self::Storage(StorageError::Inconsistent(_)) | Self::Internal(_) => Code::Internal,
        }
    }
}
