//! Splits a line of a fixture into words, with quotes and escapes, as bytes.
//!
//! Knows nothing of what the words mean.

/// Splits a line into words at blanks; `"..."` keeps blanks, and `\n \t \r \s \\ \" \xNN` are escapes everywhere.
pub(crate) fn split_words(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            b'\\' => word.get_or_insert_default().push(escaped(&mut bytes)?),
            b' ' | b'\t' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    if quoted { Err("a quote is left open".into()) } else { Ok(words) }
}

/// Reads what follows a backslash.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, String> {
    match bytes.next() {
        Some(b'n') => Ok(b'\n'),
        Some(b't') => Ok(b'\t'),
        Some(b'r') => Ok(b'\r'),
        Some(b's') => Ok(b' '),
        Some(b'x') => {
            let digits: Vec<u8> = bytes.by_ref().take(2).collect();
            let digits = String::from_utf8(digits).map_err(|_| "bad \\x".to_string())?;
            u8::from_str_radix(&digits, 16).map_err(|_| format!("bad \\x{digits}"))
        }
        Some(other) => Ok(other),
        None => Err("a lone backslash at the end".into()),
    }
}
