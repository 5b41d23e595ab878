//! Applying partner configuration.
