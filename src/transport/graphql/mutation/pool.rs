//! Keys of serial numbers.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};

use crate::service::error::Code;
use crate::service::serial::{self, Rotation};
use crate::transport::graphql::query::pool::numbered;
use crate::transport::graphql::types::caller;
use crate::transport::graphql::types::pool::SerialPool;
use crate::transport::graphql::types::refusal::{Answer, bad_input, refuse};
use crate::transport::graphql::types::scalar::Long;

/// A new key for the serial numbers of a product.
#[derive(Debug, InputObject)]
pub struct RotateSerialKeyInput {
    /// The epoch whose key is given up, as `serialPools` shows it: asked again for one that was, nothing more happens.
    epoch: Long,
    /// GTIN of the product.
    gtin: String,
    /// Why, for the audit: 1 to 500 characters.
    reason: String,
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum RotateSerialKeyStatus {
    /// New numbers are made with a new key.
    Rotated,
    /// The key of this epoch was given up before; nothing was done.
    AlreadyRotated,
    /// Nothing was done: earlier epochs issued as many numbers as the density allows.
    PoolExhausted,
}

/// How a rotation ended.
#[derive(Debug, SimpleObject)]
pub struct RotateSerialKeyPayload {
    /// The pool that numbers come from now.
    pool: Option<SerialPool>,
    /// What is wrong and what to do, if nothing was done.
    reason: Option<String>,
    /// How it ended.
    status: RotateSerialKeyStatus,
}

/// Fields of this noun.
#[derive(Debug, Default)]
pub struct PoolMutation;

#[Object]
impl PoolMutation {
    /// Takes a new key for the serial numbers of one of the caller's own products. Numbers that are out stay good; new ones leave them out.
    async fn rotate_serial_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which key, and why.")] input: RotateSerialKeyInput,
    ) -> Answer<RotateSerialKeyPayload> {
        let (hub, actor) = caller(context)?;
        let rotation = Rotation {
            numbered: numbered(&input.gtin)?,
            epoch: i64::try_from(input.epoch.0).map_err(|_| bad_input("`epoch` is none that `serialPools` shows"))?,
            reason: input.reason,
        };
        match serial::rotate(hub, actor, rotation).await {
            Ok(rotated) => Ok(RotateSerialKeyPayload {
                pool: Some(SerialPool(rotated.pool)),
                reason: None,
                status: if rotated.fresh {
                    RotateSerialKeyStatus::Rotated
                } else {
                    RotateSerialKeyStatus::AlreadyRotated
                },
            }),
            Err(error) if error.code() == Code::PoolExhausted => Ok(RotateSerialKeyPayload {
                pool: None,
                reason: Some(error.to_string()),
                status: RotateSerialKeyStatus::PoolExhausted,
            }),
            Err(error) => Err(refuse(error)),
        }
    }
}
