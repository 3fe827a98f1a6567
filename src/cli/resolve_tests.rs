//! Tables of command lines and what they come to.

use std::ffi::OsString;

use super::{Request, Surroundings, User, resolve};
use crate::cli::args::{Placement, parse};
use crate::cli::display::{Display, Header, Progress, Sink, Volume};
use crate::cli::info::Flag;
use crate::cli::names::{High, Reader};
use crate::cli::numbers::Numbers;
use crate::cli::problem::Problem;
use crate::error::Class;
use crate::extras::names::OwnNames;
use crate::model::change::Attrs;
use crate::model::checksum::Algorithm;
use crate::model::guise::Guise;
use crate::report::observer::Detail;
use crate::settings::content::{Content, Room, Updating, Zeros};
use crate::settings::deletion::{Extraneous, FullDirs};
use crate::settings::links::{DestDirLinks, HardLinks, SourceLinks};
use crate::settings::preserve::{Executability, Guises, OmitTimes};
use crate::settings::{
    Durability, Effect, Evidence, Existing, Jobs, Kinds, Missing, Mounts, Parents, Recursion,
    Settings, Verify, Window,
};

fn ask(line: &str, user: User, reader: Reader) -> Result<Request, Problem> {
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let args = parse(&words, Placement::Anywhere)?;
    resolve(&args, Surroundings { user, reader, high: High::Utf8 })
}

fn run(line: &str) -> (Settings, Display) {
    run_as(line, User::Root, Reader::Program)
}

fn run_as(line: &str, user: User, reader: Reader) -> (Settings, Display) {
    match ask(&format!("{line} s d"), user, reader) {
        Ok(Request::Run(run)) => (run.settings, run.display),
        other => panic!("{line}: {other:?}"),
    }
}

fn problem(line: &str) -> Problem {
    ask(&format!("{line} s d"), User::Root, Reader::Program).unwrap_err()
}

/// The preserved attributes and kinds, as letters.
fn preserved(line: &str, user: User) -> String {
    let (settings, _) = run_as(line, user, Reader::Program);
    let mut letters = String::new();
    if settings.select.recursion == Recursion::Full {
        letters.push('r');
    }
    let kinds = settings.select.kinds;
    let attrs = settings.preserve.attrs;
    for (is_on, letter) in [
        (kinds.contains(Kinds::SYMLINKS), 'l'),
        (attrs.contains(Attrs::MODE), 'p'),
        (attrs.contains(Attrs::MTIME), 't'),
        (attrs.contains(Attrs::GROUP), 'g'),
        (attrs.contains(Attrs::OWNER), 'o'),
        (kinds.contains(Kinds::DEVICES), 'D'),
        (kinds.contains(Kinds::SPECIALS), 'S'),
    ] {
        if is_on {
            letters.push(letter);
        }
    }
    letters
}

#[test]
fn of_contradicting_words_the_last_one_wins() {
    for (line, expected) in [
        ("", ""),
        ("-a", "rlptgoDS"),
        ("-a --no-o", "rlptgDS"),
        ("--no-o -a", "rlptgoDS"),
        ("--no-p -a --no-t", "rlpgoDS"),
        ("-a --no-r", "lptgoDS"),
        ("-a --no-D", "rlptgo"),
        ("-a --no-D --specials", "rlptgoS"),
        ("-D --no-devices", "S"),
        ("-rt --no-times -t", "rt"),
        ("-a --no-l --no-g --no-owner --no-perms", "rtDS"),
        ("-rlptgoD", "rlptgoDS"),
    ] {
        assert_eq!(preserved(line, User::Root), expected, "{line}");
    }
}

#[test]
fn only_root_gives_files_away_and_makes_devices() {
    assert_eq!(preserved("-a", User::Other), "rlptgS");
    assert_eq!(preserved("-o --devices", User::Other), "");
}

#[test]
fn depth_and_mounts() {
    for (line, recursion) in [
        ("", Recursion::None),
        ("-d", Recursion::OneLevel),
        ("-d -r", Recursion::Full),
        ("-r --no-d", Recursion::Full),
        ("-r --no-r -d", Recursion::OneLevel),
        ("-a --no-r", Recursion::None),
    ] {
        assert_eq!(run(line).0.select.recursion, recursion, "{line}");
    }
    for (line, mounts) in [
        ("-a", Mounts::Cross),
        ("-ax", Mounts::Empty),
        ("-axx", Mounts::Skip),
        ("-axx --no-x -x", Mounts::Empty),
    ] {
        assert_eq!(run(line).0.select.mounts, mounts, "{line}");
    }
}

