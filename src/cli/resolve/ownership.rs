//! What the words say of who owns what, and of who does the work.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use crate::cli::args::{Given, Placement, parse};
use crate::cli::options::{Meaning, Setting, Switches};
use crate::cli::problem::Problem;
use crate::cli::resolve::User;
use crate::cli::resolve::choices::Choices;
use crate::error::Class;
use crate::model::guise::Guise;
use crate::settings::ids::Names;
use crate::settings::preserve::Guises;
use crate::settings::recast::Recast;
use crate::sys::process::{self, Rights};
use crate::sys::read::AccessTime;

/// What makes the same difference if only the writing half knows of it. What switches nothing makes
/// none there.
const FOR_WRITING: Switches = Switches::SUPER
    .union(Switches::NO_SUPER)
    .union(Switches::FAKE_SUPER)
    .union(Switches::DROP_NODES)
    .union(Switches::FSYNC);

impl Choices {
    /// Who the destination takes us for.
    pub(super) fn user(&self, runner: User) -> User {
        let doer = match &self.account {
            Some(account) if account.uid == 0 => User::Root,
            Some(_) => User::Other,
            None => runner,
        };
        match self.rights() {
            Rights::OfUser => doer,
            Rights::Super => User::Root,
            Rights::Plain => User::Other,
        }
    }

    pub(super) fn rights(&self) -> Rights {
        let plain = self.pick(Switches::NO_SUPER, Rights::Plain, Rights::OfUser);
        // What is only written down anybody may write down.
        let all = self.switches.intersects(Switches::SUPER | Switches::FAKE_SUPER);
        if all { Rights::Super } else { plain }
    }

    /// How either side is seen and made (`--fake-super`).
    pub(super) fn guises(&self) -> Guises {
        let guise = |is_fake| if is_fake { Guise::Fake } else { Guise::Real };
        Guises { source: guise(self.reads_fake), dest: guise(self.has(Switches::FAKE_SUPER)) }
    }

    /// A run that carries access times over would change those of the source by reading it, once in
    /// each phase: what it reads keeps them.
    pub(super) fn reading(&self) -> AccessTime {
        let stays = self.atimes > 0 || self.has(Switches::OPEN_NOATIME);
        if stays { AccessTime::Stays } else { AccessTime::Changes }
    }

    /// What the source is taken for.
    pub(super) fn recast(&self, user: User) -> Result<Option<Arc<Recast>>, Problem> {
        let names = self.pick(Switches::NUMERIC_IDS, Names::Unknown, Names::Known);
        let (users, groups) = self.owners.maps(names)?;
        let users = users.filter(|_| self.has(Switches::OWNER) && user == User::Root);
        let groups = groups.filter(|_| self.has(Switches::GROUP));
        if self.modes.is_empty() && users.is_none() && groups.is_none() {
            return Ok(None);
        }
        let modes = self.modes.clone().into();
        let umask = if self.modes.is_empty() { 0 } else { process::umask() };
        Ok(Some(Arc::new(Recast { modes, umask, users, groups })))
    }

    /// `--remote-option`: what is meant for the writing half alone. Both halves are this process.
    pub(super) fn take_remotes(&mut self) -> Result<(), Problem> {
        self.reads_fake = self.has(Switches::FAKE_SUPER);
        for word in std::mem::take(&mut self.remotes) {
            let shown = word.to_string_lossy().into_owned();
            if word.as_bytes().first() != Some(&b'-') {
                let text = format!("--remote-option={shown}: an option begins with a dash");
                return Err(Problem::usage(text));
            }
            let unknown = |problem: Problem| Problem {
                class: Class::Stream,
                text: format!("--remote-option: {}", problem.text),
            };
            let args = parse(&[word], Placement::Anywhere).map_err(unknown)?;
            for given in &args.given {
                if !is_for_writing(given) {
                    let text = format!(
                        "--remote-option={shown} is not supported: both halves of a local copy \
                         are one program, and this would mean another thing there"
                    );
                    return Err(Problem::unsupported(text));
                }
                self.take(given)?;
            }
        }
        Ok(())
    }
}

fn is_for_writing(given: &Given) -> bool {
    match given.row.meaning {
        Meaning::Switch(switches, _) => FOR_WRITING.contains(switches),
        Meaning::Set(setting) => {
            matches!(setting, Setting::Chown | Setting::UserMap | Setting::GroupMap)
        }
        Meaning::Accepted(_) => true,
        _ => false,
    }
}
