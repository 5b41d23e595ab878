//! What may be told in sum of figures of which none may be told alone.
//!
//! A figure of a cell (month, product, country, step: [`super::total`]) is made up of what several contributors, the parties that say so or
//! for whom it is said, have in it. The asker is none of them, and what it sees event by event is not part of it: it could take that away
//! again. [`Rules`] decides about one figure; [`settle`] about all of one month and product, the first time and each time after:
//!
//! - A country is told alone if its figure may be; the countries whose may not are told together if theirs may, without their names.
//!   There are no other sums: what is told are parts of which no two overlap, so nothing that is held back is the difference of two.
//! - What was told once is a [`Release`], and is told again. A figure that has changed since is told anew if, held against each that
//!   was told of it before, the change itself may be told; which countries it is of never changes. There is a number of releases after which
//!   it is told as it was last.
//! - A figure is not told while somebody who is in it does not contribute any more.
//! - A contributor may ask for more contributors than the rules do: it is in no figure of fewer, and the others are told without it. Nor is it in a change
//!   that fewer are in.
//!
//! What it deliberately does not do: judge what an asker knows from elsewhere or comes to see later (of a step that follows another the
//! figures are often the same), or several askers that put together what each was told.
//!
//! # Invariants
//! - What is told, and each difference of two figures that were told of the same, satisfies [`Rules::admits`] (a property of the tests, which
//!   attack what is told; the same attack finds the leaks of each rule left out).
//! - What is held back looks like what is not there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ids::PartyId;

/// When a figure may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Fewest contributors.
    pub contributors: usize,
    /// Most that one of them may have of the figure, in percent.
    pub share_percent: u64,
    /// What is told is rounded to a multiple of this.
    pub rounding: u64,
    /// Most releases of one month and product for one asker.
    pub releases: usize,
}

/// How much of a figure each contributor has.
pub type Shares = BTreeMap<PartyId, u64>;

/// What a figure is made of: how much of whom, and of how many contributors a figure with it must be; 0: of as many as [`Rules`] ask.
pub type Parts = BTreeMap<(PartyId, usize), u64>;

/// The figures of one month and product as they stand: by step and country, `""` where that is not known.
pub type Table = BTreeMap<(String, String), Parts>;

/// Who asks for how many contributors, if it asks.
pub type Asks = BTreeMap<PartyId, usize>;

/// Countries whose figure was told as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Business step.
    pub step: String,
    /// One, or those that are told together.
    pub countries: BTreeSet<String>,
    /// Whether it is told by the name of its one country.
    pub named: bool,
    /// Who has how much in it.
    pub shares: Shares,
    /// Who of them asked for how many contributors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asks: Asks,
}

/// What is known to have been told of one month and product, in its order: all groups, with their figures as last told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release(pub Vec<Group>);

/// What comes of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// What is told.
    pub told: Vec<Group>,
    /// To be kept before anything of it is told.
    pub release: Option<Release>,
}

impl Rules {
    /// Whether a figure of these shares may be told.
    #[must_use]
    pub fn admits(&self, shares: &Shares) -> bool {
        let contributors = shares.values().filter(|units| **units > 0).count();
        let (total, most) = (sum(shares), shares.values().copied().max().unwrap_or(0));
        contributors >= self.contributors && u128::from(most) * 100 <= total * u128::from(self.share_percent)
    }

    /// The same rules for a figure that must be of so many contributors, if those are more.
    #[must_use]
    pub fn with_least(self, contributors: usize) -> Self {
        Self {
            contributors: self.contributors.max(contributors),
            ..self
        }
    }

    /// Whether one figure may be told to who knows the other: nothing has changed, or what did may be told, with as many contributors as each
    /// asks for of whom something is in it.
    #[must_use]
    pub fn admits_change(&self, before: &Shares, after: &Shares, asks: &Asks) -> bool {
        let change = change(before, after);
        let least = change.keys().filter_map(|party| asks.get(party)).max();
        before == after || self.with_least(least.copied().unwrap_or(0)).admits(&change)
    }

    /// A figure as it is told: rounded to the nearest multiple, halves up.
    #[must_use]
    pub fn rounded(&self, shares: &Shares) -> u64 {
        let (total, to) = (sum(shares), u128::from(self.rounding.max(1)));
        u64::try_from((total + to / 2) / to * to).unwrap_or(u64::MAX)
    }
}

fn sum(shares: &Shares) -> u128 {
    shares.values().map(|units| u128::from(*units)).sum()
}

/// By how much each contributor's part differs.
fn change(before: &Shares, after: &Shares) -> Shares {
    let parties: BTreeSet<&PartyId> = before.keys().chain(after.keys()).collect();
    let of = |shares: &Shares, party: &PartyId| shares.get(party).copied().unwrap_or(0);
    let changes = parties
        .into_iter()
        .map(|party| (party.clone(), of(before, party).abs_diff(of(after, party))));
    changes.filter(|(_, units)| *units > 0).collect()
}

