//! What can be asked of `sambung up`, and whether it can be. Looks at the words only, not at the machine.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
};

/// `sambung up …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder that everything is kept in
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Address for SIP over UDP and TCP
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5060")]
    sip: String,
    /// Address for SIP over TLS, or none
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5061")]
    sips: String,
    /// Address for SIP over WebSocket, or none
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8088")]
    ws: String,
    /// Address for SIP over WebSocket under TLS, or none
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8089")]
    wss: String,
    /// Address for the API and its front page
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    http: String,
    /// Folder with the built web client; without an index.html in it the API has a plain front page
    #[arg(long, value_name = "DIR", default_value = "/usr/share/sambung/web")]
    web: PathBuf,
    /// UDP ports for audio, first (even) and last (odd)
    #[arg(long, value_name = "FIRST-LAST", default_value = "20000-29999")]
    rtp: String,
    /// IP address that phones send their audio to
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    media_address: String,
    /// IPv6 address of this machine that phones may use besides, for SIP at the same ports and for their audio
    #[arg(long, value_name = "IP")]
    ipv6: Option<String>,
    /// People in the demo organisation
    #[arg(long, value_name = "N", default_value = "8")]
    staff: String,
    /// Bare SIP accounts u0 … and callee with the password `secret`, for load tests on this machine only
    #[arg(long, value_name = "N", default_value = "0")]
    sip_accounts: String,
    /// A key of the switch's configuration with its value, in place of the default: `calls.hold_music=false`; those of [mail] and
    /// [openid] are the API's
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Staff numbers are 1001 … 1500.
const STAFF_MAX: usize = 500;

/// As many as a load test has asked for, ten times over.
const SIP_ACCOUNTS_MAX: usize = 100_000;

/// Two legs with RTP and RTCP each: one call.
const RTP_PORTS_MIN: u16 = 4;

/// A key of `sambung.toml`, or of `[mail]` or `[openid]` in `api.toml`, and its value as TOML. Whether there is such a key is for the
/// daemons to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) value: String,
}

impl Setting {
    fn check(text: &str, mistakes: &mut Vec<String>) -> Option<Self> {
        let words = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let found = words.map(|((section, key), value)| Self {
            section: section.trim().to_owned(),
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        });
        let sound = found.filter(|setting| setting.parsed().is_some());
        if sound.is_none() {
            mistakes
                .push(format!("--set {text}: expected SECTION.KEY=VALUE with a value as in sambung.toml"));
        }
        sound
    }

    /// The value.
    pub(super) fn parsed(&self) -> Option<toml::Value> {
        toml::from_str::<toml::Table>(&format!("value = {}", self.value)).ok()?.remove("value")
    }
}

/// The same, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(super) sip: SocketAddr,
    pub(super) sips: Option<SocketAddr>,
    pub(super) ws: Option<SocketAddr>,
    pub(super) wss: Option<SocketAddr>,
    pub(super) http: SocketAddr,
    pub(super) web: PathBuf,
    pub(super) rtp: RangeInclusive<u16>,
    pub(super) media_address: IpAddr,
    pub(super) ipv6: Option<Ipv6Addr>,
    pub(super) staff: usize,
    pub(super) sip_accounts: usize,
    pub(super) settings: Vec<Setting>,
}

