//! What a pattern is compared with: one piece of a path, or a few pieces as if they were one.

/// Bytes that can be looked at one by one.
pub(super) trait Text: Copy {
    /// How many bytes there are.
    fn length(self) -> usize;

    /// The byte at a place before the end.
    fn at(self, place: usize) -> u8;

    /// True if `bytes` stand at `place`.
    fn has(self, place: usize, bytes: &[u8]) -> bool;
}

impl Text for &[u8] {
    fn length(self) -> usize {
        self.len()
    }

    fn at(self, place: usize) -> u8 {
        self[place]
    }

    fn has(self, place: usize, bytes: &[u8]) -> bool {
        // Most places differ in the first byte already: that is looked at without a call.
        let is_start = self.get(place) == bytes.first() || bytes.is_empty();
        is_start && self.get(place..).is_some_and(|rest| rest.starts_with(bytes))
    }
}

/// A path with what rsync puts in front of it and behind it before it matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    /// Stands in front, without slashes at its ends.
    pub(super) head: &'a [u8],
    /// One `/` between `head` and `path`, or none.
    pub(super) slash: Slash,
    /// The path.
    pub(super) path: &'a [u8],
    /// One `/` behind all, or none.
    pub(super) end: Slash,
}

/// A slash that may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slash {
    None,
    One,
}

impl Slash {
    fn length(self) -> usize {
        usize::from(self == Self::One)
    }
}

impl Text for Chain<'_> {
    fn length(self) -> usize {
        self.head.len() + self.slash.length() + self.path.len() + self.end.length()
    }

    fn at(self, place: usize) -> u8 {
        if let Some(byte) = self.head.get(place) {
            return *byte;
        }
        let place = place - self.head.len();
        if self.slash == Slash::One && place == 0 {
            return b'/';
        }
        self.path.get(place - self.slash.length()).copied().unwrap_or(b'/')
    }

    fn has(self, place: usize, bytes: &[u8]) -> bool {
        let fits = place + bytes.len() <= self.length();
        fits && bytes.iter().enumerate().all(|(index, byte)| self.at(place + index) == *byte)
    }
}

/// The place behind the slash that leaves `names` names behind it; `None` if there are fewer.
pub(super) fn last_names<T: Text>(text: T, names: usize) -> Option<usize> {
    let mut left = names;
    for place in (0..text.length()).rev() {
        if text.at(place) == b'/' {
            left -= 1;
            if left == 0 {
                return Some(place + 1);
            }
        }
    }
    (left == 1).then_some(0)
}

/// True if `text` ends in the whole names that `bytes` are.
pub(super) fn ends_in_names<T: Text>(text: T, bytes: &[u8]) -> bool {
    let Some(place) = text.length().checked_sub(bytes.len()) else {
        return false;
    };
    (place == 0 || text.at(place - 1) == b'/') && text.has(place, bytes)
}