#[test]
fn modes_times_and_links() {
    let preserve = |line| run(line).0.preserve;
    assert_eq!(preserve("-rE").executability, Executability::Follow);
    assert_eq!(preserve("-rpE").executability, Executability::Ignore);
    assert_eq!(preserve("-aOJ").omit_times, OmitTimes::DIRS | OmitTimes::LINKS);
    assert_eq!(preserve("-aOJ --no-O").omit_times, OmitTimes::LINKS);
    let links = |line| run(line).0.links;
    assert_eq!(links("-a").source, SourceLinks::AsLinks);
    assert_eq!(links("-ak").source, SourceLinks::FollowToDirs);
    assert_eq!(links("-aLk").source, SourceLinks::Follow);
    assert_eq!(links("-aK").dest_dirs, DestDirLinks::Keep);
    assert_eq!(links("-a").hard, HardLinks::Apart);
    assert_eq!(links("-aH").hard, HardLinks::Together);
    assert_eq!(links("-aH --no-H").hard, HardLinks::Apart);
    assert_eq!(run("-a --mkpath").0.roots.parents, Parents::Make);
    assert_eq!(run("-a --mkpath --no-mkpath").0.roots.parents, Parents::MustExist);
}

#[test]
fn evidence_goes_by_rank_not_by_order() {
    for (line, evidence) in [
        ("-a", Evidence::SizeAndTime),
        ("-aI", Evidence::Never),
        ("-aI --size-only", Evidence::Size),
        ("-a --size-only -c", Evidence::Digest(Algorithm::Blake3)),
        ("-ac --no-c", Evidence::SizeAndTime),
        ("-acI --cc=md5,xxh3", Evidence::Digest(Algorithm::Xxh3)),
        ("-ac --cc=BLAKE3", Evidence::Digest(Algorithm::Blake3)),
        ("-ac --cc=xxhash", Evidence::Digest(Algorithm::Xxh64)),
    ] {
        assert_eq!(run(line).0.evidence, evidence, "{line}");
    }
}

#[test]
fn what_is_updated() {
    for (line, existing, missing) in [
        ("-a", Existing::Update, Missing::Create),
        ("-au", Existing::KeepNewer, Missing::Create),
        ("-au --ignore-existing", Existing::KeepAll, Missing::Create),
        ("-au --existing", Existing::KeepNewer, Missing::Skip),
        ("-a --ignore-non-existing", Existing::Update, Missing::Skip),
    ] {
        let update = run(line).0.update;
        assert_eq!((update.existing, update.missing), (existing, missing), "{line}");
    }
    for (line, window) in [
        ("-a", Window::Seconds(0)),
        ("-a@2", Window::Seconds(2)),
        ("-a@2 --modify-window=-1", Window::Nanoseconds),
    ] {
        assert_eq!(run(line).0.update.window, window, "{line}");
    }
    let select = run("-a --max-size=2K --min-size=1.5KB --max-size=3K").0.select;
    assert_eq!((select.max_size, select.min_size), (Some(3072), Some(1500)));
}

#[test]
fn what_is_removed() {
    for (line, extraneous, limit, full_dirs) in [
        ("-a", Extraneous::Keep, None, FullDirs::Keep),
        ("-a --force", Extraneous::Keep, None, FullDirs::Remove),
        ("-a --force --no-force", Extraneous::Keep, None, FullDirs::Keep),
        ("-a --del", Extraneous::Remove, None, FullDirs::Remove),
        ("-d --delete --max-delete=7", Extraneous::Remove, Some(7), FullDirs::Remove),
        ("-a --delete-during --max-delete=-1", Extraneous::Remove, Some(0), FullDirs::Remove),
    ] {
        let delete = run(line).0.delete;
        let seen = (delete.extraneous, delete.limit, delete.full_dirs);
        assert_eq!(seen, (extraneous, limit, full_dirs), "{line}");
    }
}

#[test]
fn effect_and_verification() {
    for (line, effect, verify) in [
        ("-a", Effect::Sync, Verify::All),
        ("-an", Effect::DryRun, Verify::All),
        ("-a --size-only", Effect::Sync, Verify::Transferred),
        ("-a --size-only -c", Effect::Sync, Verify::All),
        ("-a --size-only --verify=all", Effect::Sync, Verify::All),
        ("-a --verify=none --verify=metadata", Effect::Sync, Verify::Metadata),
        ("-a --verify none", Effect::Sync, Verify::None),
        ("-an --verify-only", Effect::VerifyOnly, Verify::All),
        ("-a --verify-only --size-only", Effect::VerifyOnly, Verify::All),
        ("-a --verify-only --delete", Effect::VerifyOnly, Verify::All),
    ] {
        let settings = run(line).0;
        assert_eq!((settings.effect, settings.verify), (effect, verify), "{line}");
    }
    assert_eq!(run("-a").0.effort.jobs, Jobs::Auto);
    assert_eq!(run("-aj3").0.effort.jobs, Jobs::Fixed(3.try_into().unwrap()));
    assert_eq!(run("-aj3 --jobs=auto").0.effort.jobs, Jobs::Auto);
    assert_eq!(run("-a --fsync").0.effort.durability, Durability::FsyncFiles);
}

