() => {
  const faults = [];
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) faults.push(`${width} pixels wide on a screen of ${innerWidth}`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not exactly one h1");
  if (document.querySelectorAll("main").length !== 1) faults.push("not exactly one main");
  for (const image of document.images) {
    if (!image.hasAttribute("alt")) faults.push(`no alt: ${image.src}`);
    if (image.complete && !image.naturalWidth) faults.push(`no picture: ${image.src}`);
  }
  for (const control of document.querySelectorAll("input:not([type=hidden]), select"))
    if (!control.labels.length) faults.push(`no label: ${control.name}`);
  for (const pressable of document.querySelectorAll("a, button")) {
    const pictures = [...pressable.querySelectorAll("img")].map((image) => image.alt).join("");
    if (!(pressable.textContent.trim() || pictures)) faults.push(`no name: ${pressable.outerHTML}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push(`id twice: ${id}`);

  // Contrast of text on the paper it stands on (WCAG 2.2, 1.4.3: 4.5, or 3 for large text).
  const channels = (colour) => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((value) => value / 255)
      .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (element) => {
    for (let behind = element; behind; behind = behind.parentElement) {
      const colour = getComputedStyle(behind).backgroundColor;
      if (channels(colour)[3] > 200) return colour;
    }
    return "white";
  };
  for (const element of document.querySelectorAll("body *")) {
    const spoken = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!spoken || !element.checkVisibility({ visibilityProperty: true }) || element.closest("svg, script, .visually-hidden")) continue;
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(style.color), luminance(paper(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
      faults.push(`contrast ${contrast.toFixed(2)}: ${element.className} "${element.textContent.trim().slice(0, 40)}"`);
  }
  return faults;
}
