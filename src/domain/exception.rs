//! What is wrong with a delivery, as one message for the other side: the `ExceptionReport` of the Partnership for DSCSA Governance (PDG).
//!
//! | what the hub noticed | where it stands |
//! |---|---|
//! | shipped, and not among what the receiver confirmed | a pack: `missing_product`, and with those of its product counted in `underages` |
//! | received, and not shipped to the receiver or never commissioned | a pack: `missing_product_data`; what was not shipped is counted in `overages` too |
//! | the same of a logistic unit, whose SSCC has no GTIN | the packs in it, as far as its sender may know them; that they were on one unit, or that its contents are not known, is a line of `other_errors` |
//! | anything else | a line of `other_errors` |
//!
//! `quantity_ordered` is what the data announced: the hub knows no orders. The counts are of packs, singly or in logistic units. A case
//! with a GTIN of its own is a pack here, and not what is in it.
//! A message about the same state of the same event is the same, to the byte: its ids follow from what it says.
//!
//! What it deliberately does not do: send it, or read the answer. Of answers there are two examples and no schema, and neither says
//! which words `resolution_response` may hold.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use uuid::{Builder, Uuid};

use super::event::Event;
use super::finding::FindingCode;
use super::gs1::{Epc, Gtin, Scheme};
use super::time::Micros;

/// Packs and lines in one message; of what is beyond a line tells how many.
const MOST: usize = 10_000;

/// Who sends the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sender {
    /// Its GLN.
    pub gln: String,
    /// Whom to answer.
    pub email: String,
    /// The same by telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Something that was noticed about the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noticed {
    /// What.
    pub code: FindingCode,
    /// About which thing.
    pub epc: Option<String>,
    /// In words.
    pub detail: String,
    /// When.
    pub at: Micros,
}

/// What the message is about.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The shipping or receiving event, as the sender of the message sees it.
    pub event: &'a Event,
    /// `eventID` of it.
    pub event_id: &'a str,
    /// When it was recorded.
    pub recorded: Micros,
    /// The name of the file that it came in.
    pub file: &'a str,
    /// What is in the logistic units that it is about.
    pub contents: &'a Contents,
}

/// Packs in logistic units; a unit of which nothing is known is not in it.
#[derive(Debug, Clone, Default)]
pub struct Contents(BTreeMap<String, BTreeSet<Pack>>);

impl Contents {
    /// Adds what is in a unit; what is no pack is passed over.
    pub fn add(&mut self, unit: &Epc, inside: &Epc) {
        if let Some(pack) = pack(inside.canonical()) {
            self.0.entry(unit.canonical().to_owned()).or_default().insert(pack);
        }
    }

    fn of(&self, unit: &str) -> Option<&BTreeSet<Pack>> {
        let unit: Epc = unit.parse().ok()?;
        self.0.get(unit.canonical())
    }
}

/// The message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExceptionReport {
    /// Of this message; another where something has changed since.
    pub message_uuid: Uuid,
    /// Of the case: the same for all messages of one sender about one event.
    pub exception_case_uuid: Uuid,
    /// Seconds since 1970: when the last of it was noticed.
    pub timestamp: i64,
    /// Of the first order that the event names; empty where it names none.
    pub po_number: String,
    /// Who sends it.
    pub sender_information: Sender,
    /// By kind.
    pub exceptions: Exceptions,
    /// What has no kind.
    pub other_errors: Option<Vec<String>>,
    /// Nothing is wrong, or no longer.
    pub case_resolved: bool,
}

/// Exceptions by kind; a kind of which there is none is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exceptions {
    /// Product without data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_product_data: Vec<MissingData>,
    /// Data without product.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_product: Vec<MissingProduct>,
    /// More than was announced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overages: Vec<Count>,
    /// Less.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub underages: Vec<Count>,
}

/// A pack without data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingData {
    /// Of this line.
    pub exception_item_uuid: Uuid,
    /// GTIN-14.
    pub product_gtin: String,
    /// How it was found.
    pub observation_source: &'static str,
    /// What the sender asks for.
    pub resolution_request: &'static str,
    /// Its serial number.
    pub product_serial: String,
}

/// Data of a pack that did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingProduct {
    /// Of this line.
    pub exception_item_uuid: Uuid,
    /// The file that announced it.
    pub file_id: String,
    /// GTIN-14.
    pub product_gtin: String,
    /// Its serial number.
    pub product_serial: String,
    /// What the sender asks for.
    pub resolution_request: &'static str,
}

/// How many of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Of this line.
    pub exception_item_uuid: Uuid,
    /// GTIN-14.
    pub gtin: String,
    /// Packs that the data announced.
    pub quantity_ordered: u64,
    /// Packs that came.
    pub quantity_received: u64,
    /// What the sender asks for.
    pub resolution_request: &'static str,
}

