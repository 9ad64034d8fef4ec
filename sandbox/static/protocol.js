// What the phone does for each event a Mini App posts: the same set, and the same refusals, as Web A.

import * as api from "./api.js";
import * as cloud from "./cloud.js";
import { ask, confirm, isAsking, toast } from "./dialogs.js";
import { sendToSomebody } from "./sharing.js";
import { store } from "./store.js";
import { isHexColour } from "./theme.js";

const note = (what) => toast(`${what} is not part of this sandbox.`);

/** Event name to (app, data); an event that is not here is ignored, as Telegram ignores what it does not know. */
export const answers = {
  iframe_ready(app, { reload_supported: reloads }) {
    app.look.reloads = Boolean(reloads);
  },
  iframe_will_reload: (app) => app.reloading(),
  web_app_ready: (app) => app.ready(),
  web_app_expand(app) {
    app.look.isExpanded = true;
    app.redraw();
    app.sendViewport(false);
  },
  web_app_close: (app) => app.closeNow(),

  web_app_request_theme: (app) => app.sendTheme(),
  web_app_request_viewport: (app) => app.sendViewport(),
  web_app_request_safe_area: (app) => app.sendSafeAreas({ isAsked: true }),
  web_app_request_content_safe_area: (app) => app.sendSafeAreas({ isAsked: true }),

  async web_app_open_invoice(app, { slug }) {
    const { bridge } = app;
    const status = await app.on.buy(slug);
    // The page that asked may be gone: another launch must not hear of this invoice.
    if (status && bridge === app.bridge) bridge.send("invoice_closed", { slug, status });
  },
  web_app_open_link: (app, { url }) => app.on.openLink(url),
  web_app_open_tg_link: (app, { path_full: path }) => app.on.openTelegramLink(`https://t.me${path}`),

  async web_app_open_popup(app, { title, message, buttons }) {
    const fits = message?.trim() && buttons?.length >= 1 && buttons.length <= 3;
    const id = fits && !isAsking() ? await ask({ title, message, buttons }) : undefined;
    app.send("popup_closed", id === undefined ? {} : { button_id: id });
  },

  web_app_setup_main_button: (app, data) => setUp(app, "main", data),
  web_app_setup_secondary_button: (app, data) => setUp(app, "secondary", data),
  web_app_setup_back_button: (app, { is_visible: shown }) => change(app, { hasBack: Boolean(shown) }),
  web_app_setup_settings_button: (app, { is_visible: shown }) => change(app, { hasSettings: Boolean(shown) }),
  web_app_setup_closing_behavior: (app, data) =>
    change(app, { confirmsClosing: Boolean(data.need_confirmation) }),
  // Swipes inside the frame never reach this page; pulling the header stays allowed, as in Telegram.
  web_app_setup_swipe_behavior() {},

  web_app_set_header_color(app, { color, color_key: key }) {
    change(app, { header: { key: key ?? "header_bg_color", colour: hex(color) } });
  },
  web_app_set_background_color: (app, { color }) => change(app, { background: hex(color) }),
  web_app_set_bottom_bar_color: (app, { color }) => change(app, { bottomBar: hex(color) }),

  web_app_trigger_haptic_feedback: (app, data) => app.on.haptic(data),

  async web_app_request_write_access(app) {
    const allowed = await mayWrite(app);
    app.send("write_access_requested", { status: allowed ? "allowed" : "cancelled" });
  },
  async web_app_request_phone(app) {
    await note("Sharing a phone number");
    app.send("phone_requested", { status: "cancelled" });
  },

  web_app_request_fullscreen(app) {
    if (app.look.isFullscreen) app.send("fullscreen_failed", { error: "ALREADY_FULLSCREEN" });
    else setFullscreen(app, true);
  },
  web_app_exit_fullscreen(app) {
    if (app.look.isFullscreen) setFullscreen(app, false);
  },

  async web_app_add_to_home_screen(app) {
    if (homeScreen(app) === "unsupported") {
      app.send("home_screen_failed", { error: "UNSUPPORTED" });
    } else if (await mayAdd()) {
      await api.changePerson(app.launch.person.id, { home_screen: true });
      app.send("home_screen_added");
    } else {
      app.send("home_screen_failed", { error: "CANCELLED" });
    }
  },
  web_app_check_home_screen: (app) => app.send("home_screen_checked", { status: homeScreen(app) }),
  async web_app_send_prepared_message(app, { id }) {
    const error = await sendPrepared(app, id);
    app.send(...(error ? ["prepared_message_failed", { error }] : ["prepared_message_sent"]));
  },

  web_app_invoke_custom_method(app, { req_id, method, params }) {
    const outcome = cloud.invoke(method, params ?? {}, { person: app.launch.person, bot: store.state.bot });
    app.send("custom_method_invoked", { req_id, ...outcome });
  },
  ...refusedStorage("device"),
  ...refusedStorage("secure"),

  web_app_switch_inline_query(app, { query }) {
    app.closeNow();
    app.on.prefill(`@${store.state.bot.username} ${query}`);
  },
  async web_app_data_send(app, { data }) {
    const { person, options } = app.launch;
    // Only a keyboard button's Mini App may answer this way.
    if (options.from !== "keyboard") return;
    app.closeNow();
    await api.inject({ message: dataMessage(person, { data, button_text: options.button ?? "" }) });
  },
  // Web A gives nothing of the clipboard away.
  web_app_read_text_from_clipboard: (app, { req_id }) =>
    app.send("clipboard_text_received", { req_id, data: null }),
  async web_app_request_file_download(app, { url, file_name: name }) {
    const wanted = await confirm({
      title: "Download file",
      message: `Do you want to download ${name}?`,
      yes: "Download",
    });
    app.send("file_download_requested", { status: wanted ? "downloading" : "cancelled" });
    if (wanted) window.open(url, "_blank", "noreferrer");
  },
  web_app_open_scan_qr_popup(app) {
    note("Scanning QR codes");
    app.send("scan_qr_popup_closed");
  },
  web_app_share_to_story: () => note("Sharing to a story"),
  web_app_set_emoji_status: (app) => app.send("emoji_status_failed", { error: "UNSUPPORTED" }),
  web_app_request_emoji_status_access: (app) =>
    app.send("emoji_status_access_requested", { status: "cancelled" }),
  web_app_biometry_get_info: (app) => app.send("biometry_info_received", { available: false }),
  web_app_check_location: (app) => app.send("location_checked", { available: false }),
  web_app_request_location: (app) => app.send("location_requested", { available: false }),
  web_app_start_accelerometer: (app) => app.send("accelerometer_failed", { error: "UNSUPPORTED" }),
  web_app_start_gyroscope: (app) => app.send("gyroscope_failed", { error: "UNSUPPORTED" }),
  web_app_start_device_orientation: (app) => app.send("device_orientation_failed", { error: "UNSUPPORTED" }),
};

