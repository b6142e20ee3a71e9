/**
 * A telephone in a browser: SIP over WebSocket (RFC 7118) by JsSIP, sound by WebRTC. It makes things happen and tells the state (`state.ts`)
 * whoever has subscribed. It knows no page and no framework, and asks for a microphone only when somebody calls or answers.
 */
import { C, UA, WebSocketInterface } from "jssip";
import type { IncomingInfoEvent, OutgoingInfoEvent, ReInviteEvent, RTCSession } from "jssip/lib/RTCSession";
import type { CallOptions, RTCSessionEvent, UAConfiguration } from "jssip/lib/UA";
import { type Choice, chosen, microphone } from "./audio/devices";
import { Tones } from "./audio/tones";
import { PACKAGE, told } from "./audio/verdict";
import { Meter, watch } from "./audio/watch";
import { instance } from "./instance";
import * as state from "./state";

/** Seconds after which a lost connection is tried again, doubled up to the second figure. */
const RECOVERY = [1, 30] as const;
/** Seconds that a registration holds. */
const EXPIRES = 300;
/** Milliseconds that a call which is over is still shown. */
const SHOWN = 4_000;

/** Who this phone is, and where the switch is. */
export interface Account {
  readonly username: string;
  readonly domain: string;
  readonly password: string;
  /** The first one that this page may use is used. */
  readonly websocketUrls: readonly string[];
  /** How the other side is told who calls; empty: by the username alone. */
  readonly name: string;
  /** Whether it can be called. A guest calls once and is called by nobody. */
  readonly isCalled: boolean;
}

/** How often a call is negotiated anew until the switch takes it. */
const RENEWALS_MAX = 10;
/** Milliseconds in between, from and to, for whoever was called and for whoever calls (RFC 3261 §14.1): two who have asked each other at once do so but once. */
const RENEWAL = { incoming: [0, 2_000], outgoing: [2_100, 4_000] } as const;
/** Milliseconds after which a way that is not heard from is lost: a few lost packets are none. */
const SILENCE = 2_000;

/** What the library ends a call for, although it could go on as it was: what was refused within it, and a connection that was lost meanwhile. */
const OUTLIVED = new Set<string>([C.causes.WEBRTC_ERROR, C.causes.CONNECTION_ERROR]);

/** As the sound's way stands when it is none. */
const LOST = new Set<RTCIceConnectionState>(["disconnected", "failed"]);

interface Line {
  readonly session: RTCSession;
  /** The switch has been asked to negotiate anew and has not answered yet. */
  isAsked: boolean;
  /** How often it is asked again, and the next time. */
  renewals: number;
  later: ReturnType<typeof setTimeout> | undefined;
  readonly sound: HTMLAudioElement;
  stream: MediaStream | undefined;
  meter: Meter | undefined;
  stop: (() => void) | undefined;
}

export class Softphone {
  readonly #account: Account;
  readonly #ua: UA;
  readonly #tones = new Tones();
  readonly #lines = new Map<string, Line>();
  readonly #listeners = new Set<() => void>();
  /** Calls that were ended while the switch could not be told. */
  readonly #untold: RTCSession[] = [];
  #state: state.State = state.IDLE;
  #choice: Choice = chosen();
  #unwatch = () => {};

