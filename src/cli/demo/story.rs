//! The story: numbers out, packs made, packed, shipped, received, asked after, reconciled.
//!
//! Every step goes over the network with the certificate of the party that does it, and every step is
//! held against what should have come of it: the demo fails where the hub does.

use anyhow::{Context, anyhow, bail, ensure};
use serde_json::{Value, json};

use super::caller::Caller;
use super::documents::{self, Dialect, Handover, Happening, What};
use crate::domain::gs1::{Epc, Gln, Gtin, Sscc};
use crate::domain::ids::PartyId;
use crate::domain::party::Registry;
use crate::domain::time::Micros;

/// Packs of one pallet: this many cases of this many units, and this many numbers more than are used.
const CASES: usize = 3;
const UNITS_PER_CASE: usize = 8;
const SPARE: usize = 6;

/// Whose medicines they are.
pub(super) const MANUFACTURER: &str = "aurora";

/// What the demo asks for numbers with.
const REQUEST_SERIALS: &str = "mutation($input: RequestSerialsInput!) { requestSerials(input: $input) { status reason allocation { id quantity } downloadPath } }";

/// The hub, the parties and the time as the story has them.
pub(super) struct Stage<'a> {
    /// Makes the caller of a party.
    pub(super) callers: &'a dyn Fn(&str) -> anyhow::Result<Caller>,
    /// The contracts.
    pub(super) registry: &'a Registry,
    /// Tells the present to the story; events happen a little before it.
    pub(super) now: Micros,
    /// Prints progress.
    pub(super) say: &'a dyn Fn(&str),
}

/// One production run of a CMO, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Who packed.
    pub(super) cmo: String,
    /// In which syntax it speaks.
    pub(super) dialect: Dialect,
    /// The product.
    pub(super) gtin: Gtin,
    /// The lot.
    pub(super) lot: String,
    /// Packs.
    pub(super) units: Vec<Epc>,
    /// Cases.
    pub(super) cases: Vec<Epc>,
    /// The pallet.
    pub(super) pallet: Epc,
}

