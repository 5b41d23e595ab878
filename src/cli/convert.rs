//! `counterfoil convert`: an EPCIS document in another format, without a hub.
//!
//! The document goes to standard output, what changed beyond the spelling to standard error, a loss a line. Company prefixes
//! are never guessed: identifiers stay as they are.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::domain::time::Micros;
use crate::epcis::{self, CbvFormat, DocumentKind, EpcFormat, Format, MediaType, ParseLimits, Target, convert, loss, xml};

/// `counterfoil convert …`
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// The document: XML where its name ends in `.xml`, else JSON-LD.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Into which format.
    #[arg(long, value_enum)]
    to: To,
}

/// The formats.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// EPCIS 2.0 JSON-LD.
    Json,
    /// EPCIS 2.0 XML.
    #[value(name = "xml-2.0")]
    Xml2,
    /// EPCIS 1.2 XML.
    #[value(name = "xml-1.2")]
    Xml1,
}

/// Runs the command; `now` is the date of the document that is made. 1: the document breaks a rule.
pub fn run(args: &ConvertArgs, now: Micros) -> anyhow::Result<ExitCode> {
    let file = args.file.display();
    let input = File::open(&args.file).with_context(|| format!("cannot open {file}"))?;
    let media = match args.file.extension().and_then(|extension| extension.to_str()) {
        Some("xml") => MediaType::Xml,
        Some("json" | "jsonld") => MediaType::Json,
        Some(_) | None => bail!("{file}: the name of an EPCIS document ends in .xml, .json or .jsonld"),
    };
    let document = match epcis::parse(BufReader::new(input), media, &ParseLimits::default()) {
        Ok(document) => document,
        Err(findings) => {
            for finding in findings.iter().filter(|finding| finding.refuses()) {
                super::complain(format_args!(
                    "{} {}: {}",
                    finding.code.as_str(),
                    finding.pointer,
                    finding.detail
                ));
            }
            return Ok(ExitCode::from(1));
        }
    };
    let target = match args.to {
        To::Json => Target::Json,
        To::Xml2 => Target::Xml(xml::Version::V2_0),
        To::Xml1 => Target::Xml(xml::Version::V1_2),
    };
    let format = Format {
        document: DocumentKind::Document,
        epc: EpcFormat::NeverTranslates,
        cbv: CbvFormat::OfVersion,
        created: now,
        prefix_len: &|_| None,
    };
    let out = BufWriter::new(std::io::stdout().lock());
    convert::write(out, &document, now, &format, target).context("cannot write the document")?;
    for loss in loss::losses(&document, target) {
        super::complain(format_args!("{} {}: {}", loss.code.as_str(), loss.path, loss.reason));
    }
    Ok(ExitCode::SUCCESS)
}
