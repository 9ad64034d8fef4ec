// Telegram's postMessage protocol between this page and the Mini App in the frame.

/**
 * Listen to a frame and speak to it, as Telegram's web clients do since July 2026: only the launched
 * origin is heard and only it is spoken to, wherever the frame may have navigated.
 */
export function createBridge(frame, launchUrl, onEvent) {
  const { origin } = new URL(launchUrl);

  function hear(event) {
    if (event.source !== frame.contentWindow || event.origin !== origin) return;
    const message = parse(event.data);
    if (message) onEvent(message.eventType, message.eventData || {});
  }

  window.addEventListener("message", hear);
  return {
    origin,
    send(eventType, eventData = {}) {
      frame.contentWindow?.postMessage(JSON.stringify({ eventType, eventData }), origin);
    },
    stop() {
      window.removeEventListener("message", hear);
    },
  };
}

function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.eventType === "string" ? message : null;
  } catch {
    return null;
  }
}
