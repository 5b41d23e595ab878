//! `counterfoil demo`: a hub with its parties, and the whole story played over the network.
//!
//! The parties use the hub's public interfaces alone, each with a client certificate of its own. Every step is held against
//! what should have come of it; the first that did not ends the demo with status 1.

pub(super) mod caller;
pub(super) mod documents;
pub(super) mod partners;
mod story;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::app::{self, RunningHub, StartError};
use crate::config::settings::Settings;
use crate::domain::gs1::Epc;
use crate::domain::ids::PartyId;
use crate::domain::party::{Registry, Role};
use crate::service::certificate::{CertificateRequest, issue};
use crate::storage::certificate::write_private;

use caller::Caller;
use documents::Dialect;
use story::{MANUFACTURER, Run, Stage};
use summary::{Seen, table};

/// The demo's clients have certificates for a month: it is a demo.
const CERTIFICATE_DAYS: u32 = 30;

const PROVENANCE: &str = "query($epc: String!) { provenance(epc: $epc) { unbroken lot disposition manufacturer { legalName } previousOwner { legalName } \
     hops { role country month party { legalName } silent } } }";
const RECONCILIATION: &str = "query($gtin: String!, $lot: String!) { lotReconciliation(gtin: $gtin, lot: $lot) { issued commissioned unused foreign balanced } }";
const AUDIT: &str = "{ auditEntries(first: 50) { nodes { at party { legalName } action object outcome } } }";
const CONTENTS: &str = "query($epc: String!, $asOf: DateTime) { container(epc: $epc, asOf: $asOf) { contents(first: 100) { nodes { depth thing { epc } } } } }";

/// How to play.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Stop after the story instead of serving on.
    #[arg(long)]
    pub once: bool,
}

/// Plays the demo; status 1 if a step did not do what it should.
pub async fn run(args: DemoArgs, settings: Settings) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let settings = demo_settings(settings);
    let files = partners::load(&settings)?;
    let hub = start(settings.clone()).await?;
    say(&format!(
        "hub          serves on https://localhost:{} ({})",
        hub.machine_addr.port(),
        database_name(&settings)
    ));
    let played = async {
        partners::apply(&hub, &files).await?;
        say(&format!(
            "hub          knows {} parties of {}",
            files.len(),
            settings.partner_config.display()
        ));
        let clients = issue_certificates(&hub, &settings).await?;
        play(&hub, &clients).await?;
        anyhow::Ok(clients)
    };
    match played.await {
        Ok(clients) => {
            say(&format!(
                "\nEvery step did what it should, in {:.1} s.",
                started.elapsed().as_secs_f64()
            ));
            if !args.once {
                invite(&hub, &clients);
                wait_for_the_end().await?;
            }
            hub.shutdown().await;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(&format!("\nThe demo stopped: {error:#}"));
            hub.shutdown().await;
            Ok(ExitCode::from(1))
        }
    }
}

/// A folder of its own, so that a real hub's data is never mixed with the demo's.
fn demo_settings(settings: Settings) -> Settings {
    Settings {
        data_dir: settings.data_dir.join("demo"),
        ..settings
    }
}

/// On the ports of the settings, or on any others if somebody has them.
async fn start(settings: Settings) -> anyhow::Result<RunningHub> {
    match app::start(settings.clone()).await {
        Err(StartError::Listen { addr, source }) if source.kind() == std::io::ErrorKind::AddrInUse => {
            say(&format!(
                "hub          port {} is taken, so it serves on another",
                addr.port()
            ));
            let (mut listen, mut operations_listen) = (settings.listen, settings.operations_listen);
            listen.set_port(0);
            operations_listen.set_port(0);
            Ok(app::start(Settings {
                listen,
                operations_listen,
                ..settings
            })
            .await?)
        }
        started => Ok(started?),
    }
}

fn database_name(settings: &Settings) -> &'static str {
    if settings.database_url().starts_with("sqlite") {
        "SQLite"
    } else {
        "PostgreSQL"
    }
}

/// Where the clients' certificates are.
#[derive(Debug)]
struct Clients {
    folder: PathBuf,
    base: String,
    ca_pem: String,
}

