//! The GraphQL API: a view on the services, with no rule of its own about who may see what.
//!
//! | file | holds |
//! |---|---|
//! | `types/<noun>` | the types, ours and never those of the database |
//! | `query/<noun>`, `mutation/<noun>` | the fields of the two roots |
//! | `endpoint`, `guard` | GraphQL over HTTP, and what is refused before a query runs |
//!
//! # Invariants
//! - The caller is the [`Actor`](crate::domain::party::Actor) that the transport put into the request's data; a request without one is refused.
//! - A field costs at most two statements, whatever the page size; loaders live as long as the list they serve.
//! - Every list is a connection with a page limit; cursors are of one caller and one list.
//! - No Int holds more than 32 bits; larger numbers are `Long`.

pub mod endpoint;
pub mod guard;
pub mod mutation;
pub mod query;
pub mod types;

use async_graphql::connection::Connection;
use async_graphql::{EmptySubscription, SDLExportOptions, Schema, SchemaBuilder};

use crate::config::settings::Limits;
use crate::service::Hub;

use mutation::Mutation;
use query::Query;

/// The executable schema.
pub type HubSchema = Schema<Query, Mutation, EmptySubscription>;

/// Deepest recursion of the library's own parser and validators.
const RECURSION: usize = 32;
/// Most directives on one field.
const DIRECTIVES: usize = 8;

/// The schema of a running hub.
#[must_use]
pub fn build(hub: Hub) -> HubSchema {
    let limits = hub.limits().clone();
    limited(described(), &limits).data(hub).finish()
}

/// The schema in the schema definition language, sorted, as committed in `schema/counterfoil.graphql`.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    let sdl = described().finish().sdl_with_options(options);
    // The library writes an empty line after the last type.
    format!("{}\n", sdl.trim_end())
}

fn described() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    macro_rules! pages {
        ($builder:expr, $($node:ty => $what:literal,)*) => {
            $builder$(.override_output_type_description::<Connection<String, $node>>(concat!("A page of ", $what, ".")))*
        };
    }
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription);
    pages!(builder,
        types::agreement::Agreement => "agreements",
        types::allocation::Allocation => "allocations",
        types::audit::AuditEntry => "audit entries",
        types::container::Content => "the contents of a container",
        types::event::Event => "events",
        types::thing::ThingName => "things",
        types::finding::Finding => "findings",
        types::grant::Grant => "grants",
        types::shipment::Shipment => "shipments",
        types::life::SerialException => "what a report could not apply",
        types::pool::SerialPool => "pools of serial numbers",
        types::transfer::SerialTransfer => "transfers of serial numbers",
        types::supply::SerialAlert => "alerts about serial numbers",
        types::supply::SerialImport => "lists of serial numbers",
        types::supply::SerialStock => "stocks of serial numbers",
        types::total::EventTotal => "totals of events",
    )
    .disable_suggestions()
    .with_sorted_fields()
    .with_sorted_enums()
}

fn limited(
    builder: SchemaBuilder<Query, Mutation, EmptySubscription>,
    limits: &Limits,
) -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    builder
        .limit_depth(limits.graphql_depth)
        .limit_complexity(limits.graphql_complexity)
        .limit_recursive_depth(RECURSION)
        .limit_directives(DIRECTIVES)
}
