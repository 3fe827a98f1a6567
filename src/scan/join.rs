//! Joining the listings of all layers and of the destination into one, in rsync's order. Pure.

use crate::model::meta::Kind;
use crate::model::path::listing_order;
use crate::scan::layer::Found;
use crate::sys::dir::Listed;

/// A name that some layer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// What the first layer found.
    pub found: Found,
    /// The first layer that has it: its entry counts.
    pub layer: usize,
    /// Further layers in which it is a directory too, and what they found: their entries are merged
    /// into it.
    pub merged: Vec<(usize, Found)>,
    /// Further layers of which the entry does not count, and once more its own for each time that
    /// its operand was repeated.
    pub shadowed: Vec<usize>,
    /// True if the destination may have it.
    pub in_dest: bool,
}

/// Merges the listings of the layers. The first layer wins, except that a directory wins over
/// anything else of the same name (as in rsync). Sorted as rsync lists: directories last.
pub fn merge(layers: Vec<Vec<Found>>) -> Vec<Joined> {
    let single = layers.len() == 1;
    let mut all: Vec<Joined> = layers
        .into_iter()
        .enumerate()
        .flat_map(|(layer, found)| {
            found.into_iter().map(move |found| Joined {
                found,
                layer,
                merged: Vec::new(),
                shadowed: Vec::new(),
                in_dest: false,
            })
        })
        .collect();
    if !single {
        // Of one name: directories first, then by layer.
        all.sort_by(|a, b| {
            let names = a.found.name.cmp(&b.found.name);
            names.then(b.found.is_dir.cmp(&a.found.is_dir)).then(a.layer.cmp(&b.layer))
        });
        all.dedup_by(joins);
    }
    all.sort_unstable_by(|a, b| {
        listing_order((&a.found.name, a.found.is_dir), (&b.found.name, b.found.is_dir))
    });
    // An operand that was named twice.
    all.dedup_by(joins);
    all
}

/// True if `later` has the name of `first`, which then stands for both: two workers on one entry
/// would meet in the destination.
fn joins(later: &mut Joined, first: &mut Joined) -> bool {
    if first.found.name != later.found.name {
        return false;
    }
    if later.found.is_dir {
        first.merged.push((later.layer, later.found.clone()));
    } else {
        first.shadowed.push(later.layer);
    }
    true
}

/// Cuts a listing into batches of at most `most`, each of its own size: a batch that kept the room
/// of the whole listing would make a huge directory cost the square of its size.
pub fn in_batches(listing: Vec<Joined>, most: usize) -> impl Iterator<Item = Vec<Joined>> {
    let mut left = listing.into_iter();
    std::iter::from_fn(move || {
        let batch: Vec<Joined> = left.by_ref().take(most).collect();
        (!batch.is_empty()).then_some(batch)
    })
}

/// Marks what the destination has too and returns what only the destination has, in the order in
/// which rsync deletes: the reverse of its listing order.
pub fn match_dest(joined: &mut [Joined], mut dest: Vec<Listed>) -> Vec<Listed> {
    dest.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut matched = vec![false; dest.len()];
    for entry in joined {
        if let Ok(at) = dest.binary_search_by(|listed| listed.name.cmp(&entry.found.name)) {
            entry.in_dest = true;
            matched[at] = true;
        }
    }
    let mut matched = matched.into_iter();
    dest.retain(|_| matched.next() == Some(false));
    let is_dir = |listed: &Listed| listed.kind == Some(Kind::Dir);
    dest.sort_unstable_by(|a, b| listing_order((&b.name, is_dir(b)), (&a.name, is_dir(a))));
    dest
}

#[cfg(test)]
mod tests {
    use super::{in_batches, match_dest, merge};
    use crate::model::meta::Kind;
    use crate::model::path::Name;
    use crate::scan::layer::Found;
    use crate::sys::dir::{Follow, Listed};

    fn found(text: &str) -> Found {
        let bare = text.trim_end_matches('/');
        let name = Name::new(bare.as_bytes()).unwrap();
        Found { name, is_dir: bare != text, follow: Follow::Never }
    }

    fn layers(merged: &[(usize, Found)]) -> Vec<usize> {
        merged.iter().map(|(layer, _)| *layer).collect()
    }

    fn listing(names: &[&str]) -> Vec<Found> {
        names.iter().map(|name| found(name)).collect()
    }

    #[test]
    fn the_first_layer_wins_but_a_directory_beats_a_file() {
        let joined = merge(vec![listing(&["a", "x", "d/"]), listing(&["x/", "a", "d/", "b"])]);
        let told: Vec<_> = joined
            .iter()
            .map(|j| (j.found.name.as_bytes(), j.found.is_dir, j.layer, layers(&j.merged)))
            .collect();
        assert_eq!(
            told,
            [
                (&b"a"[..], false, 0, vec![]),
                (b"b", false, 1, vec![]),
                (b"d", true, 0, vec![1]),
                (b"x", true, 1, vec![]),
            ]
        );
    }

    #[test]
    fn of_one_name_only_one_entry_is_left_and_it_knows_of_the_others() {
        let joined = merge(vec![listing(&["a", "a", "d/", "d/"]), listing(&["a", "d"])]);
        let told: Vec<_> = joined
            .into_iter()
            .map(|j| (j.found.is_dir, j.layer, layers(&j.merged), j.shadowed))
            .collect();
        assert_eq!(told, [(false, 0, vec![], vec![0, 1]), (true, 0, vec![0], vec![1])]);
        let joined = merge(vec![listing(&["a", "b", "a"])]);
        let told: Vec<_> =
            joined.iter().map(|j| (j.found.name.as_bytes(), j.shadowed.len())).collect();
        assert_eq!(told, [(&b"a"[..], 1), (b"b", 0)]);
    }

    #[test]
    fn batches_hold_every_entry_once_and_no_more_room_than_they_need() {
        let names: Vec<String> = (0..1000).map(|i| format!("{i:04}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let joined = merge(vec![listing(&names)]);
        let batches: Vec<_> = in_batches(joined.clone(), 32).collect();
        assert_eq!(batches.len(), 32);
        assert!(batches.iter().all(|batch| batch.capacity() <= 64));
        assert_eq!(batches.concat(), joined);
    }

    #[test]
    fn what_only_the_destination_has_comes_in_reverse_order() {
        let mut joined = merge(vec![listing(&["a", "b"])]);
        let dest = ["b", "X", "M/", "z/", "Y"].map(|text| {
            let found = found(text);
            let kind = if found.is_dir { Kind::Dir } else { Kind::File };
            Listed { name: found.name, kind: Some(kind) }
        });
        let extras = match_dest(&mut joined, dest.to_vec());
        let names: Vec<_> = extras.iter().map(|listed| listed.name.as_bytes()).collect();
        assert_eq!(names, [&b"z"[..], b"M", b"Y", b"X"]);
        let in_dest: Vec<_> = joined.iter().map(|j| j.in_dest).collect();
        assert_eq!(in_dest, [false, true]);
    }
}
