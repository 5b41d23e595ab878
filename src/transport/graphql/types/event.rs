//! Events as the caller may see them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use crate::domain::event;
use crate::domain::gs1::Epc;
use crate::domain::party::Registry;
use crate::domain::query::field::Compare;
use crate::domain::query::pattern::EpcPattern;
use crate::domain::query::{Clause, Count, EpcField, Query, TermField};
use crate::epcis::query::{Wrong, of_texts};
use crate::epcis::vocabulary::Vocabulary;
use crate::service::event::SeenEvent;
use crate::service::master_data;
use crate::service::query::wrong;

use super::caller;
use super::document::EventDocument;
use super::page::{Pages, connection, page, rows, slice};
use super::party::PartyName;
use super::refusal::{Answer, refuse};
use super::scalar::DateTime;
use super::thing::{ThingName, epc};

/// EPCIS event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EventType {
    /// Something happened to things.
    Object,
    /// Things were put into or taken out of a parent.
    Aggregation,
    /// Things were bound to a business document.
    Transaction,
    /// Things were made out of others.
    Transformation,
    /// Things were joined to a parent asset.
    Association,
}

impl From<event::EventType> for EventType {
    fn from(kind: event::EventType) -> Self {
        match kind {
            event::EventType::Object => Self::Object,
            event::EventType::Aggregation => Self::Aggregation,
            event::EventType::Transaction => Self::Transaction,
            event::EventType::Transformation => Self::Transformation,
            event::EventType::Association => Self::Association,
        }
    }
}

impl From<EventType> for event::EventType {
    fn from(kind: EventType) -> Self {
        match kind {
            EventType::Object => Self::Object,
            EventType::Aggregation => Self::Aggregation,
            EventType::Transaction => Self::Transaction,
            EventType::Transformation => Self::Transformation,
            EventType::Association => Self::Association,
        }
    }
}

/// EPCIS actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EventAction {
    /// Created or associated.
    Add,
    /// Seen; no change of state.
    Observe,
    /// Gone, or taken apart.
    Delete,
}

/// Which events. All that is given must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub struct EventFilter {
    /// Business steps by their CBV names, such as `shipping`; one of them.
    biz_steps: Option<Vec<String>>,
    /// A thing that the event names, in any spelling of its EPC.
    epc: Option<String>,
    /// Parameters of the EPCIS query language, each once: whatever `GET /epcis/events` takes, but `eventCountLimit`, which is `first`.
    epcis: Option<Vec<EpcisParameter>>,
    /// Event time before this moment.
    event_time_before: Option<DateTime>,
    /// Event time at or after this moment.
    event_time_from: Option<DateTime>,
    /// Record time before this moment.
    record_time_before: Option<DateTime>,
    /// Record time at or after this moment.
    record_time_from: Option<DateTime>,
    /// Event types; one of them.
    types: Option<Vec<EventType>>,
}

/// A parameter of an EPCIS query (EPCIS 2.0 clause 8.2.7.1).
#[derive(Debug, Clone, InputObject)]
pub struct EpcisParameter {
    /// Its name there, such as `EQ_bizLocation`; a field of an extension with its namespace in full: `EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber`.
    name: String,
    /// What it is given: one of several; none for what only asks whether something is there (`EXISTS_…`).
    #[graphql(default)]
    values: Vec<String>,
}

/// What a search through events costs beside its rows: it may look at as many as one call of the EPCIS binding.
const SEARCH: usize = 1_000;

/// What the filter adds to the complexity of a list.
#[must_use]
pub fn searching(filter: Option<&EventFilter>) -> usize {
    let searches = filter.is_some_and(|filter| filter.epcis.as_ref().is_some_and(|epcis| !epcis.is_empty()));
    if searches { SEARCH } else { 0 }
}

impl EventFilter {
    /// What the cursors of its list are bound to; nothing where any filter may go on from them, because the order is that of all.
    #[must_use]
    pub fn binding(&self) -> String {
        let parameters = self.epcis.iter().flatten();
        let spelt = parameters.map(|EpcisParameter { name, values }| format!(" {name:?}={values:?}"));
        spelt.collect()
    }

