//! Accuracy against tokens on the shipped model, with judges that make no, few and many errors:
//! `make scaling`. `examples/scaling.md` describes what it prints and draws.
#![expect(clippy::print_stdout, reason = "an example shows something")]

mod erring;
mod study;

use std::fs;

use tribunal::{
    Error, Result,
    report::{Chart, Point, Series},
};

use self::study::{Curve, Study};

/// How often the judges are wrong.
const ERRORS: [f64; 3] = [0.0, 0.1, 0.3];

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    let study = Study::open().await?;
    for share in ERRORS {
        let percent = share * 100.0;
        println!("\nA judge that is wrong in {percent:.0} % of its verdicts\n");
        println!("{:<22}{:<22}{:>8}  accuracy", "method", "setting", "tokens");
        let mut curves = study.selection(share).await?;
        curves.iter().for_each(print);
        for curve in [study.beams(share).await?, study.revisions(share).await?] {
            print(&curve);
            curves.push(curve);
        }
        let title = match percent {
            0.0 => "Sums, with a judge without added errors".to_owned(),
            _ => format!("Sums, with a judge that is wrong in {percent:.0} % of its verdicts"),
        };
        let file = format!("examples/scaling/wrong-{percent:.0}.svg");
        let svg = chart(title, study.questions(), &curves).svg()?;
        fs::write(&file, svg).map_err(Error::other)?;
        println!("drawn: {file}");
    }
    Ok(())
}

fn print(curve: &Curve) {
    for point in &curve.points {
        let (low, high) = point.interval;
        println!(
            "{:<22}{:<22}{:>8.0}  {:.1} % ({:.1}–{:.1})",
            curve.name,
            point.setting,
            point.tokens,
            point.accuracy * 100.0,
            low * 100.0,
            high * 100.0
        );
    }
}

fn chart(title: String, questions: usize, curves: &[Curve]) -> Chart {
    let x = "tokens written for each question, by policy and judge (logarithmic)";
    let chart = Chart::new(title, x, "questions answered right")
        .note(format!("{questions} sums of 4 and 5 numbers; thin lines are 95 % intervals"));
    // The first point of a vote is one answer.
    let one = curves.first().and_then(|curve| curve.points.first());
    let chart = match one {
        Some(one) => chart.level("one answer (pass@1)", one.accuracy),
        None => chart,
    };
    curves.iter().fold(chart, |chart, curve| {
        let points = curve.points.iter().map(|point| {
            let (low, high) = point.interval;
            Point::new(point.tokens, point.accuracy).interval(low, high)
        });
        chart.series(Series::new(&curve.name, points))
    })
}
