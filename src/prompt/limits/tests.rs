use super::*;

fn rendered(source: &str) -> Result<String, String> {
    let mut environment = Environment::new();
    meter(&mut environment);
    let metered = metered(source).map_err(|exceeded| exceeded.message)?;
    environment
        .render_str(&metered, minijinja::context! { l => vec![1, 2], s => "a", n => 3 })
        .map_err(|cause| format!("{cause}\n{metered}"))
}

fn unmetered(source: &str) -> String {
    let mut environment = Environment::new();
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment
        .render_str(source, minijinja::context! { l => vec![1, 2], s => "a", n => 3 })
        .unwrap()
}

#[test]
fn metering_changes_no_result() {
    for source in [
        "{{ n + 1 }} {{ s + 'b' + \"c\" }} {{ l + [n] + l }} {{ 1 + n * 2 - -n + 4 }}",
        "{%- set x = l + [[n, 1], {'a': n + 1}] -%}{{ x }}{% set a, b = n + 1, 'x' %}{{ a }}{{ b }}",
        "{{ n + 1 if n + 1 > 3 and not n + 1 == 5 else s + 'z' }}",
        "{{ s + 'b' if s is string }} {{ n + 1 if n is not none }} {{ 4 not in l + l }}",
        "{% for x in l + [5] if x + 1 > 2 %}{{ loop.index0 + 1 }}{{ x }},{% endfor %}",
        "{% for x in l + [5] recursive %}{{ x }}{% endfor %}",
        "{% set ns = namespace(t='', k=1) %}{% for x in l %}{% set ns.t = ns.t + x|string + ';' %}{% set ns.k = ns.k + 1 %}{% endfor %}{{ ns.t }}{{ ns.k }}",
        "{{ (1, n) + (2,) }} {{ (n + 1) * 2 }} {{ [1, 2, 3][n - 2 + 0:] }} {{ l[0 + 1] }} {{ {'a': {'b': 1 + 1}}['a'] }}",
        "{{ 1e+2 + 1.5 + 0x1f + 1_0 }} {{ ('a' ~ 'b') + 'c' }} {{ 'a' + s|upper + s.upper() }}",
        "{% raw %}{{ a + b }}{% endraw %}{# {{ a + b #}{{ 'x + y' + '\\'' }}",
        "{% macro f(a, b=1 + 1) %}{{ a + b }}{% endmacro %}{{ f(1) }}{{ f(n + 1, b=2 + 3) }}",
        "{% if l + l %}y{% elif n + 1 %}z{% else %}w{% endif %}{% with q = n + 1, r = [n] %}{{ q }}{{ r }}{% endwith %}",
        "{{ 'a-b'.replace('-', '+').split('+') }}{{ ', '.join(l) }}{{ 'aaa'.replace('a', 'b', 1) }}",
        "{{ dict(a=n, b=[1]) }}{{ {'a': n}.items() | list }}{% set z %}t{{ n + 1 }}{% endset %}{{ z }}",
        "{{- n + 1 -}} {%- if n + 1 -%} q {%- endif -%} {{+ n +}} x ",
        "{{ l | map('string') | join('+') + '!' }}{{ -n + 1 }}{{ 2 ** -1 + 1 }}{% set ns = namespace() %}{% set ns.reset = n + 1 %}{{ ns.reset }}",
    ] {
        assert_eq!(rendered(source).as_deref(), Ok(&*unmetered(source)), "{source}");
    }
}

