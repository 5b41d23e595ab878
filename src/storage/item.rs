//! Identified things and their current state.
