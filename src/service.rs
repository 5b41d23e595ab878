//! Use cases, one file a noun: each checks who may, opens the transaction, calls the domain, stores and audits.
//!
//! Every channel (GraphQL, REST, the command line) is a view on these functions; none has a rule of its own.

pub mod audit;
pub mod capture;
pub mod certificate;
pub mod container;
pub mod error;
pub mod event;
pub mod exception;
pub mod explain;
pub mod finding;
pub mod grant;
pub mod hub;
pub mod item;
mod lens;
pub mod lot;
pub mod master_data;
pub mod moment;
pub mod named_query;
pub mod page;
pub mod partner;
pub mod provenance;
pub mod query;
pub mod resource;
pub mod seen;
pub mod serial;
pub mod shipment;
pub mod slice;
pub mod subscription;
pub mod total;

pub use error::{Code, ServiceError, Violation};
pub use hub::Hub;
