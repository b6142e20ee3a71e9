//! A relay whose browsers share a port, and the browsers on it.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use relay::RelayConfig;
use streams::{
    dtls::{Identity, Role, Terms},
    ice::{self, Credentials},
    media::{LegMedia, MediaCommand, PortLease, Protection},
};

use super::Browser;
use crate::world::{World, config, v4};

/// What a good check is answered with.
pub const SUCCESS: u16 = 0x0101;

fn identity() -> Arc<Identity> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    Arc::new(Identity::new(certificate.der().to_vec(), key.serialize_der()).unwrap())
}

/// A relay whose browsers share the port behind its range, and who it and they are.
pub struct Stage {
    pub config: RelayConfig,
    pub ours: Arc<Identity>,
    pub theirs: Arc<Identity>,
}

impl Stage {
    pub fn new(first: u16) -> Self {
        let (ours, theirs) = (identity(), identity());
        let shared_port = Some(first + 40);
        let config = RelayConfig {
            identity: Some(Arc::clone(&ours)),
            shared_port,
            is_shared_over_tcp: true,
            ..config(v4(), first, first + 39)
        };
        Self { config, ours, theirs }
    }

    pub fn media(&self, credentials: &Credentials, name: &str) -> LegMedia {
        let fingerprints = vec![self.theirs.fingerprint().clone()];
        let terms = Terms { association: 1, role: Role::Passive, fingerprints };
        let media = LegMedia { protection: Protection::Dtls(terms), ..LegMedia::unknown(v4()) };
        media.over_ice(ice::Terms { ours: credentials.clone(), theirs: Some(name.into()) })
    }

    /// A browser whose leg is open, and has heard nothing.
    pub fn browser(&self, world: &mut World, name: &'static str) -> (Browser, PortLease) {
        world.until("legs on the shared port", |w| !w.shared.is_empty());
        let lease = world.shared.remove(0);
        assert_eq!(lease.address.port(), self.config.shared_port.unwrap());
        let credentials = Credentials::new(lease.id, [u8::try_from(name.len()).unwrap(); 24]);
        world.order(MediaCommand::Open { lease: lease.id, media: self.media(&credentials, name) });
        world.look(lease.id);
        (Browser::new(v4(), lease.address, name, &credentials), lease)
    }

    /// As far as speaking.
    pub fn talking(&self, world: &mut World, name: &'static str) -> (Browser, PortLease) {
        let (browser, lease) = self.browser(world, name);
        (self.talks(browser), lease)
    }

    /// The same over TCP.
    pub fn connected(&self, world: &mut World, name: &'static str) -> (Browser, PortLease) {
        let (mut browser, lease) = self.browser(world, name);
        browser.connects();
        (self.talks(browser), lease)
    }

    /// The first check, and the handshake.
    pub fn talks(&self, mut browser: Browser) -> Browser {
        assert_eq!(browser.checks(), SUCCESS);
        browser.shakes_hands(&self.theirs, &self.ours);
        browser
    }
}
