/** The ways in that this server has, besides a password or a name. */
import { api, outcome } from "./client";

/** Whether people come in with Google. */
export async function hasGoogle(): Promise<boolean> {
  return (await outcome(api.GET("/api/identity/sign-in-methods"))).value?.google ?? false;
}
