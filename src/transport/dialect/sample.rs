//! A small message of each dialect, as a line would send it: what a self-test without a message tries.

use crate::domain::serial::numbered::Numbered;

use super::Dialect;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// A message that asks for two numbers.
pub(super) fn message(dialect: Dialect, numbered: &Numbered) -> String {
    let text = numbered.to_string();
    // Of a series: company prefix, extension digit.
    let (prefix, extension) = text.split_once(':').unwrap_or(("", ""));
    let trade = numbered.gtin().is_some();
    let bar = format!("{prefix}|{extension}");
    match dialect {
        Dialect::Snx => {
            let (encoding, name, value) = if trade {
                ("SGTIN", "GTIN", &text)
            } else {
                ("SSCC", "COMPANY_PREFIX", &bar)
            };
            soap(
                "xmlns:urn=\"urn:tracelink:soap\"",
                &format!(
                    "<urn:serialNumbersRequest><IdType>GS1_SER</IdType><EncodingType>{encoding}</EncodingType><Size>2</Size><ObjectKey>\
                     <Name>{name}</Name><Value>{value}</Value></ObjectKey><RequestRandomizedNumber>X</RequestRandomizedNumber>\
                     <ReferenceDocuments><WorkOrderNumber>SELF-TEST</WorkOrderNumber></ReferenceDocuments>\
                     <SyncRequest>true</SyncRequest></urn:serialNumbersRequest>"
                ),
            )
        }
        Dialect::SnxFile => {
            let (encoding, object) = if trade {
                ("AI(01)+AI(21)", format!("<snx:GTIN14>{text}</snx:GTIN14>"))
            } else {
                (
                    "AI(00)",
                    format!(
                        "<snx:CompanyPrefix>{prefix}</snx:CompanyPrefix><snx:ExtensionDigit>{extension}</snx:ExtensionDigit>"
                    ),
                )
            };
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><snx:SNXRequestMessage xmlns:snx=\"urn:tracelink:mapper:sl:serial_number_exchange\" \
                 xmlns:cmn=\"urn:tracelink:mapper:sl:commontypes\"><snx:ControlFileHeader><cmn:FileSenderNumber>SELF-TEST</cmn:FileSenderNumber>\
                 </snx:ControlFileHeader><snx:MessageBody><snx:RequestId>SELF-TEST</snx:RequestId><snx:NumberEncoding>{encoding}\
                 </snx:NumberEncoding><snx:ObjectIdentifier>{object}</snx:ObjectIdentifier><snx:Quantity>2</snx:Quantity>\
                 </snx:MessageBody></snx:SNXRequestMessage>"
            )
        }
        Dialect::Rfxcel => {
            let (qualifier, item) = if trade { ("GTIN", &text) } else { ("COMPANY_PREFIX", &bar) };
            soap(
                "xmlns:ns=\"http://xmlns.rfxcel.com/traceability/serializationService/3\"",
                &format!(
                    "<ns:syncAllocateTraceIds contentStructVer=\"3.1.3\" requestId=\"SELF-TEST\"><ns:eventId>SELF-TEST</ns:eventId>\
                     <ns:itemId qlfr=\"{qualifier}\">{item}</ns:itemId><ns:idTextFormat>PURE_ID_URI</ns:idTextFormat>\
                     <ns:separatePrefixSuffix>false</ns:separatePrefixSuffix><ns:returnDataStruct>LIST</ns:returnDataStruct>\
                     <ns:idCount>2</ns:idCount></ns:syncAllocateTraceIds>"
                ),
            )
        }
        Dialect::Opsm => {
            let object = if trade {
                format!("<com:Gtin>{text}</com:Gtin>")
            } else {
                format!("<com:Location>{extension}{prefix}-SSCC</com:Location>")
            };
            soap(
                "xmlns:typ=\"http://xmlns.oracle.com/apps/pas/transactions/transactionsService/applicationModule/common/types/\" \
                 xmlns:com=\"http://xmlns.oracle.com/apps/pas/transactions/transactionsService/view/common/\"",
                &format!(
                    "<typ:createProcessSerialGenerationRequest><typ:serialGenerationRequest><com:SerialQuantity>2</com:SerialQuantity>\
                     {object}</typ:serialGenerationRequest></typ:createProcessSerialGenerationRequest>"
                ),
            )
        }
        Dialect::Frequentz => {
            let (resource, encoding) = if trade { (&text, "sgtin-198") } else { (&bar, "sscc-96") };
            soap(
                "xmlns:tag=\"http://www.ibm.com/epcis/serialid/TagManagerTypes\"",
                &format!(
                    "<tag:createTagRequest><tag:resourceName>{resource}</tag:resourceName><tag:encodingFormat>{encoding}</tag:encodingFormat>\
                     <tag:ruleName>{resource}</tag:ruleName><tag:quantity>2</tag:quantity><tag:filterValue>0</tag:filterValue>\
                     </tag:createTagRequest>"
                ),
            )
        }
        Dialect::Csv => format!("gtin,quantity,key\r\n{},2,SELF-TEST\r\n", if trade { &text } else { &bar }),
    }
}

fn soap(namespaces: &str, content: &str) -> String {
    format!(
        "<soapenv:Envelope xmlns:soapenv=\"{SOAP}\" {namespaces}><soapenv:Header/><soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
    )
}

#[cfg(test)]
mod tests {
    use super::super::message::Ask;
    use super::*;

    #[test]
    fn every_dialect_understands_its_own_sample() {
        for dialect in Dialect::ALL {
            for text in ["09521001001014", "9521002:3"] {
                let numbered = text.parse().unwrap();
                let message = dialect
                    .read(message(dialect, &numbered).as_bytes())
                    .unwrap_or_else(|fault| panic!("{fault:?}"));
                let (Ok(Ask::Numbers(want)) | Ok(Ask::Create(want))) = message.ask else {
                    panic!("{dialect:?}: {:?}", message.ask);
                };
                assert_eq!((want.numbered, want.quantity), (numbered, 2), "{dialect:?}");
            }
        }
    }
}
