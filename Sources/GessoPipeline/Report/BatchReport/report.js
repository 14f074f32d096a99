
"use strict";
// This script adds a slider that compares two images, a filter, a sort order, and buttons that copy. Without the script, the page still
// shows all content.
{
  document.documentElement.classList.add("scripted");

  // Sliders. A style that a script sets is not a style attribute of the page, so the policy allows it.
  document.addEventListener("input", ({ target }) => {
    if (target.type === "range") target.parentElement.style.setProperty("--at", target.value + "%");
  });

  // Buttons that copy.
  document.addEventListener("click", async ({ target }) => {
    if (!target.matches(".copy")) return;
    try {
      await navigator.clipboard.writeText(target.value);
      target.textContent = "Copied";
    } catch {
      // Some browsers let no page from a file copy. The text is then selected, so that the user can copy it with a key.
      getSelection().selectAllChildren(target.parentElement.querySelector("code"));
      target.textContent = "Selected";
    }
    setTimeout(() => { target.textContent = "Copy"; }, 1500);
  });

  // Filter and sort.
  const list = document.getElementById("rows");
  const form = document.getElementById("filter");
  if (form) {
    const groups = [...list.children];
    const rows = groups.flatMap((group) => [...group.children]);
    const groupSize = groups[0].children.length;
    const place = new Map(rows.map((row, index) => [row, index]));
    const texts = new Map();
    const text = (row) => {
      if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
      return texts.get(row);
    };
    const stateOrder = { failed: 0, open: 1, done: 2 };
    const names = new Intl.Collator(undefined, { numeric: true });
    const orders = {
      "": () => 0,
      name: (a, b) => names.compare(a.dataset.name, b.dataset.name),
      state: (a, b) => stateOrder[a.dataset.state] - stateOrder[b.dataset.state],
      cost: (a, b) => b.dataset.cost - a.dataset.cost,
      seconds: (a, b) => b.dataset.seconds - a.dataset.seconds,
    };
    let order = "";
    const apply = () => {
      const wanted = form.elements.text.value.trim().toLowerCase();
      const state = form.elements.state.value;
      let shown = 0;
      for (const row of rows) {
        const fits = (!state || row.dataset.state === state) && (!wanted || text(row).includes(wanted));
        if (row.hidden === fits) row.hidden = !fits;
        if (fits) shown += 1;
      }
      if (form.elements.sort.value !== order) {
        order = form.elements.sort.value;
        const sorted = rows.toSorted((a, b) => orders[order](a, b) || place.get(a) - place.get(b));
        groups.forEach((group, index) => group.append(...sorted.slice(index * groupSize, (index + 1) * groupSize)));
      }
      // While a group is off the screen, its height is computed from the number of its visible rows.
      for (const group of groups) {
        const count = [...group.children].filter((row) => !row.hidden).length;
        group.hidden = count === 0;
        group.style.setProperty("--rows", count);
      }
      const number = (count) => count.toLocaleString("en");
      document.getElementById("count").textContent = `${number(shown)} of ${number(rows.length)}`;
      document.getElementById("none").hidden = shown > 0;
    };
    form.addEventListener("input", () => {
      apply();
      // The page shows the chosen rows from the first one, wherever it was scrolled to.
      if (list.getBoundingClientRect().top < 0) document.getElementById("images").scrollIntoView();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    // If a link leads to a row that the filter hides, the filter is reset, so that the row is visible.
    addEventListener("hashchange", () => {
      const target = document.getElementById(location.hash.slice(1));
      if (!target?.hidden) return;
      form.reset();
      apply();
      target.scrollIntoView();
    });
    form.hidden = false;
    apply();
  }
}
