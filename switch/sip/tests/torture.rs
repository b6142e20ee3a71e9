//! Messages that break parsers: written for this switch after the sections of RFC 4475, RFC 5118 and RFC 3261
//! named at each test, and after the faults other stacks are known for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use sip::{
    ContactValue, FieldProblem, HeaderName, Host, Index, Message, Method, ParseError, parse, parse_head,
};
use std::net::Ipv6Addr;

/// The headers every request below shares.
const COMMON: &str = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\nMax-Forwards: 70\nFrom: <sip:a@example.com>;tag=1\n\
                      To: <sip:b@example.com>\nCall-ID: c1@192.0.2.1\nContact: <sip:a@192.0.2.1>\n";

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn read<T>(bytes: &[u8], look: impl FnOnce(Message<'_>) -> T) -> T {
    look(parse(bytes, &mut Index::new()).unwrap())
}

/// The message in `text` (LF for CRLF) is valid and looks as `look` expects.
fn accepted(text: &str, look: impl FnOnce(Message<'_>)) {
    read(&crlf(text), |message| {
        assert_eq!(message.require_valid(), Ok(()), "{message:?}");
        look(message);
    });
}

/// The message in `text` parses, but a request like it is answered `status` with a reason that holds `reason`.
fn answered(text: &str, status: u16, reason: &str) {
    read(&crlf(text), |message| {
        let invalid = message.require_valid().unwrap_err();
        assert_eq!(invalid.status, status, "{message:?}: {invalid}");
        assert!(invalid.reason.contains(reason), "{invalid} should say {reason}");
    });
}

fn refused(bytes: &[u8], expected: ParseError) {
    assert_eq!(parse(bytes, &mut Index::new()).err(), Some(expected), "{}", String::from_utf8_lossy(bytes));
}

fn options(headers: &str) -> String {
    format!("OPTIONS sip:b@example.com SIP/2.0\n{COMMON}CSeq: 1 OPTIONS\n{headers}\n")
}

/// RFC 4475 §3.1.1.1: everything the grammar allows at once.
#[test]
fn a_short_tortuous_invite() {
    let text = "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\n\
        TO :\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\n\
        from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\n  ;\n  tag = 98asjd8\n\
        MaX-fOrWaRdS: 0068\n\
        Call-ID: wsinv.ndaksdj@192.0.2.1\n\
        Content-Length   : 3\n\
        cseq: 0009\n  INVITE\n\
        Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\n\
        s :\n\
        NewFangledHeader:   newfangled value\n continued newfangled value\n\
        UnknownHeaderWithUnusualValue: ;;,,;;,;\n\
        Content-Type: application/sdp\n\
        Route:\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\n\
        v:  SIP  / 2.0  / TCP     spindle.example.com   ;\n  branch  =   z9hG4bK9ikj8  ,\n \
        SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bK30239\n\
        m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\n      newvalue ;\n  secondparam ; q = 0.33\n\nv=0";
    accepted(text, |message| {
        assert_eq!(message.method(), Method::Invite);
        assert_eq!(message.to().unwrap().tag(), Some("1918181833n"));
        assert_eq!(message.to().unwrap().uri, "sip:vivekg@chair-dnrc.example.com");
        assert_eq!(message.from().unwrap().tag(), Some("98asjd8"));
        assert_eq!(message.from().unwrap().display_text().unwrap(), "J Rosenberg \\\"");
        assert_eq!(message.max_forwards(), Ok(Some(68)));
        assert_eq!(message.cseq().unwrap().number, 9);
        let vias: Vec<_> = message.values(HeaderName::Via).map(|via| sip::Via::parse(via).unwrap()).collect();
        assert_eq!(vias.len(), 3);
        assert_eq!(vias[0].branch(), Some("390skdjuw"));
        assert_eq!((vias[1].transport, vias[1].branch()), ("TCP", Some("z9hG4bK9ikj8")));
        assert_eq!(vias[1].host, Host::Name("spindle.example.com"));
        assert_eq!(vias[2].branch(), Some("z9hG4bK30239"));
        assert_eq!(message.first(HeaderName::Subject), Some(""));
        assert_eq!(message.named("newfangledheader"), Some("newfangled value continued newfangled value"));
        assert_eq!(message.named("UNKNOWNHEADERWITHUNUSUALVALUE"), Some(";;,,;;,;"));
        let Some(Ok(ContactValue::Address(contact))) = message.contacts().next() else {
            panic!("no contact")
        };
        assert_eq!((contact.param("newparam"), contact.param("secondparam")), (Some("newvalue"), Some("")));
        assert_eq!(contact.q(), Some(330));
        assert_eq!(message.body(), b"v=0");
    });
}

/// RFC 4475 §3.1.1.2: every token character, in every place a token may stand.
#[test]
fn tokens_of_unusual_characters() {
    let token = "!interesting-Method0123456789_*+`.%indeed'~";
    let text = format!(
        "{token} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d@example.com SIP/2.0\n\
         {COMMON}CSeq: 139122385 {token}\nextensionHeader-!.%*+_`'~: \u{fe}\u{bb} \u{2003}x\n\n"
    );
    accepted(&text, |message| {
        assert_eq!((message.method(), message.method_text()), (Method::Other, token));
        let uri = sip::Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user, Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
        assert_eq!(uri.password, Some("&it+has=1,weird!*pas$wo~d"));
        assert_eq!(message.named("EXTENSIONHEADER-!.%*+_`'~"), Some("\u{fe}\u{bb} \u{2003}x"));
    });
}

/// RFC 4475 §3.1.1.3–3.1.1.5: escapes are data; an escaped method name is another method.
#[test]
fn escapes_are_not_resolved_behind_the_readers_back() {
    let text = format!(
        "RE%47IST%45R sip:sips%3Auser%40example.com@example.net SIP/2.0\n{COMMON}CSeq: 1 RE%47IST%45R\n\n"
    );
    accepted(&text, |message| {
        assert_eq!(message.method(), Method::Other);
        let uri = sip::Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user, Some("sips%3Auser%40example.com"));
        assert_eq!(uri.user_text().unwrap(), "sips:user@example.com");
        assert_eq!(uri.host, Host::Name("example.net"));
    });
    let nulls = options("").replace("sip:a@example.com", "sip:null-%00-null@example.com");
    accepted(&nulls, |message| {
        let from = sip::Uri::parse(message.from().unwrap().uri).unwrap();
        assert_eq!(from.user_text().unwrap(), "null-%00-null", "a NUL never comes out of an escape");
    });
}

/// RFC 4475 §3.1.1.6: no space between display name and `<`; §3.1.1.8 bytes behind the body; §3.1.1.9 `;` in user.
#[test]
fn small_liberties() {
    accepted(&options("").replace("From: <", "From: caller<"), |message| {
        assert_eq!(message.from().unwrap().display, Some("caller"));
    });
    let trailing = options("Content-Length: 2\n") + "okINVITE sip:joe@example.com SIP/2.0\n\n";
    accepted(&trailing, |message| assert_eq!(message.body(), b"ok", "a longer datagram is cut (18.3)"));
    let text = options("").replace("sip:b@example.com SIP", "sip:user;par=u%40example.net@example.com SIP");
    accepted(&text, |message| {
        let uri = sip::Uri::parse(message.request_uri()).unwrap();
        assert_eq!(uri.user, Some("user;par=u%40example.net"));
        assert!(uri.params.as_str().is_empty());
    });
}

/// RFC 4475 §3.1.1.10: unknown transports are no error; §3.1.1.12 and 13: long values, odd reason phrases.
#[test]
fn unknown_transports_long_values_and_reasons() {
    let long = "x".repeat(3_000);
    accepted(
        &options(&format!("Via: SIP/2.0/UNKNOWN t.example.com;branch={long}\nSubject: {long}\n")),
        |message| {
            let via = message.values(HeaderName::Via).nth(1).unwrap();
            assert_eq!(sip::Via::parse(via).unwrap().branch().map(str::len), Some(3_000));
            assert_eq!(message.first(HeaderName::Subject).map(str::len), Some(3_000));
        },
    );
    let response = |start: &str| format!("{start}\n{COMMON}CSeq: 35 INVITE\nContent-Length: 0\n\n");
    accepted(
        &response("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое"),
        |message| {
            assert_eq!(message.status(), Some(200));
            assert_eq!(message.reason_phrase(), "= 2**3 * 5**2 но сто девяносто девять - простое");
            assert_eq!(message.method(), Method::Invite, "of the CSeq");
        },
    );
    for start in ["SIP/2.0 100 ", "SIP/2.0 100", "sip/2.0 100 "] {
        accepted(&response(start), |message| {
            assert_eq!((message.status(), message.reason_phrase()), (Some(100), ""));
        });
    }
    for start in [
        "SIP/2.0 4294967301 better not break",
        "SIP/2.0 99 x",
        "SIP/2.0 700 x",
        "SIP/2.0 2x0 x",
        "SIP/2.0  200",
    ] {
        refused(&crlf(&response(start)), ParseError::StartLine);
    }
}

/// RFC 4475 §3.1.2.1 separators without content; §3.1.2.4–6 numbers, dates, quotes; §3.1.2.15 token display names.
#[test]
fn malformed_mandatory_fields_are_answered_400() {
    answered(
        &options("")
            .replace("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa", "Via: SIP/2.0/UDP 192.0.2.15;;,;,,"),
        400,
        "",
    );
    answered(&options("").replace("CSeq: 1 ", "CSeq: 36893488147419103232 "), 400, "CSeq");
    answered(&options("").replace("CSeq: 1 ", "CSeq: 2147483648 "), 400, "CSeq");
    answered(&options("").replace("Max-Forwards: 70", "Max-Forwards: 300"), 400, "Max-Forwards");
    answered(&options("").replace("To: <", "To: \"Mr. J. User <"), 400, "To");
    answered(&options("").replace("<sip:b@example.com>", "<sip:b@example.com"), 400, "To");
    answered(&options("").replace("<sip:b@example.com>", "<>"), 400, "To");
    answered(&options("").replace("<sip:b@example.com>", "b@example.com"), 400, "To");
    answered(&options("").replace(";tag=1", ";tag=1;tag=2"), 400, "From");
    answered(&options("").replace(";tag=1", ";tag=\"1\""), 400, "From");
    answered(&options("").replace("Call-ID: c1@192.0.2.1", "Call-ID:"), 400, "Call-ID");
    answered(&options("").replace("Call-ID: c1@192.0.2.1", "Call-ID: c1 c2"), 400, "Call-ID");
    answered(&options("").replace(";branch=z9hG4bKa", ";branch=z9hG4bKa;Branch=z9hG4bKb"), 400, "Via");
    answered(&options("").replace("SIP/2.0/UDP 1", "SIP/7.0/UDP 1"), 400, "Via");
    answered(&options("").replace("SIP/2.0/UDP 1", "UDP 1"), 400, "Via");
    // Liberties that harm nobody (§3.1.2.13, §3.1.2.15): blanks inside <>, a comma in an unquoted display name.
    accepted(&options("").replace("<sip:b@example.com>", "\"Watson, T\" < sip:b@example.com >"), |message| {
        assert_eq!(message.to().unwrap().uri, "sip:b@example.com");
    });
    accepted(&options("").replace("From: <", "From: Bell, Alexander <"), |message| {
        assert_eq!(message.from().unwrap().display, Some("Bell, Alexander"));
    });
}

/// RFC 4475 §3.1.2.7–3.1.2.10: request lines that must not be repaired.
#[test]
fn malformed_request_lines_are_answered_400() {
    for uri in [
        "<sip:b@example.com>",
        "sip:b@example.com; lr",
        "\"sip:b@example.com\"",
        "sip:b@example.com\t",
        "sip:",
        "b",
    ] {
        answered(&options("").replace("sip:b@example.com SIP", &format!("{uri} SIP")), 400, "Request");
    }
    answered(
        &options("").replace("OPTIONS sip:b@example.com SIP", "OPTIONS  sip:b@example.com  SIP"),
        400,
        "Request Line",
    );
    answered(&options("").replace("example.com SIP/2.0\n", "example.com SIP/2.0  \n"), 400, "Request Line");
    answered(&options("").replace("OPTIONS sip:b@example.com SIP", "OPTIONS SIP"), 400, "Request Line");
    answered(
        &options("").replace("b@example.com SIP", "b@example.com?Route=%3Csip:x%3E SIP"),
        400,
        "Headers",
    );
}

/// RFC 4475 §3.1.2.16 versions, §3.1.2.17 methods, §3.3.2 schemes, §21.4.12 length.
#[test]
fn what_is_wrong_decides_the_answer() {
    answered(&options("").replace("example.com SIP/2.0", "example.com SIP/7.0"), 505, "Version");
    answered(&options("").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), 400, "Mismatch");
    answered(&options("").replace("CSeq: 1 OPTIONS", "CSeq: 1 options"), 400, "Mismatch");
    answered(
        &options("").replace("sip:b@example.com SIP", "nobodyKnowsThisScheme:totallyopaque SIP"),
        416,
        "Scheme",
    );
    answered(
        &options("").replace("b@example.com SIP", &format!("{}@example.com SIP", "b".repeat(2_048))),
        414,
        "Long",
    );
    accepted(&options("").replace("sip:b@example.com SIP", "tel:+62-21-555;isub=1 SIP"), |message| {
        assert_eq!(sip::Uri::parse(message.request_uri()).unwrap().user, Some("+62-21-555"));
    });
    // Unknown schemes elsewhere are names only (§3.3.3).
    accepted(&options("").replace("<sip:b@example.com>", "isbn:2983792873"), |_| {});
}

