//! Top-level resources: only what the caller's events name.

use super::*;

async fn members(test: &TestHub, party: &str, path: &str) -> Vec<String> {
    let (mut path, mut all) = (Some(format!("/epcis/{path}?perPage=2")), Vec::new());
    while let Some(here) = path {
        let page = test.get(&test.actor(party), &here).await.expect(StatusCode::OK);
        let body = page.json();
        assert_eq!(body["type"], "Collection");
        all.extend(
            body["member"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|text| text.as_str().expect("a text").to_owned()),
        );
        path = page.next_page();
    }
    all
}

#[tokio::test]
async fn lists_name_what_the_events_name() {
    let test = TestHub::start().await;
    label(&test, 1, 5).await;
    let ssccs: BTreeSet<String> = (1..=5).map(story::packwell_sscc).collect();
    assert_eq!(
        members(&test, "packwell", "epcs").await,
        ssccs.into_iter().collect::<Vec<_>>()
    );
    assert_eq!(members(&test, "packwell", "bizSteps").await, ["commissioning"]);
    assert_eq!(members(&test, "packwell", "dispositions").await, ["active"]);
    assert_eq!(
        members(&test, "packwell", "readPoints").await,
        [story::sgln(story::PACKWELL_HALL_1)]
    );
    assert_eq!(
        members(&test, "packwell", "bizLocations").await,
        [story::sgln(story::PACKWELL_HALL_1)]
    );
    for list in ["epcs", "bizSteps", "dispositions", "readPoints", "bizLocations"] {
        assert_eq!(members(&test, "halden", list).await, Vec::<String>::new(), "{list}");
    }
    let types = test
        .get(&test.actor("halden"), "/epcis/eventTypes")
        .await
        .expect(StatusCode::OK);
    assert_eq!(types.json()["member"].as_array().map(Vec::len), Some(5));
    let top = test.get(&test.actor("halden"), "/epcis").await.expect(StatusCode::OK);
    assert_eq!(top.json()["member"].as_array().map(Vec::len), Some(9));
    test.get(&test.actor("packwell"), "/epcis/epcs?EQ_bizStep=shipping")
        .await
        .expect(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_member_leads_to_its_events() {
    let test = TestHub::start().await;
    label(&test, 1, 3).await;
    let urn = format!("urn:epc:id:sscc:9521002.0{:09}", 2);
    let one = |list: &str, id: &str| format!("/epcis/{list}/{}", escaped(id));
    let paths = [
        (one("epcs", &urn), 1),
        (one("epcs", &story::packwell_sscc(2)), 1),
        (one("bizSteps", "commissioning"), 3),
        (one("bizSteps", "urn:epcglobal:cbv:bizstep:commissioning"), 3),
        (one("dispositions", "active"), 3),
        (one("readPoints", &story::sgln(story::PACKWELL_HALL_1)), 3),
        (one("bizLocations", &story::sgln(story::PACKWELL_HALL_1)), 3),
        (one("eventTypes", "ObjectEvent"), 3),
    ];
    let packwell = test.actor("packwell");
    for (path, many) in &paths {
        let shown = test.get(&packwell, path).await.expect(StatusCode::OK);
        assert_eq!(shown.json()["member"], json!(["events"]), "{path}");
        let events = test.get(&packwell, &format!("{path}/events")).await.expect(StatusCode::OK);
        assert_eq!(events.event_ids().len(), *many, "{path}");
        let narrowed = test
            .get(&packwell, &format!("{path}/events?EQ_action=DELETE"))
            .await
            .expect(StatusCode::OK);
        assert_eq!(narrowed.event_ids().len(), 0, "{path}");
        let mut page = test
            .get(&packwell, &format!("{path}/events?perPage=1"))
            .await
            .expect(StatusCode::OK);
        let mut seen = page.event_ids();
        while let Some(more) = page.next_page() {
            page = test.get(&packwell, &more).await.expect(StatusCode::OK);
            seen.extend(page.event_ids());
        }
        assert_eq!(seen.len(), *many, "{path}");
    }
    // What is hidden answers as what is not there.
    let absent = story::packwell_sscc(99);
    for (list, hidden, absent) in [
        ("epcs", story::packwell_sscc(2), absent),
        ("bizSteps", "commissioning".to_owned(), "shipping".to_owned()),
        (
            "readPoints",
            story::sgln(story::PACKWELL_HALL_1),
            story::sgln(story::PACKWELL_HALL_2),
        ),
    ] {
        for tail in ["", "/events"] {
            let answer = async |id: &str| {
                let answer = test.get(&test.actor("halden"), &format!("{}{tail}", one(list, id))).await;
                let body = answer.text().to_owned();
                (answer.status, body.len())
            };
            assert_eq!(answer(&hidden).await, answer(&absent).await, "{list}{tail}");
        }
    }
    test.get(&packwell, "/epcis/eventTypes/NoEvent")
        .await
        .expect(StatusCode::NOT_FOUND);
    test.get(&packwell, "/epcis/epcs/x%20y").await.expect(StatusCode::NOT_FOUND);
}
