// CloudStorage: what Mini Apps keep at Telegram, kept here in the browser, per person and bot.

const MOST_KEYS = 1024;
const KEY = /^[A-Za-z0-9_-]{1,128}$/;
const LONGEST_VALUE = 4096;

/** Run one of CloudStorage's custom methods; returns {result} or {error} as Telegram words them. */
export function invoke(method, params, { person, bot }) {
  const place = `sandbox:cloud:${bot.id}:${person.id}`;
  const kept = new Map(JSON.parse(localStorage.getItem(place) ?? "[]"));
  const save = () => localStorage.setItem(place, JSON.stringify([...kept]));

  switch (method) {
    case "saveStorageValue": {
      const { key, value } = params;
      if (!KEY.test(key)) return { error: "KEY_INVALID" };
      if (typeof value !== "string" || value.length > LONGEST_VALUE) return { error: "VALUE_INVALID" };
      if (!kept.has(key) && kept.size >= MOST_KEYS) return { error: "QUOTA_EXCEEDED" };
      kept.set(key, value);
      save();
      return { result: true };
    }
    case "getStorageValues":
      return { result: Object.fromEntries(params.keys.map((key) => [key, kept.get(key) ?? ""])) };
    case "deleteStorageValues":
      for (const key of params.keys) kept.delete(key);
      save();
      return { result: true };
    case "getStorageKeys":
      return { result: [...kept.keys()] };
    default:
      return { error: "METHOD_INVALID" };
  }
}
