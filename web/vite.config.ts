import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/",
  plugins: [react()],
  // Cornerstone's adapters draw in an XML library that wants Node's own modules; nothing here writes XML.
  resolve: { alias: { xmlbuilder2: fileURLToPath(new URL("./src/viewer/no-xml.ts", import.meta.url)) } },
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
