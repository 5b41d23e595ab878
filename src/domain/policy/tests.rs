//! The engine against another that is written differently, and what must hold of any world.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::event::{Action, EventType};
use crate::domain::grant::{Cap, Conditions, Emergency, Grant, Grantee, Origin, Reshare, Signers};
use crate::domain::gs1::{Gln, Gtin};
use crate::domain::ids::GrantId;
use crate::domain::lens::Class;
use crate::domain::party::Role;
use crate::domain::party::licence::{Licence, Required};

const GTINS: [&str; 2] = ["09521001001014", "09521008001017"];
const PARTIES: [&str; 3] = ["grantor", "other", "viewer"];
const NOW: Micros = Micros(100);

/// A small world: who has to do with one event, what it names, and what was laid down.
#[derive(Debug, Clone)]
struct World {
    relations: [i64; 3],
    event: Event,
    lots: Vec<(String, &'static str)>,
    policy: Policy,
    proved: bool,
    roles: Vec<Role>,
    /// Readings of the viewer today.
    uses: Uses,
    /// Of all parties.
    licences: Vec<Licence>,
    parties: Vec<Party>,
}

fn id(party: &str) -> PartyId {
    party.parse().unwrap()
}

fn unit(product: usize, serial: usize) -> Epc {
    Epc::sgtin(GTINS[product].parse().unwrap(), &format!("S{serial}")).unwrap()
}

fn party(name: &str, roles: &[Role], licences: &[Licence]) -> Party {
    Party {
        id: id(name),
        legal_name: name.to_owned(),
        roles: roles.to_vec(),
        gln: "9521001000017".parse().unwrap(),
        country: "CH".to_owned(),
        sites: Vec::new(),
        prefixes: Vec::new(),
        products: Vec::new(),
        sscc: Vec::new(),
        issuers: Vec::new(),
        capture: crate::domain::profile::Profile::default(),
        licences: licences.to_vec(),
        webhooks: Vec::new(),
        active: true,
    }
}

/// The first product is the grantor's, the second the other's; the viewer owns serial 0 of either. `other` is another principal's to all.
struct Eyes<'a>(&'a PartyId);

impl Eyes<'_> {
    fn product(&self, gtin: Option<Gtin>) -> Option<&'static str> {
        let at = GTINS.iter().position(|one| gtin.is_some_and(|gtin| gtin.as_str() == *one))?;
        Some(PARTIES[at])
    }
}

impl Viewer for Eyes<'_> {
    fn owns(&self, epc: &Epc) -> bool {
        let own_unit = self.0.as_str() == "viewer" && epc.serial().is_some_and(|serial| serial == "S0");
        own_unit || self.product(epc.gtin()) == Some(self.0.as_str())
    }
    fn owns_class(&self, class: &EpcClass) -> bool {
        self.product(class.gtin()) == Some(self.0.as_str())
    }
    fn is_anothers(&self, epc: &Epc) -> bool {
        self.0.as_str() != "other" && self.product(epc.gtin()) == Some("other")
    }
    fn is_anothers_class(&self, class: &EpcClass) -> bool {
        self.0.as_str() != "other" && self.product(class.gtin()) == Some("other")
    }
    fn is_self(&self, _: &Epc) -> bool {
        false
    }
    fn is_principal(&self, _: &Epc) -> bool {
        false
    }
    fn is_anothers_document(&self, _: &str) -> bool {
        false
    }
}

impl Places for World {
    fn country_of(&self, _: Gln) -> Option<&str> {
        Some("DE")
    }
    fn lot_of(&self, epc: &Epc) -> Option<&str> {
        let found = self.lots.iter().find(|(thing, _)| thing == epc.canonical());
        found.map(|(_, lot)| *lot)
    }
}

impl Facts for World {
    fn party(&self, party: &PartyId) -> Option<&Party> {
        self.parties.iter().find(|one| one.id == *party)
    }
    fn relations(&self, party: &PartyId) -> Relations {
        let at = PARTIES.iter().position(|one| *one == party.as_str());
        at.map_or(Relations::default(), |at| Relations(self.relations[at]))
    }
    fn eyes<'a>(&'a self, party: &'a PartyId) -> Box<dyn Viewer + 'a> {
        Box::new(Eyes(party))
    }
}

