//! What was acknowledged is never lost and no serial is issued twice, whatever happens to the process, the disk or the power.
mod disk;
mod storage;

/// How far the k-th call is enumerated.
fn deepest() -> u32 {
    std::env::var("COUNTERFOIL_FAULT_DEPTH").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}
