//! The fields of the mutation root, one file a noun.

pub mod life;
pub mod pool;
pub mod lot;
pub mod serial;

use async_graphql::MergedObject;

/// What a party can do. Documents are sent to `/epcis/capture` instead.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(life::LifeMutation, pool::PoolMutation, serial::SerialMutation);
pub struct Mutation(life::LifeMutation, lot::LotMutation, serial::SerialMutation);
