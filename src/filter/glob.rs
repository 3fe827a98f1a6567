//! Wildcards as rsync matches them, on bytes: a pattern becomes tokens once, a match allocates nothing.
//!
//! rsync.1, "PATTERN MATCHING RULES". A match goes back only to the last `*` and to the last `**`:
//! an earlier one could only try places that the later one has tried already. So no pattern takes
//! more than `pattern x text x text` steps.

use super::text::Text;

/// A pattern with at least one of `*`, `?` and `[`, ready to match.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    tokens: Box<[Token]>,
}

#[derive(Debug, Clone)]
enum Token {
    /// These bytes.
    Bytes(Box<[u8]>),
    /// `?`: one byte, not `/`.
    One,
    /// `[...]`: one byte of a set, never `/`.
    Set(Box<Set>),
    /// `*`: any bytes but `/`.
    Star,
    /// `**` and more: any bytes.
    Stars,
}

/// A set of bytes, one bit each.
#[derive(Debug, Clone, Default)]
struct Set([u64; 4]);

impl Set {
    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    fn invert(&mut self) {
        for bits in &mut self.0 {
            *bits = !*bits;
        }
    }

    fn remove(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] &= !(1 << (byte & 63));
    }
}

/// The parts of a pattern that is one star between two literals.
#[derive(Debug, Clone)]
pub(super) struct Around {
    pub(super) before: Box<[u8]>,
    pub(super) after: Box<[u8]>,
}

