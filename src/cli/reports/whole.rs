//! A file that is there when it is whole: written under a name of its own, and renamed in the end.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::cli::reports::{State, unwritten};
use crate::error::{Class, Fault, Place};
use crate::model::path::RelPath;

/// A file on its way.
pub struct Whole {
    /// Where it will be.
    pub path: PathBuf,
    /// How many names were written ([`Whole::name`]).
    pub names: u64,
    writer: BufWriter<NamedTempFile>,
    error: Option<io::Error>,
}

impl Whole {
    /// Begins a file beside `path`.
    ///
    /// # Errors
    /// It can not be made there.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        // The umask still counts.
        let mode = Permissions::from_mode(0o666);
        let begun = Builder::new()
            .prefix(".twosync-")
            .permissions(mode)
            .tempfile_in(dir.unwrap_or(Path::new(".")));
        let place = || Place::operand(path);
        if path.is_dir() {
            return Err(Fault::rule(Class::FileIo, "write", place(), "it is a directory"));
        }
        let file = begun.map_err(|error| Fault::io(Class::FileIo, "write", place(), error))?;
        Ok(Self { path: path.to_owned(), names: 0, writer: BufWriter::new(file), error: None })
    }

    /// Writes some bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.writer.write_all(bytes).err();
        }
    }

    /// Writes a name that ends with NUL.
    pub fn name(&mut self, path: &RelPath) {
        self.names += 1;
        let name = if path.is_root() { b"." } else { path.as_bytes() };
        self.write(name);
        self.write(b"\0");
    }

    /// Writes what became of an entry as `rclone check` does. A newline in a name is written `\#012`, as
    /// rsync does.
    pub(super) fn line(&mut self, state: State, path: &RelPath) {
        let Some(sign) = state.sign() else { return };
        self.write(&[sign, b' ']);
        for (at, line) in path.as_bytes().split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                self.write(b"\\#012");
            }
            self.write(line);
        }
        self.write(b"\n");
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub fn keep(self) -> Result<(), Fault> {
        let Self { path, writer, error, .. } = self;
        let kept = match error {
            Some(error) => Err(error),
            None => writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
                file.as_file().sync_all()?;
                file.persist(&path).map(drop).map_err(|error| error.error)
            }),
        };
        kept.map_err(|error| unwritten(&path, error))
    }
}