#[test]
fn lists_attributes_and_what_stands_for_others() {
    let bits = Attrs::ACLS | Attrs::XATTRS | Attrs::MODE;
    for (line, expected) in [
        ("-A", Attrs::ACLS | Attrs::MODE),
        ("-A --no-p", Attrs::ACLS),
        ("--no-p -A --no-A", Attrs::MODE),
        ("-XX --no-X", Attrs::empty()),
        ("-AX", bits),
    ] {
        assert_eq!(run(line).0.preserve.attrs & bits, expected, "{line}");
    }
    let own = |line| run(line).0.preserve.own_xattrs;
    assert_eq!([own("-X"), own("-XX")], [OwnNames::LeaveOut, OwnNames::Copy]);
    assert_eq!(own("-XX --no-X -X"), OwnNames::LeaveOut);
    for (line, source, dest, reaches) in [
        ("-a", Guise::Real, Guise::Real, false),
        ("-a --fake-super", Guise::Fake, Guise::Fake, true),
        ("-a --fake-super --no-super", Guise::Real, Guise::Real, false),
        ("-a --no-super --fake-super", Guise::Fake, Guise::Fake, true),
        ("-a -M--fake-super", Guise::Real, Guise::Fake, true),
        ("-a --fake-super -M--super", Guise::Fake, Guise::Real, true),
        ("-a --fake-super -M--no-super", Guise::Fake, Guise::Real, false),
        ("-a -M--super -M--fake-super", Guise::Real, Guise::Fake, true),
    ] {
        let (settings, _) = run_as(line, User::Other, Reader::Program);
        assert_eq!(settings.preserve.guises, Guises { source, dest }, "{line}");
        // What is only written down anybody may write down.
        let keeps = settings.preserve.attrs.contains(Attrs::OWNER);
        let makes = settings.select.kinds.contains(Kinds::DEVICES);
        assert_eq!([keeps, makes], [reaches; 2], "{line}");
    }
}

#[test]
fn what_does_not_go_together() {
    for (line, class, text) in [
        ("-XX --fake-super", Class::Usage, "--fake-super"),
        ("-XX -M--fake-super", Class::Usage, "--fake-super"),
        ("-Mfoo", Class::Usage, "--remote-option"),
        ("-M--log-file=x", Class::Unsupported, "--remote-option=--log-file=x"),
        ("--delete", Class::Usage, "--delete does not work without"),
        ("-a --no-r --del", Class::Usage, "--delete does not work without"),
        ("-a --verify-only --verify=none", Class::Usage, "--verify-only transfers nothing"),
        ("-a --verify=some", Class::Usage, "--verify=some"),
        ("-aj0", Class::Usage, "--jobs=0"),
        ("-a --max-size=x", Class::Usage, "--max-size=x is invalid"),
        ("-a --max-delete=x", Class::Usage, "--max-delete=x: invalid numeric value"),
        ("-a -B 129K", Class::Usage, "--block-size=129K is too large"),
        ("-a --max-alloc=1K", Class::Usage, "--max-alloc=1K is too small"),
        ("-a --zc=foo", Class::Unsupported, "--compress-choice=foo"),
        ("-a --protocol=33", Class::Protocol, "--protocol=33"),
        ("-a --outbuf=q", Class::Usage, "--outbuf=q"),
        ("-a --stderr=ALL", Class::Usage, "--stderr=ALL"),
        ("-aT /no/such/dir", Class::Usage, "--temp-dir=/no/such/dir"),
        ("-a --write-devices", Class::Unsupported, "--write-devices is not supported yet"),
        ("-a --append -W", Class::Usage, "--append writes a part of a file"),
        ("-ac --cc=md5,none", Class::Unsupported, "--checksum compares checksums"),
        ("-a --partial-dir=x", Class::Usage, "--partial-dir is not possible"),
        ("-a --generate=x", Class::Usage, "--generate"),
    ] {
        let seen = problem(line);
        assert_eq!(seen.class, class, "{line}");
        assert!(seen.text.starts_with(text) || seen.text.contains(text), "{line}: {}", seen.text);
    }
}

#[test]
fn help_is_h_alone() {
    let asks = |line| ask(line, User::Root, Reader::Program);
    for line in ["-h", "-hh", "-vh", "--human-readable", "--help", "-a --help s d"] {
        assert!(matches!(asks(line), Ok(Request::Help)), "{line}");
    }
    for line in ["", "-v", "--no-h", "-h -h", "-a -h"] {
        assert!(matches!(asks(line), Ok(Request::Usage)), "{line}");
    }
    assert!(matches!(asks("-h s d"), Ok(Request::Run(_))));
    assert!(matches!(asks("-aV s d"), Ok(Request::Version)));
    assert!(matches!(asks("--info=help"), Ok(Request::Text(_))));
    assert!(matches!(asks("--generate=man"), Ok(Request::ManualPage)));
}

