import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./shell/App";
import "./shell/tokens.css";
import "./shell/shell.css";
import "./parts/parts.css";

const place = document.getElementById("page");
if (!place) throw new Error("index.html has no #page.");
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
