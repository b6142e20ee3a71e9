//! `DIR/demo.json`: what a person or a program needs to use the demo organisation. Its form is fixed
//! (DESIGN §2); what this version does not have is null or missing.

use std::{collections::BTreeMap, net::SocketAddr};

use dialplan::Feature;
use serde::Serialize;
use uuid::Uuid;

use super::{
    configs::SwitchApi,
    options::Options,
    state::{CONFERENCE_NUMBER, DOMAIN, State},
};

#[derive(Debug, Serialize)]
pub(super) struct Demo {
    pub(super) http: String,
    pub(super) sip: Sip,
    pub(super) switch_api: Access,
    pub(super) super_admin: Login,
    pub(super) owner: Login,
    pub(super) staff: Vec<Staff>,
    pub(super) extensions: Vec<Extension>,
    /// Feature codes by what they do, and the number of the conference.
    pub(super) numbers: BTreeMap<String, String>,
    /// What the organisation's QR code leads to.
    guest_url: String,
    pub(super) api_key: String,
    database_url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Sip {
    pub(super) udp: SocketAddr,
    tcp: SocketAddr,
    pub(super) tls: Option<SocketAddr>,
    /// Where browsers connect to.
    ws: Option<String>,
    wss: Option<String>,
    pub(super) domain: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Access {
    url: String,
    token: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Login {
    pub(super) email: String,
    pub(super) password: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Staff {
    pub(super) name: String,
    email: String,
    password: String,
    pub(super) number: String,
    pub(super) sip_username: String,
    pub(super) sip_password: String,
    pub(super) extensions: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Extension {
    id: Uuid,
    pub(super) number: String,
    pub(super) name: String,
}

fn feature_codes() -> BTreeMap<String, String> {
    let codes = Feature::BUILT_IN.into_iter().chain([(Feature::PARK_NUMBER, Feature::Park(None))]);
    let codes = codes.map(|(code, feature)| (feature.as_str(), code));
    codes.chain([("conference", CONFERENCE_NUMBER)]).map(|(word, code)| (word.into(), code.into())).collect()
}

impl Demo {
    pub(super) fn new(
        options: &Options,
        state: &State,
        (database_url, code): (&str, &str),
        switch_api: &SwitchApi,
    ) -> Self {
        let sip = options.reachable(options.sip);
        let http = format!("http://{}", options.reachable(options.http));
        let [ws, wss] = options.websocket_urls();
        let login = |person: &super::state::Person| Login {
            email: person.email.clone(),
            password: person.password.clone(),
        };
        let staff = state.staff.iter().enumerate().map(|(at, staff)| Staff {
            name: staff.person.name.clone(),
            email: staff.person.email.clone(),
            password: staff.person.password.clone(),
            number: staff.number.clone(),
            sip_username: staff.number.clone(),
            sip_password: staff.sip_password.clone(),
            extensions: vec![state.extension_of(at).number.clone()],
        });
        let extensions = state.extensions.iter().map(|extension| Extension {
            id: extension.id,
            number: extension.number.clone(),
            name: extension.name.clone(),
        });
        Self {
            http: http.clone(),
            sip: Sip {
                udp: sip,
                tcp: sip,
                tls: options.sips.map(|address| options.reachable(address)),
                ws,
                wss,
                domain: DOMAIN,
            },
            switch_api: Access { url: switch_api.url.clone(), token: switch_api.token.clone() },
            super_admin: login(&state.super_admin),
            owner: login(&state.owner),
            staff: staff.collect(),
            extensions: extensions.collect(),
            numbers: feature_codes(),
            guest_url: format!("{http}/g/{code}"),
            api_key: state.api_key.token(),
            database_url: database_url.to_owned(),
        }
    }
}
