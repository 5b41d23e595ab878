//! What the law of a market asks of serial numbers, as a table: one row a market, with where it is written.
//!
//! It judges rules, never numbers. A market whose law was not looked up is not in the table (Great Britain, since it left
//! 2016/161, is one): there the owner gives length, alphabet and density itself.

use serde::{Deserialize, Serialize};

use super::rule::{RuleFault, SerialRule, Source};

/// Where medicines are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Market {
    /// European Union.
    Eu,
    /// United States of America.
    Us,
    /// Russian Federation.
    Ru,
    /// China, for products under a GTIN.
    Cn,
    /// Turkey.
    Tr,
    /// Saudi Arabia.
    Sa,
    /// Republic of Korea.
    Kr,
    /// India.
    In,
}

/// What one market asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketRule {
    /// Which.
    pub market: Market,
    /// As it stands in partner files.
    pub code: &'static str,
    /// Where it is written.
    pub clause: &'static str,
    /// Fewest and most characters of a serial.
    pub length: (u8, u8),
    /// Letters and digits only.
    pub alphanumeric: bool,
    /// Nobody may be able to tell the next number.
    pub randomised: bool,
    /// At most one in so many possible numbers may be issued.
    pub density: u64,
}

/// GS1 alone: AI (21).
const GS1: MarketRule = MarketRule {
    market: Market::Us,
    code: "",
    clause: "GS1 General Specifications clause 3.5.2",
    length: (1, 20),
    alphanumeric: false,
    randomised: false,
    density: 1,
};

/// The markets that are known.
pub const MARKETS: [MarketRule; 8] = [
    MarketRule {
        market: Market::Eu,
        code: "eu",
        clause: "regulation (EU) 2016/161, article 4",
        alphanumeric: true,
        randomised: true,
        density: 10_000,
        ..GS1
    },
    MarketRule {
        market: Market::Us,
        code: "us",
        clause: "21 U.S.C. 360eee(20), standardized numerical identifier",
        alphanumeric: true,
        ..GS1
    },
    MarketRule {
        market: Market::Ru,
        code: "ru",
        clause: "identification code of the Russian marking system: a serial of 13 characters",
        length: (13, 13),
        ..GS1
    },
    MarketRule {
        market: Market::Cn,
        code: "cn",
        ..GS1
    },
    MarketRule {
        market: Market::Tr,
        code: "tr",
        ..GS1
    },
    MarketRule {
        market: Market::Sa,
        code: "sa",
        ..GS1
    },
    MarketRule {
        market: Market::Kr,
        code: "kr",
        ..GS1
    },
    MarketRule {
        market: Market::In,
        code: "in",
        ..GS1
    },
];

impl Market {
    /// What it asks.
    #[must_use]
    pub fn rule(self) -> &'static MarketRule {
        let rule = MARKETS.iter().find(|rule| rule.market == self);
        // INVARIANT: every market has a row; a test walks over them.
        rule.unwrap_or(&GS1)
    }

    /// As it stands in partner files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.rule().code
    }
}

impl std::str::FromStr for Market {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = MARKETS.iter().find(|rule| rule.code == text).map(|rule| rule.market);
        found.ok_or_else(|| {
            format!(
                "`{}` is no market whose rules are known",
                text.chars().take(40).collect::<String>()
            )
        })
    }
}

/// The first thing that a rule does against one of its markets.
pub(super) fn check(rule: &SerialRule) -> Result<(), RuleFault> {
    rule.markets.iter().try_for_each(|market| check_one(rule, market.rule()))
}

fn check_one(rule: &SerialRule, market: &MarketRule) -> Result<(), RuleFault> {
    let asked = |what: &str| format!("market `{}` asks for {what} ({})", market.code, market.clause);
    let (fewest, most) = market.length;
    let shortest = if rule.variable_length { 1 } else { rule.length };
    if rule.length > most || shortest < fewest {
        let what = if fewest == most {
            format!("serials of {most} characters")
        } else {
            format!("serials of {fewest} to {most} characters")
        };
        let fix = format!("set `length = {most}`, or take the market from `markets`");
        return Err(RuleFault::new("length", asked(&what), fix));
    }
    if market.alphanumeric && !rule.characters().bytes().all(|character| character.is_ascii_alphanumeric()) {
        return Err(RuleFault::new(
            "alphabet",
            asked("letters and digits only"),
            "take the other characters from `alphabet`",
        ));
    }
    let counted = match rule.source {
        Source::Sequential => true,
        // Who makes a list answers for how its numbers were made.
        Source::Permutation | Source::Imported | Source::Brokered | Source::Delegate => false,
    };
    if market.randomised && counted {
        return Err(RuleFault::new(
            "source",
            asked("randomised serials"),
            "set `source = \"permutation\"`, or take the market from `markets`",
        ));
    }
    if rule.density < market.density {
        let what = format!("at most one in {} possible serials", market.density);
        let fix = format!("set `density = {}` or more", market.density);
        return Err(RuleFault::new("density", asked(&what), fix));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::rule::{DIGITS, NumberRange};
    use super::*;

    #[test]
    fn every_market_has_its_row_and_is_read_as_it_is_printed() {
        for rule in &MARKETS {
            assert_eq!(rule.market.rule(), rule);
            assert_eq!(rule.code.parse(), Ok(rule.market));
            assert_eq!(serde_json::json!(rule.market), rule.code);
        }
        assert!("gb".parse::<Market>().is_err());
    }

    #[test]
    fn a_market_says_what_it_asks_for() {
        let check = |markets: &[Market], change: &dyn Fn(&mut SerialRule), expect: Option<(&str, &str)>| {
            let mut rule = SerialRule {
                markets: markets.to_vec(),
                ..SerialRule::default()
            };
            change(&mut rule);
            let fault = rule.check().err();
            assert_eq!(fault.as_ref().map(|fault| fault.key), expect.map(|(key, _)| key), "{fault:?}");
            let cause = fault.map(|fault| fault.cause).unwrap_or_default();
            assert!(cause.contains(expect.unwrap_or_default().1), "{cause}");
        };
        let sequential = |rule: &mut SerialRule| {
            (rule.source, rule.density) = (Source::Sequential, 1);
            rule.alphabet = DIGITS.to_owned();
            rule.range = Some(NumberRange { first: 1, last: 9 });
        };
        check(&[Market::Eu, Market::Us, Market::Tr], &|_| (), None);
        check(&[Market::Eu], &|rule| rule.density = 9_999, Some(("density", "one in 10000")));
        check(&[Market::Eu], &sequential, Some(("source", "2016/161, article 4")));
        check(&[Market::Us], &sequential, None);
        check(
            &[Market::Us],
            &|rule| rule.alphabet.push('-'),
            Some(("alphabet", "digits only")),
        );
        check(&[Market::Tr], &|rule| rule.alphabet.push('-'), None);
        check(&[Market::Ru], &|_| (), Some(("length", "13 characters")));
        check(&[Market::Ru], &|rule| rule.length = 13, None);
        check(&[Market::Eu], &|rule| rule.source = Source::Brokered, None);
    }
}
