//! Prints EPCIS JSON-LD.
