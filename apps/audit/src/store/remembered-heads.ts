import type { Head } from '../domain/chain.js';

/**
 * Where the chains stood when this process last wrote to them: what spares an append the look. Only a guess, for another
 * replica may have written since; the statement that goes by it checks it.
 */
export class RememberedHeads {
  /** The one used last stands last. */
  private readonly heads = new Map<string, Head>();

  constructor(private readonly most = 1000) {}

  get(clientId: string): Head | undefined {
    return this.heads.get(clientId);
  }

  remember(heads: ReadonlyMap<string, Head>): void {
    for (const [clientId, head] of heads) {
      this.heads.delete(clientId);
      this.heads.set(clientId, head);
    }
    for (const clientId of this.heads.keys()) {
      if (this.heads.size <= this.most) break;
      this.heads.delete(clientId);
    }
  }
}
