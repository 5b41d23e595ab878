//! From certificate to actor.
