//! Prints EPCIS XML.
