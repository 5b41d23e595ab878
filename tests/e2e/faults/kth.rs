//! EIO, ENOSPC, a short write, EINTR and SIGKILL at the k-th call on the disk, for every k that a request and a capture reach.
//!
//! Random kills leave gaps; this leaves none. After each fault the hub must have stopped by itself (an error of the database)
//! or answered honestly (an error of the object store), and after a restart on a healthy disk the same check as everywhere
//! holds.

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use super::caller::LINES;
use super::deepest;
use super::disk::{Action, Calls, Disk};
use super::history::History;
use super::house::{House, HubProcess, Start};
use super::strace::Strace;
use super::workload::Shift;

const SIGABRT: i32 = 6;

/// Who makes the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// `disk.c`: counted over the process, on the hub's own files.
    Disk,
    /// The kernel, told by strace.
    Strace,
}

/// One fault per start of the hub; the next start is the restart that proves the last one.
struct Enumeration {
    house: House,
    disk: Disk,
    shift: Shift,
    history: History,
    by: By,
    faults: u32,
    stopped: u32,
}

impl Enumeration {
    fn over(house: House, by: By) -> Self {
        let disk = Disk::new(&house.data(), house.aside());
        Self {
            house,
            disk,
            shift: Shift::new(7),
            history: History::default(),
            by,
            faults: 0,
            stopped: 0,
        }
    }

    /// One round of work on one line, the `at`-th call of it hit; false if the round does not reach so far.
    async fn hit(&mut self, calls: Calls, at: u32, action: Action) -> bool {
        self.disk.heal();
        let disk = (self.by == By::Disk).then_some(&self.disk);
        let mut hub = self.house.start(Start {
            disk,
            ..Start::default()
        });
        self.history.settle(&self.house, &hub).await;
        let line = &LINES[at as usize % LINES.len()];
        let caller = self.house.caller(line, &hub);
        // The first round makes the connection and what is made once.
        let mut round = History::default();
        self.shift.round(&caller, line, &mut round).await;
        round.jobs_end(&self.house, &mut hub).await;
        let strace = match self.by {
            By::Disk => {
                self.disk.arm(calls, at, action);
                None
            }
            By::Strace => Some(Strace::attach(hub.pid(), self.house.aside(), (calls, at, action)).await),
        };
        self.shift.round(&caller, line, &mut round).await;
        round.jobs_end(&self.house, &mut hub).await;
        let fired = strace.as_ref().map_or_else(|| self.disk.fired() > 0, Strace::fired);
        self.judge(&mut hub, fired, &format!("{action:?} at {calls:?} {at}"), action)
            .await;
        self.faults += u32::from(fired);
        // A 4xx would blame the caller for the disk: it stays in the history as wrong.
        self.history.extend(round);
        hub.kill();
        fired
    }

    /// Gone by SIGABRT, gone by our own SIGKILL, or still there: nothing else.
    async fn judge(&mut self, hub: &mut HubProcess, fired: bool, what: &str, action: Action) {
        let harmless = matches!(action, Action::Short | Action::Eintr);
        let ended = match fired && !harmless {
            true if action.kills() => hub.dies().await,
            true => hub.ends_soon().await,
            false => hub.ended(),
        };
        let signal = ended.and_then(|status| status.signal());
        match action {
            Action::KillBefore | Action::KillAfter | Action::KillTorn => assert_eq!(signal.is_some(), fired, "{what}"),
            Action::Short | Action::Eintr => assert!(
                ended.is_none() || signal == Some(SIGABRT),
                "{what}: {ended:?}\n{}",
                hub.words()
            ),
            Action::Eio | Action::Enospc | Action::EnospcFromNowOn => {
                assert!(
                    ended.is_none() || signal == Some(SIGABRT),
                    "{what}: ended with {ended:?}\n{}",
                    hub.words()
                );
                self.stopped += u32::from(ended.is_some());
            }
        }
    }

    async fn every(&mut self, kinds: &[Calls], actions: &[Action], deepest: u32) {
        for action in actions {
            for calls in kinds.iter().copied() {
                for at in 1..=deepest {
                    if !self.hit(calls, at, *action).await {
                        break;
                    }
                }
            }
        }
    }

    async fn check(mut self, began: Instant) {
        self.disk.heal();
        let hub = self.house.start(Start::default());
        self.history.settle(&self.house, &hub).await;
        let wrong = self.history.check(&self.house, &hub).await;
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", hub.words());
        let Self {
            faults,
            stopped,
            history,
            ..
        } = self;
        let (took, acknowledged) = (began.elapsed(), history.acknowledged());
        eprintln!(
            "{faults} faults in {took:.0?}, the hub stopped itself after {stopped}; {acknowledged} acknowledged calls: none lost"
        );
        assert!(faults >= 10, "the faults did not reach the work");
    }
}

const ALL: [Calls; 4] = [Calls::Syncs, Calls::Writes, Calls::Truncates, Calls::Names];

/// To the last call that the work makes: some 130 writes, and few of the others.
const TO_THE_END: u32 = 1_000;

async fn enumerate(by: By, kinds: &[Calls], actions: &[Action], deepest: u32) {
    let began = Instant::now();
    let mut enumeration = Enumeration::over(House::on_sqlite().await, by);
    enumeration.every(kinds, actions, deepest).await;
    enumeration.check(began).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_error_at_each_call_stops_the_hub_or_is_said() {
    enumerate(By::Disk, &ALL, &[Action::Eio], TO_THE_END).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_at_each_call_stops_the_hub_or_is_said() {
    enumerate(By::Disk, &ALL, &[Action::Enospc], TO_THE_END).await;
}

/// Harmless to correct code: what is written half goes on, what is interrupted is done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_or_interrupted_write_changes_nothing() {
    enumerate(By::Disk, &[Calls::Writes], &[Action::Short, Action::Eintr], deepest()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_call_loses_nothing() {
    enumerate(By::Disk, &[Calls::Writes], &[Action::KillTorn], deepest()).await;
    enumerate(By::Disk, &ALL, &[Action::KillAfter], deepest()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_faults_from_the_kernel() {
    let kinds = [Calls::Syncs, Calls::Writes];
    enumerate(
        By::Strace,
        &kinds,
        &[Action::Eio, Action::Enospc, Action::KillBefore],
        deepest(),
    )
    .await;
}

/// A first start makes the schema, the master key and the CA: whatever of it is there when it dies, the next start goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_call_of_a_first_start_leaves_no_half_hub() {
    let template = House::on_sqlite().await;
    let mut kills = 0;
    for calls in [Calls::Syncs, Calls::Names] {
        for at in 1..=deepest() {
            let house = template.emptied();
            let disk = Disk::new(&house.data(), house.aside());
            disk.arm(calls, at, if at % 2 == 0 { Action::KillBefore } else { Action::KillAfter });
            drop(house.try_start(Start {
                disk: Some(&disk),
                ..Start::default()
            }));
            if disk.fired() == 0 {
                break;
            }
            kills += 1;
            let hub = house.try_start(Start::default());
            assert!(
                hub.is_ok(),
                "killed at {calls:?} {at} of its first start, it does not start again:\n{}",
                hub.err().unwrap_or_default()
            );
            let (status, text) = house.told(&["serials", "floor"]);
            assert_eq!(
                status,
                Some(0),
                "killed at {calls:?} {at} of its first start, its numbers are held: {text}"
            );
        }
    }
    assert!(kills >= 10, "the kills did not reach the start: {kills}");
    eprintln!("{kills} kills of a first start: each next start went on");
}
