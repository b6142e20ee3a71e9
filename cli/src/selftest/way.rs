//! What a self-test phone speaks SIP over: datagrams, a stream, or a stream under TLS.
//!
//! A TLS server has to prove to be the address that it is found at (RFC 5922 §7.1), by an authority that the operator
//! names; nothing is believed otherwise.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A transport and where the switch takes it.
pub(super) struct Way {
    switch: SocketAddr,
    transport: Transport,
}

enum Transport {
    Udp,
    Tcp,
    Tls(TlsConnector),
}

impl Way {
    pub(super) fn udp(switch: SocketAddr) -> Self {
        Self { switch, transport: Transport::Udp }
    }

    pub(super) fn tcp(switch: SocketAddr) -> Self {
        Self { switch, transport: Transport::Tcp }
    }

    /// To a switch whose certificate is signed by one of the authorities in this file.
    pub(super) fn tls(switch: SocketAddr, authorities: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        let unusable = || format!("{}: no authorities (PEM)", authorities.display());
        for certificate in CertificateDer::pem_file_iter(authorities).with_context(unusable)? {
            roots.add(certificate.with_context(unusable)?)?;
        }
        ensure!(!roots.is_empty(), unusable());
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { switch, transport: Transport::Tls(TlsConnector::from(Arc::new(config))) })
    }

    /// The transport's token in Via (RFC 3261 §20.42).
    pub(super) fn name(&self) -> &'static str {
        match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls(_) => "TLS",
        }
    }

    /// A link and its own address.
    pub(super) async fn connect(&self) -> anyhow::Result<(Link, SocketAddr)> {
        let to = || format!("{} to {}", self.name(), self.switch);
        if let Transport::Udp = self.transport {
            let any: IpAddr = if self.switch.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
            let socket = UdpSocket::bind((any, 0)).await?;
            socket.connect(self.switch).await?;
            let local = socket.local_addr()?;
            return Ok((Link::Udp(socket), local));
        }
        let stream = TcpStream::connect(self.switch).await.with_context(to)?;
        let local = stream.local_addr()?;
        let link = match &self.transport {
            Transport::Tls(connector) => {
                let name = ServerName::from(self.switch.ip());
                Link::Tls(Box::new(connector.connect(name, stream).await.with_context(to)?))
            }
            Transport::Udp | Transport::Tcp => Link::Tcp(stream),
        };
        Ok((link, local))
    }
}

/// An open way.
pub(super) enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    /// Whether what is received at once is a whole message.
    pub(super) fn is_datagrams(&self) -> bool {
        matches!(self, Self::Udp(_))
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(bytes).await.map(drop),
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// 0: the switch has closed it.
    pub(super) async fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(room).await,
            Self::Tcp(stream) => stream.read(room).await,
            Self::Tls(stream) => stream.read(room).await,
        }
    }
}
