import { defineConfig, type Plugin } from "vite";

/** Holds the first paint back until the script has set the remembered theme, so that no wrong colours flash. */
const themeBeforePaint: Plugin = {
  name: "theme-before-paint",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
  },
};

/** The daemon answers only to its own name and origin, so both headers are changed to it. */
const target = process.env["LARDER_URL"] ?? "http://127.0.0.1:7070";
const daemon = { target, changeOrigin: true, ws: true, headers: { origin: target } };
const ROUTES = ["/api", "/v1", "/live", "/codette", "/ws", "/metrics", "/health"];

export default defineConfig({
  base: "./",
  plugins: [themeBeforePaint],
  build: {
    outDir: "../assets",
    emptyOutDir: true,
    target: ["chrome123", "edge123", "firefox121", "safari17.5"],
    // Nothing inline: the page is served under `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: Object.fromEntries(ROUTES.map((route) => [route, daemon])) },
});
