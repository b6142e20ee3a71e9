//! TLS for SIP (RFC 3261 §26.3.1): the certificate we show, which can be replaced while connections are up, and
//! whom we believe when we connect.
//!
//! TLS 1.2 and 1.3 with one provider (ring). Connections keep the configuration they began with, so a new certificate
//! touches none of them; a pair that cannot be used is refused and the old one stays. Which connections there are,
//! and for how long, is `streams`'.

use std::{
    collections::BTreeSet,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    WantsVerifier,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use tokio::signal::unix::{SignalKind, signal};

use super::validity;
use crate::config::{self, Mistake};

/// A file with certificates or a key is shorter than this.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The TLS side of the listeners. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    files: Files,
    server: ArcSwap<ServerConfig>,
    client: Arc<ClientConfig>,
    /// Whom we believe; `None`: whoever answers.
    roots: Option<Arc<RootCertStore>>,
    /// When the certificate that is shown expires, unix seconds.
    expires_at: AtomicI64,
    /// What the files looked like when they were read last, whether or not they were any good.
    seen: Mutex<Vec<Look>>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What tells that a file is another one, without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    changed_at: Option<SystemTime>,
    bytes: u64,
}

impl Tls {
    /// Reads all files. `None` where no TLS is to be spoken.
    pub fn open(config: &config::Sip) -> Result<Option<Self>, Vec<Mistake>> {
        if config.tls.is_empty() && config.wss.is_empty() {
            return Ok(None);
        }
        let (Some(certificate), Some(key)) = (config.tls_certificate.clone(), config.tls_key.clone()) else {
            return Err(vec![Mistake::new("sip.tls_certificate", "TLS needs a certificate and its key")]);
        };
        let files = Files { certificate, key, client_ca: config.tls_client_ca.clone() };
        let seen = files.look();
        let server = files.server();
        let expires_at = files.expires_at();
        let client = client(config.tls_ca.as_deref(), config.tls_verify);
        match (server, client) {
            (Ok(server), Ok((client, roots))) => Ok(Some(Self {
                inner: Arc::new(Inner {
                    files,
                    server: ArcSwap::from_pointee(server),
                    client: Arc::new(client),
                    roots,
                    expires_at: AtomicI64::new(expires_at),
                    seen: Mutex::new(seen),
                }),
            })),
            (server, client) => Err(server.err().into_iter().chain(client.err()).collect()),
        }
    }

    /// Reads certificate and key again. New connections get them; an error leaves everything as it was.
    pub fn reload(&self) -> Result<(), Mistake> {
        self.note_look();
        let server = self.inner.files.server()?;
        self.inner.server.store(Arc::new(server));
        self.inner.expires_at.store(self.inner.files.expires_at(), Ordering::Relaxed);
        Ok(())
    }

    /// Reads them again if the files look different. `false`: they do not.
    pub fn reload_if_changed(&self) -> Result<bool, Mistake> {
        if self.note_look() { self.reload().map(|()| true) } else { Ok(false) }
    }

    /// Whether the files look different from the last time.
    fn note_look(&self) -> bool {
        let look = self.inner.files.look();
        let mut seen = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *seen != look;
        *seen = look;
        is_new
    }

    /// When the certificate that we show expires, unix seconds (RFC 5280 §4.1.2.5).
    pub fn expires_at(&self) -> i64 {
        self.inner.expires_at.load(Ordering::Relaxed)
    }

    /// For a connection that comes in.
    pub(super) fn server(&self) -> Arc<ServerConfig> {
        self.inner.server.load_full()
    }

    /// For a connection of ours to whoever proves one of these names; where there are fewer than two, that which is asked for.
    pub(super) fn client(&self, names: Vec<ServerName<'static>>) -> Arc<ClientConfig> {
        let Inner { client, roots: Some(roots), .. } = &*self.inner else {
            return Arc::clone(&self.inner.client);
        };
        if names.len() < 2 {
            return Arc::clone(client);
        }
        let mut config = ClientConfig::clone(client);
        // A session that is taken up again is not verified again, and one of the names may be none any more by then.
        config.resumption = Resumption::disabled();
        let wanted = Wanted::OneOf(Arc::clone(roots), names);
        config.dangerous().set_certificate_verifier(Arc::new(Verifier { wanted, provider: provider() }));
        Arc::new(config)
    }
}

/// Reads the certificate again when its files change and when the process is told to (SIGHUP). Never done. To be run
/// without TLS as well: it keeps SIGHUP from ending the process.
pub async fn watch_certificate(tls: Option<Tls>) {
    let Ok(mut told) = signal(SignalKind::hangup()) else { return };
    loop {
        let is_told = tokio::select! {
            _ = told.recv() => true,
            () = tokio::time::sleep(LOOK_EVERY) => false,
        };
        let Some(tls) = tls.clone() else { continue };
        let read = move || if is_told { tls.reload().map(|()| true) } else { tls.reload_if_changed() };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(true)) => tracing::info!("new TLS connections get the certificate just read"),
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(mistake)) => {
                tracing::error!(%mistake, "the TLS certificate is not replaced: the one in use stays");
            }
        }
    }
}

