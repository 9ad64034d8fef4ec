// The buttons that Telegram draws around the page.
const feel = (kind) => ask("6.1", (app) => app.HapticFeedback.notificationOccurred(kind));

// What can be bought is shown at once, but is about to give way to what this person may do.
const unsettled = (act) => !window.htmx
  || (["pending", "crowded", "ready"].includes(root.dataset.session) && act.closest("[hx-trigger^='session:ready']"));
const busy = (act) => act.disabled || "busy" in act.dataset || unsettled(act);

const act = (kind) => document.querySelector(`[data-${kind}-button]`);

function dress() {
  const shut = ["outside", "stale"].includes(root.dataset.session);
  const draw = (kind, version, name) => {
    const wanted = !shut && act(kind);
    const drawn = ask(version, ({ [name]: button }) => {
      if (!wanted) return button.hide();
      button.setText(wanted.dataset[`${kind}Button`]);
      if (busy(wanted)) button.showProgress(); else button.hideProgress();
      button.show();
    });
    root.classList.toggle(`has-${kind}-button`, Boolean(drawn && wanted));
  };
  draw("main", "6.0", "MainButton");
  const { accent, onAccent } = root.dataset;
  if (accent) ask("6.1", (app) => app.MainButton.setParams({ color: accent, text_color: onAccent }));
  draw("secondary", "7.10", "SecondaryButton");
  const inside = main().dataset.path !== "/";
  const leads = ask("6.1", ({ BackButton }) => (inside ? BackButton.show() : BackButton.hide()));
  root.classList.toggle("has-back-button", leads && inside);
  const paying = Boolean(document.querySelector("[data-order=open]"));
  ask("6.2", (app) => { if (app.isClosingConfirmationEnabled !== paying) app.isClosingConfirmationEnabled = paying; });
}

function press(kind) {
  const wanted = act(kind);
  if (wanted && !busy(wanted)) wanted.click();
}
