//! One check file against another: no file that they list is touched.

use crate::effort::Stop;
use crate::error::{Class, Fault};
use crate::manifest::form::{Listed, Stated};
use crate::manifest::index::{Claim, Found, Manifest};
use crate::manifest::load::Going;
use crate::manifest::names::shown;
use crate::model::change::{Action, Attrs, Diff, Why};
use crate::model::meta::Kind;
use crate::model::path::RelPath;
use crate::phase::against::missing;
use crate::phase::hidden::Hidden;
use crate::report::ledger::{Ledger, Record, Sheet};

/// The comparison of two check files.
pub struct TwoLists<'a> {
    /// What is expected.
    pub old: &'a Manifest,
    /// What is compared with it.
    pub new: &'a Manifest,
    /// Where all is recorded.
    pub ledger: &'a Ledger<'a>,
    /// Asked between lines.
    pub stop: &'a Stop,
}

impl TwoLists<'_> {
    /// Compares them, in the order of the new one; then tells what only the old one lists, in its order.
    ///
    /// # Errors
    /// One of them can not be read any more or has changed, or a path has digests of no common algorithm.
    pub fn compare(&self, hidden: &mut Hidden, sheet: &mut Sheet<'_>) -> Result<(), Fault> {
        let (old, new) = (self.old, self.new);
        new.each(|listed| {
            let path = listed.path;
            let Some(ours) = new.find(&path)? else { return Ok(self.going()) };
            // Another line about the same path.
            if new.claim(&ours) == Claim::Again || hides(hidden, &path)? {
                return Ok(self.going());
            }
            match old.find(&path)? {
                Some(theirs) => {
                    old.claim(&theirs);
                    self.pair(&path, &theirs, &ours, sheet)?;
                }
                None if old.lists(&path) => self.extra(path, &ours, sheet),
                None => {}
            }
            next_sheet(sheet);
            Ok(self.going())
        })?;
        old.each_unseen(|Listed { path, size, .. }| {
            if new.lists(&path) && !hides(hidden, &path)? {
                missing(self.ledger, path, size, sheet);
                next_sheet(sheet);
            }
            Ok(self.going())
        })?;
        old.check_unchanged().and_then(|()| new.check_unchanged())
    }

    fn going(&self) -> Going {
        if self.stop.is_requested() { Going::Stops } else { Going::On }
    }

    /// A path that both list.
    fn pair(
        &self,
        path: &RelPath,
        old: &Found,
        new: &Found,
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Fault> {
        let mut attrs = Attrs::empty();
        match differs(&old.digests, &new.digests) {
            Some(true) => attrs |= Attrs::CONTENT,
            Some(false) => {}
            None => {
                let why = "the two check files have no algorithm in common for it";
                let place = shown(path.as_bytes());
                return Err(Fault::rule(Class::Usage, "compare", place, why));
            }
        }
        if old.size.zip(new.size).is_some_and(|(old, new)| old != new) {
            attrs |= Attrs::SIZE | Attrs::CONTENT;
        }
        sheet.tally.planned += 1;
        sheet.findings.compared += 1;
        let is_equal = attrs.is_empty();
        if !is_equal {
            sheet.findings.content_differences += 1;
            sheet.findings.remaining += 1;
            self.ledger.remember(Class::Unverified);
        }
        let action = if is_equal { Action::Keep(Why::UpToDate) } else { Action::Rewrite };
        let diff = Diff { attrs, ..Diff::NONE };
        sheet.record(record(action, diff, new.size), || path.clone());
        Ok(())
    }

    /// A path that only the new one lists.
    fn extra(&self, path: RelPath, new: &Found, sheet: &mut Sheet<'_>) {
        sheet.findings.extra += 1;
        sheet.findings.remaining += 1;
        self.ledger.remember(Class::Unverified);
        sheet.record(record(Action::Delete, Diff::NONE, new.size), || path);
    }
}

/// Lines are told as they come, a few at a time.
fn next_sheet(sheet: &mut Sheet<'_>) {
    const LINES_AT_ONCE: u64 = 1024;
    if sheet.tally.planned >= LINES_AT_ONCE || sheet.findings.extra >= LINES_AT_ONCE {
        let next = sheet.fork();
        std::mem::replace(sheet, next).close();
    }
}

fn hides(hidden: &mut Hidden, path: &RelPath) -> Result<bool, Fault> {
    let place = || shown(path.as_bytes());
    hidden.hides(path).map_err(|trouble| trouble.at(place()))
}

fn record(action: Action, diff: Diff, size: Option<u64>) -> Record {
    let nothing = Record::leaving(Kind::File, Why::UpToDate);
    Record { action, diff, size: size.unwrap_or(0), ..nothing }
}

/// Whether two lists of digests are of different files; `None` if none of one can be compared with one
/// of the other. Where the algorithm is not certain, only an equal digest says something for sure; another
/// one counts as different.
fn differs(old: &[Stated], new: &[Stated]) -> Option<bool> {
    let mut has_common = false;
    let mut is_different = false;
    for old in old {
        let mut common = new.iter().filter(|new| new.by.meets(old.by)).peekable();
        if common.peek().is_some() {
            has_common = true;
            is_different |= !common.any(|new| new.digest == old.digest);
        }
    }
    has_common.then_some(is_different)
}

#[cfg(test)]
mod tests {
    use super::differs;
    use crate::manifest::form::Stated;
    use crate::manifest::kinds::Candidates;
    use crate::model::checksum::{Algorithm, Checksum};

    fn stated(by: Candidates, digits: &str) -> Stated {
        Stated { by, digest: Checksum::from_hex(digits.as_bytes()).unwrap() }
    }

    #[test]
    fn digests_are_compared_by_the_algorithms_that_both_have() {
        let md5 = |digit: &str| stated(Candidates::only(Algorithm::Md5), &digit.repeat(32));
        let sha1 = |digit: &str| stated(Candidates::only(Algorithm::Sha1), &digit.repeat(40));
        let open = |digit: &str| stated(Candidates::of_digits(32).unwrap(), &digit.repeat(32));
        for (old, new, expected) in [
            (vec![md5("a")], vec![md5("a")], Some(false)),
            (vec![md5("a")], vec![md5("b")], Some(true)),
            (vec![md5("a")], vec![sha1("a")], None),
            (vec![md5("a"), sha1("b")], vec![sha1("b")], Some(false)),
            (vec![md5("a"), sha1("b")], vec![md5("a"), sha1("c")], Some(true)),
            (vec![md5("a")], vec![open("a")], Some(false)),
            (vec![open("a")], vec![open("b")], Some(true)),
        ] {
            assert_eq!(differs(&old, &new), expected, "{old:?} {new:?}");
        }
    }
}
