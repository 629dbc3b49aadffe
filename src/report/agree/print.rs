//! The report: tables for people, JSON for programs.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::{
    alternative::{AlternativeAnnotators, LeftOut},
    classes::ClassFigures,
    people::PeopleCoverage,
    report::{AgreementReport, Disagreement},
};
use crate::{
    metrics::{AdvantageTest, Figure, Interval},
    report::{
        grid::{Column, Grid, written},
        terminal::{escaped, padded, shortened},
    },
    units::counted,
};

/// The most classes of which the table of labels and verdicts is printed.
const MOST_CLASSES: usize = 12;

/// The widest name of a class or a record, in columns.
const NAME: usize = 24;

/// The widest critique.
const CRITIQUE: usize = 72;

/// The report with lines of any length.
impl fmt::Display for AgreementReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(None))
    }
}

impl AgreementReport {
    /// The report as text for a terminal of so many columns; without a number its lines are as long as they need to be. In
    /// a narrow terminal long names stand above their figures.
    pub fn shown(&self, columns: Option<usize>) -> String {
        written(|text| self.write(text, columns))
    }

    fn write(&self, f: &mut String, columns: Option<usize>) -> fmt::Result {
        self.write_coverage(f)?;
        self.write_figures(f, columns)?;
        if let Some(classes) = &self.classes {
            write_classes(f, classes, columns)?;
        }
        if let Some(test) = &self.alternative {
            write_alternative(f, test, columns)?;
        }
        self.write_disagreements(f, columns)?;
        self.calibration.as_ref().map_or(Ok(()), |figures| f.write_str(&figures.table(columns)))
    }

    fn write_coverage(&self, f: &mut String) -> fmt::Result {
        let coverage = &self.coverage;
        let field = escaped(&self.field);
        write!(f, "{} of {} records compared with `{field}`", coverage.compared, coverage.records)?;
        for (count, what) in [
            (coverage.without_label, "without a label"),
            (coverage.unreadable, "unreadable"),
            (coverage.failed, "failed"),
            (coverage.not_comparable, "with a label that cannot be compared"),
        ] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        if let Some(clusters) = self.clusters {
            write!(f, "\nintervals are of {}", counted(clusters, "cluster"))?;
        }
        if let Some(PeopleCoverage { people, records, tied }) = coverage.people {
            let have = if records == 1 { "record has" } else { "records have" };
            write!(f, "\n{records} {have} the labels of several people, {people} in all")?;
            if tied > 0 {
                let have = if tied == 1 { "has" } else { "have" };
                write!(
                    f,
                    "; {tied} of these records {have} no most frequent label, and cannot be compared"
                )?;
            }
        }
        if coverage.not_judged > 0 {
            write!(f, "\nlabelled records without a result: {}", coverage.not_judged)?;
        }
        if let Some((label, record)) = &coverage.first {
            let label = shortened(&escaped(label), NAME);
            write!(
                f,
                "\nnot comparable: `{label}` of record `{}`, for example; give it a meaning with --label-map",
                escaped(record)
            )?;
        }
        if let Some(Interval { low, high }) = self.bounds {
            write!(
                f,
                "\nagreement of all labelled records is between {low:.3} and {high:.3}, whatever those without a verdict had said"
            )?;
        }
        if let Some(Interval { low, high }) = self.error_bounds {
            write!(
                f,
                "\nmean absolute error of all labelled records is between {low:.3} and {high:.3}, in the same way"
            )?;
        }
        Ok(())
    }

