// Links and taps: what Telegram opens, and what goes on in the shop.
function handle(link) {
  const { dataset } = link;
  if (dataset.invoice) return openInvoice(link.href, dataset.invoice);
  const [version, , take] = offers[dataset.offer] || [];
  if (take) return ask(version, (app) => take(app, link));
  if ("ask" in dataset) return inquire(link.parentElement);
  if (dataset.share && ask("8.0", () => { share(link); })) return true;
  if ("reopen" in dataset && root.dataset.bot) {
    const start = main().dataset.start;
    const reopened = `https://t.me/${root.dataset.bot}${start ? `?startapp=${start}` : "?startapp"}`;
    return ask("6.1", (app) => { app.openTelegramLink(reopened); app.close(); });
  }
  if (!/^https?:$/.test(link.protocol) || link.host === location.host) return false;
  const leave = link.hostname === "t.me" ? "openTelegramLink" : "openLink"; // beside the shop, which stays open
  return ask("6.1", (app) => app[leave](link.href));
}

// Caught on its way down: Telegram's own script stumbles over links to t.me.
addEventListener("click", (event) => {
  const link = event.target.closest("a, button, summary");
  if (!link) return;
  if (link.dataset.mainButton || link.dataset.secondaryButton) ask("6.1", (app) => app.HapticFeedback.impactOccurred("light"));
  if ("signIn" in link.dataset) signIn();
  if (!handle(link)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

document.addEventListener("visibilitychange", () => { if (!document.hidden) lookAgain(); });
addEventListener("offline", () => { root.dataset.offline = ""; });
addEventListener("online", () => {
  delete root.dataset.offline;
  if (fresh()) lookAgain(); else signIn();
});
