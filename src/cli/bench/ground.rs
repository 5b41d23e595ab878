//! A throw-away hub with the shipped parties, on a database of its own, and callers for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, anyhow, ensure};
use serde_json::{Value, json};

use crate::app::{self, RunningHub};
use crate::cli::demo::caller::Caller;
use crate::cli::demo::documents::{self, Dialect, Happening};
use crate::cli::demo::partners;
use crate::config::settings::Settings;
use crate::domain::gs1::{Epc, Gln, Gtin, Sscc};
use crate::service::certificate::{CertificateRequest, KeyAndCertificate, issue};
use crate::storage::yardstick;

use super::BenchArgs;

/// Connections of a measured load.
pub(super) const CLIENTS: usize = 8;
/// Who packs, and what of.
pub(super) const PACKAGER: &str = "packwell";
pub(super) const PRODUCT: &str = "09521001001014";
/// The packager's company prefix, for SSCCs.
const PREFIX: &str = "9521002";

/// Where serial numbers are asked for.
pub(super) const ALLOCATIONS: &str = "/serials/v1/allocations";

/// A running hub that is gone afterwards.
pub(super) struct Ground {
    pub(super) running: RunningHub,
    folder: PathBuf,
    /// Server and name of the throw-away database.
    scratch: Option<(String, String)>,
}

/// Measures on a hub of its own, which is gone afterwards, come what may.
pub(super) async fn on_ground<T>(
    args: &BenchArgs,
    settings: &Settings,
    measure: impl AsyncFnOnce(&Ground) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let ground = Ground::new(args, settings).await?;
    let measured = measure(&ground).await;
    ground.clear().await?;
    measured
}

impl Ground {
    /// Starts it. `args.database` names the server, if it is PostgreSQL.
    async fn new(args: &BenchArgs, settings: &Settings) -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "counterfoil_bench_{}_{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(&name);
        let scratch = args
            .database
            .clone()
            .filter(|url| url.starts_with("postgres"))
            .map(|server| (server, name));
        let database_url = match &scratch {
            Some((server, name)) => yardstick::create_database(server, name).await?,
            None => format!("sqlite://{}", folder.join("counterfoil.db").display()),
        };
        let loopback = "127.0.0.1:0".parse()?;
        let settings = Settings {
            data_dir: folder.clone(),
            database_url: Some(database_url),
            ca_dir: None,
            master_key_file: None,
            listen: loopback,
            operations_listen: loopback,
            ..settings.clone()
        };
        let files = partners::load(&settings)?;
        let running = app::start(settings).await?;
        partners::apply(&running, &files).await?;
        Ok(Self {
            running,
            folder,
            scratch,
        })
    }

    /// Where its data lie.
    pub(super) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Which database it is.
    pub(super) fn database_name(&self) -> &'static str {
        if self.scratch.is_some() { "PostgreSQL" } else { "SQLite" }
    }

    /// Stops the hub and throws its data away.
    async fn clear(self) -> anyhow::Result<()> {
        self.running.shutdown().await;
        std::fs::remove_dir_all(&self.folder).with_context(|| format!("cannot remove {}", self.folder.display()))?;
        if let Some((server, name)) = &self.scratch {
            yardstick::drop_database(server, name).await?;
        }
        Ok(())
    }

    /// A certificate for a system of a party.
    pub(super) async fn certificate(&self, party: &str) -> anyhow::Result<KeyAndCertificate> {
        let hub = self.running.hub();
        let actor = partners::operator(&hub.registry())?;
        let request = CertificateRequest {
            party: party.parse()?,
            system: "bench".parse()?,
            validity_days: 1,
        };
        Ok(issue(hub, self.running.authority(), &actor, request).await?.files)
    }

    /// So many systems of a party, each with a connection of its own.
    pub(super) async fn callers(&self, party: &str, count: usize) -> anyhow::Result<Vec<Caller>> {
        let files = self.certificate(party).await?;
        (0..count)
            .map(|_| self.caller_at(party, &files, self.running.machine_addr.port()))
            .collect()
    }

    /// One of them, for the port of any server with the hub's CA.
    pub(super) fn caller_at(&self, party: &str, files: &KeyAndCertificate, port: u16) -> anyhow::Result<Caller> {
        let ca = self.running.authority().certificate_pem();
        Caller::new(
            party,
            &format!("https://localhost:{port}"),
            ca,
            &files.certificate_pem,
            &files.key_pem,
        )
    }

    /// Asks for serial numbers and reads them.
    pub(super) async fn serials(&self, caller: &Caller, quantity: usize, key: &str) -> anyhow::Result<Vec<Epc>> {
        let text = caller.text(&request(caller, quantity, key).await?).await?;
        let gtin: Gtin = PRODUCT.parse()?;
        let serials = text.lines().skip(1).filter_map(|line| line.split(',').nth(1));
        let units: Vec<Epc> = serials.map(|serial| Epc::sgtin(gtin, serial)).collect::<Result<_, _>>()?;
        ensure!(
            units.len() == quantity,
            "{quantity} serial numbers were asked for and {} downloaded",
            units.len()
        );
        Ok(units)
    }

    /// A document in a dialect.
    pub(super) fn document(&self, dialect: Dialect, happenings: &[Happening]) -> String {
        let registry = self.running.hub().registry();
        let prefix_len = |digits: &str| registry.holder_of_prefix(digits).map(|(_, len)| len);
        documents::write(dialect, self.running.hub().now(), happenings, &prefix_len)
    }

    /// Sends it and waits until its events are stored.
    pub(super) async fn capture(&self, caller: &Caller, dialect: Dialect, document: String) -> anyhow::Result<()> {
        let job = caller.capture(dialect, document).await?;
        ensure!(job["success"] == Value::Bool(true), "the capture job failed: {job}");
        Ok(())
    }

    /// A party's first site and its own GLN.
    pub(super) fn place(&self, party: &str) -> anyhow::Result<(Gln, Gln)> {
        let registry = self.running.hub().registry();
        let found = registry
            .party(&party.parse()?)
            .ok_or_else(|| anyhow!("partner-config has no party `{party}`"))?;
        let site = found.sites.first().ok_or_else(|| anyhow!("party `{party}` has no site"))?;
        Ok((site.gln, found.gln))
    }
}

/// Asks for serial numbers; where they can be read.
pub(super) async fn request(caller: &Caller, quantity: usize, key: &str) -> anyhow::Result<String> {
    let answer = caller
        .post(ALLOCATIONS, key, &json!({"gtin": PRODUCT, "quantity": quantity}))
        .await?;
    let path = answer.get("serials").and_then(Value::as_str);
    path.map(str::to_owned).ok_or_else(|| anyhow!("no serial numbers: {answer}"))
}

/// The `number`-th SSCC of the packager, with extension digit `level`.
pub(super) fn sscc(level: u8, number: usize) -> anyhow::Result<Epc> {
    let digits = format!("{level}{PREFIX}{number:0width$}", width = 16 - PREFIX.len());
    Ok(Epc::from_sscc(Sscc::with_check_digit(&digits)?))
}
