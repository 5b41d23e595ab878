//! The law of the ledger: whatever is reported, captured, taken back or handed on, in whatever order, each number is in one column. Checked
//! against a list with a line for each number.

use std::collections::BTreeMap;

use counterfoil::domain::serial::life::{Bucket, SerialState, Verdict, Who};
use counterfoil::service::lot::reconcile;
use counterfoil::service::serial::{Report, Reported, Subject, TransferRequest, commissioned, report, transfer, uncommissioned};

use super::*;
use crate::story;

/// What a list keeps of a number.
#[derive(Debug, Clone, Copy)]
struct Line {
    state: SerialState,
    lot: &'static str,
    holder: &'static str,
    asked_for: &'static str,
}

/// Xorshift (Marsaglia 2003): the same deeds in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn some(&mut self, of: &[String]) -> Vec<String> {
        let first = self.below(of.len());
        let step = 1 + self.below(3);
        of.iter()
            .skip(first)
            .step_by(step)
            .take(1 + self.below(12))
            .cloned()
            .collect()
    }
}

struct World {
    test: TestHub,
    serials: Vec<String>,
    list: BTreeMap<String, Line>,
    deed: usize,
}

const PACKERS: [&str; 2] = ["packwell", "sigmapack"];
const LOTS: [&str; 2] = ["L1", "L2"];

impl World {
    async fn new() -> Self {
        let test = TestHub::start().await;
        amend(
            &test.hub,
            |_| (),
            |agreement| {
                if agreement.id.as_str() == "aurora-sigmapack-2024" {
                    agreement.products.push(AUROXIN.parse().unwrap());
                }
            },
        );
        let (mut serials, mut list) = (Vec::new(), BTreeMap::new());
        for (key, lot, quantity) in [("1", "L1", 40), ("2", "", 30), ("3", "L2", 20)] {
            let wanted = SerialRequest {
                lot: Some(lot.to_owned()).filter(|lot| !lot.is_empty()),
                ..wanted(key, quantity)
            };
            let granted = request(&test.hub, &test.actor("packwell"), wanted).await.unwrap();
            for serial in numbers(&test, &granted).await {
                list.insert(
                    serial.clone(),
                    Line {
                        state: SerialState::Allocated,
                        lot: "",
                        holder: "packwell",
                        asked_for: lot,
                    },
                );
                serials.push(serial);
            }
        }
        Self {
            test,
            serials,
            list,
            deed: 0,
        }
    }

    async fn report(&mut self, party: &'static str, to: SerialState, lot: &'static str, serials: Vec<String>) {
        let wanted = Report {
            numbered: AUROXIN.parse().unwrap(),
            subject: Subject::Serials(serials.clone()),
            to,
            lot: Some(lot.to_owned()).filter(|lot| !lot.is_empty()),
            line: None,
            reason: None,
            idempotency_key: None,
            all_or_nothing: false,
        };
        let answer = report(&self.test.hub, &self.test.actor(party), wanted).await.unwrap();
        for (serial, ended) in serials.iter().zip(answer.each) {
            let line = self.list.get_mut(serial).unwrap();
            let who = if party == "aurora" { Who::Owner } else { Who::Holder };
            let expect = match line.state.moving(to, who) {
                _ if party != "aurora" && party != line.holder => Reported::Unknown,
                Verdict::Moves => Reported::Moved,
                Verdict::Already => Reported::Already,
                Verdict::Illegal => Reported::Illegal(line.state),
            };
            assert_eq!(ended, expect, "{serial} {line:?} -> {to}");
            if ended == Reported::Moved {
                if !(line.state.is_on_pack() && to.is_on_pack()) {
                    line.lot = if lot.is_empty() { line.asked_for } else { lot };
                }
                line.state = to;
            }
        }
    }

    async fn capture(&mut self, party: &'static str, lot: &'static str, serials: Vec<String>, takes_back: bool) {
        let (hub, actor, call) = (self.test.hub.clone(), self.test.actor(party).party, serials.clone());
        let work = self.test.hub.db().write(move |tx| {
            Box::pin(async move {
                let call: Vec<&str> = call.iter().map(String::as_str).collect();
                let gtin = AUROXIN.parse().unwrap();
                if takes_back {
                    uncommissioned(tx, &hub, &actor, gtin, lot, &call).await?;
                } else {
                    commissioned(tx, &hub, &actor, gtin, lot, &call).await?;
                }
                Ok::<_, ServiceError>(())
            })
        });
        work.await.unwrap();
        for serial in &serials {
            let line = self.list.get_mut(serial).unwrap();
            if line.holder != party {
                continue;
            }
            if takes_back {
                if line.state.is_on_pack() && line.lot == lot {
                    line.state = SerialState::Encoded;
                }
            } else if matches!(line.state, SerialState::Allocated | SerialState::Encoded) {
                (line.state, line.lot) = (SerialState::Commissioned, lot);
            }
        }
    }

