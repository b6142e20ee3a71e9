/** `/sign-in/google`: where the provider of sign-ins sends browsers back to, guests (decision 0074) and everybody else (0065). */
import { useState } from "react";
import { arrived } from "../arrived";
import { isAway } from "./guest/google";
import Guest from "./guest/returned";
import Person from "./identity/google-page";

export default function Returned() {
  const [answer] = useState(arrived);
  const [isGuest] = useState(isAway);
  return isGuest ? <Guest answer={answer} /> : <Person />;
}
