//! An older copy of the data is put back, in every way that an operator may do it: no serial is issued again.
//!
//! The hub must notice by itself, refuse to give out numbers and nothing else, and go on when the operator has confirmed how far
//! they had gone. The control trusts the copy and issues the same numbers twice, so these tests can fail. That a hub which
//! was not restored is never held is shown by kills at every call of its start here, and by every other fault test.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::caller::{Answer, Caller, LINES};
use super::deepest;
use super::disk::{Action, Calls, Disk};
use super::history::UNEXPLAINED;
use super::house::{House, HubProcess, Start, copy_folder};

/// How the copy comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The database file, by a new file.
    Database,
    /// The database file, written over the one that is there.
    DatabaseInPlace,
    /// The database file, and what is beside it is cleared away.
    DatabaseAlone,
    /// The whole folder, after the old one was removed.
    Folder,
    /// The whole folder, each file written over the one that is there.
    FolderInPlace,
}

const WAYS: [Way; 5] = [
    Way::Database,
    Way::DatabaseInPlace,
    Way::DatabaseAlone,
    Way::Folder,
    Way::FolderInPlace,
];

const DATABASE: [&str; 3] = ["counterfoil.db", "counterfoil.db-wal", "counterfoil.db-shm"];

impl Way {
    fn restore(self, backup: &Path, data: &Path) {
        match self {
            Self::Folder => {
                fs::remove_dir_all(data).expect("removed");
                copy_folder(backup, data);
            }
            Self::FolderInPlace => copy_folder(backup, data),
            Self::Database | Self::DatabaseInPlace | Self::DatabaseAlone => {
                for name in DATABASE {
                    if self != Self::DatabaseInPlace || name != "counterfoil.db" {
                        let _none = fs::remove_file(data.join(name));
                    }
                    if backup.join(name).exists() {
                        fs::copy(backup.join(name), data.join(name)).expect("copied");
                    }
                }
                if self == Self::DatabaseAlone {
                    fs::remove_file(data.join("serial-witness.json")).expect("a witness");
                }
            }
        }
    }
}

/// A hub that issued some numbers, was backed up, issued more, and stands on the backup again; all numbers that it issued.
struct Restored {
    house: House,
    issued: Vec<String>,
}

/// More than one request after the backup, so that a copy is more than one step behind.
pub(super) const AFTER: [&str; 3] = ["after-1", "after-2", "after-3"];
pub(super) const EACH: u64 = 10;

async fn restored(template: &House, way: Way, start: Start<'_>) -> Restored {
    let house = template.copy();
    let hub = house.start(start);
    let mut issued = asked(&house.caller(&LINES[0], &hub), "before").await;
    end(hub, start);
    let backup: PathBuf = house.aside().join("backup");
    copy_folder(&house.data(), &backup);
    let hub = house.start(start);
    let caller = house.caller(&LINES[0], &hub);
    for key in AFTER {
        issued.extend(asked(&caller, key).await);
    }
    end(hub, start);
    way.restore(&backup, &house.data());
    Restored { house, issued }
}

/// In good order; the control has none.
fn end(hub: HubProcess, start: Start<'_>) {
    if start.trusting { hub.kill() } else { hub.stop() }
}

/// Numbers for a key, which must be given.
pub(super) async fn asked(caller: &Caller, key: &str) -> Vec<String> {
    match caller.request_serials(&LINES[0], EACH, key).await {
        Answer::Acknowledged(path) => match caller.serials(&path).await {
            Answer::Acknowledged(serials) => serials,
            other => panic!("numbers of {key}: {other:?}"),
        },
        other => panic!("{key}: {other:?}"),
    }
}

/// What a hub that is held answers to a new key.
pub(super) async fn refused(caller: &Caller, key: &str) {
    match caller.request_serials(&LINES[0], EACH, key).await {
        Answer::Refused(why) if why.contains("FLOOR_UNCONFIRMED") => {
            assert!(why.contains("new serial numbers are held"), "{why}")
        }
        other => panic!("{key} of a hub that was restored: {other:?}"),
    }
}

