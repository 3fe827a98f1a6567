//! Lists of names: `--files-from`.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use crate::cli::operands::is_remote;
use crate::cli::problem::Problem;
use crate::filter::lines::{LineEnds, entries};
use crate::settings::Roots;
use crate::sys::trust::open_file;

/// The names that `file` lists (`-` is standard input), below the only source.
///
/// # Errors
/// There is another number of sources than one, or the file can not be read.
pub fn read(file: &OsStr, ends: LineEnds, roots: &Roots) -> Result<Arc<[Box<[u8]>]>, Problem> {
    if roots.sources.len() != 1 {
        return Err(Problem::usage("--files-from goes with one source and a destination"));
    }
    let mut content = Vec::new();
    let content = if file == "-" {
        io::stdin().read_to_end(&mut content).map(|_| content)
    } else if is_remote(file.as_bytes()) {
        return Err(Problem::usage("--files-from can not be remote"));
    } else {
        let opened = open_file(Path::new(file), &roots.trust.anywhere());
        opened.and_then(|mut file| file.read_to_end(&mut content)).map(|_| content)
    };
    let content = content.map_err(|error| {
        Problem::usage(format!("read the list {}: {error}", file.to_string_lossy()))
    })?;
    Ok(names(&content, ends))
}

fn names(content: &[u8], ends: LineEnds) -> Arc<[Box<[u8]>]> {
    entries(content, ends).map(confined).collect()
}

/// The path of a line, made to stay below the source: no slash in front, and a `..` takes back the
/// name before it, if there is one. A `.` in it is kept: it says where the path is cut.
fn confined(line: &[u8]) -> Box<[u8]> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut names_dir = false;
    for part in line.split(|byte| *byte == b'/') {
        names_dir = matches!(part, b"" | b"..");
        match part {
            b"" => {}
            b".." => drop(kept.pop()),
            _ => kept.push(part),
        }
    }
    if names_dir {
        kept.push(b".");
    }
    kept.join(&b'/').into()
}

#[cfg(test)]
mod tests {
    use super::{confined, names, read};
    use crate::error::Class;
    use crate::filter::lines::LineEnds;
    use crate::settings::Roots;

    fn listed(content: &str, ends: LineEnds) -> Vec<String> {
        let names = names(content.as_bytes(), ends);
        names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn empty_lines_and_comments_are_no_names_and_spaces_are() {
        let content = "a\n\n#x\n;y\r\n b \r\r/c/d";
        assert_eq!(listed(content, LineEnds::Newline), ["a", " b ", "c/d"]);
        assert_eq!(listed("a\nb\0\0#c\0d", LineEnds::Nul), ["a\nb", "d"]);
        assert!(listed("", LineEnds::Newline).is_empty());
    }

    #[test]
    fn a_line_stays_below_the_source() {
        for (line, expected) in [
            ("a/b", "a/b"),
            ("/a//b", "a/b"),
            ("a/b/", "a/b/."),
            ("a/b/.", "a/b/."),
            ("a/..", "."),
            ("..", "."),
            ("/", "."),
            (".", "."),
            ("./", "./."),
            ("a/./", "a/./."),
            ("a/b/..", "a/."),
            ("a/../b", "b"),
            ("../../a", "a"),
            ("a/./../b", "a/b"),
            ("./../a", "a"),
            ("./a", "./a"),
            ("/./a", "./a"),
            ("a/./b", "a/./b"),
            ("a../b", "a../b"),
        ] {
            let found = confined(line.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), expected, "{line}");
        }
    }

    #[test]
    fn a_list_is_read_for_one_source_from_a_local_file() {
        let one = ["s".into()];
        let asked = |file: &str, sources: &[std::path::PathBuf]| {
            let roots = Roots { sources: sources.to_vec(), ..Roots::default() };
            read(file.as_ref(), LineEnds::Newline, &roots).map_err(|problem| problem.class)
        };
        for (file, sources) in
            [("/dev/null", &one[..0]), ("host:list", &one), ("/no/such/list", &one), ("", &one)]
        {
            assert_eq!(asked(file, sources), Err(Class::Usage), "{file}");
        }
        assert_eq!(asked("/dev/null", &one).unwrap().len(), 0);
    }
}
