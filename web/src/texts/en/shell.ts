/** What the frame of the page says. */

export const texts = {
  product: "MedImage Orchestrator",
  draft: { label: "Research use", rest: "draft until signed" },
  nav: {
    label: "Pages",
    worklist: "Worklist",
    boards: "Tumour boards",
    operations: "Operations",
    guide: "Guided tour",
    theme: "Theme",
    dark: "Dark, for reading",
    light: "Light, for the office",
    skip: "Skip to the content",
  },
  state: {
    loading: "Loading…",
    offline: "The server does not answer. The page tries again by itself.",
    retry: "Try again",
    remedy: "What to do",
  },
  missing: { title: "There is no such page", back: "To the worklist" },
  close: "Close",
  cancel: "Cancel",
};
