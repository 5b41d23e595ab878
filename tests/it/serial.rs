//! Serial numbers: nobody gets one twice, a retry costs none, a stranger learns nothing.

use std::collections::HashSet;

use axum::http::StatusCode;
use counterfoil::domain::agreement::Agreement;
use counterfoil::domain::gs1::Gtin;
use counterfoil::domain::party::{Actor, Party, Registry};
use counterfoil::service::serial::{Allocation, Numbered, SerialRequest, SerialStream, allocation, allocations, request};
use counterfoil::service::{Code, Hub, ServiceError};

use crate::hub::TestHub;
use crate::story::{AUROXIN, LUMIVAR};

mod approval;
mod broker;
mod closed;
mod concurrency;
mod conservation;
mod download;
mod floor;
mod format;
mod import;
mod key;
mod ledger;
mod life;
mod limits;
mod lookup;
mod lot;
mod pool;
mod randomness;
mod receipt;
mod registration;
mod replenish;
mod request;
mod search;
mod state;
mod transfer;
mod writer;

/// A request for Auroxin.
fn wanted(key: &str, quantity: u64) -> SerialRequest {
    SerialRequest::new(AUROXIN.parse::<Gtin>().unwrap(), quantity, key)
}

/// Packwell's, granted.
async fn granted(test: &TestHub, key: &str, quantity: u64) -> Allocation {
    request(&test.hub, &test.actor("packwell"), wanted(key, quantity))
        .await
        .unwrap()
}

/// All numbers of an allocation, over the public interface, as its holder.
async fn numbers(test: &TestHub, allocation: &Allocation) -> Vec<String> {
    let actor = Actor {
        party: allocation.party.clone(),
        system: "line-1".to_owned(),
    };
    let path = format!("/serials/v1/allocations/{}/serials", allocation.id);
    let answer = test.get(&actor, &path).await.expect(StatusCode::OK);
    let rows = answer.text().strip_prefix("gtin,serial\r\n").unwrap().lines();
    let prefix = format!("{},", allocation.numbered);
    rows.map(|row| row.strip_prefix(&prefix).unwrap().to_owned()).collect()
}

/// The code and text of a refusal.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> (Code, String) {
    let error = result.unwrap_err();
    (error.code(), error.to_string())
}

/// Changes the contracts of a hub in memory, as applying other partner files would.
fn amend(hub: &Hub, party: impl Fn(&mut Party), agreement: impl Fn(&mut Agreement)) {
    let registry = hub.registry();
    let mut parties: Vec<Party> = registry.parties().map(|party| Party::clone(party)).collect();
    let mut agreements: Vec<Agreement> = parties
        .iter()
        .flat_map(|party| {
            registry
                .agreements_of(&party.id)
                .filter(|agreement| agreement.principal == party.id)
        })
        .map(|agreement| Agreement::clone(agreement))
        .collect();
    parties.iter_mut().for_each(party);
    agreements.iter_mut().for_each(agreement);
    hub.set_registry(Registry::new(registry.version() + 1, parties, agreements));
}
