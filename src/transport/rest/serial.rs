//! Serial number downloads.

use axum::Router;

use crate::service::Hub;

/// The routes of this noun.
pub fn routes() -> Router<Hub> {
    Router::new()
}
