//! Files as devices ask for them: what each is called, and its text. The templates stand beside this file, one for each vendor.

use std::sync::LazyLock;

use minijinja::{
    AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, escape_formatter,
    syntax::SyntaxConfig, value::Serde,
};

use super::{model::Vendor, sheet::Sheet};

const TEMPLATES: [(&str, &str); 4] = [
    ("yealink", include_str!("templates/yealink.cfg")),
    ("grandstream", include_str!("templates/grandstream.xml")),
    ("fanvil", include_str!("templates/fanvil.xml")),
    ("snom", include_str!("templates/snom.xml")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut lines = SyntaxConfig::builder();
    lines.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    // The delimiters are those that it has anyway.
    environment.set_syntax(lines.build().unwrap_or_default());
    // Yealink's are lines of text, in which nothing is special but where a line ends.
    environment.set_auto_escape_callback(|name| match name {
        "yealink" => AutoEscape::None,
        _ => AutoEscape::Html,
    });
    environment.set_formatter(write);
    for (name, text) in TEMPLATES {
        // Each of them is rendered by a test.
        let _ = environment.add_template(name, text);
    }
    environment
});

/// What people call themselves must not begin a line, nor be what XML cannot say.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let unsaid = |letter: char| letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}');
    match value.as_str().filter(|text| text.contains(unsaid)) {
        Some(text) => escape_formatter(out, state, &Value::from(text.replace(unsaid, " "))),
        None => escape_formatter(out, state, value),
    }
}

/// What a device asks for.
pub(super) fn name(vendor: Vendor, model: Option<&str>, mac: &str) -> String {
    match vendor {
        Vendor::Yealink | Vendor::Fanvil => format!("{mac}.cfg"),
        Vendor::Grandstream => format!("cfg{mac}.xml"),
        Vendor::Snom => format!("snom{}-{}.htm", model.unwrap_or_default(), mac.to_uppercase()),
        Vendor::Generic => format!("{mac}.json"),
    }
}

/// Whether `file` is what such a device asks for. A Snom says which model it is itself.
pub(super) fn is_of(vendor: Vendor, mac: &str, file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    match vendor {
        Vendor::Snom => file.starts_with("snom") && file.ends_with(&format!("-{mac}.htm")),
        _ => file == name(vendor, None, mac),
    }
}

/// What kind of text it is, for HTTP.
pub(super) const fn content_type(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Yealink => "text/plain; charset=utf-8",
        Vendor::Grandstream | Vendor::Fanvil | Vendor::Snom => "text/xml; charset=utf-8",
        Vendor::Generic => "application/json",
    }
}

