//! What a domain controller means when it refuses an account, and who can change that.

use std::fmt;

/// Words for one meaning, however it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    means: &'static str,
    fix: &'static str,
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.means, self.fix)
    }
}

const fn meaning(means: &'static str, fix: &'static str) -> Meaning {
    Meaning { means, fix }
}

const PASSWORD: Meaning = meaning(
    "the password is wrong",
    "whoever runs this box lays the right one into account.password_file",
);
const UNKNOWN: Meaning = meaning(
    "there is no such account on this controller",
    "whoever runs this box corrects account.name, or the Active Directory team makes the account",
);
const DISABLED: Meaning = meaning(
    "the account is disabled",
    "the Active Directory team enables it",
);
const LOCKED: Meaning = meaning(
    "the account is locked after too many wrong passwords",
    "the Active Directory team finds out who else uses it and unlocks it",
);
const EXPIRED: Meaning = meaning(
    "the account has expired",
    "the Active Directory team extends it",
);
const OLD_PASSWORD: Meaning = meaning(
    "the password has expired or must be changed first",
    "the Active Directory team gives the account one that does not expire",
);
const HOURS: Meaning = meaning(
    "the account may not sign in at this hour",
    "the Active Directory team widens its logon hours",
);
const WORKSTATION: Meaning = meaning(
    "the account may not sign in from this computer",
    "the Active Directory team lifts the restriction to workstations",
);
const REVOKED: Meaning = meaning(
    "the account is disabled, locked or expired",
    "the Active Directory team looks which, and mends it",
);
const POLICY: Meaning = meaning(
    "a policy of the domain forbids this logon",
    "the Active Directory team looks at the restrictions of the account",
);
const OTHER: Meaning = meaning(
    "the account was not accepted",
    "the Active Directory team looks into the security log of the controller",
);

/// The words of a directory to a refused bind: Windows puts an error code into its text, as `data 52e`.
pub(super) fn of_bind(text: &str) -> Meaning {
    let code = text.split("data ").nth(1).and_then(|rest| {
        let digits = rest.split(|c: char| !c.is_ascii_hexdigit()).next();
        u32::from_str_radix(digits?, 16).ok()
    });
    match code {
        Some(0x525) => UNKNOWN,
        Some(0x52e) => meaning(
            "the password is wrong, or there is no such account",
            "whoever runs this box corrects account.name or lays the right password into account.password_file",
        ),
        Some(0x530) => HOURS,
        Some(0x531) => WORKSTATION,
        Some(0x532 | 0x773) => OLD_PASSWORD,
        Some(0x533) => DISABLED,
        Some(0x701) => EXPIRED,
        Some(0x775) => LOCKED,
        Some(0x8009_0346) => meaning(
            "the controller misses the binding of the logon to this TLS connection",
            "the network team looks for TLS inspection on the way, the Active Directory team at LdapEnforceChannelBinding",
        ),
        _ => OTHER,
    }
}

/// What an error code of a KDC says against an account (RFC 4120 §7.5.9), with the NTSTATUS beside it
/// ([MS-ERREF] 2.3.1). `None` where the code says nothing about the account.
pub(super) fn of_kdc(code: i32, nt_status: Option<u32>) -> Option<Meaning> {
    // PREAUTH_REQUIRED comes here only as the answer to a proof: the KDC wants another one.
    const AGAINST_ACCOUNT: [i32; 9] = [1, 6, 12, 18, 21, 23, 24, 25, 31];
    if !AGAINST_ACCOUNT.contains(&code) {
        return None;
    }
    let precise = match nt_status {
        Some(0xc000_006a) => Some(PASSWORD),
        Some(0xc000_0064) => Some(UNKNOWN),
        Some(0xc000_006f) => Some(HOURS),
        Some(0xc000_0070) => Some(WORKSTATION),
        Some(0xc000_0071 | 0xc000_0224) => Some(OLD_PASSWORD),
        Some(0xc000_0072) => Some(DISABLED),
        Some(0xc000_0193) => Some(EXPIRED),
        Some(0xc000_0234) => Some(LOCKED),
        _ => None,
    };
    Some(precise.unwrap_or(match code {
        1 => EXPIRED,
        6 => UNKNOWN,
        12 => POLICY,
        18 => REVOKED,
        23 => OLD_PASSWORD,
        24 | 31 => PASSWORD,
        _ => OTHER,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_code_in_the_text_of_a_directory_tells_why() {
        for (text, meaning) in [
            (
                "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 533, v4563",
                DISABLED,
            ),
            (
                "8009030C: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1",
                LOCKED,
            ),
            (
                "Simple Bind Failed: NT_STATUS_ACCOUNT_EXPIRED, data 701, v893",
                EXPIRED,
            ),
            ("data 773", OLD_PASSWORD),
            ("data 532,", OLD_PASSWORD),
            ("data 525, v", UNKNOWN),
            ("data , v", OTHER),
            ("data fffffffffffff, v", OTHER),
            ("no", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(of_bind(text), meaning, "{text}");
        }
        assert!(
            of_bind("data 52e, v")
                .to_string()
                .starts_with("the password is wrong, or")
        );
        assert!(
            of_bind("data 80090346, v")
                .to_string()
                .contains("TLS inspection")
        );
    }

    #[test]
    fn of_a_kdc_the_status_of_windows_is_more_precise_than_the_code() {
        for (code, nt_status, meaning) in [
            (24, None, Some(PASSWORD)),
            (24, Some(0xc000_006a), Some(PASSWORD)),
            (6, None, Some(UNKNOWN)),
            (18, None, Some(REVOKED)),
            (18, Some(0xc000_0072), Some(DISABLED)),
            (18, Some(0xc000_0234), Some(LOCKED)),
            (18, Some(0xc000_0193), Some(EXPIRED)),
            (23, Some(0xc000_0224), Some(OLD_PASSWORD)),
            (23, None, Some(OLD_PASSWORD)),
            (12, Some(0xc000_006f), Some(HOURS)),
            (12, None, Some(POLICY)),
            (25, None, Some(OTHER)),
            (37, None, None),
            (60, Some(0xc000_0072), None),
            (68, None, None),
        ] {
            assert_eq!(of_kdc(code, nt_status), meaning, "{code} {nt_status:x?}");
        }
    }
}
