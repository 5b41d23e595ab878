//! What the engine decides and what it says of why, on a hundred thousand random decisions: a decision is one party, one event, one data class.
//!
//! Here the explanation is held against what is answered, field by field. `COUNTERFOIL_TEST_POLICY_OUT` names a file to which the worlds and
//! the decisions are written, for an engine that others wrote to decide anew: `tests/run policy` does both (`tests/audit/policy` has the
//! rules in the language of that engine). `COUNTERFOIL_TEST_DECISIONS` sets how many, `COUNTERFOIL_TEST_SEED` which.
//!
//! What it deliberately does not do: find the events, or derive what a party has to do with them; the worlds of [`crate::worlds`] do.

mod told;
mod world;

use std::collections::BTreeMap;
use std::io::Write;

use counterfoil::domain::event::{Event, SourceDest};
use counterfoil::domain::grant::Held;
use counterfoil::domain::lens::{Class, Documents, Shown, Sight, When, Where, Who};
use counterfoil::domain::party::Party;
use counterfoil::domain::policy::{Asked, Decision, Facts, Rule, Verdict, decide};

use self::told::Told;
use self::world::{NOW, PARTIES, World, id};
use crate::worlds::dice::Dice;

/// So often must everything occur that is to be judged, in a hundred thousand decisions.
const OFTEN: u64 = 50;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn what_is_explained_is_what_is_answered() {
    let (seed, wanted) = (
        number("COUNTERFOIL_TEST_SEED", 20_260_302),
        number("COUNTERFOIL_TEST_DECISIONS", 100_000),
    );
    let mut out = std::env::var_os("COUNTERFOIL_TEST_POLICY_OUT")
        .map(|path| std::io::BufWriter::new(std::fs::File::create(path).expect("a file to write to")));
    let (mut dice, mut counts) = (Dice::new(seed), Counts::default());
    let (mut decisions, mut worlds) = (0, 0);
    while decisions < wanted {
        let world = World::new(&mut dice);
        let mut told = Vec::new();
        for viewer in PARTIES {
            // Who is suspended asks nothing.
            if world.party(&id(viewer)).is_none() {
                continue;
            }
            let seen = ask(&world, viewer, &mut counts);
            decisions += Class::ALL.len() as u64;
            told.push(seen);
        }
        worlds += 1;
        if let Some(out) = &mut out {
            writeln!(out, "{}", told::line(worlds, &world, &told)).expect("a line written");
        }
    }
    if let Some(mut out) = out {
        out.flush().expect("all written");
    }
    println!("{decisions} decisions in {worlds} worlds, COUNTERFOIL_TEST_SEED={seed}\n{counts}");
    assert!(decisions >= wanted, "{decisions}");
    if wanted >= 100_000 {
        counts.check();
    }
}

fn ask<'a>(world: &World, viewer: &'a str, counts: &mut Counts) -> Told<'a> {
    let party = id(viewer);
    let asked = Asked {
        viewer: &party,
        at: NOW,
        event: &world.event,
        proved: &world.proved,
        uses: &world.uses[PARTIES.iter().position(|one| *one == viewer).expect("a party")],
    };
    let me: &Party = world.party(&party).expect("an active party");
    let meant: Vec<&Held> = world
        .policy
        .grants
        .iter()
        .filter(|held| held.grant.grantee.means(me))
        .collect();
    let decision = decide(asked, world, &world.policy, &meant);
    let (rules, seen) = (decision.rules(), decision.mask(asked, world));
    let mut explained = Sight::default();
    for rule in &rules {
        explained.set(rule.class, rule.level).expect("a level of the class");
        assert_eq!(rule.by == Rule::Nothing, explained.rank(rule.class) == 0, "{rule:?}");
        counts.count(rule.class, rule.level, &rule.by);
    }
    assert_eq!(rules.len(), Class::ALL.len());
    counts.weighed(&decision, seen.is_some());
    hold(explained, &world.event, seen.as_ref());
    Told { viewer, rules, seen }
}

