/// <reference types="node" />
/**
 * Port numbers of a house's own, in the blocks that the tests in Rust claim theirs from (`cli/src/ports.rs`): houses and tests that run side by
 * side never meet. They are below those that the kernel gives to clients.
 */
import { createServer, type Server } from "node:net";

const FIRST = 10_000;
const BLOCK = 400;
const BLOCKS = 45;

export class Ports {
  #taken = 2;

  private constructor(
    private readonly claim: Server,
    private readonly first: number,
  ) {}

  /** Claims a block that nobody else has, by listening on its first port. */
  static async claim(): Promise<Ports> {
    for (let n = 0; n < BLOCKS; n++) {
      const first = FIRST + ((process.pid + n) % BLOCKS) * BLOCK;
      const claim = createServer();
      const isOurs = await new Promise<boolean>((resolve) => {
        claim.once("error", () => resolve(false));
        claim.listen(first, "127.0.0.1", () => resolve(true));
      });
      if (isOurs) return new Ports(claim, first);
    }
    throw new Error("no block of ports is free");
  }

  /** The next `count` numbers, starting with an even one. */
  take(count: number): number {
    const first = this.first + this.#taken;
    this.#taken += count + (count % 2);
    if (this.#taken > BLOCK) throw new Error("the block of ports is used up");
    return first;
  }

  release(): void {
    this.claim.close();
  }
}
