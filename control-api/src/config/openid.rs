//! `[openid]` of `api.toml`: the provider that people sign in by besides passwords.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Mistake, credential, reader::Reader};
use crate::openid::{IssuerUrl, Provider, RedirectUrl, Registered};

/// What the provider is, and who we are there.
#[derive(Clone, Debug)]
pub struct OpenId {
    issuer: IssuerUrl,
    client_id: String,
    secret_file: Option<PathBuf>,
    redirect: RedirectUrl,
}

/// The page of the console that browsers come back to.
const PAGE: &str = "sign-in/google";

pub(super) fn openid(root: &mut Reader, base: &Path, public_url: &str) -> Option<OpenId> {
    let mut table = root.table("openid");
    let issuer = table.text("issuer", "https://accounts.google.com");
    let is_near = ["http://127.0.0.1:", "http://[::1]:"].iter().any(|near| issuer.starts_with(near));
    let parsed = IssuerUrl::new(issuer.clone()).ok().filter(|_| issuer.starts_with("https://") || is_near);
    let must = "must begin with https://, unless it is on this machine (http://127.0.0.1:PORT)";
    table.check("issuer", parsed.is_some(), must);
    let client_id = table.text("client_id", "");
    let secret_file = table.text("client_secret_file", "");
    let redirect = RedirectUrl::new(format!("{public_url}/{PAGE}")).ok();
    let is_reached = client_id.is_empty() || redirect.is_some();
    table.check("client_id", is_reached, "wants an identity.public_url that browsers can come back to");
    root.absorb(table);
    let secret_file = (!secret_file.is_empty()).then(|| base.join(secret_file));
    let (issuer, redirect) = parsed.zip(redirect).filter(|_| !client_id.is_empty())?;
    Some(OpenId { issuer, client_id, secret_file, redirect })
}

impl OpenId {
    /// The way to it, with the secret that belongs to it.
    ///
    /// # Errors
    /// The secret is missing or cannot be read.
    pub fn open(&self) -> Result<Provider, Mistake> {
        let path = self.secret_file.clone().or_else(|| credential("openid-client-secret"));
        let path = path.ok_or("openid.client_secret_file: is missing, and there is a client_id")?;
        let wrong = |reason: &str| format!("openid.client_secret_file: {}: {reason}", path.display());
        let client_secret =
            fs::read_to_string(&path).map_err(|error| wrong(&error.to_string()))?.trim().to_owned();
        if client_secret.is_empty() {
            return Err(wrong("is empty"));
        }
        let Self { issuer, client_id, redirect, .. } = self.clone();
        let provider = Provider::new(Registered { issuer, client_id, client_secret, redirect });
        provider.map_err(|error| format!("openid: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_provider_is_named_with_a_secret_and_asked_over_tls() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "rahasia\n").unwrap();
        fs::write(folder.path().join("nothing"), "\n").unwrap();
        let read = |text: &str| Config::parse(&format!("[openid]\n{text}"), folder.path());
        assert!(read("").unwrap().openid.is_none(), "nobody is asked unless somebody is named");
        let opened = |text: &str| read(&format!("client_id = \"x\"\n{text}")).unwrap().openid.unwrap().open();
        assert!(opened("client_secret_file = \"secret\"").is_ok());
        for (secret, reason) in [
            ("", "is missing, and there is a client_id"),
            ("client_secret_file = \"none\"", "none: No such file"),
            ("client_secret_file = \"nothing\"", "nothing: is empty"),
        ] {
            let said = opened(secret).unwrap_err();
            assert!(said.starts_with("openid.client_secret_file: ") && said.contains(reason), "{said}");
        }
        for (issuer, is_good) in [
            ("https://id.example.com/realm", true),
            ("http://127.0.0.1:8081", true),
            ("http://id.example.com", false),
            ("http://127.0.0.1.example.com:80", false),
            ("accounts.google.com", false),
        ] {
            assert_eq!(read(&format!("issuer = \"{issuer}\"")).is_ok(), is_good, "{issuer}");
        }
    }
}
