//! Every option that is known: rsync 3.5.0's, and our own. Data only.

use crate::cli::options::Group::{
    Decision, Deletion, Effort, Output, Preservation, Selection, Verification, Writing,
};
use crate::cli::options::{Check, Counter, Meaning, Row, RuleOption, Sense, Setting, Switches};
use crate::error::Class;

const fn on(name: &'static str, switches: Switches) -> Row {
    Row::new(name, Meaning::Switch(switches, Sense::On))
}

const fn off(name: &'static str, switches: Switches) -> Row {
    Row::new(name, Meaning::Switch(switches, Sense::Off))
}

const fn more(name: &'static str, counter: Counter) -> Row {
    Row::new(name, Meaning::Count(counter, Sense::On))
}

const fn none(name: &'static str, counter: Counter) -> Row {
    Row::new(name, Meaning::Count(counter, Sense::Off))
}

const fn set(name: &'static str, setting: Setting, argument: &'static str) -> Row {
    Row::new(name, Meaning::Set(setting)).takes(argument)
}

const fn accepted(name: &'static str) -> Row {
    Row::new(name, Meaning::Accepted(Check::Anything))
}

const fn checked(name: &'static str, check: Check, argument: &'static str) -> Row {
    Row::new(name, Meaning::Accepted(check)).takes(argument)
}

const fn rule(name: &'static str, option: RuleOption) -> Row {
    Row::new(name, Meaning::Rule(option))
}

const fn later(name: &'static str, meanwhile: &'static str) -> Row {
    Row::new(name, Meaning::Later(meanwhile))
}

const fn refused(name: &'static str, class: Class, why: &'static str) -> Row {
    Row::new(name, Meaning::Refused(class, why))
}

const RSYNC_LEG: &str = "use rsync for that";
const DAEMON: &str = "it belongs to rsync's daemon, and twosync copies between local paths only";

