// The sandbox's time, which the panel can move: what the phone calls now.

let offsetSeconds = 0;

export const now = () => new Date(Date.now() + offsetSeconds * 1000);

export function setOffset(seconds) {
  offsetSeconds = seconds;
}
