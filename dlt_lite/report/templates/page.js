"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  root.classList.add("js");

  // A file that is opened from disk may not be allowed to keep anything.
  const kept = { read() { try { return localStorage.getItem("dlt_lite.theme"); } catch { return null; } },
    write(value) { try { localStorage.setItem("dlt_lite.theme", value); } catch { /* then for this page only */ } } };
  const themes = ["auto", "light", "dark"];
  const theme = byId("theme");
  let shownTheme = "auto";
  function showTheme(name) {
    shownTheme = themes.includes(name) ? name : "auto";
    if (shownTheme === "auto") delete root.dataset.theme; else root.dataset.theme = shownTheme;
    theme.querySelector("span").textContent = shownTheme[0].toUpperCase() + shownTheme.slice(1);
    theme.setAttribute("aria-label", `Colours: ${shownTheme}`);
  }
  function nextTheme() {
    showTheme(themes[(themes.indexOf(shownTheme) + 1) % themes.length]);
    kept.write(shownTheme);
  }
  theme.hidden = false;
  theme.addEventListener("click", nextTheme);
  showTheme(kept.read());

  function anchored() {
    try { return byId(decodeURIComponent(location.hash.slice(1))); } catch { return null; }
  }

  const graph = document.querySelector(".graph");
  if (graph) drawn(graph);
  const table = byId("rule-table");
  if (table) listed(table);
  addEventListener("keydown", (event) => {
    if (!plain(event) || event.key !== "t") return;
    nextTheme();
  });

  function plain(event) {
    const writes = event.target.closest && event.target.closest("input, textarea, select");
    return !writes && !event.ctrlKey && !event.metaKey && !event.altKey;
  }

  function drawn(svg) {
    const nodes = new Map([...svg.querySelectorAll("[data-n]")].map((node) => [node.dataset.n, node]));
    const lines = [...svg.querySelectorAll("[data-l]")];
    // A tall graph begins in the middle of its left side.
    const frame = svg.parentElement, first = svg.querySelector("[data-n] .box");
    if (first) frame.scrollTop = Number(first.getAttribute("y")) - frame.clientHeight / 2;
    const right = new Map(), left = new Map();
    for (const line of lines) {
      right.set(line.dataset.l, [...(right.get(line.dataset.l) || []), line]);
      left.set(line.dataset.r, [...(left.get(line.dataset.r) || []), line]);
    }
    function light(start) {
      svg.querySelectorAll(".on").forEach((each) => each.classList.remove("on"));
      svg.classList.toggle("lit", Boolean(start));
      if (!start) return;
      for (const [links, end] of [[right, "r"], [left, "l"]]) {
        const seen = new Set(), waiting = [start.dataset.n];
        while (waiting.length) {
          const number = waiting.pop();
          if (seen.has(number)) continue;
          seen.add(number);
          nodes.get(number).classList.add("on");
          for (const line of links.get(number) || []) { line.classList.add("on"); waiting.push(line.dataset[end]); }
        }
      }
    }
    const node = (event) => event.target.closest("[data-n]");
    svg.addEventListener("pointerover", (event) => light(node(event)));
    svg.addEventListener("pointerleave", () => light(null));
    svg.addEventListener("focusin", (event) => light(node(event)));
    svg.addEventListener("focusout", () => light(null));
    svg.addEventListener("keydown", (event) => {
      const from = node(event), way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!from || !way) return;
      event.preventDefault();
      const here = from.getBoundingClientRect();
      let best = null, least = Infinity;
      for (const other of svg.querySelectorAll("a[data-n]")) {
        const there = other.getBoundingClientRect();
        const dx = there.left - here.left, dy = there.top - here.top;
        const along = dx * way[0] + dy * way[1], beside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
        if (along > 4 && along + 3 * beside < least) { best = other; least = along + 3 * beside; }
      }
      if (best) best.focus();
    });
  }

  function listed(rules) {
    const rows = [...rules.tBodies].map((body, place) => ({
      body, place,
      link: body.querySelector("th a"),
      text: body.textContent.toLowerCase(),
      name: body.querySelector("th a").textContent,
      action: body.rows[0].cells[2].textContent,
      bad: /\bv-(fail|error|critical|warn)\b/.test(body.className),
    }));
    const find = byId("find"), count = byId("shown"), chips = [...document.querySelectorAll("[data-show]")];
    let show = "all";

    function set(row, open) {
      row.body.classList.toggle("open", open);
      row.link.setAttribute("aria-expanded", String(open));
    }
    function filter() {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const row of rows) {
        const kind = show === "all" || (show === "bad" && row.bad) || (show === "changed" && row.body.dataset.mark)
          || (show === "inexact" && "inexact" in row.body.dataset) || (show === "unchecked" && row.body.classList.contains("v-skipped"));
        row.body.hidden = !(kind && words.every((word) => row.text.includes(word)));
        left += row.body.hidden ? 0 : 1;
      }
      count.textContent = left === rows.length ? String(left) : `${left} of ${rows.length}`;
      byId("none").hidden = left > 0;
      for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.show === show));
    }
    function sort(head, way) {
      const key = head.dataset.sort, sign = way === "ascending" ? 1 : -1;
      const value = (row) => (key in row ? row[key] : Number(row.body.dataset[key]));
      const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
      rows.sort((a, b) => sign * order(value(a), value(b)) || a.place - b.place);
      for (const each of rules.querySelectorAll("th[data-sort]")) each.setAttribute("aria-sort", each === head ? way : "none");
      rules.append(...rows.map((row) => row.body));
    }
    function openAnchored() {
      const row = rows.find((each) => each.body === anchored());
      if (!row) return;
      if (row.body.hidden) { find.value = ""; show = "all"; filter(); }
      set(row, true);
      row.link.focus({ preventScroll: true });
      row.body.scrollIntoView({ block: "center" });
    }
    function step(way, wanted) {
      const seen = rows.filter((row) => !row.body.hidden);
      if (!seen.length) return;
      const now = seen.findIndex((row) => row.body.contains(document.activeElement));
      for (let n = 1; n <= seen.length; n += 1) {
        const row = seen[(((now < 0 && way < 0 ? 0 : now) + way * n) % seen.length + seen.length) % seen.length];
        if (wanted(row)) { row.link.focus(); row.body.scrollIntoView({ block: "nearest" }); return; }
      }
    }

    for (const head of rules.querySelectorAll("th[data-sort]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      const first = { evaluated: "descending", violations: "descending" }[head.dataset.sort] || "ascending";
      head.setAttribute("aria-sort", head.dataset.sort === "rank" ? "ascending" : "none");
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        sort(head, now === "none" ? first : now === "ascending" ? "descending" : "ascending");
      });
    }
    for (const row of rows) row.link.setAttribute("aria-expanded", "false");
    rules.addEventListener("click", (event) => {
      const row = rows.find((each) => each.body.rows[0].contains(event.target));
      if (!row || getSelection().toString()) return;
      const link = event.target.closest("a"), open = !row.body.classList.contains("open");
      set(row, open);
      if (link && !open) event.preventDefault();
    });
    byId("tools").hidden = false;
    byId("keys").hidden = false;
    find.addEventListener("input", filter);
    for (const chip of chips) chip.addEventListener("click", () => { show = chip.dataset.show; filter(); });
    byId("open-all").addEventListener("click", (event) => {
      const open = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(open));
      event.currentTarget.textContent = open ? "Close all" : "Open all";
      for (const row of rows) if (!row.body.hidden || !open) set(row, open);
    });
    addEventListener("hashchange", openAnchored);
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && (find.value || show !== "all")) { find.value = ""; show = "all"; filter(); find.blur(); return; }
      if (!plain(event)) return;
      const act = { "/": () => find.focus(), j: () => step(1, () => true), k: () => step(-1, () => true), n: () => step(1, (row) => row.bad) }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
    openAnchored();
  }
})();
