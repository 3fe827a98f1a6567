//! Signals: the first one asks the workers to stop, the second one ends the process at once.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::effort::Stop;
use crate::error::Class;

/// Listens for SIGINT, SIGTERM and SIGHUP. One that is ignored (nohup(1)) stays ignored.
///
/// # Errors
/// The kernel refuses a handler.
pub fn listen(stop: &Stop) -> io::Result<()> {
    let ignored = ignored();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if ignored & 1 << (signal - 1) != 0 {
            continue;
        }
        // The order matters: at the first signal the flag is still down and this does nothing.
        let code = i32::from(Class::Interrupted.exit_code());
        flag::register_conditional_shutdown(signal, code, stop.flag())?;
        flag::register(signal, stop.flag())?;
    }
    Ok(())
}

/// The mask of ignored signals, `SigIgn` of `proc_pid_status(5)`; none if it can not be read.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
