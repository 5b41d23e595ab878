//! The power goes: everything that was not synced is gone, or a random part of it.
//!
//! The hub works for a while on a disk that is written down. Then, for moments right after an acknowledgement, the data
//! folder is rebuilt as the power loss would have left it, a hub is started on it, and the usual check is made of what had
//! been acknowledged until then. The control is the same hub with `synchronous=OFF`, which must fail the same check.

use super::caller::LINES;
use super::disk::{Coin, Disk, Image, Unsynced};
use super::history::History;
use super::house::{House, Start};
use super::workload::Shift;

/// Rounds of work: two or three acknowledgements each.
const ROUNDS: usize = 30;

fn plugs() -> usize {
    std::env::var("COUNTERFOIL_TEST_POWER_CUTS").map_or(20, |text| text.parse().expect("COUNTERFOIL_TEST_POWER_CUTS is a number"))
}

/// A recorded run: what was acknowledged by each point of the log.
struct Recording {
    house: House,
    at_rest: Image,
    log: Vec<u8>,
    history: History,
    /// Ends of the log after each round, with the number of requests and captures made by then.
    moments: Vec<(u64, usize, usize)>,
}

impl Recording {
    async fn of(template: &House, without_sync: bool) -> Self {
        let house = template.copy();
        let disk = Disk::new(&house.data(), house.aside());
        let at_rest = Image::of_folder(&house.data());
        let mut hub = house.start(Start {
            disk: Some(&disk),
            log: true,
            without_sync,
            ..Start::default()
        });
        let shift = Shift::new(11);
        let (mut history, mut moments) = (History::default(), Vec::new());
        for round in 0..ROUNDS {
            let line = &LINES[round % LINES.len()];
            assert!(
                shift.round(&house.caller(line, &hub), line, &mut history).await,
                "{:#?}\n{}",
                history.wrong,
                hub.words()
            );
            moments.push((disk.log_end(), history.requests.len(), history.captures.len()));
        }
        // At rest, so that no write is on its way between the disk and its log.
        history.jobs_end(&house, &mut hub).await;
        hub.kill();
        let log = disk.log();
        let recording = Self {
            house,
            at_rest,
            log,
            history,
            moments,
        };
        recording.assert_complete();
        recording
    }

    /// A call that the log missed would make the test blind.
    fn assert_complete(&self) {
        let mut image = self.at_rest.clone();
        image.replay(&self.log);
        let (replayed, real) = (
            image.after(Unsynced::Kept),
            Image::of_folder(&self.house.data()).after(Unsynced::Kept),
        );
        let odd: Vec<_> = replayed
            .keys()
            .chain(real.keys())
            .filter(|path| replayed.get(*path) != real.get(*path))
            .collect();
        assert!(odd.is_empty(), "the log is not the whole truth about {odd:?}");
    }

    /// Pulls the plug after `moment` and says what is wrong afterwards.
    async fn plug_pulled(&self, moment: usize, unsynced: Unsynced) -> Vec<String> {
        let (end, requests, captures) = self.moments[moment];
        let mut image = self.at_rest.clone();
        image.replay(&self.log[..usize::try_from(end).expect("a length")]);
        let after = self.house.emptied();
        image.restore(unsynced, &self.house.data(), &after.data());
        let hub = match after.try_start(Start::default()) {
            Ok(hub) => hub,
            Err(words) => return vec![format!("the hub does not start: {words}")],
        };
        let acknowledged = History {
            requests: self.history.requests[..requests].to_vec(),
            captures: self.history.captures[..captures].to_vec(),
            wrong: Vec::new(),
        };
        after.leases_of_the_dead_end(&hub).await;
        let wrong = acknowledged.check(&after, &hub).await;
        wrong
            .into_iter()
            .map(|what| format!("plug {moment}, {unsynced:?}: {what}"))
            .collect()
    }
}

/// Moments spread over the recording.
fn spread(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| at * ROUNDS / count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_power_loss_and_without_sync_it_does_not() {
    let template = House::on_sqlite().await;
    let recording = Recording::of(&template, false).await;
    let mut coin = Coin(13);
    for moment in spread(plugs().min(ROUNDS)) {
        for unsynced in [Unsynced::Lost, Unsynced::Coin(coin.next())] {
            let wrong = recording.plug_pulled(moment, unsynced).await;
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
    }
    // The control: the test must be able to fail.
    let control = Recording::of(&template, true).await;
    let wrong = control.plug_pulled(ROUNDS - 1, Unsynced::Lost).await;
    let lost = wrong
        .iter()
        .filter(|what| what.contains("is lost") || what.contains("not start") || what.contains("acknowledged"))
        .count();
    assert!(
        lost > 0,
        "synchronous=OFF lost nothing that was acknowledged: the test cannot fail"
    );
    eprintln!(
        "power cut {} times: nothing acknowledged was lost; the control lost {lost} acknowledged things",
        plugs() * 2
    );
}