    /// The figures as a table. Those of single classes have a table of their own.
    fn write_figures(&self, f: &mut String, columns: Option<usize>) -> fmt::Result {
        let is_shown = |figure: &&Figure| {
            let of_class = self.classes.is_some()
                && ["recall.", "precision."].iter().any(|key| figure.name.starts_with(key));
            figure.value.is_some() && !of_class
        };
        let mut grid = Grid::new([
            Column::right("value", 7),
            Column::left("95 % interval", 15),
            Column::right("n", 4),
        ]);
        for figure in self.figures.iter().filter(is_shown) {
            let value = figure.value.unwrap_or_default();
            let is_count =
                figure.name.rsplit('.').next().is_some_and(|name| name.starts_with("levels_"));
            let value = if is_count { format!("{value:.0}") } else { decimals(value) };
            let interval = figure.interval.map_or_else(String::new, |Interval { low, high }| {
                format!("{} to {}", decimals(low), decimals(high))
            });
            grid.row(escaped(&figure.title), [value, interval, figure.count.to_string()]);
        }
        write!(f, "\n\n{}", grid.fitted(columns))?;
        let undefined: Vec<String> = self
            .figures
            .iter()
            .filter(|figure| figure.value.is_none() && !figure.name.contains('.'))
            .map(|figure| escaped(&figure.title))
            .collect();
        if undefined.is_empty() {
            Ok(())
        } else {
            write!(f, "\nnot defined: {}", undefined.join(", "))
        }
    }

    fn write_disagreements(&self, f: &mut String, columns: Option<usize>) -> fmt::Result {
        if self.disagreements.is_empty() {
            return Ok(());
        }
        let shown = self.disagreements.len();
        write!(f, "\n\ndisagreements, {shown} of {}", self.differing)?;
        let heads = ["record", "label", "verdict"];
        let cell = |text: &str| shortened(&escaped(text), NAME);
        let row = |one: &Disagreement| {
            let verdict = one.verdict.as_deref().unwrap_or("(no verdict)");
            [cell(&one.id), cell(&one.label), cell(verdict)]
        };
        let rows: Vec<[String; 3]> = self.disagreements.iter().map(row).collect();
        let widths = [0, 1, 2].map(|column: usize| {
            let cells = rows.iter().map(|row| row[column].width());
            cells.chain([heads[column].width()]).max().unwrap_or(0)
        });
        let line = |cells: [&str; 3], text: &str| {
            let padded = cells.iter().zip(widths).map(|(cell, width)| padded(cell, width));
            format!("{}  {text}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
        };
        // What the judge wrote stands beside the verdict, or below it where there is little room.
        let used = widths.iter().map(|width| width + 2).sum::<usize>();
        let room = columns.map_or(CRITIQUE, |most| most.saturating_sub(used).min(CRITIQUE));
        let is_below = room < NAME;
        let is_silent = self.disagreements.iter().all(|one| one.critique.trim().is_empty());
        let head = if is_below || is_silent { "" } else { "the judge wrote" };
        write!(f, "\n{}", line(heads, head))?;
        for (row, one) in rows.iter().zip(&self.disagreements) {
            let cells = [&*row[0], &*row[1], &*row[2]];
            let critique = escaped(one.critique.trim());
            if !is_below {
                write!(f, "\n{}", line(cells, &shortened(&critique, room)))?;
                continue;
            }
            write!(f, "\n{}", line(cells, ""))?;
            if !critique.is_empty() {
                let room = columns.unwrap_or(CRITIQUE).saturating_sub(2);
                write!(f, "\n  {}", shortened(&critique, room))?;
            }
        }
        Ok(())
    }

    /// The report as JSON. A figure that is not defined is null.
    pub fn to_json(&self) -> Value {
        let coverage = &self.coverage;
        let figures: serde_json::Map<String, Value> = self
            .figures
            .iter()
            .map(|one| {
                let of = json!({"value": one.value, "interval": one.interval, "count": one.count});
                (one.name.clone(), of)
            })
            .collect();
        let disagreement = |one: &Disagreement| json!({"id": one.id, "label": one.label, "verdict": one.verdict, "critique": one.critique});
        let mut all = json!({
            "field": self.field,
            "kind": self.kind,
            "records": coverage.records,
            "compared": coverage.compared,
            "without_label": coverage.without_label,
            "unreadable": coverage.unreadable,
            "failed": coverage.failed,
            "not_comparable": coverage.not_comparable,
            "not_judged": coverage.not_judged,
            "clusters": self.clusters,
            "people": coverage.people.map(|PeopleCoverage { people, records, tied }| json!({"people": people, "records": records, "tied": tied})),
            "bounds": self.bounds,
            "error_bounds": self.error_bounds,
            "figures": figures,
            "differing": self.differing,
            "disagreements": self.disagreements.iter().map(disagreement).collect::<Vec<_>>(),
        });
        if let Some(ClassFigures { names, matrix, .. }) = &self.classes {
            let row = |truth: usize| -> Vec<usize> {
                (0..names.len()).map(|judged| matrix.at(truth, judged)).collect()
            };
            let rows: Vec<Vec<usize>> = (0..names.len()).map(row).collect();
            all["confusion"] = json!({"classes": names, "rows_are_labels": rows});
        }
        if let Some(test) = &self.alternative {
            let people: Vec<Value> = test.people.iter().map(left_out).collect();
            all["alternative_annotator_test"] = json!({"epsilon": test.epsilon, "people": people});
        }
        if let Some(figures) = &self.calibration {
            all["calibration"] = figures.to_json();
        }
        all
    }
}

/// From here on numbers are printed as powers of ten, so that columns stay narrow.
const LARGE: f64 = 1e7;

/// A number with three decimals, and zero without a sign.
fn decimals(value: f64) -> String {
    match value.abs() {
        small if small < 0.000_5 => "0.000".to_owned(),
        large if large >= LARGE => format!("{value:.1e}"),
        _ => format!("{value:.3}"),
    }
}

/// Labels in rows, verdicts in columns, and what single classes come to.
fn write_classes(f: &mut String, classes: &ClassFigures, columns: Option<usize>) -> fmt::Result {
    let ClassFigures { names, matrix, recall, precision, .. } = classes;
    let names: Vec<String> = names.iter().map(|name| shortened(&escaped(name), NAME)).collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0).max(7);
    if names.len() <= MOST_CLASSES {
        let head = |name: &String| Column::right(name, widest);
        let mut grid = Grid::new(names.iter().map(head).collect::<Vec<_>>());
        for (truth, name) in names.iter().enumerate() {
            let count = |judged| matrix.at(truth, judged).to_string();
            grid.row(padded(name, 7), (0..names.len()).map(count).collect::<Vec<_>>());
        }
        write!(f, "\n\nlabels in rows, verdicts in columns\n{}", grid.fitted(columns))?;
    }
    let mut grid = Grid::new([
        Column::right("labels", 6),
        Column::right("verdicts", 8),
        Column::left("recall  95 % interval", 22),
        Column::left("precision  95 % interval", 0),
    ]);
    for (class, name) in names.iter().enumerate() {
        let (labels, verdicts) = (matrix.true_count(class), matrix.judged_count(class));
        if labels + verdicts > 0 {
            let (recall, precision) = (cells(&recall[class]), cells(&precision[class]));
            let recall = format!("{:>6}  {}", recall.0, recall.1);
            let precision = format!("{:>9}  {}", precision.0, precision.1);
            let counts = [labels, verdicts].map(|count| count.to_string());
            grid.row(
                padded(name, 7),
                counts.into_iter().chain([recall, precision]).collect::<Vec<_>>(),
            );
        }
    }
    write!(f, "\n\n{}", grid.fitted(columns))?;
    let said = (0..names.len()).filter(|class| matrix.judged_count(*class) > 0).count();
    let meant = (0..names.len()).filter(|class| matrix.true_count(*class) > 0).count();
    write!(f, "\nclasses that occur: {meant} in labels, {said} in verdicts, of {}", names.len())
}

