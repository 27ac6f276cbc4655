//! Sessions as signed tokens: JWTs (RFC 7519) of one algorithm, HS256.
//!
//! A header that is not this module's own, byte for byte, is refused before anything of the token is
//! believed: so no `alg` can be chosen by who brings it. It must not know users or roles.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use larder::Clock;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long an access token is good.
pub(super) const ACCESS: Duration = Duration::from_mins(30);
/// How long a refresh token is good.
pub(super) const REFRESH: Duration = Duration::from_hours(7 * 24);

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Access,
    Refresh,
}

/// What a token says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The user's name.
    pub(super) sub: String,
    /// The user's id.
    pub(super) uid: String,
    pub(super) kind: Kind,
    /// Seconds since 1970.
    iat: u64,
    exp: u64,
}

/// Signs tokens and checks them.
pub(super) struct Sessions {
    key: Hmac<Sha256>,
    clock: Clock,
}

/// Whether it has the form of a signed token.
pub(super) fn looks_like_one(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Sessions {
    pub(super) fn new(key: &[u8], clock: Clock) -> Self {
        let key = Hmac::new_from_slice(key).expect("HMAC takes a key of any length");
        Self { key, clock }
    }

    /// A token for the user of this name and id.
    pub(super) fn sign(&self, name: &str, id: &str, kind: Kind) -> String {
        let lifetime = match kind {
            Kind::Access => ACCESS,
            Kind::Refresh => REFRESH,
        };
        let iat = self.now();
        let claims = Claims {
            sub: name.to_owned(),
            uid: id.to_owned(),
            kind,
            iat,
            exp: iat + lifetime.as_secs(),
        };
        let claims = serde_json::to_vec(&claims).expect("texts and numbers serialize");
        let signed = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.clone().chain_update(&signed).finalize();
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.into_bytes());
        format!("{signed}.{signature}")
    }

    /// What a token says, if it is good now and for this; else why it is not.
    pub(super) fn check(&self, token: &str, kind: Kind) -> Result<Claims, String> {
        const FORGED: &str = "this token was not signed here";
        let (signed, signature) = token.rsplit_once('.').ok_or(FORGED)?;
        let (header, claims) = signed.split_once('.').ok_or(FORGED)?;
        if header != HEADER {
            return Err(
                "this token has another header than those signed here: expected HS256".into(),
            );
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| FORGED)?;
        let checked = self.key.clone().chain_update(signed);
        checked.verify_slice(&signature).map_err(|_| FORGED)?;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims);
        let claims: Claims = serde_json::from_slice(&claims.map_err(|_| FORGED)?)
            .map_err(|_| "this token was signed by another version")?;
        if claims.kind != kind {
            return Err(match kind {
                Kind::Access => "this is a refresh token: it is good at /api/auth/refresh only",
                Kind::Refresh => "this is an access token: expected a refresh token",
            }
            .into());
        }
        if claims.exp <= self.now() {
            return Err("this token has expired".into());
        }
        Ok(claims)
    }

    fn now(&self) -> u64 {
        let since = self.clock.wall().duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    }
}

#[cfg(test)]
mod tests {
    use larder::ManualClock;

    use super::*;

    fn sessions(time: &ManualClock) -> Sessions {
        Sessions::new(b"the daemon's key", time.clock())
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let time = ManualClock::new();
        let sessions = sessions(&time);
        let token = sessions.sign("ada", "1", Kind::Access);
        assert!(looks_like_one(&token));
        time.advance(ACCESS.saturating_sub(Duration::from_secs(1)));
        assert_eq!(sessions.check(&token, Kind::Access).unwrap().sub, "ada");
        time.advance(Duration::from_secs(1));
        assert_eq!(
            sessions.check(&token, Kind::Access).unwrap_err(),
            "this token has expired"
        );
    }

    #[test]
    fn a_token_is_good_for_its_purpose_only() {
        let time = ManualClock::new();
        let sessions = sessions(&time);
        let (access, refresh) = (
            sessions.sign("ada", "1", Kind::Access),
            sessions.sign("ada", "1", Kind::Refresh),
        );
        assert!(
            sessions
                .check(&refresh, Kind::Access)
                .unwrap_err()
                .contains("refresh token")
        );
        assert!(
            sessions
                .check(&access, Kind::Refresh)
                .unwrap_err()
                .contains("access token")
        );
        time.advance(REFRESH.saturating_sub(Duration::from_secs(1)));
        assert!(sessions.check(&refresh, Kind::Refresh).is_ok());
    }

    #[test]
    fn no_part_of_a_token_can_be_changed_and_no_algorithm_chosen() {
        let time = ManualClock::new();
        let sessions = sessions(&time);
        let token = sessions.sign("ada", "1", Kind::Access);
        let parts: Vec<_> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("three parts")
        };
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let eves = BASE64_URL_SAFE_NO_PAD.encode(text.replace("ada", "eve"));
        let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let hs512 = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
        let others = Sessions::new(b"another key", time.clock()).sign("ada", "1", Kind::Access);
        let forged = [
            format!("{header}.{eves}.{signature}"),
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{hs512}.{claims}.{signature}"),
            format!("{header}.{claims}."),
            format!("{header}.{claims}.{}", &signature[1..]),
            format!("{header}.{claims}.%%%"),
            format!("{header}..{signature}"),
            "..".to_owned(),
            others,
        ];
        for token in forged {
            assert!(sessions.check(&token, Kind::Access).is_err(), "{token}");
        }
    }

    /// The well-known test vector of HMAC-SHA-256.
    #[test]
    fn the_signature_is_that_of_the_standard() {
        let key = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
        let signature = key
            .chain_update("The quick brown fox jumps over the lazy dog")
            .finalize();
        let hex = crate::auth::hex(&signature.into_bytes().into());
        assert_eq!(
            hex,
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        );
        let header = BASE64_URL_SAFE_NO_PAD.decode(HEADER).unwrap();
        assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
    }
}
