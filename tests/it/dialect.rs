//! The dialects of packaging lines: one conversation each over the public router, and what all of them share.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use counterfoil::domain::party::Actor;
use serde_json::Value;

use crate::hub::{Answer, TestHub};
use crate::story::AUROXIN;

mod conversation;
mod refusal;
mod retry;
mod self_test;

const XML: &str = "text/xml; charset=utf-8";
const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// What a line asks for in the dialects that share so much.
#[derive(Clone)]
struct Asked {
    /// A GTIN, or of SSCCs `9521002|3`.
    object: String,
    quantity: String,
    /// Request id; in SNX the work order.
    id: String,
    site: String,
}

impl Asked {
    fn new(quantity: impl ToString, id: &str) -> Self {
        Self {
            object: AUROXIN.to_owned(),
            quantity: quantity.to_string(),
            id: id.to_owned(),
            site: String::new(),
        }
    }

    fn is_trade(&self) -> bool {
        !self.object.contains('|')
    }
}

fn envelope(namespaces: &str, content: &str) -> String {
    format!(
        "<s:Envelope xmlns:s='{SOAP_11}' {namespaces}><s:Header><w:Security s:mustUnderstand='1' \
         xmlns:w='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd'><w:UsernameToken>\
         <w:Username>somebody</w:Username><w:Password>s3cret</w:Password></w:UsernameToken></w:Security></s:Header>\
         <s:Body>{content}</s:Body></s:Envelope>"
    )
}

fn snx(asked: &Asked) -> String {
    let name = if asked.is_trade() { "GTIN" } else { "COMPANY_PREFIX" };
    let documents = if asked.id.is_empty() {
        String::new()
    } else {
        format!(
            "<ReferenceDocuments><WorkOrderNumber>{}</WorkOrderNumber></ReferenceDocuments>",
            asked.id
        )
    };
    envelope(
        "xmlns:u='urn:tracelink:soap'",
        &format!(
            "<u:serialNumbersRequest><SendingSystem>{}</SendingSystem><IdType>GS1_SER</IdType><Size>{}</Size><ObjectKey><Name>{name}</Name>\
             <Value>{}</Value></ObjectKey>{documents}<SyncRequest>true</SyncRequest></u:serialNumbersRequest>",
            asked.site, asked.quantity, asked.object
        ),
    )
}

fn snx_file(asked: &Asked) -> String {
    let object = match asked.object.split_once('|') {
        Some((prefix, digit)) => format!("<CompanyPrefix>{prefix}</CompanyPrefix><ExtensionDigit>{digit}</ExtensionDigit>"),
        None => format!("<GTIN14>{}</GTIN14>", asked.object),
    };
    format!(
        "<SNXRequestMessage xmlns='urn:tracelink:mapper:sl:serial_number_exchange' xmlns:c='urn:tracelink:mapper:sl:commontypes'>\
         <ControlFileHeader><c:FileSenderNumber>9521002000016</c:FileSenderNumber></ControlFileHeader><MessageBody><RequestId>{}</RequestId>\
         <PlantLocationId>{}</PlantLocationId><ObjectIdentifier>{object}</ObjectIdentifier><Quantity>{}</Quantity></MessageBody>\
         </SNXRequestMessage>",
        asked.id, asked.site, asked.quantity
    )
}

fn rfxcel(asked: &Asked) -> String {
    let qualifier = if asked.is_trade() { "GTIN" } else { "GCP" };
    envelope(
        "xmlns:n='http://xmlns.rfxcel.com/traceability/serializationService/3'",
        &format!(
            "<n:syncAllocateTraceIds requestId='{}'><n:orgId qlfr='ORG_DEF'>o</n:orgId><n:itemId qlfr='{qualifier}'>{}</n:itemId>\
             <n:siteId qlfr='GLN'>{}</n:siteId><n:idTextFormat>PURE_ID_URI</n:idTextFormat><n:returnDataStruct>LIST</n:returnDataStruct>\
             <n:idCount>{}</n:idCount></n:syncAllocateTraceIds>",
            asked.id, asked.object, asked.site, asked.quantity
        ),
    )
}

