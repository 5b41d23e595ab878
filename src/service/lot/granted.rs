//! What grants show of a lot: the commissionings of it, folded.

use crate::domain::gs1::Gtin;
use crate::domain::party::Actor;
use crate::domain::seen::{self as told, Made, Words};
use crate::domain::time::Micros;
use crate::service::Hub;
use crate::service::error::ServiceError;
use crate::service::lens::{Attempts, Lens};
use crate::service::seen::Heard;
use crate::storage::view;

/// Events of one read.
const ROWS: usize = 200;

/// What was made of the lot, product by product.
pub(super) async fn made(hub: &Hub, actor: &Actor, (gtins, lot): (&[Gtin], &str)) -> Result<Vec<Made>, ServiceError> {
    let mut attempts = Attempts::default();
    loop {
        let lens = Lens::of(hub, actor, []).await?;
        let (mut heard, ids, mut after) = (Heard::new(hub, actor, &lens), lens.ids(), None);
        loop {
            let keys = view::lot::covered(hub.db(), &ids, (gtins, lot), after, ROWS).await?;
            after = keys.last().copied().or(after);
            heard.of_events(&keys).await?;
            if keys.len() < ROWS {
                break;
            }
        }
        if heard.may_be_told().await? {
            let words = Words::counting(heard.words(), Micros::FOREVER, Micros::FOREVER);
            return Ok(told::made(&words, gtins, lot));
        }
        attempts.again()?;
    }
}
