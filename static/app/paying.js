// Paying. What the client says is only a reason to ask the server.
const claims = {};
all("order:opened", ({ detail }) => openInvoice(detail.link, detail.order));

function openInvoice(link, order) {
  delete claims[`order-${order}`];
  const heard = (status) => { claims[`order-${order}`] = status || "none"; lookAgain(); };
  return ask("6.1", (app) => app.openInvoice(link, heard));
}

function lookAgain() {
  if (window.htmx) htmx.trigger(document.body, "order:ask");
}
