//! Grants, caps, emergencies.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::domain::grant::{Conditions, Grantee, Signers};
use crate::domain::ids::GrantId;
use crate::domain::lens::Sight;
use crate::domain::party::licence::Required;
use crate::service::grant::{self, CapDraft, Draft, EmergencyDraft, SeenGrant};
use crate::service::{Hub, ServiceError};
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::grant::{AccessLevelInput, AccessScopeInput, Grant, levels, role};
use crate::transport::graphql::types::party::{Role, named};
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};
use crate::transport::graphql::types::scalar::DateTime;

/// A grant to be proposed. It gives nothing before it is signed.
#[derive(Debug, InputObject)]
pub struct ProposeGrantInput {
    /// Grantor and grantee must sign; the grantor alone if not given.
    both_sign: Option<bool>,
    /// Only things count whose full identifier a question names.
    full_identifier: Option<bool>,
    /// Only parties of this country (ISO 3166-1 alpha-2), of a grant to a role.
    grantee_country: Option<String>,
    /// GLN of the party that gets it: this, or a role.
    grantee_gln: Option<String>,
    /// All parties of this role get it.
    grantee_role: Option<Role>,
    /// Only in figures of so many parties, 2 to 1,000, or of as many as the hub asks for if those are more. The grant can show no single event then.
    least_contributors: Option<i32>,
    /// On what the parties rest it: a contract, a law.
    legal_basis: Option<String>,
    /// The levels it gives; nothing of a class that is not named.
    levels: Vec<AccessLevelInput>,
    /// Only events that happened while the grantee was licensed in this role, as its partner file says.
    licensed_as: Option<Role>,
    /// Only by a licence of this country (ISO 3166-1 alpha-2), with `licensedAs`; of any if not given.
    licensed_in: Option<String>,
    /// What for.
    purpose: String,
    /// At most so many readings of each grantee in a UTC day, 1 to 1,000,000: a page of a list is one, as are the look-up of an event, a delivered
    /// batch and a question for totals. When they are used up the grant gives nothing until the next day. Without end if not given.
    queries_per_day: Option<i32>,
    /// Only while the grantee holds this role.
    required_role: Option<Role>,
    /// Of what; of all that the grantor can give if not given.
    scope: Option<AccessScopeInput>,
    /// Global id of the version that ends when this one comes into force.
    supersedes: Option<ID>,
    /// First moment; now if not given.
    valid_from: Option<DateTime>,
    /// First moment no longer.
    valid_until: DateTime,
}

/// A signature under a grant.
#[derive(Debug, InputObject)]
pub struct SignGrantInput {
    /// Global id of the grant.
    grant: ID,
    /// JWS in compact form with detached payload (RFC 7515 appendix F) over the `text` of the grant, by the key of an active client
    /// certificate of the caller that this hub issued; the certificate stands in `x5c` of the header.
    jws: String,
}

/// The end of a grant.
#[derive(Debug, InputObject)]
pub struct RevokeGrantInput {
    /// Global id of the grant.
    grant: ID,
    /// Why, for the record: 1 to 1,000 characters.
    reason: String,
}

/// A cap on what is granted of the caller's data, by itself or by those that act for it.
#[derive(Debug, InputObject)]
pub struct SetCapInput {
    /// GLNs of the parties that it is for; all if not given.
    grantee_glns: Option<Vec<String>>,
    /// The highest levels; a class that is not named is not limited.
    levels: Vec<AccessLevelInput>,
    /// Of what; of all the caller's data if not given.
    scope: Option<AccessScopeInput>,
}

/// The end of a cap.
#[derive(Debug, InputObject)]
pub struct LiftCapInput {
    /// Id of the cap.
    cap: ID,
}