/// One pack.
type Pack = (Gtin, String);

/// What was noticed, sorted.
#[derive(Default)]
struct Sorted {
    absent: BTreeSet<Pack>,
    unannounced: BTreeSet<Pack>,
    without_data: BTreeSet<Pack>,
    other: BTreeSet<String>,
}

impl Sorted {
    fn of(noticed: &[Noticed], contents: &Contents) -> Self {
        let mut sorted = Self::default();
        for one in noticed {
            let pack = one.epc.as_deref().and_then(pack);
            // That a label was not commissioned says nothing about what is under it.
            let of_contents = one.code != FindingCode::NotCommissioned;
            let inside = one.epc.as_deref().filter(|_| of_contents).and_then(|epc| contents.of(epc));
            let kind = if one.code == FindingCode::ShippedNotReceived {
                Some(&mut sorted.absent)
            } else if one.code == FindingCode::ReceivedWithoutShipment {
                Some(&mut sorted.unannounced)
            } else if one.code == FindingCode::NotCommissioned {
                Some(&mut sorted.without_data)
            } else {
                None
            };
            match (kind, pack) {
                (Some(kind), Some(pack)) => {
                    kind.insert(pack);
                }
                (kind, _) => {
                    let about = one.epc.as_deref().map(|epc| format!(" {epc}"));
                    let mut line = format!("{}{}: {}", one.code.as_str(), about.unwrap_or_default(), one.detail);
                    if let (Some(kind), Some(inside)) = (kind, inside) {
                        kind.extend(inside.iter().cloned());
                        line.push_str(&format!("; the {} packs in it are listed", inside.len()));
                    }
                    sorted.other.insert(line);
                }
            }
        }
        sorted
    }
}

/// The message about a delivery of which this was noticed, and stands.
#[must_use]
pub fn report(delivery: &Delivery<'_>, noticed: &[Noticed], sender: Sender) -> ExceptionReport {
    let sorted = Sorted::of(noticed, delivery.contents);
    let case = named(&["case", &sender.gln, delivery.event_id]);
    let item = |kind: &str, what: &[&str]| named(&[&[&case.to_string(), kind], what].concat());
    let announced = counted(delivery.event, delivery.contents);
    let counts = |kind: &'static str, packs: &BTreeSet<Pack>| -> Vec<Count> {
        let mut of = BTreeMap::<Gtin, u64>::new();
        packs.iter().for_each(|(gtin, _)| *of.entry(*gtin).or_default() += 1);
        let count = |(gtin, wrong): (Gtin, u64)| {
            let named = announced.get(&gtin).copied().unwrap_or(wrong).max(wrong);
            let right = named.saturating_sub(wrong);
            let (ordered, received, resolution_request) = match kind {
                "overage" => (right, named, "Return product"),
                _ => (named, right, "Send product"),
            };
            Count {
                exception_item_uuid: item(kind, &[gtin.as_str()]),
                gtin: gtin.to_string(),
                quantity_ordered: ordered,
                quantity_received: received,
                resolution_request,
            }
        };
        of.into_iter().map(count).collect()
    };
    let missing_data = |(gtin, serial): &Pack| MissingData {
        exception_item_uuid: item("data", &[gtin.as_str(), serial]),
        product_gtin: gtin.to_string(),
        observation_source: "Scan",
        resolution_request: "Send new data",
        product_serial: serial.clone(),
    };
    let missing_product = |(gtin, serial): &Pack| MissingProduct {
        exception_item_uuid: item("product", &[gtin.as_str(), serial]),
        file_id: delivery.file.to_owned(),
        product_gtin: gtin.to_string(),
        product_serial: serial.clone(),
        resolution_request: "Send product",
    };
    let without_data: Vec<&Pack> = sorted.unannounced.union(&sorted.without_data).collect();
    let lists = [without_data.len(), sorted.absent.len(), sorted.other.len()];
    let exceptions = Exceptions {
        missing_product_data: without_data.into_iter().take(MOST).map(missing_data).collect(),
        missing_product: sorted.absent.iter().take(MOST).map(missing_product).collect(),
        overages: counts("overage", &sorted.unannounced),
        underages: counts("underage", &sorted.absent),
    };
    let more: usize = lists.iter().map(|length| length.saturating_sub(MOST)).sum();
    let mut other: Vec<String> = sorted.other.into_iter().take(MOST).collect();
    if more > 0 {
        other.push(format!("{more} more exceptions are not listed"));
    }
    let said = serde_json::to_string(&(&exceptions, &other)).unwrap_or_default();
    ExceptionReport {
        message_uuid: named(&["message", &case.to_string(), &said]),
        exception_case_uuid: case,
        timestamp: noticed
            .iter()
            .map(|one| one.at)
            .max()
            .unwrap_or(delivery.recorded)
            .0
            .div_euclid(1_000_000),
        po_number: order(delivery.event),
        sender_information: sender,
        case_resolved: noticed.is_empty(),
        exceptions,
        other_errors: Some(other).filter(|other| !other.is_empty()),
    }
}

