//! Who may come in: asked at each handshake and again at each request.
//!
//! A certificate is genuine if its chain ends at the hub's own CA or at an issuer that the very party it names has
//! registered: one party's issuer can never vouch for another. The identity is therefore read first, the signature checked
//! against what may sign for it, and only then said whether the party is known: to a stranger without a genuine
//! certificate a party that exists and one that does not look alike.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConnection, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::domain::party::{Actor, Registry};
use crate::service::Hub;
use crate::service::certificate::{Authority, Revocations};

use super::super::identity::{self, PeerIdentity};

/// Decides who is there.
pub struct Admission {
    hub: Hub,
    authority: CertificateDer<'static>,
    trust_domain: String,
    revocations: Revocations,
    /// The hub's CA alone; also checks the handshake's signatures, which do not depend on the roots.
    own: Arc<dyn ClientCertVerifier>,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("trust_domain", &self.trust_domain)
            .finish_non_exhaustive()
    }
}

/// Why somebody does not come in: for the log, and as an alert or a 401 for the caller.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// Names nobody.
    #[error(transparent)]
    Identity(#[from] identity::IdentityError),
    /// Not genuine, expired, or not for client authentication.
    #[error("the certificate is refused: {0}")]
    Certificate(#[source] rustls::Error),
    /// Genuine, but the party is not there or suspended.
    #[error("`{0}` is no active party")]
    Party(crate::domain::ids::PartyId),
    /// Revoked.
    #[error("the certificate is revoked")]
    Revoked,
    /// Ran out while the connection was open.
    #[error("the certificate has expired")]
    Expired,
}

impl NotAdmitted {
    /// As rustls turns it into an alert.
    fn into_alert(self) -> rustls::Error {
        match self {
            Self::Identity(_) | Self::Party(_) => CertificateError::ApplicationVerificationFailure.into(),
            Self::Certificate(error) => error,
            Self::Revoked => CertificateError::Revoked.into(),
            Self::Expired => CertificateError::Expired.into(),
        }
    }
}

/// The other end of one connection.
#[derive(Debug, Clone)]
pub struct Peer {
    identity: PeerIdentity,
    chain: Arc<[CertificateDer<'static>]>,
    /// Version of the contracts by which the chain was last verified.
    verified_by: i64,
}

impl Peer {
    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &PeerIdentity {
        &self.identity
    }
}

impl Admission {
    /// For one hub process.
    pub fn new(hub: Hub, authority: &Authority, revocations: Revocations) -> Result<Self, rustls::Error> {
        let own = verifier(&[authority.certificate().clone()])?;
        let trust_domain = authority.trust_domain().to_owned();
        Ok(Self {
            hub,
            authority: authority.certificate().clone(),
            trust_domain,
            revocations,
            own,
        })
    }

    /// The hub.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The other end of a connection whose handshake is done.
    #[must_use]
    pub fn peer_of(&self, connection: &ServerConnection) -> Option<Peer> {
        let chain: Arc<[_]> = connection
            .peer_certificates()?
            .iter()
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        let registry = self.hub.registry();
        let identity = self.verify(&registry, &chain, self.unix_now()).ok()?;
        Some(Peer {
            identity,
            chain,
            verified_by: registry.version(),
        })
    }

    /// Whether the other end may still come in, now: for each request. Changed contracts verify the whole chain again.
    pub fn admit(&self, peer: &mut Peer) -> Result<Actor, NotAdmitted> {
        let registry = self.hub.registry();
        if registry.version() != peer.verified_by {
            peer.identity = self.verify(&registry, &peer.chain, self.unix_now())?;
            peer.verified_by = registry.version();
        }
        self.standing(&registry, &peer.identity)?;
        Ok(Actor {
            party: peer.identity.party.clone(),
            system: peer.identity.system.to_string(),
        })
    }

    /// Everything, from the certificate alone.
    fn verify(&self, registry: &Registry, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<PeerIdentity, NotAdmitted> {
        let (leaf, intermediates) = chain.split_first().ok_or(identity::IdentityError::Unreadable)?;
        let identity = identity::of_certificate(leaf, &self.trust_domain)?;
        self.verify_chain(registry, &identity, (leaf, intermediates), now)
            .map_err(NotAdmitted::Certificate)?;
        self.standing(registry, &identity)?;
        Ok(identity)
    }

    fn verify_chain(
        &self,
        registry: &Registry,
        identity: &PeerIdentity,
        (leaf, intermediates): (&CertificateDer<'_>, &[CertificateDer<'_>]),
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let issuers = registry
            .party(&identity.party)
            .map(|party| party.issuers.as_slice())
            .unwrap_or_default();
        if issuers.is_empty() {
            return self.own.verify_client_cert(leaf, intermediates, now).map(drop);
        }
        let mut roots = vec![self.authority.clone()];
        for pem in issuers {
            // `partner check` refuses what is no certificate; one that slipped through vouches for nobody.
            roots.extend(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten());
        }
        verifier(&roots)?.verify_client_cert(leaf, intermediates, now).map(drop)
    }

    /// What can change while a connection is open.
    fn standing(&self, registry: &Registry, identity: &PeerIdentity) -> Result<(), NotAdmitted> {
        if !registry.party(&identity.party).is_some_and(|party| party.active) {
            return Err(NotAdmitted::Party(identity.party.clone()));
        }
        if self.revocations.contains(&identity.fingerprint) {
            return Err(NotAdmitted::Revoked);
        }
        if self.hub.now() > identity.not_after.plus_seconds(1) {
            return Err(NotAdmitted::Expired);
        }
        Ok(())
    }

    fn unix_now(&self) -> UnixTime {
        let seconds = u64::try_from(self.hub.now().0.div_euclid(1_000_000)).unwrap_or(0);
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    }
}

/// Verifies chains that end at one of `roots` and are for client authentication (RFC 5280 clause 4.2.1.12).
fn verifier(roots: &[CertificateDer<'static>]) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider).build();
    built.map_err(|error| rustls::Error::General(error.to_string()))
}

impl ClientCertVerifier for Admission {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // None: a caller with a certificate of its own issuer would not send it for a list with the hub's CA alone.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        match self.verify(&self.hub.registry(), &chain, now) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refused) => {
                tracing::info!(reason = %refused, "client certificate refused");
                Err(refused.into_alert())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.own.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.own.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.own.supported_verify_schemes()
    }
}
