//! One rule: its text is read and printed back here, exactly as far as rsync accepts it.
//!
//! rsync.1, "FILTER RULES IN DEPTH", "FILTER RULE MODIFIERS", "MERGE-FILE FILTER RULES".

use bitflags::bitflags;

use super::error::Flaw;

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Hides it from the transfer, protects it from deletion.
    Exclude,
    /// Shows it to the transfer, puts it at risk of deletion.
    Include,
}

bitflags! {
    /// What modifiers say, as far as the rules of a merge file take it over from the merge rule.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Flags: u8 {
        /// `/`: matched against the absolute path.
        const ABSOLUTE = 1;
        /// `s`: the rule is for the sending side.
        const SENDER = 2;
        /// `r`: the rule is for the receiving side.
        const RECEIVER = 4;
        /// `p`: not heeded in directories that are being deleted.
        const PERISHABLE = 8;
        /// The name of the merge file has a closing `/`: for directories only.
        const DIRS = 16;
    }
}

impl Flags {
    /// Both sides; a rule with neither is for both.
    pub(super) const SIDES: Self = Self::SENDER.union(Self::RECEIVER);
}

/// How the text of a rule is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// A rule name, modifiers, a pattern.
    Full,
    /// A pattern, or `- ` or `+ ` and a pattern, or `!` alone (`--exclude`, `--exclude-from`).
    Simple(Action),
    /// A pattern (the `-` and `+` modifiers of a merge rule).
    Bare(Action),
    /// A pattern, or `!` alone (the `C` modifier).
    Cvs(Action),
}

/// How a file is cut into rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// One rule a line; there are comments.
    Lines,
    /// One rule a word.
    Words,
}

/// What a merge rule, or an option, says about all rules that are read for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) syntax: Syntax,
    pub(super) split: Split,
    pub(super) flags: Flags,
    /// Of `-!C`: the rules of the list are negated.
    pub(super) negated: bool,
}

impl Template {
    pub(super) fn lines(syntax: Syntax) -> Self {
        Self { syntax, split: Split::Lines, flags: Flags::empty(), negated: false }
    }
}

/// How a merge file is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MergeKind {
    /// `.`: once, in place of the rule.
    Once,
    /// `:`: in each directory that has it.
    PerDir,
}

/// A rule that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// `!`.
    Clear,
    /// `+` or `-` with their kin.
    Match(Match<'a>),
    /// `-C` or `+C`: the whole CVS list.
    CvsList(Template),
    /// `.` or `:`.
    Merge(Merge<'a>),
}

/// A rule with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match<'a> {
    pub(super) action: Action,
    pub(super) flags: Flags,
    /// `!`: the rule takes effect if the pattern does not match.
    pub(super) negated: bool,
    /// `x`: the rule is about names of extended attributes.
    pub(super) xattr: bool,
    pub(super) pattern: &'a [u8],
}

/// A merge rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Merge<'a> {
    pub(super) kind: MergeKind,
    pub(super) file: &'a [u8],
    pub(super) template: Template,
    /// `n`: sub-directories do not inherit.
    pub(super) own_only: bool,
    /// `e`: the file itself is excluded.
    pub(super) without_itself: bool,
    /// `x`, which the rules of the file do not take over: it means nothing here.
    pub(super) xattr: bool,
}

/// The rule names with what they stand for.
const LONG: [(&[u8], u8); 9] = [
    (b"exclude", b'-'),
    (b"include", b'+'),
    (b"merge", b'.'),
    (b"dir-merge", b':'),
    (b"hide", b'H'),
    (b"show", b'S'),
    (b"protect", b'P'),
    (b"risk", b'R'),
    (b"clear", b'!'),
];

/// A byte that ends a word: C's `isspace`.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Reads one rule; `None` if there is none.
pub(super) fn parse(text: &[u8], template: Template) -> Result<Option<Parsed<'_>>, Flaw> {
    let simple = |action, pattern: &'_ [u8]| Match {
        action,
        flags: template.flags,
        negated: template.negated,
        xattr: false,
        pattern: &text[text.len() - pattern.len()..],
    };
    if text.is_empty() {
        return Ok(None);
    }
    let found = match (template.syntax, text) {
        (Syntax::Full, _) => return parse_full(text, template).map(Some),
        (Syntax::Simple(_) | Syntax::Cvs(_), b"!") => return Ok(Some(Parsed::Clear)),
        (Syntax::Simple(_), [b'-', b' ', pattern @ ..]) => simple(Action::Exclude, pattern),
        (Syntax::Simple(_), [b'+', b' ', pattern @ ..]) => simple(Action::Include, pattern),
        (Syntax::Simple(action) | Syntax::Bare(action) | Syntax::Cvs(action), _) => {
            simple(action, text)
        }
    };
    if found.pattern.is_empty() { Err(Flaw::End) } else { Ok(Some(Parsed::Match(found))) }
}

