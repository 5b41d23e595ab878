//! The committed schema, read as a caller would: which fields there are, and the largest selection of each.
//!
//! What is asked is made from it, so that a new field is asked for as soon as it is there.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};

/// One field of an object.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    /// Its type, without lists and exclamation marks.
    pub of: String,
    /// Arguments, each with whether it must be given.
    pub arguments: Vec<(String, bool)>,
}

impl Field {
    pub fn takes(&self, argument: &str) -> bool {
        self.arguments.iter().any(|(name, _)| name == argument)
    }

    pub fn needs_any(&self) -> bool {
        self.arguments.iter().any(|(_, needed)| *needed)
    }
}

/// Objects and interfaces by name.
#[derive(Debug, Clone)]
pub struct Schema(pub BTreeMap<String, Vec<Field>>);

impl Schema {
    pub fn committed() -> Self {
        let text = include_str!("../../../schema/counterfoil.graphql");
        let document = parse_schema(text).expect("the committed schema");
        let mut objects = BTreeMap::new();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => continue,
            };
            objects.insert(name, fields.into_iter().map(|field| read(field.node)).collect());
        }
        Self(objects)
    }

    pub fn fields(&self, object: &str) -> &[Field] {
        self.0.get(object).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every field of an object that needs no argument, down to scalars; lists inside have three rows a page.
    pub fn selection(&self, object: &str) -> String {
        self.below(object, &mut Vec::new())
    }

    fn below(&self, object: &str, path: &mut Vec<String>) -> String {
        if path.iter().any(|known| known == object) || path.len() > 6 {
            return "__typename".to_owned();
        }
        path.push(object.to_owned());
        let is_connection = object.ends_with("Connection");
        let mut selected = vec!["__typename".to_owned()];
        for field in self.fields(object).iter().filter(|field| !field.needs_any()) {
            let page = if field.takes("first") { "(first: 3)" } else { "" };
            if is_connection && field.name == "edges" {
                selected.push("edges { cursor }".to_owned());
            } else if self.0.contains_key(&field.of) {
                selected.push(format!("{}{page} {{ {} }}", field.name, self.below(&field.of, path)));
            } else {
                selected.push(field.name.clone());
            }
        }
        path.pop();
        selected.join(" ")
    }
}

fn read(field: FieldDefinition) -> Field {
    let arguments = field.arguments.into_iter().map(|argument| {
        let needed = !argument.node.ty.node.nullable && argument.node.default_value.is_none();
        (argument.node.name.node.to_string(), needed)
    });
    Field {
        name: field.name.node.to_string(),
        of: base(&field.ty.node),
        arguments: arguments.collect(),
    }
}

fn base(of: &Type) -> String {
    match &of.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => base(inner),
    }
}
