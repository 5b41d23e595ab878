//! A world and what the hub's engine decided in it, as one line of JSON for another engine to decide anew (`tests/audit/policy`).
//!
//! The world is told by its facts: lists of names, dates as numbers, levels by name. Nothing that the engine reckoned is among them but
//! its decisions, under `asked`.

use counterfoil::domain::event::Event;
use counterfoil::domain::grant::{Grantee, Held, Scope};
use counterfoil::domain::lens::{Class, Relations, Sight};
use counterfoil::domain::policy::{ClassRule, Rule};
use serde_json::{Map, Value, json};

use super::world::{NOW, Named, PARTIES, Thing, World};

/// What one party was shown, and why.
pub struct Told<'a> {
    pub viewer: &'a str,
    pub rules: Vec<ClassRule>,
    pub seen: Option<Event>,
}

/// The line.
pub fn line(number: u64, world: &World, told: &[Told<'_>]) -> Value {
    let parties = world.parties.iter().map(|party| {
        let roles: Vec<&str> = party.roles.iter().map(|role| role.as_str()).collect();
        let licences = party.licences.iter().map(|licence| {
            json!({"role": licence.role.as_str(), "country": licence.country, "from": licence.valid_from.0,
                   "until": licence.valid_until.map(|at| at.0)})
        });
        json!({"id": party.id.as_str(), "roles": roles, "country": party.country, "active": party.active,
               "licences": licences.collect::<Vec<_>>()})
    });
    let relations: Map<String, Value> = Relations::ALL
        .iter()
        .map(|(relation, name)| {
            let having = PARTIES.iter().zip(world.relations).filter(|(_, has)| has.has(*relation));
            ((*name).to_owned(), having.map(|(party, _)| *party).collect())
        })
        .collect();
    let proved = world
        .things
        .iter()
        .filter(|thing| thing.epc().is_some_and(|epc| world.proved.contains(&epc.key())));
    let caps = world.policy.caps.iter().map(|held| {
        let grantees: Vec<&str> = held.cap.grantees.iter().map(|party| party.as_str()).collect();
        json!({"id": held.cap.id.to_string(), "owner": held.cap.owner.as_str(), "grantees": grantees,
               "scope": scope(&held.cap.scope), "levels": levels(held.cap.levels),
               "set": held.set_at.0, "ended": held.ended_at.map(|at| at.0)})
    });
    let emergencies = world.policy.emergencies.iter().map(|held| {
        json!({"id": held.emergency.id.to_string(), "gtin": held.emergency.gtin.as_str(), "lots": held.emergency.lots,
               "from": held.emergency.from.0, "until": held.emergency.until.0,
               "declared": held.declared_at.0, "ended": held.ended_at.map(|at| at.0)})
    });
    json!({
        "world": number,
        "now": NOW.0,
        "parties": parties.collect::<Vec<_>>(),
        "event": {
            "time": world.event.event_time.0,
            "step": world.event.step(),
            "sites": world.sites.iter().map(|(gln, _)| *gln).collect::<Vec<_>>(),
            "countries": world.sites.iter().filter_map(|(_, country)| *country).collect::<Vec<_>>(),
            "relations": relations,
        },
        "things": world.things.iter().map(thing).collect::<Vec<_>>(),
        "proved": proved.map(Thing::text).collect::<Vec<_>>(),
        "grants": world.policy.grants.iter().map(|held| grant(world, held)).collect::<Vec<_>>(),
        "caps": caps.collect::<Vec<_>>(),
        "emergencies": emergencies.collect::<Vec<_>>(),
        "asked": told.iter().map(decided).collect::<Vec<_>>(),
    })
}

fn thing(thing: &Thing) -> Value {
    let part = match thing.named {
        Named::Child(_) => "child",
        Named::Parent(_) => "parent",
        Named::Class(_) => "class",
    };
    json!({"id": thing.text(), "part": part, "product": thing.gtin(), "lot": thing.lot,
           "owners": thing.owners, "principal": thing.principal})
}

fn scope(scope: &Scope) -> Value {
    json!({
        "gtins": scope.gtins.iter().map(|gtin| gtin.as_str()).collect::<Vec<_>>(),
        "lots": scope.lots,
        "sites": scope.sites.iter().map(|gln| gln.as_str()).collect::<Vec<_>>(),
        "steps": scope.biz_steps,
        "countries": scope.countries,
        "from": scope.event_from.map(|at| at.0),
        "until": scope.event_until.map(|at| at.0),
    })
}

fn levels(sight: Sight) -> Value {
    Class::ALL
        .into_iter()
        .map(|class| (class.code().to_owned(), json!(sight.level(class))))
        .collect::<Map<_, _>>()
        .into()
}

fn grant(world: &World, held: &Held) -> Value {
    let grant = &held.grant;
    let (party, role, country) = match &grant.grantee {
        Grantee::Party(party) => (Some(party.as_str()), None, None),
        Grantee::Role { role, country } => (None, Some(role.as_str()), country.as_deref()),
    };
    let readings = PARTIES.iter().zip(&world.uses);
    let readings = readings.map(|(party, uses)| ((*party).to_owned(), json!(uses.get(&grant.id).copied().unwrap_or(0))));
    json!({
        "id": grant.id.to_string(),
        "leastContributors": grant.conditions.least_contributors,
        "queriesPerDay": grant.conditions.queries_per_day,
        "readings": readings.collect::<Map<_, _>>(),
        "grantor": grant.grantor.as_str(),
        "to": {"party": party, "role": role, "country": country},
        "scope": scope(&grant.scope),
        "levels": levels(grant.levels),
        "from": grant.valid_from.0,
        "until": grant.valid_until.0,
        "signed": held.in_force_at.map(|at| at.0),
        "ended": held.ended_at.map(|at| at.0),
        "fullIdentifier": grant.conditions.full_identifier,
        "role": grant.conditions.role.map(|role| role.as_str()),
        "licence": grant.conditions.licence.as_ref().map(|licence| json!({"role": licence.role.as_str(), "country": licence.country})),
    })
}

fn decided(told: &Told<'_>) -> Value {
    let by = |rule: &ClassRule| match rule.by {
        Rule::Nothing => "nothing".to_owned(),
        Rule::Relations => "relations".to_owned(),
        Rule::Grant(id) => id.to_string(),
        Rule::Emergency(_) => "emergency".to_owned(),
        Rule::Cap(_) | Rule::Invariant | Rule::Grantor(_) => "what gives nothing".to_owned(),
    };
    let classes: Map<String, Value> = told
        .rules
        .iter()
        .map(|rule| (rule.class.code().to_owned(), json!([rule.level, by(rule)])))
        .collect();
    json!({"viewer": told.viewer, "classes": classes, "things": told.seen.as_ref().map(things)})
}

/// What an event names, in order.
pub fn things(event: &Event) -> Vec<String> {
    let epcs = event.parent.iter().chain(&event.epcs).map(|epc| epc.canonical().to_owned());
    let classes = event.quantities.iter().map(|quantity| quantity.class.canonical().to_owned());
    let mut all: Vec<String> = epcs.chain(classes).collect();
    all.sort_unstable();
    all
}
