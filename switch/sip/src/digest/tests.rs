//! Digest against the RFCs' own numbers, and against clients as they behave.

use super::*;

const KEY: NonceKey = NonceKey::new([42; 32]);
const REALM: &str = "demo.sambung.test";
const URI: &str = "sip:1002@demo.sambung.test";
const HERE: &[u8] = &[192, 0, 2, 7];
const NOW: u64 = 1_795_234_524;
const LIFETIME: u64 = 60;

fn response_of(value: &str, password: &str, method: &str) -> (Hex, String) {
    let credentials = Credentials::parse(value).unwrap();
    let ha1 = ha1(credentials.algorithm, credentials.username, credentials.realm, password);
    (credentials.expected_response(&ha1, method, b""), credentials.response.to_owned())
}

/// RFC 7616 §3.9.1: the same request with MD5 and with SHA-256.
#[test]
fn the_examples_of_rfc_7616() {
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let value = format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let (expected, given) = response_of(&value, "Circle of Life", "GET");
        assert_eq!(expected.as_str(), given);
        assert_ne!(response_of(&value, "Circle of life", "GET").0.as_str(), given);
    }
}

/// RFC 7616 §3.9.1 from the client's side: the stronger of the two challenges is answered as the RFC does.
#[test]
fn the_answer_of_rfc_7616() {
    let asked = |algorithm: &str| {
        format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    };
    let (md5, sha256) = (asked("MD5"), asked("SHA-256"));
    let login = Login { username: "Mufasa".into(), password: "Circle of Life".into(), realm: None };
    for (values, response) in [
        (vec![&*md5], "8ca523f5e9506fed4657c9700eebdbec"),
        (vec![&*md5, &*sha256], "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let challenge = chosen(values.into_iter(), &login).unwrap();
        let (user, password) = (&*login.username, &*login.password);
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let value = challenge.respond(user, password, "GET", "/dir/index.html", cnonce, 1);
        let credentials = Credentials::parse(&value).unwrap();
        assert_eq!((credentials.response, credentials.qop), (response, Some(Qop::Auth)));
        assert_eq!((credentials.nc, credentials.opaque), ("00000001", challenge.opaque));
    }
}

/// RFC 2617 §3.5 with `qop`, and the same request as an RFC 2069 client signs it (its erratum 749).
#[test]
fn the_examples_of_the_older_rfcs() {
    let common = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
        nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\"";
    let (expected, given) = response_of(
        &format!(
            "{common}, qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\""
        ),
        "Circle Of Life",
        "GET",
    );
    assert_eq!(expected.as_str(), given);
    let (expected, given) = response_of(
        &format!("{common}, response=\"670fd8c2df070c60b045671b8b24ff02\""),
        "Circle Of Life",
        "GET",
    );
    assert_eq!(expected.as_str(), given);
}

/// REGISTER with the password `secret`, as SIPp 3.6.1 and baresip 1.0.0 answered a challenge on the wire.
#[test]
fn recorded_clients() {
    let common = "Digest username=\"1001\",realm=\"demo.sambung.test\",uri=\"sip:127.0.0.9:17061\",\
        nonce=\"0000000000000001abcdef\",nc=00000001,qop=auth";
    for rest in [
        "cnonce=\"6b8b4567\",response=\"66b3a9ef793a464e004a6051720fb2b7\",algorithm=MD5",
        "response=\"eab932a4669dc6de1a8a4f59396802dc\", cnonce=\"ed44c1e58972c14c\"",
    ] {
        let (expected, given) = response_of(&format!("{common},{rest}"), "secret", "REGISTER");
        assert_eq!(expected.as_str(), given);
    }
}

/// A client that answers our challenge; then what the server thinks of it.
struct Try<'a> {
    algorithm: Algorithm,
    password: &'a str,
    method: &'a str,
    signed_uri: &'a str,
    asked_at: u64,
}

const GOOD: Try<'_> =
    Try { algorithm: Algorithm::Md5, password: "secret", method: "INVITE", signed_uri: URI, asked_at: NOW };

fn answer(attempt: &Try<'_>) -> String {
    let lines = challenge(&KEY, &[attempt.algorithm], REALM, HERE, (attempt.asked_at, 1), false);
    let asked = Challenge::parse(&lines[0]).unwrap();
    asked.respond("1001", attempt.password, attempt.method, attempt.signed_uri, "0a4f113b", 1)
}

