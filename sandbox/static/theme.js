// Telegram's looks: what a Mini App is told of them, and the page wearing them.

// The keys and colours Telegram's own clients send as theme_params (Web A by day, Desktop by night).
export const THEMES = {
  light: {
    label: "Light",
    icon: "sun",
    params: {
      bg_color: "#ffffff",
      text_color: "#000000",
      hint_color: "#707579",
      link_color: "#2481cc",
      button_color: "#3390ec",
      button_text_color: "#ffffff",
      secondary_bg_color: "#f4f4f5",
      header_bg_color: "#ffffff",
      accent_text_color: "#2481cc",
      section_bg_color: "#ffffff",
      section_header_text_color: "#2481cc",
      section_separator_color: "#e4e4e7",
      subtitle_text_color: "#707579",
      destructive_text_color: "#df3f40",
      bottom_bar_bg_color: "#f4f4f5",
    },
  },
  dark: {
    label: "Dark",
    icon: "moon",
    params: {
      bg_color: "#17212b",
      text_color: "#f5f5f5",
      hint_color: "#7d8e9e",
      link_color: "#6ab3f3",
      button_color: "#5288c1",
      button_text_color: "#ffffff",
      secondary_bg_color: "#0f1821",
      header_bg_color: "#17212b",
      accent_text_color: "#6ab2f2",
      section_bg_color: "#17212b",
      section_header_text_color: "#6ab3f3",
      section_separator_color: "#0c141c",
      subtitle_text_color: "#7d8e9e",
      destructive_text_color: "#ec5b63",
      bottom_bar_bg_color: "#17212b",
    },
  },
  // A theme somebody made: shows whether a page follows the colours or merely knows light from dark.
  custom: {
    label: "Aurora",
    icon: "drop",
    params: {
      bg_color: "#10211f",
      text_color: "#e9f7f1",
      hint_color: "#86a79d",
      link_color: "#63e6be",
      button_color: "#3fd0a4",
      button_text_color: "#05211a",
      secondary_bg_color: "#0a1715",
      header_bg_color: "#132825",
      accent_text_color: "#63e6be",
      section_bg_color: "#142b28",
      section_header_text_color: "#7fdcbf",
      section_separator_color: "#1d3a35",
      subtitle_text_color: "#86a79d",
      destructive_text_color: "#ff8a7a",
      bottom_bar_bg_color: "#132825",
    },
  },
};

export function themeNamed(name) {
  return Object.hasOwn(THEMES, name) ? name : "light";
}

export function wear(name) {
  const root = document.documentElement;
  root.dataset.theme = name;
  for (const [key, colour] of Object.entries(THEMES[name].params)) {
    root.style.setProperty(`--tg-${key.replaceAll("_", "-")}`, colour);
  }
}

export function isHexColour(colour) {
  return typeof colour === "string" && /^#[0-9a-f]{6}$/i.test(colour);
}

/** Whether light text reads better than dark text on this colour (WCAG luminance). */
export function isDark(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.36;
}