impl World {
    fn proved(&self) -> HashSet<EpcKey> {
        self.event.epcs.iter().filter(|_| self.proved).take(1).map(Epc::key).collect()
    }

    /// Its sight and what is left of the event.
    fn decided(&self) -> (Sight, Option<Event>) {
        let (viewer, proved) = (id("viewer"), self.proved());
        let asked = Asked {
            viewer: &viewer,
            at: NOW,
            event: &self.event,
            proved: &proved,
            uses: &self.uses,
        };
        let me = self.party(&viewer).unwrap();
        let meant: Vec<&Held> = self
            .policy
            .grants
            .iter()
            .filter(|held| held.grant.grantee.means(me))
            .collect();
        let decision = decide(asked, self, &self.policy, &meant);
        for rule in decision.rules() {
            assert_eq!(rule.level, decision.sight().level(rule.class), "explain is not enforce");
            assert_eq!(rule.by == Rule::Nothing, decision.sight().rank(rule.class) == 0, "{rule:?}");
        }
        (decision.sight(), decision.mask(asked, self))
    }
}

/// The other engine: per class and per thing, by going through all records.
mod naive {
    use super::*;

    type Levels = BTreeMap<Class, usize>;

    fn levels(sight: Sight) -> Levels {
        Class::ALL.into_iter().map(|class| (class, sight.rank(class))).collect()
    }

    fn row(bits: i64) -> Levels {
        let mut all = levels(Sight::default());
        for (relation, _) in Relations::ALL {
            if bits & relation.0 == 0 {
                continue;
            }
            for (class, level) in levels(lens::sight(relation)) {
                if all[&class] < level {
                    all.insert(class, level);
                }
            }
        }
        all
    }

    fn lot(world: &World, thing: &Epc) -> String {
        world.lot_of(thing).unwrap_or("none").to_owned()
    }

