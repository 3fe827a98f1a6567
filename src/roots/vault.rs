//! The backup directory operand (`--backup-dir`), found before the run starts.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::act::backup::Backups;
use crate::act::finish::Rules;
use crate::act::vault::Vault;
use crate::error::{Class, Fault, Place};
use crate::model::meta::Kind;
use crate::model::path::{Name, RelPath};
use crate::roots::dest::Dest;
use crate::roots::operand::openable;
use crate::settings::Settings;
use crate::sys::confined::is_outside;
use crate::sys::dir::{Dir, Follow};
use crate::sys::permit::Permit;
use crate::sys::stat;
use crate::sys::trust::{Trust, is_untrusted};

/// Where a run keeps what it overwrites; `None` if it does not.
///
/// # Errors
/// The backup directory is none, or can not be reached.
pub fn open_backups(
    settings: &Settings,
    dest: &Dest,
    permit: Option<&Permit>,
    rules: &Rules,
) -> Result<Option<Backups>, Fault> {
    let Some(backup) = &settings.backup else { return Ok(None) };
    let vault = match &backup.dir {
        Some(typed) => find(typed, dest, permit, &backup.suffix, settings)?,
        None => None,
    };
    Ok(Some(Backups::new(&backup.suffix, vault, rules.clone(), settings.links.leaving)))
}

/// `None`: it is the destination itself.
fn find(
    typed: &Path,
    dest: &Dest,
    permit: Option<&Permit>,
    suffix: &[u8],
    settings: &Settings,
) -> Result<Option<Vault>, Fault> {
    let (trust, guise) = (&settings.roots.trust, settings.preserve.guises.dest);
    let path = openable(&dest.root).join(typed);
    let place = || Place::operand(&path);
    let failed = |error| Fault::io(Class::FileIo, "open the backup directory", place(), error);
    if let Err(error) = Dir::open_trusted(&path, trust)
        && (is_untrusted(&error) || is_outside(&error))
    {
        return Err(failed(error));
    }
    let is_new = match stat::operand(&path, Follow::Links) {
        Ok(meta) if meta.kind == Kind::Dir => false,
        Ok(_) => {
            let why = "it is no directory";
            return Err(Fault::rule(Class::Usage, "use the backup directory", place(), why));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    let (above, found, missing) = split(&path).map_err(failed)?;
    if matches!(trust, Trust::Within(_)) {
        Dir::open_trusted(above, trust).map_err(failed)?;
    }
    let root = dest.chain.as_ref().map(|chain| chain.get()).transpose().map_err(failed)?;
    let below = fs::canonicalize(openable(&dest.root))
        .ok()
        .and_then(|top| found.strip_prefix(top).ok().map(Path::to_path_buf));
    let is_inside = below.is_some();
    let (base, names) = match below {
        Some(below) => (root.clone(), below.join(missing)),
        None if permit.is_none() => (None, missing),
        None => {
            let above = Dir::open_trusted(above, trust).map_err(failed)?;
            (Some(Arc::new(above.in_guise(guise))), missing)
        }
    };
    let names = names_of(&names).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    if is_inside && names.is_empty() {
        let why = "it is the destination itself, and --suffix is empty";
        let fault = Fault::rule(Class::Usage, "use the backup directory", place(), why);
        return if suffix.is_empty() { Err(fault) } else { Ok(None) };
    }
    let inside = is_inside.then(|| RelPath::from_names(&names));
    let (typed, dest) = (typed.to_path_buf(), root);
    let (opened, last) = (Mutex::default(), Mutex::default());
    Ok(Some(Vault { typed, is_new, base, names, dest, inside, opened, last }))
}

/// The part of `path` that is there, the same without symlinks, and the rest.
fn split(path: &Path) -> io::Result<(&Path, PathBuf, PathBuf)> {
    for above in path.ancestors() {
        match fs::canonicalize(openable(above)) {
            Ok(found) => {
                let missing = path.strip_prefix(above).unwrap_or(Path::new(""));
                return Ok((openable(above), found, missing.to_path_buf()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// `None`: there is a `..` below what is not there.
fn names_of(path: &Path) -> Option<Vec<Name>> {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    parts.map(|part| Name::new(part.as_os_str().as_encoded_bytes())).collect()
}
