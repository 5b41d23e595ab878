//! Answers in the order of their questions (GraphQL October 2021, clause 6.2.2: a response map is ordered by the fields of the query).
//!
//! The library resolves the fields of an object side by side and writes them down as they end. Whoever asks for two fields would learn which
//! of them was the harder to answer, and so whether there is something that it may not see; and errors would come in the order of chance.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, PathSegment, Positioned, Response, Value};

/// Where each field of an object stands, and what of what is inside it.
#[derive(Debug, Default)]
pub(super) struct Order(HashMap<Name, (usize, Self)>);

impl Order {
    /// Of all that a document can be answered with. Bounded by what [`guard`](super::super::guard) lets through.
    pub(super) fn of(document: &ExecutableDocument, operation: Option<&str>) -> Self {
        let mut order = Self::default();
        for (name, found) in document.operations.iter() {
            if operation.is_none() || name.map(Name::as_str) == operation {
                order.add(&found.node.selection_set, document);
            }
        }
        order
    }

    fn add(&mut self, set: &Positioned<SelectionSet>, document: &ExecutableDocument) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    let next = self.0.len();
                    let key = field.node.response_key().node.clone();
                    let (_, inside) = self.0.entry(key).or_insert_with(|| (next, Self::default()));
                    inside.add(&field.node.selection_set, document);
                }
                Selection::InlineFragment(fragment) => self.add(&fragment.node.selection_set, document),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        self.add(&fragment.node.selection_set, document);
                    }
                }
            }
        }
    }

    /// Puts an answer in order, its errors too.
    pub(super) fn put(&self, response: &mut Response) {
        self.sort(&mut response.data);
        response.errors.sort_by_cached_key(|error| self.place(&error.path));
    }

    fn sort(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.sort_by_cached_key(|name, _| self.0.get(name).map_or(usize::MAX, |(place, _)| *place));
                for (name, value) in fields.iter_mut() {
                    if let Some((_, inside)) = self.0.get(name) {
                        inside.sort(value);
                    }
                }
            }
            Value::List(values) => values.iter_mut().for_each(|value| self.sort(value)),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Boolean(_) | Value::Binary(_) | Value::Enum(_) => {}
        }
    }

    fn place(&self, path: &[PathSegment]) -> Vec<usize> {
        let mut here = Some(self);
        let mut place = Vec::with_capacity(path.len());
        for segment in path {
            match segment {
                PathSegment::Index(index) => place.push(*index),
                PathSegment::Field(name) => {
                    let found = here.and_then(|order| order.0.get(name.as_str()));
                    place.push(found.map_or(usize::MAX, |(place, _)| *place));
                    here = found.map(|(_, inside)| inside);
                }
            }
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::{ServerError, value};

    use super::*;

    #[test]
    fn an_answer_has_the_order_of_the_question() {
        let document =
            parse_query("{ b a: x { z ...f } ... on Query { c b { late } } a { first } } fragment f on X { y }").unwrap();
        let order = Order::of(&document, None);
        let mut response = Response::new(value!({"c": 1, "a": [{"first": 1, "y": 2, "z": 3}, null], "b": {"late": 1}}));
        let error = |path: &[PathSegment]| ServerError {
            path: path.to_vec(),
            ..ServerError::new("wrong", None)
        };
        let (a, c) = (PathSegment::Field("a".to_owned()), PathSegment::Field("c".to_owned()));
        response.errors = vec![
            error(std::slice::from_ref(&c)),
            error(&[a.clone(), PathSegment::Index(1)]),
            error(&[a]),
        ];
        order.put(&mut response);
        assert_eq!(
            serde_json::to_string(&response.data).unwrap(),
            r#"{"b":{"late":1},"a":[{"z":3,"y":2,"first":1},null],"c":1}"#
        );
        let lengths: Vec<usize> = response.errors.iter().map(|error| error.path.len()).collect();
        assert_eq!(lengths, [1, 2, 1]);
        assert!(matches!(&response.errors[2].path[0], PathSegment::Field(name) if name == "c"));
    }
}
