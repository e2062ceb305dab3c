// What a chart says of the moment under the pointer, at once. Without this file the browser shows the same, a little later.
// A mark lies over the figures of its time: where both are under the pointer, both are said.
const wordsOf = (spot) => {
  const title = spot.querySelector("title");
  if (title) {
    spot.dataset.said = title.textContent;
    title.remove();
  }
  return spot.dataset.said;
};
const tell = (event) => {
  const plane = event.target.closest?.(".chart .plane");
  for (const readout of document.querySelectorAll(".readout:not([hidden])")) {
    if (!plane?.parentElement.contains(readout)) readout.hidden = true;
  }
  if (!plane) return;
  const under = document.elementsFromPoint(event.clientX, event.clientY).map((one) => one.closest(".place, .marked"));
  const spots = new Set(under.filter((spot) => plane.contains(spot)));
  if (!spots.size) return;
  const plot = plane.parentElement;
  const readout = plot.querySelector(".readout");
  readout.hidden = false;
  readout.textContent = [...spots].map(wordsOf).join("\n");
  const room = plot.clientWidth - readout.offsetWidth;
  const wanted = event.clientX - plot.getBoundingClientRect().left + 14;
  readout.style.left = `${Math.max(0, wanted > room ? Math.min(room, wanted - readout.offsetWidth - 28) : wanted)}px`;
};
document.addEventListener("pointermove", tell);
document.addEventListener("pointerdown", tell); // a finger does not move before it presses
