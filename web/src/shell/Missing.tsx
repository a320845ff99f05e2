import { Link } from "wouter";
import { t } from "../texts";

export function Missing() {
  return (
    <section className="empty-state">
      <h1>{t.missing.title}</h1>
      <Link href="/">{t.missing.back}</Link>
    </section>
  );
}
