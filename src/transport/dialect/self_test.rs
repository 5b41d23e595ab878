//! What the hub makes of a message, step by step and without a number moving: for who connects a line.
//!
//! The message is the partner's own, or, if the body is empty, one that the hub makes from the caller's agreements. The report is JSON
//! and always 200: that something is wrong stands in it, with what to do.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::domain::agreement::Power;
use crate::domain::party::Actor;
use crate::domain::serial::numbered::Numbered;
use crate::service::serial::{self, DryRun};
use crate::service::{Code, Hub};
use crate::transport::problem::Problem;

use super::driver::{self, Mode, canonical};
use super::message::{Ask, DialectFault, Message, Reply, Want};
use super::{Dialect, essence, sample, taken};

/// Most characters of the answer that a report repeats.
const SHOWN: usize = 4_000;
/// Most numbers that a self-test tries, whatever the message asks for: a report is for reading.
const TRIED: u64 = 10;

/// `GET /dialects`.
pub(super) async fn list() -> Json<Value> {
    let dialects = Dialect::ALL.map(|dialect| {
        let mut entry = json!({
            "name": dialect.name(),
            "title": dialect.title(),
            "mediaTypes": dialect.media_types(),
            "post": dialect.path(),
            "dryRun": format!("/dry-run{}", dialect.path()),
            "selfTest": format!("/dialects/{}/self-test", dialect.name()),
        });
        if dialect == Dialect::Snx {
            entry["wsdl"] = json!(format!("{}?wsdl", dialect.path()));
        }
        entry
    });
    Json(json!({ "dialects": dialects }))
}

/// `POST /dialects/{dialect}/self-test`.
pub(super) async fn run(
    State(hub): State<Hub>,
    Extension(actor): Extension<Actor>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(dialect) = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name) else {
        return Problem::new(Code::NotFound, "there is no such dialect: `GET /dialects` lists them").into_response();
    };
    Json(report(&hub, &actor, dialect, (headers, body)).await).into_response()
}

async fn report(hub: &Hub, actor: &Actor, dialect: Dialect, (headers, body): (HeaderMap, Body)) -> Value {
    let mut report = Report::new(dialect, actor);
    if let Err(stop) = steps(hub, actor, (dialect, &mut report), (headers, body)).await {
        report.stop(stop);
    }
    report.finish()
}

/// A step that failed.
struct Stop {
    step: &'static str,
    code: Code,
    detail: String,
    fix: &'static str,
}

impl Stop {
    fn new(step: &'static str, refusal: super::Refusal, fix: &'static str) -> Self {
        Self {
            step,
            code: refusal.code,
            detail: refusal.detail,
            fix,
        }
    }
}

async fn steps(
    hub: &Hub,
    actor: &Actor,
    (dialect, report): (Dialect, &mut Report),
    (headers, body): (HeaderMap, Body),
) -> Result<(), Stop> {
    let bytes = message_or_sample(hub, actor, (dialect, report), (headers, body)).await?;
    let message = dialect.read(&bytes).map_err(|DialectFault(wire, refusal)| {
        report.facts["answer"] = json!(shown(&wire.text));
        Stop::new(
            "understood",
            refusal,
            "correct what the detail names; compare with the sample that an empty self-test sends",
        )
    })?;
    let Message { ask, reply } = message;
    let ask = match ask {
        Ok(ask) => ask,
        Err(refusal) => {
            report.facts["answer"] = json!(shown(&reply.refused(&refusal).text));
            return Err(Stop::new("understood", refusal, "correct the value that the detail names"));
        }
    };
    let (want, creates) = match ask {
        Ask::Numbers(want) => (want, false),
        Ask::Create(want) => (want, true),
        Ask::Fetch(..) | Ask::Confirm(_) => {
            report.pass(
                "understood",
                "it fetches or confirms numbers that were created before: test the message that creates them",
            );
            return Ok(());
        }
    };
    report.pass("understood", "the message asks for serial numbers");
    report.facts["request"] = described(&want);
    allowed(hub, actor, (&want, report, &*reply)).await?;
    tried(hub, actor, (want, creates, reply), report).await
}

/// The partner's message, or one for what the caller may ask for.
async fn message_or_sample(
    hub: &Hub,
    actor: &Actor,
    (dialect, report): (Dialect, &mut Report),
    (headers, body): (HeaderMap, Body),
) -> Result<Vec<u8>, Stop> {
    let media_type = essence(&headers);
    let named = if media_type.is_empty() {
        dialect.media_types()[0]
    } else {
        &media_type
    };
    let fix = "send the message as the line would, with its Content-Type";
    let bytes = taken(hub, dialect, (named, &headers), body)
        .await
        .map_err(|refusal| Stop::new("received", refusal, fix))?;
    if !bytes.is_empty() {
        report.pass("received", &format!("{} bytes of {named}", bytes.len()));
        return Ok(bytes);
    }
    let Some(numbered) = allowed_first(hub, actor) else {
        let refusal = super::Refusal::new(
            Code::NoAgreement,
            "nothing lets you ask for serial numbers today, so there is no sample to try",
        );
        let fix = "ask the brand owner for an agreement with the power `request_serials`";
        return Err(Stop::new("received", refusal, fix));
    };
    let text = sample::message(dialect, &numbered);
    report.pass(
        "received",
        "an empty body: the sample below was made for something that you may ask for",
    );
    report.facts["sample"] = json!(text);
    Ok(text.into_bytes())
}