impl Clients {
    fn caller(&self, party: &str) -> anyhow::Result<Caller> {
        let read = |name: &str| {
            let path = self.folder.join(party).join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        Caller::new(party, &self.base, &self.ca_pem, &read("client.pem")?, &read("client.key")?)
    }
}

/// A certificate for a system of each party, in a folder of its own.
async fn issue_certificates(hub: &RunningHub, settings: &Settings) -> anyhow::Result<Clients> {
    let folder = settings.data_dir.join("clients");
    let registry = hub.hub().registry();
    let actor = partners::operator(&registry)?;
    let mut parties: Vec<PartyId> = registry
        .parties()
        .filter(|party| party.active)
        .map(|party| party.id.clone())
        .collect();
    parties.sort();
    let count = parties.len();
    for party in parties {
        let place = folder.join(party.as_str());
        let request = CertificateRequest {
            party,
            system: "demo".parse()?,
            validity_days: CERTIFICATE_DAYS,
        };
        let issued = issue(hub.hub(), hub.authority(), &actor, request).await?;
        write_client(&place, &issued.files.certificate_pem, issued.files.key_pem.as_bytes())?;
    }
    let ca_pem = hub.authority().certificate_pem().to_owned();
    std::fs::write(folder.join("ca.pem"), &ca_pem)?;
    say(&format!(
        "hub          issued {count} client certificates into {}",
        folder.display()
    ));
    Ok(Clients {
        folder,
        base: format!("https://localhost:{}", hub.machine_addr.port()),
        ca_pem,
    })
}

fn write_client(place: &Path, certificate: &str, key: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(place)?;
    let key_file = place.join("client.key");
    if key_file.exists() {
        std::fs::remove_file(&key_file)?;
    }
    write_private(&key_file, key)?;
    Ok(std::fs::write(place.join("client.pem"), certificate)?)
}

async fn play(hub: &RunningHub, clients: &Clients) -> anyhow::Result<()> {
    let registry = hub.hub().registry();
    let callers = |party: &str| clients.caller(party);
    let stage = Stage {
        callers: &callers,
        registry: &registry,
        now: hub.hub().now(),
        say: &say,
    };
    let first = stage.play("packwell", Dialect::Xml12).await?;
    let second = stage.play("sigmapack", Dialect::Json20).await?;
    stage.sell_a_case(&first).await?;
    contents(clients, &stage, &first).await?;
    compare(clients, &first).await?;
    for run in [&first, &second] {
        reconcile(clients, run).await?;
    }
    who_did_what(clients, &registry).await
}

/// What is in the pallet now, and what was in it before the wholesaler opened it.
async fn contents(clients: &Clients, stage: &Stage<'_>, run: &Run) -> anyhow::Result<()> {
    let meridian = clients.caller("meridian")?;
    let count = async |as_of: Value| {
        let answer = meridian
            .graphql(CONTENTS, json!({"epc": run.pallet.canonical(), "asOf": as_of}))
            .await?;
        let nodes = answer.pointer("/container/contents/nodes").and_then(Value::as_array);
        anyhow::Ok(nodes.context("the wholesaler sees the pallet")?.len())
    };
    let then = count(stage.now.plus_seconds(-18 * 60).rfc3339().into()).await?;
    let now = count(Value::Null).await?;
    ensure!(now == 0, "the pallet was opened and still holds {now} things");
    ensure!(
        then == run.units.len() + run.cases.len(),
        "the pallet held {then} things instead of every case and pack"
    );
    say(&format!(
        "meridian     sees {then} cases and packs in the pallet 18 minutes ago, {now} now"
    ));
    Ok(())
}

/// The same pack, asked after by everybody.
async fn compare(clients: &Clients, run: &Run) -> anyhow::Result<()> {
    let unit = run.units.first().context("a run has packs")?;
    let mut seen = Vec::new();
    for party in [
        "packwell",
        MANUFACTURER,
        "northway",
        "meridian",
        "cornerstone",
        "halden",
        "sigmapack",
    ] {
        let answer = clients
            .caller(party)?
            .graphql(PROVENANCE, json!({"epc": unit.canonical()}))
            .await?;
        seen.push(Seen {
            party: party.to_owned(),
            provenance: answer["provenance"].clone(),
        });
    }
    say(&format!("\nWhat each party sees of the pack {}:\n", unit.canonical()));
    say(&table(&seen));
    for Seen { party, provenance } in &seen {
        let stranger = ["halden", "sigmapack"].contains(&party.as_str());
        ensure!(provenance.is_null() == stranger, "{party} sees {provenance}");
    }
    // Never issued: the number of a pack with its last character changed.
    let serial = unit.serial().context("a pack has a serial")?;
    let gtin = unit.gtin().context("a pack has a GTIN")?;
    let nothing = Epc::sgtin(gtin, &format!("{}9", serial.get(..serial.len() - 1).unwrap_or("X")))?;
    let halden = clients.caller("halden")?;
    let denied = halden.graphql_raw(PROVENANCE, json!({"epc": unit.canonical()})).await?;
    let absent = halden.graphql_raw(PROVENANCE, json!({"epc": nothing.canonical()})).await?;
    ensure!(
        denied == absent,
        "the stranger can tell a pack that exists from one that does not: {denied}, {absent}"
    );
    say("halden, which never had it, gets the answer for a pack that does not exist.");
    Ok(())
}

/// Issued = commissioned + unused, for the lot.
async fn reconcile(clients: &Clients, run: &Run) -> anyhow::Result<()> {
    let answer = clients
        .caller(MANUFACTURER)?
        .graphql(RECONCILIATION, json!({"gtin": run.gtin, "lot": run.lot}))
        .await?;
    let lot = &answer["lotReconciliation"];
    let number = |name: &str| {
        lot[name]
            .as_u64()
            .or_else(|| lot[name].as_str().and_then(|text| text.parse().ok()))
            .unwrap_or(u64::MAX)
    };
    let (issued, commissioned, unused, foreign) = (number("issued"), number("commissioned"), number("unused"), number("foreign"));
    let sum = commissioned.checked_add(unused);
    ensure!(
        lot["balanced"] == true && sum == Some(issued) && foreign == 0,
        "lot {} does not balance: {lot}",
        run.lot
    );
    ensure!(commissioned == u64::try_from(run.units.len())?, "lot {}: {lot}", run.lot);
    say(&format!(
        "{MANUFACTURER:<12} lot {} ({}): {issued} issued = {commissioned} commissioned + {unused} unused",
        run.lot, run.cmo
    ));
    Ok(())
}

/// What the manufacturer reads of the acts in its name.
async fn who_did_what(clients: &Clients, registry: &Registry) -> anyhow::Result<()> {
    let answer = clients.caller(MANUFACTURER)?.graphql(AUDIT, json!({})).await?;
    let entries = answer
        .pointer("/auditEntries/nodes")
        .and_then(Value::as_array)
        .context("audit entries")?;
    say(&format!("\n{MANUFACTURER} reads who did what in its name (newest first):\n"));
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let party = |entry: &Value| {
        entry
            .pointer("/party/legalName")
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    for entry in entries.iter().take(12) {
        let (at, action, object) = (word(&entry["at"]), word(&entry["action"]), word(&entry["object"]));
        say(&format!(
            "  {at}  {:<24} {action:<17} {object} {}",
            party(entry),
            word(&entry["outcome"])
        ));
    }
    for delegate in ["packwell", "sigmapack", "northway"] {
        let name = registry
            .party(&delegate.parse()?)
            .map(|party| party.legal_name.clone())
            .unwrap_or_default();
        ensure!(
            entries.iter().any(|entry| party(entry) == name),
            "the manufacturer sees nothing of what {delegate} did in its name"
        );
    }
    Ok(())
}

fn invite(hub: &RunningHub, clients: &Clients) {
    let folder = clients.folder.display();
    let port = hub.machine_addr.port();
    say(&format!(
        "\nThe hub keeps serving. Try, in another terminal (end with Ctrl-C here):\n\n  \
         curl --cacert {folder}/ca.pem --cert {folder}/meridian/client.pem --key {folder}/meridian/client.key \\\n    \
         https://localhost:{port}/graphql -H 'content-type: application/json' \\\n    \
         -d '{{\"query\":\"{{ me {{ id legalName }} shipments(first: 5) {{ nodes {{ id state shippedAt }} }} }}\"}}'\n\n  \
         curl http://{}/metrics",
        hub.operations_addr
    ));
}

async fn wait_for_the_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for SIGINT")?,
    }
    Ok(())
}

fn say(line: &str) {
    super::say(format_args!("{line}"));
}

/// Whether a party runs the hub.
fn is_operator(roles: &[Role]) -> bool {
    roles.contains(&Role::Operator)
}
