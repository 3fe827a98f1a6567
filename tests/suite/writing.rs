//! How bytes are written: holes, parts of files, room made ahead, a pace. Counts of bytes come from the engine.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use filetime::{FileTime, set_file_mtime};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use rustix::process::{Pid, Signal, kill_process};

use twosync::act::content::{Pipe, Plan};
use twosync::act::perform::copy_stable;
use twosync::effort::Stop;
use twosync::error::Class;
use twosync::model::meta::{Meta, Stamp};
use twosync::settings::content::{Room, Updating, Zeros};
use twosync::settings::{Evidence, Settings, Verify};
use twosync::sys::permit::Permit;
use twosync::sys::stat;

use crate::engine::{archive, engine};
use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::holes::{allocated_bytes, data_ranges};
use crate::support::run::twosync;

const PAGE: u64 = 4096;

/// A part of a file.
#[derive(Clone, Debug)]
enum Part {
    Data(usize, u8),
    Zeros(usize),
    Hole(usize),
}

fn part() -> impl Strategy<Value = Part> {
    // Around pages and buffers.
    let length = || {
        prop_oneof![
            1..50_usize,
            4090..4100_usize,
            Just(4096_usize),
            8192..20_000_usize,
            (256 << 10) - 5..(256 << 10) + 5_usize,
        ]
    };
    prop_oneof![
        (length(), 1..=255_u8).prop_map(|(length, fill)| Part::Data(length, fill)),
        length().prop_map(Part::Zeros),
        length().prop_map(Part::Hole),
    ]
}

/// Writes a file of these parts; its bytes.
fn make(path: &Path, parts: &[Part], secs: i64) -> Vec<u8> {
    let file = File::create(path).expect("our own file");
    let mut bytes = Vec::new();
    for part in parts {
        let (length, value) = match part {
            Part::Data(length, value) => (*length, Some(*value)),
            Part::Zeros(length) => (*length, Some(0)),
            Part::Hole(length) => (*length, None),
        };
        let start = bytes.len();
        bytes.resize(start + length, value.unwrap_or(0));
        if value.is_some() {
            file.write_all_at(&bytes[start..], start as u64).expect("room");
        }
    }
    file.set_len(bytes.len() as u64).expect("our own file");
    set_file_mtime(path, FileTime::from_unix_time(secs, 0)).expect("our own file");
    bytes
}

/// How many bytes are in pages that are not all zero.
fn bytes_in_full_pages(bytes: &[u8]) -> u64 {
    let pages = bytes.chunks(4096).filter(|page| page.iter().any(|byte| *byte != 0));
    pages.count() as u64 * PAGE
}

fn data_bytes(path: &Path) -> u64 {
    data_ranges(path).iter().map(|(start, end)| end - start).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sparse_files_have_their_bytes_and_no_room_for_zeros(
        ours in vec(part(), 0..12),
        theirs in vec(part(), 0..12),
        is_new in any::<bool>(),
        differing in any::<bool>(),
        ahead in any::<bool>(),
    ) {
        let arena = Arena::with("s dir\nd dir\n");
        let (source, dest) = (arena.path("s"), arena.path("d"));
        let bytes = make(&source.join("a"), &ours, 1_000_000_000);
        if !is_new {
            make(&dest.join("a"), &theirs, 1_000_000_001);
        }
        let mut settings = archive(&source, &dest);
        settings.content.zeros = Zeros::Holes;
        settings.content.update = if differing { Updating::Differing } else { Updating::Whole };
        settings.content.room = if ahead { Room::Ahead } else { Room::AsNeeded };
        let told = engine(&settings);
        assert_eq!(told.report.worst, None, "{:?}", told.faults);
        let written = dest.join("a");
        assert_eq!(fs::read(&written).expect("our own file"), bytes);
        assert_eq!(told.report.findings.differences(), 0, "phase one left nothing to repair");
        // Every page that is no zero has its block, and no other has.
        assert_eq!(data_bytes(&written).next_multiple_of(PAGE), bytes_in_full_pages(&bytes));
        // A file system may have blocks for its own ends.
        assert!(allocated_bytes(&written) <= bytes_in_full_pages(&bytes) + 4 * PAGE);
    }
}

