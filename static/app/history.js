// History: pages are asked for again, by the same way as any other.
const scrolls = {};
let depth = 0, scrollTo = 0;
all("htmx:beforeHistoryUpdate", () => { scrolls[location.pathname] = scrollY; });
all("htmx:pushedIntoHistory", () => {
  depth += 1;
  stand();
});
all("htmx:historyCacheMiss", (event) => {
  event.preventDefault();
  depth = Math.max(depth - 1, 0);
  scrollTo = scrolls[location.pathname] || 0;
  go(event.detail.path, { swap: "outerHTML" });
});
all("language:chosen", ({ detail }) => { speaks = detail.value; });
const back = () => (depth ? history.back() : go("/", { push: true }));
