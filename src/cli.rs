//! The command line: one file a command.
//!
//! Exit status of every command: 0 done; 1 it was understood and the answer is no (files with problems, steps pending, a
//! refusal); 2 it could not do its work (usage, settings, database, a port).

pub mod audit;
pub mod bench;
pub mod certificate;
pub mod convert;
pub mod demo;
pub mod migrate;
pub mod partner;
pub mod receipt;
pub mod schema;
pub mod serial;
pub mod serve;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::app::SystemClock;
use crate::config::settings::{LogFormat, Settings, Sources};
use crate::service::hub::Clock;

/// An exchange hub for serialized medicines: serial numbers, EPCIS events, and who may see what.
///
/// Start with `counterfoil demo`. For a hub of your own: `counterfoil settings > counterfoil.toml`, edit it,
/// `counterfoil partner apply`, `counterfoil certificate issue PARTY SYSTEM --out DIR`, `counterfoil serve`.
///
/// Exit status: 0 done, 1 the answer is no, 2 the command could not do its work.
#[derive(Debug, Parser)]
#[command(name = "counterfoil", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

/// Where settings come from; the command line wins over the environment, the environment over the file.
#[derive(Debug, Args)]
struct SettingsArgs {
    /// Settings file [default: counterfoil.toml, if it is there].
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERFOIL_SETTINGS")]
    settings: Option<PathBuf>,
    /// One setting, as in the file: `--set trust_domain=hub.example --set limits.page=100`.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// `sqlite://path` or `postgres://user@host/database`.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Folder of everything the hub keeps on disk.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A hub with the example parties, and the whole story played over the network.
    Demo(demo::DemoArgs),
    /// Run the hub until SIGTERM or SIGINT.
    Serve(serve::ServeArgs),
    /// Bring the database to the schema of this version.
    Migrate(migrate::MigrateArgs),
    /// Check or apply the partner configuration.
    #[command(subcommand)]
    Partner(partner::PartnerCommand),
    /// Issue or revoke client certificates of partners' systems.
    #[command(subcommand)]
    Certificate(certificate::CertificateCommand),
    /// Serial numbers: hold them, and confirm after a restore how far they had gone.
    #[command(subcommand)]
    Serials(serial::SerialsCommand),
    /// Measure this machine: the hub's rates beside those of its bare parts, on a throw-away hub.
    Bench(bench::BenchArgs),
    /// Verify what the hub proves of events, without a hub.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Verify signed receipts of serial numbers, without a hub.
    #[command(subcommand)]
    Receipt(receipt::ReceiptCommand),
    /// Print an EPCIS document in another format, and what changes by it; needs no hub.
    Convert(convert::ConvertArgs),
    /// Print what callers program against.
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    /// Print the commented settings file with every default.
    Settings,
}

/// Parses the arguments, runs the command, prints what went wrong.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match run_command(cli) {
        Ok(code) => code,
        Err(error) => {
            // The whole chain on one line: it may end up in a log.
            let _gone = writeln!(std::io::stderr().lock(), "counterfoil: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run_command(cli: Cli) -> anyhow::Result<ExitCode> {
    if matches!(cli.command, Command::Settings) {
        say(format_args!("{}", include_str!("../schema/counterfoil.toml").trim_end()));
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Schema(command) = cli.command {
        schema::run(command)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Audit(command) = cli.command {
        return audit::run(command);
    }
    if let Command::Receipt(command) = cli.command {
        return receipt::run(command);
    }
    if let Command::Convert(args) = &cli.command {
        return convert::run(args, SystemClock.now());
    }
    let mut settings = load(cli.settings)?;
    if matches!(cli.command, Command::Demo(_) | Command::Bench(_)) && settings.log_filter == Settings::default().log_filter {
        // They tell what they do themselves; a line for each request would drown it.
        settings.log_filter = "error".to_owned();
    }
    log_to_stderr(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(args, settings).await,
            Command::Bench(args) => bench::run(args, settings).await.map(|()| ExitCode::SUCCESS),
            Command::Serve(args) => serve::run(args, settings).await.map(|()| ExitCode::SUCCESS),
            Command::Migrate(args) => migrate::run(args, settings).await.map(yes_or_no),
            Command::Partner(command) => partner::run(command, settings).await,
            Command::Serials(command) => serial::run(command, settings).await.map(yes_or_no),
            Command::Certificate(command) => certificate::run(command, settings).await.map(|()| ExitCode::SUCCESS),
            Command::Audit(_) | Command::Convert(_) | Command::Receipt(_) | Command::Schema(_) | Command::Settings => {
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

fn yes_or_no(yes: bool) -> ExitCode {
    if yes { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn load(args: SettingsArgs) -> anyhow::Result<Settings> {
    let named = args.settings.is_some();
    let path = args.settings.unwrap_or_else(|| PathBuf::from("counterfoil.toml"));
    let file = match std::fs::read_to_string(&path) {
        Ok(text) => Some((path, text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut flags = args.set;
    flags.extend(args.database_url.map(|url| ("database_url".to_owned(), url)));
    flags.extend(args.data_dir.map(|folder| ("data_dir".to_owned(), folder)));
    Ok(Settings::load(Sources {
        file,
        environment: std::env::vars().collect(),
        flags,
    })?)
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

fn log_to_stderr(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.log_filter).context("setting `log_filter`")?;
    let stderr_is_read_by_people = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(stderr_is_read_by_people);
    let set = match settings.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("cannot set up the log: {error}"))
}

/// One line to standard output; a reader that went away is no reason to stop half way.
fn say(line: std::fmt::Arguments<'_>) {
    let _gone = writeln!(std::io::stdout().lock(), "{line}");
}

/// To standard error; a reader that went away is no reason to stop half way.
fn complain(text: impl std::fmt::Display) {
    let _gone = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
