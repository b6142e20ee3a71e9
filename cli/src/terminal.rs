//! The one place that writes to the terminal: results to standard output, everything else to standard error.

use std::io::{self, Write as _};

/// A line for people, on standard error.
pub(crate) fn say(line: &str) {
    // Nobody to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A result, on standard output, at once.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Rows in columns as wide as their widest cell, two spaces apart. The first row is the heading.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let padded =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [["No", "Name"], ["1001", "Sari"], ["1", "Búdi"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows), "No    Name\n1001  Sari\n1     Búdi\n");
    }
}
