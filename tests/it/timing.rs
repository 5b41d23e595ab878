//! Existence cannot be told from time: for a thing of others a stranger waits as long as for one that does not exist.
//!
//! Questions about things that exist, and that the asker may not see, come in pairs with the same question about things that do not, each pair in random
//! order, through the whole handler. What is compared is robust, for machines are noisy: a pair of lists is told apart only if their medians
//! differ by more than a twentieth and one is slower than the other far more often than not; and only if that is so three times in a row.
//! That so small a difference would be seen is shown with one that is put in.
//!
//! What is not claimed: that a single answer takes the same time as another (each thing has a history of its own, and what does not exist takes
//! the way of something that does), nor anything of what a party may see in part.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use counterfoil::service::capture::run_due;
use serde_json::{Value, json};

use crate::hub::TestHub;
use crate::story::{self, AUROXIN, AUROXIN_CASE, Handover, MERIDIAN_LYON, NORTHWAY_VENLO, PACKWELL_HALL_1};
use crate::worlds::dice::Dice;

/// Pairs of one comparison.
const PAIRS: usize = 150;
/// How often a difference must be seen before it is believed.
const TIMES: usize = 3;
/// Cases that exist, each with two units.
const CASES: usize = 60;
const STRANGER: &str = "halden";

/// What can be asked of a name.
#[derive(Debug, Clone, Copy)]
enum Question {
    Item,
    Past,
    Provenance,
    Container,
    Contents,
    EventById,
    EventsOfThing,
    LookUp,
}

/// What the names are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unit,
    Case,
    Pallet,
    Event,
    Serial,
}

const QUESTIONS: [(Question, Kind); 9] = [
    (Question::Item, Kind::Unit),
    (Question::Item, Kind::Pallet),
    (Question::Past, Kind::Unit),
    (Question::Provenance, Kind::Unit),
    (Question::Container, Kind::Case),
    (Question::Contents, Kind::Pallet),
    (Question::EventById, Kind::Event),
    (Question::EventsOfThing, Kind::Unit),
    (Question::LookUp, Kind::Serial),
];

impl Question {
    async fn ask(self, test: &TestHub, name: &str) -> Vec<u8> {
        let actor = test.actor(STRANGER);
        let query = match self {
            Self::Item => "query ($epc: String!) { item(epc: $epc) { id lot owner { legalName } } }",
            Self::Past => "query ($epc: String!) { item(epc: $epc, asOf: \"2026-03-03T12:00:00Z\") { id asOf } }",
            Self::Provenance => "query ($epc: String!) { provenance(epc: $epc) { unbroken hops { role } } }",
            Self::Container => "query ($epc: String!) { container(epc: $epc) { asOf } }",
            Self::Contents => "query ($epc: String!) { container(epc: $epc) { contents { edges { node { thing { epc } } } } } }",
            Self::EventById => return test.get(&actor, &format!("/epcis/events/{name}")).await.body.to_vec(),
            Self::EventsOfThing => {
                return test
                    .get(&actor, &format!("/epcis/events?MATCH_epc={name}"))
                    .await
                    .body
                    .to_vec();
            }
            Self::LookUp => {
                let body = json!({"gtin": AUROXIN, "serials": [name]}).to_string();
                let answer = test.post(&actor, "/serials/v1/lookups", "application/json", body).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                return answer.body.to_vec();
            }
        };
        test.graphql(&actor, query, json!({"epc": name}))
            .await
            .to_string()
            .into_bytes()
    }
}

/// A hub where much happened that the stranger has nothing to do with, and the names in it.
struct Scene {
    test: TestHub,
    serials: Vec<String>,
}

impl Scene {
    async fn new() -> Self {
        let test = TestHub::start().await;
        test.set_time("2026-03-06T12:00:00Z");
        let serials = story::serials_for_packwell(&test, AUROXIN, (2 * CASES) as u64).await;
        let mut scene = Self { test, serials };
        scene.play().await;
        scene
    }