fn opsm(asked: &Asked) -> String {
    let gtin = if asked.is_trade() { asked.object.as_str() } else { "" };
    let location = if asked.is_trade() { &asked.site } else { &asked.object };
    envelope(
        "xmlns:t='http://xmlns.oracle.com/apps/pas/transactions/transactionsService/applicationModule/common/types/' \
         xmlns:c='http://xmlns.oracle.com/apps/pas/transactions/transactionsService/view/common/'",
        &format!(
            "<t:createProcessSerialGenerationRequest><t:serialGenerationRequest><c:SerialQuantity>{}</c:SerialQuantity><c:Location>{location}\
             </c:Location><c:Gtin>{gtin}</c:Gtin></t:serialGenerationRequest></t:createProcessSerialGenerationRequest>",
            asked.quantity
        ),
    )
}

fn frequentz(operation: &str, parts: &str) -> String {
    envelope(
        "xmlns:t='http://www.ibm.com/epcis/serialid/TagManagerTypes'",
        &format!("<t:{operation}>{parts}</t:{operation}>"),
    )
}

fn frequentz_create(asked: &Asked) -> String {
    let encoding = if asked.is_trade() { "sgtin-198" } else { "sscc-96" };
    let parts = format!(
        "<t:resourceName>{}</t:resourceName><t:encodingFormat>{encoding}</t:encodingFormat><t:ruleName>{}</t:ruleName>\
         <t:quantity>{}</t:quantity><t:filterValue>1</t:filterValue>",
        asked.object, asked.id, asked.quantity
    );
    frequentz("createTagRequest", &parts)
}

fn csv(asked: &Asked) -> String {
    let Asked {
        object,
        quantity,
        id,
        site,
    } = asked;
    format!("gtin,quantity,key,site\r\n{object},{quantity},{id},{site}\r\n")
}

/// Path, media type and message of every dialect.
type Dialect = (&'static str, &'static str, fn(&Asked) -> String);

const ALL: [Dialect; 6] = [
    ("/soap/snx/snrequest", XML, snx),
    ("/dialects/snx-file", "application/xml", snx_file),
    ("/dialects/rfxcel", XML, rfxcel),
    ("/dialects/opsm", XML, opsm),
    ("/dialects/frequentz", XML, frequentz_create),
    ("/dialects/csv", "text/csv", csv),
];

/// A message of every dialect on both of its paths: path, media type, text.
pub fn samples(object: &str) -> Vec<(&'static str, &'static str, String)> {
    let dry = [
        "/dry-run/soap/snx/snrequest",
        "/dry-run/dialects/snx-file",
        "/dry-run/dialects/rfxcel",
        "/dry-run/dialects/opsm",
        "/dry-run/dialects/frequentz",
        "/dry-run/dialects/csv",
    ];
    let mut asked = Asked::new(2, "K-1");
    asked.object = object.to_owned();
    let both = ALL.iter().zip(dry);
    both.flat_map(|((real, media_type, message), dry)| {
        let text = message(&asked);
        [(dry, *media_type, text.clone()), (*real, *media_type, text)]
    })
    .collect()
}

/// What stands between two markers, each time.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    let parts = text.split(open).skip(1);
    parts
        .filter_map(|part| part.split_once(close).map(|(inside, _)| inside))
        .collect()
}

/// The numbers of an allocation in a format of the download.
async fn download(test: &TestHub, actor: &Actor, answer: &Answer, format: &str) -> Vec<String> {
    let id = answer.header("counterfoil-allocation");
    let path = format!("/serials/v1/allocations/{id}/serials?format={format}");
    let answer = test.get(actor, &path).await.expect(StatusCode::OK);
    answer.text().lines().map(str::to_owned).collect()
}

/// Everything that moves when numbers do: counters, allocations, accounts.
async fn moved(test: &TestHub) -> Vec<String> {
    let mut state = Vec::new();
    for (sql, columns) in [
        (
            "SELECT gtin, CAST(next_index AS TEXT) AS a FROM pool ORDER BY gtin, epoch",
            ["gtin", "a"],
        ),
        (
            "SELECT party_id AS gtin, request_key AS a FROM allocation ORDER BY request_key",
            ["gtin", "a"],
        ),
        (
            "SELECT gtin, CAST(issued AS TEXT) AS a FROM serial_account ORDER BY gtin, party_id",
            ["gtin", "a"],
        ),
    ] {
        let rows = test.hub.db().query("reading what moved", sql, Vec::new()).await.unwrap();
        for row in rows {
            let text = columns.map(|column| {
                row.try_get::<Option<String>>("", column)
                    .unwrap_or_default()
                    .unwrap_or_default()
            });
            state.push(text.join(" "));
        }
    }
    state
}
