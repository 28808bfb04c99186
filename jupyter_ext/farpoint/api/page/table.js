
// ---- table
const body = $(".table tbody");
const compare = new Intl.Collator(undefined, { numeric: true }).compare;

function sort(head, column) {
  const down = head.getAttribute("aria-sort") === "ascending";
  $$(".table thead th").forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const numeric = head.classList.contains("n");
  const sorted = [...body.rows].map((row) => [key(row), row]).sort(([one], [other]) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    const sign = numeric ? Number(one) - Number(other) : compare(one, other);
    return down ? -sign : sign;
  });
  body.append(...sorted.map(([, row]) => row));
}

function rowStep(number, key) {
  const seen = [...body.rows].filter((row) => !row.hidden);
  const by = { ArrowUp: -1, ArrowDown: 1 }[key];
  const to = key === "Home" ? seen[0] : key === "End" ? seen[seen.length - 1] : by ? seen[seen.indexOf(rows.get(number)) + by] : 0;
  return to === 0 ? undefined : to ? Number(to.dataset.point) : null;
}

function startTable() {
  $$(".table thead th").forEach((head, column) => $("button", head).addEventListener("click", () => sort(head, column)));
  $(".table .tools input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    [...body.rows].forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    });
  });
  rows.forEach((row, number) => row.addEventListener("click", () => go(number)));
  roam(body, rowStep, (number) => { go(number); $("button", rows.get(number)).focus(); });
  let marked = null;
  watching.push(() => {
    if (marked) { $("button", marked).tabIndex = -1; marked.classList.remove("here"); }
    marked = rows.get(here ? here.number : points[0].number);
    $("button", marked).tabIndex = 0;
    marked.classList.toggle("here", here !== null);
  });
}
