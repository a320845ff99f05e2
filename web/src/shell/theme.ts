import { useEffect, useState } from "react";

export type Theme = "dark" | "light";
const KEY = "medimage.theme";

/** Dark for reading unless the reader chose otherwise; kept on this machine. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => (localStorage.getItem(KEY) === "light" ? "light" : "dark"));
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }, [theme]);
  return [theme, setTheme];
}
