//! Plots as SVG: lines between points, axes with some numbers, nothing else.

use std::fmt::Write;

const WIDTH: u64 = 760;
const HEIGHT: u64 = 420;
const LEFT: u64 = 80;
const BOTTOM: u64 = 50;
const TOP: u64 = 40;
const RIGHT: u64 = 200;
const COLORS: [&str; 8] =
    ["#1f6fb4", "#d9541e", "#2f8f4e", "#8a4fb0", "#b8860b", "#c2347a", "#4a4a4a", "#17868f"];

/// How values are laid out along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scaled {
    /// From nothing to the largest.
    Evenly,
    /// Each doubling takes the same room, from the smallest to the largest.
    ByDoublings,
}

/// One axis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis<'a> {
    pub(crate) label: &'a str,
    pub(crate) scaled: Scaled,
}

/// One line: its name and its points.
pub(crate) type Line = (String, Vec<(u64, u64)>);

/// A plot of these lines.
pub(crate) fn plot(title: &str, [x, y]: [Axis<'_>; 2], lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let along = Ruler::new(x.scaled, points().map(|point| point.0), [LEFT, WIDTH - RIGHT]);
    let up = Ruler::new(y.scaled, points().map(|point| point.1), [HEIGHT - BOTTOM, TOP]);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let middle = (LEFT + WIDTH - RIGHT) / 2;
    text(&mut svg, [LEFT, 22], "start", title);
    text(&mut svg, [middle, HEIGHT - 10], "middle", x.label);
    text(&mut svg, [LEFT - 70, TOP - 6], "start", y.label);
    for mark in along.marks() {
        let at = along.place(mark);
        line(&mut svg, &[(at, HEIGHT - BOTTOM), (at, TOP)], "#e4e4e4");
        text(&mut svg, [at, HEIGHT - BOTTOM + 16], "middle", &short(mark));
    }
    for mark in up.marks() {
        let at = up.place(mark);
        line(&mut svg, &[(LEFT, at), (WIDTH - RIGHT, at)], "#e4e4e4");
        text(&mut svg, [LEFT - 6, at + 4], "end", &short(mark));
    }
    let axes = [(LEFT, TOP), (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)];
    line(&mut svg, &axes, "#333333");
    for (n, (name, points)) in lines.iter().enumerate() {
        let color = COLORS[n % COLORS.len()];
        let places: Vec<_> = points.iter().map(|(x, y)| (along.place(*x), up.place(*y))).collect();
        line(&mut svg, &places, color);
        for (x, y) in &places {
            let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"2.5\" fill=\"{color}\"/>");
        }
        let row = TOP + 10 + 18 * u64::try_from(n).expect("few lines");
        line(&mut svg, &[(WIDTH - RIGHT + 10, row), (WIDTH - RIGHT + 30, row)], color);
        text(&mut svg, [WIDTH - RIGHT + 36, row + 4], "start", name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where values are on an axis.
struct Ruler {
    scaled: Scaled,
    least: u64,
    most: u64,
    ends: [u64; 2],
}

impl Ruler {
    fn new(scaled: Scaled, values: impl Iterator<Item = u64> + Clone, ends: [u64; 2]) -> Self {
        let most = values.clone().max().unwrap_or(1).max(1);
        let least = match scaled {
            Scaled::Evenly => 0,
            Scaled::ByDoublings => values.min().unwrap_or(1).max(1),
        };
        Self { scaled, least, most, ends }
    }

    fn place(&self, value: u64) -> u64 {
        let value = value.clamp(self.least, self.most);
        let (at, all) = match self.scaled {
            Scaled::Evenly => (value, self.most),
            Scaled::ByDoublings => {
                let least = doublings(self.least);
                (doublings(value) - least, (doublings(self.most) - least).max(1))
            }
        };
        let [from, to] = self.ends;
        if to > from { from + at * (to - from) / all } else { from - at * (from - to) / all }
    }

    /// Some values that are easy to read.
    fn marks(&self) -> Vec<u64> {
        match self.scaled {
            Scaled::Evenly => {
                let step = round(self.most.div_ceil(5));
                (0..=self.most / step).map(|n| n * step).collect()
            }
            Scaled::ByDoublings => {
                let tens = std::iter::successors(Some(1_u64), |ten| ten.checked_mul(10));
                tens.filter(|ten| (self.least..=self.most).contains(ten)).collect()
            }
        }
    }
}

/// Thousandths of how often one is doubled to come to a value; between two doublings in proportion.
fn doublings(value: u64) -> u64 {
    let value = value.max(1);
    let whole = value.ilog2();
    let below = 1_u64 << whole;
    u64::from(whole) * 1_000 + (value - below) * 1_000 / below
}

/// The next 1, 2 or 5 with zeros.
fn round(value: u64) -> u64 {
    let ten = 10_u64.pow(value.max(1).ilog10());
    [1, 2, 5, 10].map(|n| n * ten).into_iter().find(|n| *n >= value).unwrap_or(value)
}

fn short(value: u64) -> String {
    match value {
        0..10_000 => value.to_string(),
        10_000..10_000_000 => format!("{}k", value / 1_000),
        _ => format!("{}M", value / 1_000_000),
    }
}

fn text(svg: &mut String, [x, y]: [u64; 2], anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn line(svg: &mut String, points: &[(u64, u64)], color: &str) {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let points = points.join(" ");
    let _ = writeln!(
        svg,
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>"
    );
}
