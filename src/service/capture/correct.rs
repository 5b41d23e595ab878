//! Corrective events: an error declaration names the events that say what really happened (EPCIS 2.0 clause 7.4.1.4).
//!
//! One that the same party has not sent is a finding of the declaration, which clears when it comes. Events of other parties
//! are not looked at: whether there is one would tell the declarer of it.

use std::collections::HashSet;

use crate::domain::finding::{Finding, FindingCode};
use crate::storage::{Tx, event, finding, identity};

use super::admit::Admitted;
use super::{ServiceError, Work};

/// Whether a document declares errors with corrective events.
pub(super) fn names_corrections(work: &Work, admitted: &Admitted) -> bool {
    corrections(work, admitted).next().is_some()
}

/// The new declarations with the ids they name.
fn corrections<'a>(work: &'a Work, admitted: &'a Admitted) -> impl Iterator<Item = (&'a super::admit::New, &'a [Box<str>])> {
    admitted.new.iter().filter_map(|new| {
        let declaration = work.checked.events[new.ordinal].0.event.error_declaration.as_ref()?;
        let ids = declaration.corrective_event_ids.as_slice();
        (!ids.is_empty()).then_some((new, ids))
    })
}

/// Notes what corrects what, and finds what is not there. After the document's events and ids are stored, and after the clock was taken.
pub(super) async fn dangling(tx: &Tx, work: &Work, admitted: &Admitted) -> Result<Vec<Finding>, ServiceError> {
    let party = &work.job.actor.party;
    let named: Vec<String> = corrections(work, admitted)
        .flat_map(|(_, ids)| ids.iter().map(ToString::to_string))
        .collect();
    let taken: HashSet<String> = identity::taken(tx, party, &named).await?.into_iter().collect();
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for (new, ids) in corrections(work, admitted) {
        rows.extend(ids.iter().map(|id| (new.key, &**id, taken.contains(&**id))));
        let missing: Vec<&str> = ids.iter().map(|id| &**id).filter(|id| !taken.contains(*id)).collect();
        if let Some(first) = missing.first() {
            let shown: String = first.chars().take(80).collect();
            let pointer = format!(
                "{}/errorDeclaration/correctiveEventIDs",
                work.checked.events[new.ordinal].0.pointer
            );
            let detail = format!("{} of {} are not there, such as `{shown}`", missing.len(), ids.len());
            findings.push(Finding::new(FindingCode::DanglingCorrection, pointer, detail).at_event(new.ordinal));
        }
    }
    identity::correct(tx, party, &rows).await?;
    Ok(findings)
}

/// Clears the findings of declarations whose corrective events are all there now. After the clock was taken.
/// `aliases` are the ids that the document gave to events beside their own.
pub(super) async fn arrived(tx: &Tx, work: &Work, aliases: &[String]) -> Result<(), ServiceError> {
    let party = &work.job.actor.party;
    if !identity::any_open(tx, party).await? {
        return Ok(());
    }
    let mut ids = event::ids_of(tx, work.job.document).await?;
    ids.extend_from_slice(aliases);
    let complete = identity::arrived(tx, party, &ids).await?;
    let standing = finding::open_of_events(tx, &complete).await?;
    let gone: Vec<_> = standing
        .iter()
        .filter(|finding| finding.code == FindingCode::DanglingCorrection)
        .collect();
    Ok(finding::clear(tx, &gone, work.now).await?)
}
