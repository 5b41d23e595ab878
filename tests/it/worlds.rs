//! Non-interference: two hubs that differ only in what an asker may not see give it the same bytes, whatever it asks.
//!
//! Thousands of small random worlds ([`plot`]) are told to two hubs ([`house`], [`desk`]): records told to both, records with other values where
//! the asker may not see them, records told to one alone. Then the asker asks everything in every channel ([`question`]). Many worlds live in
//! one pair of hubs, and are the hidden records of one another; each has events, claims, grants, caps, recalls and orders of serial numbers of
//! its own. What is compared is not normalised: clock and randomness of the hubs are set.
//!
//! What is invisible is so by relations and by grants. What a grant gives the asker is told to both hubs, and so is what counts in a total that
//! it is told of others: totals tell of others' events on purpose. What a grant does not give may differ: classes above its levels, goods of
//! other lots, all of a grant that is not signed by both, over, revoked, not begun, for another role or capped away, figures that are held back
//! (of who gave nothing, of a month that goes on), and whatever others lay down for others.
//!
//! `COUNTERFOIL_TEST_WORLDS` sets how many (480 where it is not set: where libraries alone are optimized a world needs an eighth of a second of
//! processor time; `tests/run` asks for more, and `tests/run worlds N` runs so many in an optimized build), `COUNTERFOIL_TEST_SEED` the seed, which is
//! printed. A difference is shown in the smallest world that has it. That the generator finds leaks is shown with planted ones ([`leak`]).

use std::time::Instant;

mod cast;
mod desk;
pub mod dice;
mod house;
mod leak;
mod plot;
mod question;
pub mod schema;
mod slice;

use cast::{BUYER, Cast, MAKER, PACKER, SECOND, STORE, STRANGER, Who};
use dice::Dice;
use house::{Difference, Family};

/// Who asks; each family has one of them.
const ASKERS: [Who; 6] = [MAKER, PACKER, STORE, BUYER, SECOND, STRANGER];
/// Families of one pair of hubs, and worlds of one family.
const FAMILIES: usize = 6;
const WORLDS: usize = 40;
/// Pairs of hubs at the same time.
const TOGETHER: usize = 2;
/// How often a difference is told again with less, at the most.
const SHRINKS: usize = 24;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The families of one house.
fn families(seed: u64, worlds: usize) -> Vec<Family> {
    let mut dice = Dice::new(seed);
    (0..FAMILIES)
        .map(|family| {
            let (cast, asker) = (Cast { family }, ASKERS[family % ASKERS.len()]);
            let worlds = (0..worlds)
                .map(|number| plot::world(cast, asker, number, &mut dice.fork()))
                .collect();
            Family {
                cast,
                asker,
                worlds,
                seed: dice.next(),
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_seen_changes_no_byte_of_any_answer() {
    let (seed, worlds) = (
        number("COUNTERFOIL_TEST_SEED", 20_260_302),
        number("COUNTERFOIL_TEST_WORLDS", 480),
    );
    let houses = worlds.div_ceil((FAMILIES * WORLDS) as u64);
    println!("{worlds} worlds in {houses} houses, COUNTERFOIL_TEST_SEED={seed}");
    let begun = Instant::now();
    let mut asked = 0;
    let mut seeds = (0..houses).map(|house| seed.wrapping_add(house)).peekable();
    while seeds.peek().is_some() {
        let running: Vec<_> = seeds
            .by_ref()
            .take(TOGETHER)
            .map(|seed| tokio::spawn(async move { (seed, house::differ(&families(seed, WORLDS)).await) }))
            .collect();
        for house in running {
            let (seed, (difference, questions)) = house.await.expect("a house");
            asked += questions;
            if let Some(difference) = difference {
                panic!(
                    "COUNTERFOIL_TEST_SEED={seed}\n{}",
                    shrunk(families(seed, WORLDS), difference).await
                );
            }
        }
    }
    println!("{asked} questions, {:.0} s", begun.elapsed().as_secs_f64());
    let slices = slice::COMPARED
        .each_ref()
        .map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
    println!("slices of events told the same: {}, told otherwise: {}", slices[0], slices[1]);
    assert!(slices.iter().all(|count| *count > 0), "no slices were compared");
    for (mark, met) in house::MARKS.iter().zip(&house::MET) {
        let met = met.load(std::sync::atomic::Ordering::Relaxed);
        println!("answers with {mark}: {met}");
        assert!(met > 0, "nobody was told {mark}");
    }
}

/// The smallest world that was found to have a difference, as text.
async fn shrunk(families: Vec<Family>, mut difference: Difference) -> String {
    let mut family = families[difference.family].clone();
    eprintln!(
        "a difference, in {}; looking for the smallest world that has one",
        difference.question
    );
    let mut left = SHRINKS;
    let mut size = family.worlds.len();
    while size > 1 && left > 0 {
        size = size.div_ceil(2);
        let parts: Vec<_> = family.worlds.chunks(size).map(<[_]>::to_vec).collect();
        for worlds in parts {
            let smaller = Family {
                worlds,
                ..family.clone()
            };
            left = left.saturating_sub(1);
            if let (Some(found), _) = house::differ(std::slice::from_ref(&smaller)).await {
                (family, difference) = (smaller, found);
                break;
            }
        }
        size = size.min(family.worlds.len());
        if size == 1 {
            break;
        }
    }
    let mut at = 0;
    while left > 0 && family.worlds.len() == 1 && at < family.worlds[0].steps.len() {
        let mut smaller = family.clone();
        smaller.worlds[0].steps.remove(at);
        left -= 1;
        match house::differ(std::slice::from_ref(&smaller)).await {
            (Some(found), _) => (family, difference) = (smaller, found),
            (None, _) => at += 1,
        }
    }
    report(&family, &difference)
}

fn report(family: &Family, difference: &Difference) -> String {
    let mut text = format!("{} may see it:\n", family.cast.party(family.asker));
    for rule in family.worlds.iter().flat_map(|world| &world.rules) {
        text.push_str(&format!("{rule:?}\n"));
    }
    for step in family.worlds.iter().flat_map(|world| &world.steps) {
        let told = |told: &Option<plot::Told>| {
            told.as_ref().map_or("-".to_owned(), |told| {
                format!("{} {}", family.cast.party(told.by), told.event)
            })
        };
        let (less, more) = (told(&step.less), told(&step.more));
        if less == more {
            text.push_str(&format!("turn {} both: {less}\n", step.turn));
        } else {
            text.push_str(&format!("turn {} less: {less}\n       more: {more}\n", step.turn));
        }
    }
    format!(
        "{text}asked: {}\nless: {}\nmore: {}\n",
        difference.question, difference.less, difference.more
    )
}
