// The working part of a report: sliders, sorting, a light box. It only moves what is on the page: text goes through
// textContent, pictures are those of the contact sheet, and nothing is loaded from anywhere.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse($("#data").textContent);
  const tiles = new Map($$(".tile[data-point]").map((tile) => [Number(tile.dataset.point), tile]));
  const rows = new Map($$("tbody tr").map((row) => [Number(row.dataset.point), row]));
  const heads = $$("thead th").map((head) => head.textContent);

  // ---- theme
  $(".theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // ---- explorer
  const sliders = $$(".axis input");
  const byPlace = new Map(data.points.map((point) => [point.at.join(), point.number]));
  const places = new Map(data.points.map((point) => [point.number, point.at]));
  let shown = null;

  function show(number) {
    shown = number;
    $$(".here").forEach((mark) => mark.classList.remove("here"));
    $$(`[data-point="${number}"].cell, [data-point="${number}"].dot`).forEach((mark) => mark.classList.add("here"));
    const list = $("#values");
    const row = rows.get(number);
    list.replaceChildren();
    (row ? [...row.cells] : []).forEach((cell, index) => {
      if (!cell.textContent) return;
      const name = document.createElement("dt");
      const text = document.createElement("dd");
      name.textContent = heads[index];
      text.textContent = cell.textContent;
      text.classList.toggle("word", cell.classList.contains("word"));
      text.style.color = cell.style.color;
      list.append(name, text);
    });
    const stage = $(".stage");
    if (!stage) return;
    const image = $("img", tiles.get(number) || document.createElement("div"));
    const there = document.createElement(image ? "img" : "p");
    if (image) {
      there.src = image.src;
      there.alt = image.alt;
      there.addEventListener("click", () => enlarge(number));
    } else {
      there.textContent = row ? "no picture of this point" : "this point was not scanned";
    }
    stage.replaceChildren(there);
  }

  function slide() {
    sliders.forEach((slider, index) => {
      slider.parentElement.querySelector("output").textContent = data.axes[index].labels[slider.value];
      slider.setAttribute("aria-valuetext", data.axes[index].labels[slider.value]);
    });
    const number = byPlace.get(sliders.map((slider) => slider.value).join());
    show(number === undefined ? -1 : number);
  }

  function go(number) {
    const place = places.get(number);
    if (!place) return;
    sliders.forEach((slider, index) => { slider.value = place[index]; });
    slide();
  }

  sliders.forEach((slider) => slider.addEventListener("input", slide));
  go(data.first);
  $$("svg [data-point]").forEach((mark) => mark.addEventListener("click", () => go(Number(mark.dataset.point))));

  // ---- light box
  const box = $("dialog");
  const order = [...tiles.keys()].filter((number) => $("img", tiles.get(number)));
  let open = null;

  function enlarge(number) {
    const tile = tiles.get(number);
    const image = tile && $("img", tile);
    if (!image) return;
    open = number;
    $("img", box).src = image.src;
    $("img", box).alt = image.alt;
    $("p", box).textContent = $("figcaption", tile).textContent;
    if (!box.open) box.showModal();
  }

  function step(by) {
    enlarge(order[(order.indexOf(open) + by + order.length) % order.length]);
  }

  tiles.forEach((tile, number) => {
    const button = $("button", tile);
    if (button) button.addEventListener("click", () => { go(number); enlarge(number); });
  });
  if (box) {
    $(".back", box).addEventListener("click", () => step(-1));
    $(".next", box).addEventListener("click", () => step(1));
    box.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    });
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  }

  // ---- table
  const body = $("tbody");
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;

  function sort(head, column) {
    const down = head.getAttribute("aria-sort") === "ascending";
    $$("thead th").forEach((each) => each.removeAttribute("aria-sort"));
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

  $$("thead th").forEach((head, column) => $("button", head).addEventListener("click", () => sort(head, column)));
  $(".tools input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    [...body.rows].forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    });
  });
  $$("tbody tr").forEach((row) => row.addEventListener("click", () => go(Number(row.dataset.point))));
})();
