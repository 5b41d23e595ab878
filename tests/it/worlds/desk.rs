//! What is laid down and ordered at the two hubs: grants, caps, emergencies and serial numbers, with their ends.

use std::collections::HashMap;

use counterfoil::service::certificate::IssuedCertificate;
use counterfoil::service::grant::fill_due;
use counterfoil::storage::certificate;
use serde_json::{Value, json};

use super::cast::{MAKER, PACKER, RIVAL, Who};
use super::house::{Difference, Family, House, difference, shown};
use super::plot::{Order, Rule, What};
use crate::grant::signed;
use crate::hub::Answer;

const PROPOSE: &str = "mutation ($input: ProposeGrantInput!) { proposeGrant(input: $input) { grant { id text state } } }";
const SIGN: &str = "mutation ($input: SignGrantInput!) { signGrant(input: $input) { grant { state } } }";
const REVOKE: &str = "mutation ($input: RevokeGrantInput!) { revokeGrant(input: $input) { grant { state } } }";
const CAP: &str = "mutation ($input: SetCapInput!) { setCap(input: $input) { cap } }";
const LIFT: &str = "mutation ($input: LiftCapInput!) { liftCap(input: $input) { cap } }";
const DECLARE: &str = "mutation ($input: DeclareEmergencyInput!) { declareEmergency(input: $input) { emergency } }";
const FINISH: &str = "mutation ($input: EndEmergencyInput!) { endEmergency(input: $input) { emergency } }";
const ORDER: &str =
    "mutation ($input: RequestSerialsInput!) { requestSerials(input: $input) { status reason allocation { id } } }";
const CONFIRM: &str = "mutation ($id: String!) { confirmAllocation(id: $id) { state } }";

/// Numbers that are looked at of one order.
const NUMBERS: usize = 2;

/// What is remembered between turns.
#[derive(Default)]
pub struct Desk {
    certificates: HashMap<(usize, Who), IssuedCertificate>,
    /// By family, world and place in it: the id of what was laid down.
    laid: HashMap<(usize, usize, usize), String>,
    /// Numbers that were given out, by family: product and number.
    pub issued: Vec<(usize, String, String)>,
}

/// Who does something, at which hubs, with which randomness.
#[derive(Clone, Copy)]
struct Acting<'a> {
    family: &'a Family,
    index: usize,
    who: Who,
    shared: bool,
    seed: u64,
}

impl House {
    /// The key of an owner is random and made with its first number: whose order that was must not make another key of it.
    pub async fn make_keys(&self, families: &[Family]) {
        for (index, family) in families.iter().enumerate() {
            for (number, brand) in [MAKER, RIVAL].into_iter().enumerate() {
                let acting = Acting {
                    family,
                    index,
                    who: PACKER,
                    shared: true,
                    seed: family.seed ^ (4 + number as u64),
                };
                let input =
                    json!({"gtin": family.cast.gtin(brand, 0), "quantity": 1, "idempotencyKey": format!("first {brand}")});
                let made = self.act(acting, ORDER, json!({"input": input})).await;
                assert!(made.is_ok(), "the first numbers of an owner");
            }
        }
    }

    /// All that one family lays down, ends and orders in one turn.
    pub async fn lay_down(&mut self, family: &Family, index: usize, turn: usize) -> Option<Difference> {
        for (number, world) in family.worlds.iter().enumerate() {
            for (place, rule) in world.rules.iter().enumerate() {
                let (key, seed) = ((index, number, place), seed_of(family, (number, place)));
                let acting = Acting {
                    family,
                    index,
                    who: rule.by,
                    shared: rule.shared,
                    seed,
                };
                if rule.turn == turn
                    && let Err(found) = self.begin(acting, key, rule).await
                {
                    return Some(found);
                }
                if rule.ends == Some(turn)
                    && let Err(found) = self.end(acting, key, rule).await
                {
                    return Some(found);
                }
            }
            for (place, order) in world.orders.iter().enumerate().filter(|(_, order)| order.turn == turn) {
                let acting = Acting {
                    family,
                    index,
                    who: order.by,
                    shared: order.shared,
                    seed: seed_of(family, (number, 64 + place)),
                };
                if let Err(found) = self.order(acting, order).await {
                    return Some(found);
                }
            }
        }
        self.tick();
        None
    }