/// A recall or a suspicion: whoever has to do with the goods sees their state and the sites of events about them.
#[derive(Debug, InputObject)]
pub struct DeclareEmergencyInput {
    /// GTIN of a product of the caller's brand.
    gtin: String,
    /// Lots; all if not given.
    lots: Option<Vec<String>>,
    /// Why, for the record: 1 to 1,000 characters.
    reason: String,
    /// First moment no longer.
    until: DateTime,
}

/// The end of an emergency.
#[derive(Debug, InputObject)]
pub struct EndEmergencyInput {
    /// Id of the emergency.
    emergency: ID,
}

/// What was proposed.
#[derive(Debug, SimpleObject)]
pub struct ProposeGrantPayload {
    /// The grant; its `text` is what is to be signed.
    grant: Grant,
}

/// What was signed.
#[derive(Debug, SimpleObject)]
pub struct SignGrantPayload {
    /// The grant.
    grant: Grant,
}

/// What was ended.
#[derive(Debug, SimpleObject)]
pub struct RevokeGrantPayload {
    /// The grant.
    grant: Grant,
}

/// What was set.
#[derive(Debug, SimpleObject)]
pub struct SetCapPayload {
    /// Id of the cap.
    cap: ID,
}

/// What was lifted.
#[derive(Debug, SimpleObject)]
pub struct LiftCapPayload {
    /// Id of the cap.
    cap: ID,
}

/// What was declared.
#[derive(Debug, SimpleObject)]
pub struct DeclareEmergencyPayload {
    /// Id of the emergency.
    emergency: ID,
}

/// What was ended.
#[derive(Debug, SimpleObject)]
pub struct EndEmergencyPayload {
    /// Id of the emergency.
    emergency: ID,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Declares an emergency about a product of the caller's brand, for a limited time.
    async fn declare_emergency(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "About what, and for how long.")] input: DeclareEmergencyInput,
    ) -> Answer<DeclareEmergencyPayload> {
        let (hub, actor) = caller(context)?;
        let gtin = input
            .gtin
            .parse()
            .map_err(|_| bad_input("`gtin` is no GTIN: send 8, 12, 13 or 14 digits with a right check digit"))?;
        let draft = EmergencyDraft {
            gtin,
            lots: input.lots.unwrap_or_default(),
            reason: input.reason,
            until: input.until.0,
        };
        let emergency = grant::declare_emergency(hub, actor, draft).await.map_err(refuse)?;
        Ok(DeclareEmergencyPayload {
            emergency: ID(emergency.id.to_string()),
        })
    }

    /// Ends an emergency of the caller before its time.
    async fn end_emergency(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which one.")] input: EndEmergencyInput,
    ) -> Answer<EndEmergencyPayload> {
        let (hub, actor) = caller(context)?;
        let id = input.emergency.parse().map_err(|_| refuse(ServiceError::not_found()))?;
        grant::end_emergency(hub, actor, id).await.map_err(refuse)?;
        Ok(EndEmergencyPayload {
            emergency: input.emergency,
        })
    }

    /// Lifts a cap of the caller.
    async fn lift_cap(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which one.")] input: LiftCapInput,
    ) -> Answer<LiftCapPayload> {
        let (hub, actor) = caller(context)?;
        let id = input.cap.parse().map_err(|_| refuse(ServiceError::not_found()))?;
        grant::lift_cap(hub, actor, id).await.map_err(refuse)?;
        Ok(LiftCapPayload { cap: input.cap })
    }

    /// Proposes a grant of the caller's; it gives nothing before all have signed that must.
    async fn propose_grant(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "To whom, of what, at which levels.")] input: ProposeGrantInput,
    ) -> Answer<ProposeGrantPayload> {
        let (hub, actor) = caller(context)?;
        let draft = draft(hub, input)?;
        let seen = grant::propose(hub, actor, draft).await.map_err(refuse)?;
        Ok(ProposeGrantPayload { grant: shown(hub, seen) })
    }

    /// Ends a grant at once: its grantor revokes it, its grantee gives it back. Again is the same as once.
    async fn revoke_grant(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which one, and why.")] input: RevokeGrantInput,
    ) -> Answer<RevokeGrantPayload> {
        let (hub, actor) = caller(context)?;
        let id = grant_id(&input.grant)?;
        let seen = grant::revoke(hub, actor, id, input.reason).await.map_err(refuse)?;
        Ok(RevokeGrantPayload { grant: shown(hub, seen) })
    }

    /// Sets a cap on what is granted of the caller's data. It lowers grants, never what parties see by what they have to do with.
    async fn set_cap(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "For whom, of what, to which levels.")] input: SetCapInput,
    ) -> Answer<SetCapPayload> {
        let (hub, actor) = caller(context)?;
        let glns = input.grantee_glns.unwrap_or_default();
        let draft = CapDraft {
            grantees: glns.iter().map(|gln| named(hub, gln)).collect::<Answer<_>>()?,
            scope: input.scope.unwrap_or_default().scope()?,
            levels: levels(Sight::FULL, &input.levels)?,
        };
        let cap = grant::set_cap(hub, actor, draft).await.map_err(refuse)?;
        Ok(SetCapPayload {
            cap: ID(cap.id.to_string()),
        })
    }

    /// Signs a grant for the caller. Again is the same as once.
    async fn sign_grant(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which one, and the signature.")] input: SignGrantInput,
    ) -> Answer<SignGrantPayload> {
        let (hub, actor) = caller(context)?;
        let id = grant_id(&input.grant)?;
        let seen = grant::sign(hub, actor, id, input.jws).await.map_err(refuse)?;
        Ok(SignGrantPayload { grant: shown(hub, seen) })
    }
}

