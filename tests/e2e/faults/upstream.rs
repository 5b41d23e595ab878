//! A hub that passes on the numbers of another hub, over the public interface and mutual TLS, and loses its answers.
//!
//! The manufacturer's hub computes the numbers; the packagers' hub orders them there for whoever asks it. Between the two stands a
//! [`Relay`] that loses the k-th answer after it was given: the order was taken, and nobody was told. Whatever was lost, one order is one
//! allocation there, and no number is passed on twice. That the relay loses what it says is told by the answers of the packagers' hub.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::caller::{Answer, Caller, Identity, LINES};
use super::house::{House, HubProcess, Start, copy_folder};
use super::restore::{EACH, asked};

/// TCP between two hubs.
struct Relay {
    port: u16,
    to: Arc<AtomicU16>,
    /// Which answer from now on is lost; 0 and less: none.
    lose: Arc<AtomicI64>,
}

impl Relay {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = Self {
            port: listener.local_addr().expect("an address").port(),
            to: Arc::default(),
            lose: Arc::default(),
        };
        let (to, lose) = (Arc::clone(&relay.to), Arc::clone(&relay.lose));
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let (to, lose) = (to.load(Ordering::SeqCst), Arc::clone(&lose));
                tokio::spawn(async move {
                    if let Ok(hub) = TcpStream::connect(("127.0.0.1", to)).await {
                        pass(caller, hub, &lose).await;
                    }
                });
            }
        });
        relay
    }

    /// Loses the `at`-th answer from now on, and no other.
    fn lose(&self, at: i64) {
        self.lose.store(at, Ordering::SeqCst);
    }

    /// Whether it was lost.
    fn has_lost(&self) -> bool {
        self.lose.load(Ordering::SeqCst) <= 0
    }
}

/// What comes from the hub after the handshake, and after the caller has said something, is an answer: what it rests on is committed.
async fn pass(mut caller: TcpStream, mut hub: TcpStream, lose: &AtomicI64) {
    let (mut said, mut told) = (vec![0; 16_384], vec![0; 16_384]);
    let (mut greeted, mut asked) = (false, false);
    loop {
        let passed = tokio::select! {
            read = caller.read(&mut said) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    asked = greeted;
                    hub.write_all(&said[..length]).await
                }
            },
            read = hub.read(&mut told) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    if std::mem::take(&mut asked) && lose.fetch_sub(1, Ordering::SeqCst) == 1 {
                        return;
                    }
                    greeted = true;
                    caller.write_all(&told[..length]).await
                }
            },
        };
        if passed.is_err() {
            return;
        }
    }
}

/// The hub of the manufacturer, and that of the packagers, which orders there as a system of Aurora's.
struct TwoHubs {
    maker: House,
    making: HubProcess,
    relay: Relay,
    broker: House,
    /// Of a system of Aurora's, by the manufacturer's hub.
    aurora: Identity,
}

impl TwoHubs {
    async fn start() -> Self {
        let maker = House::on_sqlite().await;
        let making = maker.start(Start::default());
        let relay = Relay::start().await;
        relay.to.store(making.port(), Ordering::SeqCst);
        let hubs = Self {
            broker: House::on_sqlite().await,
            aurora: maker.issue("aurora"),
            maker,
            making,
            relay,
        };
        hubs.show(&hubs.aurora);
        let partners = hubs.broker.aside().join("partners");
        copy_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/partner-config").as_ref(), &partners);
        fs::write(partners.join("maker.pem"), &hubs.aurora.ca).expect("a CA");
        let aurora = fs::read_to_string(partners.join("aurora.toml")).expect("a partner file");
        let product = "name = \"Auroxin 20 mg, 30 tablets\"\n";
        assert!(aurora.contains(product));
        let rule = format!(
            "{product}[products.serials]\nsource = \"brokered\"\n[products.serials.upstream]\nurl = \"https://localhost:{}\"\n\
             ca = \"maker.pem\"\nidentity = \"maker.pem\"\nbatch = {EACH}\n",
            hubs.relay.port
        );
        fs::write(partners.join("aurora.toml"), aurora.replacen(product, &rule, 1)).expect("a partner file");
        let partners = partners.display().to_string();
        let (status, text) = hubs.broker.told(&["partner", "apply", "--yes", "--config", &partners]);
        assert_eq!(status, Some(0), "{text}");
        hubs
    }

