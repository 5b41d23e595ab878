//! A slice of an event.

use async_graphql::Object;

use crate::service::slice::Slice;

/// What the caller sees of an event, with the proof that it belongs to a whole which the hub signed.
#[derive(Debug, Clone)]
pub struct EventSlice(pub Slice);

/// What the caller sees of an event, with the proof that it belongs to a whole which the hub signed.
#[Object]
impl EventSlice {
    /// One line of JSON, which `counterfoil audit verify-slice` checks without the hub.
    async fn file(&self) -> &str {
        &self.0.file
    }

    /// The root of the whole, base64url: the same for all who have a slice of this event.
    async fn root(&self) -> &str {
        &self.0.root
    }
}
