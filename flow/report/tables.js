"use strict";
// Numbers before words, what is not known last in either direction; equal rows keep their order.
for (const table of document.querySelectorAll("table.sorts")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => header.addEventListener("click", () => {
    const down = header.getAttribute("aria-sort") === "ascending";
    const key = (row) => {
      const text = row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
      const value = Number(text);
      return text === "-" ? [2, 0] : text !== "" && !Number.isNaN(value) ? [0, value] : [1, text];
    };
    const keyed = [...body.rows].map((row) => [key(row), row]);
    keyed.sort(([[kindA, a]], [[kindB, b]]) => {
      if (kindA !== kindB) return kindA - kindB;
      const order = a < b ? -1 : a > b ? 1 : 0;
      return down ? -order : order;
    });
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...keyed.map(([, row]) => row));
  }));
}
// A box that is narrower than what is in it says so in words below, until its end has been reached.
for (const box of document.querySelectorAll(".scroll, pre")) {
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "More to the right: scroll sideways \u2192";
  box.after(hint);
  const look = () => { hint.hidden = box.scrollWidth - box.clientWidth - box.scrollLeft < 2; };
  box.addEventListener("scroll", look);
  new ResizeObserver(look).observe(box);
  look();
}