/// The rule's short name, and where what follows it begins.
fn rule_name(text: &[u8]) -> Option<(u8, usize)> {
    if let Some((first, _)) = text.split_first()
        && b"-+.:HSPR!".contains(first)
    {
        return Some((*first, 1));
    }
    let is_end =
        |byte: Option<&u8>| byte.is_none_or(|byte| is_space(*byte) || matches!(byte, b'_' | b','));
    LONG.iter()
        .find(|(long, _)| text.starts_with(long) && is_end(text.get(long.len())))
        .map(|(long, short)| (*short, long.len()))
}

/// What the modifiers of one rule said.
#[derive(Default)]
struct Said {
    flags: Flags,
    letters: Vec<u8>,
}

impl Said {
    fn has(&self, letter: u8) -> bool {
        self.letters.contains(&letter)
    }

    /// Takes one modifier of the rule `name`; false if it can not be there.
    fn take(&mut self, name: u8, letter: u8) -> bool {
        let is_merge = matches!(name, b'.' | b':');
        let is_sided = matches!(name, b'H' | b'S' | b'P' | b'R');
        let has_syntax = self.has(b'-') || self.has(b'+') || self.has(b'C');
        let is_right = match letter {
            b'/' | b'p' | b'x' => true,
            b's' | b'r' => !is_sided,
            b'!' => !is_merge,
            b'C' => !is_sided && !has_syntax,
            b'-' | b'+' => is_merge && !has_syntax,
            b'e' | b'n' | b'w' => is_merge,
            _ => false,
        };
        self.flags |= match letter {
            b'/' => Flags::ABSOLUTE,
            b'p' => Flags::PERISHABLE,
            b's' => Flags::SENDER,
            b'r' => Flags::RECEIVER,
            _ => Flags::empty(),
        };
        self.letters.push(letter);
        is_right
    }
}

fn parse_full(text: &[u8], template: Template) -> Result<Parsed<'_>, Flaw> {
    let (name, mut at) = rule_name(text).ok_or(Flaw::Unknown)?;
    if text.get(at) == Some(&b',') {
        at += 1;
    }
    if name == b'!' {
        return if at == text.len() { Ok(Parsed::Clear) } else { Err(Flaw::Trailing) };
    }
    let mut said = Said::default();
    said.flags |= match name {
        b'H' | b'S' => Flags::SENDER,
        b'P' | b'R' => Flags::RECEIVER,
        _ => Flags::empty(),
    };
    while let Some(letter) = text.get(at).filter(|byte| !matches!(byte, b' ' | b'_')) {
        if !said.take(name, *letter) {
            return Err(Flaw::Modifier(at));
        }
        at += 1;
    }
    let argument = text.get(at + 1..).unwrap_or_default();
    if template.flags.intersects(Flags::SIDES) && said.flags.intersects(Flags::SIDES) {
        return Err(Flaw::Sides);
    }
    said.flags |= template.flags;
    match name {
        b'.' => merge(MergeKind::Once, &said, argument).map(Parsed::Merge),
        b':' => merge(MergeKind::PerDir, &said, argument).map(Parsed::Merge),
        _ => pattern(name, &said, argument),
    }
}

fn pattern<'a>(name: u8, said: &Said, pattern: &'a [u8]) -> Result<Parsed<'a>, Flaw> {
    let is_include = matches!(name, b'+' | b'S' | b'R');
    let action = if is_include { Action::Include } else { Action::Exclude };
    let negated = said.has(b'!');
    if said.has(b'C') {
        // What stands behind it is ignored.
        let (syntax, split) = (Syntax::Cvs(action), Split::Words);
        return Ok(Parsed::CvsList(Template { syntax, split, flags: said.flags, negated }));
    }
    if pattern.is_empty() {
        return Err(Flaw::End);
    }
    let (flags, xattr) = (said.flags, said.has(b'x'));
    Ok(Parsed::Match(Match { action, flags, negated, xattr, pattern }))
}

fn merge<'a>(kind: MergeKind, said: &Said, file: &'a [u8]) -> Result<Merge<'a>, Flaw> {
    let is_cvs = said.has(b'C');
    let syntax = match (is_cvs, said.has(b'-'), said.has(b'+')) {
        (true, ..) => Syntax::Cvs(Action::Exclude),
        (_, true, _) => Syntax::Bare(Action::Exclude),
        (.., true) => Syntax::Bare(Action::Include),
        _ => Syntax::Full,
    };
    let file: &[u8] = match (is_cvs, file) {
        (true, b"") => b".cvsignore",
        (false, b"") => return Err(Flaw::End),
        (_, file) => file,
    };
    let split = if is_cvs || said.has(b'w') { Split::Words } else { Split::Lines };
    Ok(Merge {
        kind,
        file,
        template: Template { syntax, split, flags: said.flags, negated: false },
        own_only: is_cvs || said.has(b'n'),
        without_itself: said.has(b'e'),
        xattr: said.has(b'x'),
    })
}

