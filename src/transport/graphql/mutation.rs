//! The fields of the mutation root, one file a noun.

pub mod grant;
pub mod life;
pub mod lot;
pub mod pool;
pub mod serial;

use async_graphql::MergedObject;

/// What a party can do. Documents are sent to `/epcis/capture` instead.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    grant::GrantMutation,
    life::LifeMutation,
    lot::LotMutation,
    pool::PoolMutation,
    serial::SerialMutation,
);
