//! The listening socket: how many connections, how long one may take to say what it wants, and how all of
//! them end. In front of strangers stands a reverse proxy; this is so that nobody on the inside can use up
//! the process either.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time};
use tower::Layer as _;

/// Until a connection has sent a request's whole head, also while it idles between two.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// A pause after a failed accept: it fails again at once when file descriptors are out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits on the socket.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// How long running requests may take after the order to stop.
    pub shutdown_max: Duration,
}

/// Serves until `stop` resolves, then lets running requests finish; what it has resolved to.
pub async fn serve<T>(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = T>,
) -> T {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    let stopped = loop {
        let (stream, peer, place) = tokio::select! {
            stopped = &mut stop => break stopped,
            accepted = accept(&listener, &places) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // One protocol only: a connection that may still become HTTP/2 waits for its first bytes without a limit.
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
        let service = TowerToHyperService::new(Extension(ConnectInfo(peer)).layer(router.clone()));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            // A client that goes away in the middle is no event.
            let _ = connection.await;
        });
    };
    drop(listener);
    if time::timeout(limits.shutdown_max, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the time to stop was up");
    }
    stopped
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}
