//! What EPCIS events say became of packs, in the books of whosever numbers they are.
//!
//! Whether the teller may speak of the pack, and which of its events counts, is capture's to decide; which moves there are is the table's. A
//! move that there is not changes nothing here: the ledger of the goods has its own findings for it.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::domain::gs1::Gtin;
use crate::domain::serial::life::{SerialState, Who};
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::storage::Tx;
use crate::storage::serial::lot::{self, Hold};
use crate::storage::serial::slice::Reach;

use super::locate::{Located, locate};
use super::usage::save;

/// What the events said of one pack, and what they say now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its serial.
    pub serial: String,
    /// The state they gave it; none: that of a pack nothing was said of since its commissioning.
    pub from: Option<SerialState>,
    /// The state they give it now.
    pub to: Option<SerialState>,
    /// Whether an event came, or was taken back.
    pub who: Who,
}

/// Holds lots against being closed until the transaction ends.
pub async fn hold_lots(tx: &Tx, lots: &[(Gtin, &str)]) -> Result<(), ServiceError> {
    let lots: Vec<_> = lots.iter().map(|(gtin, lot)| ((*gtin).into(), *lot)).collect();
    Ok(lot::hold(tx, &lots, Hold::Shared).await?)
}

/// Moves packs of a product to where the events say they are.
pub async fn follow(tx: &Tx, hub: &Hub, gtin: Gtin, packs: &[Followed]) -> Result<(), ServiceError> {
    let serials: Vec<&str> = packs.iter().map(|pack| pack.serial.as_str()).collect();
    let mut located = locate(tx, hub, Reach::Anyone, gtin.into(), &serials).await?;
    for Located { kept, numbers } in &mut located {
        let mut groups = BTreeMap::<_, RoaringBitmap>::new();
        for (position, offset) in numbers.iter() {
            let pack = &packs[*position];
            let key = (pack.from, pack.to, pack.who == Who::Correction);
            groups.entry(key).or_default().insert(*offset);
        }
        let lot = kept.stored.allocation.lot.clone().unwrap_or_default();
        for ((from, to, corrects), mut which) in groups {
            let to = to.unwrap_or(SerialState::Commissioned);
            let who = if corrects {
                // What somebody reported since stays as it was reported.
                which &= kept.book.in_state(from.unwrap_or(SerialState::Commissioned));
                Who::Correction
            } else {
                Who::Capture
            };
            kept.book.shift(&which, to, who, &lot);
        }
    }
    save(tx, &located, hub).await
}
