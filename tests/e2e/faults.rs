//! What was acknowledged is never lost and no serial is issued twice, whatever happens to the process, the disk or the power.
//!
//! A driver outside the hub ([`workload`]) calls the real binary over mutual TLS and keeps every call and its answer
//! ([`history`]): acknowledged, refused, or unknown. Faults come; the hub is started again on a healthy disk; what is unknown
//! is asked again with the same key or document; one check of everything follows, the same for all faults. Each kind of
//! test has a control that shows it can fail.
//!
//! | module | fault | control |
//! |---|---|---|
//! | [`kill`] | kill -9 at random moments, SQLite and PostgreSQL | [`control`]: the check on histories that are not true |
//! | [`kth`] | EIO, ENOSPC, SIGKILL at the k-th write, sync or name | |
//! | [`power`] | what was not synced is gone | `synchronous=OFF` |
//! | [`storage`] | a failed COMMIT | the driver without `Db::write` |
//! | [`restore`] | an older copy of the data is put back | the hub that trusts it issues numbers twice |
//! | [`crowd`] | 64 callers with retries over two hubs on one PostgreSQL | |
//!
//! Not here: faults of PostgreSQL itself and of the network.

mod caller;
mod control;
mod crowd;
mod disk;
mod document;
mod history;
mod house;
mod kill;
mod kth;
mod power;
mod restore;
mod storage;
mod strace;
mod workload;

/// How far the k-th call is enumerated where it is not enumerated to the end.
fn deepest() -> u32 {
    std::env::var("COUNTERFOIL_TEST_FAULT_DEPTH")
        .map_or(40, |text| text.parse().expect("COUNTERFOIL_TEST_FAULT_DEPTH is a number"))
}