  constructor(account: Account) {
    this.#account = account;
    this.#ua = new UA(configuration(account));
    this.#ua.on("connecting", () =>
      this.#happen({ type: "link", link: this.#hasCalls() ? "lost" : "connecting" }),
    );
    this.#ua.on("connected", () => this.#connected());
    this.#ua.on("disconnected", () => this.#happen({ type: "link", link: "lost" }));
    this.#ua.on("registered", () => this.#happen({ type: "link", link: "ready" }));
    this.#ua.on("registrationFailed", ({ response }) => {
      const isRefused = response !== undefined && response.status_code < 500;
      this.#happen({ type: "link", link: isRefused ? "refused" : "lost" });
    });
    this.#ua.on("newRTCSession", ({ originator, session }: RTCSessionEvent) => {
      if (originator === "remote") this.#comesIn(session);
    });
  }

  /** The state now; another object whenever it has changed. */
  readonly state = (): state.State => this.#state;

  /** Has `listener` called after each change, until what is returned is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  start(): void {
    this.#tones.sink(this.#choice.speaker);
    this.#unwatch = network(this.restart);
    this.#ua.start();
  }

  /** Ends all calls, tells the switch, and hangs up for good. */
  stop(): void {
    this.#unwatch();
    this.#ua.stop();
    this.#tones.close();
    for (const id of [...this.#lines.keys()]) this.#close(id);
    this.#happen({ type: "link", link: "off" });
  }

  /** Call from a click: from then on the phone can be heard to ring. */
  readonly wake = (): void => {
    this.#tones.wake();
  };

  /** Has the sound of all calls look for its way anew (a restart of ICE, RFC 8445 §9), because this device may be in another network now. */
  readonly restart = (): void => {
    for (const line of this.#lines.values()) this.#renew(line);
  };

  /** Calls a number of the organisation, or a whole SIP address. Resolves with the call's id, also of one that comes to nothing. */
  async call(target: string, consultsFor?: string): Promise<string> {
    const id = crypto.randomUUID();
    const number = target.replace(/^sips?:/, "").split("@")[0] ?? target;
    this.#happen({
      type: "begun",
      id,
      direction: "out",
      peer: { number, name: "" },
      at: Date.now(),
      ...(consultsFor === undefined ? {} : { consultsFor }),
    });
    const stream = await this.#microphone(id);
    if (stream === undefined) return id;
    this.#holdOthers(id);
    const options: CallOptions = { ...media(stream), fromDisplayName: this.#account.name };
    try {
      this.#take(id, this.#ua.call(this.#address(target), options), stream);
    } catch {
      // What was given is no address.
      stop(stream);
      this.#ended(id, "unknown-number");
    }
    return id;
  }

  async answer(id: string): Promise<void> {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    const stream = await this.#microphone(id);
    if (stream === undefined) {
      line.session.terminate({ status_code: 480 });
      return;
    }
    if (line.session.isEnded()) return stop(stream);
    this.#holdOthers(id);
    this.#hears(id, line, stream);
    line.session.answer(media(stream));
  }

  /** Ends the call, or refuses the one that comes in. */
  hangUp(id: string): void {
    const [session, call] = [this.#lines.get(id)?.session, this.#call(id)];
    if (session === undefined || session.isEnded()) return;
    if (session.isEstablished() && !this.#ua.isConnected()) {
      session.connection?.close();
      this.#untold.push(session);
      this.#ended(id, "hung-up");
      return;
    }
    session.terminate(call?.stage === "incoming" ? { status_code: 603, reason_phrase: "Decline" } : {});
  }

  hold(id: string, on: boolean): void {
    const session = this.#lines.get(id)?.session;
    // Whoever asks the switch while it cannot be reached has the library give up the call, which goes on meanwhile.
    if (session === undefined || !session.isEstablished() || !this.#ua.isConnected()) return;
    if (!on) this.#holdOthers(id);
    const isDone = on ? session.hold() : session.unhold();
    if (isDone) this.#happen({ type: "held", id, by: "here", on });
  }

  mute(id: string, on: boolean): void {
    const session = this.#lines.get(id)?.session;
    if (session === undefined) return;
    if (on) session.mute({ audio: true });
    else session.unmute({ audio: true });
    this.#happen({ type: "muted", id, on });
  }

  /** Presses a key for the other side: as an event (RFC 4733) where that was agreed, else by INFO. */
  press(id: string, key: string): void {
    const session = this.#lines.get(id)?.session;
    if (session === undefined || !session.isEstablished()) return;
    const senders = session.connection?.getSenders() ?? [];
    const isEvent = senders.some((sender) => sender.dtmf?.canInsertDTMF === true);
    const transportType = isEvent ? C.DTMF_TRANSPORT.RFC2833 : C.DTMF_TRANSPORT.INFO;
    session.sendDTMF(key, { transportType, duration: 120 });
    this.#tones.key(key);
    this.#happen({ type: "pressed", id, key });
  }

  /** Sends the other side on to `target` without a word (blind). */
  transfer(id: string, target: string): void {
    const session = this.#lines.get(id)?.session;
    if (session?.isEstablished() && this.#ua.isConnected()) this.#refer(id, session, target);
  }

  /** Holds the call and asks `target` first; `connect` makes one call of the two. */
  async consult(id: string, target: string): Promise<void> {
    this.hold(id, true);
    await this.call(target, id);
  }

  /** Puts the other sides of a consultation and of the call that it was for through to each other (attended, RFC 5589 §7). */
  connect(consultation: string): void {
    const other = this.#call(consultation)?.consultsFor ?? "";
    const [asked, session] = [this.#lines.get(consultation)?.session, this.#lines.get(other)?.session];
    if (!asked?.isEstablished() || !session?.isEstablished() || !this.#ua.isConnected()) return;
    this.#refer(other, session, asked.remote_identity.uri.toString(), asked);
  }

  /** How loud the microphone of that call is, 0 … 1. */
  level(id: string): number {
    return this.#lines.get(id)?.meter?.level() ?? 0;
  }

  /** Uses these from now on, in calls that go on too. */
  async choose(choice: Choice): Promise<void> {
    const isOther = choice.microphone !== this.#choice.microphone;
    this.#choice = choice;
    this.#tones.sink(choice.speaker);
    for (const [id, line] of this.#lines) {
      this.#listenBy(line.sound);
      if (isOther && line.stream !== undefined) await this.#otherMicrophone(id, line);
    }
  }

  #connected(): void {
    if (!this.#account.isCalled) this.#happen({ type: "link", link: "ready" });
    for (const session of this.#untold.splice(0)) if (!session.isEnded()) session.terminate();
    // Calls have gone on without us: what we say of them goes over the new connection, from where we are now.
    this.restart();
  }

  /** Has a call go on over this connection and by another way (ICE): what is said now goes on until the switch has taken it. */
  #renew(line: Line): void {
    line.renewals = RENEWALS_MAX;
    this.#ask(line);
  }

  #ask(line: Line): void {
    const { session } = line;
    // Without a connection it is asked on the next one.
    if (!session.isEstablished() || !this.#ua.isConnected()) return;
    const done = () => {
      line.isAsked = false;
    };
    // By UPDATE (RFC 3311): a 2xx to an INVITE that is lost with the connection has the switch wait for an ACK, and then end the call; and the
    // library would repeat a refused INVITE as it was.
    const isAsked = session.renegotiate({ useUpdate: true, rtcOfferConstraints: { iceRestart: true } }, done);
    if (isAsked) line.isAsked = true;
    else this.#askLater(line);
  }

  #askLater(line: Line): void {
    clearTimeout(line.later);
    if (line.renewals === 0) return;
    line.renewals -= 1;
    const [from, to] = RENEWAL[line.session.direction];
    line.later = setTimeout(() => this.#ask(line), from + (to - from) * Math.random());
  }

  #comesIn(session: RTCSession): void {
    if (state.live(this.#state).length >= state.CALLS_MAX) {
      session.terminate({ status_code: 486, reason_phrase: "Busy Here" });
      return;
    }
    const { uri, display_name: name } = session.remote_identity;
    const id = crypto.randomUUID();
    const peer = { number: uri.user, name: name ?? "" };
    this.#happen({ type: "begun", id, direction: "in", peer, at: Date.now() });
    this.#take(id, session, undefined);
  }

  /** Follows a session from now until it is over. */
  #take(id: string, session: RTCSession, stream: MediaStream | undefined): void {
    const line: Line = {
      session,
      isAsked: false,
      renewals: RENEWALS_MAX,
      later: undefined,
      sound: new Audio(),
      stream: undefined,
      meter: undefined,
      stop: undefined,
    };
    this.#lines.set(id, line);
    this.#outlive(line);
    if (stream !== undefined) this.#hears(id, line, stream);
    const direction = this.#call(id)?.direction ?? "out";
    const begun = (connection: RTCPeerConnection) => {
      this.#sounds(id, line, connection);
      connection.addEventListener("iceconnectionstatechange", () => this.#miss(line, connection));
    };
    session.on("peerconnection", ({ peerconnection }) => begun(peerconnection));
    if (session.connection) begun(session.connection);
    session.on("progress", ({ response }: { response?: { status_code: number; body?: string } }) => {
      // 183 is the switch that says something, such as why nobody can be had.
      if (response?.status_code !== 183) this.#happen({ type: "rings", id });
      if (response?.body) this.#happen({ type: "sounds", id });
    });
    session.on("accepted", () => this.#happen({ type: "answered", id, at: Date.now() }));
    session.on("hold", ({ originator }) => this.#held(id, originator, true));
    session.on("unhold", ({ originator }) => this.#held(id, originator, false));
    session.on("newInfo", ({ originator, info, request }: IncomingInfoEvent | OutgoingInfoEvent) => {
      const isTheirs = originator === "remote";
      const hints = isTheirs ? told(request.getHeader("Info-Package"), info.body) : null;
      if (hints !== null) this.#happen({ type: "hints", id, by: "there", hints });
    });
    session.on("ended", ({ cause }) => {
      this.#ended(id, cause === "Terminated" ? "hung-up" : state.ending(direction, undefined, cause));
    });
    session.on("failed", ({ message, cause }) => {
      const status = message !== null && "status_code" in message ? message.status_code : undefined;
      const answered = direction === "in" ? elsewhere(message) : status;
      this.#ended(id, state.ending(direction, answered, cause, this.#call(id)?.stage === "ringing"));
    });
  }

  /** The sound's way is lost, if it does not come back by itself. */
  #miss(line: Line, connection: RTCPeerConnection): void {
    if (!LOST.has(connection.iceConnectionState)) return;
    setTimeout(() => {
      if (LOST.has(connection.iceConnectionState)) this.#renew(line);
    }, SILENCE);
  }

  /** Has a call go on as it was (RFC 3261 §14.1) where the library would end it, which people would notice. */
  #outlive(line: Line): void {
    const { session } = line;
    const end = session.terminate.bind(session);
    session.terminate = (options) => {
      const isOver = options?.cause === undefined || !OUTLIVED.has(options.cause) || !session.isEstablished();
      if (isOver) return end(options);
      line.isAsked = false;
      this.#askLater(line);
    };
    // The library takes an offer although ours is open, and takes ours back for it; so it would be with a refused one that we took back. Chromium
    // then forgets the way and the keys of whoever was called. Ours stays open until the switch has taken it, or the next one.
    const cross = ({ request, reject }: ReInviteEvent) => {
      const isOpen = line.isAsked || session.connection?.signalingState === "have-local-offer";
      if (isOpen && request.body) reject({ status_code: 491 });
    };
    session.on("reinvite", cross);
    session.on("update", cross);
  }

  #held(id: string, originator: string, on: boolean): void {
    this.#happen({ type: "held", id, by: originator === "local" ? "here" : "there", on });
  }

  #sounds(id: string, line: Line, connection: RTCPeerConnection): void {
    connection.addEventListener("track", ({ track, streams }) => {
      line.sound.srcObject = streams[0] ?? new MediaStream([track]);
      line.sound.autoplay = true;
      this.#listenBy(line.sound);
    });
    const { meter } = line;
    if (meter === undefined) return;
    const wanted = () => {
      const call = this.#call(id);
      const isHeld = call === undefined || call.stage !== "talking" || call.heldHere || call.heldThere;
      return { muted: call?.muted ?? false, held: isHeld };
    };
    line.stop?.();
    const say = (hints: state.Hint[]) => this.#happen({ type: "hints", id, by: "here", hints });
    line.stop = watch(connection, meter, wanted, say);
  }

  #hears(id: string, line: Line, stream: MediaStream): void {
    line.meter?.close();
    line.stream = stream;
    line.meter = new Meter(stream);
    if (line.session.connection) this.#sounds(id, line, line.session.connection);
  }

  async #otherMicrophone(id: string, line: Line): Promise<void> {
    const stream = await microphone(this.#choice).catch(() => undefined);
    const track = stream?.getAudioTracks()[0];
    if (stream === undefined || track === undefined) return;
    const sender = line.session.connection?.getSenders().find((one) => one.track?.kind === "audio");
    track.enabled = sender?.track?.enabled ?? true;
    await sender?.replaceTrack(track);
    stop(line.stream);
    this.#hears(id, line, stream);
  }

  #listenBy(sound: HTMLAudioElement): void {
    // Missing where the browser plays where it likes, and refused for a device that was unplugged.
    sound.setSinkId?.(this.#choice.speaker).catch(() => undefined);
  }

  async #microphone(id: string): Promise<MediaStream | undefined> {
    try {
      return await microphone(this.#choice);
    } catch {
      this.#ended(id, "no-microphone");
      return undefined;
    }
  }

  #holdOthers(id: string): void {
    for (const call of this.#state.calls) {
      if (call.id !== id && call.stage === "talking" && !call.heldHere) this.hold(call.id, true);
    }
  }

  #refer(id: string, session: RTCSession, target: string, replaces?: RTCSession): void {
    const to =
      this.#call(id)?.peer.number === target
        ? target
        : (target.replace(/^sips?:/, "").split("@")[0] ?? target);
    const say = (stage: state.Transfer["stage"]) =>
      this.#happen({ type: "transfer", id, transfer: { to, stage } });
    say("asked");
    session.refer(this.#address(target), {
      ...(replaces === undefined ? {} : { replaces }),
      eventHandlers: {
        progress: () => say("ringing"),
        accepted: () => {
          for (const one of [session, replaces]) if (one && !one.isEnded()) one.terminate();
        },
        failed: () => say("failed"),
        requestFailed: () => say("failed"),
      },
    });
  }

  #ended(id: string, why: state.Ending): void {
    this.#happen({ type: "ended", id, ending: why });
    this.#close(id);
    // Somebody who was put on hold to ask is talked to again.
    const waiting = this.#call(id)?.consultsFor;
    if (waiting && this.#call(waiting)?.stage === "talking") this.hold(waiting, false);
    setTimeout(() => this.#happen({ type: "put-away", id }), SHOWN);
  }

  #close(id: string): void {
    const line = this.#lines.get(id);
    this.#lines.delete(id);
    clearTimeout(line?.later);
    line?.stop?.();
    line?.meter?.close();
    stop(line?.stream);
    if (line) line.sound.srcObject = null;
  }

  #address(target: string): string {
    return target.includes("@") ? target : `sip:${encodeURIComponent(target)}@${this.#account.domain}`;
  }

  #call(id: string): state.Call | undefined {
    return this.#state.calls.find((call) => call.id === id);
  }

  #hasCalls(): boolean {
    return state.live(this.#state).length > 0;
  }

  #happen(happening: state.Happening): void {
    const next = state.happened(this.#state, happening);
    if (next === this.#state) return;
    this.#state = next;
    this.#tones.play(state.tone(next));
    for (const listener of this.#listeners) listener();
  }
}

/** A page that came by TLS may open nothing else. */
export function usable(urls: readonly string[], isSecure: boolean): string[] {
  return urls.filter((url) => !isSecure || url.startsWith("wss:"));
}

function configuration(account: Account): UAConfiguration {
  const urls = usable(account.websocketUrls, location.protocol === "https:");
  return {
    // The first one is tried first.
    sockets: urls.map((url, at) => ({ socket: new WebSocketInterface(url), weight: urls.length - at })),
    uri: `sip:${account.username}@${account.domain}`,
    password: account.password,
    register: account.isCalled,
    register_expires: EXPIRES,
    session_timers: true,
    instance_id: instance(),
    connection_recovery_min_interval: RECOVERY[0],
    connection_recovery_max_interval: RECOVERY[1],
    user_agent: "sambung-web",
  };
}

/** Calls `moved` whenever this device may be in another network, until what is returned is called. */
function network(moved: () => void): () => void {
  const { connection } = navigator as { connection?: EventTarget & { type?: string } };
  let before = connection?.type;
  // It changes with each estimate of its speed too.
  const changed = () => {
    if (connection?.type === before) return;
    before = connection?.type;
    moved();
  };
  addEventListener("online", moved);
  connection?.addEventListener("change", changed);
  return () => {
    removeEventListener("online", moved);
    connection?.removeEventListener("change", changed);
  };
}

/** The switch is reachable and is the other side, so nobody in between is asked (STUN, TURN). It is asked to say what it finds wrong with the sound. */
function media(mediaStream: MediaStream): CallOptions {
  const pcConfig: RTCConfiguration = { iceServers: [], bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" };
  const mediaConstraints = { audio: true, video: false };
  return { mediaStream, mediaConstraints, pcConfig, extraHeaders: [`Recv-Info: ${PACKAGE}`] };
}

/** 200 if the CANCEL says that somebody else has answered (RFC 3326). */
function elsewhere(message: unknown): number | undefined {
  const said = message as { getHeader?: (name: string) => string | undefined } | null;
  return said?.getHeader?.("Reason")?.includes("cause=200") === true ? 200 : undefined;
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