impl Options {
    /// Understands all of it, or says everything that is wrong with it.
    pub(crate) fn check(arguments: &Arguments) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let sip = listener("--sip", &arguments.sip, &mut mistakes);
        let http = listener("--http", &arguments.http, &mut mistakes);
        let [sips, ws, wss] =
            [("--sips", &arguments.sips), ("--ws", &arguments.ws), ("--wss", &arguments.wss)]
                .map(|(flag, text)| if text == "none" { None } else { listener(flag, text, &mut mistakes) });
        let mut listeners: Vec<SocketAddr> = [sip, sips, ws, wss, http].into_iter().flatten().collect();
        let rtp = ports(&arguments.rtp, &mut mistakes);
        let media_address = media(&arguments.media_address, &mut mistakes);
        let ipv6 = arguments.ipv6.as_deref().and_then(|text| second_family(text, sip, &mut mistakes));
        listeners.extend(ipv6.map(|ip| SocketAddr::new(ip.into(), 0)));
        let staff = number("--staff", &arguments.staff, 1..=STAFF_MAX, &mut mistakes);
        let sip_accounts =
            number("--sip-accounts", &arguments.sip_accounts, 0..=SIP_ACCOUNTS_MAX, &mut mistakes);
        if sip_accounts.is_some_and(|n| n > 0) && !listeners.iter().all(|address| address.ip().is_loopback())
        {
            mistakes.push(
                "--sip-accounts: everybody knows these accounts' password, so every listener must be a loopback address"
                    .to_owned(),
            );
        }
        let settings: Vec<Setting> =
            arguments.settings.iter().filter_map(|text| Setting::check(text, &mut mistakes)).collect();
        match (sip, http, rtp, media_address, staff, sip_accounts) {
            (Some(sip), Some(http), Some(rtp), Some(media_address), Some(staff), Some(sip_accounts))
                if mistakes.is_empty() =>
            {
                let mut options = Self {
                    sip,
                    sips,
                    ws,
                    wss,
                    http,
                    web: arguments.web.clone(),
                    rtp,
                    media_address,
                    ipv6,
                    staff,
                    sip_accounts,
                    settings,
                };
                options.check_overlap(&mut mistakes);
                if mistakes.is_empty() { Ok(options) } else { Err(mistakes) }
            }
            _ => Err(mistakes),
        }
    }

    /// What works but may not be what was meant.
    pub(crate) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.sip.ip().is_loopback() && self.media_address.is_loopback() {
            notices.push(format!(
                "phones elsewhere can register at {}, but would send their audio to themselves: give --media-address \
                 the address of this machine that they can reach",
                self.sip
            ));
        }
        notices
    }

    /// Where clients on this machine or beside it find a listener.
    pub(crate) fn reachable(&self, listener: SocketAddr) -> SocketAddr {
        if listener.ip().is_unspecified() {
            SocketAddr::new(self.media_address, listener.port())
        } else {
            listener
        }
    }

    /// Whether something speaks TLS, and needs a certificate.
    pub(super) fn has_tls(&self) -> bool {
        self.sips.is_some() || self.wss.is_some()
    }

    /// Where browsers connect to, in clear and under TLS.
    pub(super) fn websocket_urls(&self) -> [Option<String>; 2] {
        [("ws", self.ws), ("wss", self.wss)].map(|(scheme, listener)| {
            listener.map(|address| format!("{scheme}://{}/sip", self.reachable(address)))
        })
    }

    /// The port that browsers' media comes to, over UDP or TCP: the first one above those for audio, unless a listener has it.
    pub(super) fn browser_port(&self) -> Option<u16> {
        self.ws.or(self.wss)?;
        let listeners = [Some(self.sip), self.sips, self.ws, self.wss, Some(self.http)];
        let port = self.rtp.end().checked_add(1)?;
        listeners.into_iter().flatten().all(|listener| listener.port() != port).then_some(port)
    }

    /// A listener, and its twin of the other family.
    pub(super) fn both(&self, listener: SocketAddr) -> impl Iterator<Item = SocketAddr> {
        let twin = self.ipv6.map(|ip| SocketAddr::new(ip.into(), listener.port()));
        [Some(listener), twin].into_iter().flatten()
    }

    fn check_overlap(&mut self, mistakes: &mut Vec<String>) {
        let all = [
            ("--sip", Some(self.sip)),
            ("--sips", self.sips),
            ("--ws", self.ws),
            ("--wss", self.wss),
            ("--http", Some(self.http)),
        ];
        for (at, (flag, address)) in all.iter().enumerate() {
            let mut before = all.iter().take(at);
            if let (Some(same), Some(address)) =
                (before.find(|(_, other)| address.is_some() && other == address), address)
            {
                mistakes.push(format!("{} and {flag}: both want {address}", same.0));
            }
        }
        if self.rtp.contains(&self.sip.port()) {
            mistakes.push(format!(
                "--rtp {}-{}: contains the port of --sip",
                self.rtp.start(),
                self.rtp.end()
            ));
        }
    }
}

