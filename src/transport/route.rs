//! Routes that know their names: the table of what the ports answer is made where they are made, so that none can be forgotten in it.
//!
//! A router of axum does not tell what it holds. Whoever adds a route does it here, and the matrix of callers
//! (`tests/it/matrix/access.txt`) must then say what each of them is answered.
//!
//! # Invariants
//! - Every route of [`super::http`] and [`super::operations`] is of a [`Routes`]; `axum::routing` is used nowhere else.

use std::convert::Infallible;

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use axum::{Extension, Router};

use crate::service::Hub;

/// One thing that can be called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// With its parameters in braces.
    pub path: String,
    /// Of HTTP. HEAD goes with GET and is named only where it is answered otherwise.
    pub method: &'static str,
}

/// What is answered under one path.
#[derive(Debug)]
pub struct Methods<S = Hub> {
    router: MethodRouter<S, Infallible>,
    names: Vec<&'static str>,
}

macro_rules! methods {
    ($($name:ident = $method:literal;)*) => {
        $(
            #[doc = concat!("Answers ", $method, ".")]
            pub fn $name<H, T, S>(handler: H) -> Methods<S>
            where
                H: Handler<T, S>,
                T: 'static,
                S: Clone + Send + Sync + 'static,
            {
                Methods { router: routing::$name(handler), names: vec![$method] }
            }
        )*

        impl<S: Clone + Send + Sync + 'static> Methods<S> {
            $(
                #[doc = concat!("Answers ", $method, " as well.")]
                #[must_use]
                pub fn $name<H, T>(mut self, handler: H) -> Self
                where
                    H: Handler<T, S>,
                    T: 'static,
                {
                    self.names.push($method);
                    Self { router: self.router.$name(handler), ..self }
                }
            )*
        }
    };
}

methods! {
    get = "GET";
    head = "HEAD";
    post = "POST";
    delete = "DELETE";
    options = "OPTIONS";
}

/// Routes and their table.
#[derive(Debug)]
pub struct Routes<S = Hub> {
    router: Router<S>,
    table: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            table: Vec::new(),
        }
    }

    /// With one more path.
    #[must_use]
    pub fn route(mut self, path: &str, methods: Methods<S>) -> Self {
        let named = |method| Route {
            path: path.to_owned(),
            method,
        };
        self.table.extend(methods.names.into_iter().map(named));
        Self {
            router: self.router.route(path, methods.router),
            ..self
        }
    }

    /// With those of another noun.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.table.extend(other.table);
        Self {
            router: self.router.merge(other.router),
            ..self
        }
    }

    /// With something that all of these share.
    #[must_use]
    pub fn with_shared<T: Clone + Send + Sync + 'static>(self, shared: T) -> Self {
        Self {
            router: self.router.layer(Extension(shared)),
            ..self
        }
    }

    /// What answers.
    pub fn into_router(self) -> Router<S> {
        self.router
    }

    /// What can be called, in order.
    #[must_use]
    pub fn into_table(mut self) -> Vec<Route> {
        self.table.sort();
        self.table
    }
}