/// `-a source/ dest`, written in this way.
fn updating(arena: &Arena, update: Updating) -> Settings {
    let mut settings = archive(&arena.path("s"), &arena.path("d"));
    settings.content.update = update;
    settings
}

#[test]
fn only_pages_that_differ_are_written_and_all_others_are_matched() {
    let arena = Arena::with(
        "s/a file size=300000 seed=5\nd/a file size=300000 seed=5 hole=150000+1 mtime=@5\n",
    );
    let told = engine(&updating(&arena, Updating::Differing));
    assert_eq!(told.report.copy.written_bytes, PAGE);
    assert_eq!(told.report.copy.matched_bytes, 300_000 - PAGE);
    assert_eq!(told.report.copy.dest_read_bytes, 300_000);
    assert_eq!(told.report.findings.differences(), 0);
    assert_eq!(arena.differences("s/a", "d/a"), [""; 0]);
}

#[test]
fn only_pages_of_large_files_that_differ_are_written() {
    let arena = Arena::with(
        "s/a file size=25000000 seed=5\nd/a file size=20000000 seed=5 hole=9000000+100 mtime=@5\n",
    );
    let told = engine(&updating(&arena, Updating::Differing));
    // The page of the old end differs, too, and all from there on is new.
    let old_pages = 20_000_000 / PAGE * PAGE;
    assert_eq!(told.report.copy.written_bytes, PAGE + 25_000_000 - old_pages);
    assert_eq!(told.report.findings.differences(), 0);
    assert_eq!(arena.differences("s/a", "d/a"), [""; 0]);
}

#[test]
fn whole_files_are_written_as_a_whole_unless_somebody_asks() {
    let arena = Arena::with("s/a file size=300000\nd/a file size=300000 mtime=@5\n");
    let told = engine(&updating(&arena, Updating::Whole));
    assert_eq!(told.report.copy.written_bytes, 300_000);
    assert_eq!((told.report.copy.matched_bytes, told.report.copy.dest_read_bytes), (0, 0));
}

#[test]
fn append_writes_only_what_is_missing_and_phase_two_reads_all() {
    let arena = Arena::with("s/a file size=300000 seed=5\nd/a file size=200001 seed=5 mtime=@5\n");
    let told = engine(&updating(&arena, Updating::Append));
    assert_eq!(told.report.copy.written_bytes, 99_999);
    assert_eq!(told.report.copy.dest_read_bytes, 0);
    assert_eq!(told.report.verify.map(|verify| verify.dest_read_bytes), Some(300_000));
    assert_eq!(arena.differences("s/a", "d/a"), [""; 0]);
}

#[test]
fn an_old_part_that_is_wrong_is_repaired_by_phase_two_and_by_append_verify_at_once() {
    let text = "s/a file size=300000 seed=5\nd/a file size=200000 seed=5 hole=50000+100 mtime=@5\n";
    for (update, [first, second]) in [
        (Updating::Append, [100_000, PAGE]),
        // From the page of the old end on.
        (Updating::AppendChecked, [PAGE + 300_000 - 200_000 / PAGE * PAGE, 0]),
    ] {
        let arena = Arena::with(text);
        let told = engine(&updating(&arena, update));
        let repaired = told.report.verify.map(|verify| verify.written_bytes).unwrap_or_default();
        // The byte that a repair under --append leaves away until the end costs a page of its own.
        let last = if second > 0 { 300_000 % PAGE } else { 0 };
        assert_eq!(told.report.copy.written_bytes, first);
        assert_eq!(repaired, second + last);
        assert_eq!(told.report.worst, None);
        assert_eq!(arena.differences("s/a", "d/a"), [""; 0]);
    }
}

#[test]
fn append_leaves_alone_in_both_phases_what_is_not_shorter() {
    for evidence in
        [Evidence::SizeAndTime, Evidence::Digest(twosync::model::checksum::Algorithm::Md5)]
    {
        let arena = Arena::with(
            "s/a file \"text\"\nd/a file 0600 \"TEXT\" mtime=@5\ns/b file \"x\"\nd/b file \"longer\" mtime=@5\n",
        );
        let before = arena.change_times("d/a");
        let mut settings = updating(&arena, Updating::Append);
        settings.evidence = evidence;
        let told = engine(&settings);
        assert_eq!((told.written_bytes(), told.report.worst), (0, None));
        assert_eq!(told.report.findings.differences(), 0);
        assert_eq!(arena.change_times("d/a"), before);
    }
}