    /// What the packagers' hub shows the manufacturer's; read anew for each call.
    fn show(&self, identity: &Identity) {
        let secrets = self.broker.data().join("secrets");
        fs::create_dir_all(&secrets).expect("a folder");
        fs::write(secrets.join("maker.pem"), format!("{}{}", identity.certificate, identity.key)).expect("a secret");
    }

    /// The orders at the manufacturer's hub, as Aurora sees them there.
    async fn orders(&self) -> Vec<Value> {
        let aurora = Caller::new(&self.aurora, self.making.port());
        let Answer::Acknowledged(list) = aurora.json("/serials/v1/allocations?first=100").await else {
            panic!("the manufacturer's hub does not list its allocations")
        };
        list["allocations"].as_array().expect("a list").clone()
    }
}

/// A request that waits for the manufacturer's hub.
async fn put_off(caller: &Caller, key: &str) -> String {
    match caller.request_serials(&LINES[0], EACH, key).await {
        Answer::Unknown(why) if why.contains("UNAVAILABLE") => why,
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_another_hub_are_passed_on_once_whatever_answer_is_lost() {
    let hubs = TwoHubs::start().await;
    let mut hub = hubs.broker.start(Start::default());
    let mut passed_on: Vec<String> = Vec::new();
    // What is lost: the answer to the order, the numbers, the word that they arrived; and nothing.
    for lost in [1, 2, 3, 0] {
        let key = format!("order-{lost}");
        let caller = hubs.broker.caller(&LINES[0], &hub);
        hubs.relay.lose(lost);
        if matches!(lost, 1 | 2) {
            let why = put_off(&caller, &key).await;
            assert!(
                why.contains("broke off its answer") && why.contains("no number was given out"),
                "{why}"
            );
        } else {
            passed_on.extend(asked(&caller, &key).await);
        }
        assert!(hubs.relay.has_lost(), "answer {lost} was not lost: the test cannot fail");
        hubs.relay.lose(0);
        hub.kill();
        hub = hubs.broker.start(Start::default());
        let caller = hubs.broker.caller(&LINES[0], &hub);
        let serials = asked(&caller, &key).await;
        if matches!(lost, 1 | 2) {
            passed_on.extend(serials);
        } else {
            assert!(passed_on.ends_with(&serials), "{key} is answered with other numbers");
        }
    }
    let orders = hubs.orders().await;
    assert_eq!(orders.len(), 4, "one order is one allocation: {orders:#?}");
    let aurora = Caller::new(&hubs.aurora, hubs.making.port());
    let mut made = BTreeSet::new();
    for order in &orders {
        assert_eq!((&order["state"], &order["quantity"]), (&"acknowledged".into(), &EACH.into()));
        let Answer::Acknowledged(serials) = aurora.serials(order["serials"].as_str().expect("a path")).await else {
            panic!("the numbers of {order}")
        };
        made.extend(serials);
    }
    assert_eq!(passed_on.len(), 4 * EACH as usize);
    assert_eq!(passed_on.into_iter().collect::<BTreeSet<_>>(), made, "every number once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_hub_is_asked_with_a_certificate_that_it_knows_or_not_at_all() {
    let hubs = TwoHubs::start().await;
    let hub = hubs.broker.start(Start::default());
    let caller = hubs.broker.caller(&LINES[0], &hub);
    // The right name of another CA: the packagers' own hub made it.
    hubs.show(&hubs.broker.issue("aurora"));
    put_off(&caller, "key").await;
    // A party that may not ask for these numbers.
    hubs.show(&hubs.maker.issue("halden"));
    let why = put_off(&caller, "key").await;
    assert!(why.contains("answered 403"), "{why}");
    fs::remove_file(hubs.broker.data().join("secrets/maker.pem")).expect("removed");
    let why = put_off(&caller, "key").await;
    assert!(why.contains("the hub cannot ask it"), "{why}");
    assert_eq!(hubs.orders().await, Vec::<Value>::new());
    // The same call with the one thing put right.
    hubs.show(&hubs.aurora);
    assert_eq!(asked(&caller, "key").await.len(), EACH as usize);
    assert_eq!(hubs.orders().await.len(), 1);
}
