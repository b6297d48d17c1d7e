//! Hashes of passwords that another program stored: those of crypt(3) that authn.db and authn.simple 3.0.0 verify (`$1$`, `$5$`,
//! `$6$`), and bcrypt (`$2b$` and its older names), which web servers have. They are replaced at the first right login.

use sha_crypt::{PasswordHashRef, PasswordVerifier as _, ShaCrypt};

/// More would let one login occupy a processor for seconds.
const MAX_ROUNDS: u32 = 1_000_000;
const MAX_BCRYPT_COST: u32 = 14;

/// The functions of crypt(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CryptFunction {
    Md5,
    Sha,
    Bcrypt,
}

/// Whether a hash was made by another program, and must be replaced.
pub fn is_imported(hash: &str) -> bool {
    find_function(hash).is_some()
}

/// Refuses what no password could be verified with.
pub fn check_hash(hash: &str) -> Result<(), String> {
    let function = find_function(hash);
    let function = function.ok_or("this is no hash of crypt(3) that begins with $1$, $5$, $6$ or $2b$")?;
    let fields: Vec<&str> = hash.split('$').skip(2).collect();
    match function {
        CryptFunction::Md5 if fields.len() == 2 && fields[1].len() == 22 => Ok(()),
        CryptFunction::Sha => check_sha_fields(&fields),
        CryptFunction::Bcrypt if fields.len() == 2 && fields[1].len() == 53 => match fields[0].parse::<u32>() {
            Ok(cost) if cost <= MAX_BCRYPT_COST => Ok(()),
            _ => Err(format!("the cost of bcrypt must be at most {MAX_BCRYPT_COST}")),
        },
        CryptFunction::Md5 | CryptFunction::Bcrypt => Err("the hash is cut off or has too many parts".to_owned()),
    }
}

fn check_sha_fields(fields: &[&str]) -> Result<(), String> {
    let (rounds, fields) = match fields.split_first() {
        Some((first, rest)) if first.starts_with("rounds=") => (first.strip_prefix("rounds="), rest),
        _ => (None, fields),
    };
    if rounds.is_some_and(|rounds| rounds.parse::<u32>().map_or(true, |rounds| rounds > MAX_ROUNDS)) {
        return Err(format!("the rounds must be at most {MAX_ROUNDS}"));
    }
    let is_whole = fields.len() == 2 && matches!(fields[1].len(), 43 | 86);
    if is_whole { Ok(()) } else { Err("the hash is cut off or has too many parts".to_owned()) }
}

/// Whether the password belongs to such a hash.
pub fn verify_password(hash: &str, password: &str) -> bool {
    match find_function(hash) {
        Some(CryptFunction::Md5) => pwhash::md5_crypt::verify(password, hash),
        Some(CryptFunction::Bcrypt) => pwhash::bcrypt::verify(password, hash),
        Some(CryptFunction::Sha) => PasswordHashRef::new(hash)
            .is_ok_and(|hash| ShaCrypt::default().verify_password(password.as_bytes(), hash).is_ok()),
        None => false,
    }
}

fn find_function(hash: &str) -> Option<CryptFunction> {
    match hash.strip_prefix('$')?.split_once('$')?.0 {
        "1" => Some(CryptFunction::Md5),
        "5" | "6" => Some(CryptFunction::Sha),
        "2a" | "2b" | "2y" => Some(CryptFunction::Bcrypt),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse";
    /// Made by crypt(3) of glibc 2.36.
    const HASHES: [&str; 6] = [
        "$1$aB3dEf7h$PQ7PeKqRL89d4tcdPEtZB0",
        "$5$saltstring$vc6YOOogU4kWVvwga8e9zTFgKcy4tb5LaPxIiPJzqEC",
        "$5$rounds=10000$saltstringsaltst$ffO6RHJbzihHqETll0c/MLDJrGhQw9fAaO1LcVIStWB",
        "$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/",
        "$6$rounds=1400$anotherlongsalts$BIJq9mRCZh1kev4gsEFy0R5hLBKgZM.fwvpxgy31e6bRJqRdXTpSE8TJFJysi3GwDPeX9bz4aZklq669D26ai0",
        "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    ];
    const NOT_ASCII: &str =
        "$6$Zz./salt$OrBy2y4hufzbScKWLk6vUdLT81WO/bo5keY6SekoDuNPuTSsCbXUf8glRebn7IZ84jlV80KhI7rqDuqG8HBJF/";

    #[test]
    fn hashes_of_glibc_are_verified() {
        for hash in HASHES {
            assert_eq!(check_hash(hash), Ok(()), "{hash}");
            assert!(is_imported(hash) && verify_password(hash, PASSWORD), "{hash}");
            for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
                assert!(!verify_password(hash, wrong), "{hash} {wrong}");
            }
        }
        assert!(verify_password(NOT_ASCII, "Jürgen €") && !verify_password(NOT_ASCII, "Jurgen €"));
    }

    #[test]
    fn what_cannot_be_verified_in_time_is_refused() {
        for (hash, reason) in [
            ("secret", "no hash"),
            ("", "no hash"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "no hash"),
            ("$6$saltstring", "cut off"),
            ("$6$saltstring$short", "cut off"),
            (&HASHES[2].replace("10000", "999999999"), "rounds"),
            (&HASHES[2].replace("10000", "-1"), "rounds"),
            (&HASHES[5].replace("$05$", "$31$"), "cost"),
            (&HASHES[0][..30], "cut off"),
        ] {
            assert!(check_hash(hash).unwrap_err().contains(reason), "{hash}");
        }
        assert!(!is_imported("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"));
    }
}