/// The letters of the flags, in rsync's order; `middle` stands behind `/` and `!`.
fn letters(flags: Flags, middle: &[u8], out: &mut Vec<u8>) {
    if flags.contains(Flags::ABSOLUTE) {
        out.push(b'/');
    }
    out.extend_from_slice(middle);
    for (flag, letter) in
        [(Flags::SENDER, b's'), (Flags::RECEIVER, b'r'), (Flags::PERISHABLE, b'p')]
    {
        if flags.contains(flag) {
            out.push(letter);
        }
    }
}

impl Match<'_> {
    /// The rule in its short form.
    pub(super) fn short_form(&self) -> Vec<u8> {
        let mut out = vec![if self.action == Action::Include { b'+' } else { b'-' }];
        let middle = [(self.negated, b'!'), (self.xattr, b'x')];
        let middle: Vec<u8> =
            middle.iter().filter(|(is_said, _)| *is_said).map(|(_, letter)| *letter).collect();
        letters(self.flags, &middle, &mut out);
        out.push(b' ');
        out.extend_from_slice(self.pattern);
        out
    }
}

impl Merge<'_> {
    /// The rule in its short form, without `e`, which is a rule of its own.
    pub(super) fn short_form(&self) -> Vec<u8> {
        let mut out = vec![if self.kind == MergeKind::Once { b'.' } else { b':' }];
        let mut middle = Vec::new();
        if matches!(self.template.syntax, Syntax::Cvs(_)) {
            middle.push(b'C');
        } else {
            middle.extend(self.own_only.then_some(b'n'));
            middle.extend((self.template.split == Split::Words).then_some(b'w'));
            middle.extend(match self.template.syntax {
                Syntax::Bare(Action::Include) => Some(b'+'),
                Syntax::Bare(Action::Exclude) => Some(b'-'),
                _ => None,
            });
        }
        middle.extend(self.xattr.then_some(b'x'));
        letters(self.template.flags, &middle, &mut out);
        out.push(b' ');
        out.extend_from_slice(self.file);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::Flaw;
    use super::{Action, Parsed, Syntax, Template, parse};

    fn printed(text: &str) -> Result<String, Flaw> {
        let parsed = parse(text.as_bytes(), Template::lines(Syntax::Full))?;
        let bytes = match parsed {
            None => Vec::new(),
            Some(Parsed::Clear) => b"!".to_vec(),
            Some(Parsed::CvsList(_)) => b"CVS".to_vec(),
            Some(Parsed::Match(found)) => found.short_form(),
            Some(Parsed::Merge(merge)) => merge.short_form(),
        };
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn names_separators_and_modifiers_are_read_and_printed_back() {
        for (text, short) in [
            ("exclude_foo", "- foo"),
            ("-,p  foo", "-p  foo"),
            ("hide,p foo", "-sp foo"),
            ("risk,! foo", "+!r foo"),
            ("+!/srpx foo", "+/!xsrp foo"),
            (":enw-srpx/ .x", ":/nw-xsrp .x"),
            (":sC", ":Cs .cvsignore"),
            ("merge_a b", ". a b"),
            ("-C ignored", "CVS"),
            ("clear,", "!"),
        ] {
            assert_eq!(printed(text).as_deref(), Ok(short), "{text}");
        }
    }

    #[test]
    fn what_rsync_refuses_is_refused() {
        for (text, flaw) in [
            ("foo", Flaw::Unknown),
            (" - foo", Flaw::Unknown),
            ("excludes foo", Flaw::Unknown),
            ("-foo", Flaw::Modifier(1)),
            ("-p,p foo", Flaw::Modifier(2)),
            ("Hs foo", Flaw::Modifier(1)),
            (":-C", Flaw::Modifier(2)),
            (".! foo", Flaw::Modifier(1)),
            ("- ", Flaw::End),
            ("merge", Flaw::End),
            ("! foo", Flaw::Trailing),
        ] {
            assert_eq!(printed(text), Err(flaw), "{text}");
        }
    }

    #[test]
    fn a_simple_pattern_may_name_its_action_and_clear_the_list() {
        let template = Template::lines(Syntax::Simple(Action::Exclude));
        let read = |text: &'static str| match parse(text.as_bytes(), template).unwrap() {
            Some(Parsed::Match(found)) => found.short_form(),
            Some(Parsed::Clear) => b"!".to_vec(),
            _ => panic!("{text} is neither"),
        };
        assert_eq!(read("+ foo"), b"+ foo");
        assert_eq!(read("-_foo"), b"- -_foo");
        assert_eq!(read("!"), b"!");
        assert_eq!(read("!foo"), b"- !foo");
    }
}