    /// Made and packed by packwell, stored by northway, sold to meridian.
    async fn play(&mut self) {
        let (site, named) = (PACKWELL_HALL_1, |kind| {
            (0..CASES).map(|number| self.name(kind, number)).collect::<Vec<_>>()
        });
        let (cases, pallets) = (named(Kind::Case), named(Kind::Pallet));
        let units: Vec<String> = (0..2 * CASES).map(|number| self.name(Kind::Unit, number)).collect();
        let mut packed = vec![
            story::commission("2026-03-02T06:00:00Z", site, &units, "LOT1"),
            story::commission("2026-03-02T06:01:00Z", site, &cases, "LOT1"),
        ];
        for number in 0..CASES {
            packed.push(story::commission_sscc("2026-03-02T06:02:00Z", site, &pallets[number]));
            packed.push(story::pack(
                "2026-03-02T06:03:00Z",
                site,
                &cases[number],
                &units[2 * number..2 * number + 2],
            ));
            packed.push(story::pack(
                "2026-03-02T06:04:00Z",
                site,
                &pallets[number],
                &cases[number..=number],
            ));
        }
        for (number, event) in packed.iter_mut().enumerate() {
            event["eventID"] = json!(self.name(Kind::Event, number));
        }
        let gln = |party: &str| story::gln_of(&self.test, party);
        let handover = |owner: [&str; 2], possessor: [&str; 2], place: [&str; 2]| Handover {
            epcs: pallets.clone(),
            owner: (gln(owner[0]), gln(owner[1])),
            possessor: (gln(possessor[0]), gln(possessor[1])),
            place: (place[0].to_owned(), place[1].to_owned()),
        };
        let stored = handover(["aurora", "aurora"], ["packwell", "northway"], [site, NORTHWAY_VENLO]);
        let sold = handover(
            ["aurora", "meridian"],
            ["northway", "meridian"],
            [NORTHWAY_VENLO, MERIDIAN_LYON],
        );
        packed.push(story::ship("2026-03-02T07:00:00Z", &stored));
        self.capture("packwell", &packed).await;
        let through = [
            story::receive("2026-03-03T07:00:00Z", &stored),
            story::ship("2026-03-04T07:00:00Z", &sold),
        ];
        self.capture("northway", &through).await;
        self.capture("meridian", &[story::receive("2026-03-05T07:00:00Z", &sold)])
            .await;
    }

    async fn capture(&self, party: &str, events: &[Value]) {
        let actor = self.test.actor(party);
        let job = self.test.capture(&actor, story::document(events)).await;
        assert_eq!(job["success"], true, "{job:#}");
        while run_due(&self.test.hub).await.expect("a run").is_some() {}
    }

    /// A name of something that exists, for the numbers below [`CASES`]; of something that does not above.
    fn name(&self, kind: Kind, number: usize) -> String {
        let serial = || match self.serials.get(number) {
            Some(serial) => serial.clone(),
            // The head of one and the tail of another: as long, and of the letters that the hub gives out.
            None => {
                let all = self.serials.len();
                let (one, other) = (number % all, number % all + 1 + number / all % (all - 2));
                format!("{}{}", &self.serials[one][..5], &self.serials[other % all][5..])
            }
        };
        match kind {
            Kind::Unit => story::sgtin(AUROXIN, &serial()),
            Kind::Case => story::sgtin(AUROXIN_CASE, &format!("CASE{number:06}")),
            Kind::Pallet => story::packwell_sscc(number as u32 + 1),
            Kind::Event => format!("urn:uuid:00000000-0000-4000-8000-{number:012}"),
            Kind::Serial => serial(),
        }
    }

