//! When a run is to stop, as rsync reads it (rsync.1, `--stop-after`, `--stop-at`).

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use chrono::{
    Datelike, Days, Local, LocalResult, Months, NaiveDate, NaiveDateTime, TimeZone, Timelike,
};

use crate::cli::problem::Problem;

/// So many minutes come after everything else.
const FOREVER: u64 = 1_000_000_000;

/// `--stop-after`: so many minutes from now. Like rsync it reads the digits at the beginning.
///
/// # Errors
/// No whole minute.
pub fn after(name: &str, text: &OsStr, now: Instant) -> Result<Instant, Problem> {
    let shown = text.to_string_lossy();
    let digits = shown.trim_start();
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let minutes = if end > 9 { FOREVER } else { digits[..end].parse().unwrap_or(0) };
    if minutes == 0 {
        return Err(Problem::usage(format!("--{name}={shown}: it is 1 or more minutes")));
    }
    Ok(now + Duration::from_mins(minutes))
}

/// `--stop-at`: the next moment that fits.
///
/// # Errors
/// No such form, or a moment that is not in the future.
pub fn at(text: &OsStr, now: Instant) -> Result<Instant, Problem> {
    let shown = text.to_string_lossy();
    let here = Local::now();
    let wanted = parse(&shown, here.naive_local()).ok_or_else(|| {
        let forms = "it is [[YEAR-]MONTH-]DAY[THOUR:MINUTE], HOUR:MINUTE or :MINUTE";
        Problem::usage(format!("--stop-at={shown}: {forms}"))
    })?;
    let moment = match Local.from_local_datetime(&wanted) {
        LocalResult::Single(moment) | LocalResult::Ambiguous(_, moment) => moment,
        // The hour that a change to summer time leaves out.
        LocalResult::None => Local.from_utc_datetime(&wanted),
    };
    let left = moment.signed_duration_since(here).to_std().unwrap_or_default();
    if left.is_zero() {
        return Err(Problem::usage(format!("--stop-at={shown}: that is not in the future")));
    }
    Ok(now.checked_add(left).unwrap_or(now + Duration::from_mins(FOREVER)))
}

/// The next moment after `now` that fits the text, or the very moment, if it names the year; `None`
/// if it has no form of a moment.
fn parse(text: &str, now: NaiveDateTime) -> Option<NaiveDateTime> {
    if let Some(minute) = text.strip_prefix(':') {
        let minute = number(minute)?;
        let this = now.date().and_hms_opt(now.hour(), minute, 0)?;
        return Some(if this > now { this } else { this + chrono::Duration::hours(1) });
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some(("", time)) => (None, Some(clock(time)?)),
        Some((date, "")) => (Some(date), None),
        Some((date, time)) => (Some(date), Some(clock(time)?)),
        None if text.contains(':') => (None, Some(clock(text)?)),
        None => (Some(text), None),
    };
    let (hour, minute) = time.unwrap_or((0, 0));
    let on = |day: NaiveDate| day.and_hms_opt(hour, minute, 0);
    let Some(date) = date else {
        let today = on(now.date())?;
        return if today > now { Some(today) } else { today.checked_add_days(Days::new(1)) };
    };
    let parts: Vec<u32> = date.split(['-', '/']).map(number).collect::<Option<_>>()?;
    match parts[..] {
        [year, month, day] => on(full_date(year, month, day, now)?),
        [month, day] => {
            let fits = |year| NaiveDate::from_ymd_opt(year, month, day).and_then(on);
            // A 29th of February comes within eight years.
            (now.year()..=now.year() + 8).filter_map(fits).find(|moment| *moment > now)
        }
        [day] => {
            let first = now.date().with_day(1)?;
            let months =
                (0..=12).filter_map(|months| first.checked_add_months(Months::new(months)));
            months.filter_map(|month| on(month.with_day(day)?)).find(|moment| *moment > now)
        }
        _ => None,
    }
}

/// A date with its year, of which two digits name the next one that ends so. A day that the month
/// has not got counts on into the next one, as in rsync.
fn full_date(year: u32, month: u32, day: u32, now: NaiveDateTime) -> Option<NaiveDate> {
    let mut year = i32::try_from(year).ok()?;
    if year < 100 {
        let century = now.year() / 100 * 100;
        year += if year < now.year() % 100 { century + 100 } else { century };
    }
    // chrono counts to the year 262142.
    let first = NaiveDate::from_ymd_opt(year.min(200_000), month, 1)?;
    (1..=31).contains(&day).then(|| first.checked_add_days(Days::new(u64::from(day) - 1)))?
}

