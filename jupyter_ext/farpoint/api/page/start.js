
// ---- start
startTable();
if (data) {
  startMap();
  startSheet();
  sliders.forEach((slider, axis) => slider.addEventListener("input", () => slide(axis)));
  go(data.first);
}
