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
//! | [`delivery`] | kill -9 while events go out to a subscriber | a subscriber that forgets what it took |
//! | [`kth`] | EIO, ENOSPC, SIGKILL at the k-th write, sync or name | |
//! | [`power`] | what was not synced is gone | `synchronous=OFF` |
//! | [`witness`] | EIO, ENOSPC, SIGKILL at the k-th call on the witness file of the floor, while the hub serves | half a witness |
//! | [`upstream`] | the k-th answer of another hub, whose numbers are passed on, is lost | [`upstream`]: nothing was lost that is not missed |
//! | [`storage`] | a failed COMMIT | the driver without `Db::write` |
//! | [`restore`] | an older copy of the data is put back | the hub that trusts it issues numbers twice |
//! | [`server`] | PostgreSQL is restarted, its connections are cut, an older state of it is put back | the check on tables that are not true; trust in what was put back |
//! | [`crowd`] | 64 callers with retries, and one key a thousand times, over two hubs on one PostgreSQL, and a kill | [`control`] |
//!
//! Not here: faults of PostgreSQL's own disk, and of the network but for connections that end.

mod caller;
mod cluster;
mod control;
mod crowd;
mod delivery;
mod disk;
mod document;
mod history;
mod house;
mod kill;
mod kth;
mod power;
mod restore;
mod server;
mod storage;
mod strace;
mod upstream;
mod witness;
mod workload;

/// How far the k-th call is enumerated where it is not enumerated to the end.
fn deepest() -> u32 {
    std::env::var("COUNTERFOIL_TEST_FAULT_DEPTH")
        .map_or(40, |text| text.parse().expect("COUNTERFOIL_TEST_FAULT_DEPTH is a number"))
}
