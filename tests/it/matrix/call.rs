//! What each caller sends: every mutation, every route with its method.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::scene::{IMPORTED, LOT, Scene, escaped};
use crate::soap::{EPCISQ, enveloped};
use crate::story::{self, AUROXIN, AUROXIN_CASE, LUMIVAR};

/// Every mutation, with arguments for one caller; what it is about is new for each caller where it can be done but once.
pub async fn variables(scene: &Scene, mutation: &str, column: &str) -> Value {
    let key = format!("{mutation}-{column}");
    match mutation {
        "approveAllocation" | "rejectAllocation" => json!({"id": scene.fresh_pending().await, "reason": "no"}),
        "closeAllocation" => json!({"id": scene.fresh_allocation().await, "reason": "over"}),
        "confirmAllocation" => json!({"id": scene.fresh_fetched().await}),
        "extendLease" => json!({"allocationId": scene.fresh_allocation().await}),
        "closeLot" => json!({"input": {"gtin": AUROXIN, "lot": scene.fresh_lot().await, "reason": "done", "unusedAs": "LOST"}}),
        "declareEmergency" => json!({"input": {"gtin": LUMIVAR, "reason": "leaflets", "until": "2026-03-20T00:00:00Z"}}),
        "endEmergency" => json!({"input": {"emergency": scene.fresh_emergency().await}}),
        "liftCap" => json!({"input": {"cap": scene.fresh_cap().await}}),
        "proposeGrant" => {
            let gln = story::gln_of(&scene.test, "cornerstone");
            let other = story::gln_of(&scene.test, "meridian");
            json!({"input": {"granteeGln": if column == "later" { other } else { gln }, "levels": [{"class": "EXISTENCE", "level": "full"}],
                "purpose": "p", "validUntil": "2027-01-01T00:00:00Z"}})
        }
        "setCap" => {
            json!({"input": {"levels": [{"class": "WHERE", "level": "country"}], "granteeGlns": [story::gln_of(&scene.test, "meridian")]}})
        }
        "revokeGrant" => json!({"input": {"grant": scene.fresh_grant(true).await, "reason": "over"}}),
        "signGrant" => {
            let grant = scene.fresh_grant(false).await;
            let jws = scene.jws(column, &scene.text_of(&grant).await);
            json!({"input": {"grant": grant, "jws": jws}})
        }
        "reportSerials" => json!({"input": {"gtin": AUROXIN, "serials": [scene.serials[4], "NEVERISSUED2"], "to": "ENCODED"}}),
        "requestSerials" => json!({"input": {"gtin": AUROXIN, "quantity": 2, "idempotencyKey": key}}),
        "rotateSerialKey" => json!({"input": {"gtin": AUROXIN, "epoch": 1, "reason": "lost"}}),
        "transferSerials" => {
            let from = scene.fresh_allocation().await;
            json!({"input": {"gtin": AUROXIN, "allocationId": from, "unused": true, "idempotencyKey": key, "to": story::gln_of(&scene.test, "sigmapack")}})
        }
        other => panic!("no arguments for the mutation `{other}`: add them here, then read the diff of the matrix"),
    }
}

/// One request, whoever sends it.
#[derive(Clone)]
pub struct Wire {
    pub method: &'static str,
    pub path: String,
    pub content_type: &'static str,
    /// `Idempotency-Key`.
    pub key: String,
    pub body: String,
}

impl Wire {
    pub fn graphql(query: &str, variables: &Value) -> Self {
        Self {
            method: "POST",
            path: "/graphql".to_owned(),
            content_type: "application/json",
            key: String::new(),
            body: json!({"query": query, "variables": variables}).to_string(),
        }
    }

