//! Settings of the hub and configuration of its partners. Unknown keys are refused.

pub mod partner;
pub mod settings;