/// RFC 4475 §3.3.1: each missing mandatory field; §3.3.8: each given twice.
#[test]
fn missing_and_repeated_fields_are_answered_400() {
    let whole = options("Content-Type: text/plain\nExpires: 5\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let without: String =
            whole.split_inclusive('\n').filter(|line| !line.starts_with(&format!("{name}:"))).collect();
        answered(&without, 400, &format!("Missing {name}"));
    }
    for line in [
        "From: <sip:c@h>;tag=2",
        "f: <sip:c@h>;tag=2",
        "To: <sip:c@h>",
        "i: x",
        "CSeq: 2 OPTIONS",
        "Max-Forwards: 3",
        "c: a/b",
        "Expires: 9",
    ] {
        answered(&whole.replacen("Expires: 5", &format!("Expires: 5\n{line}"), 1), 400, "Twice");
    }
    let invite = format!("INVITE sip:b@example.com SIP/2.0\n{COMMON}CSeq: 1 INVITE\n\n");
    accepted(&invite, |_| {});
    answered(&invite.replace("Contact: <sip:a@192.0.2.1>\n", ""), 400, "Contact");
    answered(&invite.replace("Contact: <sip:a@192.0.2.1>", "Contact: *"), 400, "Contact");
    answered(
        &invite.replace("Contact: <sip:a@192.0.2.1>", "m: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>"),
        400,
        "Contact",
    );
}