    /// What is asked, all of it by the one query language of the hub.
    pub fn query(self) -> Answer<Query> {
        let mut query = match self.epcis {
            Some(parameters) => epcis(parameters)?,
            None => Query::default(),
        };
        let clauses = &mut query.clauses;
        let kinds = self.types.unwrap_or_default();
        if !kinds.is_empty() {
            clauses.push(Clause::Kind(kinds.into_iter().map(event::EventType::from).collect()));
        }
        let steps = self.biz_steps.unwrap_or_default();
        if !steps.is_empty() {
            let terms = steps.iter().map(|step| Vocabulary::BizStep.read(step).term);
            clauses.push(Clause::Term(TermField::BizStep, terms.collect()));
        }
        if let Some(named) = self.epc.as_deref().map(epc).transpose()? {
            clauses.push(Clause::Epc(EpcField::Any, vec![EpcPattern::One(named)]));
        }
        let event_times = [
            (self.event_time_from, Compare::GreaterOrEqual),
            (self.event_time_before, Compare::Less),
        ];
        let record_times = [
            (self.record_time_from, Compare::GreaterOrEqual),
            (self.record_time_before, Compare::Less),
        ];
        let of_event = event_times
            .into_iter()
            .filter_map(|(at, compare)| Some(Clause::EventTime(compare, at?.0)));
        let of_record = record_times
            .into_iter()
            .filter_map(|(at, compare)| Some(Clause::RecordTime(compare, at?.0)));
        clauses.extend(of_event.chain(of_record));
        Ok(query)
    }
}

fn epcis(parameters: Vec<EpcisParameter>) -> Answer<Query> {
    let texts = parameters.into_iter().map(|EpcisParameter { name, values }| {
        // What has no value in a URL has an empty one.
        let values = if values.is_empty() { vec![String::new()] } else { values };
        (name, values)
    });
    let texts: Vec<_> = texts.collect();
    let query = of_texts(&texts).map_err(|error| refuse(wrong(&error)))?;
    match query.count {
        Count::All | Count::AtMost(_) => Ok(query),
        Count::First(_) => Err(refuse(wrong(&Wrong {
            parameter: "eventCountLimit".to_owned(),
            detail: "is said by `first` here".to_owned(),
        }))),
    }
}

/// An amount of a class of things.
#[derive(Debug, Clone, SimpleObject)]
pub struct Quantity {
    /// GTIN, lot, or other class URI.
    epc_class: String,
    /// The amount, as a decimal.
    quantity: Option<String>,
    /// UN/ECE Recommendation 20 unit; null for "each".
    uom: Option<String>,
}

/// A business document.
#[derive(Debug, Clone, SimpleObject)]
pub struct BizTransaction {
    /// Its identifier.
    id: String,
    /// `po`, `desadv`, `inv` or another term of CBV.
    kind: Option<String>,
}

impl From<&event::BizTransaction> for BizTransaction {
    fn from(document: &event::BizTransaction) -> Self {
        Self {
            id: document.id.to_string(),
            kind: document.kind.as_ref().map(|kind| kind.as_str().to_owned()),
        }
    }
}

/// One endpoint of a transfer.
#[derive(Debug, Clone, SimpleObject)]
pub struct SourceDestination {
    /// PGLN, SGLN or other URI.
    id: String,
    /// `owning_party`, `possessing_party`, `location`, or a URI.
    kind: String,
}

/// Says that an earlier event with the same content was in error.
#[derive(Debug, Clone, SimpleObject)]
pub struct ErrorDeclaration {
    /// `eventID`s of events that say what really happened.
    corrective_event_ids: Vec<String>,
    /// When the error was declared.
    declaration_time: DateTime,
    /// `did_not_occur`, `incorrect_data` or a URI.
    reason: Option<String>,
}

/// An EPCIS event, as far as the caller may see it: fields that it may not see are null, lists hold what it may see.
#[derive(Debug, Clone)]
pub struct Event {
    /// The event under the lens.
    pub seen: SeenEvent,
    /// Names its parties.
    pub registry: Arc<Registry>,
}

impl Event {
    fn things(
        &self,
        context: &Context<'_>,
        list: &'static str,
        epcs: &[Epc],
        wanted: (Option<i32>, Option<String>),
    ) -> Answer<Pages<ThingName>> {
        let (hub, actor) = caller(context)?;
        let list = format!("{}/{list}", self.seen.key);
        let page = page(hub, actor, &list, wanted.0, wanted.1)?;
        Ok(connection(actor, &list, page, slice(epcs, page), |epc| ThingName::from(&epc)))
    }
}

/// An EPCIS event, as far as the caller may see it: fields that it may not see are null, lists hold what it may see.
#[Object]
impl Event {
    /// Global id: the hub's key of the event.
    pub async fn id(&self) -> ID {
        ID(self.seen.key.to_string())
    }

    /// What it says of its things: null on transformations.
    async fn action(&self) -> Option<EventAction> {
        self.seen.event.action.map(|action| match action {
            event::Action::Add => EventAction::Add,
            event::Action::Observe => EventAction::Observe,
            event::Action::Delete => EventAction::Delete,
        })
    }

    /// Who sent it.
    async fn asserter(&self) -> Option<PartyName> {
        let asserter = self.seen.shows_asserter().then_some(&self.seen.asserter)?;
        PartyName::of(&self.registry, asserter)
    }

