//! Until when a certificate is good (RFC 5280 §4.1): the one field that an operator must know of before phones do.
//! rustls reads it for peers' certificates only. Nothing else is read or judged here.

use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, Tag, tags::TAG_UTCTIME};

/// `notAfter` of a certificate in DER, unix seconds; `None` when it is none.
pub(super) fn not_after(certificate: &[u8]) -> Option<i64> {
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let end = certificate.next().read_sequence(|body| {
                // [0] version, serial number, signature, issuer
                body.read_optional(|field| field.read_tagged(Tag::context(0), |version| version.read_i64()))?;
                for _ in 0..3 {
                    body.next().read_der()?;
                }
                let end = body.next().read_sequence(|validity| {
                    instant(validity.next())?;
                    instant(validity.next())
                })?;
                // subject, public key, perhaps unique identifiers, extensions
                while body.read_optional(|field| field.read_der())?.is_some() {}
                Ok(end)
            })?;
            // signature algorithm and signature
            certificate.next().read_der()?;
            certificate.next().read_der()?;
            Ok(end)
        })
    })
    .ok()
}

/// RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050 on.
fn instant(field: BERReader<'_, '_>) -> ASN1Result<i64> {
    let at = match field.lookahead_tag()? {
        TAG_UTCTIME => field.read_utctime()?.datetime().unix_timestamp(),
        _ => field.read_generalized_time()?.datetime().unix_timestamp(),
    };
    // Before 1970 nobody made certificates.
    if at > 0 { Ok(at) } else { Err(ASN1Error::new(ASN1ErrorKind::Invalid)) }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read_in_either_form_of_time() {
        // date -u -d 2031-05-06 +%s; date -u -d 2071-05-06 +%s
        for (year, seconds) in [(2031, 1_935_792_000), (2071, 3_198_096_000)] {
            let mut params = CertificateParams::new(vec!["sip.test".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 5, 6);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(not_after(certificate.der()), Some(seconds), "{year}");
            for end in 0..certificate.der().len() {
                assert_eq!(not_after(&certificate.der()[..end]), None, "cut at {end}");
            }
        }
    }
}