/// Something that the caller may ask for today: of an agreement, the first by id, or else its own.
fn allowed_first(hub: &Hub, actor: &Actor) -> Option<Numbered> {
    let (registry, now) = (hub.registry(), hub.now());
    let mut agreements: Vec<_> = registry
        .agreements_of(&actor.party)
        .filter(|agreement| agreement.delegate == actor.party && agreement.holds_at(now))
        .filter(|agreement| agreement.powers.contains(&Power::RequestSerials))
        .collect();
    agreements.sort_by(|a, b| a.id.cmp(&b.id));
    let theirs = agreements.iter().find_map(|agreement| agreement.products.first().copied());
    let own = || Some(registry.party(&actor.party)?.products.first()?.gtin);
    theirs.or_else(own).map(Numbered::from)
}

/// Contract and limits.
async fn allowed(hub: &Hub, actor: &Actor, (want, report, reply): (&Want, &mut Report, &dyn Reply)) -> Result<(), Stop> {
    let mut request = canonical(want);
    if request.idempotency_key.is_empty() {
        request.idempotency_key = "self-test".to_owned();
    }
    match serial::dry_run(hub, actor, &request).await {
        Ok(dry_run) => {
            report.pass("agreement", "you may ask for these numbers");
            report.facts["agreement"] = contract(&dry_run);
            report.pass("limits", "the quantity is within every limit");
            Ok(())
        }
        Err(error) => {
            let refusal = super::Refusal::from(error);
            report.facts["answer"] = json!(shown(&reply.refused(&refusal).text));
            let (step, fix) = if refusal.code == Code::NoAgreement {
                (
                    "agreement",
                    "compare product and site with the agreements that `agreements` (GraphQL) shows you",
                )
            } else if refusal.later().is_some() {
                (
                    "limits",
                    "nothing is wrong with the message: try again later, or tell the operator of the hub",
                )
            } else if refusal.code == Code::LotClosed {
                ("limits", "name a lot that still runs, or none")
            } else {
                ("limits", "ask for fewer, or ask the brand owner for more room")
            };
            Err(Stop::new(step, refusal, fix))
        }
    }
}

fn contract(dry_run: &DryRun) -> Value {
    let quota = dry_run.agreement.as_ref().map(|agreement| agreement.quota);
    json!({
        "id": dry_run.agreement.as_ref().map(|agreement| agreement.id.to_string()),
        "principal": dry_run.principal,
        "validUntil": dry_run.agreement.as_ref().map(|agreement| agreement.valid_until.to_string()),
        "perRequest": quota.and_then(|quota| quota.per_request),
        "perDay": quota.and_then(|quota| quota.per_day),
        "total": quota.and_then(|quota| quota.total),
        "mostOutstanding": quota.and_then(|quota| quota.outstanding),
        "issued": dry_run.account.issued,
        "issuedToday": dry_run.account.issued_today,
        "outstanding": dry_run.account.outstanding(),
        "approval": dry_run.approval,
    })
}

/// The answer to the same message for a few numbers that are never issued.
async fn tried(
    hub: &Hub,
    actor: &Actor,
    (mut want, creates, reply): (Want, bool, Box<dyn Reply>),
    report: &mut Report,
) -> Result<(), Stop> {
    want.quantity = want.quantity.min(TRIED);
    let ask = if creates { Ask::Create(want) } else { Ask::Numbers(want) };
    let granted = driver::grant(hub, actor, ask, Mode::Dry).await.map_err(|refusal| {
        report.facts["answer"] = json!(shown(&reply.refused(&refusal).text));
        Stop::new(
            "answer",
            refusal,
            "ask for the numbers in another encoding, or let the brand owner change the serial rule",
        )
    })?;
    let response = granted.response(reply.into(), Mode::Dry);
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap_or_default();
    report.facts["answer"] = json!(shown(&String::from_utf8_lossy(&bytes)));
    report.pass(
        "answer",
        "this is what the line will get, for at most ten numbers that are never issued",
    );
    Ok(())
}

fn described(want: &Want) -> Value {
    json!({
        "for": want.numbered.to_string(),
        "quantity": want.quantity,
        "key": want.key,
        "retry": match want.key {
            Some(_) => "the same key gets the same numbers, for as long as the allocation lives",
            None => "the message has no key: the same message gets the same numbers within the re-ask window, until they are confirmed or used",
        },
        "site": want.site,
        "lot": want.lot,
        "line": want.line,
        "documents": want.documents,
    })
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// What is told.
struct Report {
    facts: Value,
    steps: Vec<Value>,
    ok: bool,
}

impl Report {
    fn new(dialect: Dialect, actor: &Actor) -> Self {
        Self {
            facts: json!({
                "dialect": dialect.name(),
                "you": { "party": actor.party, "system": actor.system },
            }),
            steps: Vec::new(),
            ok: true,
        }
    }

    fn pass(&mut self, step: &str, detail: &str) {
        self.steps.push(json!({ "step": step, "ok": true, "detail": detail }));
    }

    fn stop(&mut self, stop: Stop) {
        self.ok = false;
        let Stop { step, code, detail, fix } = stop;
        self.steps
            .push(json!({ "step": step, "ok": false, "code": code.as_str(), "detail": detail, "fix": fix }));
    }

    fn finish(mut self) -> Value {
        self.facts["ok"] = json!(self.ok);
        self.facts["steps"] = json!(self.steps);
        self.facts
    }
}
