//! Access tokens that the API has not made, or not like that (S-040, RFC 8725): each is refused in the same words.

use std::fs;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

use crate::stage::{Served, Stage, uuid};

/// The order of the group of Ed25519, its lowest byte first (RFC 8032 §5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

type Forged = Vec<(String, String)>;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).unwrap()
}

/// A token of the API taken apart, and the key that it was signed with.
struct Forge {
    token: String,
    header: Value,
    claims: Value,
    own: Ed25519KeyPair,
}

impl Forge {
    fn new(api: &Served, token: &str) -> Self {
        let digits = fs::read_to_string(api.keys.path().join("1.key")).unwrap();
        let byte = |at: usize| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap();
        let own = pair(&std::array::from_fn(byte));
        let part = |no: usize| {
            let part = Base64UrlUnpadded::decode_vec(token.split('.').nth(no).unwrap()).unwrap();
            serde_json::from_slice(&part).unwrap()
        };
        Self { token: token.to_owned(), header: part(0), claims: part(1), own }
    }

    fn with(mut whole: Value, changes: &Value) -> Value {
        for (name, value) in changes.as_object().unwrap() {
            match value {
                // What is to be missing.
                Value::String(word) if word == "-" => drop(whole.as_object_mut().unwrap().remove(name)),
                value => whole[name] = value.clone(),
            }
        }
        whole
    }

    /// Header and claims with these changes, signed by `sign`.
    fn made(&self, header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let (header, claims) =
            (Self::with(self.header.clone(), header), Self::with(self.claims.clone(), claims));
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = encode(sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Signed by the API's own key.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        self.made(header, claims, |message| self.own.sign(message).as_ref().to_vec())
    }

    /// With the signature that belonged to it before.
    fn altered(&self, header: &Value, claims: &Value) -> String {
        let signature = self.token.rsplit('.').next().unwrap();
        self.made(header, claims, |_| Base64UrlUnpadded::decode_vec(signature).unwrap())
    }

    fn algorithms(&self) -> Forged {
        let public = self.own.public_key().as_ref();
        let der =
            [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00], public].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            Base64::encode_string(&der)
        );
        let mut all = Vec::new();
        for none in ["none", "None", "NONE", ""] {
            let header = json!({ "alg": none });
            all.push((
                format!("alg {none:?} without a signature"),
                self.made(&header, &json!({}), |_| Vec::new()),
            ));
            all.push((format!("alg {none:?} with one"), self.altered(&header, &json!({}))));
        }
        for (what, secret) in [
            ("the public key", public),
            ("its base64url", encode(public).as_bytes()),
            ("its DER", &der),
            ("its PEM", pem.as_bytes()),
            ("nothing", b""),
            ("the kid", b"1"),
        ] {
            let sha256 = |message: &[u8]| {
                let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
                mac.chain_update(message).finalize().into_bytes().to_vec()
            };
            let sha512 = |message: &[u8]| {
                let mac = Hmac::<Sha512>::new_from_slice(secret).unwrap();
                mac.chain_update(message).finalize().into_bytes().to_vec()
            };
            all.push((
                format!("HS256 with {what}"),
                self.made(&json!({ "alg": "HS256" }), &json!({}), sha256),
            ));
            all.push((
                format!("HS512 with {what}"),
                self.made(&json!({ "alg": "HS512" }), &json!({}), sha512),
            ));
        }
        for alg in [json!("ES256"), json!("RS256"), json!("PS256"), json!("eddsa"), json!(null), json!("-")] {
            all.push((format!("alg {alg}"), self.signed(&json!({ "alg": alg }), &json!({}))));
        }
        all
    }

    fn keys(&self) -> Forged {
        let other = pair(&[7; 32]);
        let by_other =
            |header: &Value| self.made(header, &json!({}), |message| other.sign(message).as_ref().to_vec());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(other.public_key()) });
        let mut all = vec![
            ("another key".to_owned(), by_other(&json!({}))),
            ("another key that it brings".to_owned(), by_other(&json!({ "jwk": jwk }))),
            (
                "another key at an address".to_owned(),
                by_other(&json!({ "jku": "https://example.test/keys" })),
            ),
            (
                "another key as a certificate".to_owned(),
                by_other(&json!({ "x5c": [encode(other.public_key())] })),
            ),
            ("another key of another name".to_owned(), by_other(&json!({ "kid": "2" }))),
        ];
        for kid in [json!("2"), json!("-"), json!(""), json!("1.key"), json!("../1"), json!(1), json!(["1"])]
        {
            all.push((format!("kid {kid}"), self.signed(&json!({ "kid": kid }), &json!({}))));
        }
        all
    }

    fn shapes(&self) -> Forged {
        let token = &self.token;
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let message = format!("{header}.{claims}");
        let mut bytes = Base64UrlUnpadded::decode_vec(signature).unwrap();
        bytes[0] ^= 1;
        let flipped = encode(&bytes);
        bytes[0] ^= 1;
        let mut carry = 0;
        for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        let same_but_greater = encode(&bytes);
        let own = |text: &str| {
            let message = format!("{header}.{}", encode(text));
            format!("{message}.{}", encode(self.own.sign(message.as_bytes())))
        };
        let json = json!({ "payload": claims, "protected": header, "signature": signature });
        let all = [
            ("nothing", String::new()),
            ("dots", "..".to_owned()),
            ("a header", header.to_owned()),
            ("no signature", message.clone()),
            ("an empty signature", format!("{message}.")),
            ("a signature of zeros", format!("{message}.{}", encode([0; 64]))),
            ("a signature cut off", token[..token.len() - 1].to_owned()),
            ("half a signature", token[..token.len() - 43].to_owned()),
            ("more after it", format!("{token}A")),
            ("a fourth part", format!("{token}.{signature}")),
            ("padding", format!("{token}==")),
            ("another bit", format!("{message}.{flipped}")),
            ("the same point by a greater number", format!("{message}.{same_but_greater}")),
            ("claims that are no JSON", own("sub")),
            ("claims that are a list", own("[]")),
            ("claims that are empty", own("{}")),
            ("written as JSON", json.to_string()),
        ];
        all.map(|(name, token)| (name.to_owned(), token)).to_vec()
    }

    /// Of these changes, each alone: not signed again.
    fn altered_claims(&self, others: &Value) -> Forged {
        let exp = self.claims["exp"].as_i64().unwrap();
        let mut changes = vec![
            json!({ "exp": exp + 1 }),
            json!({ "epoch": self.claims["epoch"].as_i64().unwrap() + 1 }),
            json!({ "permissions": ["calls.read"] }),
            json!({ "role": "viewer" }),
        ];
        changes.extend(["sub", "sid", "org"].map(|name| json!({ name: others[name] })));
        let forged =
            changes.iter().map(|change| (format!("altered {change}"), self.altered(&json!({}), change)));
        forged.collect()
    }

    /// Of these changes, each alone, that the API's own key has signed.
    fn signed_claims(&self, others: &Value, over: &Value) -> Forged {
        let epoch = self.claims["epoch"].as_i64().unwrap();
        let now = self.claims["iat"].as_i64().unwrap();
        let mut changes = vec![
            json!({ "exp": now - 1 }),
            json!({ "exp": now - 100_000 }),
            json!({ "exp": -1 }),
            json!({ "exp": "tomorrow" }),
            json!({ "nbf": now + 3_600 }),
            json!({ "aud": "another" }),
            json!({ "aud": ["another", "sambung"] }),
            json!({ "iss": "another" }),
            json!({ "iss": ["sambung", "another"] }),
            json!({ "epoch": epoch - 1 }),
            json!({ "epoch": epoch + 1 }),
            json!({ "org": uuid() }),
            json!({ "sub": uuid() }),
            json!({ "sid": uuid() }),
            json!({ "sid": over["sid"] }),
            json!({ "permissions": ["moon.read"] }),
            json!({ "role": "emperor" }),
        ];
        changes.extend(["sub", "sid", "org"].map(|name| json!({ name: others[name] })));
        let needed = ["exp", "iss", "sub", "sid", "org", "epoch", "permissions"];
        changes.extend(needed.map(|name| json!({ name: "-" })));
        let forged =
            changes.iter().map(|change| (format!("signed {change}"), self.signed(&json!({}), change)));
        forged.collect()
    }
}