/// The most people of whom the test is printed.
const MOST_PEOPLE: usize = 20;

/// The judge beside each person who is left out.
fn write_alternative(
    f: &mut String,
    test: &AlternativeAnnotators,
    columns: Option<usize>,
) -> fmt::Result {
    let AlternativeAnnotators { epsilon, people } = test;
    let shown = &people[..people.len().min(MOST_PEOPLE)];
    let mut grid = Grid::new([
        Column::right("records", 7),
        Column::right("judge", 5),
        Column::right("person", 6),
        Column::right("adjusted p", 10),
        Column::left("judge wins", 10),
    ])
    .headed("left out");
    shown.iter().for_each(|one| grid.row(name_of(one), person_cells(one)));
    write!(
        f,
        "\n\nalternative annotator test, epsilon {epsilon}: each person left out, as near to the others or nearer\n{}",
        grid.fitted(columns)
    )?;
    if shown.iter().any(|one| one.test.is_none()) {
        write!(f, "\nnot tested: fewer than {} records", AdvantageTest::LEAST_RECORDS)?;
    }
    let more = people.len() - shown.len();
    if more > 0 {
        write!(f, "\nand {more} more (--json has all)")?;
    }
    write_verdict(f, test)
}

/// The person who is left out, with the criterion where there is one.
fn name_of(one: &LeftOut) -> String {
    let person = shortened(&escaped(&one.person), NAME);
    match &*one.criterion {
        "" => person,
        criterion => format!("{}: {person}", shortened(&escaped(criterion), NAME)),
    }
}

