//! An attacker that puts together what was told, held against the rules; and against each rule left out, where it must succeed.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

const RULES: Rules = Rules {
    contributors: 3,
    share_percent: 60,
    rounding: 10,
    releases: 3,
};

fn shares(of: &[(&str, u64)]) -> Shares {
    of.iter().map(|(party, units)| (party.parse().unwrap(), *units)).collect()
}

/// Of contributors of whom these ask for so many.
fn asked(of: &[(&str, u64)], asks: &[(&str, usize)]) -> Parts {
    let least = |party: &str| asks.iter().find(|(one, _)| *one == party).map_or(0, |(_, least)| *least);
    let part = |(party, units): (PartyId, u64)| ((party.clone(), least(party.as_str())), units);
    shares(of).into_iter().map(part).collect()
}

fn table(of: &[(&str, &[(&str, u64)])]) -> Table {
    let cell = |(country, of): &(&str, &[(&str, u64)])| (("receiving".to_owned(), (*country).to_owned()), asked(of, &[]));
    of.iter().map(cell).collect()
}

/// All of it, whatever anybody asks.
fn all<'a>(figures: impl Iterator<Item = &'a Shares>) -> Shares {
    let mut all = Shares::new();
    for (party, units) in figures.flatten().filter(|(_, units)| **units > 0) {
        *all.entry(party.clone()).or_default() += *units;
    }
    all
}

/// What is told, as country names (`*` for those together) and figures.
fn told(settled: &Settled) -> Vec<(String, u64)> {
    let line = |group: &Group| {
        let name = if group.named {
            group.countries.first().unwrap().clone()
        } else {
            "*".to_owned()
        };
        (name, RULES.rounded(&group.shares))
    };
    settled.told.iter().map(line).collect()
}

fn expect(of: &[(&str, u64)]) -> Vec<(String, u64)> {
    of.iter().map(|(country, units)| ((*country).to_owned(), *units)).collect()
}

#[test]
fn a_figure_is_of_three_and_none_of_them_has_more_than_its_share() {
    let check = |of: &[(&str, u64)], admitted| assert_eq!(RULES.admits(&shares(of)), admitted, "{of:?}");
    check(&[], false);
    check(&[("aa", 10), ("bb", 10)], false);
    check(&[("aa", 10), ("bb", 10), ("cc", 0)], false);
    check(&[("aa", 10), ("bb", 10), ("cc", 10)], true);
    check(&[("aa", 60), ("bb", 20), ("cc", 20)], true);
    check(&[("aa", 61), ("bb", 20), ("cc", 20)], false);
    check(&[("aa", u64::MAX), ("bb", u64::MAX), ("cc", u64::MAX)], true);
}

#[test]
fn figures_are_rounded_to_fixed_edges() {
    let check = |units, expect| assert_eq!(RULES.rounded(&shares(&[("aa", units)])), expect, "{units}");
    check(4, 0);
    check(5, 10);
    check(14, 10);
    check(15, 20);
    check(u64::MAX, u64::MAX);
}

#[test]
fn countries_that_cannot_be_told_alone_are_told_together_or_not_at_all() {
    let three: &[(&str, u64)] = &[("aa", 10), ("bb", 10), ("cc", 10)];
    let now = table(&[("DE", three), ("FR", &[("aa", 5)]), ("IT", &[("bb", 5)]), ("", &[("cc", 5)])]);
    assert_eq!(told(&settle(&RULES, &[], &now)), expect(&[("DE", 30), ("*", 20)]));
    let now = table(&[("DE", three), ("FR", &[("aa", 5)]), ("IT", &[("bb", 5)])]);
    assert_eq!(told(&settle(&RULES, &[], &now)), expect(&[("DE", 30)]));
    // A place that is not known is no country of its own.
    assert_eq!(told(&settle(&RULES, &[], &table(&[("", three)]))), expect(&[("*", 30)]));
}

