//! The report on a calibration: tables for people, JSON for programs.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::{CalibrationFigures, Coverage, Fitted, Quantity, real};
use crate::{
    metrics::{Auc, Bin, Interval},
    report::{
        grid::{Column, Grid, written},
        terminal::escaped,
    },
    units::counted,
    verdict::CalibrationMap,
};

/// Everything that `tribunal calibrate` prints.
#[derive(Clone, Debug)]
pub struct CalibrationReport {
    /// The number of each result that was taken.
    pub quantity: Quantity,
    /// What a positive label is called.
    pub positive: String,
    /// How many records the figures cover.
    pub coverage: Coverage,
    /// The figures as the results are.
    pub figures: CalibrationFigures,
    /// The number of bins that was asked for.
    pub bins: usize,
    /// The fitted map, if one was asked for.
    pub fitted: Option<Fitted>,
}

/// Columns of the curve.
const COLUMNS: usize = 21;

/// The longest bar: with it, a table has 80 columns.
const BAR: usize = 6;

/// The report with lines of any length.
impl fmt::Display for CalibrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(None))
    }
}

impl CalibrationReport {
    /// The report as text for a terminal of so many columns; without a number its lines are as long as they need to be.
    pub fn shown(&self, columns: Option<usize>) -> String {
        written(|text| self.write(text, columns))
    }

    fn write(&self, f: &mut String, columns: Option<usize>) -> fmt::Result {
        self.write_coverage(f)?;
        let CalibrationFigures { count, base_rate, mean, .. } = self.figures;
        let what = match self.quantity {
            Quantity::Steps => "steps",
            _ => "records",
        };
        let positive = escaped(&self.positive);
        write!(
            f,
            "\n{count} {what}: base rate {base_rate:.3} ({positive}), mean prediction {mean:.3}"
        )?;
        if count == 0 {
            return Ok(());
        }
        self.write_figures(f)?;
        for (title, bins) in [
            ("bins of equal width", &self.figures.by_width),
            ("bins of equal mass", &self.figures.by_mass),
        ] {
            write!(f, "\n\n{title}\n{}", table(bins).fitted(columns))?;
        }
        self.fitted.as_ref().map_or(Ok(()), |fitted| write_fitted(f, &self.figures, fitted))
    }

    fn write_coverage(&self, f: &mut String) -> fmt::Result {
        let Coverage { records, used, .. } = self.coverage;
        let name = match self.quantity {
            Quantity::P => "p",
            Quantity::Score => "a score",
            Quantity::Steps => "probabilities of steps",
        };
        write!(f, "{used} of {records} records have {name} and a label")?;
        let left_out = [
            (self.coverage.without_p, format!("without {name}")),
            (self.coverage.without_label, "without a label".into()),
            (self.coverage.not_comparable, "with a label that cannot be compared".into()),
        ];
        for (count, what) in left_out {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        Ok(())
    }

    fn write_figures(&self, f: &mut String) -> fmt::Result {
        let CalibrationFigures { ece, ece_by_mass, mce, brier, parts, log_loss, .. } =
            &self.figures;
        let within = |interval: Option<Interval>| {
            let ends = interval.map(|Interval { low, high }| format!(" ({low:.3} to {high:.3})"));
            ends.unwrap_or_default()
        };
        let [of_ece, of_brier, of_loss] = [
            self.figures.ece_interval,
            self.figures.brier_interval,
            self.figures.log_loss_interval,
        ]
        .map(within);
        write!(f, "\nECE {ece:.3}{of_ece} over {} of equal width", counted(self.bins, "bin"))?;
        write!(f, ", {ece_by_mass:.3} over bins of equal mass; MCE {mce:.3}")?;
        write!(
            f,
            "\nBrier score {brier:.4}{of_brier} = reliability {:.4} - resolution {:.4} + uncertainty {:.4} {} {:.4} inside bins",
            parts.reliability,
            parts.resolution,
            parts.uncertainty,
            if parts.inside < 0.0 { '-' } else { '+' },
            parts.inside.abs()
        )?;
        write!(f, "\nlog loss {log_loss:.4}{of_loss}; AUC {}", shown(self.figures.auc))
    }

    /// The report as JSON.
    pub fn to_json(&self) -> Value {
        let Coverage { records, used, without_p, without_label, not_comparable, .. } =
            self.coverage;
        let mut all = json!({
            "quantity": self.quantity.name(),
            "positive": self.positive,
            "records": records,
            "used": used,
            "without_p": without_p,
            "without_label": without_label,
            "not_comparable": not_comparable,
            "bins": self.bins,
            "figures": figures(&self.figures),
        });
        if let Some(Fitted { map, folds, cross_validated, .. }) = &self.fitted {
            let validated = cross_validated.as_ref().map(figures);
            all["fitted"] = json!({"map": map, "folds": folds, "cross_validated": validated});
        }
        all
    }
}

impl CalibrationFigures {
    /// The table of bins of equal width, after an empty line, for a terminal of so many columns.
    pub fn table(&self, columns: Option<usize>) -> String {
        let table = table(&self.by_width).fitted(columns);
        format!("\n\nprobabilities, in bins of equal width\n{table}")
    }