/// An answer has of each class what is explained, neither more nor less.
fn hold(explained: Sight, whole: &Event, seen: Option<&Event>) {
    let Some(seen) = seen else {
        return;
    };
    assert_eq!((explained.existence, explained.when), (Shown::Full, When::Exact), "{seen:?}");
    let shows = |class: Class, is_there: bool| {
        assert_eq!(is_there, explained.rank(class) > 0, "{class:?} {explained:?} {seen:?}");
    };
    shows(Class::Condition, !seen.sensor_elements.is_empty());
    shows(Class::State, seen.disposition.is_some());
    shows(Class::Product, !seen.ilmd.is_empty());
    shows(Class::Raw, !seen.extensions.is_empty());
    let foreign = seen.ilmd.len() == whole.ilmd.len();
    assert_eq!(
        foreign,
        explained.raw.min(explained.product) == Shown::Full,
        "{explained:?} {seen:?}"
    );
    for (place, all) in [
        (&seen.read_point, &whole.read_point),
        (&seen.biz_location, &whole.biz_location),
    ] {
        let Some(all) = all else { continue };
        let level = match place {
            None => Where::OwnSites,
            Some(place) if place.id == all.id && place.extensions.len() == all.extensions.len() => Where::ReadPoint,
            Some(_) => Where::Site,
        };
        // None of the places is the viewer's own: of those levels nothing is answered.
        assert_eq!(explained.place.max(Where::OwnSites), level, "{explained:?} {seen:?}");
    }
    for (ends, level) in [(&seen.sources, explained.before), (&seen.destinations, explained.after)] {
        assert_eq!(who(ends), level.max(Who::Role), "{explained:?} {seen:?}");
    }
    let documents = match seen.biz_transactions.len() {
        0 => Documents::Nothing,
        1 => Documents::Delivery,
        _ => Documents::Handover,
    };
    assert_eq!(
        documents,
        explained.documents.min(Documents::Handover),
        "{explained:?} {seen:?}"
    );
    assert!(told::things(seen).iter().all(|thing| told::things(whole).contains(thing)));
}

/// What is told of the parties on one side.
fn who(ends: &[SourceDest]) -> Who {
    match ends.len() {
        0 => Who::Role,
        1 => Who::Counterparty,
        2 => Who::Name,
        _ => Who::Asserted,
    }
}

/// What occurred, how often.
#[derive(Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    fn count(&mut self, class: Class, level: &str, by: &Rule) {
        self.add(format!("{} {level}", class.code()));
        let by = match by {
            Rule::Nothing => "nothing",
            Rule::Relations => "relations",
            Rule::Grant(_) => "a grant",
            Rule::Emergency(_) => "an emergency",
            Rule::Cap(_) | Rule::Invariant | Rule::Grantor(_) => panic!("{by:?} gives nothing"),
        };
        self.add(format!("by {by}"));
    }

    fn weighed(&mut self, decision: &Decision<'_>, shown: bool) {
        self.add(format!("event {}", if shown { "shown" } else { "not shown" }));
        for considered in &decision.grants {
            let verdict = match &considered.verdict {
                Verdict::Applies(applied) => {
                    if !applied.caps.is_empty() {
                        self.add("grant lowered by a cap".to_owned());
                    }
                    if applied.is_slice { "applies as a slice" } else { "applies" }
                }
                Verdict::NotInForce => "not in force",
                Verdict::NoRole => "no role",
                Verdict::NotLicensed => "not licensed",
                Verdict::OutOfScope => "out of scope",
                Verdict::NotTheGrantors => "not the grantor's",
                Verdict::NotProved => "not proved",
                Verdict::InTotals => "in totals",
                Verdict::UsedUp => "used up",
            };
            self.add(format!("grant {verdict}"));
        }
    }

    /// Each level of each class and each layer occurred, often.
    fn check(&self) {
        let levels = Class::ALL.into_iter().flat_map(|class| {
            let levels = class.levels().into_iter();
            levels.map(move |level| format!("{} {level}", class.code()))
        });
        let layers = [
            "by nothing",
            "by relations",
            "by a grant",
            "by an emergency",
            "event shown",
            "event not shown",
            "grant applies",
            "grant applies as a slice",
            "grant lowered by a cap",
            "grant not in force",
            "grant no role",
            "grant not licensed",
            "grant out of scope",
            "grant not the grantor's",
            "grant not proved",
            "grant in totals",
            "grant used up",
        ];
        for what in levels.chain(layers.map(str::to_owned)) {
            let found = self.0.get(&what).copied().unwrap_or_default();
            assert!(
                found >= OFTEN,
                "`{what}` occurred {found} times, which tells nothing of it\n{self}"
            );
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "{count:8}  {what}"))
    }
}
