//! Source files that have arrived: removed where the user asked for it, once phase two is content.

use crate::error::{During, Side, Trouble};
use crate::model::change::{Action, Diff, Why};
use crate::model::entry::Pair;
use crate::model::meta::Kind;
use crate::phase::pass::Memo;
use crate::phase::verify::Verify;
use crate::report::ledger::{Record, Sheet};
use crate::scan::node::At;
use crate::settings::deletion::FinishedSources;
use crate::settings::{self};
use crate::sys::{node, stat};

impl Verify<'_> {
    /// Removes the source of an entry that was compared and is right (`--remove-source-files`), if it
    /// is still what was compared.
    pub fn source_is_finished(&self, at: &At<'_, Memo>, pair: &Pair, sheet: &mut Sheet<'_>) {
        let (Some(permit), Pair::Both(source, dest)) = (self.pass.permit, pair) else { return };
        let is_asked = match self.pass.settings.finished_sources {
            FinishedSources::Keep => false,
            // Only what was read back, this time or by a whole verification.
            FinishedSources::Remove => {
                self.pass.settings.verify == settings::Verify::All || self.is_ours(at)
            }
            FinishedSources::RemoveSent => !source.kind.is_special() && self.is_ours(at),
        };
        if !is_asked || source.kind == Kind::Dir || source.is_same_file(dest) {
            return;
        }
        let removed = stat::entry(at.source, at.name, at.follow)
            .during(Side::Source, "look at")
            .and_then(|now| {
                if now.is_untouched_since(source) {
                    node::remove(permit, at.source, at.name).during(Side::Source, "remove")
                } else {
                    let why = "it changed after it was copied (run again)";
                    Err(Trouble::rule(Side::Source, "remove", why))
                }
            });
        match removed {
            Ok(()) => {
                sheet.tally.planned += 1;
                let action = Action::Keep(Why::SourceRemoved);
                sheet.record(Record::of(source, action, Diff::NONE), || at.path());
            }
            Err(trouble) => drop(self.pass.tell(sheet.ledger(), &at.spot(), trouble)),
        }
    }
}
