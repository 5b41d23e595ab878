//! What a grant does to provenance: names of hops, for as long as it stands.

use super::*;

#[tokio::test]
async fn a_grant_names_the_parties_of_hops_that_the_grantee_knows_of() {
    let test = TestHub::start().await;
    test.set_time("2026-03-06T12:00:00Z");
    let (told, _) = story::tell(&test).await;
    let query =
        "query ($epc: String!) { provenance(epc: $epc) { unbroken hops { role country month at site party { legalName } } } }";
    let ask = async |party: &str| {
        let data = test
            .graphql_data(&test.actor(party), query, json!({"epc": told.units[0]}))
            .await;
        data["provenance"].clone()
    };
    let names = |provenance: &Value| -> Vec<bool> {
        let hops = provenance["hops"].as_array().expect("hops").iter();
        hops.map(|hop| !hop["party"].is_null()).collect()
    };
    let (before, packers) = (ask("meridian").await, ask("packwell").await);
    // The wholesaler knows from whose hands it got the pack, and not who packed it.
    assert_eq!(names(&before), [false, true, true], "{before:#}");
    // A grant that names nobody names nobody; one of another product neither.
    let unnamed: Vec<_> = FOLLOW.into_iter().filter(|(class, _)| *class != "BEFORE").collect();
    for more in [
        json!({"levels": levels(&unnamed)}),
        json!({"scope": {"gtins": [AUROXIN_CASE]}}),
    ] {
        let grant = given(&test, "meridian", more.clone()).await;
        assert_eq!(ask("meridian").await, before, "{more}");
        end(&test, "aurora", &grant).await;
    }
    let grant = given(&test, "meridian", json!({})).await;
    let granted = ask("meridian").await;
    assert_eq!(names(&granted), [true, true, true], "{granted:#}");
    assert_eq!(granted["hops"][0]["party"], packers["hops"][0]["party"]);
    let mut but_for_the_name = granted.clone();
    but_for_the_name["hops"][0]["party"] = Value::Null;
    assert_eq!(but_for_the_name, before, "nothing else is told");
    // To nobody else. Who has nothing to do with the pack is told of it what the granted events say: see `thing`.
    assert_eq!(ask("packwell").await, packers);
    assert_eq!(ask("halden").await, Value::Null);
    end(&test, "aurora", &grant).await;
    assert_eq!(ask("meridian").await, before);
}