impl Stage<'_> {
    /// Plays one CMO's run from the request of numbers to the receipt by the wholesaler.
    pub(super) async fn play(&self, cmo: &str, dialect: Dialect) -> anyhow::Result<Run> {
        let run = self.allocate(cmo, dialect).await?;
        self.pack(&run).await?;
        let (cmo_site, cmo_gln) = self.place(cmo)?;
        let (depot, logistics) = self.place("northway")?;
        let (warehouse, wholesaler) = self.place("meridian")?;
        let (_, manufacturer) = self.place(MANUFACTURER)?;
        let pallet = vec![run.pallet.clone()];
        let handover = |owner, possessor, location, number: &str| Handover {
            epcs: pallet.clone(),
            owner,
            possessor,
            location,
            despatch_advice: format!("{number}-{}", run.lot),
        };
        // Custody to the 3PL: the manufacturer still owns.
        let first = handover((manufacturer, manufacturer), (cmo_gln, logistics), (cmo_site, depot), "DA1");
        self.send(cmo, run.dialect, 50, cmo_site, What::Ship(first.clone())).await?;
        self.send("northway", Dialect::Xml20, 40, depot, What::Receive(first)).await?;
        // Custody from the 3PL, ownership from the manufacturer, to the wholesaler.
        let second = handover((manufacturer, wholesaler), (logistics, wholesaler), (depot, warehouse), "DA2");
        self.send("northway", Dialect::Xml20, 30, depot, What::Ship(second.clone()))
            .await?;
        self.send("meridian", Dialect::Json20, 20, warehouse, What::Receive(second))
            .await?;
        Ok(run)
    }

    /// The wholesaler opens the pallet and sells its first case to the pharmacy, which receives it.
    pub(super) async fn sell_a_case(&self, run: &Run) -> anyhow::Result<()> {
        let (warehouse, wholesaler) = self.place("meridian")?;
        let (pharmacy_site, pharmacy) = self.place("cornerstone")?;
        let case = run.cases.first().context("a run has cases")?.clone();
        let sale = Handover {
            epcs: vec![case],
            owner: (wholesaler, pharmacy),
            possessor: (wholesaler, pharmacy),
            location: (warehouse, pharmacy_site),
            despatch_advice: format!("DA3-{}", run.lot),
        };
        self.send(
            "meridian",
            Dialect::Json20,
            15,
            warehouse,
            What::Unpack {
                parent: run.pallet.clone(),
            },
        )
        .await?;
        self.send("meridian", Dialect::Json20, 12, warehouse, What::Ship(sale.clone()))
            .await?;
        self.send("cornerstone", Dialect::Json20, 8, pharmacy_site, What::Receive(sale))
            .await
    }

    /// Numbers for packs and cases, and a pallet label.
    async fn allocate(&self, cmo: &str, dialect: Dialect) -> anyhow::Result<Run> {
        let party: PartyId = cmo.parse()?;
        let agreement = self
            .registry
            .principals_of(&party, self.now)
            .find(|agreement| agreement.principal.as_str() == MANUFACTURER);
        let products = &agreement
            .ok_or_else(|| anyhow!("{cmo} has no agreement with {MANUFACTURER}"))?
            .products;
        let [pack, case] = products.as_slice() else {
            bail!("the agreement with {cmo} should cover a pack and a case")
        };
        // A demo that runs again on the same data makes another lot.
        let lot = format!(
            "{}{:08}",
            cmo.get(..1).unwrap_or_default().to_uppercase(),
            self.now.0 / 1_000_000 % 100_000_000
        );
        let serials = self.request(cmo, *pack, CASES * UNITS_PER_CASE + SPARE, &lot).await?;
        let units = serials
            .iter()
            .take(CASES * UNITS_PER_CASE)
            .map(|serial| Epc::sgtin(*pack, serial))
            .collect::<Result<_, _>>()?;
        let serials = self.request(cmo, *case, CASES, &lot).await?;
        let cases = serials
            .iter()
            .map(|serial| Epc::sgtin(*case, serial))
            .collect::<Result<_, _>>()?;
        Ok(Run {
            cmo: cmo.to_owned(),
            dialect,
            gtin: *pack,
            lot,
            units,
            cases,
            pallet: self.pallet(cmo)?,
        })
    }

    /// Asks for numbers, asks again with the same key as a line does that lost the answer, and downloads them.
    async fn request(&self, cmo: &str, gtin: Gtin, quantity: usize, lot: &str) -> anyhow::Result<Vec<String>> {
        let caller = (self.callers)(cmo)?;
        let key = format!("{lot}-{gtin}");
        let input = json!({"input": {"gtin": gtin, "quantity": quantity, "idempotencyKey": key, "lot": lot}});
        let first = caller.graphql(REQUEST_SERIALS, input.clone()).await?;
        let again = caller.graphql(REQUEST_SERIALS, input).await?;
        let id = |answer: &Value| {
            answer
                .pointer("/requestSerials/allocation/id")
                .cloned()
                .filter(Value::is_string)
        };
        ensure!(id(&first).is_some(), "{cmo}: no numbers were allocated: {first}");
        ensure!(
            id(&first) == id(&again),
            "{cmo}: a retry must return the same allocation: {first}, {again}"
        );
        let path = first
            .pointer("/requestSerials/downloadPath")
            .and_then(Value::as_str)
            .context("an allocation has a download path")?;
        let serials = serials_of_csv(&caller.text(path).await?)?;
        ensure!(
            serials.len() == quantity,
            "{cmo} asked for {quantity} numbers and downloaded {}",
            serials.len()
        );
        (self.say)(&format!(
            "{cmo:<12} asked for {quantity} serial numbers of {gtin}, lost the answer, asked again: one allocation"
        ));
        Ok(serials)
    }

    /// Commissions units and logistic units, and packs them.
    async fn pack(&self, run: &Run) -> anyhow::Result<()> {
        let (site, _) = self.place(&run.cmo)?;
        let expiry = self.now.plus_seconds(2 * 365 * 86_400).rfc3339();
        let lot = Some((run.lot.clone(), expiry.get(..10).unwrap_or("2030-01-31").to_owned()));
        let mut happenings = vec![
            self.happening(
                120,
                site,
                What::Commission {
                    epcs: run.units.clone(),
                    lot: lot.clone(),
                },
            ),
            self.happening(
                115,
                site,
                What::Commission {
                    epcs: run.cases.clone(),
                    lot,
                },
            ),
            self.happening(
                110,
                site,
                What::Commission {
                    epcs: vec![run.pallet.clone()],
                    lot: None,
                },
            ),
        ];
        for (case, units) in run.cases.iter().zip(run.units.chunks(UNITS_PER_CASE)) {
            happenings.push(self.happening(
                90,
                site,
                What::Pack {
                    parent: case.clone(),
                    children: units.to_vec(),
                },
            ));
        }
        happenings.push(self.happening(
            80,
            site,
            What::Pack {
                parent: run.pallet.clone(),
                children: run.cases.clone(),
            },
        ));
        self.capture(&run.cmo, run.dialect, &happenings).await?;
        (self.say)(&format!(
            "{:<12} commissioned {} packs, packed them into {CASES} cases and a pallet ({})",
            run.cmo,
            run.units.len(),
            run.dialect.name()
        ));
        Ok(())
    }

    async fn send(&self, party: &str, dialect: Dialect, minutes_ago: i64, site: Gln, what: What) -> anyhow::Result<()> {
        let said = match &what {
            What::Ship(handover) => format!("shipped {}", handover.despatch_advice),
            What::Receive(handover) => format!("received {}", handover.despatch_advice),
            What::Unpack { .. } => "opened the pallet".to_owned(),
            What::Pack { .. } => "packed".to_owned(),
            What::Commission { .. } => "commissioned".to_owned(),
        };
        self.capture(party, dialect, &[self.happening(minutes_ago, site, what)])
            .await?;
        (self.say)(&format!("{party:<12} {said} ({})", dialect.name()));
        Ok(())
    }

    async fn capture(&self, party: &str, dialect: Dialect, happenings: &[Happening]) -> anyhow::Result<()> {
        let prefix_len = |digits: &str| self.registry.holder_of_prefix(digits).map(|(_, len)| len);
        let document = documents::write(dialect, self.now, happenings, &prefix_len);
        let job = (self.callers)(party)?.capture(dialect, document).await?;
        ensure!(job["success"] == Value::Bool(true), "{party}: the capture job failed: {job}");
        Ok(())
    }

    fn happening(&self, minutes_ago: i64, site: Gln, what: What) -> Happening {
        Happening {
            at: self.now.plus_seconds(-60 * minutes_ago),
            site,
            what,
        }
    }

    /// A party's first site and its own GLN.
    fn place(&self, party: &str) -> anyhow::Result<(Gln, Gln)> {
        let found = self
            .registry
            .party(&party.parse()?)
            .ok_or_else(|| anyhow!("partner-config has no party `{party}`"))?;
        let site = found.sites.first().ok_or_else(|| anyhow!("party `{party}` has no site"))?;
        Ok((site.gln, found.gln))
    }

    /// An SSCC under the CMO's own company prefix; the time of the run makes it new.
    fn pallet(&self, cmo: &str) -> anyhow::Result<Epc> {
        let party = self
            .registry
            .party(&cmo.parse()?)
            .ok_or_else(|| anyhow!("no party `{cmo}`"))?;
        let prefix = party
            .prefixes
            .first()
            .ok_or_else(|| anyhow!("party `{cmo}` has no company prefix"))?;
        let prefix = prefix.as_str();
        let digits = 16_usize.saturating_sub(prefix.len());
        let reference = format!("{:016}", self.now.0 / 1_000_000);
        let reference = reference.get(16 - digits..).context("a serial reference")?;
        Ok(Epc::from_sscc(Sscc::with_check_digit(&format!("0{prefix}{reference}"))?))
    }
}

/// The `serial` column of a download.
fn serials_of_csv(text: &str) -> anyhow::Result<Vec<String>> {
    let mut lines = text.lines();
    let header = lines.next().context("the download is empty")?;
    let column = header
        .split(',')
        .position(|name| name == "serial")
        .context("the download has no column `serial`")?;
    lines
        .map(|line| {
            line.split(',')
                .nth(column)
                .map(str::to_owned)
                .context("a line without a serial")
        })
        .collect()
}
