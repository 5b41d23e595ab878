//! Errors of fields: the one table of codes, as `extensions.code`.

use async_graphql::{Error, ErrorExtensions};

use crate::service::ServiceError;
use crate::service::error::Code;

/// What a resolver gives.
pub type Answer<T> = Result<T, Error>;

/// A service's error as GraphQL says it. A fault of the hub's own is logged with its causes, and told by its title alone.
#[must_use]
pub fn refuse(error: ServiceError) -> Error {
    let code = error.code();
    let message = match &error {
        ServiceError::Refused { detail, .. } => detail.clone(),
        ServiceError::Storage(_) | ServiceError::Internal(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, code = code.as_str(), "field failed");
            code.title().to_owned()
        }
    };
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// An argument that cannot be taken.
#[must_use]
pub fn bad_input(detail: impl Into<String>) -> Error {
    refuse(ServiceError::refused(Code::BadInput, detail))
}
