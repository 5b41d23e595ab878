//! The fields of the mutation root, one file a noun.

pub mod life;
pub mod lot;
pub mod pool;
pub mod serial;

use async_graphql::MergedObject;

/// What a party can do. Documents are sent to `/epcis/capture` instead.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    life::LifeMutation,
    lot::LotMutation,
    pool::PoolMutation,
    serial::SerialMutation,
);
