//! Sizes and numbers as rsync reads them (rsync.1, `--max-size`).

use std::ffi::OsStr;
use std::num::NonZeroU64;

use crate::cli::problem::Problem;

const LEAST_RATE: u64 = 512;

/// Reads a rate: a size, in KiB where it has no unit. In bytes a second, in whole KiB as in rsync;
/// `None`: no limit.
///
/// # Errors
/// No size, or one below half a KiB.
pub fn rate(option: &str, text: &OsStr) -> Result<Option<NonZeroU64>, Problem> {
    let shown = text.to_string_lossy();
    let (mantissa, rest) = split(&shown, |c: char| c.is_ascii_digit() || c == '.');
    let has_unit = rest.starts_with(|c: char| c.is_ascii_alphabetic());
    let bytes = if mantissa.is_empty() || has_unit {
        size(option, text)?
    } else {
        // A problem is told in the words that were typed.
        let bytes = size(option, OsStr::new(&format!("{mantissa}K{rest}")));
        bytes.map_err(|_| Problem::usage(format!("--{option}={shown} is invalid")))?
    };
    if (1..LEAST_RATE).contains(&bytes) {
        let text =
            format!("--{option}={shown} is too small (min: {LEAST_RATE}, or 0 for unlimited)");
        return Err(Problem::usage(text));
    }
    Ok(NonZeroU64::new(bytes.saturating_add(LEAST_RATE) / 1024 * 1024))
}

/// Reads a size: digits with an optional fraction; `b`, or `K` to `P` alone or with `iB` (1024) or
/// `B` (1000); then perhaps `+1` or `-1`. No text at all is 0.
///
/// # Errors
/// The text is no size, or one below 0 or above 2^63.
pub fn size(option: &str, text: &OsStr) -> Result<u64, Problem> {
    let shown = text.to_string_lossy();
    let invalid = || Problem::usage(format!("--{option}={shown} is invalid"));
    let too_large = || Problem::usage(format!("--{option}={shown} is too large"));
    if shown.is_empty() {
        return Ok(0);
    }
    if shown.starts_with('-') {
        return Err(too_large());
    }
    let (mantissa, rest) = split(&shown, |c: char| c.is_ascii_digit() || c == '.');
    let (unit, step) = split(rest, |c: char| c.is_ascii_alphabetic());
    let factor = factor(unit).ok_or_else(invalid)?;
    let step = match step {
        "" => 0,
        "+1" => 1,
        "-1" => -1,
        _ => return Err(invalid()),
    };
    let bytes = scaled(mantissa, factor).ok_or_else(invalid)? + step;
    match u64::try_from(bytes) {
        Ok(bytes) if bytes <= i64::MAX.cast_unsigned() => Ok(bytes),
        _ => Err(too_large()),
    }
}

/// Reads a whole number as strtol(3) does: blanks in front, a sign, `0x` for hexadecimal, `0` for octal.
/// No text at all is 0.
///
/// # Errors
/// The text is no number that fits.
pub fn number(option: &str, text: &OsStr) -> Result<i32, Problem> {
    let shown = text.to_string_lossy();
    if shown.is_empty() {
        return Ok(0);
    }
    whole(&shown)
        .ok_or_else(|| Problem::usage(format!("--{option}={shown}: invalid numeric value")))
}

fn whole(text: &str) -> Option<i32> {
    let text = text.trim_ascii_start();
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => (16, hexadecimal),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    // The parser of the standard library takes a second sign.
    let value =
        i64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with(['+', '-']))?;
    i32::try_from(if is_negative { -value } else { value }).ok()
}

fn split(text: &str, takes: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !takes(c)).unwrap_or(text.len()))
}

fn factor(unit: &str) -> Option<i128> {
    let unit = unit.to_ascii_lowercase();
    if unit.is_empty() || unit == "b" {
        return Some(1);
    }
    let power = "kmgtp".find(unit.chars().next()?)?;
    let base: i128 = match &unit[1..] {
        "" | "ib" => 1024,
        "b" => 1000,
        _ => return None,
    };
    base.checked_pow(u32::try_from(power).ok()? + 1)
}

/// `mantissa * factor`, cut to a whole number, without the detour over floating point.
fn scaled(mantissa: &str, factor: i128) -> Option<i128> {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    // More digits than these are no size that fits, or say nothing of a byte.
    let whole = whole.trim_start_matches('0');
    let whole: i128 =
        if whole.is_empty() { 0 } else { whole.get(..whole.len().min(20))?.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(18)];
    let parts: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some(whole.checked_mul(factor)? + parts * factor / scale)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{number, rate, size};

    #[test]
    fn sizes_are_read_as_rsync_reads_them() {
        for (text, bytes) in [
            ("", 0),
            ("0", 0),
            ("1", 1),
            ("1b", 1),
            ("1b+1", 2),
            ("0000000000000000000000012", 12),
            ("1k", 1024),
            ("1KiB", 1024),
            ("1kib", 1024),
            ("1KB", 1000),
            ("1kb", 1000),
            ("1K+1", 1025),
            ("1K-1", 1023),
            ("1KB-1", 999),
            ("1.5K", 1536),
            ("1.5KB", 1500),
            (".5K", 512),
            ("5.K", 5120),
            ("1.9", 1),
            ("1.001K", 1025),
            ("2-1", 1),
            ("3T", 3 << 40),
            ("2P", 2 << 50),
        ] {
            assert_eq!(size("max-size", OsStr::new(text)), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["x", "+1", "1x", "1E", "2K1", "1M+2", "1ib", ".", "1.2.3", "1K+", "1 K"] {
            let problem = size("max-size", OsStr::new(text)).unwrap_err();
            assert_eq!(problem.text, format!("--max-size={text} is invalid"));
        }
        for text in ["-1", "0-1", "99999999999999999999", "9999999999999999999999P", "8192P"] {
            let problem = size("max-size", OsStr::new(text)).unwrap_err();
            assert_eq!(problem.text, format!("--max-size={text} is too large"));
        }
    }

    /// What rsync 3.5.0 takes and refuses.
    #[test]
    fn rates_are_in_kib_unless_they_say_otherwise() {
        for (text, bytes) in [
            ("", 0),
            ("0", 0),
            ("0b", 0),
            ("1", 1024),
            ("0.5", 1024),
            ("512b", 1024),
            ("100", 100 << 10),
            ("1.5m", 1536 << 10),
            ("1MB", 977 << 10),
            ("1+1", 1024),
            ("2000b", 2048),
            ("1g+1", 1 << 30),
            ("8000P", 8000 << 50),
        ] {
            let read = rate("bwlimit", OsStr::new(text)).unwrap();
            assert_eq!(read.map_or(0, std::num::NonZero::get), bytes, "{text}");
        }
        for text in ["x", "-1", "511b", "0.4", "1b", "1x", "1.2.3", "."] {
            assert!(rate("bwlimit", OsStr::new(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(number("modify-window", OsStr::new("-1")), Ok(-1));
        assert_eq!(number("modify-window", OsStr::new("")), Ok(0));
        for (text, value) in [
            ("010", 8),
            ("0x1F", 31),
            (" +4", 4),
            ("-0X10", -16),
            ("00", 0),
            ("-2147483648", i32::MIN),
        ] {
            assert_eq!(number("modify-window", OsStr::new(text)), Ok(value), "{text}");
        }
        for text in ["x", "1x", "1.5", "1 ", "--1", "- 1", "08", "0x", "0x-1"] {
            assert!(number("modify-window", OsStr::new(text)).is_err(), "{text}");
        }
    }
}
