//! Checks of arguments: of options that we act on, and of those that we ignore but rsync checks.

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};

use crate::cli::display::Sink;
use crate::cli::options::Check;
use crate::cli::problem::Problem;
use crate::cli::sizes::{number, size};
use crate::error::Class;
use crate::model::checksum::Algorithm;
use crate::settings::{Basis, Found, Verify};

const COMPRESSORS: [&str; 6] = ["zstd", "lz4", "zlibx", "zlib", "none", "auto"];
const LARGEST_BLOCK: u64 = 128 << 10;
/// rsync.1, `--compare-dest`.
const MOST_BASES: usize = 20;
const LEAST_ALLOCATION: u64 = 1 << 20;

/// Checks the argument of an option that makes no difference to us.
///
/// # Errors
/// rsync would refuse it.
pub fn ignored(check: Check, name: &str, value: &OsStr) -> Result<(), Problem> {
    let shown = value.to_string_lossy();
    match check {
        Check::Anything => {}
        Check::Number => {
            number(name, value)?;
        }
        Check::BlockSize => {
            if size(name, value)? > LARGEST_BLOCK {
                return Err(Problem::usage(format!("--{name}={shown} is too large (max: 128K)")));
            }
        }
        Check::Allocation => {
            if (1..LEAST_ALLOCATION).contains(&size(name, value)?) {
                let text = format!("--{name}={shown} is too small (min: 1M, or 0 for unlimited)");
                return Err(Problem::usage(text));
            }
        }
        Check::Compressor => {
            if !COMPRESSORS.contains(&&*shown) {
                let text = format!("--{name}={shown}: unknown compression algorithm");
                return Err(Problem::unsupported(text));
            }
        }
        Check::Buffering => {
            if !shown.starts_with(['N', 'L', 'B', 'n', 'l', 'b']) {
                return Err(Problem::usage(format!("--{name}={shown}: it is N, L or B")));
            }
        }
        Check::Protocol => {
            if !(20..=32).contains(&number(name, value)?) {
                let text = format!("--{name}={shown}: versions 20 to 32 are known");
                return Err(Problem { class: Class::Protocol, text });
            }
        }
    }
    Ok(())
}

/// `--temp-dir`: it stays unused, but one that is missing is a slip of the pen.
///
/// # Errors
/// There is no such directory; a relative one is looked for in the destination.
pub fn temp_dir(dir: Option<&Path>, dest: &Path) -> Result<(), Problem> {
    match dir {
        Some(dir) if !dest.join(dir).is_dir() => {
            Err(Problem::usage(format!("--temp-dir={}: there is no such directory", dir.display())))
        }
        _ => Ok(()),
    }
}

/// `--backup-dir`, without closing slashes; `None` if it is the destination itself.
pub fn backup_dir(dir: &Path) -> Option<&Path> {
    let is_dest = dir.components().all(|part| part == Component::CurDir);
    (!is_dest).then(|| dir.components().as_path())
}

/// `--suffix`, or what it is by default. `dir`: the backup directory, if one was typed.
///
/// # Errors
/// It has a slash in it, or is empty where the backup would have the name of the new file.
pub fn suffix(suffix: Option<&[u8]>, dir: Option<Option<&Path>>) -> Result<Box<[u8]>, Problem> {
    let suffix = suffix.unwrap_or(if dir.is_some() { b"" } else { b"~" });
    if suffix.contains(&b'/') {
        let shown = String::from_utf8_lossy(suffix);
        return Err(Problem::usage(format!("--suffix={shown} can not have a slash in it")));
    }
    match dir {
        _ if !suffix.is_empty() => Ok(suffix.into()),
        Some(Some(_)) => Ok(suffix.into()),
        Some(None) => Err(Problem::usage(
            "--suffix can not be empty when --backup-dir is the destination itself",
        )),
        None => Err(Problem::usage("--suffix can not be empty without --backup-dir")),
    }
}

