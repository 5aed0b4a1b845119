// The map works by its links. This adds the wheel to zoom and the pointer to drag.
(() => {
  "use strict";
  const map = document.querySelector("[data-style-map]");
  if (!map) return;
  const SIDE = 1000;
  const SMALLEST = 60;
  const box = () => map.viewBox.baseVal;
  const look = (x, y, side) => {
    const width = Math.min(SIDE, Math.max(SMALLEST, side));
    const within = (value) => Math.min(Math.max(value, 0), SIDE - width);
    map.setAttribute("viewBox", `${within(x)} ${within(y)} ${width} ${width}`);
  };
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = map.getBoundingClientRect();
    const across = (event.clientX - frame.left) / frame.width;
    const down = (event.clientY - frame.top) / frame.height;
    const { x, y, width } = box();
    const side = Math.min(SIDE, Math.max(SMALLEST, width * (event.deltaY > 0 ? 1.2 : 1 / 1.2)));
    look(x + across * (width - side), y + down * (width - side), side);
  }, { passive: false });
  let start = null;
  let dragged = false;
  map.addEventListener("pointerdown", (event) => {
    start = { left: event.clientX, top: event.clientY, ...{ x: box().x, y: box().y } };
    dragged = false;
  });
  map.addEventListener("pointermove", (event) => {
    if (!start || !event.buttons) return;
    const scale = box().width / map.getBoundingClientRect().width;
    const [right, below] = [event.clientX - start.left, event.clientY - start.top];
    if (Math.hypot(right, below) > 4) dragged = true;
    if (dragged) look(start.x - right * scale, start.y - below * scale, box().width);
  });
  map.addEventListener("dragstart", (event) => event.preventDefault());
  map.addEventListener("click", (event) => {
    if (dragged) event.preventDefault();
    dragged = false;
  }, true);
})();
