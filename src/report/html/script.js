"use strict";
// The records of the report: a table of which only the visible rows exist, and the details of one record.
// Everything from records becomes text: no element is ever made from it.
(() => {
  const $ = (id) => document.getElementById(id);
  const { runs, notes, flags, members, rows, part: PART } = JSON.parse($("index").textContent);
  const [SLUG, ID, RUN, SHOWN, WORD, SCORE, EXPECTED, LABEL, MEANT, FLAGS, GROUP, TIME, COST, P, LENGTH, ORDERS, REASON, WORDS, PEERS, OUTCOME] =
    Array.from({ length: 20 }, (_, at) => at);
  const HEIGHT = 33;

  // ---- the details of records, in parts of so many lines ----

  // This script runs after the first part. The others are read after it, so that the table need not wait for them.
  const parts = [];

  /** A part as text; null while the page is still being read. */
  function part(number) {
    const block = $(`details-${number}`);
    const isWhole = block && (document.readyState !== "loading" || block.nextElementSibling);
    return isWhole ? (parts[number] ??= { text: block.textContent }) : null;
  }

  /** The details of a record; null while the page is still being read. */
  function details(at) {
    const of = part(Math.floor(at / PART));
    if (!of) return null;
    of.lines ??= of.text.split("\n");
    return JSON.parse(of.lines[at % PART]);
  }

  /** The lines that several requests have in common; null while the page is still being read. */
  let common = null;
  const shared = () => (document.readyState === "loading" ? null : (common ??= JSON.parse($("shared").textContent)));

  // ---- elements and texts ----

  // Characters that cannot be seen, or that change the order of others.
  const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/gu;

  function el(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value !== false && value != null) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child != null && child !== false));
    return made;
  }

  /** The text as nodes, with what cannot be seen as its number. */
  function text(words) {
    const whole = String(words ?? "");
    const parts = [];
    let from = 0;
    for (const found of whole.matchAll(UNSEEN)) {
      const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      parts.push(whole.slice(from, found.index), el("span", { class: "hidden" }, `U+${code}`));
      from = found.index + found[0].length;
    }
    parts.push(whole.slice(from));
    return el("bdi", {}, ...parts);
  }

  const pre = (words) => el("pre", {}, text(words));
  // The record is a part of the part "Records": its name is a heading of the third level.
  const box = (title, words, chosen) =>
    el("div", { class: chosen ? "box chosen" : "box" }, title && el("h5", {}, text(title)), pre(words));
  const section = (title, ...children) => el("section", {}, el("h4", {}, title), ...children);
  const caption = (words) => el("caption", { class: "unseen" }, words);
  const folded = (title, ...children) => el("details", {}, el("summary", {}, title), ...children);
  const tag = (words, tone) => el("span", { class: `tag ${tone ?? ""}` }, text(words));
  const isNumber = (words) => words != null && words.trim() !== "" && !isNaN(words);
  const number = (value, digits = 3) => (value == null ? "–" : value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1"));
  const valued = (value) => (value == null ? "no value" : `value ${number(value)}`);
  const ended = (answer) => answer != null && el("p", { class: "quiet" }, text(`final answer ${answer.replace(/^text: /, "")}`));

  /** A bar from 0 to 1 with its name and its number. */
  function bar(name, share, shown) {
    const fill = el("span", { class: "fill" });
    fill.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    return el("div", { class: "bar" }, el("span", {}, text(name)), el("span", { class: "track" }, fill),
      el("span", { class: "number" }, shown));
  }

  /** From red to green, which people with any colour vision can tell apart (Okabe and Ito). */
  function colour(p) {
    const [red, green] = [[213, 94, 0], [0, 158, 115]];
    return `rgb(${red.map((low, at) => Math.round(low + (green[at] - low) * p)).join(" ")})`;
  }

  // ---- the details of a record ----

  const PARTS = [
    ["error", ([kind, message, hints]) => section(`Failed: ${kind}`, pre([message, ...hints].join("\n")))],
    ["unreadable", ([reason, detail]) => section(`Unreadable: ${reason}`, pre(detail))],
    ["question", (words) => section("Question", box(null, words))],
    ["answers", (all) => section(all.length > 1 ? "Answers" : "Answer",
      el("div", { class: "side" }, ...all.map(([name, words]) => box(all.length > 1 ? name : null, words))))],
    ["candidates", (all) => section("Candidates", el("div", { class: "side" }, ...all.map(candidate)))],
    ["paths", (all) => section("Solutions", el("div", { class: "side" }, ...all.map(path)))],
    ["tree", (nodes) => section("Tree", tree(nodes))],
    ["rounds", (all) => section("Rounds", ...all.map(round))],
    ["final", ([by, verdict, pass, flipped]) => section("Final judgment",
      el("p", {}, text(`${by}: ${verdict} `), outcome(pass), flipped && tag("contradicts the loop", "bad")))],
    ["steps", (all, { rollouts }) => section("Steps", all.some((one) => one.p != null) && el("p", { class: "quiet" },
      rollouts ? "Beside each: the share of its completions that end right." : "Beside each: the probability that it is correct."),
      ...all.map(step))],
    ["criteria", (all) => section("Criteria", criteria(all))],
    ["critique", (words, { span }) => section("Critique", box2(words, span))],
    ["values", (all, { missing }) => section("Probabilities",
      ...all.map(([name, p]) => bar(name, p, number(p))), missing > 0.0005 && bar("anything else", missing, number(missing)))],
    ["games", (all) => folded(`Comparisons (${all.length})`, el("table", {}, caption("Comparisons of candidates"),
      el("tbody", {}, ...all.map(([one, other, share, same]) => el("tr", {}, el("td", {}, `${one} against ${other}`),
        el("td", { class: "number" }, share == null ? "no result" : `${number(share, 2)} for ${one}`),
        el("td", {}, same === false ? "flips with the order" : ""))))))],
    ["rollouts", (all) => folded("Completions", el("table", {}, caption("Completions by the steps that are kept"), el("thead", {}, el("tr", {},
      ...["kept steps", "right", "wrong", "unreadable"].map((name) => el("th", { scope: "col", class: "number" }, name)))),
    el("tbody", {}, ...all.map((one) => el("tr", {},
      ...[one.steps, one.correct, one.incorrect, one.unreadable].map((n) => el("td", { class: "number" }, String(n))))))))],
    ["votes", (all) => folded(`Votes (${all.length})`, ...all.map((vote) => el("div", {},
      el("h5", {}, text(`${vote.by}, draw ${vote.draw}, ${vote.order} order: `), text(vote.verdict)),
      box2(vote.text, vote.span))))],
    ["sent", (all) => shared() && folded(`Requests (${all.length}), made again from the record and the run’s manifest`,
      ...all.map(([name, messages]) => el("div", {}, el("h5", {}, text(name)), ...messages.map(([role, places]) =>
        box(role, places.map((place) => shared()[place]).join("\n"))))))],
    ["raw", (all) => folded(`Raw replies (${all.length})`, ...all.map(([name, words]) =>
      words == null ? el("p", { class: "quiet" }, text(`${name}: the critique above, character for character`)) : box(name, words)))],
    ["fields", (all) => all.length > 0 && folded(`Other fields of the record (${all.length})`,
      ...all.map(([name, words]) => box(name, words)))],
    ["facts", (all) => folded("About this result", el("dl", { class: "facts" },
      ...all.map(([name, words]) => el("div", {}, el("dt", {}, name), el("dd", {}, text(words))))))],
  ];

  /** A critique in a box, with the characters of the verdict marked. */
  function box2(words, span) {
    if (!span) return box(null, words);
    const [start, end] = span;
    return el("div", { class: "box" }, el("pre", {}, text(words.slice(0, start)),
      el("mark", { title: "the verdict" }, text(words.slice(start, end))), text(words.slice(end))));
  }

  const outcome = (pass) => pass == null ? null : pass ? tag("passes", "good") : tag("does not pass", "bad");
  const right = (is) => is == null ? null : is ? tag("right", "good") : tag("wrong", "bad");

  function candidate(one) {
    return el("div", { class: one.chosen ? "box chosen" : "box" },
      el("h5", {}, `${one.index}: ${valued(one.value)} `, one.chosen && tag("chosen"), right(one.right)),
      pre(one.text), ended(one.answer),
      one.critique && folded("Critique", pre(one.critique)));
  }

  function path(one) {
    return el("div", { class: one.chosen ? "box chosen" : "box" },
      el("h5", {}, `${valued(one.value)}${one.times > 1 ? `, drawn ${one.times} times` : ""} `,
        one.chosen && tag("chosen"), right(one.right)),
      pre(one.text), ended(one.answer));
  }

  function tree(nodes) {
    const below = Map.groupBy ? Map.groupBy(nodes, (node) => node[1]) : nodes.reduce((all, node) =>
      all.set(node[1], [...(all.get(node[1]) ?? []), node]), new Map());
    const list = (parent) => el("ul", { class: parent === 0 && "tree" }, ...(below.get(parent) ?? []).map(
      ([node, , words, value, chosen, end, times]) => {
        const head = el("div", { class: "box" }, pre(words), el("span", { class: "quiet" },
          `${valued(value)}${times > 1 ? `, drawn ${times} times` : ""}${end ? ", end" : ""} `), chosen && tag("chosen"));
        if (value != null) head.style.borderLeft = `6px solid ${colour(Math.min(1, Math.max(0, value)))}`;
        return el("li", { class: chosen && "chosen" }, head, below.has(node) && list(node));
      }));
    return list(0);
  }

  function round(one) {
    const diff = one.diff.map(([kind, words]) =>
      kind === 0 ? text(words) : el(kind > 0 ? "ins" : "del", {}, text(words)));
    return el("div", {}, el("h5", {}, text(`Round ${one.round}: ${one.verdict} `), outcome(one.pass),
      !one.accepted && tag("not accepted", "doubtful")),
    el("div", { class: "box" }, el("pre", {}, ...diff)), one.critique && folded("Critique", pre(one.critique)));
  }

  function step(one, at) {
    const shown = [one.label, one.p == null ? null : number(one.p, 2)].filter(Boolean).join(", ");
    const made = el("div", { class: one.wrong ? "step wrong" : "step" }, el("span", { class: "number" }, String(at)),
      el("span", {}, text(one.text)), el("span", { class: "found" }, text(shown), one.wrong && tag("first error", "bad")));
    const known = one.p ?? (one.label === "correct" ? 1 : one.label === "incorrect" ? 0 : one.known);
    if (known != null) made.style.borderLeftColor = colour(Math.min(1, Math.max(0, known)));
    return made;
  }

  function criteria(all) {
    const head = ["criterion", "verdict", "weight"].map((name, at) => el("th", { scope: "col", class: at > 1 && "number" }, name));
    const row = (one) => el("tr", {},
      el("th", { scope: "row" }, text(one.name), one.required && tag("required"), one.text && el("small", {}, text(one.text))),
      el("td", { class: "word" }, tag(one.verdict, one.met == null ? "" : one.met === one.weight >= 0 ? "good" : "bad"), one.p != null && ` p ${number(one.p, 2)}`),
      el("td", { class: "number" }, one.weight == null ? "" : String(one.weight)));
    return el("table", {}, caption("Criteria"), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...all.map(row)));
  }

  /** The same record in every file: the verdicts in a table, and the critiques beside each other. */
  function beside(at) {
    const all = [at, ...rows[at][PEERS]].sort((one, other) => rows[one][RUN] - rows[other][RUN]);
    const names = (row) => flags.filter((name, bit) => row[FLAGS] & (1 << bit) && name !== "differs").map((name) => tag(name));
    const line = (place) => el("tr", { class: place === at && "chosen" }, el("th", { scope: "row" }, text(runs[rows[place][RUN]])),
      el("td", {}, text(rows[place][SHOWN])), el("td", {}, ...names(rows[place])));
    const heads = ["file", "verdict", "flags"].map((name) => el("th", { scope: "col" }, name));
    const texts = all.map((place) => [runs[rows[place][RUN]], details(place)]).filter(([, one]) => one?.critique);
    return section("In every file", el("table", {}, caption("The record in every file"), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...all.map(line))),
      texts.length > 1 && folded("Critiques side by side",
        el("div", { class: "side" }, ...texts.map(([name, one]) => el("div", {}, el("h5", {}, text(name)), box2(one.critique, one.span))))));
  }

  /** Why requests are not shown, or which of them. */
  function unsent(all, note) {
    const words = all.unsent ?? (note && `${note}.`);
    return words ? el("p", { class: "quiet" }, text(all.sent ? words : `Requests: ${words}`)) : null;
  }

  function detail(at) {
    const row = rows[at];
    const known = details(at);
    const all = known ?? {};
    const own = flags.filter((_, bit) => row[FLAGS] & (1 << bit));
    const parts = PARTS.filter(([key]) => all[key] != null).map(([key, make]) => make(all[key], all));
    return [
      el("h3", {}, text(row[ID]), runs.length > 1 && el("small", {}, text(runs[row[RUN]]))),
      el("p", {}, el("b", {}, text(row[SHOWN])), " ", row[LABEL] != null && el("span", {}, "label ", text(row[LABEL]),
        row[MEANT] != null && row[MEANT] !== row[LABEL] && el("span", {}, " (", text(row[MEANT]), ")"), " "),
        ...own.map((name) => tag(name))),
      row[PEERS].length > 0 && beside(at),
      ...parts.filter(Boolean),
      known ? unsent(all, notes[row[RUN]]) : el("p", { class: "quiet" }, "The page is still being read."),
    ].filter(Boolean);
  }

  // ---- which records are shown, in which order ----

  const state = { query: "", filters: new Set(), sort: null, down: false, chosen: -1, view: [] };

  /** The texts of a value in lower case, each in a line. */
  function words(value) {
    const found = [];
    const collect = (one) => {
      if (typeof one === "string") found.push(one);
      else if (one && typeof one === "object") Object.values(one).forEach(collect);
    };
    collect(value);
    return found.join("\n").toLowerCase();
  }

  const cells = [];
  const inRow = (at) => (cells[at] ??= rows[at].filter((cell) => typeof cell === "string").join("\n").toLowerCase());

  /** The lines of a part in lower case; null while the page is still being read. */
  function lowered(number) {
    const of = part(number);
    return of && (of.lower ??= of.text.toLowerCase().split("\n"));
  }

  /** Makes ready what a search reads, part by part. */
  function prepare(number) {
    if (number * PART >= rows.length) return;
    lowered(number);
    setTimeout(prepare, 0, number + 1);
  }

  /**
   * A test of whether a record's texts hold the query. Reading the JSON of all lines would take long, so that the lines
   * are searched as they are: letters are those of a text unless they are part of an escape, a key or a word of JSON.
   */
  function searched(query) {
    const written = JSON.stringify(query).slice(1, -1)
      .replace(/[<>&\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
    const areLetters = /^[\p{L}\p{M} ]+$/u.test(query) && !"true false null".includes(query);
    const isText = (line, at) => areLetters && !line.slice(Math.max(0, at - 6), at).includes("\\")
      && !/^\w*":/.test(line.slice(at + query.length, at + query.length + 40));
    return (at) => {
      if (inRow(at).includes(query)) return true;
      const line = lowered(Math.floor(at / PART))?.[at % PART];
      const place = line?.indexOf(written) ?? -1;
      return place >= 0 && (isText(line, place) || words(details(at)).includes(query));
    };
  }

  const within = (value, low, high) => value != null && value >= +low - 1e-9 && value < +high + (+high >= 1 ? 1e-9 : 0);
  const others = (row) => row[PEERS].map((at) => rows[at][SHOWN]).join(" · ");
  const KINDS = {
    flag: (row, name) => (row[FLAGS] & (1 << flags.indexOf(name))) !== 0,
    verdict: (row, name) => row[WORD] === name,
    reason: (row, name) => row[REASON] === name,
    outcome: (row, name) => row[OUTCOME] === name,
    group: (row, name) => row[GROUP] === name,
    run: (row, name) => runs[row[RUN]] === name,
    score: (row, range) => within(row[SCORE], ...range.split(":")),
    milliseconds: (row, range) => within(row[TIME], ...range.split(":")),
    seconds: (row, range) => row[TIME] != null && within(row[TIME] / 1000, ...range.split(":")),
    cost: (row, range) => within(row[COST], ...range.split(":")),
    p: (row, range) => row[P] != null && row[P] > +range.split(":")[0] - 1e-12 && row[P] <= +range.split(":")[1] + 1e-12,
    orders: (row, cell) => row[ORDERS] === cell,
    length: (row, range) => within(row[LENGTH], ...range.split(":")),
    members: (row, cell) => {
      const [one, other] = cell.split("\u001f").map((name) => row[WORDS]?.[members.indexOf(name)]);
      return one != null && other != null && one !== other;
    },
    cell: (row, cell) => `${meant(row)}\u001f${row[WORD]}` === cell,
  };
  /** The verdict that a label means, or the label; of a number at most three decimals. */
  const meant = (row) => row[MEANT] ?? (isNumber(row[LABEL]) ? String(Math.round(1000 * row[LABEL]) / 1000) : row[LABEL]);

  function passes(filter) {
    const at = filter.indexOf(":");
    const [kind, value] = [filter.slice(0, at), filter.slice(at + 1)];
    return Object.hasOwn(KINDS, kind) ? (row) => KINDS[kind](row, value) : () => true;
  }

  const SORTS = {
    id: (row) => row[ID], others, verdict: (row) => row[SCORE] ?? row[P] ?? row[WORD] ?? row[SHOWN], expected: (row) => row[EXPECTED],
    label: (row) => (isNumber(row[LABEL]) ? +row[LABEL] : row[LABEL]), group: (row) => row[GROUP],
    time: (row) => row[TIME], cost: (row) => row[COST], flags: (row) => row[FLAGS],
  };
  const collator = new Intl.Collator(undefined, { numeric: true });

  function compare(one, other) {
    if (one == null || other == null) return (one == null) - (other == null);
    const both = typeof one === "number" && typeof other === "number";
    const order = both ? one - other : collator.compare(String(one), String(other));
    return state.down ? -order : order;
  }

  function find() {
    const tests = [...state.filters].map(passes);
    const query = state.query.trim().toLowerCase();
    const holds = query === "" ? () => true : searched(query);
    state.view = rows.map((_, at) => at).filter((at) => tests.every((test) => test(rows[at])) && holds(at));
    if (state.sort) {
      const key = SORTS[state.sort];
      state.view.sort((one, other) => compare(key(rows[one]), key(rows[other])) || one - other);
    }
    const count = state.view.length;
    $("count").textContent = count === rows.length ? `${count} records` : `${count} of ${rows.length} records`;
    chips();
  }

  function update() {
    find();
    draw(true);
  }

  // ---- the table: rows are made as they come into view ----

  const list = $("list");
  const head = [...list.querySelectorAll("thead th")];
  const columns = head.map((cell) => cell.dataset.key);
  const CELLS = {
    id: (row) => named(row), verdict: (row) => text(row[SHOWN]), others: (row) => text(others(row)), expected: (row) => number(row[EXPECTED], 2),
    label: (row) => text(meant(row) ?? ""), group: (row) => text(row[GROUP] ?? ""),
    time: (row) => (row[TIME] == null ? "" : row[TIME] < 1000 ? `${row[TIME]} ms` : `${(row[TIME] / 1000).toFixed(1)} s`),
    cost: (row) => (row[COST] == null ? "" : row[COST].toFixed(4)),
    flags: (row) => flags.filter((_, bit) => row[FLAGS] & (1 << bit)).join(", "),
  };
  const NUMBERS = new Set(["expected", "time", "cost"]);
  // The most characters of a column that get room, and how many of them stand at the end of a long id.
  const WIDEST = { id: 26, verdict: 36, others: 24, label: 20, group: 18, flags: 24, expected: 9, time: 8, cost: 8 };
  const ENDING = 8;

  /** The id as a link to its record. Ids often differ only at their ends, so both ends of a long one are kept. */
  function named(row) {
    const all = [...row[ID]];
    const cut = all.length > 2 * ENDING ? all.length - ENDING : all.length;
    return el("a", { class: "id", href: `#${encodeURIComponent(row[SLUG])}`, title: cut < all.length && text(row[ID]).textContent },
      el("span", {}, text(all.slice(0, cut).join(""))), cut < all.length && el("span", {}, text(all.slice(cut).join(""))));
  }

  function rowOf(at, place) {
    const row = rows[at];
    const cell = (key) => el(key === "id" ? "th" : "td", { scope: key === "id" && "row", "data-key": key,
      class: NUMBERS.has(key) && "number" }, CELLS[key](row));
    return el("tr", { "aria-rowindex": place + 2, "aria-current": at === state.chosen && "true",
      onclick: (event) => picked(event, at) }, ...columns.map(cell));
  }

  /** Shows the record of a row; with the Enter key on its link, goes on to its details. */
  function picked(event, at) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(at, true);
    if (event.detail === 0) $("detail").focus();
  }

  /** Gives the columns room by what is in them. */
  function fit() {
    const seen = head.filter((cell) => cell.offsetParent);
    const every = Math.ceil(rows.length / 400);
    const sample = rows.filter((_, at) => at % every === 0);
    const length = (made) => (typeof made === "string" ? made : made.textContent).length;
    // The width of a character and of the space between two columns, in pixels.
    const [character, between] = [parseFloat(getComputedStyle(list).fontSize) * 0.6, 22];
    const wanted = seen.map(({ dataset: { key }, textContent }) => between + character *
      Math.min(WIDEST[key], sample.reduce((most, row) => Math.max(most, length(CELLS[key](row))), textContent.length + 2)));
    // Where there is too little room, the widest columns lose some of theirs first.
    const sum = (most) => wanted.reduce((all, one) => all + Math.min(one, most), 0);
    let most = Math.max(...wanted);
    // Asked once: every answer after a change would lay the page out again.
    const room = list.clientWidth;
    while (most > between && sum(most) > room) most -= character;
    const share = room / sum(most);
    seen.forEach((cell, at) => { cell.style.width = `${Math.min(wanted[at], most) * share}px`; });
  }

  const space = (height) => {
    // Columns that a narrow screen hides are none.
    const cell = el("td", { colspan: head.filter((one) => one.offsetParent).length || columns.length });
    cell.style.height = `${height}px`;
    return el("tr", { class: "space", "aria-hidden": "true" }, cell);
  };

  let drawn = null;
  function draw(anew) {
    const first = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 15);
    const last = Math.min(state.view.length, first + Math.ceil(list.clientHeight / HEIGHT) + 30);
    if (!anew && drawn && drawn[0] === first && drawn[1] === last) return;
    drawn = [first, last];
    const shown = state.view.slice(first, last).map((at, place) => rowOf(at, first + place));
    // One row can be reached with the Tab key; the arrows go on from there.
    const links = shown.map((row) => row.querySelector("a"));
    const reached = Math.max(0, shown.findIndex((row) => row.hasAttribute("aria-current")));
    links.forEach((link, at) => link.setAttribute("tabindex", at === reached ? "0" : "-1"));
    const focused = $("rows").contains(document.activeElement);
    $("rows").replaceChildren(...(first > 0 ? [space(first * HEIGHT)] : []), ...shown,
      ...(last < state.view.length ? [space((state.view.length - last) * HEIGHT)] : []));
    if (focused) focusRow();
  }

  const focusRow = () => $("rows").querySelector("a[tabindex='0']")?.focus({ preventScroll: true });

  function sortBy(key) {
    state.down = state.sort === key && !state.down;
    state.sort = key;
    head.forEach((cell) => cell.dataset.key === key
      ? cell.setAttribute("aria-sort", state.down ? "descending" : "ascending") : cell.removeAttribute("aria-sort"));
    update();
  }

  function chips() {
    const counts = flags.map((name, bit) => [`flag:${name}`, name, rows.filter((row) => row[FLAGS] & (1 << bit)).length]);
    const byRun = runs.length > 1 ? runs.map((name, at) => [`run:${name}`, name, rows.filter((row) => row[RUN] === at).length]) : [];
    const known = [...counts.filter(([, , count]) => count > 0), ...byRun];
    const others = [...state.filters].filter((filter) => known.every(([key]) => key !== filter));
    const chip = (filter, name, count) => el("button", { type: "button", "aria-pressed": String(state.filters.has(filter)),
      "data-filter": filter, onclick: () => toggle(filter) }, text(name), count == null ? " ✕" : ` ${count}`);
    const focused = document.activeElement?.dataset?.filter;
    $("chips").replaceChildren(...known.map((one) => chip(...one)),
      ...others.map((filter) => chip(filter, filter.replaceAll("\u001f", " → "), null)));
    if (focused) [...$("chips").children].find((one) => one.dataset.filter === focused)?.focus();
  }

  function toggle(filter) {
    if (!state.filters.delete(filter)) state.filters.add(filter);
    update();
  }

  function choose(at, address) {
    state.chosen = at;
    $("detail").replaceChildren(...detail(at));
    $("detail").scrollTop = 0;
    const place = state.view.indexOf(at);
    if (place >= 0) {
      const top = place * HEIGHT;
      if (top < list.scrollTop) list.scrollTop = top;
      else if (top + 3 * HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + 3 * HEIGHT - list.clientHeight;
    }
    draw(true);
    if (address) history.replaceState(null, "", `#${encodeURIComponent(rows[at][SLUG])}`);
  }

  function move(by) {
    const place = state.view.indexOf(state.chosen);
    const next = state.view[place < 0 ? 0 : Math.min(state.view.length - 1, Math.max(0, place + by))];
    if (next === undefined) return;
    const reads = $("detail").contains(document.activeElement);
    choose(next, true);
    if (reads) $("detail").focus(); else focusRow();
  }

  /** An address is a record (`#id`) or a filter (`#?flag:unreadable`). */
  function follow(scrolls) {
    let address;
    try { address = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    if (address === "") return;
    if (address.startsWith("?")) {
      state.filters = new Set([address.slice(1)]);
      update();
      list.scrollTop = 0;
    } else {
      const at = rows.findIndex((row) => row[SLUG] === address);
      if (at < 0) return;
      if (!state.view.includes(at)) { state.filters.clear(); state.query = $("search").value = ""; update(); }
      choose(at, false);
    }
    if (scrolls) $("records").scrollIntoView({ block: "start" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target === $("search");
    if (event.key === "Escape") {
      if (typing || state.filters.size || state.query) {
        state.query = $("search").value = "";
        state.filters.clear();
        update();
      }
      document.activeElement?.blur();
    } else if (typing) {
      if (event.key === "Enter" || event.key === "ArrowDown") { $("search").blur(); move(1); event.preventDefault(); }
    } else if (event.key === "/") {
      $("search").focus();
      event.preventDefault();
    } else if (event.key === "f") {
      $("chips").querySelector("button")?.focus();
      event.preventDefault();
    } else if (event.key === "j" || event.key === "k" || (event.target.closest?.("#list, #detail, body") && ["ArrowDown", "ArrowUp"].includes(event.key) && inRecords(event.target))) {
      move(event.key === "j" || event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
    }
  });
  const inRecords = (target) => list.contains(target) || state.chosen >= 0 && target === document.body && list.getBoundingClientRect().top < innerHeight / 2;

  $("search").addEventListener("focus", () => prepare(0), { once: true });
  let waiting;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { state.query = $("search").value; update(); list.scrollTop = 0; }, 120);
  });
  list.addEventListener("scroll", () => draw(false), { passive: true });
  addEventListener("resize", () => { fit(); draw(true); });
  addEventListener("hashchange", () => follow(true));
  addEventListener("beforeprint", () => {
    const shown = state.view.slice(0, 200);
    $("rows").replaceChildren(...shown.map((at, place) => rowOf(at, place)));
    $("printed").textContent = `${shown.length} of ${rows.length} records`;
  });
  addEventListener("afterprint", () => draw(true));

  head.forEach((cell) => {
    const name = cell.textContent;
    cell.replaceChildren(el("button", { type: "button", onclick: () => sortBy(cell.dataset.key) }, name));
  });
  list.querySelector("table").setAttribute("aria-rowcount", rows.length + 1);
  document.body.classList.add("live");
  document.querySelector(".tools").hidden = false;
  // Of files that are compared, the rows of the first hold the verdicts of the others.
  if (rows.some((row) => row[PEERS].length > 0)) state.filters.add(`run:${runs[0]}`);
  $("rows").replaceChildren();
  fit();
  find();
  if (rows.length > 0) choose(0, false);
  follow(false);
  // What was asked for before its part was there.
  document.addEventListener("DOMContentLoaded", () => {
    if (state.query) update();
    if (state.chosen >= 0) $("detail").replaceChildren(...detail(state.chosen));
  });
})();
