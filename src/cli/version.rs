//! What this program is and can do: `--version`, and twice as JSON, with rsync's keys where it has them.

use serde_json::json;

use crate::cli::checks::CHECKSUMS;
use crate::cli::options::Meaning;
use crate::cli::table::OPTIONS;

/// The program whose command line this is.
const RSYNC: &str = "3.5.0";

/// What `--version` prints.
pub fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "twosync  version {version}\nTakes the command line of rsync {RSYNC} for local paths.\n"
    )
}

/// What `-VV` prints: JSON, for programs. Each capability is what the option does that needs it.
pub fn json() -> String {
    let about = json!({
        "program": "twosync",
        "version": env!("CARGO_PKG_VERSION"),
        "rsync": RSYNC,
        "capabilities": {
            "file_bits": u64::BITS,
            "inum_bits": u64::BITS,
            "timestamp_bits": i64::BITS,
            "symlinks": works("links"),
            "symtimes": works("links"),
            "hardlinks": works("hard-links"),
            "hardlink_specials": works("hard-links"),
            "hardlink_symlinks": works("hard-links"),
            "atimes": works("atimes"),
            "inplace": works("inplace"),
            "append": works("append"),
            "ACLs": works("acls"),
            "xattrs": works("xattrs"),
            "iconv": works("iconv"),
            "prealloc": works("preallocate"),
            "stop_at": works("stop-at"),
            "crtimes": works("crtimes"),
        },
        "checksum_list": CHECKSUMS.map(|(name, _)| name),
        "compress_list": ["none"],
        "license": env!("CARGO_PKG_LICENSE"),
    });
    format!("{about:#}\n")
}

/// True if the option is there and is neither refused nor for later.
fn works(name: &str) -> bool {
    let meaning = OPTIONS.iter().find(|row| row.name == name).map(|row| &row.meaning);
    meaning.is_some_and(|meaning| !matches!(meaning, Meaning::Later(_) | Meaning::Refused(..)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn what_a_program_reads_agrees_with_the_options() {
        let about: Value = serde_json::from_str(&super::json()).unwrap();
        assert_eq!(about["program"], "twosync");
        assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
        let capabilities = &about["capabilities"];
        assert_eq!(capabilities["inplace"], true);
        assert_eq!(capabilities["crtimes"], false);
        assert_eq!(capabilities["file_bits"], 64);
        assert_eq!(about["checksum_list"][0], "blake3");
    }
}