fn pack(uri: &str) -> Option<Pack> {
    let epc: Epc = uri.parse().ok()?;
    (epc.scheme() == Scheme::Sgtin).then_some(())?;
    Some((epc.gtin()?, epc.serial()?.into_owned()))
}

/// Packs that an event names, singly or by what they are in, by product.
fn counted(event: &Event, contents: &Contents) -> BTreeMap<Gtin, u64> {
    let mut packs = BTreeMap::<Gtin, BTreeSet<String>>::new();
    let singly = event.roles().filter_map(|(_, epc)| pack(epc.canonical()));
    let inside = event.roles().filter_map(|(_, epc)| contents.0.get(epc.canonical()));
    for (gtin, serial) in singly.chain(inside.flatten().cloned()) {
        packs.entry(gtin).or_default().insert(serial);
    }
    packs
        .into_iter()
        .map(|(gtin, serials)| (gtin, serials.len() as u64))
        .collect()
}

/// Number of the first order: what stands behind the GLN in `urn:epcglobal:cbv:bt:<GLN>:<number>`, or the whole name.
fn order(event: &Event) -> String {
    let mut orders = event.biz_transactions.iter();
    let order = orders.find(|document| document.kind.as_ref().is_some_and(|kind| kind.as_str() == "po"));
    let id = order.map_or("", |order| &order.id);
    let number = id
        .strip_prefix("urn:epcglobal:cbv:bt:")
        .and_then(|rest| Some(rest.split_once(':')?.1));
    number.unwrap_or(id).to_owned()
}

