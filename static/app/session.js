// The session: a bearer in this page's memory, renewed from the launch.
let token = "", endsAt = 0, signingIn = null, renewal = 0, speaks = "", turns = 0;
const fresh = () => token && Date.now() < endsAt - 20000;

/** A code from the bot's chat is a second proof, where the client goes on showing an old launch. */
function signIn(code) {
  signingIn = signingIn || exchange(0, typeof code === "string" ? code : "").finally(() => { signingIn = null; });
  return signingIn;
}

async function exchange(attempt, code) {
  const told = initData();
  if (!told) return settle("outside");
  if (!token && !attempt) settle("pending");
  const answer = await fetch("/session", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ init_data: told, code }),
  }).catch(() => null);
  if (answer?.ok) {
    const body = await answer.json();
    token = body.token;
    speaks = body.user.language;
    endsAt = Date.now() + body.expires_in * 1000;
    clearTimeout(renewal);
    renewal = setTimeout(signIn, Math.max(body.expires_in - 60, 30) * 1000);
    settle("ready");
    return announce();
  }
  if (answer?.status === 401 || (code && answer?.status === 429)) {
    token = "";
    if (code) root.dataset.code = answer.status === 401 ? "wrong" : "late";
    return settle("stale");
  }
  if (attempt === 4) return settle("failed");
  const wait = Math.max(500 * 2 ** attempt, 1000 * Math.min(Number(answer?.headers.get("Retry-After")) || 0, 60));
  if (answer?.status === 429 && !fresh()) settle("crowded", wait);
  await pause(wait);
  return exchange(attempt + 1, code);
}

function settle(state, wait = 0) {
  root.dataset.session = state;
  root.dataset.again = new Date(Date.now() + wait).toLocaleTimeString(root.lang);
  write(main());
  dress();
}

/** Say when the next try is, wherever a page asks for it. */
function write(elt) {
  for (const said of elt.querySelectorAll("[data-again]")) said.textContent = root.dataset.again;
}

// The launch is over with the session: this window keeps nothing of it.
all("session:ended", () => {
  [isOut, token, kept] = [true, "", ""];
  clearTimeout(renewal);
  try { sessionStorage.removeItem(STORED); } catch {}
  window.name = LEFT;
  settle("outside");
});

function announce() {
  if (!fresh() || !window.htmx) return;
  const { lang, dataset } = main();
  // Somebody else's page, or one in another language than theirs: the server knows better by now.
  if ((dataset.viewer && dataset.viewer !== person()) || (speaks && speaks !== lang && turns++ < 3)) return go(dataset.path);
  htmx.trigger(document.body, "session:ready");
}

// A reloaded page may have been rendered for the account that was here before.
if (main()?.dataset.viewer && initData() && main().dataset.viewer !== person()) main().classList.add("stranger");