/// Numbers for a key as soon as the hub follows a confirmation, which it must within a second or so.
pub(super) async fn asked_soon(caller: &Caller, key: &str) -> Vec<String> {
    for _ in 0..40 {
        if let Answer::Acknowledged(_) = caller.request_serials(&LINES[0], EACH, key).await {
            return asked(caller, key).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the hub did not follow the confirmation")
}

pub(super) fn twice(serials: &[String]) -> usize {
    serials.len() - serials.iter().collect::<HashSet<_>>().len()
}

pub(super) async fn unexplained(house: &House) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let db = house.database().await;
    let row = db
        .query_one_raw(Statement::from_string(db.get_database_backend(), UNEXPLAINED))
        .await
        .expect("a count");
    let count = row.expect("a row").try_get_by_index(0).expect("a number");
    db.close().await.expect("closed");
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_issues_nothing_again_and_without_the_check_it_does() {
    let template = House::on_sqlite().await;
    for way in WAYS {
        let Restored { house, mut issued } = restored(&template, way, Start::default()).await;
        assert_eq!(house.told(&["serials", "floor"]).0, Some(1), "{way:?}");
        let hub = house.start(Start::default());
        let caller = house.caller(&LINES[0], &hub);
        refused(&caller, AFTER[0]).await;
        assert_eq!(
            asked(&caller, "before").await,
            issued[..EACH as usize],
            "{way:?}: what is known is answered"
        );
        held_again_after_restart(&house, hub).await;
        let hub = house.start(Start::default());
        let caller = house.caller(&LINES[0], &hub);
        let (status, text) = house.told(&["serials", "floor", "confirm", "--advance-all", "30"]);
        assert_eq!(status, Some(0), "{way:?}: {text}");
        assert!(text.contains("burnt    09521001001014/1"), "{way:?}: {text}");
        for key in AFTER {
            issued.extend(asked_soon(&caller, key).await);
        }
        assert_eq!((issued.len(), twice(&issued)), (70, 0), "{way:?}");
        assert_eq!(unexplained(&house).await, 0, "{way:?}");
        hub.stop();
        assert_eq!(
            house.told(&["serials", "floor"]).0,
            Some(0),
            "{way:?}: and it stays confirmed"
        );
    }
    let trusting = Start {
        trusting: true,
        ..Start::default()
    };
    for way in WAYS {
        let Restored { house, mut issued } = restored(&template, way, trusting).await;
        let hub = house.start(trusting);
        issued.extend(asked(&house.caller(&LINES[0], &hub), "fresh").await);
        assert_eq!(
            twice(&issued),
            EACH as usize,
            "{way:?}: without the check nothing was issued twice: the test cannot fail"
        );
    }
}

async fn held_again_after_restart(house: &House, hub: HubProcess) {
    hub.kill();
    let hub = house.start(Start::default());
    refused(&house.caller(&LINES[0], &hub), "fresh").await;
    hub.stop();
}

/// The backup may be older than the first number: the numbers that it would begin with were issued too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_from_before_the_first_number_is_held_too() {
    let house = House::on_sqlite().await;
    house.start(Start::default()).stop();
    let backup: PathBuf = house.aside().join("backup");
    copy_folder(&house.data(), &backup);
    let hub = house.start(Start::default());
    let mut issued = asked(&house.caller(&LINES[0], &hub), "first").await;
    hub.stop();
    Way::Folder.restore(&backup, &house.data());
    let hub = house.start(Start::default());
    let caller = house.caller(&LINES[0], &hub);
    refused(&caller, "first").await;
    let (status, text) = house.told(&["serials", "floor", "confirm", "--advance-all", "10"]);
    assert_eq!(status, Some(0), "{text}");
    issued.extend(asked_soon(&caller, "first").await);
    assert_eq!((issued.len(), twice(&issued), unexplained(&house).await), (20, 0, 0));
}

/// The operator is not believed against what is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_must_be_whole_and_must_not_contradict_the_witness() {
    let template = House::on_sqlite().await;
    let Restored { house, issued } = restored(&template, Way::Database, Start::default()).await;
    let check = |arguments: &[&str], expect: &str| {
        let (status, text) = house.told(&[&["serials", "floor", "confirm"], arguments].concat());
        assert_eq!(status, Some(1), "{arguments:?}: {text}");
        assert!(text.contains(expect), "{arguments:?}: {text}");
    };
    check(&[], "say how far numbers had gone");
    check(&["--nothing-was-issued"], "advance `09521001001014` by at least 30");
    check(&["--advance-all", "29"], "by at least 30");
    check(&["--advance", "09521001002011=30"], "nothing is said of 09521001001014");
    let (_, text) = house.told(&["serials", "floor"]);
    assert!(text.contains("is older than its witness"), "{text}");
    // Before any start: what the start would hold is confirmed at once.
    let (status, text) = house.told(&["serials", "floor", "confirm", "--advance", "09521001001014=30"]);
    assert_eq!(status, Some(0), "{text}");
    check(&["--nothing-was-issued"], "there is nothing to confirm");
    let hub = house.start(Start::default());
    let mut all = issued;
    all.extend(asked(&house.caller(&LINES[0], &hub), "fresh").await);
    assert_eq!(twice(&all), 0);
    // What nobody can see is held by hand, under a running hub.
    let (status, text) = house.told(&["serials", "floor", "hold", "--reason", "the machine was rolled back"]);
    assert_eq!(status, Some(0), "{text}");
    refused(&house.caller(&LINES[0], &hub), "held").await;
    assert_eq!(
        house.told(&["serials", "floor", "confirm", "--nothing-was-issued"]).0,
        Some(0)
    );
    asked_soon(&house.caller(&LINES[0], &hub), "held").await;
}

