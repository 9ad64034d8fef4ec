// What lies over what on the phone's screen: only the topmost open layer can be touched or focused.

const NAMES = ["views", "app", "sheets", "dialogs"];

export const layer = Object.fromEntries(NAMES.map((name) => [name, document.getElementById(name)]));

const focusedBefore = new Map();

export function openLayer(name) {
  if (!focusedBefore.has(name)) focusedBefore.set(name, document.activeElement);
  layer[name].dataset.open = "";
  arrange();
}

export function closeLayer(name) {
  delete layer[name].dataset.open;
  arrange();
  const focused = focusedBefore.get(name);
  focusedBefore.delete(name);
  if (focused?.isConnected && !focused.closest("[inert]")) focused.focus({ preventScroll: true });
}

export const isOpen = (name) => "open" in layer[name].dataset;

function arrange() {
  const top = NAMES.findLast((name) => name === "views" || isOpen(name));
  for (const name of NAMES) layer[name].inert = name !== top;
}
