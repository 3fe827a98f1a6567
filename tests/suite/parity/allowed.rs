//! The differences from rsync that are meant, each with its reason.

/// What of a run can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aspect {
    ExitCode,
    Stdout,
    Stderr,
    Tree,
}

/// A difference from rsync that is meant.
pub(crate) struct Allowed {
    pub(crate) name: &'static str,
    pub(crate) covers: &'static [Aspect],
    #[allow(dead_code, reason = "for the reader of this list")]
    reason: &'static str,
}

/// The difference of this name.
pub(crate) fn allowed(name: &str) -> &'static Allowed {
    let found = ALLOWED.iter().find(|allowed| allowed.name == name);
    found.unwrap_or_else(|| panic!("`{name}` is no allowed difference"))
}

/// Every difference that a case may allow.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        name: "followed-attributes",
        covers: &[Aspect::Tree],
        reason: "for a symlink that is followed rsync copies the link's own extended attributes, though its target's ACLs; \
                 twosync copies those of what it copies",
    },
    Allowed {
        name: "stored-empty-list",
        covers: &[Aspect::Tree],
        reason: "where --fake-super takes a list away, rsync leaves an attribute that says nothing; twosync removes it",
    },
    Allowed {
        name: "stand-in-mode",
        covers: &[Aspect::Tree],
        reason: "without -p rsync gives a file whose content it sends to a fake destination the mode of what stands for \
                 it; twosync lets it stand for the mode that it had",
    },
    Allowed {
        name: "stored-target",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "where a file that stands for a symlink holds what can be no target, rsync cuts it short (at a NUL, after \
                 4095 bytes); to twosync it is a fault of that entry",
    },
    Allowed {
        name: "unread-stand-in",
        covers: &[Aspect::ExitCode, Aspect::Stderr],
        reason: "where the own mode of a file keeps rsync from reading what the file stands for, rsync tells that, and sets \
                 all the same what it is to stand for; to twosync that is no fault",
    },
    Allowed {
        name: "led-elsewhere",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "a symlink where the directory of --link-dest or its kin has to have a directory was somebody's data, and \
                 leads wherever they wanted: rsync links to, or leaves out, what is behind it; twosync copies",
    },
    Allowed {
        name: "sticky-directory-list",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "of a new sticky directory with an ACL rsync gets the group's entry right only in the next run; twosync \
                 sets what the source has",
    },
    Allowed {
        name: "mode-by-attributes",
        covers: &[Aspect::Tree],
        reason: "without -p rsync -X still sets the mode of a file whose attributes differ; twosync sets the attributes",
    },
    Allowed {
        name: "mode-beside-acl",
        covers: &[Aspect::Stdout],
        reason: "setting an ACL sets the mode's digits, and rsync then tells of no other mode, except in a dry run; \
                 twosync tells of both in both",
    },
    Allowed {
        name: "foreign-hard-link",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "in place, rsync changes all names of a hard-linked destination file, bytes and attributes; twosync never \
                 writes through a link that the source does not have: it unlinks the name and creates the file anew",
    },
    Allowed {
        name: "incremental-groups",
        covers: &[Aspect::Stdout],
        reason: "-H in a tree of more than a thousand entries: with incremental recursion rsync sends a name before it knows the \
                 later ones; twosync knows all, sends the last one, and tells what rsync --no-inc-recursive tells",
    },
    Allowed {
        name: "joined-removal-order",
        covers: &[Aspect::Stdout],
        reason: "-H: rsync makes way for each name of a group when it meets it, twosync when it makes the name",
    },
    Allowed {
        name: "joined-other-kind",
        covers: &[Aspect::Stdout],
        reason: "-H: where a further name goes, rsync compares what it links with whatever stands there, a fifo or a directory; \
                 twosync tells of a new entry",
    },
    Allowed {
        name: "in-place-group",
        covers: &[Aspect::Stdout],
        reason: "-H: of a linked group that was written in place twosync tells as rsync does without --inplace: each name gets \
                 a line",
    },
    Allowed {
        name: "verify-repairs",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "rsync keeps a file whose size and time agree, whatever it holds; twosync's second phase reads it, and \
                 repairs and reports it",
    },
    Allowed {
        name: "append-is-verified",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "--append trusts the old part of a file, and rsync leaves a wrong one; twosync's second phase reads it, and \
                 repairs and reports it",
    },
    Allowed {
        name: "append-sparse",
        covers: &[Aspect::Tree],
        reason: "--append with --sparse: rsync makes a hole of the old part of a file, and its bytes are lost; twosync keeps them",
    },
    Allowed {
        name: "device-time",
        covers: &[Aspect::Tree],
        reason: "--copy-devices: rsync gives the copy the time at which it looked; twosync gives it the time of the node, and finds \
                 out by reading both sides whether the device holds the same",
    },
    Allowed {
        name: "append-retry",
        covers: &[Aspect::Stdout, Aspect::Stderr],
        reason: "--append-verify with a wrong old part: rsync appends, warns, and sends the whole file again; twosync writes \
                 the pages that differ in one go",
    },
    Allowed {
        name: "same-device-other-kind",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "rsync takes a block device for a character device of the same numbers; twosync makes it anew",
    },
    Allowed {
        name: "kept-link-time",
        covers: &[Aspect::Tree],
        reason: "under -K rsync loses the time of a directory behind a kept link when it writes below; twosync sets it",
    },
    Allowed {
        name: "source-changed-by-copy",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "copying a directory into itself changes its time; like a second rsync, twosync's second phase sees \
                 the new time and carries it over",
    },
    Allowed {
        name: "unlisted-directory-mode",
        covers: &[Aspect::Tree],
        reason: "rsync leaves its own helping u+rw on a directory that the source did not let it list; twosync sets the mode",
    },
    Allowed {
        name: "failed-write-line",
        covers: &[Aspect::Stdout],
        reason: "rsync prints a file's line when it is sent, also when writing it then fails; twosync prints what was done",
    },
    Allowed {
        name: "set-id-owner-line",
        covers: &[Aspect::Stdout],
        reason: "when chown clears the set-id bits or the capability of an otherwise equal file, rsync looks again before it prints and \
                 reports the mode (or nothing) instead of the owner; twosync reports what differed",
    },
    Allowed {
        name: "empty-source-arrival",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "where all that is listed is one directory, rsync takes a missing destination for that directory's new name and \
                 counts and tells its making another way; twosync makes the destination as it always does",
    },
    Allowed {
        name: "dot-in-missing-path",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr, Aspect::Tree],
        reason: "--mkpath with `.` or `..` in the missing part: rsync makes it in parts and then fails with 11; twosync makes \
                 it, or refuses with 3 where a part of it ends in no name",
    },
    Allowed {
        name: "replaced-special-mode",
        covers: &[Aspect::Tree],
        reason: "without -p rsync gives a new fifo or device the mode of what it replaces, of a symlink even 0777; twosync gives \
                 it the source's mode and the umask",
    },
    Allowed {
        name: "kept-link-mode",
        covers: &[Aspect::ExitCode, Aspect::Stderr, Aspect::Tree],
        reason: "under -K rsync fails to set the mode of the directory behind a kept link; twosync sets it",
    },
    Allowed {
        name: "same-file",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "source and destination are one file; rsync sends it to itself or breaks the link, twosync leaves it alone",
    },
    Allowed {
        name: "update-window",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "-u with --modify-window=-1: rsync overwrites what is newer by less than two seconds; twosync keeps what is newer",
    },
    Allowed {
        name: "temporary-file",
        covers: &[Aspect::Tree],
        reason: "rsync's temporary file and its renaming touch the directory, and take its group; twosync writes in place",
    },
    Allowed {
        name: "mount-in-the-way",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "a file over a mount point under -x: rsync empties the mount and then fails; twosync leaves it whole",
    },
    Allowed {
        name: "count-first",
        covers: &[Aspect::Stdout],
        reason: "without recursion rsync counts all entries before it starts and says how many; twosync starts at once",
    },
    Allowed {
        name: "progress-in-between",
        covers: &[Aspect::Stdout],
        reason: "--info=progress2 where other lines stand in between: rsync tells of what it skips before it starts, and in a \
                 dry run only of the end; twosync tells how far it is after each file, in the order of the files",
    },
    Allowed {
        name: "empty-dir-exists",
        covers: &[Aspect::ExitCode, Aspect::Stderr],
        reason: "--ignore-existing keeps a file where an empty directory goes; with --delete rsync then fails to list that file",
    },
    Allowed {
        name: "class-order",
        covers: &[Aspect::ExitCode],
        reason: "a missing operand and --max-delete together: rsync ends with 25, twosync with the graver 23",
    },
    Allowed {
        name: "needs-no-x",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr],
        reason: "rsync can not list a directory without the right to pass through it; twosync can, and an empty one is whole",
    },
    Allowed {
        name: "unreadable-copy",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr, Aspect::Tree],
        reason: "what the user may write but not read is not proven: phase two ends with 23; in place the old file keeps its mode, \
                 where rsync makes it anew",
    },
    Allowed {
        name: "rights-of-our-own",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr, Aspect::Tree],
        reason: "a directory of our own without the rights to fill or empty it: rsync fails, twosync gives itself the rights for \
                 the time of the run",
    },
    Allowed {
        name: "refused-link-time",
        covers: &[Aspect::Stdout],
        reason: "at -vv rsync does not name a symlink whose time was refused",
    },
    Allowed {
        name: "unlisted-operand",
        covers: &[Aspect::Stdout],
        reason: "rsync does not tell that it made the destination where the only source can not be listed",
    },
    Allowed {
        name: "told-twice",
        covers: &[Aspect::Stdout],
        reason: "rsync says twice of a directory below one that is deleted that it is not empty, and in a dry run where a file \
                 goes that gives way to a directory",
    },
    Allowed {
        name: "rules-of-each-source",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "the rule files at the top of one source go on to count for the next one in rsync; in twosync each source \
                 has its own",
    },
    Allowed {
        name: "unread-rules",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr, Aspect::Tree],
        reason: "a rule file that can not be read does not count in rsync; twosync does not copy or delete what somebody \
                 wanted left alone, and ends",
    },
    Allowed {
        name: "second-pass",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "phase two goes by the rule files that phase one has copied, as a second rsync does, and deletes what they \
                 do not protect any more",
    },
    Allowed {
        name: "keeps-its-sources",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Tree],
        reason: "rsync deletes a source from a destination that holds it; twosync refuses to",
    },
    Allowed {
        name: "backup-dir-time",
        covers: &[Aspect::Tree],
        reason: "making --backup-dir touches the directory that it is in; rsync mostly leaves that where nothing else changes \
                 it (one of its processes makes it while the other sets times), twosync gives the directory its time back",
    },
    Allowed {
        name: "compare-dest-existing",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "--compare-dest: rsync deletes a destination's file that differs where an equal one is in DIR; twosync brings \
                 it up to date",
    },
    Allowed {
        name: "backup-dir-owner",
        covers: &[Aspect::Tree],
        reason: "rsync gives a directory its new owner before the backups' directory is made like it; twosync's has the old one",
    },
    Allowed {
        name: "read-from-source",
        covers: &[Aspect::Stdout],
        reason: "what is equal in another directory but for its attributes, rsync copies from there and counts no data; twosync \
                 reads the source, and counts what it writes",
    },
    Allowed {
        name: "link-dest-backup",
        covers: &[Aspect::Tree],
        reason: "rsync replaces a file by a link to an equal one of --link-dest without the backup that was asked for; twosync \
                 makes it",
    },
    Allowed {
        name: "refused-first",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "a new destination behind a symlink of somebody else: rsync makes the directory and then refuses to enter it; \
                 twosync refuses to make it",
    },
    Allowed {
        name: "missing-arg-unseen",
        covers: &[Aspect::ExitCode, Aspect::Stderr],
        reason: "--delete-missing-args: rsync says nothing of a destination's entry that it can not look at; twosync says that \
                 it can not tell",
    },
    Allowed {
        name: "confined-backups",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr, Aspect::Tree],
        reason: "--backup-dir outside of --confine-root: rsync ends when the first backup fails, and if the destination is outside \
                 too it keeps nothing and does not say so; twosync does not start",
    },
    Allowed {
        name: "confined-compare-dest",
        covers: &[Aspect::ExitCode, Aspect::Stdout, Aspect::Stderr, Aspect::Tree],
        reason: "--compare-dest outside of --confine-root: rsync only looks there, and so does not notice; twosync refuses it, as \
                 it does for --link-dest",
    },
    Allowed {
        name: "kept-in-words",
        covers: &[Aspect::Stdout],
        reason: "at -vv rsync says of a symlink that --safe-links keeps from becoming a backup that it is not backed up, and then \
                 that it was; twosync says the first only",
    },
    Allowed {
        name: "unread-replaces",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "rsync removes a directory for the sake of a file that it then can not read; twosync keeps it",
    },
    Allowed {
        name: "told-bases",
        covers: &[Aspect::Stderr],
        reason: "what can not be looked at in a directory of --link-dest and its kin is passed over in silence by rsync; twosync \
                 passes over it too, and says so",
    },
    Allowed {
        name: "pruned-unseen",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "--prune-empty-dirs: rsync leaves out a directory that it could not list; twosync makes it, because nobody \
                 knows that it is empty",
    },
    Allowed {
        name: "protected-and-pruned",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "a protected directory whose source --prune-empty-dirs left out: rsync empties it and keeps it; twosync keeps \
                 it whole",
    },
    Allowed {
        name: "refused-owner",
        covers: &[Aspect::Tree],
        reason: "where an owner is refused rsync sets no mode and no time either; twosync sets all that it may",
    },
    Allowed {
        name: "left-out-access-time",
        covers: &[Aspect::Stdout],
        reason: "rsync tells the access time of a file that --compare-dest leaves out, and sets it nowhere; twosync tells nothing",
    },
    Allowed {
        name: "source-access-time",
        covers: &[Aspect::Stdout, Aspect::Tree],
        reason: "with -U rsync changes the source's access times by reading it, so that its second run finds them different; \
                 twosync, which looks at the source in both phases, reads it as with -UU",
    },
];