    /// Where its things are expected to be afterwards.
    async fn biz_location(&self) -> Option<&str> {
        self.seen.event.biz_location.as_ref().map(|place| place.id.canonical())
    }

    /// Business step, by its CBV name.
    async fn biz_step(&self) -> Option<&str> {
        self.seen.event.biz_step.as_ref().map(event::Term::as_str)
    }

    /// Business documents.
    async fn biz_transactions(&self) -> Vec<BizTransaction> {
        self.seen.event.biz_transactions.iter().map(BizTransaction::from).collect()
    }

    /// Where ownership, custody or the goods go.
    async fn destinations(&self) -> Vec<SourceDestination> {
        self.seen.event.destinations.iter().map(endpoint).collect()
    }

    /// State of its things afterwards, by its CBV name.
    async fn disposition(&self) -> Option<&str> {
        self.seen.event.disposition.as_ref().map(event::Term::as_str)
    }

    /// Its things: EPC list, or children of an aggregation or association.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn epcs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<ThingName>> {
        self.things(context, "epcs", &self.seen.event.epcs, (first, after))
    }

    /// That it declares an earlier event to be in error.
    async fn error_declaration(&self) -> Option<ErrorDeclaration> {
        self.seen
            .event
            .error_declaration
            .as_ref()
            .map(|declaration| ErrorDeclaration {
                corrective_event_ids: declaration.corrective_event_ids.iter().map(ToString::to_string).collect(),
                declaration_time: DateTime(declaration.declaration_time),
                reason: declaration.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            })
    }

    /// `eventID` as sent, or the event hash of CBV 2.0 clause 8.9.
    async fn event_id(&self) -> &str {
        &self.seen.event_id
    }

    /// When it happened.
    async fn event_time(&self) -> DateTime {
        DateTime(self.seen.event.event_time)
    }

    /// Time zone of the place at that time, as `+01:00`.
    async fn event_time_zone_offset(&self) -> String {
        let minutes = self.seen.event.offset_minutes;
        let sign = if minutes < 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
    }

    /// Expiry date said at commissioning.
    async fn expiry(&self) -> Option<&str> {
        self.seen.event.expiry()
    }

    /// Things that a transformation used up.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn input_epcs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<ThingName>> {
        self.things(context, "inputs", &self.seen.event.input_epcs, (first, after))
    }

    /// Lot said at commissioning.
    async fn lot(&self) -> Option<&str> {
        self.seen.event.lot()
    }

    /// Things that a transformation made.
    #[graphql(complexity = "rows(first) * child_complexity + 1")]
    async fn output_epcs(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "After which cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most; 50 if not given.")] first: Option<i32>,
    ) -> Answer<Pages<ThingName>> {
        self.things(context, "outputs", &self.seen.event.output_epcs, (first, after))
    }

    /// Parent of an aggregation, association or transaction.
    async fn parent(&self) -> Option<ThingName> {
        self.seen.event.parent.as_ref().map(ThingName::from)
    }

    /// In whose name it was sent, if not the sender's own.
    async fn principal(&self) -> Option<PartyName> {
        PartyName::of(&self.registry, self.seen.principal.as_ref()?)
    }

    /// Amounts of classes of things.
    async fn quantities(&self) -> Vec<Quantity> {
        let quantity = |quantity: &event::Quantity| Quantity {
            epc_class: quantity.class.canonical().to_owned(),
            quantity: quantity.quantity.as_deref().map(str::to_owned),
            uom: quantity.uom.as_deref().map(str::to_owned),
        };
        self.seen.event.quantities.iter().map(quantity).collect()
    }

    /// Where it was seen.
    async fn read_point(&self) -> Option<&str> {
        self.seen.event.read_point.as_ref().map(|place| place.id.canonical())
    }

    /// When the hub took it.
    async fn record_time(&self) -> DateTime {
        DateTime(self.seen.record_time)
    }

    /// The document that it came in, as far as the caller may see it.
    #[graphql(complexity = "10 + child_complexity")]
    async fn document(&self, context: &Context<'_>) -> Answer<EventDocument> {
        let (hub, actor) = caller(context)?;
        Ok(EventDocument(master_data::of_event(hub, actor, &self.seen).await?))
    }

    /// From where ownership, custody or the goods come.
    async fn sources(&self) -> Vec<SourceDestination> {
        self.seen.event.sources.iter().map(endpoint).collect()
    }

    /// Which of the five event types.
    async fn r#type(&self) -> EventType {
        self.seen.event.kind.into()
    }

    /// Whether it was declared to be in error since.
    async fn voided(&self) -> bool {
        self.seen.voided
    }
}

fn endpoint(end: &event::SourceDest) -> SourceDestination {
    SourceDestination {
        id: end.id.canonical().to_owned(),
        kind: end.kind.as_str().to_owned(),
    }
}
