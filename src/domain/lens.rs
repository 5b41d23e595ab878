//! Who sees what: the one function that decides, whatever the channel.
//!
//! Rights come from the relation of a party to each record ([`Relations`]), per data class ([`Sight`]).
//! [`sight`] is the default table, with no grant: every class starts at nothing and a relation raises it.
//! Grants join ([`Sight::join`]) and owners' caps meet ([`Sight::meet`]) what it gives: see [`super::policy`].
//!
//! # Invariants
//! - No relation, no sight: what is denied looks like what is absent.
//! - More relations never show less (property test below).
//! - How many things were hidden is nowhere in the result: lists are cut, never counted or marked.

pub mod level;
pub mod mask;
pub mod outline;
pub mod planted;

use serde::{Deserialize, Serialize};

pub use level::LevelError;
pub use mask::{Layer, Step, Things, Viewer, mask, mask_layers};

/// How a party is related to one event (or shipment): a set, stored as its number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Relations(pub i64);

impl Relations {
    /// It sent the event.
    pub const ASSERTER: Self = Self(1);
    /// The event was asserted on its behalf, under an agreement.
    pub const PRINCIPAL: Self = Self(1 << 1);
    /// It owns the brand of things in the event, and the event is not after their first change of ownership.
    pub const BRAND_OWNER: Self = Self(1 << 2);
    /// It gives up ownership in this handover.
    pub const SELLER: Self = Self(1 << 3);
    /// It takes ownership in this handover.
    pub const BUYER: Self = Self(1 << 4);
    /// It hands the things over.
    pub const SENDER: Self = Self(1 << 5);
    /// It takes the things over.
    pub const RECEIVER: Self = Self(1 << 6);
    /// It owns the brand of things in the event, which changed owner before: existence and state only.
    pub const BRAND_OWNER_AFTER: Self = Self(1 << 7);
    /// It owned the thing after this point of its history. Derived from the handovers of a thing, never stored.
    pub const LATER_OWNER: Self = Self(1 << 8);

    /// It owns things in a logistic unit that others hand over or trade: of the handover it knows what happens to its own.
    pub const PART_OWNER: Self = Self(1 << 9);

    /// Each relation with its name, for tables.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::ASSERTER, "asserter"),
        (Self::PRINCIPAL, "principal"),
        (Self::BRAND_OWNER, "brand owner"),
        (Self::SELLER, "seller"),
        (Self::BUYER, "buyer"),
        (Self::SENDER, "sender"),
        (Self::RECEIVER, "receiver"),
        (Self::BRAND_OWNER_AFTER, "brand owner after sale"),
        (Self::LATER_OWNER, "later owner"),
        (Self::PART_OWNER, "owner of a part"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Only those that are in both sets.
    #[must_use]
    pub const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A data class; the numbers are those of the permission model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&str")]
pub enum Class {
    /// C0: that it exists.
    Existence,
    /// C1: product, lot, expiry.
    Product,
    /// C2: active, shipped, supplied, recalled, suspect.
    State,
    /// C3: time.
    When,
    /// C4: place.
    Where,
    /// C5: who had or owned it before.
    Before,
    /// C6: who had or owned it after.
    After,
    /// C7: what it contains, what it is in, what else was there.
    Containment,
    /// C8: business documents and quantities.
    Documents,
    /// C9: price, contract, customer.
    Commercial,
    /// C10: temperature and other sensor data.
    Condition,
    /// C11: investigations and cases.
    Investigations,
    /// C12: the document and extensions as sent.
    Raw,
}

impl Class {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Existence,
        Self::Product,
        Self::State,
        Self::When,
        Self::Where,
        Self::Before,
        Self::After,
        Self::Containment,
        Self::Documents,
        Self::Commercial,
        Self::Condition,
        Self::Investigations,
        Self::Raw,
    ];
}

macro_rules! levels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$level_doc:meta])* $level:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            /// Nothing.
            #[default]
            Nothing,
            $($(#[$level_doc])* $level,)*
        }

        impl $name {
            /// All of them, lowest first.
            pub const ALL: &'static [Self] = &[Self::Nothing, $(Self::$level,)*];

            /// For tables.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { Self::Nothing => "-", $(Self::$level => $text,)* }
            }
        }
    )*};
}

levels! {
    /// Levels of a class that is shown or not.
    Shown {
        /// All of it.
        Full = "full",
    }
    /// Levels of [`Class::When`].
    When {
        /// The calendar month.
        Month = "month",
        /// The moment.
        Exact = "exact",
    }
    /// Levels of [`Class::Where`].
    Where {
        /// ISO 3166-1 country.
        Country = "country",
        /// The viewer's own sites as they are, nothing of others'.
        OwnSites = "own sites",
        /// The site, without the place inside it.
        Site = "site",
        /// The read point as asserted.
        ReadPoint = "read point",
    }
    /// Levels of [`Class::Before`] and [`Class::After`].
    Who {
        /// What kind of party.
        Role = "role",
        /// The other party of the same handover of goods, and one's own principal.
        Counterparty = "counterparty",
        /// The parties of the handover.
        Name = "name",
        /// All that was asserted.
        Asserted = "as asserted",
    }
    /// Levels of [`Class::Containment`].
    Contents {
        /// The viewer's own things, and what they are directly in.
        Own = "own units",
        /// All but the things of the asserter's other principals.
        OnBehalf = "own principal's",
        /// The things handed over.
        Handed = "handed units",
        /// All that was asserted.
        Asserted = "as asserted",
    }
    /// Levels of [`Class::Documents`].
    Documents {
        /// Despatch and receiving advices: what travels with the goods.
        Delivery = "delivery number",
        /// Documents of this handover.
        Handover = "this handover",
        /// All that was asserted.
        Asserted = "as asserted",
    }
}

