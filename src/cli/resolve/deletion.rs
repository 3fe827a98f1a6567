//! What the words say of deleting, and of keeping what would be lost.

use std::path::PathBuf;

use crate::cli::checks;
use crate::cli::options::Switches;
use crate::cli::problem::Problem;
use crate::cli::resolve::choices::Choices;
use crate::filter::list::Unsided;
use crate::settings::MissingArgs;
use crate::settings::deletion::{
    Backup, Delete, Extraneous, FinishedSources, FullDirs, ReadErrors, When,
};

impl Choices {
    /// Rules that name no side do not protect what `--delete-excluded` is to delete.
    pub(super) fn unsided(&self) -> Unsided {
        self.pick(Switches::DELETE_EXCLUDED, Unsided::SenderOnly, Unsided::Both)
    }

    pub(super) fn delete(&self) -> Delete {
        let may_clear = self.switches.intersects(Switches::DELETE | Switches::FORCE);
        Delete {
            extraneous: self.pick(Switches::DELETE, Extraneous::Remove, Extraneous::Keep),
            limit: self.max_delete.map(|most| u64::try_from(most).unwrap_or(0)),
            full_dirs: if may_clear { FullDirs::Remove } else { FullDirs::Keep },
            when: self.when(),
            errors: self.pick(Switches::IGNORE_ERRORS, ReadErrors::Ignore, ReadErrors::Stop),
        }
    }

    pub(super) fn when(&self) -> When {
        if self.has(Switches::DELETE_BEFORE) {
            When::Before
        } else if self.has(Switches::DELETE_DELAY) {
            When::Delay
        } else {
            self.pick(Switches::DELETE_AFTER, When::After, When::During)
        }
    }

    pub(super) fn missing_args(&self) -> MissingArgs {
        let ignore =
            self.pick(Switches::IGNORE_MISSING_ARGS, MissingArgs::Ignore, MissingArgs::Fault);
        self.pick(Switches::DELETE_MISSING_ARGS, MissingArgs::Delete, ignore)
    }

    pub(super) fn finished_sources(&self) -> FinishedSources {
        let sent = self.pick(
            Switches::REMOVE_SENT_FILES,
            FinishedSources::RemoveSent,
            FinishedSources::Keep,
        );
        self.pick(Switches::REMOVE_SOURCE_FILES, FinishedSources::Remove, sent)
    }

    /// `--backup-dir` implies `--backup`, whatever `--no-backup` says.
    pub(super) fn backup(&self) -> Result<Option<Backup>, Problem> {
        let dir = self.backup_dir.as_deref().map(checks::backup_dir);
        let suffix = checks::suffix(self.suffix.as_deref(), dir)?;
        let wants = self.has(Switches::BACKUP) || dir.is_some();
        Ok(wants.then(|| Backup { dir: dir.flatten().map(PathBuf::from), suffix }))
    }

    /// rsync.1, `--backup`: backups that stand beside the files are not to be deleted by the next run.
    pub(super) fn protected_suffix(&self, backup: Option<&Backup>) -> Option<Box<[u8]>> {
        let deletes = self.has(Switches::DELETE) && !self.has(Switches::DELETE_EXCLUDED);
        backup.filter(|backup| deletes && backup.dir.is_none()).map(|backup| backup.suffix.clone())
    }
}