#[test]
fn what_was_told_is_told_again_until_the_change_may_be_told() {
    let first = table(&[("DE", &[("aa", 10), ("bb", 10), ("cc", 10)])]);
    let Some(release) = settle(&RULES, &[], &first).release else {
        panic!("nothing is told")
    };
    let again = settle(&RULES, std::slice::from_ref(&release), &first);
    assert_eq!(
        (told(&again), again.release),
        (expect(&[("DE", 30)]), None),
        "asking again costs nothing"
    );
    // One has more, or there is one more: that would be the difference.
    for more in [
        &[("aa", 40), ("bb", 30), ("cc", 10)][..],
        &[("aa", 10), ("bb", 10), ("cc", 10), ("dd", 10)],
    ] {
        let later = settle(&RULES, std::slice::from_ref(&release), &table(&[("DE", more)]));
        assert_eq!((told(&later), later.release), (expect(&[("DE", 30)]), None), "{more:?}");
    }
    let later = settle(
        &RULES,
        std::slice::from_ref(&release),
        &table(&[("DE", &[("aa", 20), ("bb", 30), ("cc", 20)])]),
    );
    assert_eq!(told(&later), expect(&[("DE", 70)]));
    let second = later.release.unwrap();
    // Held against the first as well: of the second, three have changed.
    let back = table(&[("DE", &[("aa", 11), ("bb", 10), ("cc", 10)])]);
    let third = settle(&RULES, &[release, second], &back);
    assert_eq!((told(&third), third.release), (expect(&[("DE", 70)]), None));
}

#[test]
fn who_contributes_no_more_is_told_of_no_more() {
    let four: &[(&str, u64)] = &[("aa", 10), ("bb", 10), ("cc", 10), ("dd", 10)];
    let release = settle(&RULES, &[], &table(&[("DE", four)])).release.unwrap();
    let left = settle(&RULES, std::slice::from_ref(&release), &table(&[("DE", &four[..3])]));
    assert_eq!(
        left,
        Settled::default(),
        "not even what the three have, which would tell what the fourth had"
    );
    let gone = settle(&RULES, std::slice::from_ref(&release), &Table::new());
    assert_eq!(gone, Settled::default());
    let back = settle(&RULES, &[release], &table(&[("DE", four)]));
    assert_eq!(told(&back), expect(&[("DE", 40)]));
}

#[test]
fn there_is_an_end_of_releases() {
    let mut earlier = Vec::new();
    for round in 1..=10_u64 {
        let units = round * 100;
        let now = table(&[("DE", &[("aa", units), ("bb", units), ("cc", units)])]);
        let settled = settle(&RULES, &earlier, &now);
        assert_eq!(told(&settled), expect(&[("DE", 300 * round.min(3))]));
        earlier.extend(settled.release);
    }
    assert_eq!(earlier.len(), RULES.releases);
    // Nor is anything told that is new.
    let now = table(&[
        ("DE", &[("aa", 300), ("bb", 300), ("cc", 300)]),
        ("FR", &[("aa", 9), ("bb", 9), ("cc", 9)]),
    ]);
    assert_eq!(told(&settle(&RULES, &earlier, &now)), expect(&[("DE", 900)]));
}