impl Glob {
    /// Reads a pattern; `None` if nothing can match it: a `[` that is not closed, an unknown class
    /// name, a backslash at the end.
    pub(super) fn parse(pattern: &[u8]) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut bytes = Vec::new();
        let mut rest = pattern;
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            let token = match first {
                b'?' => Token::One,
                b'*' => {
                    let more = rest.iter().take_while(|byte| **byte == b'*').count();
                    rest = &rest[more..];
                    if more == 0 { Token::Star } else { Token::Stars }
                }
                b'[' => {
                    let (set, after) = parse_set(rest)?;
                    rest = after;
                    Token::Set(Box::new(set))
                }
                b'\\' => {
                    let (&escaped, after) = rest.split_first()?;
                    rest = after;
                    bytes.push(escaped);
                    continue;
                }
                other => {
                    bytes.push(other);
                    continue;
                }
            };
            flush(&mut bytes, &mut tokens);
            tokens.push(token);
        }
        flush(&mut bytes, &mut tokens);
        Some(Self { tokens: tokens.into() })
    }

    /// The literals on both sides of the one `*` that the pattern has, if that is all it is.
    pub(super) fn around(&self) -> Option<Around> {
        let (before, after): (&[u8], &[u8]) = match &*self.tokens {
            [Token::Star] => (&[], &[]),
            [Token::Star, Token::Bytes(after)] => (&[], after),
            [Token::Bytes(before), Token::Star] => (before, &[]),
            [Token::Bytes(before), Token::Star, Token::Bytes(after)] => (before, after),
            _ => return None,
        };
        Some(Around { before: before.into(), after: after.into() })
    }

    /// The literal that the pattern ends in; empty if it ends in a wildcard.
    pub(super) fn last_bytes(&self) -> &[u8] {
        match self.tokens.last() {
            Some(Token::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    /// True if the pattern matches all of `text` behind the place `from`.
    pub(super) fn matches<T: Text>(&self, text: T, from: usize) -> bool {
        let length = text.length();
        let (mut at, mut next) = (from, 0);
        // Where to go on, and from which place of the text, if what follows a star does not match.
        let mut star: Option<(usize, usize)> = None;
        let mut stars: Option<(usize, usize)> = None;
        loop {
            let step = match self.tokens.get(next) {
                None if at == length => return true,
                None => None,
                Some(Token::Bytes(bytes)) => text.has(at, bytes).then_some(bytes.len()),
                Some(Token::One) => (at < length && text.at(at) != b'/').then_some(1),
                Some(Token::Set(set)) => (at < length && set.has(text.at(at))).then_some(1),
                Some(Token::Star) => {
                    star = Some((next + 1, at));
                    Some(0)
                }
                Some(Token::Stars) if next + 1 == self.tokens.len() => return true,
                Some(Token::Stars) => {
                    (star, stars) = (None, Some((next + 1, at)));
                    Some(0)
                }
            };
            if let Some(step) = step {
                (at, next) = (at + step, next + 1);
                continue;
            }
            match (star, stars) {
                (Some((token, place)), _) if place < length && text.at(place) != b'/' => {
                    star = Some((token, place + 1));
                    (at, next) = (place + 1, token);
                }
                (_, Some((token, place))) if place < length => {
                    (star, stars) = (None, Some((token, place + 1)));
                    (at, next) = (place + 1, token);
                }
                _ => return false,
            }
        }
    }
}

fn flush(bytes: &mut Vec<u8>, tokens: &mut Vec<Token>) {
    if !bytes.is_empty() {
        tokens.push(Token::Bytes(std::mem::take(bytes).into()));
    }
}

/// Reads a set behind its `[`; returns it with what follows its `]`.
///
/// A `]` that stands first is a member, and so is a `-` that has no member before it or none behind.
fn parse_set(pattern: &[u8]) -> Option<(Set, &[u8])> {
    let negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let mut set = Set::default();
    let mut at = usize::from(negated);
    let mut low: Option<u8> = None;
    let first = at;
    loop {
        let byte = *pattern.get(at)?;
        match (byte, low) {
            (b']', _) if at > first => break,
            (b'\\', _) => {
                at += 1;
                let escaped = *pattern.get(at)?;
                set.add(escaped);
                low = Some(escaped);
            }
            (b'-', Some(from)) if !matches!(pattern.get(at + 1), None | Some(b']')) => {
                at += 1;
                if pattern[at] == b'\\' {
                    at += 1;
                }
                let to = *pattern.get(at)?;
                (from..=to).for_each(|member| set.add(member));
                low = None;
            }
            (b'[', _) if pattern.get(at + 1) == Some(&b':') => {
                let name = &pattern[at + 2..];
                let end = name.iter().position(|byte| *byte == b']')?;
                match name[..end].strip_suffix(b":") {
                    Some(class) => {
                        add_class(&mut set, class)?;
                        at += 2 + end;
                        low = None;
                    }
                    None => {
                        set.add(b'[');
                        low = Some(b'[');
                    }
                }
            }
            _ => {
                set.add(byte);
                low = Some(byte);
            }
        }
        at += 1;
    }
    if negated {
        set.invert();
    }
    set.remove(b'/');
    Some((set, &pattern[at + 1..]))
}

/// Adds the members of a POSIX class; `None` if there is no class of this name.
fn add_class(set: &mut Set, class: &[u8]) -> Option<()> {
    let is_member: fn(&u8) -> bool = match class {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| *byte == b' ' || byte.is_ascii_graphic(),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    (0..=u8::MAX).filter(is_member).for_each(|byte| set.add(byte));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::Glob;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern.as_bytes()).is_some_and(|glob| glob.matches(text.as_bytes(), 0))
    }

    #[test]
    fn a_star_stays_in_a_name_and_two_stars_do_not() {
        assert!(matches("a*c", "abbc") && matches("a*c", "ac") && !matches("a*c", "ab/c"));
        assert!(matches("a**c", "ab/b/c") && matches("a***c", "a/c") && matches("**", ""));
        assert!(matches("*/*c", "ab/bc") && !matches("*/*c", "a/b/c"));
        assert!(matches("**/x*z/*", "q/xyz/xy/xz/w"));
    }

    #[test]
    fn a_set_knows_ranges_negation_classes_and_escapes() {
        for (pattern, yes, no) in [
            ("[a-c]", "abc", "d-/]"),
            ("[!a-c]", "d-]", "abc/"),
            ("[^a]", "b^", "a"),
            ("[]a]", "]a", "b"),
            ("[a-]", "a-", "b"),
            ("[-a]", "a-", "b"),
            ("[a\\]b]", "a]b", "\\"),
            ("[[:digit:]_]", "0_9", "a:"),
            ("[[:digit]", "[:digt", "0"),
            ("[a-c-e]", "abc-e", "d"),
            ("[\\a-\\c]", "abc", "d"),
            ("[--0]", "-.0", "1"),
        ] {
            for byte in yes.chars() {
                assert!(matches(pattern, &byte.to_string()), "{pattern} {byte}");
            }
            for byte in no.chars() {
                assert!(!matches(pattern, &byte.to_string()), "{pattern} {byte}");
            }
        }
        assert!(!matches("[", "[") && !matches("[[:foo:]]", "f") && !matches("a*\\", "a\\"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(60) + "*b";
        assert!(!matches(&pattern, &"a".repeat(4000)));
        let pattern = "**a".repeat(60) + "**b";
        assert!(!matches(&pattern, &"a".repeat(4000)));
    }
}
