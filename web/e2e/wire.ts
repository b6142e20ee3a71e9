/// <reference types="node" />
/** A stretch of the network between browsers and the switch's WebSocket that can be cut, as by somebody who goes from one network to another. */
import { connect, createServer, type Server, type Socket } from "node:net";

export class Wire {
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(
    private readonly server: Server,
    /** Where it begins. */
    readonly port: number,
  ) {}

  static async between(port: number, to: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, port);
    server.on("connection", (near) => wire.#join(near, to));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return wire;
  }

  /** Nothing goes through any more, nor is anybody let in. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #join(near: Socket, to: number): void {
    if (this.#isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