    fn named(world: &World, scope: &Scope) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for thing in &world.event.epcs {
            let wrong_product = !scope.gtins.is_empty() && !scope.gtins.iter().any(|gtin| thing.gtin() == Some(*gtin));
            let wrong_lot = !scope.lots.is_empty() && !scope.lots.contains(&lot(world, thing));
            if !wrong_product && !wrong_lot {
                found.insert(thing.canonical().to_owned());
            }
        }
        found
    }

    fn in_time(scope: &Scope, at: Micros) -> bool {
        !(scope.event_from.is_some_and(|from| at < from) || scope.event_until.is_some_and(|until| at >= until))
    }

    fn by_contents(level: usize, who: &str, thing: &Epc) -> bool {
        let party = id(who);
        match level {
            0 => false,
            1 => Eyes(&party).owns(thing),
            2 => Eyes(&party).owns(thing) || !Eyes(&party).is_anothers(thing),
            _ => true,
        }
    }

    /// Levels, and things by what is shown of them; none if the event is not shown.
    pub(super) fn evaluate(world: &World) -> (Levels, Option<BTreeSet<String>>) {
        let mine = world.relations[2];
        let mut result = row(mine);
        for held in &world.policy.emergencies {
            let gone = held.ended_at.is_some_and(|end| end <= NOW);
            let early = held.declared_at > NOW || held.emergency.from > NOW || held.emergency.until <= NOW;
            let scope = Scope {
                gtins: vec![held.emergency.gtin],
                lots: held.emergency.lots.clone(),
                ..Scope::default()
            };
            if mine != 0 && !gone && !early && !named(world, &scope).is_empty() {
                result.insert(Class::State, 1);
                result.insert(Class::Where, result[&Class::Where].max(3));
            }
        }
        let own_contents = result[&Class::Containment];
        let mut things: BTreeSet<String> = BTreeSet::new();
        for thing in &world.event.epcs {
            if by_contents(own_contents, "viewer", thing) {
                things.insert(thing.canonical().to_owned());
            }
        }
        for held in &world.policy.grants {
            let grant = &held.grant;
            let dead = held.ended_at.is_some_and(|end| end <= NOW)
                || held.in_force_at.is_none_or(|from| from > NOW)
                || grant.valid_from > NOW
                || grant.valid_until <= NOW;
            let meant = match &grant.grantee {
                Grantee::Party(party) => party.as_str() == "viewer",
                Grantee::Role { role, country } => {
                    world.roles.contains(role) && country.as_deref().is_none_or(|country| country == "CH")
                }
            };
            let unlicensed = grant.conditions.licence.as_ref().is_some_and(|required| {
                let mut held = world.licences.iter();
                !held.any(|licence| {
                    let begun = licence.valid_from <= world.event.event_time;
                    let over = licence.valid_until.is_some_and(|until| until <= world.event.event_time);
                    let place = licence.country.as_deref().unwrap_or("CH");
                    let here = required.country.as_deref().is_none_or(|country| country == place);
                    licence.role == required.role && here && begun && !over
                })
            });
            let lacks_role = grant.conditions.role.is_some_and(|role| !world.roles.contains(&role));
            let step = grant.scope.biz_steps.is_empty() || grant.scope.biz_steps.iter().any(|step| step == "shipping");
            let used_up = match (grant.conditions.queries_per_day, world.uses.get(&grant.id)) {
                (Some(most), Some(used)) => *used >= u64::from(most),
                _ => false,
            };
            if grant.conditions.least_contributors.is_some()
                || used_up
                || dead
                || !meant
                || lacks_role
                || unlicensed
                || !step
                || !in_time(&grant.scope, world.event.event_time)
            {
                continue;
            }
            let at = PARTIES.iter().position(|one| *one == grant.grantor.as_str()).unwrap();
            let giving = world.relations[at] & 0b111;
            let grantors = row(giving);
            let scoped: BTreeSet<String> = named(world, &grant.scope);
            let seen = |thing: &&Epc| {
                by_contents(grantors[&Class::Containment], grant.grantor.as_str(), thing) && scoped.contains(thing.canonical())
            };
            let mut shown: Vec<&Epc> = world.event.epcs.iter().filter(seen).collect();
            if giving == 0 || shown.is_empty() {
                continue;
            }
            if grant.conditions.full_identifier {
                if !world.proved {
                    continue;
                }
                shown.retain(|thing| **thing == world.event.epcs[0]);
                if shown.is_empty() {
                    continue;
                }
            }
            let whole = shown.len() == world.event.epcs.len();
            let mut given = levels(grant.levels);
            for cap in &world.policy.caps {
                let owner = PARTIES.iter().position(|one| *one == cap.cap.owner.as_str()).unwrap();
                let holds = cap.set_at <= NOW && cap.ended_at.is_none_or(|end| end > NOW);
                let meant = cap.cap.grantees.is_empty() || cap.cap.grantees.iter().any(|party| party.as_str() == "viewer");
                let touches = !named(world, &cap.cap.scope).is_empty() && in_time(&cap.cap.scope, world.event.event_time);
                if holds && meant && touches && world.relations[owner] & 0b111 != 0 {
                    for (class, most) in levels(cap.cap.levels) {
                        given.insert(class, given[&class].min(most));
                    }
                }
            }
            if !whole {
                given.insert(Class::Documents, given[&Class::Documents].min(1));
                given.insert(Class::Commercial, 0);
                given.insert(Class::Raw, 0);
            }
            for class in Class::ALL {
                let level = given[&class].min(grantors[&class]);
                result.insert(class, result[&class].max(level));
            }
            for thing in shown {
                if by_contents(given[&Class::Containment], "viewer", thing) {
                    things.insert(thing.canonical().to_owned());
                }
            }
        }
        let event = result[&Class::Existence] == 1 && result[&Class::When] == 2 && result[&Class::Containment] > 0;
        let visible = (event && !things.is_empty()).then_some(things);
        (result, visible)
    }
}

