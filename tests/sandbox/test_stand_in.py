"""The sandbox's stand-in for Telegram's client script: the same words to the phone, and the same looks."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page

from tests.kit import npm
from tests.kit.processes import ROOT

ORIGIN = "http://shop.test"
STAND_IN = (ROOT / "sandbox" / "static" / "stand-in.js").read_bytes()
USER = {"id": 1, "first_name": "Alice & Bob"}
DATA = f"user={quote(json.dumps(USER))}&auth_date=1700000000&start_param=atlas&hash=00ff"
THEME = {
    "bg_color": "#17212b",
    "text_color": "#F5F5F5",
    "button_color": "#5288c1",
    "secondary_bg_color": "#0f1821",
}
NIGHT = {"bg_color": "#000000", "button_color": "#abc", "bottom_bar_bg_color": "#111111", "odd": "red; x"}
# A phone's page with the Mini App in a frame, that keeps whatever it is told.
PHONE = """<!doctype html><script>
  const told = [], app = () => document.querySelector("iframe").contentWindow;
  addEventListener("message", ({ data }) => told.push(JSON.parse(data)));
  const say = (eventType, eventData) => app().postMessage(JSON.stringify({ eventType, eventData }), "*");
</script>"""
# Each step is done in the page, or said by the phone; what the phone hears and the page sees is compared.
STEPS: dict[str, list[Any]] = {
    "ready": ["app.ready(); app.expand()"],
    "main button": [
        "app.MainButton.setText(' Buy '); app.MainButton.show(); app.MainButton.show()",
        "app.MainButton.onClick(() => log('pressed'))",
        ("main_button_pressed", {}),
        "app.MainButton.showProgress()",
        ("main_button_pressed", {}),
        "log(app.MainButton.isActive, app.MainButton.isProgressVisible, app.MainButton.text)",
        "app.MainButton.hideProgress(); app.MainButton.color = '#F00'",
        "app.MainButton.setText(' ')",
        "app.MainButton.setText('x'.repeat(65))",
        "app.MainButton.color = 'red'",
        "app.MainButton.hide()",
        "app.MainButton.hide()",
    ],
    "second button": [
        "app.SecondaryButton.setParams({ text: 'Try', position: 'bottom', is_visible: true })",
        "app.SecondaryButton.onClick(() => log('pressed'))",
        ("secondary_button_pressed", {}),
        "log(app.SecondaryButton.position)",
    ],
    "back and settings": [
        "app.BackButton.onClick(() => log('back')); app.BackButton.show(); app.BackButton.show()",
        "app.SettingsButton.onClick(() => log('settings')); app.SettingsButton.show()",
        ("back_button_pressed", {}),
        ("settings_button_pressed", {}),
        "log(app.BackButton.isVisible, app.SettingsButton.isVisible); app.BackButton.hide()",
    ],
    "invoice": [
        "app.onEvent('invoiceClosed', (it) => log('event', it))",
        "app.openInvoice('https://t.me/$abc_-=1', (status) => log('called', status))",
        "app.openInvoice('https://t.me/$abc_-=1')",
        ("invoice_closed", {"slug": "other", "status": "paid"}),
        ("invoice_closed", {"slug": "abc_-=1", "status": "paid"}),
        ("invoice_closed", {"slug": "abc_-=1", "status": "paid"}),
        "app.openInvoice('https://t.me/invoice/abc', (status) => { log(status); throw Error('mine') })",
        ("invoice_closed", {"slug": "abc", "status": "cancelled"}),
        "app.openInvoice('https://evil.test/$abc')",
        "app.openInvoice('javascript:alert(1)')",
    ],
    "popup": [
        "app.showPopup({ title: ' T ', message: 'M', buttons: [{ id: 'y', type: 'destructive', text: 'Yes' },"
        " { type: 'cancel' }] }, (id) => log('id', id))",
        "app.showPopup({ message: 'again' })",
        ("popup_closed", {"button_id": "y"}),
        ("popup_closed", {"button_id": "y"}),
        "app.showAlert('hello', (...told) => log('alert', told.length))",
        ("popup_closed", {}),
        "app.showConfirm('sure?', (yes) => log('sure', yes))",
        ("popup_closed", {"button_id": "ok"}),
        "app.showConfirm('sure?', (yes) => log('sure', yes))",
        ("popup_closed", {}),
        "app.showPopup({ message: ' ' })",
        "app.showPopup({ message: 'm'.repeat(257) })",
        "app.showPopup({ message: 'm', title: 't'.repeat(65) })",
        "app.showPopup({ message: 'm', buttons: [] })",
        "app.showPopup({ message: 'm', buttons: Array(4).fill({ type: 'ok' }) })",
        "app.showPopup({ message: 'm', buttons: [{ type: 'default' }] })",
        "app.showPopup({ message: 'm', buttons: [{ type: 'odd', text: 'x' }] })",
    ],
    "links": [
        "app.openTelegramLink('https://t.me/shop_bot?startapp=x')",
        "app.openLink('https://example.org/a?b')",
        "app.openTelegramLink('https://example.org/')",
        "app.openLink('javascript:alert(1)')",
    ],
    "colours": [
        "app.setHeaderColor('secondary_bg_color'); app.setBackgroundColor('secondary_bg_color')",
        "app.setBottomBarColor('#ABCDEF'); app.setHeaderColor('#123')",
        "log(app.headerColor, app.backgroundColor, app.bottomBarColor)",
        "app.setHeaderColor('red')",
        "app.setBackgroundColor('bottom_bar_bg_color')",
    ],
    "theme": [
        "app.onEvent('themeChanged', () => log(app.colorScheme, app.themeParams.bg_color))",
        "app.MainButton.setText('Buy').show()",
        ("theme_changed", {"theme_params": NIGHT}),
        ("theme_changed", {"theme_params": {"bg_color": "#ffffff"}}),
    ],
    "measures": [
        "app.onEvent('viewportChanged', (it) => log(it, app.viewportHeight, app.viewportStableHeight))",
        ("viewport_changed", {"height": 500, "width": 390, "is_expanded": False, "is_state_stable": False}),
        ("viewport_changed", {"height": 600, "width": 390, "is_expanded": True, "is_state_stable": True}),
        "log(app.isExpanded)",
        "app.onEvent('safeAreaChanged', () => log(app.safeAreaInset))",
        ("safe_area_changed", {"top": 40, "bottom": 20}),
        "app.onEvent('contentSafeAreaChanged', () => log(app.contentSafeAreaInset))",
        ("content_safe_area_changed", {"top": 46, "bottom": 0, "left": 0, "right": 0}),
    ],
    "visibility": [
        "app.onEvent('activated', () => log('on')); app.onEvent('deactivated', () => log('off'))",
        ("visibility_changed", {"is_visible": False}),
        "log(app.isActive)",
        ("visibility_changed", {"is_visible": True}),
    ],
    "haptics": [
        "app.HapticFeedback.impactOccurred('light').notificationOccurred('success').selectionChanged()",
        "app.HapticFeedback.impactOccurred('odd')",
        "app.HapticFeedback.notificationOccurred('odd')",
    ],
    "fullscreen": [
        "app.onEvent('fullscreenChanged', () => log(app.isFullscreen))",
        "app.requestFullscreen()",
        ("fullscreen_changed", {"is_fullscreen": True}),
        "app.exitFullscreen()",
        ("fullscreen_changed", {"is_fullscreen": False}),
    ],
    "closing": [
        "app.isClosingConfirmationEnabled = true; log(app.isClosingConfirmationEnabled)",
        "app.disableClosingConfirmation(); app.disableVerticalSwipes(); log(app.isVerticalSwipesEnabled)",
        "app.close()",
    ],
    "asked of the person": [
        "app.requestWriteAccess((yes) => log('write', yes))",
        "app.requestWriteAccess()",
        ("write_access_requested", {"status": "allowed"}),
        "app.checkHomeScreenStatus((status) => log('home', status)); app.addToHomeScreen()",
        ("home_screen_checked", {"status": "missed"}),
        "app.shareMessage('m1', (sent) => log('sent', sent))",
        ("prepared_message_failed", {"error": "USER_DECLINED"}),
    ],
    "events": [
        "const hear = () => log('heard'); app.onEvent('activated', hear); app.onEvent('activated', hear);"
        " window.hear = hear",
        ("visibility_changed", {"is_visible": True}),
        "app.offEvent('activated', hear)",
        ("visibility_changed", {"is_visible": True}),
        ("no_such_event", {}),
        ("toString", {}),
    ],
    "who it is": [
        "log(app.initData, app.initDataUnsafe, app.version, app.platform)",
        "log(['6.0', '9', '9.1', '9.1.0', '9.1.1', '9.2', '10'].map((it) => app.isVersionAtLeast(it)))",
    ],
}
OLD = [
    "app.showPopup({ message: 'm' })",
    "app.openInvoice('https://t.me/$abc')",
    "app.requestWriteAccess()",
    "app.requestFullscreen()",
    "app.checkHomeScreenStatus(() => 0)",
    "app.shareMessage('m')",
    "app.BackButton.show()",
    "app.SettingsButton.show()",
    "app.isClosingConfirmationEnabled = true",
    "app.disableVerticalSwipes()",
    "log(app.BackButton.isVisible, app.isClosingConfirmationEnabled)",
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def play(page: Page, script: bytes, steps: list[Any], version: str = "9.1") -> dict[str, Any]:
    """Return all that the phone heard and the page saw while the steps were taken with a client script."""
    served = {
        "/phone": PHONE.encode(),
        "/app": b"<!doctype html><script src='/script'></script>",
        "/script": script,
    }
    page.route(
        f"{ORIGIN}/**",
        lambda route: route.fulfill(
            body=served[route.request.url.removeprefix(ORIGIN)], content_type="text/html"
        ),
    )
    page.goto(f"{ORIGIN}/phone")
    launch = {"tgWebAppData": DATA, "tgWebAppVersion": version, "tgWebAppPlatform": "weba"}
    fragment = "&".join(f"{key}={quote(value, safe='')}" for key, value in launch.items())
    source = f"/app#{fragment}&tgWebAppThemeParams={quote(json.dumps(THEME), safe='')}"
    page.evaluate(
        """(source) => new Promise((loaded) => {
          sessionStorage.clear();
          const frame = document.createElement("iframe");
          frame.onload = loaded;
          frame.src = source;
          document.body.append(frame);
        })""",
        source,
    )
    app = page.frames[-1]
    app.evaluate("window.seen = []; window.app = Telegram.WebApp; window.log = (...it) => seen.push(it)")
    for step in steps:
        if isinstance(step, str):
            app.evaluate(f"try {{ {step} }} catch (error) {{ log('refused', error.message) }}")
        else:
            page.evaluate("([type, data]) => say(type, data)", list(step))
            # Messages arrive in order: when this one is back, the step has been heard.
            app.evaluate(
                "() => new Promise((done) => { addEventListener('message', done); postMessage('', '*') })"
            )
    return {
        "heard": page.evaluate("() => new Promise((done) => setTimeout(() => done(told)))"),
        "seen": app.evaluate("seen"),
        "style": sorted(app.evaluate("document.documentElement.style.cssText").split("; ")),
    }


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_the_stand_in_says_what_telegrams_script_says(page, steps):
    real = npm.read("@twa-dev/sdk@8.0.2", "dist/telegram-web-apps.js")
    assert play(page, STAND_IN, steps) == play(page, real, steps)


@pytest.mark.parametrize("version", ["6.0", "6.1", "7.0"])
def test_the_stand_in_refuses_what_an_old_client_cannot_do(page, version):
    real = npm.read("@twa-dev/sdk@8.0.2", "dist/telegram-web-apps.js")
    assert play(page, STAND_IN, OLD, version) == play(page, real, OLD, version)
