//! Grants, caps, emergencies, and the events that grants cover.
//!
//! Nothing that was laid down is changed: an end, a signature, the coming into force are rows of their own. `grant_standing` says where to
//! look for those without an end: a read of what is in force takes as long after ten thousand revocations as after one. Every act takes the one row of
//! `policy` first and counts it up: whoever reads the same version before and after has read under one state of all grants. Captures hold
//! that row shared while they note which of their events grants cover ([`lock_shared`]), so that an act either sees their events or is
//! seen by them.
//!
//! What it deliberately does not do: decide what a grant comes to; `grant_event` says where to look, and may say too much.

mod cover;
mod usage;

use sea_orm::{DbBackend, QueryResult};
use uuid::Uuid;

use crate::domain::grant::{Cap, CapHeld, Emergency, EmergencyHeld, Grant, Grantee, Held, Origin};
use crate::domain::ids::{CapId, EmergencyId, GrantId, PartyId};
use crate::domain::lens::planted::{Leak, leaks};
use crate::domain::party::Actor;
use crate::domain::policy::Policy;
use crate::domain::time::Micros;

use super::row::{column, json, parsed};
use super::{Db, StorageError, Tx};

pub use cover::{Fill, cover, fill, filled, related_before, unfilled};
pub use usage::{take, uses};

const VERSION: &str = "SELECT version FROM policy WHERE one = 1";

/// How many acts there were.
pub async fn version(db: &Db) -> Result<i64, StorageError> {
    version_of(db.query_one("reading the version of the grants", VERSION, Vec::new()).await?)
}

fn version_of(row: Option<QueryResult>) -> Result<i64, StorageError> {
    let row = row.ok_or_else(|| StorageError::Inconsistent("policy: its one row is missing".to_owned()))?;
    column(&row, "policy", "version")
}

/// The version, kept as it is until this transaction ends; others may hold it as well.
pub async fn lock_shared(tx: &Tx) -> Result<i64, StorageError> {
    let sql = match tx.backend() {
        DbBackend::Postgres => "SELECT version FROM policy WHERE one = 1 FOR SHARE",
        _ => VERSION,
    };
    version_of(tx.query_one("holding the version of the grants", sql, Vec::new()).await?)
}

/// Begins an act: nobody else's, and no capture, is under way until this transaction ends.
pub async fn begin_act(tx: &Tx) -> Result<i64, StorageError> {
    let sql = "UPDATE policy SET version = version + 1 WHERE one = 1 RETURNING version";
    version_of(tx.query_one("counting an act on grants", sql, Vec::new()).await?)
}

const SELECT: &str = "SELECT g.id, g.origin, g.proposed_at, g.doc, f.at AS force_at, x.at AS end_at FROM access_grant g
     LEFT JOIN grant_force f ON f.grant_id = g.id LEFT JOIN grant_end x ON x.grant_id = g.id";

/// From what stands, however many have ended.
const LIVE: &str = "SELECT g.id, g.origin, g.proposed_at, g.doc, f.at AS force_at, x.at AS end_at
     FROM grant_standing s CROSS JOIN access_grant g CROSS JOIN grant_force f LEFT JOIN grant_end x ON x.grant_id = s.grant_id
     WHERE g.id = s.grant_id AND f.grant_id = s.grant_id AND x.at IS NULL AND s.valid_until > $1 ORDER BY g.id";

const CAPS: &str = "SELECT c.set_at, c.doc, x.at AS end_at FROM access_cap c LEFT JOIN cap_end x ON x.cap_id = c.id";

const EMERGENCIES: &str =
    "SELECT m.declared_at, m.doc, x.at AS end_at FROM emergency m LEFT JOIN emergency_end x ON x.emergency_id = m.id";

/// All that can be in force now or later.
pub async fn live(db: &Db, now: Micros) -> Result<Policy, StorageError> {
    loop {
        let version = version(db).await?;
        let [grants, caps, emergencies] = live_sql();
        let policy = read_policy(
            version,
            &db.query("reading the grants in force", &grants, vec![now.0.into()]).await?,
            &db.query("reading the caps", &caps, Vec::new()).await?,
            &db.query("reading the emergencies", &emergencies, vec![now.0.into()]).await?,
        )?;
        // Three reads of one state, or once more.
        if self::version(db).await? == version {
            return Ok(policy);
        }
    }
}

