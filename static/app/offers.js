// What a client may offer besides: each hidden until this one can, and gone once it is done.
const offers = {
  // To let the bot write: receipts and reminders come by chat. A no is not asked about again.
  write: ["6.9", (offer, app) => app.CloudStorage.getItem("write", (_, answer) => {
    offer.hidden = Boolean(user().allows_write_to_pm) || answer === "no";
  }), (app, offer) => app.requestWriteAccess((allowed) => {
    offer.hidden = true;
    if (!allowed) app.CloudStorage.setItem("write", "no");
  })],
  home: ["8.0", (offer, app) => app.checkHomeScreenStatus((status) => { offer.hidden = status !== "missed"; }),
    (app, offer) => { app.addToHomeScreen(); offer.hidden = true; }],
  // The phone and desk apps follow such links; in a browser nothing would.
  topup: ["6.0", (offer, app) => { offer.hidden = app.platform.startsWith("web"); }],
  fullscreen: ["8.0", (offer) => { offer.hidden = false; }, (app) =>
    (app.isFullscreen ? app.exitFullscreen() : app.requestFullscreen())],
};
function present(elt) {
  for (const offer of elt.querySelectorAll("[data-offer]")) {
    const [version, reveal] = offers[offer.dataset.offer];
    ask(version, (app) => reveal(offer, app));
  }
  for (const link of elt.querySelectorAll("[data-more]")) near.observe(link);
}

// What comes next is asked for before one has scrolled to it.
const near = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) if (isIntersecting) target.click();
}, { rootMargin: "600px" });

// A question that the page asks by itself, asked by Telegram's own dialog where there is one.
function inquire(block) {
  const words = (selector) => block.querySelector(selector).textContent.replace(/\s+/g, " ").trim();
  const [title, message, yes] = [words("h2, h3, summary"), words("p"), block.querySelector("form .bad")];
  const keep = block.querySelector("[data-focus]");
  const kept = keep?.textContent.trim() || block.querySelector("[data-keep]")?.dataset.keep;
  const no = kept ? { id: "keep", type: "default", text: kept } : { type: "cancel" };
  return message.length <= 256 && ask("6.2", (app) => app.showPopup(
    { title: title.slice(0, 64), message, buttons: [{ id: "yes", type: "destructive", text: words("form .bad") }, no] },
    (id) => { if (block.isConnected) (id === "yes" ? yes : keep)?.click(); },
  ));
}

// To people of one's own choice: the shop prepares the message, the client asks whom it goes to.
async function share(link) {
  if (!fresh()) await signIn();
  const answer = await fetch(link.dataset.share, { method: "POST", headers: { Authorization: `Bearer ${token}` } })
    .then((told) => told.ok && told.json()).catch(() => null);
  if (!answer || !ask("8.0", (app) => app.shareMessage(answer.id))) ask("6.1", (app) => app.openTelegramLink(link.href));
}