fn listener(flag: &str, text: &str, mistakes: &mut Vec<String>) -> Option<SocketAddr> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Some(address),
        _ => {
            mistakes
                .push(format!("{flag} {text}: must be an IP address with a port, such as 127.0.0.1:5060"));
            None
        }
    }
}

fn ports(text: &str, mistakes: &mut Vec<String>) -> Option<RangeInclusive<u16>> {
    let range =
        text.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    let wrong: &str = match range {
        None => "must be FIRST-LAST, such as 20000-29999",
        Some((first, _)) if first < 1_024 => "must begin at 1024 or above",
        Some((first, last)) if last < first => "ends before it begins",
        Some((first, last)) if first % 2 == 1 || last % 2 == 0 => {
            "must begin with an even port and end with an odd one"
        }
        Some((first, last)) if last - first < RTP_PORTS_MIN - 1 => "is too small: a call takes four ports",
        Some((first, last)) => return Some(first..=last),
    };
    mistakes.push(format!("--rtp {text}: {wrong}"));
    None
}

fn media(text: &str, mistakes: &mut Vec<String>) -> Option<IpAddr> {
    match text.parse::<IpAddr>() {
        Ok(address) if !address.is_unspecified() && !address.is_multicast() => Some(address),
        _ => {
            mistakes.push(format!("--media-address {text}: must be one IP address that phones can reach"));
            None
        }
    }
}

fn second_family(text: &str, sip: Option<SocketAddr>, mistakes: &mut Vec<String>) -> Option<Ipv6Addr> {
    let wrong = match text.parse::<Ipv6Addr>() {
        Err(_) => "must be an IPv6 address without brackets and zone, such as ::1",
        Ok(ip) if ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() => {
            "must be one address that phones can reach without naming a zone"
        }
        Ok(_) if sip.is_some_and(|sip| sip.is_ipv6()) => "--sip is an IPv6 address already",
        Ok(ip) => return Some(ip),
    };
    mistakes.push(format!("--ipv6 {text}: {wrong}"));
    None
}