fn any_sight() -> impl Strategy<Value = Sight> {
    let all = (prop::collection::vec(any::<u8>(), 13), any::<bool>()).prop_map(|(picks, shows)| {
        let mut sight = Sight::default();
        for (class, pick) in Class::ALL.into_iter().zip(picks) {
            let levels = class.levels();
            sight.set(class, levels[usize::from(pick) % levels.len()]).unwrap();
        }
        if shows {
            (sight.existence, sight.when) = (Shown::Full, lens::When::Exact);
        }
        sight
    });
    prop_oneof![all, Just(Sight::FULL), Just(lens::sight(Relations::BUYER))]
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let lots = prop_oneof![3 => Just(vec![]), 1 => Just(vec!["L0".to_owned()])];
    let gtins = prop_oneof![2 => Just(vec![]), 1 => Just(vec![0]), 1 => Just(vec![1]), 1 => Just(vec![0, 1])];
    (gtins, lots, any::<bool>(), 0_i64..8, 0_i64..8).prop_map(|(gtins, lots, steps, from, until)| Scope {
        gtins: gtins.into_iter().map(|at: usize| GTINS[at].parse().unwrap()).collect(),
        lots,
        biz_steps: if steps { vec!["shipping".to_owned()] } else { Vec::new() },
        event_from: (from < 2).then_some(Micros(40 + from * 20)),
        event_until: (until < 2).then_some(Micros(40 + until * 20)),
        ..Scope::default()
    })
}

fn any_grant() -> impl Strategy<Value = Held> {
    let times = (0_i64..12, 0_i64..12, 0_i64..12, 0_i64..12);
    let conditions = (any::<bool>(), 0_u8..6, 0_u8..4, 0_u8..9);
    (any_scope(), any_sight(), 0_usize..3, times, conditions, any::<u64>()).prop_map(
        |(scope, levels, grantor, (from, until, force, end), (proof, role, to, licence), number)| Held {
            grant: Grant {
                name: None,
                id: GrantId::new(uuid::Uuid::from_u128(number.into())),
                version: 1,
                supersedes: None,
                grantor: id(PARTIES[grantor % 2]),
                grantee: match to {
                    0 => Grantee::Role {
                        role: Role::Logistics,
                        country: None,
                    },
                    1 => Grantee::Party(id("other")),
                    _ => Grantee::Party(id("viewer")),
                },
                scope,
                levels,
                purpose: String::new(),
                legal_basis: None,
                valid_from: Micros(if from == 0 { 150 } else { 0 }),
                valid_until: Micros(if until == 0 { 90 } else { 200 }),
                conditions: Conditions {
                    full_identifier: proof,
                    role: (role == 0).then_some(Role::Wholesaler),
                    licence: (licence < 3).then(|| Required {
                        role: if licence == 2 { Role::Dispenser } else { Role::Wholesaler },
                        country: (licence == 1).then(|| "DE".to_owned()),
                    }),
                    least_contributors: (licence == 5 && to == 3).then_some(3),
                    queries_per_day: (licence > 6).then_some(3),
                },
                signers: Signers::Grantor,
                reshare: Reshare::None,
            },
            origin: Origin::Signed,
            proposed_at: Micros(0),
            in_force_at: match force {
                0 => None,
                1 => Some(Micros(101)),
                _ => Some(NOW),
            },
            ended_at: match end {
                0 => Some(NOW),
                1 => Some(Micros(101)),
                _ => None,
            },
        },
    )
}

fn any_cap() -> impl Strategy<Value = CapHeld> {
    (any_scope(), any_sight(), 0_usize..2, 0_u8..3, 0_u8..4).prop_map(|(mut scope, levels, owner, to, end)| {
        scope.biz_steps = Vec::new();
        CapHeld {
            cap: Cap {
                name: None,
                id: CapId::new(uuid::Uuid::from_u128(5)),
                owner: id(PARTIES[owner]),
                grantees: match to {
                    0 => vec![id("other")],
                    1 => vec![id("viewer")],
                    _ => Vec::new(),
                },
                scope,
                levels,
            },
            set_at: Micros(50),
            ended_at: (end == 0).then_some(Micros(60)),
        }
    })
}

fn any_emergency() -> impl Strategy<Value = EmergencyHeld> {
    (0_usize..2, any::<bool>(), 0_u8..4).prop_map(|(gtin, lots, when)| EmergencyHeld {
        emergency: Emergency {
            id: EmergencyId::new(uuid::Uuid::from_u128(6)),
            owner: id("grantor"),
            gtin: GTINS[gtin].parse().unwrap(),
            lots: if lots { vec!["L0".to_owned()] } else { Vec::new() },
            reason: String::new(),
            from: Micros(10),
            until: Micros(if when == 0 { 100 } else { 200 }),
        },
        declared_at: Micros(if when == 1 { 101 } else { 20 }),
        ended_at: (when == 2).then_some(NOW),
    })
}

