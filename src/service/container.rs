//! What is in a container, now or then.
