//! A subscriber's own server for one test: it notes what comes and answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    /// This status.
    Status(u16),
    /// Takes no more than so many events at once.
    AtMost(usize),
    /// Notes it and never answers.
    Hangs,
    /// Sends the caller elsewhere: to itself.
    Redirects,
}

/// How it answers, and what came.
type Notes = Arc<Mutex<(Mood, Vec<Got>)>>;

/// What came.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether it was answered with 2xx.
    pub taken: bool,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub fn events(&self) -> Vec<Value> {
        let list = self.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].clone();
        list.as_array().expect("an event list").clone()
    }

    /// The numbers that `label` put into the ids.
    pub fn numbers(&self) -> Vec<u32> {
        let id = |event: &Value| event["eventID"].as_str().expect("an id").to_owned();
        let number = |id: String| id[id.len() - 12..].parse().expect("a number");
        self.events().iter().map(id).map(number).collect()
    }
}

#[derive(Debug, Clone)]
pub struct Receiver {
    told: Notes,
    pub origin: String,
}

impl Receiver {
    pub async fn start() -> Self {
        let told = Arc::new(Mutex::new((Mood::Takes, Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let receiver = Self { told, origin };
        let router = receiver.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// What it does with a call, for another way in.
    pub fn router(&self) -> Router {
        Router::new().fallback(take).with_state(Arc::clone(&self.told))
    }

    pub fn set(&self, mood: Mood) {
        self.told.lock().unwrap().0 = mood;
    }

    /// All that came since the last look.
    pub fn got(&self) -> Vec<Got> {
        std::mem::take(&mut self.told.lock().unwrap().1)
    }

    /// What came at one path, whatever was looked at.
    pub fn got_at(&self, path: &str) -> Vec<Got> {
        let told = self.told.lock().unwrap();
        told.1.iter().filter(|got| got.path == path).cloned().collect()
    }

    /// The numbers of all that was taken since the last look.
    pub fn taken(&self) -> Vec<u32> {
        let got = self.got();
        got.iter().filter(|got| got.taken).flat_map(Got::numbers).collect()
    }

    /// Waits until something has come.
    pub async fn reached(&self) {
        while self.told.lock().unwrap().1.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn take(State(told): State<Notes>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mood = told.lock().unwrap().0;
    let mut got = Got {
        path: uri.path().to_owned(),
        headers,
        body,
        taken: false,
    };
    let status = match mood {
        Mood::Takes => StatusCode::NO_CONTENT,
        Mood::Status(status) => StatusCode::from_u16(status).expect("a status"),
        Mood::AtMost(most) if got.events().len() > most => StatusCode::PAYLOAD_TOO_LARGE,
        Mood::AtMost(_) => StatusCode::OK,
        Mood::Hangs => StatusCode::REQUEST_TIMEOUT,
        Mood::Redirects => StatusCode::TEMPORARY_REDIRECT,
    };
    got.taken = status.is_success();
    told.lock().unwrap().1.push(got);
    if mood == Mood::Hangs {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    match mood {
        Mood::Redirects => (status, [(header::LOCATION, "/elsewhere")]).into_response(),
        Mood::Takes | Mood::Status(_) | Mood::AtMost(_) | Mood::Hangs => status.into_response(),
    }
}