/// Its text.
///
/// # Errors
/// A template asks for what a sheet has not.
pub(super) fn text(vendor: Vendor, sheet: &Sheet) -> Result<String, String> {
    if vendor == Vendor::Generic {
        return serde_json::to_string_pretty(sheet).map_err(|error| error.to_string());
    }
    let template = ENVIRONMENT.get_template(vendor.as_str()).map_err(|error| error.to_string())?;
    template.render(Serde(sheet)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use quick_xml::{Reader, events::Event};

    use super::*;
    use crate::telephony::devices::sheet::{Key, Line};

    fn sheet(name: &str) -> Sheet {
        let line = |no, username: &str, name: &str| Line {
            no,
            username: username.to_owned(),
            password: format!("secret-of-{username}"),
            name: name.to_owned(),
        };
        let key =
            |no, number: &str, label: &str| Key { no, number: number.to_owned(), label: label.to_owned() };
        Sheet {
            label: "Reception".to_owned(),
            mac: "001565aabbcc".to_owned(),
            server: "pbx.example.com".to_owned(),
            port: 5060,
            transport: "udp".to_owned(),
            domain: "demo.sambung.test".to_owned(),
            codecs: ["opus", "pcma", "pcmu"].map(str::to_owned).to_vec(),
            voicemail: "*97".to_owned(),
            pickup: "**".to_owned(),
            utc_offset_seconds: 7 * 3_600,
            language: "en".to_owned(),
            lines: vec![line(1, "1001", name), line(2, "lobby", "lobby")],
            spare_lines: vec![3, 4],
            keys: vec![key(3, "100", "Support"), key(4, "1002", name)],
        }
    }

    fn check(vendor: Vendor, golden: &str) {
        let text = text(vendor, &sheet("Sari")).unwrap();
        assert_eq!(text, golden, "{text}");
    }

    #[test]
    fn files_are_as_each_vendors_devices_read_them() {
        check(Vendor::Yealink, include_str!("golden/001565aabbcc.cfg"));
        check(Vendor::Grandstream, include_str!("golden/cfg001565aabbcc.xml"));
        check(Vendor::Fanvil, include_str!("golden/fanvil.cfg"));
        check(Vendor::Snom, include_str!("golden/snomD785-001565AABBCC.htm"));
        check(Vendor::Generic, include_str!("golden/001565aabbcc.json"));
    }

    /// How many tags and attributes there are.
    fn tags(text: &str) -> usize {
        let (mut reader, mut tags) = (Reader::from_str(text), 0);
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => return tags,
                Event::Start(tag) | Event::Empty(tag) => {
                    tags += 1 + tag.attributes().map(Result::unwrap).count();
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_name_sets_nothing() {
        let name = "Sari \"&<P2>x</P2>\r\nstatic.security.user_password = a:b\u{1}\u{ffff}'";
        for vendor in Vendor::ALL {
            let (plain, named) = (text(vendor, &sheet("Sari")).unwrap(), text(vendor, &sheet(name)).unwrap());
            assert_eq!(plain.lines().count(), named.lines().count(), "{named}");
            match vendor {
                Vendor::Yealink => assert!(!named.lines().any(|line| line.starts_with("static")), "{named}"),
                Vendor::Generic => {
                    let read: serde_json::Value = serde_json::from_str(&named).unwrap();
                    assert_eq!(read["lines"][0]["name"], name);
                }
                Vendor::Grandstream | Vendor::Fanvil | Vendor::Snom => {
                    assert_eq!(tags(&plain), tags(&named), "{named}");
                    assert!(!named.contains(['\u{1}', '\r', '\u{ffff}']), "{named}");
                }
            }
        }
    }

    #[test]
    fn zones_and_transports_are_written_in_each_vendors_way() {
        let sheet = Sheet { utc_offset_seconds: -12_600, transport: "tls".to_owned(), ..sheet("Sari") };
        for (vendor, words) in [
            (Vendor::Yealink, ["time_zone = -3:30\n", "transport_type = 2\n", "srtp_encryption = 1\n"]),
            (Vendor::Grandstream, ["<P246>UTC+3:30</P246>", "<P130>2</P130>", "<P443>1</P443>"]),
            (Vendor::Fanvil, ["<TimeZone>-14</TimeZone>", "<Transport>3</Transport>", "<EnableDST>0"]),
            (
                Vendor::Snom,
                [">-12600</utc_offset>", ";transport=tls</", "<user_srtp idx=\"1\" perm=\"R\">on</"],
            ),
        ] {
            let text = text(vendor, &sheet).unwrap();
            for word in words {
                assert!(text.contains(word), "{word} in {text}");
            }
        }
    }

    #[test]
    fn a_file_is_asked_for_by_its_vendors_name() {
        let mac = "000413aabbcc";
        for vendor in Vendor::ALL {
            assert!(is_of(vendor, mac, &name(vendor, Some("D785"), mac)), "{vendor:?}");
            assert!(is_of(vendor, mac, &name(vendor, Some("D785"), mac).to_uppercase()), "{vendor:?}");
            for file in ["", "y000000000000.boot", "cfg.xml", "000413aabbcd.cfg", "snom320.htm"] {
                assert!(!is_of(vendor, mac, file), "{vendor:?} {file}");
            }
        }
    }
}
