// First of all: what came with the address is taken out of it.
import "./arrived";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { Speaking } from "./i18n";
import "./styles.css";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no place for the client");
createRoot(root).render(
  <StrictMode>
    <Speaking>
      <App />
    </Speaking>
  </StrictMode>,
);