    async fn begin(&mut self, acting: Acting<'_>, key: (usize, usize, usize), rule: &Rule) -> Result<(), Difference> {
        let id = match &rule.what {
            What::Cap(input) => text(&self.act(acting, CAP, json!({"input": input})).await?["setCap"]["cap"]),
            What::Emergency(input) => {
                text(&self.act(acting, DECLARE, json!({"input": input})).await?["declareEmergency"]["emergency"])
            }
            What::Grant(signers, input) => {
                let grant = self.act(acting, PROPOSE, json!({"input": input})).await?["proposeGrant"]["grant"].clone();
                for signer in signers {
                    let jws = signed(self.certificate(acting, *signer).await, &text(&grant["text"]));
                    let signing = Acting {
                        who: *signer,
                        seed: acting.seed ^ (32 + *signer as u64),
                        ..acting
                    };
                    let input = json!({"input": {"grant": grant["id"], "jws": jws}});
                    self.act(signing, SIGN, input).await?;
                }
                for hub in self.hubs(acting.shared) {
                    while fill_due(&hub.hub).await.expect("the past of a grant") {}
                }
                text(&grant["id"])
            }
        };
        self.desk.laid.insert(key, id);
        Ok(())
    }

    async fn end(&mut self, mut acting: Acting<'_>, key: (usize, usize, usize), rule: &Rule) -> Result<(), Difference> {
        let id = self.desk.laid[&key].clone();
        acting.seed ^= 48;
        let (mutation, input) = match &rule.what {
            What::Cap(_) => (LIFT, json!({"cap": id})),
            What::Emergency(_) => (FINISH, json!({"emergency": id})),
            What::Grant(..) => (REVOKE, json!({"grant": id, "reason": "over"})),
        };
        self.act(acting, mutation, json!({"input": input})).await.map(drop)
    }

    async fn order(&mut self, acting: Acting<'_>, order: &Order) -> Result<(), Difference> {
        let made = self.act(acting, ORDER, json!({"input": order.input})).await?["requestSerials"].clone();
        let id = made["allocation"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{made:#}"))
            .to_owned();
        let actor = self.less.actor(&acting.family.cast.party(acting.who));
        let mut answers = Vec::new();
        for hub in self.hubs(acting.shared) {
            hub.reseed(acting.seed ^ 80);
            answers.push(hub.get(&actor, &format!("/serials/v1/allocations/{id}/serials")).await);
        }
        compared(acting, &answers, "the serial numbers of an order")?;
        let rows = answers.last().expect("an answer").text();
        for (gtin, serial) in rows.lines().skip(1).filter_map(|row| row.split_once(',')).take(NUMBERS) {
            assert_eq!(gtin, order.gtin, "{rows}");
            self.desk.issued.push((acting.index, gtin.to_owned(), serial.to_owned()));
        }
        if order.acknowledged {
            let acting = Acting {
                seed: acting.seed ^ 96,
                ..acting
            };
            self.act(acting, CONFIRM, json!({"id": id})).await?;
        }
        Ok(())
    }

    /// The `data` of a mutation, which must not have errors; of the hub that is told more.
    async fn act(&self, acting: Acting<'_>, mutation: &str, variables: Value) -> Result<Value, Difference> {
        let actor = self.less.actor(&acting.family.cast.party(acting.who));
        let body = json!({"query": mutation, "variables": variables}).to_string();
        let mut answers = Vec::new();
        for hub in self.hubs(acting.shared) {
            hub.reseed(acting.seed);
            answers.push(hub.post(&actor, "/graphql", "application/json", body.clone()).await);
        }
        compared(acting, &answers, &body)?;
        let answer = answers.last().expect("an answer").json();
        assert!(answer.get("errors").is_none(), "{}: {body}: {answer:#}", actor.party);
        Ok(answer["data"].clone())
    }

    /// A certificate of a party, which both hubs know.
    async fn certificate(&mut self, acting: Acting<'_>, who: Who) -> &IssuedCertificate {
        let key = (acting.index, who);
        if !self.desk.certificates.contains_key(&key) {
            let issued = crate::grant::certificate(&self.less, &acting.family.cast.party(who)).await;
            let record = issued.record.clone();
            let write = self
                .more
                .hub
                .db()
                .write(|tx| Box::pin(async move { certificate::insert(tx, &record).await }));
            write.await.expect("the certificate at the other hub");
            self.desk.certificates.insert(key, issued);
        }
        &self.desk.certificates[&key]
    }
}

/// What the asker itself is answered must be the same.
fn compared(acting: Acting<'_>, answers: &[Answer], question: &str) -> Result<(), Difference> {
    let [less, more] = answers else { return Ok(()) };
    match difference(shown(less), shown(more)).filter(|_| acting.who == acting.family.asker) {
        Some((less, more)) => Err(Difference {
            family: acting.index,
            question: question.to_owned(),
            less,
            more,
        }),
        None => Ok(()),
    }
}

fn seed_of(family: &Family, (world, place): (usize, usize)) -> u64 {
    family.seed ^ ((world * 128 + place + 1) as u64) << 24
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