#[test]
fn numbers_and_volume() {
    for (line, numbers) in [
        ("-a", Numbers::Commas),
        ("-ah", Numbers::Thousands),
        ("-ahh", Numbers::Binary),
        ("-ahhhh", Numbers::Binary),
        ("-ah --no-h", Numbers::Plain),
        ("--no-h -ah", Numbers::Commas),
    ] {
        assert_eq!(run(line).1.numbers, numbers, "{line}");
    }
    let quiet = run("-avviq --stats --progress").1;
    assert_eq!((quiet.volume, quiet.verbosity, quiet.itemize), (Volume::Quiet, 0, 0));
    assert_eq!((quiet.levels.of(Flag::Stats), quiet.detail()), (0, Detail::Notices));
    assert_eq!(run("-a --stderr=a").1.sink, Sink::Stderr);
    assert_eq!(run("-a --msgs2stderr --stderr=errors").1.sink, Sink::Stdout);
    assert_eq!(run("-a8").1.escape.high, High::Raw);
}

#[test]
fn details_are_asked_for_only_where_they_are_told() {
    for (line, detail) in [
        ("-a", Detail::Notices),
        ("-a --stats", Detail::Notices),
        ("-av", Detail::Changes),
        ("-ai", Detail::Changes),
        ("-aii", Detail::All),
        ("-avv", Detail::Reasons),
        ("-avv --info=name0", Detail::Reasons),
        ("-a --info=name2", Detail::All),
        ("-a --info=remove", Detail::All),
        ("-a --info=mount", Detail::All),
        ("-a --info=backup", Detail::All),
        ("-a --info=del", Detail::Changes),
        ("-a --info=progress2", Detail::All),
        ("-a --verify-only", Detail::Changes),
    ] {
        assert_eq!(run(line).1.detail(), detail, "{line}");
    }
    let bars = run_as("-aP", User::Root, Reader::Terminal).1;
    assert_eq!((bars.progress(), bars.detail()), (Progress::Bars, Detail::Changes));
}

#[test]
fn progress_and_the_header() {
    for (line, progress) in [
        ("-av", Progress::None),
        ("-a --progress", Progress::Files),
        ("-aP --no-progress", Progress::None),
        ("-aP --info=progress2", Progress::Whole),
        ("-aP --info=progress0", Progress::None),
    ] {
        assert_eq!(run(line).1.progress(), progress, "{line}");
    }
    for (line, header) in [
        ("-v", Header::None),
        ("-vd", Header::Full),
        ("-vr", Header::Incremental),
        ("-vr --no-i-r", Header::Full),
        ("-vr --no-i-r --i-r", Header::Incremental),
        ("-vr --verify-only", Header::None),
    ] {
        assert_eq!(run(line).1.header, header, "{line}");
    }
}

#[test]
fn how_bytes_are_written() {
    let content = |line: &str| run(&format!("{line} s d")).0.content;
    let plain = Content::default();
    for (line, update) in [
        ("-W --no-W", Updating::Differing),
        ("--no-W -W", Updating::Whole),
        ("--no-W --cc=none", Updating::Whole),
        ("--no-W --cc=md5,none", Updating::Differing),
        ("--append", Updating::Append),
        ("--append --append", Updating::Append),
        ("--append --append-verify", Updating::AppendChecked),
        ("--append-verify --append", Updating::Append),
        ("--append-verify --no-append", Updating::Whole),
        ("--no-W --append", Updating::Append),
        ("--append -W --no-W", Updating::Append),
    ] {
        assert_eq!(content(line), Content { update, ..plain }, "{line}");
    }
    assert_eq!(content("-S --preallocate").zeros, Zeros::Holes);
    assert_eq!(content("-S --preallocate").room, Room::Ahead);
    assert_eq!(content("-S --no-S"), plain);
}

#[test]
fn how_fast_and_how_long() {
    let effort = |line: &str| run(&format!("{line} s d")).0.effort;
    assert_eq!(effort("--bwlimit=2").bytes_per_second.unwrap().get(), 2048);
    assert_eq!(effort("--bwlimit=2 --no-bwlimit").bytes_per_second, None);
    assert_eq!(effort("--bwlimit=2 --bwlimit=0").bytes_per_second, None);
    assert_eq!(effort("").deadline, None);
    assert!(
        effort("--stop-at=2099-1-1 --time-limit=1").deadline < effort("--stop-after=2").deadline
    );
}