/// The same for a transaction that holds this version.
pub async fn live_in(tx: &Tx, version: i64, now: Micros) -> Result<Policy, StorageError> {
    let [grants, caps, emergencies] = live_sql();
    read_policy(
        version,
        &tx.query("reading the grants in force", &grants, vec![now.0.into()]).await?,
        &tx.query("reading the caps", &caps, Vec::new()).await?,
        &tx.query("reading the emergencies", &emergencies, vec![now.0.into()]).await?,
    )
}

fn live_sql() -> [String; 3] {
    [
        live_grants(),
        format!("{CAPS} WHERE x.at IS NULL ORDER BY c.id"),
        format!("{EMERGENCIES} WHERE x.at IS NULL AND m.until_at > $1 ORDER BY m.id"),
    ]
}

fn live_grants() -> String {
    if leaks(Leak::EndedGrant) {
        return format!("{SELECT} WHERE f.at IS NOT NULL AND CAST($1 AS BIGINT) > 0 ORDER BY g.id");
    }
    LIVE.to_owned()
}

fn read_policy(
    version: i64,
    grants: &[QueryResult],
    caps: &[QueryResult],
    emergencies: &[QueryResult],
) -> Result<Policy, StorageError> {
    Ok(Policy {
        version,
        grants: grants.iter().map(held).collect::<Result<_, _>>()?,
        caps: caps.iter().map(cap).collect::<Result<_, _>>()?,
        emergencies: emergencies.iter().map(emergency).collect::<Result<_, _>>()?,
    })
}

/// All that ever was, for questions about the past: grants for a party or for a role, caps and emergencies of everybody.
pub async fn ever(db: &Db, grantee: &PartyId) -> Result<Policy, StorageError> {
    let version = version(db).await?;
    let sql = format!("{SELECT} WHERE f.at IS NOT NULL AND (g.grantee_id = $1 OR g.grantee_id IS NULL) ORDER BY g.id");
    let grants = db
        .query("reading the grants for a party", &sql, vec![grantee.as_str().into()])
        .await?;
    let caps = db
        .query("reading all caps", &format!("{CAPS} ORDER BY c.id"), Vec::new())
        .await?;
    let emergencies = db
        .query("reading all emergencies", &format!("{EMERGENCIES} ORDER BY m.id"), Vec::new())
        .await?;
    read_policy(version, &grants, &caps, &emergencies)
}

fn held(row: &QueryResult) -> Result<Held, StorageError> {
    let at = |name| Ok::<_, StorageError>(column::<Option<i64>>(row, "access_grant", name)?.map(Micros));
    let origin = match column::<String>(row, "access_grant", "origin")?.as_str() {
        "signed" => Origin::Signed,
        "partner_config" => Origin::PartnerConfig,
        other => {
            return Err(StorageError::Inconsistent(format!(
                "access_grant.origin = `{other}`: no origin"
            )));
        }
    };
    Ok(Held {
        grant: json(row, "access_grant", "doc")?,
        origin,
        proposed_at: Micros(column(row, "access_grant", "proposed_at")?),
        in_force_at: at("force_at")?,
        ended_at: at("end_at")?,
    })
}

fn cap(row: &QueryResult) -> Result<CapHeld, StorageError> {
    Ok(CapHeld {
        cap: json(row, "access_cap", "doc")?,
        set_at: Micros(column(row, "access_cap", "set_at")?),
        ended_at: column::<Option<i64>>(row, "cap_end", "end_at")?.map(Micros),
    })
}

fn emergency(row: &QueryResult) -> Result<EmergencyHeld, StorageError> {
    Ok(EmergencyHeld {
        emergency: json(row, "emergency", "doc")?,
        declared_at: Micros(column(row, "emergency", "declared_at")?),
        ended_at: column::<Option<i64>>(row, "emergency_end", "end_at")?.map(Micros),
    })
}