/// Makes a file of zeros that ends in `last`; and `d/large`, which has the first megabyte of it.
fn make_growing(arena: &Arena, bytes: u64, last: u8) {
    fs::create_dir(arena.path("s")).expect("an empty place");
    fs::create_dir(arena.path("d")).expect("an empty place");
    let file = File::create(arena.path("s/large")).expect("a file");
    file.write_all_at(&[last], bytes - 1).expect("holes cost nothing");
    let there = File::create(arena.path("d/large")).expect("a file");
    there.set_len(1 << 20).expect("our own file");
    set_file_mtime(arena.path("d/large"), FileTime::from_unix_time(5, 0)).expect("our own file");
}

const GROWN: u64 = 512 << 20;

/// A run that appends to `d/large` and has begun.
fn begun_to_append(arena: &Arena) -> Child {
    let mut command = Command::new(twosync());
    command.args(["-a", "--append", "s/", "d"]).current_dir(arena.top());
    command.stderr(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().expect("our own program");
    let length = || fs::metadata(arena.path("d/large")).expect("it stays").len();
    while length() == 1 << 20 {
        assert!(child.try_wait().expect("our child").is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_file_that_a_signal_stops_growing_is_shorter_and_the_next_append_goes_on() {
    for signal in [Signal::TERM, Signal::KILL] {
        let arena = Arena::new();
        make_growing(&arena, GROWN, 7);
        let mut child = begun_to_append(&arena);
        kill_process(Pid::from_child(&child), signal).expect("our own child");
        let code = child.wait().expect("our own child").code();
        assert_eq!(code, if signal == Signal::TERM { Some(20) } else { None });
        let torn = fs::metadata(arena.path("d/large")).expect("it stays").len();
        assert!(torn < GROWN, "{torn}");
        let told = engine(&updating(&arena, Updating::Append));
        assert_eq!(told.report.copy.written_bytes, GROWN - torn, "{signal:?}");
        assert_eq!(told.report.worst, None);
        assert_eq!(arena.differences("s/large", "d/large"), [""; 0]);
    }
}

#[test]
fn room_is_made_ahead_and_only_for_what_is_written() {
    let arena =
        Arena::with("s/a file size=300000\ns/empty file \"\"\nd/a file size=500000 mtime=@5\n");
    let mut settings = updating(&arena, Updating::Whole);
    settings.content.room = Room::Ahead;
    let told = engine(&settings);
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    assert!(allocated_bytes(&arena.path("d/a")) <= 300_000 + 4 * PAGE);
}

#[test]
fn zeros_that_replace_what_an_earlier_attempt_wrote_are_zeros() {
    let arena = Arena::with("s file size=300000 hole=0+300000\nd file size=300000\n");
    let source = File::open(arena.path("s")).expect("our own file");
    let dest = File::options().read(true).write(true).open(arena.path("d")).expect("our own file");
    let now = stat::handle(&source).expect("it is open");
    // The source seems to have changed while it was read, so that all is done once more; the first
    // time the destination's bytes are thought to be holes.
    let before = Meta { mtime: Stamp { secs: 1, nanos: 0 }, ..now };
    let plan = Plan { zeros: Zeros::Holes, ..Plan::NEW };
    let stop = Stop::default();
    let pipe = Pipe { source: &source, dest: &dest, plan, stop: &stop };
    let copied = copy_stable(&Permit::grant(), &pipe, &before, 0).expect("it stands still now");
    assert_eq!(copied.moved.source_read_bytes, 600_000);
    assert_eq!(fs::read(arena.path("d")).expect("our own file"), vec![0; 300_000]);
}

#[test]
fn an_old_file_is_as_it_was_where_there_is_no_room_for_the_new_one() {
    if !is_root_or_skipped("mounting a file system") {
        return;
    }
    let arena = Arena::with("s/a file size=2000000\nd dir\n");
    let output = arena.in_own_mounts(
        "mount -t tmpfs -o size=1M none d && echo old > d/a && touch -d @5 d/a && \
         \"$TWOSYNC\" -a --preallocate s/ d; code=$?; cat d/a; stat -c %Y d/a; exit $code",
    );
    assert_eq!(output.code, 11, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"old\n5\n");
}

#[test]
fn no_room_ahead_is_told_before_anything_is_written() {
    if !is_root_or_skipped("mounting a file system") {
        return;
    }
    let arena = Arena::with("s/a file size=2000000\nd dir\n");
    let output = arena.in_own_mounts(
        "mount -t tmpfs -o size=1M none d && \"$TWOSYNC\" -a --preallocate s/ d; code=$?; \
         stat -c %b d/a; exit $code",
    );
    assert_eq!(output.code, 11, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"0\n");
}

#[test]
fn a_run_whose_time_is_up_stops_and_says_so() {
    let arena = Arena::with("s/a file size=300000\n");
    let mut settings = updating(&arena, Updating::Whole);
    settings.effort.deadline = Some(Instant::now());
    let told = engine(&settings);
    assert_eq!(told.report.worst.map(Class::exit_code), Some(30));
    assert_eq!((told.written_bytes(), told.report.verify), (0, None));
}

#[test]
fn a_run_that_waits_for_its_turn_stops_when_its_time_is_up_and_leaves_a_torn_file() {
    let arena = Arena::with("s/a file size=300000\n");
    let mut settings = updating(&arena, Updating::Whole);
    settings.verify = Verify::None;
    // The first bytes go after five minutes.
    settings.effort.bytes_per_second = std::num::NonZeroU64::new(10);
    settings.effort.deadline = Some(Instant::now() + Duration::from_millis(20));
    let told = engine(&settings);
    assert_eq!(told.report.worst.map(Class::exit_code), Some(30));
    assert!(told.written_bytes() < 300_000);
    let torn = fs::metadata(arena.path("d/a"));
    assert!(torn.is_err() || torn.is_ok_and(|meta| meta.len() < 300_000));
    settings.effort.bytes_per_second = None;
    settings.effort.deadline = None;
    assert_eq!(engine(&settings).report.worst, None);
    assert_eq!(arena.differences("s/a", "d/a"), [""; 0]);
}

#[test]
fn a_pace_changes_nothing_of_what_arrives() {
    let arena = Arena::with(
        "s/a file size=300000\ns/b file size=17000000 seed=2\nd/a file size=300000 seed=4 mtime=@5\n",
    );
    let mut settings = updating(&arena, Updating::Differing);
    // Steps of a tenth of a buffer, at a rate that nobody waits for.
    settings.effort.bytes_per_second = std::num::NonZeroU64::new(1 << 40);
    let told = engine(&settings);
    assert_eq!(told.report.worst, None, "{:?}", told.faults);
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn what_a_block_device_holds_is_copied_and_verified() {
    if !is_root_or_skipped("a loop device") {
        return;
    }
    let arena = Arena::with("s dir\nimage file size=20000768 seed=3\n");
    let script = "device=$(losetup -f --show image) || exit 99; trap 'losetup -d $device' EXIT
        cp -a $device s/disk && \"$TWOSYNC\" -av --copy-devices s/ d || exit $?
        cmp image d/disk && stat -c %F d/disk && \"$TWOSYNC\" -ai --copy-devices s/ d";
    let output = arena.in_own_mounts(script);
    // A container may have no loop devices.
    if output.code == 99 {
        return;
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.code, 0, "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("verified 2 entries: 20,000,768 bytes read back"), "{said}");
    assert!(said.ends_with("regular file\n"), "the second run does nothing: {said}");
}

#[test]
fn a_device_that_was_copied_as_a_file_is_removed_like_one() {
    if !is_root_or_skipped("a device node") {
        return;
    }
    let arena = Arena::with("s/null char 1:3\nd dir\n");
    let args = ["-a", "--copy-devices", "--remove-source-files", "s/", "d"];
    arena.twosync(&args).expect_code(0);
    assert!(!arena.path("s/null").exists());
    assert!(fs::metadata(arena.path("d/null")).expect("it arrived").is_file());
}