/// RFC 4475 §3.4.1: a request as RFC 2543 wrote them, without tag, branch and Max-Forwards, still works.
#[test]
fn a_request_of_the_older_standard() {
    let text = "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\n\
        From: <sip:+13035551111@ift.client.example.net;user=phone>\nRecord-Route: <sip:UserB@example.com;maddr=ss1.example.com>\n\
        To: sip:+16505552222@ss1.example.net;user=phone\nCall-ID: 1717@ift.client.example.com\nCSeq: 56 INVITE\n\
        Contact: sip:joe@192.0.2.9;expires=10\n\n";
    accepted(text, |message| {
        assert_eq!(message.max_forwards(), Ok(None));
        assert_eq!((message.from().unwrap().tag(), message.via().unwrap().branch()), (None, None));
        let to = message.to().unwrap();
        assert_eq!((to.uri, to.param("user")), ("sip:+16505552222@ss1.example.net", Some("phone")), "20.10");
    });
}

/// RFC 5118: IPv6 references in Request-URI, Via, Contact; `received` with and without brackets.
#[test]
fn ipv6_references() {
    let ip: Ipv6Addr = "2001:db8::9:1".parse().unwrap();
    let text = "REGISTER sip:[2001:db8::10]:5070 SIP/2.0\nVia: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3;received=2001:db8::9:255;rport\n\
        From: <sip:user@[2001:db8::10]>;tag=1\nTo: <sip:user@[2001:db8::10]>\nCall-ID: SSG9559905523997077@hlau_4100\n\
        Contact: \"Caller\" <sip:caller@[2001:db8::1]:5071;transport=tcp>\nCSeq: 98176 REGISTER\n\n";
    accepted(text, |message| {
        let via = message.via().unwrap();
        assert_eq!((via.host, via.port), (Host::V6(ip), Some(6_050)));
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
        assert_eq!(via.rport(), Some(None));
        let uri = sip::Uri::parse(message.request_uri()).unwrap();
        assert_eq!((uri.host.to_string().as_str(), uri.port), ("[2001:db8::10]", Some(5_070)));
    });
    accepted(&text.replace("=2001:db8::9:255;rport", "=[2001:db8::9:255];rport=77"), |message| {
        assert_eq!(message.via().unwrap().received(), "2001:db8::9:255".parse().ok());
        assert_eq!(message.via().unwrap().rport(), Some(Some(77)));
    });
    answered(&text.replace("UDP [2001:db8::9:1]:6050", "UDP 2001:db8::9:1:6050"), 400, "Via");
    answered(&text.replace("sip:[2001:db8::10]:5070 SIP", "sip:2001:db8::10 SIP"), 400, "Request-URI");
    answered(&text.replace("sip:[2001:db8::10]:5070 SIP", "sip:[2001:db8::10 SIP"), 400, "Request-URI");
    answered(&text.replace("]:5070 SIP", "]:70000 SIP"), 400, "Request-URI");
}

