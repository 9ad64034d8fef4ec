// Sending something to a chat of one's choice; in this sandbox there is nobody to choose from.

import { confirm, toast } from "./dialogs.js";

/** Ask whether to send a message; resolves with whether it was sent. */
export async function sendToSomebody(text) {
  const wanted = await confirm({ title: "Share this message?", message: text, yes: "Send" });
  if (wanted) toast("Sent to a chat of your choice.");
  return wanted;
}
