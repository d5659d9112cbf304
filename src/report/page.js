// Shows the values of a chart where the pointer is, or where the arrow keys have gone. The values are the
// titles of the chart's areas, which browsers show by themselves where there is no script.
"use strict";
const hint = document.body.appendChild(document.createElement("div"));
hint.className = "hint";
hint.setAttribute("role", "status");
hint.hidden = true;

const show = (chart, area, x, y) => {
  const [head, ...lines] = area.dataset.text.split("\n");
  hint.replaceChildren(document.createElement("b"), ...lines.map((line) => {
    const row = document.createElement("div");
    row.textContent = line;
    return row;
  }));
  hint.firstChild.textContent = head;
  hint.hidden = false;
  const box = hint.getBoundingClientRect();
  const right = x + 14 + box.width > window.innerWidth ? x - 14 - box.width : x + 14;
  hint.style.left = `${Math.max(4, right)}px`;
  hint.style.top = `${Math.max(4, Math.min(y - box.height - 10, window.innerHeight - box.height - 4))}px`;
  chart.querySelectorAll(".pointed").forEach((other) => other.classList.remove("pointed"));
  area.classList.add("pointed");
  const cursor = chart.querySelector(".cursor");
  if (cursor) {
    cursor.setAttribute("x1", area.dataset.x);
    cursor.setAttribute("x2", area.dataset.x);
    cursor.classList.add("shown");
  }
};

const hide = (chart) => {
  hint.hidden = true;
  chart.querySelectorAll(".pointed").forEach((area) => area.classList.remove("pointed"));
  chart.querySelector(".cursor")?.classList.remove("shown");
};

for (const chart of document.querySelectorAll("svg.chart")) {
  const areas = [...chart.querySelectorAll(".hit")];
  for (const area of areas) {
    area.dataset.text = area.querySelector("title").textContent;
    area.querySelector("title").remove();
    area.addEventListener("pointermove", (event) => show(chart, area, event.clientX, event.clientY));
  }
  chart.addEventListener("pointerleave", () => hide(chart));
  let place = -1;
  const go = (to) => {
    place = Math.max(0, Math.min(areas.length - 1, to));
    const box = areas[place].getBoundingClientRect();
    show(chart, areas[place], box.left + box.width / 2, box.top + Math.min(box.height / 2, 60));
  };
  // In a map of several rows, up and down go to the same column of the next one.
  const first = areas[0]?.getAttribute("y");
  const columns = areas.filter((area) => area.getAttribute("y") === first).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  chart.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide(chart);
    if (event.key === "Home") go(0);
    else if (event.key === "End") go(areas.length - 1);
    else if (event.key in steps && areas.length) {
      const to = place < 0 ? 0 : place + steps[event.key];
      if (to >= 0 && to < areas.length) go(to);
    } else return;
    event.preventDefault();
  });
  chart.addEventListener("blur", () => hide(chart));
}
