//! The same in the dialects of packaging lines: whatever is wrong is said in the words of the line.

use super::*;

/// Path, media type, and a message for two numbers.
const DIALECTS: [(&str, &str, &str); 5] = [
    (
        "/soap/snx/snrequest",
        "text/xml; charset=utf-8",
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:u='urn:tracelink:soap'><s:Body><u:serialNumbersRequest>\
         <SendingSystem>9521002000115</SendingSystem><IdType>GS1_SER</IdType><Size>2</Size><ObjectKey><Name>GTIN</Name>\
         <Value>09521001001014</Value></ObjectKey><SyncRequest>true</SyncRequest></u:serialNumbersRequest></s:Body></s:Envelope>",
    ),
    (
        "/dialects/snx-file",
        "application/xml",
        "<SNXRequestMessage xmlns='urn:tracelink:mapper:sl:serial_number_exchange' xmlns:c='urn:tracelink:mapper:sl:commontypes'>\
         <ControlFileHeader><c:FileSenderNumber>9521002000016</c:FileSenderNumber></ControlFileHeader><MessageBody>\
         <RequestId>attack</RequestId><PlantLocationId>9521002000115</PlantLocationId><ObjectIdentifier><GTIN14>09521001001014</GTIN14>\
         </ObjectIdentifier><Quantity>2</Quantity></MessageBody></SNXRequestMessage>",
    ),
    (
        "/dialects/rfxcel",
        "text/xml; charset=utf-8",
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:n='http://xmlns.rfxcel.com/traceability/serializationService/3'>\
         <s:Body><n:syncAllocateTraceIds requestId='attack'><n:orgId qlfr='ORG_DEF'>o</n:orgId><n:itemId qlfr='GTIN'>09521001001014</n:itemId>\
         <n:siteId qlfr='GLN'>9521002000115</n:siteId><n:idTextFormat>PURE_ID_URI</n:idTextFormat><n:returnDataStruct>LIST</n:returnDataStruct>\
         <n:idCount>2</n:idCount></n:syncAllocateTraceIds></s:Body></s:Envelope>",
    ),
    (
        "/dialects/opsm",
        "text/xml; charset=utf-8",
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:t='http://xmlns.oracle.com/apps/pas/transactions/transactionsService/applicationModule/common/types/' \
         xmlns:c='http://xmlns.oracle.com/apps/pas/transactions/transactionsService/view/common/'><s:Body>\
         <t:createProcessSerialGenerationRequest><t:serialGenerationRequest><c:SerialQuantity>2</c:SerialQuantity>\
         <c:Location>9521002000115</c:Location><c:Gtin>09521001001014</c:Gtin></t:serialGenerationRequest>\
         </t:createProcessSerialGenerationRequest></s:Body></s:Envelope>",
    ),
    (
        "/dialects/csv",
        "text/csv",
        "gtin,quantity,key,site\r\n09521001001014,2,attack,9521002000115\r\n",
    ),
];

#[tokio::test]
async fn a_bad_message_is_refused_in_its_dialect_and_moves_nothing() {
    let hub = TestHub::start().await;
    let (line, _) = hub.issue("packwell").await;
    let (stranger, _) = hub.issue("halden").await;
    let send = async |identity: &Identity, path: &str, media_type: &str, body: &[u8]| {
        post(&hub, identity, path, &format!("content-type: {media_type}\r\n"), body).await
    };
    let is_said = |what: &str, path: &str, reply: &Reply, code: &str| {
        let marker = match path {
            "/dialects/csv" => reply.body.starts_with(&format!("code,message\r\n{code},")),
            _ => reply.body.starts_with('<') && reply.body.contains(code),
        };
        assert!(marker, "{what} at {path}: {} {}", reply.status, reply.body);
        assert!(
            !reply.body.contains("SerialNo>") && !reply.head.contains("counterfoil-allocation"),
            "{what} at {path}"
        );
    };
    for (path, media_type, good) in DIALECTS {
        let quantity = |to: &str| {
            ["<Size>2<", "<Quantity>2<", "idCount>2<", "SerialQuantity>2<", ",2,"]
                .into_iter()
                .fold(good.to_owned(), |text, from| text.replace(from, &from.replace('2', to)))
        };
        for wrong in ["0", "-1", "9223372036854775808", "1.5", "two", "", "2 3", "٢"] {
            let reply = send(&line, path, media_type, quantity(wrong).as_bytes()).await;
            is_said(wrong, path, &reply, "BAD_INPUT");
        }
        for (what, from, to, code) in [
            ("unknown product", AUROXIN, "09521001009997", "NO_AGREEMENT"),
            ("check digit", AUROXIN, "09521001001015", "BAD_INPUT"),
            ("foreign site", "9521002000115", "9521001000116", "NO_AGREEMENT"),
        ] {
            let reply = send(&line, path, media_type, good.replace(from, to).as_bytes()).await;
            is_said(what, path, &reply, code);
        }
        is_said(
            "a stranger",
            path,
            &send(&stranger, path, media_type, good.as_bytes()).await,
            "NO_AGREEMENT",
        );
        is_said(
            "half",
            path,
            &send(&line, path, media_type, &good.as_bytes()[..good.len() / 2]).await,
            "INVALID_DOCUMENT",
        );
        is_said(
            "no UTF-8",
            path,
            &send(&line, path, media_type, b"<a>\xff\xfe</a>").await,
            "INVALID_DOCUMENT",
        );
        is_said("nothing", path, &send(&line, path, media_type, b"").await, "INVALID_DOCUMENT");
        let (nul, code) = match path {
            "/dialects/csv" => (good.replace("attack", "a\u{0}b"), "BAD_INPUT"),
            _ => (good.replacen("</", "<\u{0}/></", 1), "INVALID_DOCUMENT"),
        };
        is_said("NUL", path, &send(&line, path, media_type, nul.as_bytes()).await, code);
        is_said(
            "wrong type",
            path,
            &send(&line, path, "application/json", good.as_bytes()).await,
            "UNSUPPORTED_MEDIA_TYPE",
        );
        let huge = format!("{good}{}", " ".repeat(4 << 20));
        is_said(
            "huge",
            path,
            &send(&line, path, media_type, huge.as_bytes()).await,
            "TOO_LARGE",
        );
    }
    assert_eq!(moved(&hub).await, [0, 0, 0, 0]);
    for (place, (path, media_type, good)) in (1..).zip(DIALECTS) {
        let reply = send(&line, path, media_type, good.as_bytes()).await;
        assert!(
            reply.status == 200 && reply.head.contains("counterfoil-allocation"),
            "{path}: {reply:?}"
        );
        assert_eq!(moved(&hub).await[0], 2 * place, "{path}");
    }
    hub.stop().await;
}