/// Of the moment of the event, 50, and of those before and after it.
fn any_licence() -> impl Strategy<Value = Licence> {
    (any::<bool>(), any::<bool>(), 0_u8..4, 0_u8..4).prop_map(|(role, country, from, until)| Licence {
        role: if role { Role::Wholesaler } else { Role::Dispenser },
        country: country.then(|| "DE".to_owned()),
        authority: String::new(),
        number: String::new(),
        valid_from: Micros(if from == 0 { 51 } else { 50 }),
        valid_until: match until {
            0 => Some(Micros(50)),
            1 => Some(Micros(51)),
            _ => None,
        },
    })
}

fn any_world() -> impl Strategy<Value = World> {
    let relations = [
        (0_i64..8).boxed(),
        (0_i64..8).boxed(),
        prop_oneof![Just(0_i64), 0_i64..256].boxed(),
    ];
    let things = prop::collection::vec((0_usize..2, 0_usize..3, any::<bool>()), 1..4);
    let policy = (
        prop::collection::vec(any_grant(), 0..4),
        prop::collection::vec(any_cap(), 0..3),
        prop::collection::vec(any_emergency(), 0..2),
    );
    let licences = prop::collection::vec(any_licence(), 0..3);
    let readings = prop::collection::vec(2_u64..5, 4);
    (relations, things, policy, any::<bool>(), (0_u8..3, licences, readings)).prop_map(
        |(relations, things, (grants, caps, emergencies), proved, (role, licences, readings))| {
            let uses = grants.iter().zip(readings).filter(|(_, used)| *used > 2);
            let uses = uses.map(|(held, used)| (held.grant.id, used - 1)).collect();
            let mut event = Event::new(EventType::Object, Some(Action::Observe), Micros(50), 0);
            event.biz_step = Some(crate::domain::event::Term("shipping".into()));
            let mut lots = Vec::new();
            for (product, serial, lot) in things {
                let thing = unit(product, serial);
                if event.epcs.contains(&thing) {
                    continue;
                }
                lots.push((thing.canonical().to_owned(), if lot { "L0" } else { "L1" }));
                event.epcs.push(thing);
            }
            let roles = match role {
                0 => vec![Role::Logistics],
                1 => vec![Role::Wholesaler],
                _ => Vec::new(),
            };
            World {
                relations,
                event,
                lots,
                policy: Policy {
                    version: 1,
                    grants,
                    caps,
                    emergencies,
                },
                proved,
                parties: PARTIES.iter().map(|name| party(name, &roles, &licences)).collect(),
                roles,
                uses,
                licences,
            }
        },
    )
}

