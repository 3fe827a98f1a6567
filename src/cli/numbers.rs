//! Numbers as rsync prints them (rsync.1, `--human-readable`).

/// How numbers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Digits only (`--no-h`).
    Plain,
    /// With a comma between groups of three.
    Commas,
    /// In units of 1000 (`-h`).
    Thousands,
    /// In units of 1024 (`-hh`).
    Binary,
}

impl Numbers {
    /// After so many steps: 0 is plain, 1 the default.
    pub fn at_level(level: u8) -> Self {
        match level {
            0 => Self::Plain,
            1 => Self::Commas,
            2 => Self::Thousands,
            _ => Self::Binary,
        }
    }

    /// A count: never in units.
    pub fn count(self, count: u64) -> String {
        match self {
            Self::Plain => count.to_string(),
            _ => grouped(&count.to_string()),
        }
    }

    /// An amount, in units if it is large enough for one.
    pub fn amount(self, amount: u64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
        self.in_units(amount as f64).unwrap_or_else(|| self.count(amount))
    }

    /// An amount with two decimals, in units if it is large enough for one.
    pub fn rate(self, rate: f64) -> String {
        self.in_units(rate).unwrap_or_else(|| self.ratio(rate))
    }

    /// A number with two decimals, never in units.
    pub fn ratio(self, ratio: f64) -> String {
        let text = format!("{ratio:.2}");
        match self {
            Self::Plain => text,
            _ => grouped(&text),
        }
    }

    fn in_units(self, amount: f64) -> Option<String> {
        let base = match self {
            Self::Plain | Self::Commas => return None,
            Self::Thousands => 1000.0,
            Self::Binary => 1024.0,
        };
        let mut amount = amount;
        let mut unit = None;
        for letter in ['K', 'M', 'G', 'T', 'P'] {
            if amount < base {
                break;
            }
            amount /= base;
            unit = Some(letter);
        }
        unit.map(|letter| format!("{amount:.2}{letter}"))
    }
}

/// Puts commas into the whole part.
fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::Numbers::{Binary, Commas, Plain, Thousands};

    /// Seen from rsync 3.5.0, `Total file size` at `--no-h`, nothing, `-h`, `-hh`.
    #[test]
    fn amounts_look_as_in_rsync() {
        for (amount, texts) in [
            (0, ["0", "0", "0", "0"]),
            (999, ["999", "999", "999", "999"]),
            (1000, ["1000", "1,000", "1.00K", "1,000"]),
            (1023, ["1023", "1,023", "1.02K", "1,023"]),
            (1024, ["1024", "1,024", "1.02K", "1.00K"]),
            (9999, ["9999", "9,999", "10.00K", "9.76K"]),
            (99999, ["99999", "99,999", "100.00K", "97.66K"]),
            (999_994, ["999994", "999,994", "999.99K", "976.56K"]),
            (999_999, ["999999", "999,999", "1000.00K", "976.56K"]),
            (1_048_575, ["1048575", "1,048,575", "1.05M", "1024.00K"]),
            (1_234_567, ["1234567", "1,234,567", "1.23M", "1.18M"]),
            (1_073_741_823, ["1073741823", "1,073,741,823", "1.07G", "1024.00M"]),
            (1_099_511_627_776, ["1099511627776", "1,099,511,627,776", "1.10T", "1.00T"]),
        ] {
            let seen = [Plain, Commas, Thousands, Binary].map(|numbers| numbers.amount(amount));
            assert_eq!(seen, texts.map(str::to_owned));
        }
    }

    #[test]
    fn rates_have_two_decimals_and_speedups_no_units() {
        assert_eq!(Commas.rate(6_002_090.0), "6,002,090.00");
        assert_eq!(Plain.rate(6_002_090.0), "6002090.00");
        assert_eq!(Thousands.rate(6_002_090.0), "6.00M");
        assert_eq!(Binary.rate(6_002_090.0), "5.72M");
        assert_eq!(Thousands.rate(154.0), "154.00");
        assert_eq!(Thousands.ratio(13_513_513.5), "13,513,513.50");
        assert_eq!(Plain.ratio(18_867.96), "18867.96");
        assert_eq!(Commas.ratio(0.031), "0.03");
    }

    #[test]
    fn counts_are_never_in_units() {
        assert_eq!(Thousands.count(1_501), "1,501");
        assert_eq!(Plain.count(1_501), "1501");
    }
}