/// RFC 3261 §12.2.1.1: a Contact becomes a Request-URI of ours, so one that is no URI is refused (found by fuzzing).
#[test]
fn a_contact_that_is_no_uri_is_answered_400() {
    for uri in ["sip:a@192.\u{f9}.2.7:5060", "sip:", "sip:a@h:99999", "sip:[::1"] {
        answered(&options("").replace("<sip:a@192.0.2.1>", &format!("<{uri}>")), 400, "Contact");
    }
}

/// RFC 3261 §7.3.3: all mandatory headers in compact form.
#[test]
fn compact_forms_name_the_same_headers() {
    let text = "MESSAGE sip:b@example.com SIP/2.0\nv: SIP/2.0/TCP h;branch=z9hG4bK1\nf: <sip:a@h>;tag=1\nt: <sip:b@h>\ni: x\n\
        CSeq: 1 MESSAGE\nm: <sip:a@h>\nc: text/plain;charset=utf-8\nl: 2\ns: hi\nk: 100rel , timer\no: presence\n\
        r: <sip:c@h>\nb: <sip:d@h>\nu: dialog\ne: gzip\nx: 90\n\nhi";
    accepted(text, |message| {
        assert_eq!(message.content_type(), Some("text/plain"));
        assert_eq!(message.values(HeaderName::Supported).collect::<Vec<_>>(), ["100rel", "timer"]);
        for name in [
            HeaderName::Event,
            HeaderName::ReferTo,
            HeaderName::ReferredBy,
            HeaderName::AllowEvents,
            HeaderName::ContentEncoding,
            HeaderName::SessionExpires,
            HeaderName::Subject,
        ] {
            assert!(message.first(name).is_some(), "{name}");
            assert_eq!(message.named(name.as_str()), message.first(name));
        }
    });
}

