// What a visitor of a page has to wait for, written down from inside of it.
(() => {
  const seen = window.seen = { first: 0, largest: 0, blocked: 0, shift: 0, interactive: 0, scripted: 0 };
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe("paint", (entry) => { if (entry.name === "first-contentful-paint") seen.first = entry.startTime; });
  observe("largest-contentful-paint", (entry) => { seen.largest = entry.startTime; });
  observe("longtask", (entry) => { seen.blocked += Math.max(0, entry.duration - 50); });
  observe("layout-shift", (entry) => { seen.shift += entry.value; });

  // A finger that taps on the first product again and again. A link answers from the beginning, since it
  // leads to a page; a script when it takes notice. Nothing comes of either.
  let tapping = false;
  const answered = () => { seen.interactive = seen.interactive || performance.now(); };
  const noticed = () => {
    answered();
    seen.scripted = performance.now();
    clearInterval(finger);
  };
  const finger = setInterval(() => {
    tapping = true;
    document.querySelector(".card, .product")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    tapping = false;
  }, 10);
  addEventListener("click", (event) => {
    if (!tapping) return;
    if (!event.defaultPrevented && event.target.closest("a[href]")) answered();
    event.preventDefault();
  });
  document.addEventListener("htmx:confirm", (event) => {
    if (!tapping) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    noticed();
  }, true);
  new MutationObserver(noticed).observe(document, { subtree: true, attributeFilter: ["data-chosen"] });
})();
