// A page that was swapped in, and the forms that htmx sends from it.
all("htmx:load", ({ detail }) => {
  const elt = detail.elt;
  if (elt.id === "main") {
    [root.lang, root.dir] = [elt.lang, elt.dir];
    elt.focus({ preventScroll: true });
    if (scrollTo) window.scrollTo(0, scrollTo);
    scrollTo = 0;
  }
  if (elt.dataset.order) elt.scrollIntoView({ block: "nearest" });
  if (elt.dataset.order === "paid") feel("success");
  if (elt.id === "said") feel("error");
  elt.querySelector("[data-focus]")?.focus({ preventScroll: true });
  if ("ask" in elt.dataset) inquire(elt);
  present(elt);
  write(elt);
  if (location.search.includes("tgWebApp") || location.pathname !== main().dataset.path) {
    stand(main().dataset.path); // where a start parameter led
  }
  announce();
  dress();
});
all("htmx:beforeRequest", () => setTimeout(dress));
all("htmx:afterRequest", ({ detail }) => {
  setTimeout(dress);
  if (detail.xhr.status) delete root.dataset.offline;
  if (detail.successful) document.getElementById("problem")?.replaceChildren();
  // Did the answer not come, what is shown may be bought all the same: the server looks again.
  else if (detail.elt.matches("[hx-trigger^='session:ready']")) detail.elt.removeAttribute("hx-trigger");
});
for (const name of ["htmx:sendError", "htmx:timeout"]) all(name, () => { root.dataset.offline = ""; });

addEventListener("submit", (event) => {
  if (event.target.id !== "proof") return;
  event.preventDefault();
  event.stopPropagation();
  delete root.dataset.code;
  signIn(new FormData(event.target).get("code"));
}, true);

// A form that nobody but htmx can send: it has to carry the session. Tapped too early, it waits.
let early = null;
all("submit", (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  early = event.target;
});
all("htmx:load", () => {
  if (early?.isConnected) early.requestSubmit();
  early = null;
});