/// RFC 3261 §7.3.1: several values a line and several lines a header are one list, in order.
#[test]
fn lists_over_lines() {
    let text = options(
        "Route: <sip:1@h;lr>, \"a, b\" <sip:2,x@h>\nSubject: one, two\nRoute: ,, <sip:3@h>;x=\"y,z\" ,\n",
    );
    accepted(&text, |message| {
        let routes: Vec<_> = message.values(HeaderName::Route).collect();
        assert_eq!(routes, ["<sip:1@h;lr>", "\"a, b\" <sip:2,x@h>", "<sip:3@h>;x=\"y,z\""]);
        assert_eq!(message.values(HeaderName::Subject).collect::<Vec<_>>(), ["one, two"], "text is no list");
        assert_eq!(message.values(HeaderName::Path).next(), None);
        assert_eq!(message.headers().count(), 10);
        assert_eq!(
            message.headers().last().unwrap(),
            ("Route", HeaderName::Route, ",, <sip:3@h>;x=\"y,z\" ,")
        );
    });
}

/// RFC 3261 §7.5: line ends before the message; and peers that end lines with LF alone.
#[test]
fn line_ends_before_and_instead() {
    let text = options("Subject: folded\n\there\nContent-Length: 1\n") + "x";
    let with_lf = text.clone().into_bytes();
    let with_prefix = [b"\r\n\r\n\n".as_slice(), &crlf(&text)].concat();
    for bytes in [with_lf, with_prefix] {
        read(&bytes, |message| {
            assert_eq!(message.require_valid(), Ok(()));
            assert_eq!(message.first(HeaderName::Subject), Some("folded here"));
            assert_eq!(message.body(), b"x");
        });
    }
    refused(b"\r\n\r\n", ParseError::Empty);
    refused(b"", ParseError::Empty);
}