    pub fn request(&self) -> Request<Body> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(&self.path)
            .header("content-type", self.content_type);
        if !self.key.is_empty() {
            request = request.header("idempotency-key", format!("\"{}\"", self.key));
        }
        request.body(Body::from(self.body.clone())).expect("a request")
    }

    /// The same about what nobody has; none if it names nothing of the scene.
    pub fn of_nothing(&self, scene: &Scene) -> Option<Self> {
        let (path, body) = (scene.of_nothing(&self.path), scene.of_nothing(&self.body));
        let differs = path != self.path || body != self.body;
        differs.then(|| Self {
            path,
            body,
            key: format!("{}-nothing", self.key),
            ..self.clone()
        })
    }
}

/// One call of a route.
pub struct Call {
    /// As the router has it.
    pub route: &'static str,
    pub method: &'static str,
    /// Which of several of one route.
    pub variant: &'static str,
    path: String,
    content_type: &'static str,
    body: String,
}

impl Call {
    /// As one caller sends it: `{me}` is the caller's GLN, `{n}` its own name.
    pub fn wire(&self, scene: &Scene, column: &str) -> Wire {
        let own = if column == "anonymous" {
            "9521000000018".to_owned()
        } else {
            story::gln_of(&scene.test, scene.actor(column).party.as_str())
        };
        let fill = |text: &str| text.replace("{me}", &own).replace("{n}", column);
        Wire {
            method: self.method,
            path: fill(&self.path),
            content_type: self.content_type,
            key: format!("{}-{}-{column}", self.route, self.variant),
            body: fill(&self.body),
        }
    }
}

