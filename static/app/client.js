// Telegram's client, once its script is there: colours, buttons, and being ready.
function paint() {
  ask("6.0", (app) => { root.dataset.theme = app.colorScheme; });
  ask("6.1", (app) => { app.setHeaderColor("secondary_bg_color"); app.setBackgroundColor("secondary_bg_color"); });
  ask("7.10", (app) => app.setBottomBarColor("bottom_bar_bg_color"));
}

function meet() {
  ask("6.0", (app) => {
    app.ready();
    app.expand();
    app.MainButton.onClick(() => press("main"));
    app.onEvent("themeChanged", paint);
    app.onEvent("activated", lookAgain);
  });
  ask("6.1", (app) => app.BackButton.onClick(back));
  ask("7.0", ({ SettingsButton }) => {
    SettingsButton.onClick(() => go("/settings", { push: true }));
    SettingsButton.show();
  });
  ask("7.10", (app) => app.SecondaryButton.setParams({ position: "bottom" }).onClick(() => press("secondary")));
  present(document);
  paint();
  dress();
}