fn things(event: Option<&Event>) -> BTreeSet<String> {
    let epcs = event.into_iter().flat_map(|event| &event.epcs);
    epcs.map(|epc| epc.canonical().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn both_engines_say_the_same(world in any_world()) {
        let (sight, event) = world.decided();
        let (levels, visible) = naive::evaluate(&world);
        for class in Class::ALL {
            prop_assert_eq!(sight.rank(class), levels[&class], "{:?}", class);
        }
        prop_assert_eq!(event.is_some(), visible.is_some());
        prop_assert_eq!(things(event.as_ref()), visible.unwrap_or_default());
    }

    #[test]
    fn a_further_grant_never_hides(world in any_world(), more in any_grant()) {
        let mut wider = world.clone();
        wider.policy.grants.push(more);
        let ((less, few), (all, many)) = (world.decided(), wider.decided());
        prop_assert_eq!(less.join(all), all);
        prop_assert!(things(few.as_ref()).is_subset(&things(many.as_ref())));
        prop_assert!(few.is_none() || many.is_some());
    }

    #[test]
    fn a_further_cap_never_shows_and_never_lowers_the_floor(world in any_world(), cap in any_cap()) {
        let mut capped = world.clone();
        capped.policy.caps.push(cap);
        let ((free, _), (held, left)) = (world.decided(), capped.decided());
        prop_assert_eq!(held.meet(free), held);
        prop_assert_eq!(held.join(lens::sight(Relations(world.relations[2]))), held);
        prop_assert!(things(left.as_ref()).is_subset(&things(world.decided().1.as_ref())));
    }

    /// One that leaves nothing of what is counted keeps events out, whatever else stands; which grants count it does not change.
    #[test]
    fn a_further_cap_keeps_more_out_of_totals(world in any_world(), mut cap in any_cap(), closes in any::<bool>()) {
        let viewer = &world.parties[2];
        if closes {
            cap.cap.levels = Sight::default();
        }
        let meant = cap.holds_at(NOW) && cap.cap.means(&viewer.id);
        let mut capped = world.policy.clone();
        capped.caps.push(cap);
        for held in &world.policy.grants {
            let (free, less) = (world.policy.counting(&held.grant, viewer, NOW), capped.counting(&held.grant, viewer, NOW));
            prop_assert_eq!(free.is_some(), less.is_some());
            let (Some(free), Some(less)) = (free, less) else { continue };
            prop_assert_eq!(&less.caps[..free.caps.len()], &free.caps[..]);
            prop_assert!(less.caps.len() == free.caps.len() || meant);
            prop_assert!(less.caps.len() > free.caps.len() || !(closes && meant));
            prop_assert!(!free.shows || held.grant.levels.shows_event());
            prop_assert!(held.grant.scope.lots.is_empty() && !held.grant.conditions.full_identifier);
        }
    }

    #[test]
    fn what_is_not_in_force_gives_nothing(mut world in any_world(), how in 0_u8..4) {
        for held in &mut world.policy.grants {
            match how {
                0 => held.in_force_at = None,
                1 => held.ended_at = Some(NOW),
                2 => held.grant.valid_until = NOW,
                _ => held.grant.valid_from = Micros(NOW.0 + 1),
            }
        }
        let mut bare = world.clone();
        bare.policy.grants.clear();
        prop_assert_eq!(world.decided(), bare.decided());
    }

    #[test]
    fn nobody_gives_what_it_does_not_see(mut world in any_world()) {
        // Of the viewer's own nothing: what is left is what grants give.
        world.relations[2] = 0;
        world.policy.grants.retain(|held| held.grant.grantor.as_str() == "grantor");
        let (given, event) = world.decided();
        let own = Relations(world.relations[0] & 0b111);
        prop_assert_eq!(given.meet(lens::sight(own)), given);
        let grantors = lens::mask(&world.event, own, &Eyes(&id("grantor")));
        prop_assert!(things(event.as_ref()).is_subset(&things(grantors.as_ref())));
    }
}

#[test]
fn what_names_nothing_is_of_no_product_or_lot_and_in_nobodys_hand() {
    for limit in ["none", "products", "lots", "in hand"] {
        let mut grant = Grant {
            name: None,
            id: GrantId::new(uuid::Uuid::nil()),
            version: 1,
            supersedes: None,
            grantor: id("grantor"),
            grantee: Grantee::Party(id("viewer")),
            scope: Scope::default(),
            levels: Sight::FULL,
            purpose: String::new(),
            legal_basis: None,
            valid_from: Micros(0),
            valid_until: Micros(200),
            conditions: Conditions::default(),
            signers: Signers::Grantor,
            reshare: Reshare::None,
        };
        match limit {
            "products" => grant.scope.gtins = vec![GTINS[0].parse().unwrap()],
            "lots" => grant.scope.lots = vec!["L0".to_owned()],
            "in hand" => grant.conditions.full_identifier = true,
            _ => {}
        }
        let held = Held {
            grant,
            origin: Origin::Signed,
            proposed_at: Micros(0),
            in_force_at: Some(Micros(0)),
            ended_at: None,
        };
        let world = World {
            relations: [Relations::ASSERTER.0, 0, 0],
            // Of sensors at a place.
            event: Event::new(EventType::Object, Some(Action::Observe), Micros(50), 0),
            lots: Vec::new(),
            policy: Policy {
                grants: vec![held],
                ..Policy::default()
            },
            proved: false,
            roles: Vec::new(),
            uses: Uses::new(),
            licences: Vec::new(),
            parties: PARTIES.iter().map(|name| party(name, &[], &[])).collect(),
        };
        assert_eq!(world.decided().1.is_some(), limit == "none", "{limit}");
    }
}
