//! By which way attributes are reached: without `/proc`, and of the file that is open.

use std::sync::Arc;

use twosync::act::content::Writing;
use twosync::act::finish::{Rules, Time, apply};
use twosync::act::perform::{Job, open_dest};
use twosync::effort::Stop;
use twosync::extras;
use twosync::extras::names::{Names, Namespaces, OwnNames};
use twosync::model::change::{Action, Diff};
use twosync::model::path::Name;
use twosync::settings::content::Content;
use twosync::settings::{Durability, Settings};
use twosync::sys::attrs::Target;
use twosync::sys::dir::{Dir, Follow};
use twosync::sys::permit::Permit;
use twosync::sys::process::{Identity, Rights};
use twosync::sys::sides::Sides;
use twosync::sys::stat;

use crate::attributes::set;
use crate::support::arena::{Arena, is_root_or_skipped};
use crate::support::extras::xattrs_of;

#[test]
fn attributes_lists_and_stand_ins_need_no_proc() {
    if !is_root_or_skipped("mounts without /proc") {
        return;
    }
    let text = "s/f file 0640 \"a\" uid=5 x:user.a=1 acl=u:5:r\ns/g file 4755 \"b\"\n\
        s/d dir 0750 x:user.d=1 dacl=u::rwx,u:5:rx,g::rx,m::rx,o::-\ns/d/h file \"c\" x:trusted.t=1\n\
        given dir dacl=u::rwx,g::rwx,o::rwx\n";
    let arena = Arena::with(text);
    let script = "$TWOSYNC -aHAX s/ d; echo $?; $TWOSYNC -aAX -M--fake-super s/ fake; echo $?; \
        $TWOSYNC -aAX --fake-super -M--super fake/ back; echo $?; \
        umask 077; $TWOSYNC -rlt s/g given; echo $?";
    let told = arena.without_proc(script);
    assert_eq!(told.lines(), ["0"; 4], "{}", told.errors());
    assert_eq!(arena.differences("s", "d"), [""; 0]);
    assert_eq!(arena.differences("s", "back"), [""; 0]);
    // The default list takes the place of the umask.
    let made = std::fs::metadata(arena.path("given/g")).expect("it was made");
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&made) & 0o7777, 0o755);

    set(&arena, "d/f", "user.a", b"2");
    let script = "chmod 600 d/g; chmod 700 d/d; $TWOSYNC -aHAXi s/ d; echo $?; \
        $TWOSYNC -aAXi -M--fake-super s/ fake; echo $?";
    let told = arena.without_proc(script);
    let lines = [".f........x f", ".f...p..... g", ".d...p..... d/", "0", "0"];
    assert_eq!(told.lines(), lines, "{}", told.errors());
    assert_eq!(arena.differences("s", "d"), [""; 0]);
}

#[test]
fn what_only_proc_leads_to_is_told_and_has_not_vanished() {
    if !is_root_or_skipped("mounts without /proc") {
        return;
    }
    let arena = Arena::with("s/f file \"a\" x:user.a=1\ns/l link -> f\ns/p fifo\n");
    let told = arena.without_proc("$TWOSYNC -aX s/ d; echo $?");
    assert_eq!(told.lines(), ["23"]);
    let why = "what can not be opened is reached through /proc alone, and that is not mounted";
    for path in ["s/l", "s/p"] {
        let fault = format!("read the extended attributes of \"{path}\": {why}");
        assert!(told.errors().contains(&fault), "{}", told.errors());
    }
    assert!(!told.errors().contains("vanished"), "{}", told.errors());
    assert_eq!(std::fs::read(arena.path("d/f")).expect("it was copied"), b"a");
}

#[test]
fn a_copy_gets_the_attributes_of_the_file_that_was_opened() {
    let arena = Arena::with("s/f file \"a\" x:user.a=1\ns/g file \"b\" x:user.a=2\nd dir\n");
    let [source, dest] =
        ["s", "d"].map(|name| Dir::open_operand(&arena.path(name)).expect("our own"));
    let name = Name::new(b"f").expect("a name");
    let meta = stat::entry(&source, &name, Follow::Never).expect("it is there");
    let names = Names { namespaces: Namespaces::User, own: OwnNames::LeaveOut, rules: None };
    let rules = Rules {
        preserve: Settings::default().preserve,
        identity: Identity::current(Rights::OfUser),
        extras: extras::Rules { acls: false, xattrs: Some(Arc::new(names)) },
        umask: 0o022,
    };
    let (follow, stop) = (Follow::Never, Stop::default());
    let job = Job {
        action: Action::Create,
        sides: Sides { source: &source, source_name: &name, follow, dest: &dest, dest_name: &name },
        diff: Diff::NONE,
        source: &meta,
        dest: None,
        rules: &rules,
        writing: Writing::All,
        ranges: &[],
        content: Content::default(),
        durability: Durability::FlushNetwork,
        keeping: None,
        link: None,
        names: 1,
        stop: &stop,
    };
    let opened = job.open_source().expect("it can be read");
    std::fs::rename(arena.path("s/g"), arena.path("s/f")).expect("somebody is faster");
    let permit = Permit::grant();
    let (made, wanted) = open_dest(&permit, &job, &opened).expect("it can be made");
    let target = Target::Handle(&made.file);
    let troubles = apply(&permit, target, &made.now, &wanted, Time::Touched);
    assert!(troubles.is_empty(), "{troubles:?}");
    assert_eq!(xattrs_of(&arena.path("d/f")).get(&b"user.a"[..]), Some(&b"1".to_vec()));
}
