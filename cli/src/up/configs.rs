//! The daemons' configuration files. Written anew at every start; secrets stand in files of their own.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr as _,
};

use anyhow::Context as _;
use migrations::Role;
use sambung::secret;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use toml::{Table, Value, toml};

use super::{
    certificate,
    folder::Folder,
    options::Options,
    place::{Place, still_free},
    state::{DOMAIN, State},
};

const HEADER: &str =
    "# Written by `sambung up` at every start; changes are lost. conf/ explains every key.\n";

/// What lets guests through to the switch; both daemons read it.
const GUEST_SECRET: &str = "conf/guest-secret";

/// The sections that are the API's.
const OF_API: [&str; 2] = ["mail", "openid"];

/// Where the switch listens for `sambung` and others, and how to prove that one may ask.
#[derive(Clone, Debug)]
pub(super) struct SwitchApi {
    pub(super) url: String,
    pub(super) token: String,
}

/// Writes all of `DIR/conf`. Takes a free port for the switch's own socket.
pub(super) fn write(place: &Place, options: &Options, state: &mut State, url: &str) -> anyhow::Result<()> {
    let folder = &place.folder;
    folder.private("conf")?;
    folder.private("switch")?;
    if options.has_tls() {
        certificate::write(folder, options)?;
    }
    for (role, password) in state.role_passwords() {
        let file = format!("conf/{}", url_file(role));
        folder.write_secret(&file, &format!("{}\n", url_of(url, role, password)?))?;
    }
    state.switch_api_port = still_free(state.switch_api_port)?;
    state.save(folder)?;
    if !folder.join(GUEST_SECRET).exists() {
        folder.write_secret(GUEST_SECRET, &format!("{}\n", secret::hex(&secret::bytes::<32>()?)))?;
    }
    folder.write_secret("conf/sambung.toml", &text(&switch(place, options, state)))?;
    folder.write_secret("conf/api.toml", &text(&api(options, state)))?;
    Ok(())
}

/// What the switch has said about its socket.
pub(super) fn switch_api(folder: &Folder) -> anyhow::Result<SwitchApi> {
    let read =
        |name: &str| fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read {name}"));
    Ok(SwitchApi {
        url: read("switch/switch_api.url")?.trim().to_owned(),
        token: read("switch/switch_api.token")?.trim().to_owned(),
    })
}

fn switch(place: &Place, options: &Options, state: &State) -> Table {
    let texts = |listener| options.both(listener).map(|address| address.to_string());
    let sip: Vec<String> = texts(options.sip).collect();
    let [tls, ws, wss] = [options.sips, options.ws, options.wss]
        .map(|listener| listener.into_iter().flat_map(texts).collect::<Vec<String>>());
    let console = vec![format!("http://{}", options.reachable(options.http))];
    let (certificate, key) = (certificate::CHAIN, certificate::KEY);
    let listeners = [Some(options.sip), options.sips, options.ws, options.wss];
    let is_anywhere = listeners.into_iter().flatten().any(|a| a.ip().is_unspecified());
    let advertised = addresses(is_anywhere.then_some(options.media_address));
    let url = url_file(Role::Switch);
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, state.switch_api_port)).to_string();
    let ports = format!("{}-{}", options.rtp.start(), options.rtp.end());
    let browser_port = i64::from(options.browser_port().unwrap_or_default());
    let (mut bound, media_advertised) = media(place.is_media_address_ours, options.media_address);
    bound.extend(addresses(options.ipv6.map(IpAddr::from)));
    let mut table = toml! {
        data_dir = "../switch"
        [sip]
        udp = (sip.clone())
        tcp = sip
        tls = tls
        ws = ws
        wss = wss
        ws_origins = console
        tls_certificate = (format!("../{certificate}"))
        tls_key = (format!("../{key}"))
        advertised_addresses = advertised
        [guests]
        secret_file = "guest-secret"
        [media]
        addresses = bound
        advertised_addresses = media_advertised
        ports = ports
        browser_port = browser_port
        [database]
        url_file = url
        [switch_api]
        listen = listen
    };
    set(&mut table, options, |section| !OF_API.contains(&section));
    table
}

/// Puts the keys of some sections that were given as arguments.
fn set(table: &mut Table, options: &Options, is_ours: impl Fn(&str) -> bool) {
    for setting in options.settings.iter().filter(|setting| is_ours(&setting.section)) {
        let section = table.entry(setting.section.as_str()).or_insert_with(|| Value::Table(Table::new()));
        if let Some((section, value)) = section.as_table_mut().zip(setting.parsed()) {
            section.insert(setting.key.clone(), value);
        }
    }
}

fn api(options: &Options, state: &State) -> Table {
    let listen = options.http.to_string();
    // Relative to where this was started, and not to the file.
    let web = std::path::absolute(&options.web).unwrap_or_else(|_| options.web.clone());
    let web = web.to_string_lossy().into_owned();
    let url = url_file(Role::Api);
    let server = options.reachable(options.sip).to_string();
    let public_url = format!("http://{}", options.reachable(options.http));
    let websocket_urls: Vec<String> = options.websocket_urls().into_iter().flatten().collect();
    let switch = format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, state.switch_api_port)));
    let mut table = toml! {
        listen = listen
        [database]
        url_file = url
        [identity]
        keys = "../keys"
        public_url = public_url
        [phones]
        server = server
        domain = DOMAIN
        [web]
        folder = web
        websocket_urls = websocket_urls
        [guests]
        secret_file = "guest-secret"
        [mail]
        folder = "../mails"
        [switch]
        url = switch
        token_file = "../switch/switch_api.token"
    };
    set(&mut table, options, |section| OF_API.contains(&section));
    table
}

/// An address of our own is bound itself; a router's in front of us is told to phones and bound by nobody.
fn media(is_ours: bool, address: IpAddr) -> (Vec<Value>, Vec<Value>) {
    let any =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
    if is_ours {
        (addresses(Some(address)), addresses(None))
    } else {
        (addresses(Some(any)), addresses(Some(address)))
    }
}

fn addresses(address: Option<IpAddr>) -> Vec<Value> {
    address.into_iter().map(|address| Value::String(address.to_string())).collect()
}

fn text(table: &Table) -> String {
    format!("{HEADER}{table}")
}

fn url_file(role: Role) -> &'static str {
    match role {
        Role::Api => "api-database-url",
        Role::Switch => "switch-database-url",
        Role::Platform => "platform-database-url",
    }
}

/// The deploying user's URL, for a role of its own.
fn url_of(url: &str, role: Role, password: &str) -> anyhow::Result<String> {
    let options =
        PgConnectOptions::from_str(url).map_err(|_| anyhow::anyhow!("DATABASE_URL is no database's URL"))?;
    Ok(options.username(role.as_str()).password(password).to_url_lossy().to_string())
}