fn judge(value: &str, body: &[u8]) -> Verdict {
    let credentials = Credentials::parse(value).unwrap();
    let [md5, sha256] = [Algorithm::Md5, Algorithm::Sha256].map(|one| ha1(one, "1001", REALM, "secret"));
    let signed = Signed { method: "INVITE", request_uri: URI, body, source: HERE };
    verify(&credentials, &KEY, &signed, &md5, &sha256, NOW, LIFETIME)
}

#[test]
fn who_knows_the_password_gets_in() {
    let check = |attempt: Try<'_>, expected: Verdict| assert_eq!(judge(&answer(&attempt), b""), expected);
    check(GOOD, Verdict::Accepted);
    check(Try { algorithm: Algorithm::Sha256, ..GOOD }, Verdict::Accepted);
    check(Try { password: "Secret", ..GOOD }, Verdict::Refused);
    check(Try { password: "", algorithm: Algorithm::Sha256, ..GOOD }, Verdict::Refused);
    check(Try { method: "REGISTER", ..GOOD }, Verdict::Refused);
    check(Try { asked_at: NOW - LIFETIME, ..GOOD }, Verdict::Accepted);
    check(Try { asked_at: NOW - LIFETIME - 1, ..GOOD }, Verdict::Stale);
    check(Try { asked_at: NOW + 60, ..GOOD }, Verdict::Stale);
    check(Try { asked_at: NOW - LIFETIME - 1, password: "wrong", ..GOOD }, Verdict::Stale);
}

/// Whoever makes a nonce up, or takes one that was given to somebody else, does not learn whether the password is right.
#[test]
fn a_nonce_of_another_source_tells_nothing_about_the_password() {
    for password in ["secret", "wrong"] {
        let lines = challenge(&KEY, &[Algorithm::Md5], REALM, &[192, 0, 2, 8], (NOW, 1), false);
        let theirs = Challenge::parse(&lines[0]).unwrap();
        let captured = theirs.respond("1001", password, "INVITE", URI, "0a4f113b", 1);
        assert_eq!(judge(&captured, b""), Verdict::Stale, "{password}");
        let invented = captured.replace(theirs.nonce, &"0".repeat(48));
        assert_eq!(judge(&invented, b""), Verdict::Stale, "{password}");
    }
}

/// A captured header cannot dial another user; SIPp and REGISTER sign a URI without one.
#[test]
fn credentials_are_for_the_user_they_name() {
    let check = |uri: &str, expected: Verdict| {
        assert_eq!(judge(&answer(&Try { signed_uri: uri, ..GOOD }), b""), expected, "{uri}");
    };
    check("sip:%31002@10.0.0.1:5080;transport=tcp", Verdict::Accepted);
    check("sip:127.0.0.1:5060", Verdict::Accepted);
    check("sip:1003@demo.sambung.test", Verdict::Refused);
    check("tel:1003", Verdict::Refused);
    check("1002", Verdict::Refused);
}

/// SIPp 3.6 as it answers on the wire: blanks missing, unquoted `qop`, the server's address as URI.
#[test]
fn clients_as_they_are() {
    let line = &challenge(&KEY, &[Algorithm::Md5], REALM, HERE, (NOW, 1), false)[0];
    let nonce = Challenge::parse(line).unwrap().nonce.to_owned();
    let ha1 = ha1(Algorithm::Md5, "1001", REALM, "secret");
    let md5 = |parts: &[&str]| {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        Algorithm::Md5.hash(&parts).to_string()
    };
    let ha2 = md5(&["INVITE", "sip:127.0.0.9:17061"]);
    let sipp = md5(&[&ha1, &nonce, "00000001", "6b8b4567", "auth", &ha2]);
    let value = format!(
        "Digest username=\"1001\",realm=\"{REALM}\",cnonce=\"6b8b4567\",nc=00000001,qop=auth,\
         uri=\"sip:127.0.0.9:17061\",nonce=\"{nonce}\",response=\"{}\",algorithm=MD5",
        sipp.to_uppercase()
    );
    assert_eq!(judge(&value, b""), Verdict::Accepted);
    // Without qop: accepted with MD5 only.
    let old = md5(&[&ha1, &nonce, &ha2]);
    let value = format!(
        "Digest username=\"1001\", realm=\"{REALM}\", uri=\"sip:127.0.0.9:17061\", nonce=\"{nonce}\", response=\"{old}\""
    );
    assert_eq!(judge(&value, b""), Verdict::Accepted);
    let hash = |parts: &[&[u8]]| Algorithm::Sha256.hash(parts);
    let ha1 = super::ha1(Algorithm::Sha256, "1001", REALM, "secret");
    let ha2 = hash(&[b"INVITE", URI.as_bytes()]);
    let new = hash(&[ha1.as_bytes(), nonce.as_bytes(), ha2.as_bytes()]);
    let value = format!(
        "Digest username=\"1001\", realm=\"{REALM}\", uri=\"{URI}\", nonce=\"{nonce}\", response=\"{new}\", algorithm=SHA-256"
    );
    assert_eq!(judge(&value, b""), Verdict::Refused);
}

