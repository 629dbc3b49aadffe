//! Sets, points, lists, intervals, equations, matrices, and names and units beside values.

use super::all;

#[test]
fn sets_points_and_lists_have_their_own_order() {
    all(
        &[
            ("\\{1,2\\}", "\\{2, 1\\}"),
            ("\\{1, 2, 2\\}", "\\{1, 2\\}"),
            ("\\left\\{ \\frac12, 3 \\right\\}", "\\{3, 0.5\\}"),
            ("2 \\text{ and } 3", "3, 2"),
            ("2, 3", "\\{2, 3\\}"),
            ("2 \\text{ or } 3", "2 and 3"),
            ("1, 2, and 3", "3,2,1"),
            ("\\pm 3", "3, -3"),
            ("1 \\pm \\sqrt{2}", "1 - \\sqrt{2}, 1 + \\sqrt{2}"),
            ("x = \\pm 2", "-2, 2"),
            ("x = 1, x = 2", "1, 2"),
            ("x = 1 \\text{ or } x = 2", "\\{1,2\\}"),
            ("(1, 2)", "\\left( 1, \\frac{4}{2} \\right)"),
            ("\\left(3, \\frac{\\pi}{2}\\right)", "(3,\\pi/2)"),
            ("(x, y) = (1, 2)", "(1,2)"),
            ("\\{5\\}", "5"),
            ("\\emptyset", "\\{\\}"),
            ("[1, 2, 3]", "[1,2,3]"),
            ("\\{(1,2),(3,4)\\}", "\\{(3,4), (1,2)\\}"),
        ],
        Some(true),
    );
    all(
        &[
            ("(1, 2)", "(2, 1)"),
            ("\\{1,2\\}", "\\{1,3\\}"),
            ("\\{1,2\\}", "\\{1,2,3\\}"),
            ("\\{1, 2\\}", "1"),
            ("(1,2)", "(1,2,3)"),
            ("2, 3", "2, 4"),
        ],
        Some(false),
    );
    // One of several values is not one value, and brackets may be a matter of style.
    all(&[("2, 3", "3"), ("\\{1,2\\}", "(1,2)"), ("x = 2, y = 3", "2, 3")], None);
}

#[test]
fn intervals_are_equal_to_inequalities() {
    all(
        &[
            ("(5,\\infty)", "x > 5"),
            ("x \\in (5, \\infty)", "(5,+\\infty)"),
            ("5 < x", "x>5"),
            ("[1, 2)", "1 \\le x < 2"),
            ("[1,2]", "1 \\leq x \\leq 2"),
            ("(1,2)", "1<x<2"),
            ("2 > x > 1", "(1,2)"),
            ("(-\\infty, 0) \\cup (0, \\infty)", "(0,\\infty)\\cup(-\\infty,0)"),
            ("[0,1]\\cup[1,2]", "[0,2]"),
            ("x < 1 \\text{ or } x > 3", "(-\\infty,1)\\cup(3,\\infty)"),
            ("x > 1 \\text{ and } x \\le 3", "(1,3]"),
            ("\\mathbb{R}", "(-\\infty,\\infty)"),
            ("\\{x : x \\ge 2\\}", "[2,\\infty)"),
            ("[\\sqrt2, \\infty)", "x \\geq \\sqrt{2}"),
        ],
        Some(true),
    );
    all(
        &[
            ("(5,\\infty)", "[5,\\infty)"),
            ("x > 5", "x < 5"),
            ("[1,2]", "[1,3]"),
            ("(1,2]", "[1,2)"),
            ("x > 5", "5"),
            ("[1,2]\\cup[3,4]", "[1,4]"),
        ],
        Some(false),
    );
}

#[test]
fn a_name_may_be_left_out_and_a_unit_too() {
    all(
        &[
            ("x = 5", "5"),
            ("5 = x", "x=5"),
            ("f(x) = 2x+1", "2x+1"),
            ("y = 2x + 3", "2x+3"),
            ("\\text{Area} = 25", "25"),
            ("a = b = 4", "4"),
            ("2 + 2 = 4", "4"),
            ("12 \\text{ apples}", "12"),
            ("5\\text{ cm}", "5"),
            ("5\\text{ cm}", "5 \\mathrm{~cm}"),
            ("5\\ \\text{centimeters}", "5 \\text{ cm}"),
            ("25\\text{ cm}^2", "25 \\text{ square centimeters}"),
            ("25\\text{ cm}^2", "25"),
            ("60 \\text{ mph}", "60 \\text{ miles per hour}"),
            ("90^\\circ", "90"),
            ("90^{\\circ}", "90 \\text{ degrees}"),
            ("\\$18", "18"),
            ("\\$18", "18 \\text{ dollars}"),
            ("1 \\text{ hour}", "60 \\text{ minutes}"),
            ("1.5 \\text{ km}", "1500 \\text{ m}"),
            ("\\$1.50", "150 \\text{ cents}"),
            ("5 \\text{ m}", "5 m"),
        ],
        Some(true),
    );
    all(
        &[
            ("x = 5", "x = 6"),
            ("5 \\text{ m}", "5 \\text{ km}"),
            ("12 \\text{ apples}", "13"),
            ("5 \\text{ cm}", "6"),
            ("y = 2x+3", "y = 2x+4"),
            ("\\$5", "5 \\text{ cents}"),
        ],
        Some(false),
    );
    all(
        &[
            ("5 \\text{ hours}", "5 \\text{ dollars}"),
            ("x = 5", "y = 5"),
            ("5m", "5"),
            ("50\\%", "50"),
            ("90^\\circ", "\\frac{\\pi}{2}"),
            ("25^\\circ C", "25^\\circ F"),
        ],
        None,
    );
}

#[test]
fn equations_and_matrices_are_equal_in_other_forms() {
    all(
        &[
            ("y = 2x + 3", "2x - y + 3 = 0"),
            ("2y = 4x + 6", "y = 2x+3"),
            ("x^2 + y^2 = 4", "4 = y^2 + x^2"),
            (
                "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
                "\\begin{bmatrix}1&2\\\\3&\\frac{8}{2}\\end{bmatrix}",
            ),
        ],
        Some(true),
    );
    all(
        &[
            (
                "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
                "\\begin{pmatrix} 1 \\\\ 3 \\end{pmatrix}",
            ),
            ("\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"),
            ("x + y = 1", "x + y = 2"),
        ],
        Some(false),
    );
    all(
        &[
            ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "(1,2)"),
            ("x^2 = 4", "x^2 + x = 2"),
            ("x + 5 = 12", "12"),
        ],
        None,
    );
}
