//! EIO, ENOSPC and SIGKILL at the k-th call on the witness file, for every k that one writing of it reaches, while the hub serves.
//!
//! Whatever happens to it, the hub goes on giving out numbers or was killed, the next start is not held, no number comes twice, and the
//! file is whole. The control is half a witness in its place, as a writing in place would leave it: that holds the next start.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

use super::caller::LINES;
use super::disk::{Action, Calls, Disk};
use super::house::{House, HubProcess, Start};
use super::restore::{asked, twice, unexplained};

const NAME: &str = "serial-witness.json";
const SIGKILL: i32 = 9;

/// One house, and all numbers that it ever gave out.
struct Watched {
    house: House,
    disk: Disk,
    issued: Vec<String>,
    keys: u32,
}

impl Watched {
    fn file(&self) -> PathBuf {
        self.house.data().join(NAME)
    }

    /// How far the witness says that numbers had gone; panics if it is not whole.
    fn witnessed(&self) -> u64 {
        let text = fs::read(self.file()).expect("a witness");
        let witness: serde_json::Value = serde_json::from_slice(&text).expect("a whole witness");
        let counters = witness["counters"].as_object().expect("counters");
        counters.values().filter_map(serde_json::Value::as_u64).sum()
    }

    async fn ask(&mut self, hub: &HubProcess) {
        self.keys += 1;
        let caller = self.house.caller(&LINES[0], hub);
        self.issued.extend(asked(&caller, &format!("key-{}", self.keys)).await);
    }

    /// Numbers move and the witness is written, its `at`-th of these calls hit; false if a writing does not reach so far.
    async fn hit(&mut self, calls: Calls, at: u32, action: Action) -> bool {
        let what = format!("{action:?} at {calls:?} {at}");
        self.disk.heal();
        let mut hub = self.house.start(Start {
            disk: Some(&self.disk),
            ..Start::default()
        });
        self.disk.arm(calls, at, action);
        self.ask(&hub).await;
        let fired = self.written_or_hit(&mut hub).await;
        if fired && action.kills() {
            let ended = hub.dies().await.and_then(|status| status.signal());
            assert_eq!(ended, Some(SIGKILL), "{what}");
        } else {
            // A witness that cannot be written is no reason to stop: it is written again.
            assert!(hub.ended().is_none(), "{what}: {}", hub.words());
            self.ask(&hub).await;
            hub.kill();
        }
        let _whole = self.witnessed();
        let (status, text) = self.house.told(&["serials", "floor"]);
        assert_eq!(status, Some(0), "{what}: {text}");
        fired
    }

    /// Waits until a fault hit, or the witness knows what was issued.
    async fn written_or_hit(&self, hub: &mut HubProcess) -> bool {
        for _ in 0..500 {
            if self.disk.fired() > 0 {
                return true;
            }
            if self.witnessed() == self.issued.len() as u64 {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the witness is not written:\n{}", hub.words())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_each_call_on_the_witness_holds_no_hub_and_repeats_no_number() {
    let house = House::on_sqlite().await;
    let disk = Disk::of_files(&house.data(), house.aside(), NAME);
    let mut watched = Watched {
        house,
        disk,
        issued: Vec::new(),
        keys: 0,
    };
    let all = [Calls::Names, Calls::Writes, Calls::Syncs];
    let mut faults = 0;
    for (action, kinds) in [
        (Action::Eio, &all[..]),
        (Action::Enospc, &all),
        (Action::KillBefore, &all),
        (Action::KillAfter, &all),
        (Action::KillTorn, &[Calls::Writes]),
    ] {
        for calls in kinds {
            for at in 1.. {
                if !watched.hit(*calls, at, action).await {
                    break;
                }
                faults += 1;
            }
        }
    }
    watched.disk.heal();
    let hub = watched.house.start(Start::default());
    watched.ask(&hub).await;
    hub.stop();
    assert_eq!(
        watched.witnessed(),
        watched.issued.len() as u64,
        "the end writes what is missing"
    );
    let left = fs::read_dir(watched.house.data()).expect("a folder").flatten();
    let left = left
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(NAME))
        .count();
    assert_eq!(left, 1, "what was left half written is removed");
    assert_eq!((twice(&watched.issued), unexplained(&watched.house).await), (0, 0));
    // It is made, written, synced and named: each is hit by each fault, and the writing by one more.
    assert!(faults > 4 * 4, "the faults did not reach the witness: {faults}");
    eprintln!("{faults} faults at the witness: no hub was held");

    let whole = fs::read(watched.file()).expect("a witness");
    fs::write(watched.file(), &whole[..whole.len() / 2]).expect("half of it");
    let (status, text) = watched.house.told(&["serials", "floor"]);
    assert_eq!(status, Some(1), "half a witness holds nothing: the test cannot fail: {text}");
}