/// Keeps a proposal.
pub async fn propose(tx: &Tx, grant: &Grant, origin: Origin, (actor, at): (&Actor, Micros)) -> Result<(), StorageError> {
    let grantee = match &grant.grantee {
        Grantee::Party(party) => Some(party.as_str()),
        Grantee::Role { .. } => None,
    };
    let doc = grant.canonical().map_err(unprintable)?;
    let sql =
        "INSERT INTO access_grant (id, supersedes, grantor_id, grantee_id, valid_until, origin, proposed_by, proposed_at, doc)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = vec![
        grant.id.uuid().into(),
        grant.supersedes.map(GrantId::uuid).into(),
        grant.grantor.as_str().into(),
        grantee.into(),
        grant.valid_until.0.into(),
        match origin {
            Origin::Signed => "signed",
            Origin::PartnerConfig => "partner_config",
        }
        .into(),
        actor.party.as_str().into(),
        at.0.into(),
        doc.into(),
    ];
    tx.execute("keeping a grant", sql, values).await?;
    let sql = "INSERT INTO grant_standing (grant_id, grantor_id, valid_until) VALUES ($1, $2, $3)";
    let values = vec![
        grant.id.uuid().into(),
        grant.grantor.as_str().into(),
        grant.valid_until.0.into(),
    ];
    tx.execute("noting that a grant stands", sql, values).await?;
    Ok(())
}

fn unprintable(error: serde_json::Error) -> StorageError {
    StorageError::Inconsistent(format!("a grant cannot be written: {error}"))
}

/// A signature as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who signed.
    pub party: PartyId,
    /// Which of its systems.
    pub system: String,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// When the hub took it.
    pub at: Micros,
    /// The signature: JWS with detached payload (RFC 7515 appendix F), its certificate in its header.
    pub jws: String,
}

/// Keeps a signature; false if the party had signed before.
pub async fn sign(tx: &Tx, grant: GrantId, signature: &Signature) -> Result<bool, StorageError> {
    let sql = "INSERT INTO grant_signature (grant_id, party_id, system_name, fingerprint, signed_at, jws)
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (grant_id, party_id) DO NOTHING";
    let values = vec![
        grant.uuid().into(),
        signature.party.as_str().into(),
        signature.system.as_str().into(),
        signature.fingerprint.to_vec().into(),
        signature.at.0.into(),
        signature.jws.as_str().into(),
    ];
    Ok(tx.execute("keeping a signature", sql, values).await?.rows_affected() == 1)
}

const SIGNATURES: &str = "SELECT party_id, system_name, fingerprint, signed_at, jws FROM grant_signature WHERE grant_id = $1 ORDER BY signed_at, party_id";

/// Who signed a grant.
pub async fn signatures(db: &Db, grant: GrantId) -> Result<Vec<Signature>, StorageError> {
    let rows = db.query("reading signatures", SIGNATURES, vec![grant.uuid().into()]).await?;
    rows.iter().map(signature).collect()
}

/// The same, as this transaction sees it.
pub async fn signatures_in(tx: &Tx, grant: GrantId) -> Result<Vec<Signature>, StorageError> {
    let rows = tx.query("reading signatures", SIGNATURES, vec![grant.uuid().into()]).await?;
    rows.iter().map(signature).collect()
}

fn signature(row: &QueryResult) -> Result<Signature, StorageError> {
    let fingerprint: Vec<u8> = column(row, "grant_signature", "fingerprint")?;
    Ok(Signature {
        party: parsed(row, "grant_signature", "party_id")?,
        system: column(row, "grant_signature", "system_name")?,
        fingerprint: fingerprint
            .try_into()
            .map_err(|_| StorageError::Inconsistent("grant_signature.fingerprint: not 32 bytes".to_owned()))?,
        at: Micros(column(row, "grant_signature", "signed_at")?),
        jws: column(row, "grant_signature", "jws")?,
    })
}

