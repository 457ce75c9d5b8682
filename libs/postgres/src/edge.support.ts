// For specs only: a TCP connection between us and a store that can be cut, refused and frozen.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Edge {
  /** The store's URL, through the edge. */
  readonly url: string;
  /** Ends what is connected and refuses what comes, until `restore`. */
  cut(): void;
  /** Delivers nothing in either direction, until `restore`. */
  freeze(): void;
  restore(): void;
  /** Delivers the next thing sent that contains `text`, then ends the connection before the answer. */
  cutAfter(text: string): void;
  close(): Promise<void>;
}

export async function edge(to: string): Promise<Edge> {
  const target = new URL(to);
  const pairs = new Set<[Socket, Socket]>();
  let state: 'open' | 'cut' | 'frozen' = 'open';
  let fatal: string | undefined;

  const server = createServer((near) => {
    if (state === 'cut') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    near.on('data', (sent) => {
      far.write(sent);
      if (fatal === undefined || !sent.includes(fatal)) return;
      fatal = undefined;
      near.resetAndDestroy();
    });
    far.on('data', (answer) => near.write(answer));
    if (state === 'frozen') for (const each of pair) each.pause();
    for (const each of pair) {
      each.on('error', () => {});
      // What was sent still arrives: `end` and not `destroy`.
      each.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.end();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(to);
  url.port = String((server.address() as AddressInfo).port);

  const cut = (): void => {
    state = 'cut';
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  };
  return {
    url: url.href,
    cut,
    freeze: () => {
      state = 'frozen';
      for (const pair of pairs) for (const each of pair) each.pause();
    },
    restore: () => {
      state = 'open';
      for (const pair of pairs) for (const each of pair) each.resume();
    },
    cutAfter: (text) => {
      fatal = text;
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