/// An id that follows from what it names (RFC 9562 version 8).
fn named(what: &[&str]) -> Uuid {
    let hash = digest(&SHA256, what.join("\0").as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(slot, byte)| *slot = *byte);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Action, BizTransaction, EventType, Term};

    const UNIT: &str = "https://id.gs1.org/01/09521001001014/21/";

    static NOTHING: Contents = Contents(BTreeMap::new());

    fn delivery(event: &Event) -> Delivery<'_> {
        Delivery {
            contents: &NOTHING,
            event,
            event_id: "urn:uuid:1",
            recorded: Micros(5_000_000),
            file: "ASN-7",
        }
    }

    fn sender() -> Sender {
        Sender {
            gln: "9521006000012".to_owned(),
            email: "dock@wholesaler.example".to_owned(),
            phone: None,
        }
    }

    fn noticed(code: FindingCode, epc: &str, at: i64) -> Noticed {
        Noticed {
            code,
            epc: Some(epc.to_owned()),
            detail: "see there".to_owned(),
            at: Micros(at),
        }
    }

    fn shipping(units: usize) -> Event {
        let mut event = Event::new(EventType::Object, Some(Action::Observe), Micros(0), 0);
        event.epcs = (1..=units).map(|unit| format!("{UNIT}{unit}").parse().unwrap()).collect();
        event.biz_transactions = vec![BizTransaction {
            kind: Some(Term("po".into())),
            id: "urn:epcglobal:cbv:bt:9521006000012:PO-4711".into(),
        }];
        event
    }

    #[test]
    fn packs_that_did_not_come_are_listed_and_counted() {
        let event = shipping(5);
        let missing = |unit: u32, at| noticed(FindingCode::ShippedNotReceived, &format!("{UNIT}{unit}"), at);
        let pallet = noticed(FindingCode::ShippedNotReceived, "https://id.gs1.org/00/095210020000000016", 3);
        let told = report(
            &delivery(&event),
            &[missing(4, 8_000_000), missing(2, 9_900_000), pallet.clone()],
            sender(),
        );
        let packs: Vec<&str> = told
            .exceptions
            .missing_product
            .iter()
            .map(|line| line.product_serial.as_str())
            .collect();
        assert_eq!(packs, ["2", "4"]);
        assert_eq!(told.exceptions.missing_product[0].file_id, "ASN-7");
        let count = &told.exceptions.underages[..];
        assert_eq!(
            (count.len(), count[0].quantity_ordered, count[0].quantity_received),
            (1, 5, 3)
        );
        assert!(told.exceptions.overages.is_empty() && told.exceptions.missing_product_data.is_empty());
        assert_eq!(
            (told.timestamp, told.po_number.as_str(), told.case_resolved),
            (9, "PO-4711", false)
        );
        let other = told.other_errors.as_deref().unwrap();
        assert_eq!(
            other,
            ["SHIPPED_NOT_RECEIVED https://id.gs1.org/00/095210020000000016: see there"]
        );
        // In whatever order it was noticed, it is the same message; with something less it is another of the same case.
        let again = report(
            &delivery(&event),
            &[pallet, missing(2, 9_900_000), missing(4, 8_000_000)],
            sender(),
        );
        assert_eq!(again, told);
        let less = report(&delivery(&event), &[missing(2, 9_900_000)], sender());
        assert_eq!(less.exception_case_uuid, told.exception_case_uuid);
        assert_ne!(less.message_uuid, told.message_uuid);
        assert_eq!(less.exceptions.missing_product[0], told.exceptions.missing_product[0]);
    }

    #[test]
    fn packs_that_nobody_announced_are_more_than_was_ordered() {
        let event = shipping(5);
        let found = [
            noticed(FindingCode::ReceivedWithoutShipment, &format!("{UNIT}5"), 1),
            noticed(FindingCode::NotCommissioned, &format!("{UNIT}5"), 1),
            noticed(FindingCode::NotCommissioned, &format!("{UNIT}1"), 1),
        ];
        let told = report(&delivery(&event), &found, sender());
        assert_eq!(told.exceptions.missing_product_data.len(), 2, "each pack once");
        let count = &told.exceptions.overages[..];
        assert_eq!(
            (count.len(), count[0].quantity_ordered, count[0].quantity_received),
            (1, 4, 5)
        );
        assert!(told.other_errors.is_none());
    }

    #[test]
    fn of_a_pallet_the_packs_in_it_are_listed_and_counted() {
        let pallet = |number: u32| -> Epc { format!("https://id.gs1.org/00/09521002000000{number:04}").parse().unwrap() };
        let (lost, come) = (pallet(16), pallet(23));
        let mut event = shipping(2);
        event.epcs.extend([lost.clone(), come.clone()]);
        let mut contents = Contents::default();
        for unit in 10..20 {
            contents.add(&lost, &format!("{UNIT}{unit}").parse().unwrap());
            contents.add(&come, &format!("{UNIT}{}", unit + 100).parse().unwrap());
        }
        // A tote in it is no pack.
        contents.add(&lost, &pallet(30));
        let told = |code: FindingCode, contents: &Contents| {
            let found = noticed(code, lost.canonical(), 1);
            report(
                &Delivery {
                    contents,
                    ..delivery(&event)
                },
                &[found],
                sender(),
            )
        };
        let short = told(FindingCode::ShippedNotReceived, &contents);
        assert_eq!(short.exceptions.missing_product.len(), 10);
        let count = &short.exceptions.underages[0];
        assert_eq!((count.quantity_ordered, count.quantity_received), (22, 12));
        let line = &short.other_errors.as_deref().unwrap()[0];
        assert!(
            line.contains(lost.canonical()) && line.ends_with("the 10 packs in it are listed"),
            "{line}"
        );
        let over = told(FindingCode::ReceivedWithoutShipment, &contents);
        assert_eq!(over.exceptions.missing_product_data.len(), 10);
        assert_eq!(
            (
                over.exceptions.overages[0].quantity_ordered,
                over.exceptions.overages[0].quantity_received
            ),
            (12, 22)
        );
        // Its label alone, and a pallet of unknown contents.
        for told in [
            told(FindingCode::NotCommissioned, &contents),
            told(FindingCode::ShippedNotReceived, &NOTHING),
        ] {
            assert_eq!(told.exceptions, Exceptions::default());
            assert_eq!(told.other_errors.as_deref().map(<[String]>::len), Some(1));
        }
    }

    #[test]
    fn nothing_wrong_is_a_case_that_is_resolved() {
        let event = shipping(1);
        let told = report(&delivery(&event), &[], sender());
        assert!(told.case_resolved);
        assert_eq!(
            (told.exceptions, told.other_errors, told.timestamp),
            (Exceptions::default(), None, 5)
        );
    }

    #[test]
    fn a_huge_message_says_what_it_leaves_out() {
        let event = shipping(0);
        let found: Vec<Noticed> = (0..MOST + 7)
            .map(|unit| noticed(FindingCode::ShippedNotReceived, &format!("{UNIT}{unit}"), 1))
            .collect();
        let told = report(&delivery(&event), &found, sender());
        assert_eq!(told.exceptions.missing_product.len(), MOST);
        assert_eq!(told.other_errors.as_deref().unwrap(), ["7 more exceptions are not listed"]);
        assert_eq!(told.exceptions.underages[0].quantity_received, 0);
    }
}