#[test]
fn who_asks_for_more_contributors_is_in_no_figure_of_fewer() {
    let german = |of: &[(&str, u64)], asks: &[(&str, usize)]| {
        let cell = (("receiving".to_owned(), "DE".to_owned()), asked(of, asks));
        Table::from([cell])
    };
    let four = [("aa", 10), ("bb", 10), ("cc", 10), ("dd", 10)];
    let check = |asks: &[(&str, usize)], expected: &[(&str, u64)]| {
        assert_eq!(told(&settle(&RULES, &[], &german(&four, asks))), expect(expected), "{asks:?}");
    };
    check(&[("dd", 4)], &[("DE", 40)]);
    check(&[("dd", 2)], &[("DE", 40)]);
    // The others are told without it: nobody holds back what is not its own.
    check(&[("dd", 5)], &[("DE", 30)]);
    check(&[("cc", 4), ("dd", 1_000)], &[]);
    check(&[("cc", 5), ("dd", 5)], &[]);
    // What was told before it asked for so many is told no more, nor by the change.
    let release = settle(&RULES, &[], &german(&four, &[("dd", 4)])).release.unwrap();
    assert_eq!(release.0[0].asks, Asks::from([("dd".parse().unwrap(), 4)]));
    let again = |of: &[(&str, u64)], asks| told(&settle(&RULES, std::slice::from_ref(&release), &german(of, asks)));
    assert_eq!(again(&four, &[("dd", 4)]), expect(&[("DE", 40)]));
    assert_eq!(again(&four, &[("dd", 5)]), expect(&[]));
    let more = [("aa", 20), ("bb", 20), ("cc", 10), ("dd", 20), ("ee", 0)];
    assert_eq!(
        again(&more, &[("dd", 4)]),
        expect(&[("DE", 40)]),
        "three have changed, and one of them asks for four"
    );
    let most = [("aa", 20), ("bb", 20), ("cc", 20), ("dd", 20), ("ee", 0)];
    assert_eq!(again(&most, &[("dd", 4)]), expect(&[("DE", 80)]));
    let five = [("aa", 10), ("bb", 10), ("cc", 10), ("dd", 10), ("ee", 10)];
    assert_eq!(
        again(&five, &[("dd", 5)]),
        expect(&[]),
        "now it would be of five, and was told of four"
    );
    let three_more = [("aa", 20), ("bb", 20), ("cc", 10), ("dd", 10), ("ee", 10)];
    assert_eq!(
        again(&three_more, &[("dd", 5)]),
        expect(&[("DE", 70)]),
        "who asks for five is not in the change"
    );
    // A release of before anybody could ask.
    let old = r#"[{"step":"receiving","countries":["DE"],"named":true,"shares":{"aa":10,"bb":10,"cc":10}}]"#;
    let old: Release = serde_json::from_str(old).unwrap();
    assert!(!serde_json::to_string(&old).unwrap().contains("asks"));
}

/// A figure that the attacker has: in which round, of which countries, and who really has how much in it.
#[derive(Debug, Clone)]
struct Figure {
    round: usize,
    countries: BTreeSet<String>,
    shares: Shares,
}

/// Differences of two figures that the attacker can take and that tell too much: of one round between any sums of what was told, of
/// several rounds between any two figures of which one is about all countries of the other.
fn attack(figures: &[Figure]) -> Option<(Figure, Figure)> {
    let mut sums: Vec<Figure> = figures.to_vec();
    for round in figures.iter().map(|figure| figure.round).collect::<BTreeSet<_>>() {
        let of: Vec<&Figure> = figures.iter().filter(|figure| figure.round == round).collect();
        for some in 1..1_usize << of.len() {
            let some: Vec<&Figure> = (0..of.len()).filter(|at| some >> at & 1 == 1).map(|at| of[at]).collect();
            let countries: BTreeSet<String> = some.iter().flat_map(|figure| figure.countries.iter().cloned()).collect();
            let is_disjoint = countries.len() == some.iter().map(|figure| figure.countries.len()).sum::<usize>();
            if some.len() > 1 && is_disjoint {
                let shares = all(some.iter().map(|figure| &figure.shares));
                sums.push(Figure {
                    round,
                    countries,
                    shares,
                });
            }
        }
    }
    let singles = figures.len();
    for (at, whole) in sums.iter().enumerate() {
        if !RULES.admits_change(&Shares::new(), &whole.shares, &asks()) {
            return Some((whole.clone(), whole.clone()));
        }
        for (other, part) in sums.iter().enumerate() {
            let takes = whole.round == part.round || (at < singles && other < singles);
            if takes && part.countries.is_subset(&whole.countries) && !RULES.admits_change(&whole.shares, &part.shares, &asks()) {
                return Some((whole.clone(), part.clone()));
            }
        }
    }
    None
}

/// How the figures are told.
#[derive(Debug, Clone, Copy)]
enum Telling {
    AsItIs,
    /// Each time as if for the first time.
    WithoutMemory,
    /// With the sum of all countries where that may be told.
    WithTotals,
    /// The changes are not looked at, the countries stay.
    WithoutChanges,
    /// With whatever there is.
    WithoutRules,
    /// However many contributors somebody asks for.
    WithoutAsks,
}

/// Two of the six ask for more than the rules do, as [`rounds`] has it.
fn asks() -> Asks {
    [("ee", 4), ("ff", 5)]
        .map(|(party, least)| (party.parse().unwrap(), least))
        .into()
}