/// At least one call of every route; those that write come last.
pub fn calls(scene: &Scene) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |method, route, variant, path: String, (content_type, body): (&'static str, String)| {
        calls.push(Call {
            route,
            method,
            variant,
            path,
            content_type,
            body,
        });
    };
    let nothing = || ("application/json", String::new());
    let json = |value: Value| ("application/json", value.to_string());
    let event = escaped(&scene.events[0].2);
    let (allocation, transfer, job) = (&scene.allocation, &scene.transfer, &scene.job);
    let unit = escaped(&scene.units[0]);
    let place = escaped(&story::sgln(story::PACKWELL_HALL_1));
    for (route, path) in [
        ("/.well-known/jwks.json", "/.well-known/jwks.json".to_owned()),
        ("/dialects", "/dialects".to_owned()),
        ("/soap/snx/snrequest", "/soap/snx/snrequest?wsdl".to_owned()),
        ("/dry-run/soap/snx/snrequest", "/dry-run/soap/snx/snrequest?wsdl".to_owned()),
        ("/epcis", "/epcis".to_owned()),
        ("/epcis/bizLocations", "/epcis/bizLocations".to_owned()),
        ("/epcis/bizLocations/{name}", format!("/epcis/bizLocations/{place}")),
        (
            "/epcis/bizLocations/{name}/events",
            format!("/epcis/bizLocations/{place}/events"),
        ),
        ("/epcis/bizSteps", "/epcis/bizSteps".to_owned()),
        ("/epcis/bizSteps/{name}", "/epcis/bizSteps/repackaging".to_owned()),
        (
            "/epcis/bizSteps/{name}/events",
            "/epcis/bizSteps/commissioning/events".to_owned(),
        ),
        ("/epcis/capture", "/epcis/capture".to_owned()),
        ("/epcis/capture/{id}", format!("/epcis/capture/{job}")),
        ("/epcis/capture/{id}/document", format!("/epcis/capture/{job}/document")),
        ("/epcis/capture/{id}/findings", format!("/epcis/capture/{job}/findings")),
        ("/epcis/dispositions", "/epcis/dispositions".to_owned()),
        ("/epcis/dispositions/{name}", "/epcis/dispositions/in_transit".to_owned()),
        (
            "/epcis/dispositions/{name}/events",
            "/epcis/dispositions/in_transit/events".to_owned(),
        ),
        ("/epcis/epcs", "/epcis/epcs".to_owned()),
        ("/epcis/epcs/{name}", format!("/epcis/epcs/{unit}")),
        ("/epcis/epcs/{name}/events", format!("/epcis/epcs/{unit}/events")),
        ("/epcis/eventTypes", "/epcis/eventTypes".to_owned()),
        ("/epcis/eventTypes/{name}", "/epcis/eventTypes/ObjectEvent".to_owned()),
        (
            "/epcis/eventTypes/{name}/events",
            "/epcis/eventTypes/ObjectEvent/events".to_owned(),
        ),
        ("/epcis/events", "/epcis/events".to_owned()),
        ("/epcis/events", format!("/epcis/events?MATCH_anyEPC={unit}")),
        ("/epcis/events/{event_id}", format!("/epcis/events/{event}")),
        ("/epcis/events/{event_id}/slice", format!("/epcis/events/{event}/slice")),
        (
            "/epcis/events/{event_id}/exceptions",
            format!("/epcis/events/{event}/exceptions?email=dock@example.org"),
        ),
        ("/epcis/slices", format!("/epcis/slices?epc={unit}")),
        ("/epcis/queries", "/epcis/queries".to_owned()),
        ("/epcis/queries/{name}", "/epcis/queries/labels".to_owned()),
        ("/epcis/queries/{name}/events", "/epcis/queries/labels/events".to_owned()),
        (
            "/epcis/queries/{name}/subscriptions",
            "/epcis/queries/labels/subscriptions".to_owned(),
        ),
        (
            "/epcis/queries/{name}/subscriptions/{id}",
            format!("/epcis/queries/labels/subscriptions/{}", scene.subscription),
        ),
        ("/epcis/readPoints", "/epcis/readPoints".to_owned()),
        ("/epcis/readPoints/{name}", format!("/epcis/readPoints/{place}")),
        ("/epcis/readPoints/{name}/events", format!("/epcis/readPoints/{place}/events")),
        ("/epcis/soap", "/epcis/soap?wsdl".to_owned()),
        ("/graphql", "/graphql?query=%7Bevents%7Bnodes%7Bid%7D%7D%7D".to_owned()),
        ("/serials/v1/allocations", "/serials/v1/allocations".to_owned()),
        (
            "/serials/v1/allocations/{id}",
            format!("/serials/v1/allocations/{allocation}"),
        ),
        (
            "/serials/v1/allocations/{id}/receipt",
            format!("/serials/v1/allocations/{allocation}/receipt"),
        ),
        (
            "/serials/v1/allocations/{id}/receipt/proof",
            format!(
                "/serials/v1/allocations/{allocation}/receipt/proof?serial={}",
                scene.serials[0]
            ),
        ),
        (
            "/serials/v1/allocations/{id}/serials",
            format!("/serials/v1/allocations/{allocation}/serials"),
        ),
        ("/serials/v1/imports", "/serials/v1/imports".to_owned()),
        ("/serials/v1/missing", format!("/serials/v1/missing?gtin={AUROXIN}&lot={LOT}")),
        (
            "/serials/v1/transfers/{id}/serials",
            format!("/serials/v1/transfers/{transfer}/serials"),
        ),
    ] {
        let variant = if path.contains("MATCH") { "of a pack" } else { "" };
        add("GET", route, variant, path, nothing());
    }
    add(
        "HEAD",
        "/serials/v1/allocations/{id}/serials",
        "",
        format!("/serials/v1/allocations/{allocation}/serials"),
        nothing(),
    );
    for route in [
        "/epcis/capture",
        "/epcis/events",
        "/epcis/queries",
        "/epcis/queries/{name}",
        "/epcis/queries/{name}/events",
        "/epcis/queries/{name}/subscriptions",
        "/epcis/queries/{name}/subscriptions/{id}",
        "/epcis/capture/{id}",
        "/epcis/events/{event_id}",
        "/epcis",
        "/epcis/eventTypes",
        "/epcis/eventTypes/{name}",
        "/epcis/eventTypes/{name}/events",
        "/epcis/epcs",
        "/epcis/epcs/{name}",
        "/epcis/epcs/{name}/events",
        "/epcis/bizSteps",
        "/epcis/bizSteps/{name}",
        "/epcis/bizSteps/{name}/events",
        "/epcis/bizLocations",
        "/epcis/bizLocations/{name}",
        "/epcis/bizLocations/{name}/events",
        "/epcis/readPoints",
        "/epcis/readPoints/{name}",
        "/epcis/readPoints/{name}/events",
        "/epcis/dispositions",
        "/epcis/dispositions/{name}",
        "/epcis/dispositions/{name}/events",
    ] {
        add(
            "OPTIONS",
            route,
            "",
            route
                .replace("{name}", "labels")
                .replace("{id}", "none")
                .replace("{event_id}", "none"),
            nothing(),
        );
    }
    add(
        "POST",
        "/graphql",
        "",
        "/graphql".to_owned(),
        json(json!({"query": "{ events { nodes { id } } }"})),
    );
    let numbers = json!({"gtin": AUROXIN, "serials": [scene.serials[0], scene.serials[16], "FOREIGN23456"]});
    add(
        "POST",
        "/serials/v1/lookups",
        "",
        "/serials/v1/lookups".to_owned(),
        json(numbers),
    );
    soap(scene, &mut add);
    let request = json!({"gtin": AUROXIN, "quantity": 2});
    add(
        "POST",
        "/dry-run/serials/v1/allocations",
        "",
        "/dry-run/serials/v1/allocations".to_owned(),
        json(request.clone()),
    );
    add(
        "POST",
        "/dialects/{dialect}/self-test",
        "",
        "/dialects/csv/self-test".to_owned(),
        ("text/csv", format!("gtin,quantity,key\r\n{AUROXIN},2,K\r\n")),
    );
    for (route, content_type, body) in crate::dialect::samples(AUROXIN) {
        add("POST", route, "", route.to_owned(), (content_type, body));
    }
    add(
        "POST",
        "/epcis/queries",
        "",
        "/epcis/queries".to_owned(),
        json(json!({"name": "own-{n}", "query": {"EQ_bizStep": ["shipping"]}})),
    );
    let dest = json!({"dest": format!("{}/there", scene.origin), "stream": true});
    add(
        "POST",
        "/epcis/queries/{name}/subscriptions",
        "",
        "/epcis/queries/labels/subscriptions".to_owned(),
        json(dest),
    );
    add(
        "POST",
        "/epcis/queries/{name}/subscriptions/{id}/resume",
        "",
        format!("/epcis/queries/labels/subscriptions/{}/resume", scene.subscription),
        nothing(),
    );
    add(
        "DELETE",
        "/epcis/queries/{name}/subscriptions/{id}",
        "",
        format!("/epcis/queries/labels/subscriptions/{}", scene.subscription),
        nothing(),
    );
    add(
        "DELETE",
        "/epcis/queries/{name}",
        "",
        "/epcis/queries/labels".to_owned(),
        nothing(),
    );
    add(
        "DELETE",
        "/epcis/nextPageToken/{token}",
        "",
        format!("/epcis/nextPageToken/{}", scene.token),
        nothing(),
    );
    let seen = story::object(
        "2026-03-09T07:00:00Z",
        "{me}",
        "OBSERVE",
        "inspecting",
        "in_progress",
        &scene.units[..1],
    );
    let mut one = seen.clone();
    one["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
    add("POST", "/epcis/events", "", "/epcis/events".to_owned(), json(one));
    add(
        "POST",
        "/epcis/capture",
        "",
        "/epcis/capture".to_owned(),
        json(serde_json::from_str(&story::document(&[seen])).expect("JSON")),
    );
    add(
        "POST",
        "/serials/v1/allocations",
        "",
        "/serials/v1/allocations".to_owned(),
        json(request),
    );
    let report = json!({"gtin": AUROXIN, "serials": [scene.serials[5]], "to": "encoded"});
    add(
        "POST",
        "/serials/v1/reports",
        "",
        "/serials/v1/reports".to_owned(),
        json(report),
    );
    let handed = json!({"gtin": AUROXIN, "serials": [scene.serials[6]], "to": story::gln_of(&scene.test, "sigmapack")});
    add(
        "POST",
        "/serials/v1/transfers",
        "",
        "/serials/v1/transfers".to_owned(),
        json(handed),
    );
    for (act, body) in [
        ("approve", json!({})),
        ("reject", json!({"reason": "no"})),
        ("confirm", json!({})),
        ("close", json!({})),
    ] {
        let route = [
            "/serials/v1/allocations/{id}/approve",
            "/serials/v1/allocations/{id}/reject",
            "/serials/v1/allocations/{id}/confirm",
            "/serials/v1/allocations/{id}/close",
        ];
        let route = route.into_iter().find(|route| route.ends_with(act)).expect("a route");
        let id = if act == "confirm" || act == "close" {
            allocation
        } else {
            &scene.pending
        };
        add("POST", route, "", format!("/serials/v1/allocations/{id}/{act}"), json(body));
    }
    let list = |gtin: &str| ("text/csv", format!("gtin,serial\r\n{gtin},QRTAAAXXXYYY\r\n"));
    add(
        "POST",
        "/serials/v1/imports",
        "",
        "/serials/v1/imports".to_owned(),
        list(IMPORTED),
    );
    add(
        "POST",
        "/serials/v1/registrations",
        "",
        "/serials/v1/registrations".to_owned(),
        list(AUROXIN_CASE),
    );
    calls
}

