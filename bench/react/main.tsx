import { createRoot } from "react-dom/client";
import { init } from "@telegram-apps/sdk-react";
import { AppRoot } from "@telegram-apps/telegram-ui";
import "@telegram-apps/telegram-ui/dist/styles.css";
import { App } from "./App";

try { init(); } catch { /* outside of Telegram */ }
createRoot(document.getElementById("root")!).render(<AppRoot><App /></AppRoot>);
