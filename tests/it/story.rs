//! EPCIS documents of the story, as a partner's system would write them (EPCIS 2.0 JSON-LD, GS1 Digital Links).