/// `HOUR:MINUTE`.
fn clock(text: &str) -> Option<(u32, u32)> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (number(hour)?, number(minute)?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}

/// Digits alone; more than fit count as the largest number.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(i32::MAX.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::time::{Duration, Instant};

    use chrono::NaiveDate;

    use super::{after, at, parse};

    /// On Wednesday, 2026-11-25 at 14:30.
    fn parsed(text: &str) -> Option<String> {
        let now = NaiveDate::from_ymd_opt(2026, 11, 25).unwrap().and_hms_opt(14, 30, 0).unwrap();
        parse(text, now).map(|moment| moment.format("%Y-%m-%dT%H:%M").to_string())
    }

    #[test]
    fn the_next_moment_that_fits_is_meant() {
        for (text, moment) in [
            ("2099-12-31T23:59", "2099-12-31T23:59"),
            ("2099/12/31t23:59", "2099-12-31T23:59"),
            ("99-1-2", "2099-01-02T00:00"),
            ("0099-1-2", "2099-01-02T00:00"),
            ("26-11-26", "2026-11-26T00:00"),
            ("25-11-25", "2125-11-25T00:00"),
            ("100-1-1", "0100-01-01T00:00"),
            ("2099-02-30", "2099-03-02T00:00"),
            ("2020-1-1T0:0", "2020-01-01T00:00"),
            ("1-30", "2027-01-30T00:00"),
            ("11/25", "2027-11-25T00:00"),
            ("11-25T14:31", "2026-11-25T14:31"),
            ("2-29", "2028-02-29T00:00"),
            ("1", "2026-12-01T00:00"),
            ("31", "2026-12-31T00:00"),
            ("25", "2026-12-25T00:00"),
            ("26T", "2026-11-26T00:00"),
            ("25T15:00", "2026-11-25T15:00"),
            ("14:30", "2026-11-26T14:30"),
            ("T14:31", "2026-11-25T14:31"),
            ("014:005", "2026-11-26T14:05"),
            (":59", "2026-11-25T14:59"),
            (":30", "2026-11-25T15:30"),
            (":0", "2026-11-25T15:00"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(moment), "{text}");
        }
    }

    /// What rsync 3.5.0 refuses.
    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "x",
            "now",
            ":",
            "T",
            "T5",
            "T24:00",
            "24:00",
            "23:60",
            "1:2:3",
            "5:",
            ":60",
            "0",
            "32",
            "2-30",
            "2-31",
            "4-31",
            "1-0",
            "99-1",
            "2099-1",
            "2099-13-01",
            "2099-2-32",
            "99-99-99",
            "1-",
            "-1",
            "1--2",
            "1-2-",
            "1-2-3-4",
            "+1",
            " 14:00",
            "2099-01-01 00:00",
            "1T:5",
            "2099-01-01T12",
            "2099-01-01T12:",
            "2099-01-01T00:00:30",
            "1/30-1",
            "2099-01-01T1:1T2:2",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_past_is_refused() {
        let now = Instant::now();
        assert!(at(OsStr::new("2020-01-01T00:00"), now).is_err());
        assert!(at(OsStr::new("2020-01-01"), now).unwrap_err().text.contains("not in the future"));
        for text in ["2099-01-01", "9999-1-1", "999999999999-1-1", ":5", "12:00"] {
            assert!(at(OsStr::new(text), now).unwrap() > now, "{text}");
        }
    }

    #[test]
    fn minutes_are_read_as_rsync_reads_them() {
        let now = Instant::now();
        for (text, minutes) in [("1", 1), ("1.5", 1), (" 5", 5), ("+5", 5), ("5x", 5), ("007", 7)] {
            let deadline = now + Duration::from_mins(minutes);
            assert_eq!(after("stop-after", OsStr::new(text), now), Ok(deadline), "{text}");
        }
        assert!(after("stop-after", OsStr::new("1000000000000"), now).unwrap() > now);
        for text in ["", "0", "-1", "x", "0x5"] {
            assert!(after("stop-after", OsStr::new(text), now).is_err(), "{text}");
        }
    }
}