/// What a stranger writes where the response belongs is refused, however long and in whatever letters.
#[test]
fn responses_that_are_no_hexadecimal_digits() {
    let good = answer(&GOOD);
    let (_, response) = response_of(&good, "secret", "INVITE");
    for strange in
        ["0", &"é".repeat(33), &format!("{}é", "0".repeat(63)), &"0".repeat(65), &format!("{response}0")]
    {
        assert_eq!(judge(&good.replace(&response, strange), b""), Verdict::Refused, "{strange:?}");
    }
    assert_eq!(judge(&good.replace(&response, &response.to_uppercase()), b""), Verdict::Accepted);
}

#[test]
fn auth_int_covers_the_body() {
    let nonce = KEY.issue(REALM, HERE, NOW, 1);
    let hash = |parts: &[&[u8]]| Algorithm::Md5.hash(parts);
    let ha2 = hash(&[b"INVITE", URI.as_bytes(), hash(&[b"v=0"]).as_bytes()]);
    let ha1 = ha1(Algorithm::Md5, "1001", REALM, "secret");
    let response = hash(&[ha1.as_bytes(), nonce.as_bytes(), b"00000001", b"c", b"auth-int", ha2.as_bytes()]);
    let value = format!(
        "digest username=\"1001\", realm=\"{REALM}\", uri=\"{URI}\", nonce=\"{nonce}\", qop=\"auth-int\", nc=00000001, \
         cnonce=c, response={response}"
    );
    assert_eq!(judge(&value, b"v=0"), Verdict::Accepted);
    assert_eq!(judge(&value, b"v=1"), Verdict::Refused);
}

/// RFC 8760 §2.4: one line for each algorithm; `stale` only when asked for.
#[test]
fn challenges() {
    let lines = challenge(&KEY, &[Algorithm::Sha256, Algorithm::Md5], REALM, HERE, (NOW, 1), true);
    let parsed: Vec<_> = lines.iter().map(|line| Challenge::parse(line).unwrap()).collect();
    assert_eq!([parsed[0].algorithm, parsed[1].algorithm], [Algorithm::Sha256, Algorithm::Md5]);
    assert!(
        parsed.iter().all(|one| one.realm == REALM && one.stale && one.offers_auth && one.nonce.len() == 48)
    );
    let fresh = challenge(&KEY, &[Algorithm::Md5], REALM, HERE, (NOW, 1), false);
    assert!(!fresh[0].contains("stale"));
}

#[test]
fn malformed_credentials() {
    let check = |value: &str, expected: DigestError| {
        assert_eq!(Credentials::parse(value).err(), Some(expected), "{value}");
    };
    let good = answer(&GOOD);
    check("Basic MTAwMTpzZWNyZXQ=", DigestError::Scheme);
    check("Digest", DigestError::Scheme);
    check("Digest x", DigestError::Malformed);
    check(&good.replace("algorithm=MD5", "algorithm=MD5-sess"), DigestError::NotOffered);
    check(&good.replace("qop=auth", "qop=auth-conf"), DigestError::NotOffered);
    check(&good.replace("nc=00000001", "nc=1"), DigestError::Malformed);
    check(&good.replace("nc=00000001, ", ""), DigestError::Malformed);
    check(&good.replace("username=\"1001\"", "username=\"\""), DigestError::Malformed);
    check(&good.replace("username=\"1001\"", "username=\"10\"01\""), DigestError::Malformed);
    check(&good.replace("username=\"1001\"", "username=10\"01"), DigestError::Malformed);
    check(&format!("{good}, username=\"1002\""), DigestError::Malformed);
    check(&format!("{good}, opaque=\"{}\"", "x".repeat(2_048)), DigestError::Malformed);
    for name in ["username", "realm", "nonce", "uri", "response"] {
        check(&good.replace(&format!("{name}="), "x="), DigestError::Malformed);
    }
}
