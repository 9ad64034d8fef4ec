// htmx: who asks, what waits, what is repeated.
all("htmx:configRequest", ({ detail }) => {
  if (token) detail.headers.Authorization = `Bearer ${token}`;
  detail.headers["Accept-Language"] = root.lang;
  detail.headers["HX-Current-URL"] = location.origin + location.pathname;
  const order = detail.elt.closest("[data-order]");
  if (order && claims[order.id]) detail.parameters.told = claims[order.id];
});

all("htmx:confirm", (event) => {
  const { elt, verb, issueRequest } = event.detail;
  if ((verb === "get" && !elt.closest("[data-personal]")) || fresh() || !initData()) return;
  event.preventDefault();
  signIn().then(() => { if (elt.isConnected) issueRequest(true); });
});

// A page that may load more is a document of its own; where nothing lasts, the launch goes with it.
all("htmx:beforeOnLoad", (event) => {
  const path = event.detail.xhr.getResponseHeader("HX-Redirect");
  if (!path) return;
  event.preventDefault();
  location.href = path + kept;
});

all("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status !== 401 || !initData() || requestConfig.headers["Asked-Again"]) return;
  event.detail.shouldSwap = event.detail.isError = false;
  token = "";
  signIn().then(() => {
    const { verb, path, elt, target } = requestConfig;
    if (token && elt.isConnected) htmx.ajax(verb, path, { source: elt, target, headers: { "Asked-Again": "1" } });
  });
});

function go(path, { push, swap = "outerHTML show:window:top" } = {}) {
  if (!window.htmx) { location.href = path + kept; return; }
  htmx.ajax("GET", path, { target: "#main", swap, push: push && path });
}
