/** The doors of guests (`/api/guest/…`, decision 0067). Who asks is said by the token of the visit. */
import createClient from "openapi-fetch";
import type { Schemas } from "./client";
import type { paths } from "./schema";

export type ExtensionNow = Schemas["ExtensionNow"];
export type GuestOrganisation = Schemas["GuestOrganisation"];
export type GuestSession = Schemas["GuestSession"];
export type GuestCallPass = Schemas["GuestCallPass"];
export type GuestCall = Schemas["GuestCall"];

export const guests = createClient<paths>({ baseUrl: location.origin });