/// A crash is no restore: killed at each call of its start and of its end, the hub is not held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_call_of_a_start_holds_no_hub() {
    let house = House::on_sqlite().await;
    let disk = Disk::new(&house.data(), house.aside());
    let hub = house.start(Start::default());
    asked(&house.caller(&LINES[0], &hub), "first").await;
    hub.stop();
    let mut kills = 0;
    for calls in [Calls::Names, Calls::Syncs, Calls::Writes] {
        for at in 1..=deepest() {
            disk.arm(calls, at, if at % 2 == 0 { Action::KillBefore } else { Action::KillAfter });
            drop(house.try_start(Start {
                disk: Some(&disk),
                ..Start::default()
            }));
            if disk.fired() == 0 {
                break;
            }
            kills += 1;
            let (status, text) = house.told(&["serials", "floor"]);
            assert_eq!(status, Some(0), "killed at {calls:?} {at} of its start: {text}");
        }
    }
    disk.heal();
    let hub = house.start(Start::default());
    asked(&house.caller(&LINES[0], &hub), "last").await;
    hub.kill();
    assert_eq!(house.told(&["serials", "floor"]).0, Some(0), "killed while it served");
    eprintln!("{kills} kills of a start: no hub was held");
    assert!(kills >= 10, "the kills did not reach the start: {kills}");
}

/// The holders' receipts say how far numbers had gone, where nothing else does. The control gives one that is not the newest, which
/// nobody can contradict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_says_how_far_numbers_had_gone() {
    let house = House::on_sqlite().await;
    let hub = house.start(Start::default());
    let mut issued = asked(&house.caller(&LINES[0], &hub), "before").await;
    hub.stop();
    let backup: PathBuf = house.aside().join("backup");
    copy_folder(&house.data(), &backup);
    let hub = house.start(Start::default());
    let caller = house.caller(&LINES[0], &hub);
    let mut files = Vec::new();
    for key in AFTER {
        issued.extend(asked(&caller, key).await);
        let receipt = receipt(&caller, key).await;
        let file = house.aside().join(format!("{key}.jws"));
        fs::write(&file, &receipt).expect("a receipt");
        files.push(file.display().to_string());
    }
    let forged = house.aside().join("forged.jws").display().to_string();
    let receipt = fs::read_to_string(&files[2]).expect("a receipt");
    let (head, rest) = receipt.split_once('.').expect("a JWS");
    fs::write(&forged, format!("{head}.{}", rest.replacen('e', "f", 1))).expect("a receipt");
    hub.stop();
    Way::DatabaseAlone.restore(&backup, &house.data());
    let other = house.copy();

    let (status, text) = house.told(&["serials", "floor", "confirm", "--receipt", &forged]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("receipt 1: "), "{text}");
    let confirmed = ["serials", "floor", "confirm", "--receipt", &files[2], "--receipt", &files[0]];
    let (status, text) = house.told(&confirmed);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("burnt    09521001001014/1"), "{text}");
    let hub = house.start(Start::default());
    let caller = house.caller(&LINES[0], &hub);
    let mut all = issued.clone();
    for key in AFTER {
        all.extend(asked(&caller, key).await);
    }
    assert_eq!((all.len(), twice(&all), unexplained(&house).await), (70, 0, 0));

    let (status, text) = other.told(&["serials", "floor", "confirm", "--receipt", &files[0]]);
    assert_eq!(status, Some(0), "{text}");
    let hub = other.start(Start::default());
    issued.extend(asked(&other.caller(&LINES[0], &hub), "fresh").await);
    assert_eq!(
        twice(&issued),
        EACH as usize,
        "an older receipt changes nothing: the test cannot fail"
    );
}

/// The receipt of what a key was given.
async fn receipt(caller: &Caller, key: &str) -> String {
    let Answer::Acknowledged(path) = caller.request_serials(&LINES[0], EACH, key).await else {
        panic!("{key} is not answered again")
    };
    let path = path.strip_suffix("/serials").expect("the path of numbers");
    match caller.resource(&format!("{path}/receipt")).await {
        Answer::Acknowledged(receipt) => receipt,
        other => panic!("the receipt of {key}: {other:?}"),
    }
}