#[tokio::test]
async fn a_forged_token_is_refused_whatever_is_wrong_with_it_and_nobody_is_told_what() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (_, own) = stage.person(stage.a, "owner").await;
    let (_, other) = stage.person(stage.b, "owner").await;
    let (own, other, over) = (api.sign_in(&own).await, api.sign_in(&other).await, api.sign_in(&own).await);
    let access = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
    let ended = format!("/api/identity/sign-ins/{}", over["sign_in"].as_str().unwrap());
    assert_eq!(api.delete(&ended, &access(&own)).await.status, 204);

    let forge = Forge::new(&api, &access(&own));
    assert_eq!(api.get("/api/identity/me", &forge.signed(&json!({}), &json!({}))).await.status, 200);
    let mut theirs = Forge::new(&api, &access(&other)).claims;
    theirs.as_object_mut().unwrap().retain(|name, _| name == "org" || name == "sub");
    theirs["sid"] = other["sign_in"].clone();
    let over = Forge::new(&api, &access(&over)).claims;
    let refresh = own["refresh_token"].as_str().unwrap();
    let mut forged = vec![
        ("a refresh token".to_owned(), refresh.to_owned()),
        ("a letter's token".to_owned(), refresh.replace("refresh", "letter")),
        ("what looks like a key".to_owned(), format!("sambung_{}", "0".repeat(96))),
    ];
    forged.extend(forge.algorithms());
    forged.extend(forge.keys());
    forged.extend(forge.shapes());
    forged.extend(forge.altered_claims(&theirs));
    forged.extend(forge.signed_claims(&theirs, &over));
    assert!(forged.len() >= 60, "{}", forged.len());
    let mut said = std::collections::BTreeSet::new();
    for (name, token) in &forged {
        for path in ["/api/identity/me", "/api/telephony/calls"] {
            let answer = api.get(path, token).await;
            assert_eq!(answer.status, 401, "{name}: {}", answer.body);
            let mut problem = answer.must_be_problem(401, "unauthorized");
            problem.as_object_mut().unwrap().remove("request_id");
            said.insert((problem.to_string(), answer.header("www-authenticate").to_owned()));
        }
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(
        api.get("/api/identity/me", &access(&own)).await.status,
        200,
        "the true one is good all the while"
    );
}