fn figures(telling: Telling, rounds: &[Table]) -> Vec<Figure> {
    let mut earlier: Vec<Release> = Vec::new();
    let mut figures = Vec::new();
    for (round, now) in rounds.iter().enumerate() {
        let lax = Rules {
            contributors: 1,
            share_percent: 100,
            ..RULES
        };
        let settled = match telling {
            Telling::AsItIs | Telling::WithTotals => settle(&RULES, &earlier, now),
            Telling::WithoutMemory => settle(&RULES, &[], now),
            Telling::WithoutRules => settle(&lax, &[], now),
            Telling::WithoutAsks => {
                let free = now.iter().map(|(cell, parts)| {
                    let free = parts.iter().map(|((party, _), units)| ((party.clone(), 0), *units));
                    (cell.clone(), free.collect())
                });
                settle(&RULES, &earlier, &free.collect())
            }
            Telling::WithoutChanges => {
                let mut settled = settle(&RULES, &earlier, now);
                for group in &mut settled.told {
                    let of = |country: &String| now.get(&(group.step.clone(), country.clone()));
                    let (shares, _) = together(group.countries.iter().filter_map(of));
                    if RULES.admits(&shares) {
                        group.shares = shares;
                    }
                }
                settled
            }
        };
        figures.extend(settled.told.iter().map(|group| Figure {
            round,
            countries: group.countries.clone(),
            shares: group.shares.clone(),
        }));
        let all = Figure {
            round,
            countries: now.keys().map(|(_, country)| country.clone()).collect(),
            shares: together(now.values()).0,
        };
        if matches!(telling, Telling::WithTotals) && RULES.admits(&all.shares) {
            figures.push(all);
        }
        earlier.extend(settled.release);
    }
    figures
}

/// Who has how much in which country, and what of it changes from one round to the next.
fn rounds() -> impl Strategy<Value = Vec<Table>> {
    let cell = (0..5_usize, 0..6_usize, prop_oneof![Just(0_u64), 1..20_u64, 50..60_u64]);
    let first = proptest::collection::vec(cell.clone(), 8..28);
    let changes = proptest::collection::vec(proptest::collection::vec(cell, 0..8), 1..4);
    (first, changes).prop_map(|(first, changes)| {
        let mut now = Table::new();
        let mut set = |changes: Vec<(usize, usize, u64)>| {
            for (country, party, units) in changes {
                let (country, party) = (
                    ["DE", "FR", "IT", "CH", ""][country],
                    ["aa", "bb", "cc", "dd", "ee", "ff"][party],
                );
                let cell = now.entry(("receiving".to_owned(), country.to_owned())).or_default();
                let party: PartyId = party.parse().unwrap();
                let least = asks().get(&party).copied().unwrap_or(0);
                cell.insert((party, least), units);
                cell.retain(|_, units| *units > 0);
            }
            now.clone()
        };
        std::iter::once(first).chain(changes).map(&mut set).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_that_is_held_back_follows_from_what_is_told(rounds in rounds()) {
        let told = figures(Telling::AsItIs, &rounds);
        prop_assert!(attack(&told).is_none(), "{:#?}", attack(&told));
    }

    #[test]
    fn the_same_question_is_answered_the_same_and_kept_once(rounds in rounds()) {
        let mut earlier = Vec::new();
        for now in &rounds {
            let first = settle(&RULES, &earlier, now);
            earlier.extend(first.release.clone());
            let again = settle(&RULES, &earlier, now);
            prop_assert_eq!(&first.told, &again.told);
            prop_assert_eq!(again.release, None);
        }
        prop_assert!(earlier.len() <= RULES.releases);
    }
}

#[test]
fn the_attack_finds_the_leak_of_each_rule_left_out() {
    for (telling, leaks) in [
        (Telling::AsItIs, false),
        (Telling::WithoutMemory, true),
        (Telling::WithTotals, true),
        (Telling::WithoutChanges, true),
        (Telling::WithoutRules, true),
        (Telling::WithoutAsks, true),
    ] {
        let mut runner = TestRunner::deterministic();
        let found = (0..500).any(|_| {
            let rounds = rounds().new_tree(&mut runner).unwrap().current();
            attack(&figures(telling, &rounds)).is_some()
        });
        assert_eq!(found, leaks, "{telling:?}");
    }
}
