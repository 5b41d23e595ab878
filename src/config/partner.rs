//! Partner configuration files.
