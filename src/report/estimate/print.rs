//! The report on estimates: a table for people, JSON for programs.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};

use super::report::{EstimateMethod, EstimateReport, MethodEstimate};
use crate::{
    metrics::{Estimate, Interval},
    report::{
        grid::{Column, Grid, written},
        terminal::escaped,
    },
    units::counted,
};

/// The report with lines of any length.
impl fmt::Display for EstimateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(None))
    }
}

impl EstimateReport {
    /// The report as text for a terminal of so many columns; without a number its lines are as long as they need to be.
    pub fn shown(&self, columns: Option<usize>) -> String {
        written(|text| self.write(text, columns))
    }

    fn write(&self, f: &mut String, columns: Option<usize>) -> fmt::Result {
        let coverage = &self.coverage;
        write!(f, "{} of {} records", escaped(&self.described), coverage.records)?;
        write!(f, ", {} of them labelled", coverage.labelled)?;
        if coverage.not_comparable > 0 {
            write!(f, "; {} cannot be compared", counted(coverage.not_comparable, "label"))?;
        }
        if coverage.not_judged > 0 {
            write!(f, "\nlabelled records without a result: {}", coverage.not_judged)?;
        }
        write!(f, "\n\n{}", self.table().fitted(columns))?;
        for method in &self.methods {
            if let Err(refusal) = &method.outcome {
                write!(f, "\n{} refused: {refusal}; {}", name(method), refusal.advice())?;
            }
        }
        self.write_unreadable(f)?;
        self.write_shifted(f)
    }

    /// All methods, with the judge and the labels alone below.
    fn table(&self) -> Grid {
        let mut grid = Grid::new([
            Column::left("estimate", 8),
            Column::left("95 % interval", 17),
            Column::left("", 0),
        ])
        .headed("method");
        for method in &self.methods {
            match &method.outcome {
                Ok(estimate) => grid.row(name(method), cells(*estimate, remark(method))),
                Err(_) => grid.row(name(method), ["refused", "", ""].map(ToOwned::to_owned)),
            }
        }
        let plain =
            [("labels alone", self.labels_only, ""), ("judge alone", self.naive, "not corrected")];
        for (name, estimate, remark) in plain {
            if let Some(estimate) = estimate {
                grid.row(name, cells(estimate, remark.to_owned()));
            }
        }
        grid
    }

    fn write_unreadable(&self, f: &mut String) -> fmt::Result {
        let coverage = &self.coverage;
        let without = coverage.records - coverage.readable;
        if without == 0 {
            return Ok(());
        }
        write!(
            f,
            "\n\nestimates are of the {} with a verdict",
            counted(coverage.readable, "record")
        )?;
        write!(f, "; {without} have none, {} of these a label", coverage.labelled_unreadable)?;
        for method in &self.methods {
            if let Some(Interval { low, high }) = method.bounds {
                write!(f, "\nall records, whatever the others are: {low:.3} to {high:.3}")?;
                write!(f, " ({})", method.method.name())?;
            }
        }
        Ok(())
    }

    fn write_shifted(&self, f: &mut String) -> fmt::Result {
        let Some((labelled, others)) = self.shifted else { return Ok(()) };
        write!(
            f,
            "\n\nthe judge's mean is {labelled:.3} on labelled records and {others:.3} on others:"
        )?;
        write!(f, "\nestimates hold only for labels that were chosen at random")
    }

    /// The same figures for programs.
    pub fn to_json(&self) -> Value {
        let coverage = &self.coverage;
        let mut all: Vec<Value> = self.methods.iter().map(method_json).collect();
        all.push(plain_json("labels", self.labels_only));
        all.push(plain_json("naive", self.naive));
        json!({
            "of": self.estimand.name(),
            "estimand": self.described,
            "records": coverage.records,
            "readable": coverage.readable,
            "labelled": coverage.labelled,
            "labelled_unreadable": coverage.labelled_unreadable,
            "not_comparable": coverage.not_comparable,
            "not_judged": coverage.not_judged,
            "shifted": self.shifted.map(|(labelled, others)| json!({"labelled": labelled, "others": others})),
            "estimates": all,
        })
    }
}

fn name(method: &MethodEstimate) -> &'static str {
    match method.method {
        EstimateMethod::PredictionPowered => "prediction-powered",
        EstimateMethod::Isotonic => "isotonic calibration",
        EstimateMethod::RoganGladen => "Rogan-Gladen",
    }
}

/// What is said about a method behind its interval.
fn remark(method: &MethodEstimate) -> String {
    let figure = |name: &str| {
        let found = method.figures.iter().find(|(own, _)| *own == name);
        found.and_then(|(_, value)| value.as_f64()).unwrap_or(f64::NAN)
    };
    match method.method {
        EstimateMethod::PredictionPowered => format!("lambda {:.2}", figure("lambda")),
        EstimateMethod::Isotonic => {
            format!("{:.0} % of the variance from labels", 100.0 * figure("variance_from_labels"))
        }
        EstimateMethod::RoganGladen => format!(
            "sensitivity {:.2}, specificity {:.2}",
            figure("sensitivity"),
            figure("specificity")
        ),
    }
}

/// An estimate, its interval, and what is said about it.
fn cells(
    Estimate { value, interval: Interval { low, high } }: Estimate,
    remark: String,
) -> [String; 3] {
    [format!("{value:.3}"), format!("{low:.3} to {high:.3}"), remark]
}

fn method_json(method: &MethodEstimate) -> Value {
    match method.outcome {
        Ok(estimate) => {
            let mut object = numbers(method.method.name(), estimate);
            object.insert("bounds".into(), json!(method.bounds));
            let figures = method.figures.iter();
            object.extend(figures.map(|(name, value)| ((*name).to_owned(), value.clone())));
            Value::Object(object)
        }
        Err(refusal) => json!({
            "method": method.method.name(),
            "refused": refusal.to_string(),
            "advice": refusal.advice(),
        }),
    }
}

fn plain_json(name: &str, estimate: Option<Estimate>) -> Value {
    estimate.map_or(Value::Null, |estimate| Value::Object(numbers(name, estimate)))
}

fn numbers(name: &str, Estimate { value, interval }: Estimate) -> Map<String, Value> {
    let pairs = [("method", json!(name)), ("value", json!(value)), ("interval", json!(interval))];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