/// A figure of several, and who asks for how many contributors: without the parts of those who ask for more than it has then.
fn together<'a>(figures: impl Iterator<Item = &'a Parts>) -> (Shares, Asks) {
    let mut parts: Vec<(&(PartyId, usize), &u64)> = figures.flatten().filter(|(_, units)| **units > 0).collect();
    loop {
        let contributors = parts.iter().map(|((party, _), _)| party).collect::<BTreeSet<_>>().len();
        let before = parts.len();
        parts.retain(|((_, least), _)| *least <= contributors);
        if parts.len() == before {
            break;
        }
    }
    let (mut shares, mut asks) = (Shares::new(), Asks::new());
    for ((party, least), units) in parts {
        let of = shares.entry(party.clone()).or_default();
        *of = of.saturating_add(*units);
        if *least > 0 {
            let of = asks.entry(party.clone()).or_default();
            *of = (*of).max(*least);
        }
    }
    (shares, asks)
}

impl Group {
    /// Whether all who are in it still contribute, and ask for no more contributors than it has.
    fn stands(&self, shares: &Shares, asks: &Asks) -> bool {
        let asks_no_more = |party: &PartyId| asks.get(party).is_none_or(|least| *least <= self.shares.len());
        self.shares
            .keys()
            .all(|party| shares.contains_key(party) && asks_no_more(party))
    }
}

/// What is told of one month and product as it stands, after what was told of it before (oldest first).
#[must_use]
pub fn settle(rules: &Rules, earlier: &[Release], now: &Table) -> Settled {
    let may_renew = earlier.len() < rules.releases;
    let mut known = earlier.last().cloned().unwrap_or_default();
    let mut settled = Settled::default();
    let mut renewed = false;
    for group in &mut known.0 {
        let (shares, asks) = together(
            group
                .countries
                .iter()
                .filter_map(|country| now.get(&(group.step.clone(), country.clone()))),
        );
        if shares != group.shares && may_renew && is_admitted(rules, earlier, group, (&shares, &asks)) {
            (group.shares, group.asks) = (shares, asks);
            renewed = true;
        } else if !group.stands(&shares, &asks) {
            continue;
        }
        settled.told.push(group.clone());
    }
    if may_renew {
        let fresh = fresh(rules, &known, now);
        renewed |= !fresh.is_empty();
        settled.told.extend(fresh.iter().cloned());
        known.0.extend(fresh);
    }
    settled.release = renewed.then_some(known);
    settled
}

fn is_admitted(rules: &Rules, earlier: &[Release], group: &Group, (shares, asks): (&Shares, &Asks)) -> bool {
    let same = |told: &&Group| told.step == group.step && told.countries == group.countries;
    let told = earlier.iter().flat_map(|release| release.0.iter().filter(same));
    let may_follow = |told: &Group| {
        let mut both = told.asks.clone();
        for (party, least) in asks {
            let of = both.entry(party.clone()).or_default();
            *of = (*of).max(*least);
        }
        rules.admits_change(&told.shares, shares, &both)
    };
    rules.admits(shares) && told.into_iter().all(may_follow)
}

/// Groups of countries of which nothing was told yet.
fn fresh(rules: &Rules, known: &Release, now: &Table) -> Vec<Group> {
    let is_known = |step: &str, country: &str| {
        known
            .0
            .iter()
            .any(|group| group.step == step && group.countries.contains(country))
    };
    let mut steps: BTreeMap<&str, Vec<(&str, &Parts)>> = BTreeMap::new();
    for ((step, country), parts) in now.iter().filter(|((step, country), _)| !is_known(step, country)) {
        steps.entry(step).or_default().push((country, parts));
    }
    let mut groups = Vec::new();
    for (step, countries) in steps {
        let alone = |(country, parts): &(&str, &Parts)| !country.is_empty() && rules.admits(&together(std::iter::once(*parts)).0);
        let (alone, rest): (Vec<_>, Vec<_>) = countries.into_iter().partition(alone);
        let group = |of: &[(&str, &Parts)], named| {
            let (shares, asks) = together(of.iter().map(|(_, parts)| *parts));
            Group {
                step: step.to_owned(),
                countries: of.iter().map(|(country, _)| (*country).to_owned()).collect(),
                named,
                shares,
                asks,
            }
        };
        groups.extend(alone.iter().map(|one| group(std::slice::from_ref(one), true)));
        groups.extend(Some(group(&rest, false)).filter(|rest| rules.admits(&rest.shares)));
    }
    groups
}

#[cfg(test)]
mod tests;
