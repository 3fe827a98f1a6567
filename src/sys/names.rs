//! Names of users and groups, as the machine's name service knows them (passwd(5), group(5), LDAP).

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist, setgid, setgroups, setuid};

/// Which names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Of users.
    Users,
    /// Of groups.
    Groups,
}

/// The name of a number, if it has one.
pub fn name_of(table: Table, id: u32) -> Option<Box<[u8]>> {
    let name = match table {
        Table::Users => User::from_uid(Uid::from_raw(id)).ok()??.name,
        Table::Groups => Group::from_gid(Gid::from_raw(id)).ok()??.name,
    };
    Some(name.into_bytes().into())
}

/// The number of a name, if there is one.
pub fn id_of(table: Table, name: &[u8]) -> Option<u32> {
    let name = std::str::from_utf8(name).ok()?;
    match table {
        Table::Users => Some(User::from_name(name).ok()??.uid.as_raw()),
        Table::Groups => Some(Group::from_name(name).ok()??.gid.as_raw()),
    }
}

/// Who a run is done as (`--copy-as`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// All groups.
    pub groups: Box<[u32]>,
}

impl Account {
    /// The user `uid` with the only group `gid`, or with the groups that the name service says.
    /// `None`: it does not know the user.
    pub fn of(uid: u32, gid: Option<u32>) -> Option<Self> {
        if let Some(gid) = gid {
            return Some(Self { uid, gid, groups: Box::new([gid]) });
        }
        let user = User::from_uid(Uid::from_raw(uid)).ok()??;
        let groups = getgrouplist(&CString::new(user.name).ok()?, user.gid).ok()?;
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        Some(Self { uid, gid: user.gid.as_raw(), groups })
    }
}

/// Makes this process one of `account` for good.
///
/// These are libc's calls, which change all threads of the process (nptl(7), "NPTL and the setuid
/// problem"): rustix makes the system calls themselves, and those change the one thread that makes them.
pub fn become_user(account: &Account) -> io::Result<()> {
    let groups: Vec<Gid> = account.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    setgid(Gid::from_raw(account.gid))?;
    setgroups(&groups)?;
    setuid(Uid::from_raw(account.uid))?;
    Ok(())
}
