// How long a subscription's period is, in words.

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const MONTH_SECONDS = 2_592_000; // what Telegram calls a month

/** "30 days", "5 minutes". */
export function lasting(seconds) {
  const [unit, length] = UNITS.find(([, one]) => seconds % one === 0);
  const count = seconds / length;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** "month", "minute", "5 minutes": what comes after "a price per". */
export function per(seconds) {
  return seconds === MONTH_SECONDS ? "month" : lasting(seconds).replace(/^1 /, "");
}