/// What a viewer may see of one record: a level for each data class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sight {
    /// C0
    pub existence: Shown,
    /// C1
    pub product: Shown,
    /// C2
    pub state: Shown,
    /// C3
    pub when: When,
    /// C4
    pub place: Where,
    /// C5
    pub before: Who,
    /// C6
    pub after: Who,
    /// C7
    pub contents: Contents,
    /// C8
    pub documents: Documents,
    /// C9
    pub commercial: Shown,
    /// C10
    pub condition: Shown,
    /// C11
    pub investigations: Shown,
    /// C12
    pub raw: Shown,
}

impl Sight {
    /// The better of both, class by class: how relations add up, and how a grant adds to them.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.zip(other, Pick::Better)
    }

    /// The worse of both, class by class: how an owner's cap lowers a grant.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        self.zip(other, Pick::Worse)
    }

    fn zip(self, other: Self, pick: Pick) -> Self {
        Self {
            existence: pick.of(self.existence, other.existence),
            product: pick.of(self.product, other.product),
            state: pick.of(self.state, other.state),
            when: pick.of(self.when, other.when),
            place: pick.of(self.place, other.place),
            before: pick.of(self.before, other.before),
            after: pick.of(self.after, other.after),
            contents: pick.of(self.contents, other.contents),
            documents: pick.of(self.documents, other.documents),
            commercial: pick.of(self.commercial, other.commercial),
            condition: pick.of(self.condition, other.condition),
            investigations: pick.of(self.investigations, other.investigations),
            raw: pick.of(self.raw, other.raw),
        }
    }

    /// Whether an event may be shown as an event: that it happened, when, and with which things.
    #[must_use]
    pub fn shows_event(&self) -> bool {
        self.existence == Shown::Full && self.when == When::Exact && self.contents != Contents::Nothing
    }

    /// Whether the event may be counted in a total by month, country, step and product that tells of several parties together: a grant at
    /// these levels that does not show the event opens nothing else. The viewer's own sites are no country.
    #[must_use]
    pub fn shows_totals(&self) -> bool {
        let known = [self.existence, self.product, self.state]
            .iter()
            .all(|level| *level == Shown::Full);
        known && self.when >= When::Month && matches!(self.place, Where::Country | Where::Site | Where::ReadPoint)
    }

    /// The level of one class, for tables.
    #[must_use]
    pub const fn level(&self, class: Class) -> &'static str {
        match class {
            Class::Existence => self.existence.as_str(),
            Class::Product => self.product.as_str(),
            Class::State => self.state.as_str(),
            Class::When => self.when.as_str(),
            Class::Where => self.place.as_str(),
            Class::Before => self.before.as_str(),
            Class::After => self.after.as_str(),
            Class::Containment => self.contents.as_str(),
            Class::Documents => self.documents.as_str(),
            Class::Commercial => self.commercial.as_str(),
            Class::Condition => self.condition.as_str(),
            Class::Investigations => self.investigations.as_str(),
            Class::Raw => self.raw.as_str(),
        }
    }
}

#[derive(Clone, Copy)]
enum Pick {
    Better,
    Worse,
}

impl Pick {
    fn of<T: Ord>(self, a: T, b: T) -> T {
        match self {
            Self::Better => a.max(b),
            Self::Worse => a.min(b),
        }
    }
}

/// The deciding function: what these relations give, with no grant.
#[must_use]
pub fn sight(relations: Relations) -> Sight {
    Relations::ALL
        .iter()
        .filter(|(relation, _)| relations.has(*relation))
        .fold(Sight::default(), |sight, (relation, _)| sight.join(row(*relation)))
}