/// Brings a grant into force, and ends the one that it supersedes.
pub async fn enforce(tx: &Tx, grant: &Grant, at: Micros) -> Result<(), StorageError> {
    tx.execute(
        "bringing a grant into force",
        "INSERT INTO grant_force (grant_id, at) VALUES ($1, $2) ON CONFLICT (grant_id) DO NOTHING",
        vec![grant.id.uuid().into(), at.0.into()],
    )
    .await?;
    tx.execute(
        "beginning to go through the events of before",
        "INSERT INTO grant_fill (grant_id, after) VALUES ($1, $2) ON CONFLICT (grant_id) DO NOTHING",
        vec![grant.id.uuid().into(), Uuid::max().into()],
    )
    .await?;
    if let Some(before) = grant.supersedes {
        end(tx, before, (&grant.grantor, at), "superseded").await?;
    }
    Ok(())
}

/// Ends a grant; false if it had ended.
pub async fn end(tx: &Tx, grant: GrantId, (party, at): (&PartyId, Micros), reason: &str) -> Result<bool, StorageError> {
    let sql = "INSERT INTO grant_end (grant_id, at, party_id, reason) VALUES ($1, $2, $3, $4) ON CONFLICT (grant_id) DO NOTHING";
    let values = vec![grant.uuid().into(), at.0.into(), party.as_str().into(), reason.into()];
    let ended = tx.execute("ending a grant", sql, values).await?.rows_affected() == 1;
    let sql = "DELETE FROM grant_standing WHERE grant_id = $1";
    tx.execute("noting that a grant stands no longer", sql, vec![grant.uuid().into()])
        .await?;
    Ok(ended)
}

/// A grant that a party gives or is named in, whatever became of it.
pub async fn find(tx: &Tx, party: &PartyId, grant: GrantId) -> Result<Option<Held>, StorageError> {
    let sql = format!("{SELECT} WHERE g.id = $1 AND (g.grantor_id = $2 OR g.grantee_id = $2)");
    let row = tx
        .query_one("reading a grant", &sql, vec![grant.uuid().into(), party.as_str().into()])
        .await?;
    row.as_ref().map(held).transpose()
}

/// The same outside a transaction.
pub async fn by_id(db: &Db, party: &PartyId, grant: GrantId) -> Result<Option<Held>, StorageError> {
    let sql = format!("{SELECT} WHERE g.id = $1 AND (g.grantor_id = $2 OR g.grantee_id = $2)");
    let row = db
        .query_one("reading a grant", &sql, vec![grant.uuid().into(), party.as_str().into()])
        .await?;
    row.as_ref().map(held).transpose()
}

/// Grants that a party gives, or that name it, newest first.
pub async fn of_party(
    db: &Db,
    party: &PartyId,
    gives: bool,
    after: Option<Uuid>,
    rows: usize,
) -> Result<Vec<Held>, StorageError> {
    let side = if gives { "g.grantor_id" } else { "g.grantee_id" };
    let sql = format!("{SELECT} WHERE {side} = $1 AND g.id < $2 ORDER BY g.id DESC LIMIT $3");
    let values = vec![
        party.as_str().into(),
        after.unwrap_or_else(Uuid::max).into(),
        i64::try_from(rows).unwrap_or(i64::MAX).into(),
    ];
    db.query("listing grants", &sql, values).await?.iter().map(held).collect()
}

/// How many grants of a party stand: proposed or in force, and not over. Proposals of one party wait for one another here.
pub async fn standing(tx: &Tx, grantor: &PartyId, now: Micros) -> Result<u64, StorageError> {
    if let DbBackend::Postgres = tx.backend() {
        let sql = "SELECT id FROM party WHERE id = $1 FOR NO KEY UPDATE";
        tx.query_one("holding the grants of a party", sql, vec![grantor.as_str().into()])
            .await?;
    }
    let sql = "SELECT COUNT(*) AS n FROM grant_standing WHERE grantor_id = $1 AND valid_until > $2";
    let row = tx
        .query_one("counting grants", sql, vec![grantor.as_str().into(), now.0.into()])
        .await?;
    let row = row.ok_or_else(|| StorageError::Inconsistent("counting grants: no row".to_owned()))?;
    Ok(u64::try_from(column::<i64>(&row, "access_grant", "n")?).unwrap_or(0))
}