    /// The figures as JSON.
    pub fn to_json(&self) -> Value {
        figures(self)
    }
}

/// Figures as JSON. A figure that is not defined is null.
fn figures(figures: &CalibrationFigures) -> Value {
    if figures.count == 0 {
        return json!({"count": 0});
    }
    json!({
        "count": figures.count,
        "base_rate": figures.base_rate,
        "mean": figures.mean,
        "ece": figures.ece,
        "ece_interval": figures.ece_interval,
        "ece_by_mass": figures.ece_by_mass,
        "mce": figures.mce,
        "brier": figures.brier,
        "brier_interval": figures.brier_interval,
        "brier_parts": figures.parts,
        "log_loss": figures.log_loss,
        "log_loss_interval": figures.log_loss_interval,
        "auc": figures.auc.map(|auc| auc.area),
        "auc_interval": figures.auc.and_then(|auc| auc.interval),
        "by_width": figures.by_width.iter().map(bin).collect::<Vec<_>>(),
        "by_mass": figures.by_mass.iter().map(bin).collect::<Vec<_>>(),
    })
}

fn bin(bin: &Bin) -> Value {
    json!({
        "low": bin.low,
        "high": bin.high,
        "count": bin.count,
        "predicted": bin.predicted,
        "observed": bin.observed,
    })
}

/// An area with its interval.
fn shown(auc: Option<Auc>) -> String {
    match auc {
        Some(Auc { area, interval: Some(Interval { low, high }) }) => {
            format!("{area:.3} (95 % interval {low:.3} to {high:.3})")
        }
        Some(Auc { area, interval: None }) => format!("{area:.3}"),
        None => "not defined: all labels are the same".into(),
    }
}

/// A table of bins, each with its place on the curve: `p` predicted, `o` observed, `*` both.
fn table(bins: &[Bin]) -> Grid {
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1);
    let mut grid = Grid::new([
        Column::right("records", 7),
        Column::right("predicted", 9),
        Column::right("observed", 8),
        Column::right("gap", 6),
        Column::left(format!("0{:-^1$}1", "", COLUMNS - 2), COLUMNS),
        Column::left("", 0),
    ])
    .headed("p");
    for bin in bins {
        let (predicted, observed, gap) = (bin.predicted, bin.observed, bin.gap());
        let numbers = [format!("{predicted:.3}"), format!("{observed:.3}"), signed(gap)];
        let bar = "#".repeat((bin.count * BAR).div_ceil(most));
        let cells = [bin.count.to_string()].into_iter().chain(numbers).chain([curve(bin), bar]);
        grid.row(format!("{:.3}-{:.3}", bin.low, bin.high), cells.collect::<Vec<_>>());
    }
    grid
}

/// A number with its sign, and zero without one.
fn signed(number: f64) -> String {
    if number.abs() < 0.000_5 { "0.000".to_owned() } else { format!("{number:+.3}") }
}

/// The places of prediction and share between 0 and 1.
fn curve(bin: &Bin) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 20")]
    let place = |share: f64| (share.clamp(0.0, 1.0) * real(COLUMNS - 1)).round() as usize;
    let mut line = vec!['.'; COLUMNS];
    let (predicted, observed) = (place(bin.predicted), place(bin.observed));
    line[predicted] = 'p';
    line[observed] = if predicted == observed { '*' } else { 'o' };
    line.into_iter().collect()
}

/// The map, and the figures before and after it.
fn write_fitted(f: &mut String, before: &CalibrationFigures, fitted: &Fitted) -> fmt::Result {
    match &fitted.map {
        CalibrationMap::Temperature { temperature } => {
            write!(f, "\n\nmap: temperature {temperature:.4}")?;
        }
        CalibrationMap::Platt { slope, intercept } => {
            write!(f, "\n\nmap: platt, slope {slope:.4} and intercept {intercept:.4}")?;
        }
        CalibrationMap::Isotonic { points } => {
            write!(f, "\n\nmap: isotonic, {}", counted(points.len(), "point"))?;
        }
    }
    let Some(after) = &fitted.cross_validated else {
        return write!(f, "\nnot cross-validated: a fold without one of the outcomes is too small");
    };
    write!(f, "\ncross-validated in {} folds by a hash of the id:", fitted.folds)?;
    write!(f, "\n{:<12}{:>8}{:>8}", "", "before", "after")?;
    let area = |figures: &CalibrationFigures| figures.auc.map(|auc| auc.area);
    let rows = [
        ("ECE", Some(before.ece), Some(after.ece)),
        ("Brier score", Some(before.brier), Some(after.brier)),
        ("log loss", Some(before.log_loss), Some(after.log_loss)),
        ("AUC", area(before), area(after)),
    ];
    let cell =
        |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |one| format!("{one:.4}"));
    rows.iter().try_for_each(|(name, one, two)| {
        write!(f, "\n{name:<12}{:>8}{:>8}", cell(*one), cell(*two))
    })
}
