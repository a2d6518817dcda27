//! CSV as banks and spreadsheets have it: RFC 4180 with a byte order mark.

/// Marks UTF-8 for spreadsheets, which else take the bytes for their own encoding.
pub(crate) const MARK: &str = "\u{feff}";

/// A field as a spreadsheet shows it and never computes it: what could be a formula is led by an apostrophe.
pub(crate) fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

/// A row, and the number of the line on which it begins.
pub(crate) type Row = (usize, Vec<String>);

/// The rows of a text that are not empty, each with the number of the line on which it begins. Else the line at fault, and why.
pub(crate) fn rows(text: &str) -> Result<Vec<Row>, (usize, &'static str)> {
    let mut chars = text.strip_prefix(MARK).unwrap_or(text).chars().peekable();
    let (mut rows, mut line) = (vec![], 1);
    while chars.peek().is_some() {
        let (begin, mut fields) = (line, vec![]);
        loop {
            let mut field = String::new();
            if chars.next_if_eq(&'"').is_some() {
                loop {
                    match chars.next() {
                        Some('"') if chars.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(other) => {
                            line += usize::from(other == '\n');
                            field.push(other);
                        }
                        None => return Err((begin, "has a quote that is not closed")),
                    }
                }
            }
            while let Some(other) = chars.next_if(|next| !matches!(next, ',' | '\r' | '\n')) {
                field.push(other);
            }
            fields.push(field.trim().to_owned());
            if chars.next_if_eq(&',').is_none() {
                break;
            }
        }
        chars.next_if_eq(&'\r');
        chars.next_if_eq(&'\n');
        line += 1;
        if fields.iter().any(|field| !field.is_empty()) {
            rows.push((begin, fields));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_formula_is_led_by_an_apostrophe() {
        for (text, shown) in [
            ("王小明", "王小明"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            ("\ta", "'\ta"),
            ("a,b", "\"a,b\""),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
        ] {
            assert_eq!(field(text), shown);
        }
    }

    #[test]
    fn rows_are_read_with_the_lines_on_which_they_begin() {
        let text = "\u{feff}a,b\r\n\r\n\"x, \"\"y\"\"\nz\",2\r\n3,\n";
        let rows = rows(text).unwrap();
        let expected = [(1, ["a", "b"]), (3, ["x, \"y\"\nz", "2"]), (5, ["3", ""])];
        assert_eq!(rows, expected.map(|(line, row)| (line, row.map(str::to_owned).to_vec())));
        assert_eq!(super::rows("a\n\"b"), Err((2, "has a quote that is not closed")));
    }
}