    async fn hand_on(&mut self, from: &'static str, to: &'static str, serials: Vec<String>) {
        self.deed += 1;
        let wanted = TransferRequest {
            numbered: AUROXIN.parse().unwrap(),
            subject: Subject::Serials(serials.clone()),
            to: story::gln_of(&self.test, to).parse().unwrap(),
            site: None,
            idempotency_key: format!("t-{}", self.deed),
        };
        let done = transfer(&self.test.hub, &self.test.actor(from), wanted).await;
        let free = |line: &Line| line.holder == from && line.state.is_usable();
        let all = serials.iter().all(|serial| free(&self.list[serial]));
        assert_eq!(done.is_ok(), all);
        if all {
            serials
                .iter()
                .for_each(|serial| self.list.get_mut(serial).unwrap().holder = to);
        }
    }

    /// The columns of the hub against those of the list, for the owner and for each packer.
    async fn check(&self) {
        for viewer in ["aurora", "packwell", "sigmapack"] {
            let mine = |line: &&Line| viewer == "aurora" || line.holder == viewer;
            for lot in LOTS {
                let actor = self.test.actor(viewer);
                let balance = reconcile(&self.test.hub, &actor, AUROXIN.parse().unwrap(), lot)
                    .await
                    .unwrap();
                let Some(balance) = balance else { continue };
                let count = |bucket: Bucket| {
                    let lines = self.list.values().filter(mine);
                    lines.filter(|line| line.lot == lot && line.state.bucket() == bucket).count() as u64
                };
                let columns = [
                    balance.commissioned,
                    balance.scrapped,
                    balance.sampled,
                    balance.returned,
                    balance.lost,
                ];
                let expect = [
                    Bucket::Commissioned,
                    Bucket::Scrapped,
                    Bucket::Sampled,
                    Bucket::Returned,
                    Bucket::Lost,
                ]
                .map(count);
                assert_eq!(columns, expect, "{viewer} {lot}");
                for line in &balance.allocations {
                    assert_eq!(
                        line.quantity,
                        line.settled() + line.elsewhere + self.unused_of(line, lot),
                        "{viewer} {lot} {line:?}"
                    );
                }
            }
        }
        // Outstanding is what is unused, whoever has it.
        for party in PACKERS {
            let sql = "SELECT CAST(COALESCE(SUM(issued - settled), 0) AS BIGINT) AS n FROM serial_account WHERE party_id = $1";
            let row = self
                .test
                .hub
                .db()
                .query_one("reading an account", sql, vec![party.into()])
                .await
                .unwrap()
                .unwrap();
            let unused = self
                .list
                .values()
                .filter(|line| line.holder == party && line.state.is_usable())
                .count();
            assert_eq!(row.try_get::<i64>("", "n").unwrap(), unused as i64, "{party}");
        }
    }

    /// Numbers of a line that are unused: what it says, or, where it was asked for another lot, what it leaves unsaid.
    fn unused_of(&self, line: &counterfoil::service::lot::LotLine, lot: &str) -> u64 {
        match line.asked_for.as_deref() {
            Some(asked) if asked != lot => {
                let mine = self
                    .list
                    .values()
                    .filter(|known| known.asked_for == asked && known.holder == line.party.as_str());
                mine.filter(|known| known.state.is_usable()).count() as u64
            }
            Some(_) | None => line.unused,
        }
    }
}

#[tokio::test]
async fn no_number_is_made_or_lost_by_any_sequence_of_deeds() {
    for seed in [0x9e37_79b9_7f4a_7c15, 0xdead_beef_cafe_f00d] {
        let (mut world, mut dice) = (World::new().await, Dice(seed));
        for _ in 0..60 {
            let serials = dice.some(&world.serials.clone());
            match dice.below(10) {
                0..=4 => {
                    let (party, to, lot) = (
                        dice.one(&["packwell", "sigmapack", "aurora"]),
                        dice.one(SerialState::ALL),
                        dice.one(&["", "L1", "L2"]),
                    );
                    world.report(party, to, lot, serials).await;
                }
                5..=7 => {
                    let (party, lot) = (dice.one(&PACKERS), dice.one(&LOTS));
                    world.capture(party, lot, serials, false).await;
                }
                8 => {
                    let (party, lot) = (dice.one(&PACKERS), dice.one(&LOTS));
                    world.capture(party, lot, serials, true).await;
                }
                _ => {
                    let from = dice.below(2);
                    world.hand_on(PACKERS[from], PACKERS[1 - from], serials).await;
                }
            }
            world.check().await;
        }
    }
}