fn number(
    flag: &str,
    text: &str,
    bounds: RangeInclusive<usize>,
    mistakes: &mut Vec<String>,
) -> Option<usize> {
    match text.parse() {
        Ok(number) if bounds.contains(&number) => Some(number),
        _ => {
            mistakes.push(format!("{flag} {text}: must be a number, {} … {}", bounds.start(), bounds.end()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn check(line: &str) -> Result<Options, Vec<String>> {
        let words = ["up", "--data", "x"].into_iter().chain(line.split_whitespace());
        Options::check(&Line::try_parse_from(words).unwrap().arguments)
    }

    #[test]
    fn the_defaults_are_those_of_the_demo_contract() {
        let options = check("").unwrap();
        assert_eq!(options.sip, "127.0.0.1:5060".parse::<SocketAddr>().unwrap());
        let optional = [options.sips, options.ws, options.wss].map(|address| address.unwrap().to_string());
        assert_eq!(optional, ["127.0.0.1:5061", "127.0.0.1:8088", "127.0.0.1:8089"]);
        assert_eq!(options.http, "127.0.0.1:8080".parse::<SocketAddr>().unwrap());
        assert_eq!((options.rtp.clone(), options.staff, options.sip_accounts), (20_000..=29_999, 8, 0));
        assert_eq!(options.notices(), [""; 0]);
    }

    #[test]
    fn every_mistake_is_named_with_its_flag() {
        let mistakes = check(
            "--sip here --http 127.0.0.1:0 --rtp 20001-20000 --media-address 0.0.0.0 --staff 0 --sip-accounts many",
        );
        let mistakes = mistakes.unwrap_err();
        let flags: Vec<&str> = mistakes.iter().filter_map(|mistake| mistake.split(' ').next()).collect();
        assert_eq!(flags, ["--sip", "--http", "--rtp", "--media-address", "--staff", "--sip-accounts"]);
    }

    #[test]
    fn keys_of_the_switch_are_taken_as_toml() {
        let options = check("--set calls.hold_music=false --set media.codecs=[\"pcma\"]").unwrap();
        let told: Vec<_> =
            options.settings.iter().map(|one| (&*one.section, &*one.key, one.parsed())).collect();
        let codecs = toml::Value::Array(vec!["pcma".into()]);
        assert_eq!(
            told,
            [("calls", "hold_music", Some(toml::Value::Boolean(false))), ("media", "codecs", Some(codecs))]
        );
        for wrong in ["calls.hold_music", "hold_music=false", "calls.hold_music=maybe"] {
            let mistakes = check(&format!("--set {wrong}")).unwrap_err();
            assert!(mistakes[0].starts_with(&format!("--set {wrong}: ")), "{mistakes:?}");
        }
    }

    #[test]
    fn tls_and_web_sockets_can_be_left_out_and_need_ports_of_their_own() {
        assert_eq!(check("--sips none").unwrap().sips, None);
        let none = check("--ws none --wss none").unwrap();
        assert_eq!((none.ws, none.wss, none.has_tls()), (None, None, true));
        assert!(!check("--sips none --wss none").unwrap().has_tls());
        assert_eq!(check("--wss 127.0.0.1:8088").unwrap_err(), ["--ws and --wss: both want 127.0.0.1:8088"]);
        assert!(check("--sips everywhere").is_err());
        assert_eq!(
            check("--sips 127.0.0.1:5060").unwrap_err(),
            ["--sip and --sips: both want 127.0.0.1:5060"]
        );
    }

    #[test]
    fn the_second_family_is_one_more_address() {
        let options = check("--ipv6 ::1").unwrap();
        let both: Vec<String> = options.both(options.sip).map(|address| address.to_string()).collect();
        assert_eq!(both, ["127.0.0.1:5060", "[::1]:5060"]);
        for wrong in ["::", "[::1]", "fe80::1", "fe80::1%2", "127.0.0.1", "::1 --sip [::1]:5060"] {
            assert!(check(&format!("--ipv6 {wrong}")).is_err(), "{wrong}");
        }
        assert!(check("--sip-accounts 10 --ipv6 2001:db8::1").is_err(), "beyond this machine");
    }

    #[test]
    fn port_ranges_hold_whole_pairs() {
        for wrong in
            ["20000", "20001-29999", "20000-29998", "20000-20001", "100-199", "29999-20000", "1-70000"]
        {
            assert!(check(&format!("--rtp {wrong}")).is_err(), "{wrong}");
        }
        assert_eq!(check("--rtp 20000-20003").unwrap().rtp, 20_000..=20_003);
        assert!(check("--rtp 5000-5999").is_err(), "contains 5060");
    }

    #[test]
    fn known_passwords_stay_on_this_machine() {
        assert!(check("--sip-accounts 10").is_ok());
        for beyond in
            ["--sip 0.0.0.0:5060", "--http 192.0.2.1:8080", "--sips 0.0.0.0:5061", "--wss 0.0.0.0:8089"]
        {
            assert!(check(&format!("--sip-accounts 10 {beyond}")).is_err(), "{beyond}");
        }
        assert!(check("--sip-accounts 10 --sip [::1]:5060").is_ok());
    }

    #[test]
    fn browsers_have_the_port_above_those_for_audio_unless_somebody_else_has_it() {
        assert_eq!(check("").unwrap().browser_port(), Some(30_000));
        for none in ["--ws none --wss none", "--rtp 5000-5059", "--rtp 8000-8079", "--rtp 60000-65535"] {
            assert_eq!(check(none).unwrap().browser_port(), None, "{none}");
        }
    }

    #[test]
    fn what_looks_wrong_is_asked() {
        let notices = check("--sip 0.0.0.0:5060").unwrap().notices();
        assert!(notices[0].contains("--media-address"), "{notices:?}");
    }
}