/// One row of the default table. A class that is not named stays at nothing.
fn row(relation: Relations) -> Sight {
    let known = Sight {
        existence: Shown::Full,
        product: Shown::Full,
        state: Shown::Full,
        ..Sight::default()
    };
    let handover = Sight {
        when: When::Exact,
        place: Where::OwnSites,
        before: Who::Name,
        after: Who::Name,
        contents: Contents::Handed,
        documents: Documents::Handover,
        commercial: Shown::Full,
        investigations: Shown::Full,
        ..known
    };
    match relation {
        Relations::ASSERTER => Sight {
            existence: Shown::Full,
            product: Shown::Full,
            state: Shown::Full,
            when: When::Exact,
            place: Where::ReadPoint,
            before: Who::Asserted,
            after: Who::Asserted,
            contents: Contents::Asserted,
            documents: Documents::Asserted,
            commercial: Shown::Full,
            condition: Shown::Full,
            investigations: Shown::Full,
            raw: Shown::Full,
        },
        // What a delegate asserts in its principal's name is the principal's own data; the raw document
        // is not, because it may speak of other principals too.
        Relations::PRINCIPAL => Sight {
            place: Where::Site,
            contents: Contents::OnBehalf,
            documents: Documents::Asserted,
            condition: Shown::Full,
            ..handover
        },
        Relations::BRAND_OWNER => Sight {
            place: Where::Site,
            contents: Contents::Own,
            ..handover
        },
        // What is on the pallet besides is not the seller's: it may be of another principal of whoever ships it.
        Relations::SELLER => Sight {
            contents: Contents::OnBehalf,
            ..handover
        },
        Relations::BUYER => handover,
        Relations::PART_OWNER => Sight {
            place: Where::Site,
            before: Who::Counterparty,
            after: Who::Counterparty,
            contents: Contents::Own,
            documents: Documents::Delivery,
            commercial: Shown::Nothing,
            ..handover
        },
        Relations::SENDER | Relations::RECEIVER => Sight {
            before: Who::Counterparty,
            after: Who::Counterparty,
            documents: Documents::Delivery,
            commercial: Shown::Nothing,
            ..handover
        },
        Relations::BRAND_OWNER_AFTER => known,
        Relations::LATER_OWNER => Sight {
            when: When::Month,
            place: Where::Country,
            before: Who::Role,
            ..known
        },
        _ => Sight::default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The whole table. A change here is a change of who sees what: read it line by line.
    const TABLE: &str = "\
                    | asserter    | principal       | brand owner   | seller          | buyer         | sender          | receiver        | brand owner after sale | later owner | owner of a part
Existence           | full        | full            | full          | full            | full          | full            | full            | full                   | full        | full
Product             | full        | full            | full          | full            | full          | full            | full            | full                   | full        | full
State               | full        | full            | full          | full            | full          | full            | full            | full                   | full        | full
When                | exact       | exact           | exact         | exact           | exact         | exact           | exact           | -                      | month       | exact
Where               | read point  | site            | site          | own sites       | own sites     | own sites       | own sites       | -                      | country     | site
Before              | as asserted | name            | name          | name            | name          | counterparty    | counterparty    | -                      | role        | counterparty
After               | as asserted | name            | name          | name            | name          | counterparty    | counterparty    | -                      | -           | counterparty
Containment         | as asserted | own principal's | own units     | own principal's | handed units  | handed units    | handed units    | -                      | -           | own units
Documents           | as asserted | as asserted     | this handover | this handover   | this handover | delivery number | delivery number | -                      | -           | delivery number
Commercial          | full        | full            | full          | full            | full          | -               | -               | -                      | -           | -
Condition           | full        | full            | -             | -               | -             | -               | -               | -                      | -           | -
Investigations      | full        | full            | full          | full            | full          | full            | full            | -                      | -           | full
Raw                 | full        | -               | -             | -               | -             | -               | -               | -                      | -           | -
event shown as such | yes         | yes             | yes           | yes             | yes           | yes             | yes             | no                     | no          | yes
";

    /// One row of the expected table: its name and its cells.
    fn expected() -> Vec<(String, Vec<String>)> {
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        TABLE.lines().map(cells).map(|mut cells| (cells.remove(0), cells)).collect()
    }

    #[test]
    fn the_default_table_is_as_written() {
        let expected = expected();
        let names: Vec<String> = Relations::ALL.iter().map(|(_, name)| (*name).to_owned()).collect();
        assert_eq!(expected[0].1, names);
        for (class, (name, cells)) in Class::ALL.iter().zip(&expected[1..]) {
            assert_eq!(&format!("{class:?}"), name);
            let levels: Vec<&str> = Relations::ALL
                .iter()
                .map(|(relation, _)| sight(*relation).level(*class))
                .collect();
            assert_eq!(levels, *cells, "{name}");
        }
        let shown = |relation| if sight(relation).shows_event() { "yes" } else { "no" };
        let shown: Vec<&str> = Relations::ALL.iter().map(|(relation, _)| shown(*relation)).collect();
        assert_eq!(shown, expected[14].1);
    }

    #[test]
    fn no_relation_sees_nothing() {
        assert_eq!(sight(Relations::default()), Sight::default());
        assert_eq!(
            sight(Relations(1 << 40)),
            Sight::default(),
            "a bit that means nothing gives nothing"
        );
    }

    proptest! {
        #[test]
        fn a_further_relation_never_hides(some in 0_i64..1024, more in 0_i64..1024) {
            let (less, all) = (sight(Relations(some)), sight(Relations(some | more)));
            prop_assert_eq!(less.join(all), all);
            prop_assert_eq!(less.meet(all), less);
        }
    }
}