/// What the judge and the person come to.
fn person_cells(one: &LeftOut) -> Vec<String> {
    let records = one.records.to_string();
    let Some((test, p)) = one.test.zip(one.adjusted) else {
        return [&*records, "-", "-", "-", "not tested"].map(ToOwned::to_owned).into();
    };
    let wins = if one.is_beaten() { "yes" } else { "no" };
    let shares = [test.judge, test.person].map(|share| format!("{share:.3}"));
    let [judge, person] = shares;
    vec![records, judge, person, format!("{p:.4}"), wins.to_owned()]
}

/// What the tests come to: with several criteria, each has its own winning rate.
fn write_verdict(f: &mut String, test: &AlternativeAnnotators) -> fmt::Result {
    let criteria: BTreeSet<&str> = test.people.iter().map(|one| &*one.criterion).collect();
    for criterion in criteria {
        let (won, count) = test.won(criterion);
        if count == 0 {
            continue;
        }
        let of =
            if criterion.is_empty() { String::new() } else { format!("{}: ", escaped(criterion)) };
        let may = if 2 * won >= count { "may" } else { "may not" };
        let few = if count < 3 { "; three people or more are advised" } else { "" };
        write!(
            f,
            "\n{of}the judge wins against {won} of {count}: it {may} take the place of a person{few}"
        )?;
    }
    Ok(())
}

/// One person who is left out, as JSON.
fn left_out(one: &LeftOut) -> Value {
    json!({
        "criterion": Some(&one.criterion).filter(|name| !name.is_empty()),
        "person": one.person,
        "records": one.records,
        "judge": one.test.map(|test| test.judge),
        "person_share": one.test.map(|test| test.person),
        "p": one.test.map(|test| test.p),
        "adjusted_p": one.adjusted,
        "judge_wins": one.adjusted.map(|_| one.is_beaten()),
    })
}

/// A share and its interval, as cells.
fn cells(figure: &Figure) -> (String, String) {
    let value = figure.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let interval = figure.interval.map(|Interval { low, high }| format!("{low:.3} to {high:.3}"));
    (value, interval.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_people_fits_terminals_of_forty_columns_and_more() {
        let nearness: Vec<(f64, f64)> = (0..40).map(|n| (f64::from(n % 3), 1.0)).collect();
        let person = |name: &str, records: usize, test: Option<AdvantageTest>| LeftOut {
            criterion: "helpfulness".into(),
            person: name.into(),
            records,
            adjusted: test.map(|test| test.p),
            test,
        };
        let tested = AdvantageTest::new(&nearness, None, 0.2);
        let people = vec![
            person("ada", 40, tested),
            person("a name that is long\u{1b}[2J and hostile", 12, None),
        ];
        let test = AlternativeAnnotators { epsilon: 0.2, people };
        for columns in 40..=120 {
            let mut shown = String::new();
            write_alternative(&mut shown, &test, Some(columns)).unwrap();
            let rows: Vec<&str> = shown.lines().skip(3).collect();
            let table = rows.iter().take_while(|row| !row.starts_with("not tested: "));
            assert!(table.clone().all(|row| row.width() <= columns), "{columns}:\n{shown}");
            assert!(table.count() >= 3 && !shown.contains('\u{1b}'), "{shown}");
        }
        let mut wide = String::new();
        write_alternative(&mut wide, &test, None).unwrap();
        assert!(
            wide.contains("  12      -       -           -  not tested\nnot tested: fewer than 30"),
            "{wide}"
        );
    }
}