/// All options.
pub const OPTIONS: &[Row] = &[
    // What to copy.
    on("archive", Switches::ARCHIVE).letter('a').help(Selection, "Same as -rlptgoD: the tree with its links, modes, times, groups, owners, devices and specials"),
    on("recursive", Switches::RECURSIVE).letter('r').help(Selection, "Copy directories with all that is in them"),
    off("no-recursive", Switches::RECURSIVE.union(Switches::DEEP)).also(&["no-r"]),
    on("dirs", Switches::DIRS).letter('d').help(Selection, "Copy directories without what is in them (DIR/ and . give one level)"),
    on("no-dirs", Switches::NO_DIRS).also(&["no-d"]),
    on("old-dirs", Switches::OLD_DIRS).also(&["old-d"]).help(Selection, "Copy one level: -r with --exclude='/*/*' behind all other rules"),
    on("relative", Switches::RELATIVE).letter('R').help(Selection, "Keep the paths of the sources below the destination (from a /./ in them on), with the directories on the way"),
    on("no-relative", Switches::NO_RELATIVE).also(&["no-R"]),
    off("implied-dirs", Switches::BARE_PARENTS).also(&["i-d"]),
    on("no-implied-dirs", Switches::BARE_PARENTS).also(&["no-i-d"]).help(Selection, "With --relative: directories on the way get no attributes"),
    set("files-from", Setting::FilesFrom, "FILE").help(Selection, "Copy what FILE names below the only source, a path a line (- is standard input); implies -R and -d, not -r"),
    on("links", Switches::LINKS).letter('l').help(Selection, "Copy symlinks as symlinks"),
    off("no-links", Switches::LINKS).also(&["no-l"]),
    on("copy-links", Switches::COPY_LINKS).letter('L').help(Selection, "Copy what symlinks point to"),
    on("copy-dirlinks", Switches::COPY_DIRLINKS).letter('k').help(Selection, "Take a symlink to a directory for the directory"),
    on("copy-unsafe-links", Switches::COPY_UNSAFE_LINKS).help(Selection, "Copy what symlinks point to that lead out of the tree"),
    on("safe-links", Switches::SAFE_LINKS).help(Selection, "Leave out symlinks that lead out of the tree"),
    on("munge-links", Switches::MUNGE_LINKS).help(Selection, "Take rsync's mark /rsyncd-munged/ off the targets of symlinks"),
    off("no-munge-links", Switches::MUNGE_LINKS),
    on("keep-dirlinks", Switches::KEEP_DIRLINKS).letter('K').help(Selection, "Keep a destination's symlink to a directory where the source has a directory"),
    on("devices", Switches::DEVICES).help(Selection, "Copy device nodes (root only)"),
    off("no-devices", Switches::DEVICES),
    on("copy-devices", Switches::COPY_DEVICES).help(Selection, "Copy what can be read from devices, as regular files"),
    on("specials", Switches::SPECIALS).help(Selection, "Copy fifos and sockets"),
    off("no-specials", Switches::SPECIALS),
    on("D", Switches::NODES).letter('D').help(Selection, "Same as --devices --specials"),
    off("no-D", Switches::NODES),
    on("drop-D", Switches::DROP_NODES).help(Selection, "Make no device nodes, fifos and sockets"),
    off("no-drop-D", Switches::DROP_NODES),
    rule("filter", RuleOption::Filter).letter('f').takes("RULE").help(Selection, "Add a filter rule: + or - PATTERN, hide, show, protect, risk, merge, dir-merge, ..; the first rule that matches counts"),
    rule("exclude", RuleOption::Exclude).takes("PATTERN").help(Selection, "Leave out what matches PATTERN"),
    rule("include", RuleOption::Include).takes("PATTERN").help(Selection, "Do not leave out what matches PATTERN"),
    rule("exclude-from", RuleOption::ExcludeFrom).takes("FILE").help(Selection, "Leave out what matches a pattern of FILE"),
    rule("include-from", RuleOption::IncludeFrom).takes("FILE").help(Selection, "Do not leave out what matches a pattern of FILE"),
    rule("F", RuleOption::PerDir).letter('F').help(Selection, "Read .rsync-filter files in the directories; twice: and leave them out"),
    rule("cvs-exclude", RuleOption::Cvs).letter('C').help(Selection, "Leave out what CVS ignores, and what .cvsignore files say"),
    rule("from0", RuleOption::From0).letter('0').help(Selection, "Entries of the files named behind it end in NUL"),
    rule("no-from0", RuleOption::NoFrom0),
    on("prune-empty-dirs", Switches::PRUNE_EMPTY_DIRS).letter('m').help(Selection, "Leave out directories that hold nothing that is copied"),
    off("no-prune-empty-dirs", Switches::PRUNE_EMPTY_DIRS).also(&["no-m"]),
    more("one-file-system", Counter::OneFileSystem).letter('x').help(Selection, "Stay on the source's file system; mount points become empty directories, with -xx they are left out"),
    none("no-one-file-system", Counter::OneFileSystem).also(&["no-x"]),
    set("max-size", Setting::MaxSize, "SIZE").help(Selection, "Leave larger files out (1.5M, 2GB, 10K+1 ...)"),
    set("min-size", Setting::MinSize, "SIZE").help(Selection, "Leave smaller files out"),
    on("existing", Switches::EXISTING).also(&["ignore-non-existing"]).help(Selection, "Make nothing that the destination has not got"),
    on("ignore-existing", Switches::IGNORE_EXISTING).help(Selection, "Leave alone what the destination has"),
    rule("insecure-links", RuleOption::InsecureLinks).help(Selection, "Follow symlinks of other users in the paths of the destination, of --backup-dir, --link-dest and its kin, of rule files, and of --files-from and the names in it"),
    rule("no-insecure-links", RuleOption::NoInsecureLinks),
    set("confine-root", Setting::ConfineRoot, "DIR").help(Selection, "Names of --files-from, rule files of directories, --backup-dir, --link-dest and its kin must not lead out of DIR (absolute, without symlinks in it)"),
    on("mkpath", Switches::MKPATH).help(Selection, "Make all missing directories above the destination"),
    off("no-mkpath", Switches::MKPATH),
    // What to preserve.
    on("perms", Switches::PERMS).letter('p').help(Preservation, "Modes"),
    off("no-perms", Switches::PERMS).also(&["no-p"]),
    set("chmod", Setting::Chmod, "CHMOD").help(Preservation, "Change the source's modes on the way: octal or symbolic items between commas, D.. for directories, F.. for others"),
    on("executability", Switches::EXECUTABILITY).letter('E').help(Preservation, "Of the modes only whether a file is executable"),
    on("times", Switches::TIMES).letter('t').help(Preservation, "Modification times"),
    off("no-times", Switches::TIMES).also(&["no-t"]),
    more("atimes", Counter::Atimes).letter('U').help(Preservation, "Access times (of no directories), and the source keeps its own; twice: --open-noatime too"),
    none("no-atimes", Counter::Atimes).also(&["no-U"]),
    on("open-noatime", Switches::OPEN_NOATIME).help(Preservation, "Read files without changing their access times, where they are ours"),
    off("no-open-noatime", Switches::OPEN_NOATIME),
    on("omit-dir-times", Switches::OMIT_DIR_TIMES).letter('O').help(Preservation, "No times of directories"),
    off("no-omit-dir-times", Switches::OMIT_DIR_TIMES).also(&["no-O"]),
    on("omit-link-times", Switches::OMIT_LINK_TIMES).letter('J').help(Preservation, "No times of symlinks"),
    off("no-omit-link-times", Switches::OMIT_LINK_TIMES).also(&["no-J"]),
    on("owner", Switches::OWNER).letter('o').help(Preservation, "Owners (root only)"),
    off("no-owner", Switches::OWNER).also(&["no-o"]),
    on("group", Switches::GROUP).letter('g').help(Preservation, "Groups"),
    off("no-group", Switches::GROUP).also(&["no-g"]),
    on("hard-links", Switches::HARD_LINKS).letter('H').help(Preservation, "Which names are names of one file (hard links)"),
    off("no-hard-links", Switches::HARD_LINKS).also(&["no-H"]),
    on("numeric-ids", Switches::NUMERIC_IDS).help(Preservation, "Owners and groups by number, also in maps (between local paths names make no difference but there)"),
    off("no-numeric-ids", Switches::NUMERIC_IDS),
    set("usermap", Setting::UserMap, "LIST").help(Preservation, "Owners become others: FROM:TO between commas, FROM being a name, a pattern, a number, LOW-HIGH, or nothing for those without a name; implies -o"),
    set("groupmap", Setting::GroupMap, "LIST").help(Preservation, "The same for groups; implies -g"),
    set("chown", Setting::Chown, "USER:GROUP").help(Preservation, "All becomes USER's and GROUP's (one of both may be missing)"),
    on("super", Switches::SUPER).help(Preservation, "Try to set owners and groups and to make devices although we are not root"),
    on("no-super", Switches::NO_SUPER).help(Preservation, "Do not, although we are root"),
    set("copy-as", Setting::CopyAs, "USER[:GROUP]").help(Preservation, "Do all of it as USER (root only)"),
    set("remote-option", Setting::RemoteOption, "OPT").letter('M').help(Preservation, "An option for the writing half: of those that make a difference there, --fake-super, --super, --no-super, --drop-D, --chown, --usermap, --groupmap"),
    on("acls", Switches::ACLS.union(Switches::PERMS)).letter('A').help(Preservation, "Access control lists, and with them the modes"),
    off("no-acls", Switches::ACLS).also(&["no-A"]),
    more("xattrs", Counter::Xattrs).letter('X').help(Preservation, "Extended attributes: as root all but system.*, else user.*; filter rules with the modifier x choose others; twice: rsync's own, too"),
    none("no-xattrs", Counter::Xattrs).also(&["no-X"]),
    on("fake-super", Switches::FAKE_SUPER).help(Preservation, "Read and write owners, modes, devices, specials and ACLs as rsync's attributes user.rsync.%*, on both sides"),
    // Deciding.
    on("checksum", Switches::CHECKSUM).letter('c').help(Decision, "Decide by size and digest, not by size and time"),
    off("no-checksum", Switches::CHECKSUM).also(&["no-c"]),
    on("ignore-times", Switches::IGNORE_TIMES).letter('I').help(Decision, "Copy every file even if size and time agree"),
    on("size-only", Switches::SIZE_ONLY).help(Decision, "Decide by size alone"),
    set("checksum-choice", Setting::ChecksumChoice, "STR").also(&["cc"]).help(Decision, "Which digest --checksum compares and %C shows: blake3, xxh128, xxh3, xxh64, md5, md4, sha1, auto (BLAKE3, as in phase two) [default: auto]"),
    set("modify-window", Setting::ModifyWindow, "NUM").letter('@').help(Decision, "Times that differ by at most NUM seconds are equal; -1 compares nanoseconds [default: 0]"),
    on("update", Switches::UPDATE).letter('u').help(Decision, "Leave files alone that are newer in the destination"),
    set("compare-dest", Setting::CompareDest, "DIR").help(Decision, "Leave out what is missing in the destination and equal in DIR (several are possible)"),
    set("copy-dest", Setting::CopyDest, "DIR").help(Decision, "Itemize what is missing in the destination as compared with DIR"),
    set("link-dest", Setting::LinkDest, "DIR").help(Decision, "Make hard links to what is equal in DIR; they are never written through later"),
    // Keeping old data.
    on("backup", Switches::BACKUP).letter('b').help(Deletion, "Keep what is overwritten, replaced or deleted: as NAME~, or below --backup-dir"),
    off("no-backup", Switches::BACKUP),
    set("backup-dir", Setting::BackupDir, "DIR").help(Deletion, "Keep it below DIR, which is below the destination unless it is absolute (implies --backup)"),
    set("suffix", Setting::Suffix, "SUFFIX").help(Deletion, "What is put behind the names of what is kept [default: ~, with --backup-dir nothing]"),
    // Deleting.
    on("delete", Switches::DELETE).help(Deletion, "Remove what the source has not got, in the directories that are copied"),
    on("delete-before", Switches::DELETE.union(Switches::DELETE_BEFORE)).help(Deletion, "Remove it before anything is copied"),
    on("delete-during", Switches::DELETE.union(Switches::DELETE_DURING)).also(&["del"]).help(Deletion, "Remove it while the tree is walked (default)"),
    on("delete-delay", Switches::DELETE.union(Switches::DELETE_DELAY)).help(Deletion, "Find it while the tree is walked, remove it after phase one"),
    on("delete-after", Switches::DELETE.union(Switches::DELETE_AFTER)).help(Deletion, "Find and remove it after phase one"),
    on("delete-missing-args", Switches::DELETE_MISSING_ARGS).help(Deletion, "Remove the destination's name of a source operand that is not there"),
    on("ignore-missing-args", Switches::IGNORE_MISSING_ARGS).help(Deletion, "A source operand that is not there is no error"),
    on("ignore-errors", Switches::IGNORE_ERRORS).help(Deletion, "Delete also after something of the source could not be read (never in what could not be listed)"),
    off("no-ignore-errors", Switches::IGNORE_ERRORS),
    on("remove-source-files", Switches::REMOVE_SOURCE_FILES).help(Deletion, "Remove source files (no directories) once phase two has verified their copies"),
    on("remove-sent-files", Switches::REMOVE_SENT_FILES).help(Deletion, "The same, but only what this run has written"),
    on("delete-excluded", Switches::DELETE.union(Switches::DELETE_EXCLUDED)).help(Deletion, "Also delete what the filter rules leave out (protecting rules still protect)"),
    set("max-delete", Setting::MaxDelete, "NUM").help(Deletion, "Remove at most NUM entries"),
    on("force", Switches::FORCE).help(Deletion, "Let a directory give way to what is none even if it is not empty"),
    off("no-force", Switches::FORCE),
    // Writing.
    on("no-whole-file", Switches::NO_WHOLE_FILE).also(&["no-W"]).help(Writing, "Read files that are there first, and write only the pages that differ"),
    on("whole-file", Switches::WHOLE_FILE).letter('W').help(Writing, "Write all of every file that is sent (default)"),
    on("append", Switches::APPEND).help(Writing, "Write only what files are shorter than their source; leave others alone that differ"),
    on("append-verify", Switches::APPEND_VERIFY).help(Writing, "The same, and what differs in the old part"),
    off("no-append", Switches::APPEND.union(Switches::APPEND_VERIFY)),
    on("sparse", Switches::SPARSE).letter('S').help(Writing, "Make holes of pages of zeros"),
    off("no-sparse", Switches::SPARSE).also(&["no-S"]),
    on("preallocate", Switches::PREALLOCATE).help(Writing, "Allocate room for a file before it is written"),
    // Verifying.
    set("verify", Setting::Verify, "WHAT").help(Verification, "What phase two compares: all (every byte), transferred (the bytes of what this run wrote), metadata (sizes, times, attributes), none [default: all]"),
    on("verify-only", Switches::VERIFY_ONLY).help(Verification, "Copy nothing: compare, and say what differs (exit code 40 if anything does)"),
    set("read-back", Setting::ReadBack, "WHENCE").help(Verification, "Where phase two reads the destination: cache, storage (the device or server), auto (the server of a network mount, else the cache) [default: auto]"),
    set("source-digest", Setting::SourceDigest, "HOW").help(Verification, "Whether phase two goes by what phase one read of the source (reuse) or reads it once more (reread) [default: reuse]"),
    set("repair", Setting::Repair, "ROUNDS").help(Verification, "How often phase two writes again what differs; 0: it only tells [default: 1]"),
    set("ledger", Setting::Ledger, "FILE").help(Verification, "Remember in FILE what was verified, and do not read it again while neither side changes"),
    set("report", Setting::Report, "FILE").help(Verification, "Tell the run to FILE as JSON Lines, for programs"),
    set("manifest", Setting::Manifest, "FILE").help(Verification, "Write the digest of each verified file to FILE, for b3sum --check"),
    set("combined", Setting::Combined, "FILE").help(Verification, "Write to FILE what became of each entry: = equal, * different, + missing, - extra, ! failed (as rclone check does)"),
    set("failed-list", Setting::FailedList, "FILE").help(Verification, "Write to FILE the names of what is not as it should be, for --from0 --files-from"),
    set("against", Setting::Against, "FILE").help(Verification, "With --verify-only and DEST alone: compare DEST with a check file (b3sum, sha256sum and its kin, hashdeep, rclone), a BagIt bag, or standard input (-); or two check files with each other. FILE may be ALGORITHM:FILE"),
    // Output.
    more("verbose", Counter::Verbose).letter('v').help(Output, "Tell more; twice: also what is left as it is, and why"),
    none("no-verbose", Counter::Verbose).also(&["no-v"]),
    on("quiet", Switches::QUIET).letter('q').help(Output, "Tell errors only"),
    more("itemize-changes", Counter::Itemize).letter('i').help(Output, "One line of eleven columns for each change; twice: for each entry"),
    none("no-itemize-changes", Counter::Itemize).also(&["no-i"]),
    set("out-format", Setting::OutFormat, "FORMAT").also(&["log-format"]).help(Output, "What the line of an update looks like: %i columns, %n name, %L link, %l length, %C digest, %M time, .. (rsyncd.conf(5), log format)"),
    set("log-file", Setting::LogFile, "FILE").help(Output, "Write what is done to FILE as well, each line with time and process"),
    set("log-file-format", Setting::LogFileFormat, "FORMAT").help(Output, "What the line of an update looks like in the log [default: '%i %n%L']"),
    on("stats", Switches::STATS).help(Output, "Counts at the end"),
    on("progress", Switches::PROGRESS).help(Output, "Progress while it runs"),
    off("no-progress", Switches::PROGRESS),
    on("P", Switches::PROGRESS).letter('P').help(Output, "Same as --partial --progress"),
    set("info", Setting::Info, "FLAGS").help(Output, "What to tell, flag by flag (--info=help lists them; progress2 is the progress of the whole)"),
    on("list-only", Switches::LIST_ONLY).help(Output, "List the sources instead of copying them (so does a single operand)"),
    on("dry-run", Switches::DRY_RUN).letter('n').help(Output, "Change nothing, say what would be copied"),
    more("human-readable", Counter::Human).letter('h').help(Output, "Sizes in units of 1000, twice: of 1024 (alone: this help)"),
    none("no-human-readable", Counter::Human).also(&["no-h"]),
    on("8-bit-output", Switches::RAW_NAMES).letter('8').help(Output, "Leave high bytes of names as they are"),
    off("no-8-bit-output", Switches::RAW_NAMES).also(&["no-8"]),
    set("stderr", Setting::Stderr, "MODE").help(Output, "errors: only errors go to stderr; all: all output does [default: errors]"),
    on("msgs2stderr", Switches::ALL_TO_STDERR),
    off("no-msgs2stderr", Switches::ALL_TO_STDERR),
    set("debug", Setting::Debug, "FLAGS"),
    on("help", Switches::HELP).help(Output, "This help"),
    more("version", Counter::Version).letter('V').help(Output, "The version; twice: as JSON, with what this program can do"),
    set("generate", Setting::Generate, "WHAT"),
    // Effort.
    set("jobs", Setting::Jobs, "N").letter('j').help(Effort, "Workers: a number, or auto [default: auto]"),
    on("fsync", Switches::FSYNC).help(Effort, "Flush every file that was written, and the file system before phase two"),
    set("bwlimit", Setting::Bwlimit, "RATE").help(Effort, "Read at most RATE KiB of content a second (or with a suffix: 1.5M ...), all workers together, in both phases"),
    Row::new("no-bwlimit", Meaning::Set(Setting::NoBwlimit)),
    set("stop-after", Setting::StopAfter, "MINS").also(&["time-limit"]).help(Effort, "Stop after so many minutes (exit code 30)"),
    set("stop-at", Setting::StopAt, "TIME").help(Effort, "Stop at a time: [[YEAR-]MONTH-]DAY[THOUR:MINUTE], HOUR:MINUTE or :MINUTE"),
    // What makes no difference to a local copy in place.
    accepted("motd"),
    accepted("no-motd"),
    off("inc-recursive", Switches::FULL_LISTING).also(&["i-r"]),
    on("no-inc-recursive", Switches::FULL_LISTING).also(&["no-i-r"]),
    accepted("inplace"),
    accepted("no-crtimes").also(&["no-N"]),
    checked("block-size", Check::BlockSize, "SIZE").letter('B'),
    checked("rsh", Check::Anything, "COMMAND").letter('e'),
    checked("rsync-path", Check::Anything, "PROGRAM"),
    checked("max-alloc", Check::Allocation, "SIZE"),
    accepted("partial"),
    accepted("no-partial"),
    accepted("no-delay-updates"),
    checked("timeout", Check::Number, "SECONDS"),
    accepted("no-timeout"),
    accepted("no-contimeout"),
    set("temp-dir", Setting::TempDir, "DIR").letter('T'),
    accepted("fuzzy").letter('y'),
    accepted("no-fuzzy").also(&["no-y"]),
    accepted("compress").letter('z'),
    accepted("no-compress").also(&["no-z"]),
    accepted("old-compress"),
    accepted("new-compress"),
    checked("compress-choice", Check::Compressor, "STR").also(&["zc"]),
    checked("compress-level", Check::Number, "NUM").also(&["zl"]),
    checked("compress-threads", Check::Number, "NUM").also(&["zt"]),
    checked("skip-compress", Check::Anything, "LIST"),
    accepted("old-args"),
    accepted("no-old-args"),
    accepted("secluded-args").letter('s').also(&["protect-args"]),
    accepted("no-secluded-args").also(&["no-protect-args", "no-s"]),
    accepted("trust-sender"),
    checked("address", Check::Anything, "ADDRESS"),
    checked("port", Check::Number, "PORT"),
    checked("sockopts", Check::Anything, "OPTIONS"),
    accepted("blocking-io"),
    accepted("no-blocking-io"),
    checked("outbuf", Check::Buffering, "N|L|B"),
    checked("early-input", Check::Anything, "FILE"),
    checked("protocol", Check::Protocol, "NUM"),
    checked("checksum-seed", Check::Number, "NUM"),
    accepted("ipv4").letter('4'),
    accepted("ipv6").letter('6'),
    accepted("qsort"),
    // What asks for the way it is while its opposite is not there yet.
    accepted("no-write-devices"),
    accepted("no-iconv"),
    // rsync's, not there yet.
    later("write-devices", RSYNC_LEG),
    later("iconv", RSYNC_LEG).takes("CONVERT_SPEC"),
    // Our own, not there yet.
    later("dest-mount", "").takes("PATH"),
    later("count", ""),
    later("plan", "").takes("DIR"),
    later("shards", "").takes("N"),
    later("shard", "run one twosync for each part of the tree").takes("K/N"),
    later("merge-reports", ""),
    later("range-size", "").takes("SIZE"),
    // What can not be.
    refused("no-inplace", Class::Unsupported, "twosync writes every file in place; use rsync for temporary files and renames"),
    refused("partial-dir", Class::Usage, "it can not be used with --inplace, and twosync always writes in place").takes("DIR"),
    refused("delay-updates", Class::Usage, "it can not be used with --inplace, and twosync always writes in place"),
    refused("crtimes", Class::Usage, "Linux lets nobody set the time of birth").letter('N'),
    refused("contimeout", Class::Usage, DAEMON).takes("SECONDS"),
    refused("password-file", Class::Usage, DAEMON).takes("FILE"),
    refused("write-batch", Class::Unsupported, "batch files are rsync's own; use rsync for that").takes("FILE"),
    refused("only-write-batch", Class::Unsupported, "batch files are rsync's own; use rsync for that").takes("FILE"),
    refused("read-batch", Class::Unsupported, "batch files are rsync's own; use rsync for that").takes("FILE"),
    refused("server", Class::Unsupported, "twosync is no end of rsync's protocol; mount the other side, or use rsync for that leg"),
    refused("sender", Class::Usage, "twosync is no end of rsync's protocol; mount the other side, or use rsync for that leg"),
    refused("daemon", Class::Unsupported, DAEMON),
    refused("config", Class::Usage, DAEMON).takes("FILE"),
    refused("dparam", Class::Usage, DAEMON).takes("OVERRIDE"),
    refused("detach", Class::Usage, DAEMON),
    refused("no-detach", Class::Usage, DAEMON),
];
