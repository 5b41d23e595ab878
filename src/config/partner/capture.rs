//! `[capture]`: how the documents of a party are judged.
//!
//! It names codes of the catalogue of findings; what may be made of which stands with the catalogue, not here.

use crate::domain::finding::FindingCode;
use crate::domain::guideline::Guideline;
use crate::domain::profile::{Base, Ends, Level, Profile};

use super::draft::key;
use super::reader::{Located, Section};

const PROFILE_FIX: &str = "use lenient or strict";
const GUIDELINE_FIX: &str = "use gs1-us-r1.2, gs1-us-r1.3 or eu-fmd";
const ENDS_FIX: &str = "use flat or recursive";
const LEVEL_FIX: &str = "use ignore, warning, error, critical or refusal";

/// Reads the table.
pub(super) fn capture(mut section: Section<'_>) -> Profile {
    let base: Option<Located<Base>> = section.optional_parsed(&key("profile", "\"strict\""), PROFILE_FIX);
    let guideline: Option<Located<Guideline>> = section.optional_parsed(&key("guideline", "\"gs1-us-r1.3\""), GUIDELINE_FIX);
    let ends: Option<Located<Ends>> = section.optional_parsed(&key("decommission", "\"recursive\""), ENDS_FIX);
    let profile = Profile::new(base.map_or(Base::default(), |base| base.value)).under(guideline.map(|found| found.value));
    let profile = profile.ending(ends.map_or(Ends::default(), |ends| ends.value));
    let table = section.section(&key("severity", "{ SCHEMA_ORDER = \"ignore\" }"));
    section.finish();
    table.map_or(profile.clone(), |table| severities(table, profile))
}

fn severities(mut section: Section<'_>, mut profile: Profile) -> Profile {
    for code in FindingCode::ALL.iter().copied() {
        let level: Option<Located<Level>> = section.optional_parsed(&key(code.as_str(), "\"warning\""), LEVEL_FIX);
        let Some(Located { value, line }) = level else { continue };
        match profile.clone().with(code, value) {
            Ok(changed) => profile = changed,
            Err(cause) => {
                let fix = format!("remove it, or leave it at \"{}\"", code.severity().as_str());
                section.problem(line, cause, fix);
            }
        }
    }
    section.finish();
    profile
}
