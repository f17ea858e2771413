//! Tables with aligned columns. Cells are one line each; nothing is cut off, because a cut id or
//! reason is worth nothing.

use super::output::{Paint, printable};

/// A table: headings and rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    pub(super) fn painted(text: impl AsRef<str>, paint: Paint) -> Self {
        Self { text: printable(text.as_ref()).into_owned(), paint }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::painted(text, Paint::Plain)
    }
}

impl Table {
    pub(super) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The lines: headings first, columns two spaces apart, no space at the end.
    pub(super) fn lines(&self, paint: impl Fn(Paint, &str) -> String) -> Vec<String> {
        let widths = self.widths();
        let headings = self.headings.iter().map(|heading| (*heading, Paint::Bold));
        let mut lines = vec![line(headings, &widths, &paint)];
        for row in &self.rows {
            let cells = row.iter().map(|cell| (cell.text.as_str(), cell.paint));
            lines.push(line(cells, &widths, &paint));
        }
        lines
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| width(heading)).collect();
        for row in &self.rows {
            for (cell, max) in row.iter().zip(&mut widths) {
                *max = (*max).max(width(&cell.text));
            }
        }
        widths
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn line<'a>(
    cells: impl Iterator<Item = (&'a str, Paint)>,
    widths: &[usize],
    paint: &impl Fn(Paint, &str) -> String,
) -> String {
    let mut line = String::new();
    let mut gap = 0;
    for ((text, how), max) in cells.zip(widths) {
        line.push_str(&" ".repeat(gap));
        line.push_str(&paint(how, text));
        gap = max - width(text) + 2;
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings() {
        let mut table = Table::new(&["ID", "STATUS", "NAME"]);
        table.row(vec!["1".into(), "COMPLETED".into(), "Grüße".into()]);
        table.row(vec!["22222".into(), Cell::painted("FAILED", Paint::Bad), "".into()]);
        let paint = |paint, text: &str| match paint {
            Paint::Bad => format!("<{text}>"),
            _ => text.to_owned(),
        };
        let lines = table.lines(paint);
        assert_eq!(lines, ["ID     STATUS     NAME", "1      COMPLETED  Grüße", "22222  <FAILED>"]);
    }
}