/// A draft as the service takes it.
pub(in crate::transport::graphql) fn draft(hub: &Hub, input: ProposeGrantInput) -> Answer<Draft> {
    let grantee = match (input.grantee_gln, input.grantee_role) {
        (Some(gln), None) if input.grantee_country.is_none() => Grantee::Party(named(hub, &gln)?),
        (None, Some(name)) => Grantee::Role {
            role: role(name),
            country: input.grantee_country,
        },
        (Some(_), _) | (None, None) => {
            return Err(bad_input(
                "name who gets the grant: `granteeGln` alone, or `granteeRole` with or without `granteeCountry`",
            ));
        }
    };
    let licence = match (input.licensed_as, input.licensed_in) {
        (None, Some(_)) => return Err(bad_input("`licensedIn` needs `licensedAs`: the role that the licence is for")),
        (as_role, country) => as_role.map(|name| Required {
            role: role(name),
            country,
        }),
    };
    Ok(Draft {
        supersedes: input.supersedes.as_ref().map(grant_id).transpose()?,
        grantee,
        scope: input.scope.unwrap_or_default().scope()?,
        levels: levels(Sight::default(), &input.levels)?,
        purpose: input.purpose,
        legal_basis: input.legal_basis,
        valid_from: input.valid_from.map(|at| at.0),
        valid_until: input.valid_until.0,
        conditions: Conditions {
            full_identifier: input.full_identifier.unwrap_or_default(),
            role: input.required_role.map(role),
            licence,
            least_contributors: number("leastContributors", input.least_contributors)?,
            queries_per_day: number("queriesPerDay", input.queries_per_day)?,
        },
        signers: match input.both_sign {
            Some(true) => Signers::Both,
            Some(false) | None => Signers::Grantor,
        },
    })
}

fn number(name: &str, given: Option<i32>) -> Answer<Option<u32>> {
    let whole = |given| u32::try_from(given).map_err(|_| bad_input(format!("`{name}` is negative")));
    given.map(whole).transpose()
}

fn grant_id(id: &ID) -> Answer<GrantId> {
    id.parse().map_err(|_| refuse(ServiceError::not_found()))
}

fn shown(hub: &Hub, seen: SeenGrant) -> Grant {
    Grant {
        seen,
        registry: hub.registry(),
        now: hub.now(),
    }
}
