//! Passwords, as argon2id hashes with the parameters that OWASP names first (19 MiB, two passes).
//!
//! Each call takes tens of milliseconds of one processor: it must not run on an async thread.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

pub(super) const BYTES_MIN: usize = 8;
pub(super) const BYTES_MAX: usize = 1_024;

/// The hash of no password, with the parameters of every new one: what is compared for a user who is
/// not there, so that it takes as long.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bGFyZGVyLW5vYm9keXMtcw\
                       $bm8gcGFzc3dvcmQgaGFzIHRoaXMgYXMgaXRzIGhhc2g";

/// The PHC string of a password, with a new salt; `None` if its length is not allowed.
pub(super) fn hash(password: &str) -> Option<String> {
    if !(BYTES_MIN..=BYTES_MAX).contains(&password.len()) {
        return None;
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).expect("the system gives random bytes");
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Some(
        hash.expect("the parameters are the library's own")
            .to_string(),
    )
}

/// Whether it is the password of this PHC string. Without one it is not, and takes as long.
pub(super) fn matches(password: &str, hash: Option<&str>) -> bool {
    let is_known = hash.is_some();
    let Ok(hash) = PasswordHash::new(hash.unwrap_or(NOBODYS)) else {
        tracing::error!("a password hash of the accounts cannot be read: nobody comes in by it");
        return false;
    };
    let is_same = Argon2::default().verify_password(password.as_bytes(), &hash);
    is_known && is_same.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(matches("correct horse", Some(&hash)));
        assert!(!matches("correct horsf", Some(&hash)));
        assert!(!matches("correct horse", None));
        assert!(!matches("correct horse", Some("no hash")));
    }

    #[test]
    fn a_password_has_its_limits() {
        assert!(hash("1234567").is_none());
        assert!(hash(&"x".repeat(BYTES_MAX + 1)).is_none());
    }

    #[test]
    fn a_user_who_is_not_there_costs_the_same_work() {
        let (real, nobodys) = (
            hash("correct horse").unwrap(),
            PasswordHash::new(NOBODYS).unwrap(),
        );
        let real = PasswordHash::new(&real).unwrap();
        let cost = |hash: &PasswordHash| {
            (
                hash.algorithm.to_string(),
                hash.version,
                hash.params.to_string(),
            )
        };
        assert_eq!(cost(&real), cost(&nobodys));
        assert_eq!(
            real.hash.map(|hash| hash.len()),
            nobodys.hash.map(|hash| hash.len())
        );
        assert_eq!(
            real.salt.map(|salt| salt.len()),
            nobodys.salt.map(|salt| salt.len())
        );
    }
}
