//! The tag vectors of the shared corpus for SGTINs and SSCCs: binary encodings and tag URIs that others made.
//!
//! The corpus lies beside the checkout (`../shared/corpus`); where it does not, the test says so and passes.

use std::path::Path;

use counterfoil::domain::gs1::{Epc, TagScheme};
use counterfoil::domain::serial::form::{Form, FormError, SerialWriter};
use counterfoil::domain::serial::numbered::Numbered;

const FILE: &str = "epc-vectors/epc_uri_vectors.nedap-retail-epcpy.MIT.tsv";

/// One row: the EPC, its tag, or that it has none.
struct Row<'t> {
    uri: &'t str,
    valid: bool,
    tag_uri: &'t str,
    hex: &'t str,
    options: &'t str,
}

impl Row<'_> {
    /// Scheme and filter: from the tag URI, or from what an impossible tag was asked with.
    fn tag(&self) -> (TagScheme, u8) {
        let Some(rest) = self.tag_uri.strip_prefix("urn:epc:tag:") else {
            assert!(self.options.contains("SGTIN_96"), "{}", self.options);
            return (TagScheme::Sgtin96, 1);
        };
        let (name, value) = rest.split_once(':').unwrap();
        let schemes = [TagScheme::Sgtin96, TagScheme::Sgtin198, TagScheme::Sscc96];
        let scheme = schemes.into_iter().find(|scheme| scheme.as_str() == name).unwrap();
        (scheme, value.split('.').next().unwrap().parse().unwrap())
    }

    fn check(&self) {
        let epc: Epc = self.uri.parse().unwrap();
        let value = self.uri.rsplit(':').next().unwrap();
        let prefix = if let Some(body) = self.uri.strip_prefix("urn:epc:id:sgtin:") {
            body
        } else {
            value
        };
        let prefix = prefix.split('.').next().unwrap();
        let (numbered, serial): (Numbered, String) = match (epc.gtin(), epc.sscc()) {
            (Some(gtin), None) => (gtin.into(), epc.serial().unwrap().into_owned()),
            (None, Some(sscc)) => {
                let series = format!("{prefix}:{}", &sscc.as_str()[..1]);
                (series.parse().unwrap(), sscc.to_string())
            }
            (_, _) => panic!("{}", self.uri),
        };
        let (scheme, filter) = self.tag();
        let written = |form| {
            let writer = SerialWriter::new(form, &numbered, Some(prefix.len()))?;
            let mut out = String::new();
            writer.write(&serial, &mut out).map(|()| out)
        };
        let (hex, tag_uri) = (written(Form::Hex(scheme, filter)), written(Form::TagUri(scheme, filter)));
        if self.valid {
            assert_eq!(
                (hex.as_deref(), tag_uri.as_deref()),
                (Ok(self.hex), Ok(self.tag_uri)),
                "{}",
                self.uri
            );
        } else {
            assert!(matches!(hex, Err(FormError::Tag(_))) && tag_uri.is_err(), "{}", self.uri);
        }
        assert_eq!(written(Form::EpcUri).as_deref(), Ok(self.uri));
        assert_eq!(written(Form::DigitalLink).as_deref(), Ok(epc.canonical()));
        assert_eq!(written(Form::ElementString).ok(), epc.element_string());
    }
}

#[test]
fn tags_are_what_others_encode() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("shared/corpus");
    if !folder.is_dir() {
        println!("skipped: there is no corpus at {}", folder.display());
        return;
    }
    let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
    let mut cases = 0;
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [suite, scheme, _, uri, expect, _, _, _, tag_uri, hex, options] = columns[..] else {
            panic!("{line}");
        };
        let asked = suite == "tag" || !tag_uri.is_empty();
        if asked && (scheme == "SGTIN" || scheme == "SSCC") {
            let valid = expect == "valid";
            Row {
                uri,
                valid,
                tag_uri,
                hex,
                options,
            }
            .check();
            cases += 1;
        }
    }
    assert_eq!(cases, 8);
}