impl Files {
    fn look(&self) -> Vec<Look> {
        let all = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        let look = |path: &PathBuf| {
            let about = fs::metadata(path).ok();
            Look {
                changed_at: about.as_ref().and_then(|about| about.modified().ok()),
                bytes: about.map_or(0, |about| about.len()),
            }
        };
        all.into_iter().flatten().map(look).collect()
    }

    /// The earliest end of the chain's certificates; 0 when they cannot be read, which [`Files::server`] reports.
    fn expires_at(&self) -> i64 {
        let chain = certificates("sip.tls_certificate", &self.certificate).unwrap_or_default();
        chain.iter().filter_map(|certificate| validity::not_after(certificate)).min().unwrap_or(0)
    }

    fn server(&self) -> Result<ServerConfig, Mistake> {
        let chain = certificates("sip.tls_certificate", &self.certificate)?;
        let mistake = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let pem = read("sip.tls_key", &self.key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            Mistake::new("sip.tls_key", mistake(&self.key, &"holds no private key (PEM, not encrypted)"))
        })?;
        let builder = versions(ServerConfig::builder_with_provider(provider()), "sip.tls")?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(roots("sip.tls_client_ca", path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                    .allow_unauthenticated()
                    .build()
                    .map_err(|error| Mistake::new("sip.tls_client_ca", mistake(path, &error)))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        builder.with_single_cert(chain, key).map_err(|error| {
            let reason = match error {
                rustls::Error::InconsistentKeys(_) => {
                    format!("is not the certificate of the key in {}", self.key.display())
                }
                other => other.to_string(),
            };
            Mistake::new("sip.tls_certificate", mistake(&self.certificate, &reason))
        })
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn versions<S: rustls::ConfigSide>(
    builder: ConfigBuilder<S, rustls::WantsVersions>,
    key: &str,
) -> Result<ConfigBuilder<S, WantsVerifier>, Mistake> {
    builder
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| Mistake::new(key, error))
}

/// How we connect, and whom we believe: those in `ca`, or those the system believes.
fn client(ca: Option<&Path>, verify: bool) -> Result<(ClientConfig, Option<Arc<RootCertStore>>), Mistake> {
    let builder = versions(ClientConfig::builder_with_provider(provider()), "sip.tls_ca")?;
    if !verify {
        let anybody = Arc::new(Verifier { wanted: Wanted::Anybody, provider: provider() });
        let builder = builder.dangerous().with_custom_certificate_verifier(anybody);
        return Ok((builder.with_no_client_auth(), None));
    }
    let roots = match ca {
        Some(path) => roots("sip.tls_ca", path)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    let roots = Arc::new(roots);
    Ok((builder.with_root_certificates(Arc::clone(&roots)).with_no_client_auth(), Some(roots)))
}

fn roots(key: &str, path: &Path) -> Result<RootCertStore, Mistake> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates(key, path)?);
    if added == 0 {
        return Err(Mistake::new(key, format!("{}: no certificate in it can be used", path.display())));
    }
    Ok(roots)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let pem = read(key, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) | Err(_) => Err(Mistake::new(key, format!("{}: holds no certificates (PEM)", path.display()))),
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, Mistake> {
    let at = |reason: &dyn std::fmt::Display| Mistake::new(key, format!("{}: {reason}", path.display()));
    let about = fs::metadata(path).map_err(|error| at(&error))?;
    if about.len() > FILE_BYTES_MAX {
        return Err(at(&"is too large for certificates or a key"));
    }
    fs::read(path).map_err(|error| at(&error))
}

/// Whom a connection of ours must prove to be: one of the names that its address was found by, else the address.
pub(super) fn server_names(names: &BTreeSet<&str>, address: IpAddr) -> Option<Vec<ServerName<'static>>> {
    if names.is_empty() {
        return Some(vec![ServerName::from(address)]);
    }
    let all: Vec<_> = names.iter().filter_map(|name| ServerName::try_from((*name).to_owned()).ok()).collect();
    (!all.is_empty()).then_some(all)
}

/// Who may answer, where that is not the one name that was asked for. The handshake's own signatures are checked all the same.
#[derive(Debug)]
struct Verifier {
    wanted: Wanted,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Wanted {
    /// For `tls_verify = false`: the line is encrypted, but to whom is not known.
    Anybody,
    /// Whoever proves any of these names.
    OneOf(Arc<RootCertStore>, Vec<ServerName<'static>>),
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Wanted::OneOf(roots, names) = &self.wanted {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
            if !names.iter().any(|name| verify_server_name(&certificate, name).is_ok()) {
                verify_server_name(&certificate, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