    /// How long each of the pairs took, the existing first. `added` is put on top for those that exist.
    async fn pairs(&self, (question, kind): (Question, Kind), dice: &mut Dice, added: Duration) -> Vec<(f64, f64)> {
        let mut pairs = Vec::with_capacity(PAIRS);
        for number in 0..PAIRS {
            let there = self.name(kind, dice.below(CASES));
            let nowhere = self.name(kind, 10_000 + 100 * number + dice.below(100));
            let first_there = dice.one_in(2);
            let mut took = [0.0; 2];
            let mut answers = [Vec::new(), Vec::new()];
            for is_there in [first_there, !first_there] {
                let begun = Instant::now();
                let at = usize::from(!is_there);
                answers[at] = question.ask(&self.test, if is_there { &there } else { &nowhere }).await;
                if is_there {
                    wait(added);
                }
                took[at] = begun.elapsed().as_secs_f64();
            }
            let told = |answer: &[u8], name: &str| String::from_utf8_lossy(answer).replace(name, "<name>");
            assert_eq!(told(&answers[0], &there), told(&answers[1], &nowhere), "{question:?}");
            pairs.push((took[0], took[1]));
        }
        pairs
    }
}

/// Busy, for a sleep is never short.
fn wait(time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// What times tell.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// By how much the existing take longer, as a part of the median.
    longer: f64,
    /// How often an existing one takes longer than one that does not exist, of all ways to pair them (Mann-Whitney's U as a part of all).
    slower: f64,
    /// Seconds.
    median: f64,
}

impl Told {
    fn by(pairs: &[(f64, f64)]) -> Self {
        let (there, nowhere): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let median_of = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        let wins = there.iter().flat_map(|a| {
            nowhere
                .iter()
                .map(move |b| (a > b) as u32 as f64 + (a == b) as u32 as f64 / 2.0)
        });
        let slower = wins.sum::<f64>() / (there.len() * nowhere.len()) as f64;
        let (there, nowhere) = (median_of(there), median_of(nowhere));
        Self {
            longer: (there - nowhere) / nowhere,
            slower,
            median: nowhere,
        }
    }

    fn tells(&self) -> bool {
        self.longer.abs() > 0.05 && (self.slower - 0.5).abs() > 0.1
    }
}

#[tokio::test]
async fn what_exists_takes_as_long_as_what_does_not() {
    let (scene, mut dice) = (Scene::new().await, Dice::new(7));
    for asked in QUESTIONS {
        let mut seen = Vec::new();
        for _ in 0..TIMES {
            let told = Told::by(&scene.pairs(asked, &mut dice, Duration::ZERO).await);
            seen.push(told);
            if !told.tells() {
                break;
            }
        }
        println!("{asked:?} {seen:.3?}");
        assert!(
            seen.iter().any(|told| !told.tells()),
            "that it exists can be told from time: {asked:?} {seen:?}"
        );
    }
}

/// By how much of the time of an answer what exists is delayed, one attempt after the other: a statement more is about a third. A machine that does
/// much else at the time hides that; nothing hides that an answer takes as long again.
const DELAYS: [f64; 7] = [0.33, 0.33, 0.33, 0.5, 1.0, 2.0, 4.0];

#[tokio::test]
async fn the_comparison_sees_a_small_difference() {
    let (scene, mut dice) = (Scene::new().await, Dice::new(8));
    for asked in [QUESTIONS[0], QUESTIONS[8]] {
        let usual = Told::by(&scene.pairs(asked, &mut dice, Duration::ZERO).await).median;
        let mut seen = Vec::new();
        for delay in DELAYS {
            let told = Told::by(&scene.pairs(asked, &mut dice, Duration::from_secs_f64(usual * delay)).await);
            seen.push((delay, told));
            if told.tells() && told.longer > 0.0 {
                break;
            }
        }
        println!("{asked:?} delayed: {seen:.3?}");
        assert!(
            seen.iter().any(|(_, told)| told.tells() && told.longer > 0.0),
            "{asked:?} {seen:?}"
        );
    }
}