/// `--compare-dest`, `--copy-dest`, `--link-dest`.
///
/// # Errors
/// Two kinds together, or more than rsync takes.
pub fn basis(typed: &[(Found, PathBuf)]) -> Result<Option<Basis>, Problem> {
    let Some((found, _)) = typed.first() else { return Ok(None) };
    if typed.iter().any(|(other, _)| other != found) {
        let text = "--compare-dest, --copy-dest and --link-dest do not go together";
        return Err(Problem::usage(text));
    }
    if typed.len() > MOST_BASES {
        let text = format!("at most {MOST_BASES} directories can be compared with");
        return Err(Problem::usage(text));
    }
    Ok(Some(Basis { found: *found, dirs: typed.iter().map(|(_, dir)| dir.clone()).collect() }))
}

/// `--checksum-choice`: what the first name is for, a transfer over a wire, we have not got; but
/// without a checksum rsync can only write whole files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksums {
    /// For the transfer and for showing; `None`: none.
    pub transfer: Option<Algorithm>,
    /// For `--checksum`; `None`: it can not be used.
    pub compared: Option<Algorithm>,
}

impl Default for Checksums {
    fn default() -> Self {
        Self { transfer: Some(Algorithm::default()), compared: Some(Algorithm::default()) }
    }
}

/// What `--checksum-choice` can choose: ours, and rsync's.
pub const CHECKSUMS: [(&str, Option<Algorithm>); 8] = [
    ("blake3", Some(Algorithm::Blake3)),
    ("xxh128", Some(Algorithm::Xxh128)),
    ("xxh3", Some(Algorithm::Xxh3)),
    ("xxh64", Some(Algorithm::Xxh64)),
    ("md5", Some(Algorithm::Md5)),
    ("md4", Some(Algorithm::Md4)),
    ("sha1", Some(Algorithm::Sha1)),
    ("none", None),
];

/// `--checksum-choice`: one name for all, or two.
///
/// # Errors
/// A name that neither rsync 3.5.0 nor we have.
pub fn checksums(name: &str, value: &OsStr) -> Result<Checksums, Problem> {
    let shown = value.to_string_lossy();
    let (first, second) = shown.split_once(',').unwrap_or((&shown, &shown));
    let read = |word: &str| {
        let wanted = match &*word.to_ascii_lowercase() {
            "auto" => "blake3".to_owned(),
            "xxhash" => "xxh64".to_owned(),
            other => other.to_owned(),
        };
        let found = CHECKSUMS.iter().find(|(known, _)| *known == wanted);
        found.map(|(_, algorithm)| *algorithm).ok_or_else(|| {
            let text = format!("--{name}={shown}: \"{word}\" is no checksum that is known");
            Problem::unsupported(text)
        })
    };
    Ok(Checksums { transfer: read(first)?, compared: read(second)? })
}

/// `--stderr`: any beginning of `errors`, `all` or `client`.
///
/// # Errors
/// Another word.
pub fn stderr_mode(value: &OsStr) -> Result<Sink, Problem> {
    let shown = value.to_string_lossy();
    let means = |word: &str| !shown.is_empty() && word.starts_with(&*shown);
    if means("all") {
        Ok(Sink::Stderr)
    } else if means("errors") || means("client") {
        Ok(Sink::Stdout)
    } else {
        Err(Problem::usage(format!("--stderr={shown}: it is errors, all or client")))
    }
}

/// `--jobs`: `None` is auto.
///
/// # Errors
/// Neither auto nor a number above zero.
pub fn jobs(value: &OsStr) -> Result<Option<NonZeroUsize>, Problem> {
    let shown = value.to_string_lossy();
    if shown == "auto" {
        return Ok(None);
    }
    let jobs = shown.parse();
    jobs.map(Some).map_err(|_| Problem::usage(format!("--jobs={shown}: it is auto, or 1 or more")))
}

/// `--verify`.
///
/// # Errors
/// Another word.
pub fn verify(value: &OsStr) -> Result<Verify, Problem> {
    match value.to_str() {
        Some("all") => Ok(Verify::All),
        Some("transferred") => Ok(Verify::Transferred),
        Some("metadata") => Ok(Verify::Metadata),
        Some("none") => Ok(Verify::None),
        _ => Err(Problem::usage(format!(
            "--verify={}: it is all, transferred, metadata or none",
            value.to_string_lossy()
        ))),
    }
}