/// Latin-1 is read, not dropped: every header after the odd byte is still there, and so is the body.
#[test]
fn bytes_that_are_not_utf8() {
    let mut bytes = crlf(&options("Subject: caf? \u{20ac}\nContent-Length: 2\n"));
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xe9;
    bytes.extend([0xff, 0x00]);
    read(&bytes, |message| {
        assert_eq!(message.require_valid(), Ok(()));
        assert_eq!(message.first(HeaderName::Subject), Some("café €"));
        assert_eq!(message.body(), [0xff, 0x00]);
        assert_eq!(message.to_owned().view().first(HeaderName::Subject), Some("café €"));
    });
}

/// RFC 3261 §18.3 and RFC 4475 §3.1.2.2, 3.1.2.3: lengths that lie. The head is still there to answer 400.
#[test]
fn content_length_is_not_trusted() {
    let check = |lengths: &str, body: &str, expected: ParseError| {
        let bytes = crlf(&(options(lengths) + body));
        refused(&bytes, expected);
        assert_eq!(expected.answer().map(|invalid| invalid.status), Some(400));
        let mut index = Index::new();
        assert_eq!(parse_head(&bytes, &mut index).unwrap().call_id(), Ok("c1@192.0.2.1"));
    };
    check("Content-Length: 9999\n", "short", ParseError::BodyShort);
    check("Content-Length: -999\n", "body", ParseError::ContentLength);
    check("Content-Length: +4\n", "body", ParseError::ContentLength);
    check("Content-Length: 4, 4\n", "body", ParseError::ContentLength);
    check("Content-Length:\n", "body", ParseError::ContentLength);
    check("Content-Length: 0x4\n", "body", ParseError::ContentLength);
    check("Content-Length: 65536\n", "body", ParseError::ContentLength);
    check("Content-Length: 18446744073709551620\n", "body", ParseError::ContentLength);
    check("Content-Length: 4\nl: 3\n", "body", ParseError::ContentLength);
    check("l: 3\nContent-Length : 4\n", "body", ParseError::ContentLength);
    for (lengths, body) in [("", "all of it"), ("Content-Length: 004\nl: 4\n", "four"), ("l:0\n", "")] {
        accepted(&(options(lengths) + body), |message| assert_eq!(message.body(), body.as_bytes()));
    }
}

/// Header smuggling: a name with blanks before its colon is that header, not an unknown one that a filter misses.
#[test]
fn blanks_before_the_colon_hide_nothing() {
    for name in ["From ", "from\t", "F \t "] {
        let bytes = crlf(&options(&format!("{name}: <sip:evil@h>;tag=9\n")));
        read(&bytes, |message| assert_eq!(message.require_valid().unwrap_err().reason, "Header Given Twice"));
    }
    read(&crlf(&options("P-Asserted-Identity : <sip:x@h>\n")), |message| {
        assert_eq!(message.first(HeaderName::PAssertedIdentity), Some("<sip:x@h>"));
        assert_eq!(message.headers().last().unwrap().0, "P-Asserted-Identity");
    });
}

