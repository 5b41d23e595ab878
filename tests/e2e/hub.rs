//! A hub on loopback with the parties of the story, and issuers of the tests' own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use counterfoil::app::{RunningHub, Start, SystemClock, start_with};
use counterfoil::config::partner;
use counterfoil::config::settings::{Limits, Settings};
use counterfoil::domain::ids::AuditId;
use counterfoil::domain::party::{Actor, Party, Registry};
use counterfoil::domain::time::Micros;
use counterfoil::service::certificate::{CertificateRequest, issue};
use counterfoil::service::hub::{Clock, Hub};
use counterfoil::service::partner::{Missing, Stamp, apply, plan, refresh};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The trust domain of the defaults.
pub const DOMAIN: &str = "counterfoil.example";

/// A running hub in a folder that is gone after the test.
pub struct TestHub {
    pub running: RunningHub,
    clock: Arc<MovedClock>,
    _folder: tempfile::TempDir,
}

/// A certificate with its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl TestHub {
    pub async fn start() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            operations_listen: ([127, 0, 0, 1], 0).into(),
            data_dir: folder.path().to_owned(),
            limits,
            ..Settings::default()
        };
        let clock = Arc::new(MovedClock(AtomicI64::new(0)));
        let start = Start {
            clock: Arc::<MovedClock>::clone(&clock),
            ..Start::new(settings)
        };
        let test = Self {
            running: start_with(start).await.expect("a running hub"),
            clock,
            _folder: folder,
        };
        test.apply_partners().await;
        test
    }

    pub fn hub(&self) -> &Hub {
        self.running.hub()
    }

    pub async fn stop(self) {
        self.running.shutdown().await;
    }

    async fn apply_partners(&self) {
        let files = partner::load(&partner_config()).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let plan = plan(self.hub().db(), &files, Missing::Keep).await.expect("a plan");
        let at = self.hub().now();
        let stamp = Stamp {
            at,
            actor: actor("hub-operator"),
            audit_id: AuditId::new(self.hub().new_id(at)),
        };
        apply(self.hub().db(), plan, stamp).await.expect("the plan applied");
        refresh(self.hub()).await.expect("the registry");
    }

    /// A certificate of the hub's own CA.
    pub async fn issue(&self, party: &str) -> (Identity, [u8; 32]) {
        let request = CertificateRequest {
            party: party.parse().expect("a party id"),
            system: system(),
            validity_days: 30,
        };
        let authority = self.running.authority();
        let issued = issue(self.hub(), authority, &actor("hub-operator"), request)
            .await
            .expect("a certificate");
        let chain = vec![CertificateDer::from_pem_slice(issued.files.certificate_pem.as_bytes()).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(issued.files.key_pem.as_bytes()).expect("PEM");
        (Identity { chain, key }, issued.record.fingerprint)
    }

    /// Changes parties in memory. The stored contracts stay, and so does their version: the worker sees nothing new.
    pub fn change_parties(&self, change: impl Fn(&mut Party)) {
        let registry = self.hub().registry();
        let mut parties: Vec<Party> = registry.parties().map(|party| Party::clone(party)).collect();
        parties.iter_mut().for_each(change);
        self.hub()
            .set_registry(Registry::new(registry.version(), parties, Vec::new()));
    }

    /// Registers an issuer of a party's own.
    pub fn add_issuer(&self, party: &str, issuer: &TestIssuer) {
        self.change_parties(|candidate| {
            if candidate.id.as_str() == party {
                candidate.issuers.push(issuer.pem.clone());
            }
        });
    }

    /// Moves the hub's clock on.
    pub fn advance_days(&self, days: i64) {
        self.clock.0.fetch_add(days * 86_400_000_000, Ordering::SeqCst);
    }
}

pub fn partner_config() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("partner-config")
}

fn system() -> counterfoil::domain::ids::SystemName {
    "erp".parse().expect("a system name")
}

pub fn actor(party: &str) -> Actor {
    Actor {
        party: party.parse().expect("a party id"),
        system: "erp".to_owned(),
    }
}

/// The present, moved by so many microseconds.
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Micros {
        Micros(SystemClock.now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// A CA that is not the hub's; it signs whatever a test asks for.
pub struct TestIssuer {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl TestIssuer {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a CA").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A client certificate with these SANs.
    pub fn sign(&self, names: &[SanType]) -> Identity {
        self.sign_for(names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    pub fn sign_for(&self, names: &[SanType], purpose: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Identity {
            chain: vec![certificate.der().clone()],
            key,
        }
    }
}

/// The name of a party's system.
pub fn name(domain: &str, party: &str) -> SanType {
    uri(&format!("spiffe://{domain}/party/{party}/system/erp"))
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}