#[test]
fn what_grows_without_end_is_stopped() {
    let forty = |text: &str| text.repeat(40);
    for source in [
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}".to_owned(),
        "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{% for x in range(90000) %}{{ x }}{% for y in range(900) %}{% endfor %}{% endfor %}".to_owned(),
        format!("{{% set l = [1] %}}{}{{{{ l | length }}}}", forty("{% set l = l + l %}")),
        format!("{{% set l = [1] %}}{}{{{{ l | length }}}}", forty("{% set l = (l + (l)) %}")),
        "{% macro f(l, n) %}{% if n %}{{ f(l + l, n - 1) }}{% else %}{{ l | length }}{% endif %}{% endmacro %}{{ f([1], 50) }}".to_owned(),
        "{% macro f(x, y, n) %}{% if n %}{{ f([x, x], [y, y], n - 1) }}{% else %}{{ x == y }}{% endif %}{% endmacro %}{{ f([1], [1], 30) }}".to_owned(),
        format!("{}{{{{ x == y }}}}{}", "{% with x = [x, x], y = [y, y] %}".repeat(30), "{% endwith %}".repeat(30)),
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
        "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x | batch(1) | list %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}".to_owned(),
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}".to_owned(),
        "{% set ns = namespace() %}{% set a = [ns] %}{% set ns.me = a %}{{ ns }}".to_owned(),
        "{% set ns = namespace() %}{% set other = namespace(a=ns) %}{% set ns.me = other %}{{ ns }}".to_owned(),
        "{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}".to_owned(),
        "{% set s = 'a' * 1000000 %}{{ s.join(range(100000)) }}".to_owned(),
        "{{ '{:>999999999}'.format(1) }}".to_owned(),
        "{% set s = 'a' * 1000000 %}{{ s | replace('a', s) }}".to_owned(),
        "{{ [1] * 1000000000 + [1] }}".to_owned(),
        "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}".to_owned(),
    ] {
        assert!(rendered(&source).is_err(), "{source}");
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused_before_it_is_parsed() {
    for source in [
        format!("{{{{ {}n }}}}", "not ".repeat(50_000)),
        format!("{{{{ n{} }}}}", ".a".repeat(50_000)),
        format!("{{{{ {}n }}}}", "-".repeat(50_000)),
        format!("{{{{ n{} }}}}", "[0]".repeat(50_000)),
        format!("{{{{ n{} }}}}", "()".repeat(50_000)),
        format!("{{{{ n{} }}}}", "|upper".repeat(50_000)),
        format!("{{{{ n{} }}}}", "+n".repeat(50_000)),
        format!("{{{{ n{} }}}}", " is defined".repeat(50_000)),
        format!("{{{{ n{} }}}}", " if n else n".repeat(50_000)),
        format!("{{{{ {} }}}}", "[".repeat(50_000)),
        format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(50_000)),
        "x".repeat(LARGEST + 1),
    ] {
        let refused = rendered(&source).unwrap_err();
        assert!(refused.contains("more than"), "{refused}");
    }
    let line = metered(&format!("a\nb\n{{{{ n{} }}}}", ".a".repeat(50_000))).unwrap_err().line;
    assert_eq!(line, 3);
}

#[test]
fn what_the_limits_allow_does_not_overflow_a_small_stack() {
    let deep = [
        format!("{{{{ {}n }}}}", "not ".repeat(LONGEST - 10)),
        format!("{{{{ {}n }}}}", "-".repeat(LONGEST - 10)),
        format!("{{{{ l{} }}}}", "[0]".repeat(LONGEST / 5)),
        format!("{{{{ n{} }}}}", "+n".repeat(LONGEST / 2 - 10)),
        format!("{{{{ {}n{} }}}}", "[".repeat(BRACKETS - 1), "]".repeat(BRACKETS - 1)),
        format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(BRANCHES)),
    ];
    let functions = move || deep.iter().for_each(|source| drop(rendered(source)));
    std::thread::Builder::new().stack_size(2 << 20).spawn(functions).unwrap().join().unwrap();
}

#[test]
fn json_takes_the_options_of_python() {
    assert_eq!(rendered("{{ {'a': n} | tojson }}").unwrap(), r#"{"a":3}"#);
    assert_eq!(rendered("{{ {'a': n} | tojson(indent=2) }}").unwrap(), "{\n  \"a\": 3\n}");
    assert_eq!(rendered("{{ 'é' | tojson(ensure_ascii=False) }}").unwrap(), "\"é\"");
}
