// What a Telegram link means inside this phone.

const HOSTS = ["t.me", "telegram.me", "telegram.dog"];

/** One of {kind: "app" | "start" | "invoice" | "bot" | "share" | "other"} for a Telegram link, null for any other. */
export function readTelegramLink(href, username) {
  const url = parse(href);
  if (!url) return null;
  if (url.protocol === "tg:") return readProtocol(url, username);
  if (!HOSTS.includes(url.hostname)) return null;
  const [first, second] = url.pathname.split("/").filter(Boolean);
  if (first?.startsWith("$")) return { kind: "invoice", slug: first.slice(1) };
  if (first === "invoice" && second) return { kind: "invoice", slug: second };
  if (first === "share") return { kind: "share", text: shared(url) };
  if (first?.toLowerCase() !== username.toLowerCase()) return { kind: "other", href: url.href };
  return aboutBot(url.searchParams, Boolean(second));
}

function parse(href) {
  try {
    return new URL(/^[a-z+]+:/i.test(href) ? href : `https://${href}`);
  } catch {
    return null;
  }
}

function readProtocol(url, username) {
  if (url.hostname === "invoice") return { kind: "invoice", slug: url.searchParams.get("slug") };
  if (url.searchParams.get("domain")?.toLowerCase() !== username.toLowerCase()) {
    return { kind: "other", href: url.href };
  }
  return aboutBot(url.searchParams, url.searchParams.has("appname"));
}

function aboutBot(query, namesApp) {
  if (namesApp || query.has("startapp")) {
    return {
      kind: "app",
      start_param: query.get("startapp") || null,
      compact: query.get("mode") === "compact",
    };
  }
  if (query.has("start")) return { kind: "start", payload: query.get("start") };
  return { kind: "bot" };
}

function shared(url) {
  return [url.searchParams.get("text"), url.searchParams.get("url")].filter(Boolean).join("\n");
}
