import { type ReactNode, useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { t } from "../texts";
import { Tour } from "../tour/Tour";
import { useTheme } from "./theme";

const PAGES = [
  { path: "/", label: t.nav.worklist },
  { path: "/boards", label: t.nav.boards },
  { path: "/operations", label: t.nav.operations },
];

/** What stands round every page: name, way about, the reminder that all is a draft, theme, tour. */
export function Frame({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const [theme, setTheme] = useTheme();
  const [touring, setTouring] = useState(false);
  useEffect(() => {
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [location]);
  const here = (path: string) => (path === "/" ? location === "/" || location.startsWith("/studies") : location.startsWith(path));
  return (
    <>
      <a className="skip" href="#content">
        {t.nav.skip}
      </a>
      <header className="frame">
        <Link href="/" className="name" aria-label={t.product}>
          <img src="/icon.svg" alt="" width="22" height="22" />
          <span>{t.product}</span>
        </Link>
        <nav aria-label={t.nav.label}>
          {PAGES.map(({ path, label }) => (
            <Link key={path} href={path} aria-current={here(path) ? "page" : undefined}>
              {label}
            </Link>
          ))}
        </nav>
        <p className="draft" role="note">
          <strong>{t.draft.label}</strong>: {t.draft.rest}
        </p>
        <button type="button" className="quiet" onClick={() => setTouring(true)}>
          {t.nav.guide}
        </button>
        <label className="theme">
          <span className="unseen">{t.nav.theme}</span>
          <select value={theme} onChange={(event) => setTheme(event.target.value === "light" ? "light" : "dark")}>
            <option value="dark">{t.nav.dark}</option>
            <option value="light">{t.nav.light}</option>
          </select>
        </label>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <Tour asked={touring} onEnd={() => setTouring(false)} />
    </>
  );
}
