//! Times on the wire as seconds since 1970.

/// Seconds between 1601, where Windows counts from, and 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600;

/// Reads `YYYYMMDDHHMMSS`, a fraction that is dropped, and `Z`: the GeneralizedTime of RFC 4517
/// §3.3.13 in UTC. `None` for other forms and for dates that do not exist.
pub(crate) fn generalized(text: &[u8]) -> Option<i64> {
    let (digits, zone) = text.split_first_chunk::<14>()?;
    let zone = zone.strip_suffix(b"Z")?;
    match zone {
        [] => {}
        [b'.' | b',', fraction @ ..]
            if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    let mut numbers = [0_i64; 7];
    for (number, pair) in numbers.iter_mut().zip(digits.chunks_exact(2)) {
        let &[tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = pair else {
            return None;
        };
        *number = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    }
    let [century, year, month, day, hour, minute, second] = numbers;
    let year = century * 100 + year;
    // 60 is a leap second, which the count since 1970 does not know.
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if day < 1 || day > days_of(year, month) {
        return None;
    }
    Some(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Writes `YYYYMMDDHHMMSSZ`, the KerberosTime of RFC 4120 §5.2.3. Seconds before the year 1 or after
/// 9999 are cut off there.
pub(crate) fn to_generalized(seconds: i64) -> String {
    const DAY: i64 = 86_400;
    let first = days_since_1970(1, 1, 1) * DAY;
    let last = days_since_1970(10_000, 1, 1) * DAY - 1;
    let seconds = seconds.clamp(first, last);
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let mut year = 1970 + days / 366;
    while days_since_1970(year, 1, 1) > days {
        year -= 1;
    }
    while days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_since_1970(year, month + 1, 1) <= days {
        month += 1;
    }
    let day = days - days_since_1970(year, month, 1) + 1;
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

/// Seconds since 1970 and nanoseconds of a FILETIME ([MS-DTYP] 2.3.3): hundreds of nanoseconds
/// since 1601.
pub(crate) fn of_filetime(filetime: u64) -> (i64, u32) {
    const PER_SECOND: u64 = 10_000_000;
    // Both fit: 2^64 / 10^7 is below 2^41, and the remainder times 100 is below 10^9.
    let seconds = i64::try_from(filetime / PER_SECOND).unwrap_or(i64::MAX);
    let nanos = u32::try_from(filetime % PER_SECOND * 100).unwrap_or(0);
    (seconds.saturating_sub(WINDOWS_EPOCH), nanos)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Leap days before the first of January of a year, counted from year 1.
    let leap_days = |year: i64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let whole_years = (year - 1970) * 365 + leap_days(year) - leap_days(1970);
    let whole_months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    whole_years + whole_months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generalized_time_becomes_seconds_since_1970() {
        for (text, seconds) in [
            ("19700101000000Z", 0),
            ("19691231235959Z", -1),
            ("20000229120000Z", 951_825_600),
            ("20000301000000Z", 951_868_800),
            ("20261122101148Z", 1_795_342_308),
            ("20261122101148.0Z", 1_795_342_308),
            ("20261122101148,75Z", 1_795_342_308),
            ("20370913024805Z", 2_136_422_885),
            ("21000301000000Z", 4_107_542_400),
            ("00010101000000Z", -62_135_596_800),
        ] {
            assert_eq!(generalized(text.as_bytes()), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let years = (0..9_999).map(|year| -62_135_596_800 + year * 31_556_952 - year % 7);
        let days = (0..1500).map(|day| 951_782_399 + day * 86_400);
        for seconds in years
            .chain(days)
            .filter(|seconds| *seconds >= -62_135_596_800)
        {
            let text = to_generalized(seconds);
            assert_eq!(generalized(text.as_bytes()), Some(seconds), "{text}");
        }
        assert_eq!(to_generalized(i64::MIN), "00010101000000Z");
        assert_eq!(to_generalized(i64::MAX), "99991231235959Z");
    }

    #[test]
    fn a_date_that_does_not_exist_or_another_form_is_no_time() {
        for text in [
            "",
            "20261122101148",
            "2026112210114Z",
            "202611221011480Z",
            "20261122101148.Z",
            "20261122101148.0",
            "20261122101148+0100",
            "20261122101148.5+0100Z",
            "20260229000000Z",
            "21000229000000Z",
            "20261301000000Z",
            "20260001000000Z",
            "20260100000000Z",
            "20260431000000Z",
            "20260101240000Z",
            "20260101006000Z",
            "20260101000061Z",
            "2026-1-2101148Z",
        ] {
            assert_eq!(generalized(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_filetime_of_any_size_becomes_seconds_and_nanoseconds() {
        assert_eq!(
            of_filetime(134_398_160_063_291_280),
            (1_795_342_406, 329_128_000)
        );
        assert_eq!(of_filetime(116_444_736_000_000_000), (0, 0));
        assert_eq!(of_filetime(0), (-WINDOWS_EPOCH, 0));
        assert_eq!(of_filetime(u64::MAX), (1_833_029_933_770, 955_161_500));
    }
}
