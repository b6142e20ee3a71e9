/** `/sign-in/google`: where the provider of sign-ins sends browsers back to: guests (decision 0074), who links it in their settings, and everybody else (0065). */
import { useState } from "react";
import { Redirect } from "wouter";
import { arrived } from "../arrived";
import Guest from "./guest/returned";
import Person from "./identity/google-page";
import { begun } from "./visit-to-google";

export default function Returned() {
  const [answer] = useState(arrived);
  const [aim] = useState(() => begun()?.aim);
  if (aim === "guest") return <Guest answer={answer} />;
  return aim === "link" ? <Redirect to="/settings" replace /> : <Person />;
}