/// Lines that are no headers, and bytes that no value may hold.
#[test]
fn garbage_in_the_head_is_refused() {
    for line in ["no colon here\n", ": no name\n", "two words: x\n", "na\u{e9}me: x\n", "(x): y\n"] {
        let bytes = crlf(&options(line));
        refused(&bytes, ParseError::HeaderLine);
        assert_eq!(parse_head(&bytes, &mut Index::new()).unwrap().from().unwrap().tag(), Some("1"));
    }
    // A blank behind the start line continues nothing.
    refused(&crlf(&options("").replacen("SIP/2.0\n", "SIP/2.0\n Via: x\n", 1)), ParseError::HeaderLine);
    for byte in ["\0", "\r", "\rVia: x"] {
        let bytes = crlf(&options("Subject: a@b\n")).into_iter().collect::<Vec<_>>();
        let text = String::from_utf8(bytes).unwrap().replace("a@b", &format!("a{byte}b"));
        refused(text.as_bytes(), ParseError::ControlByte);
    }
    refused(&crlf("GET / HTTP/1.1\nHost: x\n\n"), ParseError::StartLine);
    refused(&crlf("INVITE\n\n"), ParseError::StartLine);
    refused(&crlf("INV(ITE sip:x SIP/2.0\n\n"), ParseError::StartLine);
    let whole = crlf(&options(""));
    refused(&whole[..whole.len() - 2], ParseError::Unterminated);
    for end in 1..whole.len() {
        assert!(parse(&whole[..end], &mut Index::new()).is_err(), "a cut head never passes for a whole one");
    }
}

#[test]
fn sizes_have_limits() {
    let head = options("");
    let fitting = sip::limits::HEADERS_MAX - head.matches('\n').count() + 2;
    read(&crlf(&options(&"X-A: y\n".repeat(fitting))), |message| {
        assert_eq!(message.headers().count(), sip::limits::HEADERS_MAX);
    });
    refused(&crlf(&options(&"X-A: y\n".repeat(fitting + 1))), ParseError::HeadersTooMany);
    let mut bytes = crlf(&head);
    bytes.resize(sip::limits::MESSAGE_BYTES_MAX, b'x');
    read(&bytes, |message| assert!(message.body().len() > 60_000));
    bytes.push(b'x');
    refused(&bytes, ParseError::TooLarge);
}

/// One index serves message after message: nothing of the last one shows through.
#[test]
fn an_index_remembers_nothing() {
    let mut index = Index::new();
    let first = crlf(&options("Subject: old\n folded\nl: 9\nl: 8\nX-A: y\n"));
    assert_eq!(parse(&first, &mut index).err(), Some(ParseError::ContentLength));
    let second = crlf(&options(""));
    let message = parse(&second, &mut index).unwrap();
    assert_eq!(message.require_valid(), Ok(()));
    assert_eq!((message.first(HeaderName::Subject), message.named("x-a")), (None, None));
}

type Contacts<'a> = Vec<Result<ContactValue<'a>, sip::FieldError>>;

/// RFC 3261 §20.10 and §10.2: contacts of a REGISTER.
#[test]
fn contacts() {
    let read_contacts = |value: &str, look: &dyn Fn(Contacts<'_>)| {
        let text = options("").replace("Contact: <sip:a@192.0.2.1>", &format!("Contact: {value}"));
        read(&crlf(&text), |message| look(message.contacts().collect()));
    };
    read_contacts("*", &|contacts| assert_eq!(contacts, [Ok(ContactValue::All)]));
    read_contacts(
        "<sip:a@h;transport=tcp>;expires=60;q=1.0, sip:b@h;expires=x;q=0.5;+sip.instance=\"<urn:uuid:1>\"",
        &|all| {
            let [Ok(ContactValue::Address(one)), Ok(ContactValue::Address(two))] = all[..] else {
                panic!("{all:?}")
            };
            assert_eq!((one.uri, one.expires(), one.q()), ("sip:a@h;transport=tcp", Some(60), Some(1_000)));
            assert_eq!((two.uri, two.expires(), two.q()), ("sip:b@h", Some(3_600), Some(500)));
            assert_eq!(two.param("+SIP.instance").map(sip::unquoted).unwrap(), "<urn:uuid:1>");
        },
    );
    read_contacts("<sip:a@h> junk", &|contacts| {
        assert_eq!(contacts[0].unwrap_err().problem, FieldProblem::Malformed);
    });
    for q in ["1.001", "2", "0.1234", ".5", "-1", "0.x"] {
        read_contacts(&format!("<sip:a@h>;q={q}"), &|contacts| {
            let Ok(ContactValue::Address(contact)) = contacts[0] else { panic!("{q}") };
            assert_eq!(contact.q(), None, "{q}");
        });
    }
}
