//! The way to the OpenID provider that people sign in by (OpenID Connect Core 1.0: code flow, with PKCE, RFC 7636), and what its ID tokens prove. Where it is
//! is the operator's word and no client's, so it may be in our own network: what [`crate::egress`] refuses is not refused here. Nothing is asked of
//! it but its description, its keys and ID tokens; who is who, and what follows, is `identity::google`'s.

use std::{fmt, sync::Arc, time::Duration};

use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, Nonce, PkceCodeChallenge, PkceCodeVerifier, RequestTokenError, Scope,
    TokenResponse as _,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    },
};
use reqwest::{Client, redirect};
use tokio::{sync::Mutex, time::Instant};

pub use openidconnect::{IssuerUrl, RedirectUrl};

use crate::{http::error::ApiError, switch::whole};

/// Until there is a connection.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Until an answer has come whole; a sign-in may take three of them.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// Octets of one.
const ANSWER_BYTES_MAX: usize = 1 << 18;
/// How long its description and keys are believed.
const BELIEVED: Duration = Duration::from_secs(600);
/// It is not asked again for so long after it did not answer.
const PAUSE: Duration = Duration::from_secs(5);

const AWAY: ApiError = ApiError::ProviderUnavailable(
    "the provider of sign-ins does not answer; passwords are looked at without it",
);
const NOT_PROVEN: ApiError =
    ApiError::Refused("what the provider says does not prove who you are; begin again");

/// Who we are there.
#[derive(Clone)]
pub struct Registered {
    /// Its address, as its ID tokens have it.
    pub issuer: IssuerUrl,
    /// What it calls us.
    pub client_id: String,
    /// What it knows us by.
    pub client_secret: String,
    /// Where it sends browsers back to, and nowhere else.
    pub redirect: RedirectUrl,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish()
    }
}

/// What one visit of the provider is known by again.
#[derive(Clone)]
pub struct Visit {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Whoever shows the code shows it, too.
    pub verifier: String,
}

/// What an ID token says of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The issuer.
    pub issuer: String,
    /// What it calls them, for good.
    pub subject: String,
    /// Their address, if it has verified it.
    pub address: Option<String>,
    /// Their name.
    pub name: Option<String>,
}

/// The provider.
#[derive(Clone, Debug)]
pub struct Provider {
    registered: Registered,
    client: Client,
    known: Arc<Mutex<Option<Known>>>,
}

/// What it has said of itself, or that it did not.
#[derive(Debug)]
struct Known {
    at: Instant,
    metadata: Option<Arc<CoreProviderMetadata>>,
}

/// There is no answer, or none that can be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NoAnswer(String);

/// A client that knows where browsers go, and perhaps where codes are shown.
type Ready = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Provider {
    /// The way to it; it is not asked yet.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn new(registered: Registered) -> Result<Self, reqwest::Error> {
        // The client asks for this; twice is as good as once.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            // Where it leads to would be asked in its name (openidconnect says so too).
            .redirect(redirect::Policy::none())
            .https_only(registered.issuer.url().scheme() == "https")
            .connect_timeout(CONNECT_MAX)
            .timeout(ANSWER_MAX)
            .user_agent("sambung")
            .build()?;
        Ok(Self { registered, client, known: Arc::default() })
    }

    /// Where a browser goes for that visit.
    pub(crate) async fn address(&self, visit: Visit) -> Result<String, ApiError> {
        let metadata = self.metadata().await?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(visit.verifier));
        let (state, nonce) = (CsrfToken::new(visit.state), Nonce::new(visit.nonce));
        let url = self
            .client_of(&metadata)
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(url.0.into())
    }

    /// Who has come back from that visit with `code`.
    pub(crate) async fn proven(&self, code: String, visit: Visit) -> Result<Proven, ApiError> {
        let metadata = self.metadata().await?;
        let (client, http) = (self.client_of(&metadata), |request| fetch(self.client.clone(), request));
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|_| AWAY)?;
        let verifier = PkceCodeVerifier::new(visit.verifier);
        let tokens =
            request.set_pkce_verifier(verifier).request_async(&http).await.map_err(|error| match error {
                RequestTokenError::ServerResponse(refusal) => {
                    tracing::info!(error = %refusal.error(), "the provider of sign-ins does not take a code");
                    NOT_PROVEN
                }
                error => away("it gives no token", &error),
            })?;
        let verifier = client.id_token_verifier().set_allowed_algs([
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            CoreJwsSigningAlgorithm::EdDsa,
        ]);
        let token = tokens.id_token().ok_or(NOT_PROVEN)?;
        match token.claims(&verifier, &Nonce::new(visit.nonce)) {
            Ok(claims) => Ok(proven(claims)),
            Err(error) => {
                tracing::warn!(%error, "an ID token of the provider of sign-ins is refused");
                // Perhaps it has new keys.
                *self.known.lock().await = None;
                Err(NOT_PROVEN)
            }
        }
    }

    fn client_of(&self, metadata: &CoreProviderMetadata) -> Ready {
        let Registered { client_id, client_secret, redirect, .. } = self.registered.clone();
        let (id, secret) = (ClientId::new(client_id), ClientSecret::new(client_secret));
        CoreClient::from_provider_metadata(metadata.clone(), id, Some(secret)).set_redirect_uri(redirect)
    }

    /// What it says of itself, asked for by one at a time.
    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, ApiError> {
        let mut known = self.known.lock().await;
        if let Some(Known { at, metadata }) = &*known {
            let age = at.elapsed();
            match metadata {
                Some(metadata) if age < BELIEVED => return Ok(Arc::clone(metadata)),
                None if age < PAUSE => return Err(AWAY),
                _ => {}
            }
        }
        let http = |request| fetch(self.client.clone(), request);
        let found = CoreProviderMetadata::discover_async(self.registered.issuer.clone(), &http).await;
        let found = found.map(Arc::new).map_err(|error| away("it does not describe itself", &error));
        *known = Some(Known { at: Instant::now(), metadata: found.as_ref().ok().cloned() });
        found
    }
}

fn proven(claims: &CoreIdTokenClaims) -> Proven {
    let is_verified = claims.email_verified() == Some(true);
    Proven {
        issuer: claims.issuer().to_string(),
        subject: claims.subject().to_string(),
        address: claims.email().filter(|_| is_verified).map(|address| address.to_string()),
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
    }
}

fn away(what: &str, error: &dyn std::error::Error) -> ApiError {
    let reason = std::iter::successors(Some(error), |error| error.source());
    let reason = reason.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::warn!(what, reason, "the provider of sign-ins is away");
    AWAY
}

async fn fetch(client: Client, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
    let (asked, body) = request.into_parts();
    let sent =
        client.request(asked.method, asked.uri.to_string()).headers(asked.headers).body(body).send().await;
    let response = sent.map_err(|error| NoAnswer(error.without_url().to_string()))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let octets = whole(response, ANSWER_BYTES_MAX).await.map_err(NoAnswer)?;
    let mut answer = HttpResponse::new(octets.ok_or_else(|| NoAnswer("it says too much".to_owned()))?);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}