fn soap(scene: &Scene, add: &mut impl FnMut(&'static str, &'static str, &'static str, String, (&'static str, String))) {
    let message = |content: &str| ("text/xml", enveloped(content));
    let poll = |query: &str, params: &str| {
        format!("<q:Poll xmlns:q='{EPCISQ}'><queryName>{query}</queryName><params>{params}</params></q:Poll>")
    };
    let subscribe = format!(
        "<q:Subscribe xmlns:q='{EPCISQ}'><queryName>labels</queryName><params/><dest>{}/soap</dest><controls><schedule><second>0</second></schedule>\
         <reportIfEmpty>false</reportIfEmpty></controls><subscriptionID>s-1</subscriptionID></q:Subscribe>",
        scene.origin
    );
    let everything = "<param><name>includeAttributes</name><value>true</value></param><param><name>includeChildren</name><value>true</value></param>";
    let of_unit = format!(
        "<param><name>MATCH_anyEPC</name><value><string>{}</string></value></param>",
        scene.units[0]
    );
    for (variant, content) in [
        ("GetStandardVersion", format!("<q:GetStandardVersion xmlns:q='{EPCISQ}'/>")),
        ("GetVendorVersion", format!("<q:GetVendorVersion xmlns:q='{EPCISQ}'/>")),
        ("GetQueryNames", format!("<q:GetQueryNames xmlns:q='{EPCISQ}'/>")),
        (
            "GetSubscriptionIDs",
            format!("<q:GetSubscriptionIDs xmlns:q='{EPCISQ}'><queryName>labels</queryName></q:GetSubscriptionIDs>"),
        ),
        ("Poll events", poll("SimpleEventQuery", "")),
        ("Poll of a pack", poll("SimpleEventQuery", &of_unit)),
        ("Poll master data", poll("SimpleMasterDataQuery", everything)),
        ("Poll a named query", poll("labels", "")),
        ("Subscribe", subscribe),
        (
            "Unsubscribe",
            format!("<q:Unsubscribe xmlns:q='{EPCISQ}'><subscriptionID>s-1</subscriptionID></q:Unsubscribe>"),
        ),
    ] {
        add("POST", "/epcis/soap", variant, "/epcis/soap".to_owned(), message(&content));
    }
}
