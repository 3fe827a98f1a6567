//! What a source is taken for: its mode after `--chmod`, its owner and group after maps.
//!
//! All that looks at a source to decide, to act or to compare sees it so; nothing else of it changes.

use crate::model::meta::Meta;
use crate::settings::ids::IdMap;
use crate::settings::modes::{ModeChange, changed};

/// What a source is taken for.
#[derive(Debug, Default)]
pub struct Recast {
    /// `--chmod`.
    pub modes: Box<[ModeChange]>,
    /// The umask of who runs it: for items of `--chmod` that name no class.
    pub umask: u32,
    /// `--usermap`.
    pub users: Option<IdMap>,
    /// `--groupmap`.
    pub groups: Option<IdMap>,
}

/// What `source` is taken for.
pub fn recast(recast: Option<&Recast>, source: Meta) -> Meta {
    let Some(recast) = recast else { return source };
    let id = |map: &Option<IdMap>, id| map.as_ref().map_or(id, |map| map.of(id));
    Meta {
        mode: changed(&recast.modes, source.mode, source.kind, recast.umask),
        uid: id(&recast.users, source.uid),
        gid: id(&recast.groups, source.gid),
        ..source
    }
}
