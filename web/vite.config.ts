import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The folder of `src/texts` that the page is built with. */
const language = process.env.MEDIMAGE_PAGE_LANGUAGE ?? "en";
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "/",
  plugins: [react(), { name: "language", transformIndexHtml: (html) => html.replace('lang="en"', `lang="${language}"`) }],
  // Cornerstone's adapters draw in an XML library that wants Node's own modules; nothing here writes XML.
  resolve: { alias: { xmlbuilder2: here("./src/viewer/no-xml.ts"), "#texts": here(`./src/texts/${language}`) } },
  worker: { format: "es" },
  // `npm run dev` beside a running server.
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  build: {
    target: "es2022",
    // The policy for scripts allows files only, so nothing may become a data: URL.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
  },
});
