//! Connections: arguments in, a service's page out.

use async_graphql::OutputType;
use async_graphql::connection::{Connection, Edge};
use uuid::Uuid;

use crate::domain::party::Actor;
use crate::service::Hub;
use crate::service::page::{Cursor, Page, Paged};

use super::refusal::{Answer, bad_input, refuse};

/// Rows of a page where `first` is not given.
pub const DEFAULT_FIRST: i32 = 50;

/// A page of nodes.
pub type Pages<T> = Connection<String, T>;

/// What a page costs per row, for the complexity of its field; what is out of range is refused by [`page`].
#[must_use]
pub fn rows(first: Option<i32>) -> usize {
    usize::try_from(first.unwrap_or(DEFAULT_FIRST)).unwrap_or(0)
}

/// The page that is asked for, held against the limit.
pub fn page(hub: &Hub, actor: &Actor, list: &str, first: Option<i32>, after: Option<String>) -> Answer<Page> {
    let most = hub.limits().page;
    let first = usize::try_from(first.unwrap_or(DEFAULT_FIRST))
        .ok()
        .filter(|first| *first <= most);
    let first = first.ok_or_else(|| bad_input(format!("`first` is a number from 0 to {most}")))?;
    let after = after
        .map(|text| Cursor::open(&text, actor, list))
        .transpose()
        .map_err(refuse)?;
    Ok(Page { first, after })
}

/// A service's page as a connection.
pub fn connection<T, N: OutputType>(actor: &Actor, list: &str, page: Page, paged: Paged<T>, node: impl Fn(T) -> N) -> Pages<N> {
    let mut connection = Connection::new(page.after.is_some(), paged.has_next);
    connection.edges = paged
        .rows
        .into_iter()
        .map(|(cursor, row)| Edge::new(cursor.seal(actor, list), node(row)))
        .collect();
    connection
}

/// A page of a list that is in memory already, by position.
#[must_use]
pub fn slice<T: Clone>(all: &[T], page: Page) -> Paged<T> {
    let start = page
        .after
        .and_then(|cursor| usize::try_from(cursor.at).ok())
        .map_or(0, |last| last.saturating_add(1));
    let rest = all.iter().enumerate().skip(start).take(page.first.saturating_add(1));
    let cursor = |index: usize| Cursor {
        at: i64::try_from(index).unwrap_or(i64::MAX),
        id: Uuid::nil(),
    };
    Paged::from_probe(rest.map(|(index, row)| (cursor(index), row.clone())).collect(), page)
}