function change(app, look) {
  Object.assign(app.look, look);
  app.redraw();
}

function setUp(app, button, data) {
  const isVisible = Boolean(data.is_visible) && (button !== "main" || Boolean(data.text?.trim()));
  change(app, {
    [button]: isVisible ? { is_active: true, ...data, is_visible: true } : { is_visible: false },
  });
}

const hex = (color) => (isHexColour(color) ? color : null);

function setFullscreen(app, isFullscreen) {
  change(app, { isFullscreen });
  app.send("fullscreen_changed", { is_fullscreen: isFullscreen });
  app.sendViewport(false);
}

async function mayWrite(app) {
  const { person } = app.launch;
  if (person.started || person.write_access) return true;
  const allowed = await confirm({
    title: "Allow messages?",
    message: `${store.state.bot.name} would like permission to send you messages.`,
    yes: "Allow",
  });
  if (allowed) await api.changePerson(person.id, { write_access: true });
  return allowed;
}

/** Only phones have a home screen that Telegram can put an icon on. */
function homeScreen(app) {
  if (!["ios", "android"].includes(store.settings.platform)) return "unsupported";
  return store.person.home_screen ? "added" : "missed";
}

const mayAdd = () =>
  confirm({
    title: "Add to Home Screen",
    message: `An icon opens ${store.state.bot.name} from the home screen.`,
    yes: "Add",
  });

/** Have the person send a message that the bot prepared; returns Telegram's word for why it was not sent. */
async function sendPrepared(app, id) {
  const message = await api.prepared(app.launch.person.id, id).catch(() => null);
  if (!message) return "MESSAGE_EXPIRED";
  const text = message.input_message_content?.message_text ?? message.title;
  return (await sendToSomebody(text)) ? null : "USER_DECLINED";
}

function refusedStorage(kind) {
  const refuse = (app, { req_id }) => app.send(`${kind}_storage_failed`, { req_id, error: "UNSUPPORTED" });
  const methods = ["save_key", "get_key", "clear", "restore_key"];
  return Object.fromEntries(methods.map((method) => [`web_app_${kind}_storage_${method}`, refuse]));
}

function dataMessage(person, web_app_data) {
  const { id, first_name, username } = person;
  return {
    message_id: Math.floor(Date.now() / 10) % 1_000_000_000,
    date: Math.floor(Date.now() / 1000),
    from: { id, first_name, username, is_bot: false },
    chat: { id, first_name, username, type: "private" },
    web_app_data,
  };
}
