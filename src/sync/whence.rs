//! Between the phases: where phase two is going to read the destination, and that all is there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Class, Fault, Place};
use crate::settings::proof::ReadBack;
use crate::settings::{Durability, Verify};
use crate::sync::{Report, Run};
use crate::sys::dir::Dir;
use crate::sys::mount::{Locality, flush, locality};

/// Where the destination's bytes were read back: what the reading proves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whence {
    /// The page cache, where they were there.
    #[default]
    Cache,
    /// The server of a mount: this client's cache was dropped.
    Server,
    /// The device: the page cache was dropped.
    Storage,
    /// Storage was asked for, and there is none behind this file system.
    Memory,
}

impl Run<'_> {
    /// What is read back: of an audit against a check file, what is walked.
    fn read_back(&self) -> Option<Arc<Dir>> {
        let walked = || self.sources.layers.first().map(|layer| &layer.chain);
        let is_walked = self.pass.settings.against.is_some();
        let chain = if is_walked { walked() } else { self.dest.chain.as_ref() };
        chain.and_then(|chain| chain.get().ok())
    }

    /// Settles where phase two reads the destination.
    pub(super) fn reads_from(&mut self, report: &mut Report) {
        let settings = self.pass.settings;
        let reads = matches!(settings.verify, Verify::All | Verify::Transferred);
        let Some(locality) = self.read_back().and_then(|dir| locality(&dir).ok()).filter(|_| reads)
        else {
            return;
        };
        report.whence = match (settings.proof.read_back, locality) {
            (ReadBack::Storage, Locality::Memory) => Whence::Memory,
            (ReadBack::Auto | ReadBack::Storage, Locality::Network) => Whence::Server,
            (ReadBack::Storage, Locality::Local) => Whence::Storage,
            (ReadBack::Auto | ReadBack::Cache, _) => Whence::Cache,
        };
        if matches!(report.whence, Whence::Server | Whence::Storage) {
            self.pass.tolerance.from_storage = Some(Arc::default());
        }
    }

    /// After phase one: a network mount is made to say now what it would say later, and what is read from
    /// storage has to be there.
    pub(super) fn flush(&self, report: &mut Report) {
        let Some(dir) = self.read_back() else { return };
        let reads_storage = self.pass.tolerance.from_storage.is_some();
        let flush_if_due = || {
            let durability = self.pass.settings.effort.durability;
            let writes = self.pass.permit.is_some();
            let is_due =
                durability == Durability::FsyncFiles || locality(&dir)? == Locality::Network;
            if reads_storage || (writes && is_due) {
                flush(&dir)?;
            }
            Ok(())
        };
        if let Err(error) = flush_if_due() {
            if let Some(from) = &self.pass.tolerance.from_storage {
                from.lost_writes.store(true, Ordering::Relaxed);
            }
            let place = Place::operand(&self.pass.settings.roots.dest);
            let fault = Fault::io(Class::FileIo, "flush the file system of", place, error);
            report.meet(Some(fault.class));
            self.observer.fault(&fault);
        }
    }
}
