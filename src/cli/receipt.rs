//! `counterfoil receipt verify`: what a receipt proves, without a hub, a database or a network.
//!
//! Standard output says line by line what was proven; standard error what does not fit. It never repeats a serial number of a list.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use jsonwebtoken::jwk::JwkSet;

use crate::domain::serial::receipt::{Mismatch, Numbers, Proof, Receipt, verify};
use crate::domain::serial::table::Table;

/// `counterfoil receipt …`
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Verify a signed receipt, and serial numbers against it; needs no hub and no network.
    ///
    /// Exit status: 0 all of it is proven, 1 something does not fit, 2 a file cannot be read.
    Verify(VerifyArgs),
}

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The receipt, as `GET /serials/v1/allocations/{id}/receipt` answers it.
    #[arg(value_name = "RECEIPT.jws")]
    receipt: PathBuf,
    /// The hub's public keys, as `GET /.well-known/jwks.json` answers them; keep a copy from before you need it.
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// All serial numbers of the block in their order: a CSV or JSON lines file as downloaded, or one number a line.
    #[arg(long, value_name = "FILE")]
    serials: Option<PathBuf>,
    /// One serial number of the block; needs its proof.
    #[arg(long, value_name = "SERIAL", requires = "proof")]
    serial: Option<String>,
    /// The proof of that number, as `GET …/receipt/proof?serial=…` answers it.
    #[arg(long, value_name = "FILE", requires = "serial")]
    proof: Option<PathBuf>,
}

/// Runs the command.
pub fn run(command: ReceiptCommand) -> anyhow::Result<ExitCode> {
    let ReceiptCommand::Verify(args) = command;
    let jws = text(&args.receipt)?;
    let keys: JwkSet =
        serde_json::from_str(&text(&args.jwks)?).with_context(|| format!("{} is no key set (RFC 7517)", args.jwks.display()))?;
    let receipt = match verify(jws.trim_end(), &keys) {
        Ok(receipt) => receipt,
        Err(error) => return Ok(no(&args.receipt, &error)),
    };
    super::say(format_args!("{}", described(&receipt)));
    if let Some(file) = &args.serials {
        if let Err(mismatch) = list(file, &receipt)? {
            return Ok(no(file, &mismatch));
        }
        super::say(format_args!(
            "the list is the block: {} serial numbers, in this order",
            receipt.quantity
        ));
    }
    if let (Some(serial), Some(file)) = (&args.serial, &args.proof) {
        let proof: Proof =
            serde_json::from_str(&text(file)?).with_context(|| format!("{} is no proof of a serial number", file.display()))?;
        if let Err(mismatch) = proof.check(&receipt, serial) {
            return Ok(no(file, &mismatch));
        }
        super::say(format_args!(
            "the serial number is one of the block: number {} of {}",
            proof.index + 1,
            proof.size
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn no(file: &Path, why: &dyn std::fmt::Display) -> ExitCode {
    let _gone = writeln!(std::io::stderr().lock(), "{}: {why}", file.display());
    ExitCode::from(1)
}

fn text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn described(receipt: &Receipt) -> String {
    let mut lines = vec![
        "the signature is good; the hub certifies:".to_owned(),
        format!("  allocation  {}", receipt.allocation),
        format!("  given to    {}", receipt.party),
        format!("  on behalf of {}", receipt.principal),
        format!("  product     {}", receipt.numbered),
        format!("  numbers     {}", receipt.quantity),
        format!("  given at    {}", receipt.issued_at),
        format!("  request key {}", receipt.request_key),
    ];
    lines.extend(
        receipt
            .agreement
            .as_ref()
            .map(|agreement| format!("  agreement   {}", agreement.as_str())),
    );
    lines.extend(receipt.lot.as_ref().map(|lot| format!("  lot         {lot}")));
    lines.extend(receipt.site.as_ref().map(|site| format!("  site        {site}")));
    lines.extend(receipt.hub.as_ref().map(|hub| format!("  hub run by  {hub}")));
    lines.join("\n")
}

/// Reads the list line by line: a block may have more numbers than memory is worth.
fn list(path: &Path, receipt: &Receipt) -> anyhow::Result<Result<(), Mismatch>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut table, mut numbers) = (Table::default(), Numbers::of(receipt.numbered));
    let product = receipt.numbered.to_string();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        let row = table
            .row(&line)
            .with_context(|| format!("{}, line {}", path.display(), at + 1))?;
        let Some(row) = row else { continue };
        ensure!(
            !row.serial.is_empty(),
            "{}, line {}: no serial number stands there",
            path.display(),
            at + 1
        );
        if let Some(found) = row.gtin.filter(|found| *found != product) {
            let expected = receipt.numbered;
            return Ok(Err(Mismatch::Product { expected, found }));
        }
        numbers.push(&row.serial);
    }
    Ok(numbers.check(receipt))
}