/// What partner files have brought in: every version of every written grant with the certificates that signed it, and caps that hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Grants.
    pub grants: Vec<(Held, Vec<[u8; 32]>)>,
    /// Caps.
    pub caps: Vec<Cap>,
}

/// All that partner files have brought in.
pub async fn written(db: &Db) -> Result<Written, StorageError> {
    let sql = format!("{SELECT} WHERE g.origin = 'partner_config' ORDER BY g.id");
    let mut written = Written::default();
    for row in &db.query("reading the written grants", &sql, Vec::new()).await? {
        let held = held(row)?;
        let signed = signatures(db, held.grant.id).await?;
        written
            .grants
            .push((held, signed.into_iter().map(|one| one.fingerprint).collect()));
    }
    let sql = format!("{CAPS} WHERE x.at IS NULL ORDER BY c.id");
    for row in &db.query("reading the written caps", &sql, Vec::new()).await? {
        let cap = cap(row)?.cap;
        if cap.name.is_some() {
            written.caps.push(cap);
        }
    }
    Ok(written)
}

/// Sets a cap.
pub async fn set_cap(tx: &Tx, cap: &Cap, at: Micros) -> Result<(), StorageError> {
    let doc = serde_json::to_string(cap).map_err(unprintable)?;
    let sql = "INSERT INTO access_cap (id, owner_id, set_at, doc) VALUES ($1, $2, $3, $4)";
    let values = vec![cap.id.uuid().into(), cap.owner.as_str().into(), at.0.into(), doc.into()];
    tx.execute("setting a cap", sql, values).await?;
    Ok(())
}

/// Lifts a cap of a party; false if it has none like it, or it was lifted.
pub async fn lift_cap(tx: &Tx, owner: &PartyId, cap: CapId, at: Micros) -> Result<bool, StorageError> {
    let sql = "INSERT INTO cap_end (cap_id, at) SELECT id, $3 FROM access_cap WHERE id = $1 AND owner_id = $2
               ON CONFLICT (cap_id) DO NOTHING";
    let values = vec![cap.uuid().into(), owner.as_str().into(), at.0.into()];
    Ok(tx.execute("lifting a cap", sql, values).await?.rows_affected() == 1)
}

/// All emergencies that were ever declared, for questions about the past.
pub async fn emergencies(db: &Db) -> Result<Vec<EmergencyHeld>, StorageError> {
    let rows = db
        .query("reading all emergencies", &format!("{EMERGENCIES} ORDER BY m.id"), Vec::new())
        .await?;
    rows.iter().map(emergency).collect()
}

/// Declares an emergency.
pub async fn declare(tx: &Tx, emergency: &Emergency, at: Micros) -> Result<(), StorageError> {
    let doc = serde_json::to_string(emergency).map_err(unprintable)?;
    let sql = "INSERT INTO emergency (id, owner_id, declared_at, until_at, doc) VALUES ($1, $2, $3, $4, $5)";
    let values = vec![
        emergency.id.uuid().into(),
        emergency.owner.as_str().into(),
        at.0.into(),
        emergency.until.0.into(),
        doc.into(),
    ];
    tx.execute("declaring an emergency", sql, values).await?;
    Ok(())
}

/// Ends an emergency of a party; false if it has none like it, or it had ended.
pub async fn end_emergency(tx: &Tx, owner: &PartyId, emergency: EmergencyId, at: Micros) -> Result<bool, StorageError> {
    let sql = "INSERT INTO emergency_end (emergency_id, at) SELECT id, $3 FROM emergency WHERE id = $1 AND owner_id = $2
               ON CONFLICT (emergency_id) DO NOTHING";
    let values = vec![emergency.uuid().into(), owner.as_str().into(), at.0.into()];
    Ok(tx.execute("ending an emergency", sql, values).await?.rows_affected() == 1)
}
